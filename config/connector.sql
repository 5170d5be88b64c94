-- What a connector asks, and how it hears at once of what has changed. For PostgreSQL 10 and later; may be
-- run again.
--
--   psql --set=ON_ERROR_STOP=1 --file=connector.sql tinyscale-ssh
--
-- The connector's role needs no more than to read:
--
--   GRANT SELECT ON backend_hosts, teams, users TO connector;
--   GRANT INSERT ON connection_log TO connector;   -- only for "connection_log": true

BEGIN;

-- The hosts, and who may reach them: users by name, and the members of teams.
CREATE TABLE IF NOT EXISTS backend_hosts (
    connect_id       TEXT PRIMARY KEY,
    internal_ip_addr TEXT NOT NULL,
    org_id           TEXT NOT NULL,
    user_ids         TEXT[] NOT NULL DEFAULT '{}',
    team_ids         TEXT[] NOT NULL DEFAULT '{}',
    host_user        TEXT
);

CREATE TABLE IF NOT EXISTS teams (
    team_id  TEXT PRIMARY KEY,
    org_id   TEXT NOT NULL,
    user_ids TEXT[] NOT NULL DEFAULT '{}'
);

CREATE TABLE IF NOT EXISTS users (
    user_id     TEXT PRIMARY KEY,
    org_id      TEXT NOT NULL,
    public_keys BYTEA[] NOT NULL DEFAULT '{}'
);

-- Connections that have ended, for "connection_log": true. Nobody but you removes old ones:
--
--   DELETE FROM connection_log WHERE ended_at < now() - interval '90 days';
CREATE TABLE IF NOT EXISTS connection_log (
    ended_at      TIMESTAMPTZ NOT NULL,
    org_id        TEXT,
    user_id       TEXT,
    connect_id    TEXT,
    inbound       TEXT NOT NULL,
    outbound      TEXT,
    bytes_outward BIGINT NOT NULL,
    bytes_inward  BIGINT NOT NULL,
    duration_ms   BIGINT NOT NULL,
    reason        TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS connection_log_ended_at ON connection_log (ended_at);

-- Tells connectors what may have changed: "host <connect_id>", "user <user_id>" or "org <org_id>", or "all"
-- where it is too much, or too long, to be said singly. PostgreSQL delivers it with the commit.
CREATE OR REPLACE FUNCTION mtls_persona_tell(kind TEXT, ids TEXT[]) RETURNS VOID
LANGUAGE plpgsql AS $$
DECLARE
    id TEXT;
BEGIN
    IF cardinality(ids) > 100 THEN
        PERFORM pg_notify('mtls_persona_grants', 'all');
        RETURN;
    END IF;
    FOREACH id IN ARRAY ids LOOP
        PERFORM pg_notify(
            'mtls_persona_grants',
            CASE WHEN octet_length(id) > 4000 THEN 'all' ELSE kind || ' ' || id END
        );
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION mtls_persona_changed() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
DECLARE
    kind TEXT := TG_ARGV[0];
    ids  TEXT[];
BEGIN
    -- At most one more than is told singly: a change of a whole table is not gathered first.
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('mtls_persona_grants', 'all');
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        EXECUTE format('SELECT array(SELECT DISTINCT %I FROM newer LIMIT 101)', TG_ARGV[1]) INTO ids;
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE format('SELECT array(SELECT DISTINCT %I FROM older LIMIT 101)', TG_ARGV[1]) INTO ids;
    ELSE
        EXECUTE format(
            'SELECT array(SELECT %1$I FROM older UNION SELECT %1$I FROM newer LIMIT 101)', TG_ARGV[1]
        ) INTO ids;
    END IF;
    PERFORM mtls_persona_tell(kind, ids);
    RETURN NULL;
END
$$;

DO $$
DECLARE
    watched RECORD;
    event   RECORD;
BEGIN
    FOR watched IN
        SELECT * FROM (VALUES
            ('backend_hosts', 'host', 'connect_id'),
            -- A team opens hosts to its members: what changes in it may concern its whole organisation.
            ('teams', 'org', 'org_id'),
            ('users', 'user', 'user_id')
        ) AS tables (name, kind, id)
    LOOP
        FOR event IN
            SELECT * FROM (VALUES
                ('insert', 'REFERENCING NEW TABLE AS newer'),
                ('update', 'REFERENCING OLD TABLE AS older NEW TABLE AS newer'),
                ('delete', 'REFERENCING OLD TABLE AS older'),
                ('truncate', '')
            ) AS events (name, referencing)
        LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS mtls_persona_%s ON %I', event.name, watched.name);
            EXECUTE format(
                'CREATE TRIGGER mtls_persona_%1$s AFTER %1$s ON %2$I %3$s'
                ' FOR EACH STATEMENT EXECUTE PROCEDURE mtls_persona_changed(%4$L, %5$L)',
                event.name, watched.name, event.referencing, watched.kind, watched.id
            );
        END LOOP;
    END LOOP;
END
$$;

COMMIT;
