//! Session resumption (RFC 8446, 2.2), in TLS 1.3 alone: there a resumed handshake exchanges new
//! keys, and whoever steals the key of a ticket reads no bytes of it.
//!
//! What a ticket stands for belongs to one context: as a server the keys that seal it, as a client
//! the pool that keeps it. New credentials have new contexts, so they know no ticket of old ones.

use std::sync::Arc;

use super::backend::lib::error::ErrorStack;
use super::backend::lib::ssl::{
    SniError, SslContextBuilder, SslOptions, SslRef, SslSession, SslSessionCacheMode, SslVersion,
};
use super::pool::{Key, Pool, Ticket};
use super::slot::Slot;
use super::{backend, lifetime};

/// What a client has to resume.
pub(super) type Tickets = Pool<backend::KeptSession>;

/// OpenSSL resumes no session of a verified client without such a name.
const SESSION_ID_CONTEXT: &[u8] = b"mtls-persona";

/// Where a client's session has its ticket from, and where new ones go to.
struct Source {
    pool: Arc<Tickets>,
    key: Arc<Key>,
    has_offered: bool,
}

static SOURCE: Slot<Source> = Slot::new();

/// Neither issues tickets nor keeps them.
pub(super) fn refuse(builder: &mut SslContextBuilder) {
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_options(SslOptions::NO_TICKET);
}

/// Issues tickets and takes them back. The server keeps nothing: all is in the ticket, sealed by keys
/// that the context makes for itself.
pub(super) fn issue(builder: &mut SslContextBuilder) -> Result<(), ErrorStack> {
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_session_id_context(SESSION_ID_CONTEXT)?;
    // A ticket is used once, and each connection brings the next one: a second would only cost, some
    // 15 microseconds of a resumed connection's 270.
    backend::issue_one_ticket(builder);
    // It is asked whether there is a name or not, as soon as the version is known.
    builder.set_servername_callback(|ssl, _| {
        if ssl.version2() != Some(SslVersion::TLS1_3) {
            backend::issue_no_ticket(ssl);
        }
        Err(SniError::NOACK)
    });
    backend::seal_lifetimes(builder)
}

/// Keeps the tickets that servers send.
pub(super) fn collect(builder: &mut SslContextBuilder) -> Arc<Tickets> {
    // As a client this is about tickets of TLS 1.2.
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
    builder.set_new_session_callback(|ssl, session| keep(ssl, session));
    Arc::new(Pool::default())
}

fn keep(ssl: &SslRef, session: SslSession) {
    if session.protocol_version() == SslVersion::TLS1_3
        && let Some(source) = SOURCE.of(ssl)
        && let Some((session, bytes)) = backend::keep_session(session)
    {
        let until = lifetime::of(ssl);
        let ticket = Ticket {
            session,
            bytes,
            until,
        };
        source.pool.keep(&source.key, ticket);
    }
}

/// Lets a session that is to dial resume an earlier one, if there is one to resume. A ticket that is
/// of no use costs nothing but itself.
pub(super) fn offer(pool: &Arc<Tickets>, ssl: &mut SslRef, key: Key) -> Result<(), ErrorStack> {
    // A clock that cannot be read is one at which no ticket is good.
    let now = lifetime::now().unwrap_or(i64::MAX);
    let (key, ticket) = pool.take(key, now);
    let mut source = Source {
        pool: Arc::clone(pool),
        key,
        has_offered: false,
    };
    if let Some(ticket) = ticket
        && backend::resume(ssl, &ticket.session).is_ok()
    {
        lifetime::inherit(ssl, ticket.until);
        source.has_offered = true;
    }
    SOURCE.fill(ssl, source)
}

/// How long a server that has refused a ticket gets none, in seconds.
const BARRED: i64 = 3600;

/// The peer has refused a handshake. If a ticket was offered in it, the reason may be that: a server of
/// OpenSSL that asks for certificates and has no session id context refuses every one. It gets none for
/// a while, and whether that is so is the answer.
pub(super) fn refused(ssl: &SslRef) -> bool {
    let Some(source) = SOURCE.of(ssl).filter(|source| source.has_offered) else {
        return false;
    };
    let now = lifetime::now().unwrap_or(i64::MAX - BARRED);
    source.pool.bar(&source.key, now + BARRED);
    true
}
