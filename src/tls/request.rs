//! Whether a server asks for a certificate. Only who wants to tell it watches: it costs each session a
//! place and a call.

use std::sync::atomic::{AtomicBool, Ordering};

use super::backend;
use super::backend::lib::ssl::SslRef;
use super::slot::Slot;

static ASKED: Slot<AtomicBool> = Slot::new();

/// Watches a client's session whose handshake has not begun.
pub(super) fn watch(ssl: &mut SslRef) {
    // Without the place nothing is known, and nothing else depends on it.
    if ASKED.fill(ssl, AtomicBool::new(false)).is_ok() {
        backend::watch_request(ssl);
    }
}

/// The server has asked for a certificate.
pub(super) fn note(ssl: &SslRef) {
    if let Some(asked) = ASKED.of(ssl) {
        asked.store(true, Ordering::Relaxed);
    }
}

/// Whether it has; none of a session that is not watched.
pub(super) fn was_seen(ssl: &SslRef) -> Option<bool> {
    ASKED.of(ssl).map(|asked| asked.load(Ordering::Relaxed))
}
