//! What a context has found out about its peers and need not find out again.
//!
//! Whether a chain is good depends on its bytes, on the trust and the rules of the context, on the name
//! that is expected, and on the time. The first and the third are in the digest, the second cannot
//! change, as new credentials are a new context, and with the time a good chain only becomes too old, or
//! one of the context's revocation lists begins or becomes overdue. So a chain that was good is good until
//! the first of these. That its holder has the key is proven in each full handshake all the same, and a
//! staple is judged in each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::backend::lib::x509::{X509, X509Ref};
use super::facts;
use super::room::make_room;
use super::verify::digest;
use crate::identity::PeerCert;

/// Chains and certificates that are remembered. A chain is here once it was found good, whether or not
/// who sent it then has its key: a stranger with a copy can push others out, and they cost more again.
const ENTRIES_MAX: usize = 1024;

/// SHA-256.
pub(super) type Digest = [u8; 32];

/// From when on and until when a chain is good, in seconds since 1970, both ends excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The latest beginning among its certificates, and the last turn of a revocation list.
    pub(super) begin: i64,
    /// The earliest end among its certificates, and the next turn of a revocation list.
    pub(super) end: i64,
}

impl Window {
    /// When both hold.
    pub(super) fn and(self, other: Window) -> Window {
        Window {
            begin: self.begin.max(other.begin),
            end: self.end.min(other.end),
        }
    }

    /// Whether it holds at that time.
    pub(super) fn holds(self, now: i64) -> bool {
        self.begin < now && now < self.end
    }
}

/// A chain that was good.
#[derive(Clone)]
pub(super) struct Chain {
    /// When it is.
    pub(super) window: Window,
    /// Who has issued the peer's certificate, if that is going to be asked.
    pub(super) issuer: Option<X509>,
}

/// The peers of one context. Each lock is taken once for a new connection.
#[derive(Default)]
pub(super) struct Known {
    chains: Memory<Chain>,
    certs: Memory<Arc<PeerCert>>,
    /// What peers have sent behind their certificates, where tickets do not hold it.
    sent: Memory<Arc<[X509]>>,
}

impl Known {
    /// A chain, if it was good.
    pub(super) fn chain(&self, digest: &Digest) -> Option<Chain> {
        self.chains.get(digest)
    }

    /// A chain was found to be good.
    pub(super) fn keep_chain(&self, digest: Digest, chain: Chain) {
        self.chains.keep(digest, chain);
    }

    /// What an accepted peer has sent behind its certificate, if that is still known.
    pub(super) fn sent(&self, leaf: &Digest) -> Option<Arc<[X509]>> {
        self.sent.get(leaf)
    }

    /// An accepted peer has sent this behind its certificate.
    pub(super) fn keep_sent(&self, leaf: Digest, sent: Arc<[X509]>) {
        self.sent.keep(leaf, sent);
    }

    /// As if others had pushed all of it out.
    #[cfg(test)]
    pub(super) fn forget_sent(&self) {
        let mut map = self.sent.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.clear();
    }

    /// The facts of an accepted peer's certificate; its connections share them.
    pub(super) fn facts(&self, cert: &X509Ref) -> Arc<PeerCert> {
        let Some(digest) = digest(cert) else {
            return Arc::new(facts::peer_cert(cert));
        };
        self.certs.get(&digest).unwrap_or_else(|| {
            let facts = Arc::new(facts::peer_cert(cert));
            self.certs.keep(digest, Arc::clone(&facts));
            facts
        })
    }
}

/// A bounded map.
struct Memory<V>(Mutex<HashMap<Digest, V>>);

impl<V> Default for Memory<V> {
    fn default() -> Memory<V> {
        Memory(Mutex::default())
    }
}

impl<V: Clone> Memory<V> {
    fn get(&self, key: &Digest) -> Option<V> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(key).cloned()
    }

    fn keep(&self, key: Digest, value: V) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut map, &key, ENTRIES_MAX);
        map.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_between_its_ends_and_not_at_them() {
        let window = Window { begin: 10, end: 20 };
        let held: Vec<i64> = (8..23).filter(|now| window.holds(*now)).collect();
        assert_eq!(held, (11..20).collect::<Vec<_>>());
    }

    #[test]
    fn chains_without_end_leave_it_bounded_and_the_newest_in_it() {
        let known = Known::default();
        let window = Window { begin: 0, end: 9 };
        for number in 0..2 * ENTRIES_MAX {
            let mut chain = Digest::default();
            chain[..8].copy_from_slice(&number.to_be_bytes());
            let issuer = None;
            known.keep_chain(chain, Chain { window, issuer });
            assert_eq!(known.chain(&chain).map(|one| one.window), Some(window));
        }
        assert_eq!(
            known.chains.0.lock().map_or(0, |map| map.len()),
            ENTRIES_MAX
        );
    }
}
