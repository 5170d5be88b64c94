//! Proves our own certificate before anybody else judges it: a handshake in memory in which the other
//! end is our own verifier.

use super::backend::lib::error::ErrorStack;
use super::backend::lib::x509::X509;
use super::context::{Resumption, Rules, TlsContext};
use super::credentials::{Authorities, CredentialsError, Parsed};
use super::error::TlsError;
use super::facts;
use super::session::{Handshake, Role, Session};
use crate::base::reason::CloseReason;
use crate::base::scratch::Scratch;
use crate::identity::{PeerCert, Pin, Pins};

/// A handshake needs three flights; more steps than this are a fault.
const STEPS_MAX: usize = 16;

/// In what a certificate of ours is proven.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Our role.
    pub(super) role: Role,
    /// What is spoken.
    pub(super) rules: Rules,
    /// The time as of which validity is judged, in seconds since 1970; none for now.
    pub(super) at: Option<i64>,
}

/// Proves key, purpose, validity and strength of our certificate in a role, whoever issued it.
pub(super) fn own_certificate(parsed: &Parsed, terms: Terms) -> Result<(), TlsError> {
    own_chain(parsed, std::slice::from_ref(&parsed.cert), terms).map(drop)
}

/// Proves that our certificate in a role chains to one of `anchors`: the chain, from it to that anchor.
pub(super) fn own_chain(
    parsed: &Parsed,
    anchors: &[X509],
    terms: Terms,
) -> Result<Vec<PeerCert>, TlsError> {
    // Whether our own certificate is revoked is for peers to judge.
    let authorities = Authorities {
        anchors: anchors.to_vec(),
        ..Authorities::default()
    };
    judged_by(parsed, &authorities, terms)
}

/// Proves key, validity and strength of our certificate as peers judge it that have pinned its key.
pub(super) fn own_key(parsed: &Parsed, terms: Terms) -> Result<(), TlsError> {
    let own: Vec<Pin> = Pin::of(&facts::peer_cert(&parsed.cert))
        .into_iter()
        .collect();
    let authorities = Authorities {
        pins: Some(Pins {
            clients: own.clone(),
            servers: own,
        }),
        ..Authorities::default()
    };
    judged_by(parsed, &authorities, terms).map(drop)
}

/// Shows our certificate to ourselves, who go by these authorities: the chain that was found, if they ask for
/// one.
fn judged_by(
    parsed: &Parsed,
    authorities: &Authorities,
    terms: Terms,
) -> Result<Vec<PeerCert>, TlsError> {
    let judge_role = match terms.role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    let rules = Rules {
        resumption: Resumption::Off,
        ..terms.rules
    };
    let context = |role| TlsContext::new(role, parsed, authorities, rules);
    let sessions = || {
        let presenter = context(terms.role)?.unverified_session()?;
        let judge = context(judge_role)?.nameless_session(terms.at)?;
        Ok((presenter, judge))
    };
    let (mut presenter, mut judge) = sessions().map_err(library)?;
    shake_hands(&mut presenter, &mut judge)?;
    Ok(judge.verified_chain())
}

/// OpenSSL judges the strength of our own certificates before any handshake.
fn library(error: ErrorStack) -> TlsError {
    let words = CredentialsError::library(error).to_string();
    let reason = match () {
        () if words.contains("KEY_TOO_SMALL") => CloseReason::CertWeakKey,
        () if words.contains("MD_TOO_WEAK") => CloseReason::CertWeakSignature,
        () => CloseReason::CertInvalid,
    };
    TlsError::new(reason, words)
}

fn shake_hands(presenter: &mut Session, judge: &mut Session) -> Result<(), TlsError> {
    let (mut here, mut there) = (Scratch::default(), Scratch::default());
    for _ in 0..STEPS_MAX {
        let presented = presenter.handshake(&mut here);
        carry(&mut here, &mut there);
        // The judge's word comes first: the presenter only hears an alert.
        let judged = judge.handshake(&mut there)?;
        carry(&mut there, &mut here);
        if (presented?, judged) == (Handshake::Done, Handshake::Done) {
            return Ok(());
        }
    }
    let detail = "a handshake with ourselves came to no end";
    Err(TlsError::new(CloseReason::Internal, detail))
}

fn carry(from: &mut Scratch, to: &mut Scratch) {
    to.received.append(from.outgoing.data());
    from.outgoing.clear();
}
