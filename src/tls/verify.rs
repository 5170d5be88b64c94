//! Our own part of certificate verification, inside the handshake.
//!
//! The library checks chain, purpose, validity and name. Here its verdict is told as one of our
//! reasons, together with the facts of the certificate that it is about; and what BoringSSL lets pass
//! is refused: broken digests and short keys.

use std::sync::{Arc, Mutex};

use super::backend;
use super::backend::lib::error::ErrorStack;
use super::backend::lib::hash::{Hasher, MessageDigest};
use super::backend::lib::pkey::Id;
use super::backend::lib::ssl::SslRef;
use super::backend::lib::stack::StackRef;
use super::backend::lib::x509::{X509, X509Ref, X509StoreContext, X509StoreContextRef};
use super::context::ExpectedName;
use super::credentials::Authorities;
use super::error::TlsError;
use super::known::{Chain, Digest, Known, Window};
use super::profile::{Place, Profile};
use super::revocation::{Fault, Lists};
use super::session::Role;
use super::slot::Slot;
use super::{facts, lifetime, name, pinned, signing, staple};
use crate::base::reason::CloseReason;
use crate::identity::{PeerCert, Pin};

/// The shortest keys of a chain, in bits (NIST SP 800-131A).
const RSA_BITS_MIN: u32 = 2048;
const EC_BITS_MIN: u32 = 256;

/// The longest chain that is followed, in certificates between the peer's and the anchor.
pub(super) const CHAIN_DEPTH_MAX: u32 = 8;

/// Where a session finds why its peer's certificate was refused.
static FINDING: Slot<Mutex<Option<TlsError>>> = Slot::new();

/// Where a proof finds the chain that was built; other sessions have no such place.
static CHAIN: Slot<Mutex<Vec<PeerCert>>> = Slot::new();

/// What the callback knows: whom we judge, the organisations of our anchors, and revocation lists; or the keys
/// that are trusted instead.
#[derive(Clone)]
pub(super) struct Trust {
    pub(super) peer: Role,
    pub(super) profile: Profile,
    organisations: Arc<[String]>,
    anchors: Arc<[Digest]>,
    lists: Arc<Lists>,
    pub(super) pins: Option<Arc<[Pin]>>,
}

impl Trust {
    /// Trust in these authorities, of us in the role `ours`, in certificates that fit the profile.
    pub(super) fn of(authorities: &Authorities, ours: Role, profile: Profile) -> Trust {
        let anchors = &authorities.anchors;
        let pins = authorities.pins.as_ref().map(|pins| match ours {
            Role::Client => pins.servers.as_slice().into(),
            Role::Server => pins.clients.as_slice().into(),
        });
        let organisation = |anchor: &X509| facts::organisation(anchor.subject_name());
        Trust {
            peer: match ours {
                Role::Client => Role::Server,
                Role::Server => Role::Client,
            },
            profile,
            organisations: anchors.iter().filter_map(organisation).collect(),
            anchors: anchors.iter().filter_map(|anchor| digest(anchor)).collect(),
            lists: Arc::clone(&authorities.lists),
            pins,
        }
    }

    /// How long it stands that a chain is good, which was verified at that time or a little later.
    pub(super) fn window(&self, store: &X509StoreContextRef, now: i64) -> Option<Window> {
        Some(window(store)?.and(self.lists.window(now)))
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
pub(super) fn prepare(ssl: &mut SslRef, name: Option<ExpectedName<'_>>) -> Result<(), ErrorStack> {
    FINDING.fill(ssl, Mutex::default())?;
    name::keep(ssl, name)
}

/// Gives a session a place for the chain that it will build.
pub(super) fn want_chain(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    CHAIN.fill(ssl, Mutex::default())
}

/// The chain that was found good, from the peer's certificate to the anchor; empty if none was, or nobody
/// wanted it.
pub(super) fn chain(ssl: &SslRef) -> Vec<PeerCert> {
    let chain = CHAIN
        .of(ssl)
        .and_then(|chain| Some(chain.lock().ok()?.clone()));
    chain.unwrap_or_default()
}

/// Why the peer's certificate was refused, if it was.
pub(super) fn finding(ssl: &SslRef) -> Option<TlsError> {
    FINDING.of(ssl)?.lock().ok()?.clone()
}

/// Verifies a chain, unless it is known to be good; or a key, where keys are trusted.
pub(super) fn verify(trust: &Trust, known: &Known, store: &mut X509StoreContextRef) -> bool {
    if let Some(pins) = &trust.pins {
        return pinned::verify(pins, trust.profile, store);
    }
    let chain = chain_digest(store);
    if chain.is_some_and(|chain| stands(known, &chain, store)) {
        backend::accept(store);
        return true;
    }
    // Before the library looks at its clock: what turns in between must not count as found behind its turn.
    let now = lifetime::now();
    let is_good = store.verify_cert().unwrap_or(false);
    let window = now.and_then(|now| trust.window(store, now));
    if is_good && let (Some(digest), Some(window)) = (chain, window) {
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
    let name = name::of(ssl(store)?)?;
    let (cert, sent) = backend::presented(store)?;
    digest_of(name, cert, sent)
}

/// The digest of a peer's certificate, of all that it has sent, and of the name that is expected of it.
pub(super) fn digest_of(
    name: Option<ExpectedName<'_>>,
    cert: &X509Ref,
    sent: &StackRef<X509>,
) -> Option<Digest> {
    // Not the library's older interface, which goes past OpenSSL's FIPS module.
    let mut sha = Hasher::new(MessageDigest::sha256()).ok()?;
    sha.update(&digest(cert)?).ok()?;
    for cert in sent {
        sha.update(&digest(cert)?).ok()?;
    }
    // Behind digests of one length, so that it cannot be taken for one.
    sha.update(name::written(name).as_bytes()).ok()?;
    sha.finish().ok()?[..].try_into().ok()
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
    if let Some(pins) = &trust.pins {
        // OpenSSL goes on to build a chain, and asks of each objection to it; none of them counts.
        return pinned::verify(pins, trust.profile, store);
    }
    let objection = match library_agrees {
        true => own_objection(trust, store).or_else(|| whole_objection(trust, store)),
        false => library_objection(trust, store),
    };
    let Some((reason, what)) = objection else {
        if !library_agrees {
            // What was overlooked is not to stay behind as the verdict.
            backend::accept(store);
        }
        // The peer's own certificate is judged last.
        if store.error_depth() == 0 {
            keep_chain(store);
        }
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

pub(super) fn first_of_chain(store: &X509StoreContextRef) -> Option<&X509Ref> {
    store.chain()?.get(0)
}

/// The session whose peer's chain is judged.
pub(super) fn ssl(store: &X509StoreContextRef) -> Option<&SslRef> {
    store.ex_data(X509StoreContext::ssl_idx().ok()?)
}

fn keep_chain(store: &X509StoreContextRef) {
    if let Some(place) = ssl(store).and_then(|ssl| CHAIN.of(ssl))
        && let (Ok(mut place), Some(chain)) = (place.lock(), store.chain())
    {
        *place = chain.iter().map(facts::peer_cert).collect();
    }
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

/// The library's error number as one of our reasons; none if it is overlooked. The numbers are the same in
/// both libraries.
fn library_objection(trust: &Trust, store: &X509StoreContextRef) -> Option<(CloseReason, String)> {
    use CloseReason::*;
    let (code, words) = backend::verify_error(store);
    if let Some(fault) = Fault::of(code) {
        return list_objection(trust, store, fault, words);
    }
    let reason = match code {
        9 => CertNotYetValid,
        10 => CertExpired,
        18 => CertSelfSigned,
        19 => CertUnknownAuthority,
        2 | 20 | 21 => return Some(issuer_objection(trust, store)),
        23 => CertRevoked,
        4 | 7 => CertBadSignature,
        24 | 26 | 32 | 79 => CertWrongPurpose,
        62 => CertNameMismatch,
        64 => CertIpMismatch,
        66 | 67 => CertWeakKey,
        68 => CertWeakSignature,
        _ => CertInvalid,
    };
    Some((reason, words.to_owned()))
}

/// A revocation list that a certificate is to be looked up in is not as it should be. That one is on a list
/// which was overlooked as overdue is an error of its own, so it is refused all the same.
fn list_objection(
    trust: &Trust,
    store: &X509StoreContextRef,
    fault: Fault,
    words: &str,
) -> Option<(CloseReason, String)> {
    let cert = store.current_cert();
    // An anchor is trusted for itself. The libraries look it up all the same, if it ends the chain.
    if cert.is_some_and(|cert| trust.is_anchor(cert)) {
        return None;
    }
    let issuer = cert.map(X509Ref::issuer_name);
    let der = issuer.and_then(|issuer| issuer.to_der().ok());
    let is_overlooked = der.is_some_and(|der| trust.lists.overlooks(fault, &der, lifetime::now()));
    let name = issuer.map(facts::name).unwrap_or_default();
    let what = match fault {
        Fault::Missing => format!("there is no revocation list of its issuer {name:?}"),
        _ => format!("the revocation list of its issuer {name:?}: {words}"),
    };
    if is_overlooked {
        let subject = cert.map(|cert| facts::name(cert.subject_name()));
        let subject = subject.unwrap_or_default();
        trust
            .lists
            .tell(&format!("{subject:?} goes on unhindered: {what}"));
        return None;
    }
    Some((fault.reason(), what))
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
pub(super) fn is_self_signed(cert: &X509Ref) -> bool {
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
    // An authority that is an anchor is trusted for itself, not for its signature.
    let is_anchor = || depth > 0 && trust.is_anchor(cert);
    if let Some(what) = weak_signature(cert)
        && !is_anchor()
    {
        return Some((CloseReason::CertWeakSignature, what));
    }
    let place = || match depth {
        0 => Place::Leaf,
        _ if is_anchor() => Place::Anchor,
        _ => Place::Above,
    };
    let profile = trust.profile;
    profile
        .is_fips()
        .then(|| profile.outside_cert(cert, place()))?
}

/// The peer's own certificate is judged last: with it the whole chain is good.
fn whole_objection(trust: &Trust, store: &X509StoreContextRef) -> Option<(CloseReason, String)> {
    let begin = || {
        let ssl = ssl(store)?;
        if lifetime::is_dispensed(ssl) {
            return Some(());
        }
        staple::remember(ssl, || issuer(trust, store));
        // When the handshake began, and so before the library looked at its clock.
        let now = backend::begun(ssl)?;
        lifetime::begin(ssl, trust.window(store, now)?.end)
    };
    if store.error_depth() > 0 || begin().is_some() {
        return None;
    }
    let what = "how long the chain is valid cannot be told".to_owned();
    Some((CloseReason::CertInvalid, what))
}

/// The issuer of the peer's certificate in a chain that is good. Above a certificate that is an anchor
/// itself nothing was proven.
pub(super) fn issuer(trust: &Trust, store: &X509StoreContextRef) -> Option<X509> {
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
    signing::weak(cert.signature_algorithm())
}
