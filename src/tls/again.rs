//! Whether the peer of a live session would be let in now: its credentials may have been replaced, and with
//! them what is trusted and who is revoked.

use std::sync::Arc;

use super::backend::lib::error::ErrorStack;
use super::backend::lib::ssl::SslRef;
use super::backend::lib::stack::Stack;
use super::backend::lib::x509::{X509, X509Ref};
use super::backend::{self, Presented};
use super::context::{ExpectedName, TlsContext};
use super::credentials::CredentialsError;
use super::error::TlsError;
use super::known::{Chain, Digest, Known};
use super::session::{Role, Session};
use super::verify::{self, CHAIN_DEPTH_MAX, digest};
use super::{facts, lifetime, name, pinned};
use crate::base::reason::CloseReason;

/// Behind the detail of a refusal of a peer whose chain is not known to its end.
const CHAIN_FORGOTTEN: &str = "; its session was resumed, and what it had sent behind its certificate is no \
    longer known: it must connect again";

/// Notes what the peer of a new session has sent, for sessions that resume this one.
pub(super) fn remember(known: &Known, ssl: &SslRef) {
    if backend::TICKETS_HOLD_CHAINS || ssl.session_reused() {
        return;
    }
    let Some(leaf) = ssl.peer_certificate() else {
        return;
    };
    let sent: Vec<X509> = sent_behind(ssl, &leaf);
    // More than a chain may have is of no use.
    if !sent.is_empty()
        && sent.len() <= CHAIN_DEPTH_MAX as usize
        && let Some(leaf) = digest(&leaf)
    {
        known.keep_sent(leaf, sent.into());
    }
}

/// What the library knows that a peer has sent besides its own certificate. Of clients the library leaves
/// that out itself.
fn sent_behind(ssl: &SslRef, leaf: &X509Ref) -> Vec<X509> {
    let leaf = digest(leaf);
    let chain = ssl.peer_cert_chain().into_iter().flatten();
    let others = chain.filter(|cert| digest(cert) != leaf);
    others.map(ToOwned::to_owned).collect()
}

/// A peer as it was let in.
struct Peer {
    leaf: X509,
    /// Its certificate and all else that it has sent.
    sent: Stack<X509>,
    /// Something that it has sent may be missing.
    is_forgotten: bool,
}

impl Peer {
    /// None if it has shown no certificate.
    fn of(session: &Session) -> Option<Result<Peer, ErrorStack>> {
        let (ssl, known) = session.inside();
        let leaf = ssl.peer_certificate()?;
        let mut behind: Arc<[X509]> = sent_behind(ssl, &leaf).into();
        let mut is_forgotten = false;
        if behind.is_empty() && ssl.session_reused() && !backend::TICKETS_HOLD_CHAINS {
            match digest(&leaf).and_then(|leaf| known.sent(&leaf)) {
                Some(sent) => behind = sent,
                None => is_forgotten = true,
            }
        }
        let stack = || {
            let mut sent = Stack::new()?;
            sent.push(leaf.clone())?;
            behind.iter().try_for_each(|cert| sent.push(cert.clone()))?;
            Ok(sent)
        };
        let sent = match stack() {
            Ok(sent) => sent,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(Peer {
            leaf,
            sent,
            is_forgotten,
        }))
    }
}

impl TlsContext {
    /// Whether this context would let the peer of a session in now, which may be one of an older context:
    /// by its chain, its name, its purpose, its dates, and revocation lists. The session itself is left
    /// alone.
    ///
    /// # Errors
    /// Why not, as a handshake would tell it.
    pub fn judge_again(&self, session: &Session) -> Result<(), TlsError> {
        debug_assert_eq!(self.role, session.role());
        if let Some(pins) = &self.trust.pins {
            return pinned::judge_again(pins, self.trust.profile, session.inside().0);
        }
        let name = name::of(session.inside().0);
        let (Some(Ok(peer)), Some(name)) = (Peer::of(session), name) else {
            let detail = "the certificate of its session is not at hand";
            return Err(TlsError::new(CloseReason::CertInvalid, detail));
        };
        if !name.is_none_or(|name| self.may_expect(name)) {
            let detail = "its key was pinned, and now it is to prove a name";
            return Err(TlsError::new(CloseReason::CertNameMismatch, detail));
        }
        let now = lifetime::now();
        let chain = verify::digest_of(name, &peer.leaf, &peer.sent);
        let known = chain.and_then(|chain| self.known.chain(&chain));
        if let (Some(known), Some(now)) = (known, now)
            && known.window.holds(now)
        {
            return Ok(());
        }
        let mut refusal = match self.verify_again(&peer, name, chain, now) {
            Ok(None) => return Ok(()),
            Ok(Some(refusal)) => refusal,
            Err(error) => {
                let detail = CredentialsError::library(error).to_string();
                TlsError::new(CloseReason::Internal, detail)
            }
        };
        if peer.is_forgotten {
            refusal.detail += CHAIN_FORGOTTEN;
        }
        refusal
            .certificate
            .get_or_insert_with(|| Box::new(facts::peer_cert(&peer.leaf)));
        Err(refusal)
    }

    /// Verifies a chain outside its handshake, and remembers it if it is good.
    fn verify_again(
        &self,
        peer: &Peer,
        name: Option<ExpectedName<'_>>,
        chain: Option<Digest>,
        now: Option<i64>,
    ) -> Result<Option<TlsError>, ErrorStack> {
        let mut ssl = self.ssl(name)?;
        lifetime::dispense(&mut ssl)?;
        let presented = Presented {
            is_server: self.trust.peer == Role::Server,
            cert: &peer.leaf,
            sent: &peer.sent,
        };
        let (is_good, found, words) =
            backend::as_handshake(&ssl, &self.store, &presented, |store| {
                let is_good = store.verify_cert().unwrap_or(false);
                let found = now
                    .and_then(|now| self.trust.window(store, now))
                    .map(|window| Chain {
                        window,
                        issuer: verify::issuer(&self.trust, store),
                    });
                (is_good, found, backend::verify_error(store).1)
            })?;
        backend::clear_errors();
        if !is_good {
            let unknown = || TlsError::new(CloseReason::CertInvalid, words);
            return Ok(Some(verify::finding(&ssl).unwrap_or_else(unknown)));
        }
        if let (Some(chain), Some(found)) = (chain, found) {
            self.known.keep_chain(chain, found);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
