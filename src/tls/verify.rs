//! Our own part of certificate verification, inside the handshake.
//!
//! The library checks chain, purpose, validity and name. Here its verdict is told as one of our
//! reasons, together with the facts of the certificate that it is about; and what BoringSSL lets pass
//! is refused: broken digests and short keys.

use std::sync::{Arc, Mutex};

use super::backend;
use super::backend::lib::error::ErrorStack;
use super::backend::lib::hash::MessageDigest;
use super::backend::lib::nid::Nid;
use super::backend::lib::pkey::Id;
use super::backend::lib::sha::Sha256;
use super::backend::lib::ssl::SslRef;
use super::backend::lib::x509::{X509, X509Ref, X509StoreContext, X509StoreContextRef};
use super::error::TlsError;
use super::known::{Chain, Digest, Known, Window};
use super::session::Role;
use super::slot::Slot;
use super::{facts, lifetime, staple};
use crate::base::reason::CloseReason;

/// The shortest keys of a chain, in bits (NIST SP 800-131A).
const RSA_BITS_MIN: u32 = 2048;
const EC_BITS_MIN: u32 = 256;

/// The longest chain that is followed, in certificates between the peer's and the anchor.
pub(super) const CHAIN_DEPTH_MAX: u32 = 8;

/// Where a session finds why its peer's certificate was refused.
static FINDING: Slot<Mutex<Option<TlsError>>> = Slot::new();

/// The name that a session's peer must prove.
static NAME: Slot<Box<str>> = Slot::new();

/// What the callback knows: whom we judge, and the organisations of our anchors.
#[derive(Clone)]
pub(super) struct Trust {
    peer: Role,
    organisations: Arc<[String]>,
    anchors: Arc<[Digest]>,
}

impl Trust {
    /// Trust in `anchors`, of us in the role `ours`.
    pub(super) fn of(anchors: &[X509], ours: Role) -> Trust {
        let organisation = |anchor: &X509| facts::organisation(anchor.subject_name());
        Trust {
            peer: match ours {
                Role::Client => Role::Server,
                Role::Server => Role::Client,
            },
            organisations: anchors.iter().filter_map(organisation).collect(),
            anchors: anchors.iter().filter_map(|anchor| digest(anchor)).collect(),
        }
    }

    fn is_anchor(&self, cert: &X509Ref) -> bool {
        digest(cert).is_some_and(|digest| self.anchors.contains(&digest))
    }
}

pub(super) fn digest(cert: &X509Ref) -> Option<Digest> {
    let digest = cert.digest(MessageDigest::sha256()).ok()?;
    digest[..].try_into().ok()
}

/// Gives a session a place for its finding. `name` is what the peer must prove to be, if anything.
pub(super) fn prepare(ssl: &mut SslRef, name: &str) -> Result<(), ErrorStack> {
    FINDING.fill(ssl, Mutex::default())?;
    NAME.fill(ssl, name.into())
}

/// Why the peer's certificate was refused, if it was.
pub(super) fn finding(ssl: &SslRef) -> Option<TlsError> {
    FINDING.of(ssl)?.lock().ok()?.clone()
}

/// Verifies a chain, unless it is known to be good.
pub(super) fn verify(known: &Known, store: &mut X509StoreContextRef) -> bool {
    let chain = chain_digest(store);
    if chain.is_some_and(|chain| stands(known, &chain, store)) {
        backend::accept(store);
        return true;
    }
    let is_good = store.verify_cert().unwrap_or(false);
    if is_good && let (Some(digest), Some(window)) = (chain, window(store)) {
        let issuer = ssl(store).and_then(staple::issuer);
        known.keep_chain(digest, Chain { window, issuer });
    }
    is_good
}

/// Whether a chain is known and good now; then the lifetime of its session begins.
fn stands(known: &Known, chain: &Digest, store: &X509StoreContextRef) -> bool {
    let begin = || {
        let ssl = ssl(store)?;
        let Chain { window, issuer } = known.chain(chain)?;
        // Not when the handshake began: its peer may have taken its time.
        let holds = window.holds(lifetime::now()?);
        staple::remember(ssl, || issuer);
        holds.then(|| lifetime::begin(ssl, window.end))?
    };
    begin().is_some()
}

/// The digest of what the peer sent and of the name that is expected of it.
fn chain_digest(store: &X509StoreContextRef) -> Option<Digest> {
    let name = NAME.of(ssl(store)?)?;
    let (cert, chain) = backend::presented(store)?;
    let mut sha = Sha256::new();
    sha.update(&digest(cert)?);
    for cert in chain {
        sha.update(&digest(cert)?);
    }
    // Behind digests of one length, so that it cannot be taken for one.
    sha.update(name.as_bytes());
    Some(sha.finish())
}

/// When a chain that was just verified is good: while all of its certificates are.
fn window(store: &X509StoreContextRef) -> Option<Window> {
    let windows: Option<Vec<Window>> = store.chain()?.iter().map(validity).collect();
    windows?.into_iter().reduce(Window::and)
}

/// When a certificate is good.
pub(super) fn validity(cert: &X509Ref) -> Option<Window> {
    Some(Window {
        begin: facts::seconds(cert.not_before()).ok()?,
        end: facts::seconds(cert.not_after()).ok()?,
    })
}

/// Judges one certificate of a chain; the library calls this for each error and each good one.
pub(super) fn judge(trust: &Trust, library_agrees: bool, store: &mut X509StoreContextRef) -> bool {
    let objection = match library_agrees {
        true => own_objection(trust, store).or_else(|| whole_objection(trust, store)),
        false => Some(library_objection(trust, store)),
    };
    let Some((reason, what)) = objection else {
        return true;
    };
    // Told is the peer's own certificate, whichever of its chain is at fault.
    let certificate = first_of_chain(store).or_else(|| store.current_cert());
    let certificate = certificate.map(|cert| Box::new(facts::peer_cert(cert)));
    let whose = match (store.error_depth(), store.current_cert()) {
        (depth @ 1.., Some(cert)) => {
            let subject = facts::name(cert.subject_name());
            format!("the certificate at depth {depth} of its chain, {subject:?}")
        }
        _ => "its certificate".to_owned(),
    };
    let error = TlsError {
        reason,
        detail: format!("{whose}: {what}"),
        certificate,
    };
    if library_agrees {
        backend::reject(store);
    }
    if let Some(ssl) = ssl(store) {
        keep(ssl, error);
    }
    false
}

fn first_of_chain(store: &X509StoreContextRef) -> Option<&X509Ref> {
    store.chain()?.get(0)
}

/// The session whose peer's chain is judged.
pub(super) fn ssl(store: &X509StoreContextRef) -> Option<&SslRef> {
    store.ex_data(X509StoreContext::ssl_idx().ok()?)
}

/// Keeps why a session's peer is refused.
pub(super) fn keep(ssl: &SslRef, error: TlsError) {
    if let Some(finding) = FINDING.of(ssl)
        && let Ok(mut finding) = finding.lock()
    {
        // The first objection stands: a library that goes on after it only finds consequences.
        finding.get_or_insert(error);
    }
}

/// The library's error number as one of our reasons. The numbers are the same in both libraries.
fn library_objection(trust: &Trust, store: &X509StoreContextRef) -> (CloseReason, String) {
    use CloseReason::*;
    let (code, words) = backend::verify_error(store);
    let reason = match code {
        9 => CertNotYetValid,
        10 => CertExpired,
        18 => CertSelfSigned,
        19 => CertUnknownAuthority,
        2 | 20 | 21 => return issuer_objection(trust, store),
        4 | 7 => CertBadSignature,
        24 | 26 | 32 | 79 => CertWrongPurpose,
        62 => CertNameMismatch,
        64 => CertIpMismatch,
        66 | 67 => CertWeakKey,
        68 => CertWeakSignature,
        _ => CertInvalid,
    };
    (reason, words.to_owned())
}

/// The issuer of a certificate is neither an anchor nor among what the peer sent.
///
/// Whether the peer forgot an intermediate or belongs to somebody else cannot be known. It is taken
/// for a gap if the peer's own certificate is the last one found and its issuer is of the same
/// organisation as one of our anchors.
fn issuer_objection(trust: &Trust, store: &X509StoreContextRef) -> (CloseReason, String) {
    let last = store.current_cert().or_else(|| first_of_chain(store));
    let depth = store.error_depth();
    // BoringSSL has no error of its own for either.
    if depth > CHAIN_DEPTH_MAX {
        let what = format!("the chain has more than {CHAIN_DEPTH_MAX} intermediates");
        return (CloseReason::CertInvalid, what);
    }
    if depth == 0 && last.is_some_and(is_self_signed) {
        return (
            CloseReason::CertSelfSigned,
            "it is self-signed and not in ca".to_owned(),
        );
    }
    let issuer = last.map(|cert| cert.issuer_name());
    let issuer_text = issuer.map(facts::name).unwrap_or_default();
    let organisation = issuer.and_then(facts::organisation);
    let is_ours = organisation.is_some_and(|o| trust.organisations.contains(&o));
    if depth == 0 && is_ours {
        let what = format!("its issuer {issuer_text:?} was not sent and is not in ca");
        return (CloseReason::CertMissingIntermediate, what);
    }
    let what = format!("it was issued by {issuer_text:?}, which is not in ca");
    (CloseReason::CertUnknownAuthority, what)
}

/// Whether a certificate was signed by its own key. BoringSSL does not see that in one which may not
/// sign others (key usage without keyCertSign), as most self-signed ones of servers may not.
fn is_self_signed(cert: &X509Ref) -> bool {
    let is_own_issuer = facts::name(cert.subject_name()) == facts::name(cert.issuer_name());
    let key = cert.public_key();
    is_own_issuer && key.is_ok_and(|key| cert.verify(&key).unwrap_or(false))
}

/// What the library lets pass and we do not.
fn own_objection(trust: &Trust, store: &X509StoreContextRef) -> Option<(CloseReason, String)> {
    let cert = store.current_cert()?;
    let is_server = trust.peer == Role::Server;
    let depth = store.error_depth();
    if !backend::fits_purpose(cert, is_server, depth) {
        let what = match (depth, is_server) {
            (0, true) => "it is not meant for a TLS server",
            (0, false) => "it is not meant for a TLS client",
            (_, _) => "it is not meant for an authority of such certificates",
        };
        return Some((CloseReason::CertWrongPurpose, what.to_owned()));
    }
    if let Some(what) = weak_key(cert) {
        return Some((CloseReason::CertWeakKey, what));
    }
    let what = weak_signature(cert)?;
    // An authority that is an anchor is trusted for itself, not for its signature.
    if store.error_depth() > 0 && trust.is_anchor(cert) {
        return None;
    }
    Some((CloseReason::CertWeakSignature, what))
}

/// The peer's own certificate is judged last: with it the whole chain is good.
fn whole_objection(trust: &Trust, store: &X509StoreContextRef) -> Option<(CloseReason, String)> {
    let begin = || {
        let ssl = ssl(store)?;
        staple::remember(ssl, || issuer(trust, store));
        lifetime::begin(ssl, window(store)?.end)
    };
    if store.error_depth() > 0 || begin().is_some() {
        return None;
    }
    let what = "how long the chain is valid cannot be told".to_owned();
    Some((CloseReason::CertInvalid, what))
}

/// The issuer of the peer's certificate in a chain that is good. Above a certificate that is an anchor
/// itself nothing was proven.
fn issuer(trust: &Trust, store: &X509StoreContextRef) -> Option<X509> {
    let chain = store.chain()?;
    let is_proven = !trust.is_anchor(chain.get(0)?);
    is_proven.then(|| chain.get(1).map(|cert| cert.to_owned()))?
}

pub(super) fn weak_key(cert: &X509Ref) -> Option<String> {
    let Ok(key) = cert.public_key() else {
        return Some("its key is of an unknown kind".to_owned());
    };
    let (kind, bits_min) = match key.id() {
        Id::RSA => ("RSA", RSA_BITS_MIN),
        Id::EC => ("EC", EC_BITS_MIN),
        _ => return None,
    };
    let bits = key.bits();
    (bits < bits_min).then(|| format!("its {kind} key has {bits} bits, {bits_min} are the least"))
}

pub(super) fn weak_signature(cert: &X509Ref) -> Option<String> {
    const WEAK: [Nid; 6] = [
        Nid::MD5WITHRSAENCRYPTION,
        Nid::SHA1WITHRSAENCRYPTION,
        Nid::SHA1WITHRSA,
        Nid::ECDSA_WITH_SHA1,
        Nid::DSAWITHSHA1,
        Nid::DSAWITHSHA1_2,
    ];
    let algorithm = cert.signature_algorithm().object().nid();
    let name = algorithm.long_name().unwrap_or("an unknown algorithm");
    WEAK.contains(&algorithm)
        .then(|| format!("it was signed with {name}"))
}
