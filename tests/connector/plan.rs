//! What a decision costs the database.

use super::support::connector::Tables;
use super::support::postgres::Postgres;

/// The statement as the program has it.
fn statement() -> String {
    let source = include_str!("../../src/offload/database/store.rs");
    let (_, rest) = source.split_once("const STATEMENT: &str = \"").unwrap();
    let (statement, _) = rest.split_once("\";").unwrap();
    statement.replace("\\\n", "")
}

#[test]
fn among_a_million_hosts_and_users_each_table_is_looked_up_by_its_key() {
    let postgres = Postgres::shared();
    let tables = Tables::new(&postgres);
    tables.run(
        "alter table backend_hosts disable trigger user;
         alter table users disable trigger user;
         alter table teams disable trigger user;
         insert into users (user_id, org_id)
             select 'user' || n, 'org' || n % 1000 from generate_series(1, 1000000) n;
         insert into teams (team_id, org_id, user_ids)
             select 'team' || n, 'org' || n % 1000, array['user' || n] from generate_series(1, 100000) n;
         insert into backend_hosts (connect_id, internal_ip_addr, org_id, team_ids)
             select 'host' || n, '10.0.0.1', 'org' || n % 1000, array['team' || n]
             from generate_series(1, 1000000) n;
         analyze",
    );
    let statement = statement()
        .replace("$1", "'host77'")
        .replace("$2", "'user77'")
        .replace("$3", "'org77'");
    assert_eq!(tables.route.query(&statement), "10.0.0.1");
    let plan = tables.route.query(&format!(
        "explain (analyze, buffers, timing off) {statement}"
    ));
    assert!(!plan.contains("Seq Scan"), "{plan}");
    for key in ["backend_hosts_pkey", "users_pkey", "teams_pkey"] {
        assert!(plan.contains(key), "{key}: {plan}");
    }
    let rows = plan
        .lines()
        .filter_map(|line| line.split_once("actual rows="));
    for (_, rest) in rows {
        let rows: f64 = rest.split(' ').next().unwrap().parse().unwrap();
        assert!(rows <= 1.0, "{plan}");
    }
}
