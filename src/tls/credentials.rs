//! From the bytes of PEM files to credentials that are proven.

use std::fmt;
use std::sync::Arc;

use super::backend;
use super::backend::lib::asn1::Asn1Time;
use super::backend::lib::error::ErrorStack;
use super::backend::lib::pkey::{PKey, Private};
use super::backend::lib::x509::{X509, X509Ref};
use super::context::{MinVersion, Resumption, Rules, TlsContext};
use super::crl::Checked;
use super::profile::Profile;
use super::proof::{self, Terms};
use super::revocation::{ListDates, Lists, Revocation};
use super::session::Role;
use super::{crl, dates, facts, fit, staple};
use crate::identity::{PeerCert, Pins, Standing, standing};

/// A file as it was read: PEM, or of a revocation list DER too.
pub struct PemFile {
    /// Where it came from, for messages.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Everything that credentials are made from.
pub struct Material {
    /// Our certificate, followed by its intermediates.
    pub cert: PemFile,
    /// Its private key.
    pub key: PemFile,
    /// Trust files; every certificate in them is an anchor.
    pub ca: Vec<PemFile>,
    /// The keys that are trusted in their place, if any are.
    pub pins: Option<Pins>,
    /// The lowest protocol version.
    pub min_version: MinVersion,
    /// Whether sessions are resumed.
    pub resumption: Resumption,
    /// What may be negotiated, and with which keys.
    pub profile: Profile,
    /// What revokes peers' certificates.
    pub revocation: Revocation,
}

/// What is wrong with material, as lines of the form `file: what: what to do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsError(pub Vec<String>);

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl CredentialsError {
    pub(super) fn library(error: ErrorStack) -> CredentialsError {
        CredentialsError(vec![format!("the TLS library refused: {}", words(&error))])
    }
}

fn words(error: &ErrorStack) -> String {
    let reasons = backend::reasons(error).into_iter().map(|(_, words)| words);
    reasons.collect::<Vec<_>>().join(", ")
}

/// Our certificate, key and trust, proven and ready for handshakes in the roles asked for.
/// Immutable: a reload makes new ones, and live sessions keep what they were made from.
pub struct Credentials {
    client: Option<TlsContext>,
    server: Option<TlsContext>,
    /// Facts of our own certificate.
    pub cert: PeerCert,
    /// The chain from it to the anchor of ours that vouches for it; empty if none does, or none is asked.
    pub chain: Vec<PeerCert>,
    /// Whole days until our certificate ends.
    pub days_left: i32,
    /// The dates of its revocation lists.
    pub lists: Vec<ListDates>,
    /// What works but should be looked at, as lines.
    pub warnings: Vec<String>,
}

/// Whom peers may have their certificates from, and what revokes them again; or the keys that they have.
#[derive(Clone, Default)]
pub(super) struct Authorities {
    pub(super) anchors: Vec<X509>,
    pub(super) lists: Arc<Lists>,
    pub(super) pins: Option<Pins>,
}

/// Our certificate and key, parsed.
pub(super) struct Parsed {
    pub(super) cert: X509,
    pub(super) chain: Vec<X509>,
    pub(super) key: PKey<Private>,
}

impl Credentials {
    /// Parses the material, lets the key prove the certificate in a handshake in memory under our own
    /// verification, once for each role, and keeps the contexts. `now` is in seconds since 1970.
    pub fn prove(
        material: &Material,
        roles: &[Role],
        now: i64,
    ) -> Result<Credentials, CredentialsError> {
        Credentials::prove_as(material, roles, now, false)
    }

    /// As [`Credentials::prove`], of a certificate, key and trust that are served already: that the
    /// certificate has ended meanwhile is a warning, and keeps new revocation lists from nobody.
    pub fn prove_served(
        material: &Material,
        roles: &[Role],
        now: i64,
    ) -> Result<Credentials, CredentialsError> {
        Credentials::prove_as(material, roles, now, true)
    }

    fn prove_as(
        material: &Material,
        roles: &[Role],
        now: i64,
        is_served: bool,
    ) -> Result<Credentials, CredentialsError> {
        let (parsed, authorities, mut warnings) = parse(material, now)?;
        let rules = Rules {
            min_version: material.min_version,
            resumption: material.resumption,
            profile: material.profile,
        };
        let mut problems = fit::problems(material, &parsed);
        if !problems.is_empty() {
            return Err(CredentialsError(problems));
        }
        warnings.extend(dates::warnings(material, now));
        warnings.extend(fit::warnings(material));
        let cert = facts::peer_cert(&parsed.cert);
        if let (true, ended @ Standing::Ended(_)) = (is_served, standing(&cert, now)) {
            warnings.push(format!("{}: {ended}", material.cert.path));
        }
        let mut chain = Vec::new();
        for role in roles {
            let terms = Terms {
                role: *role,
                rules,
                at: dates::proof_time(&cert, now, is_served),
            };
            let proven = match &authorities.pins {
                Some(_) => proof::own_key(&parsed, terms),
                None => proof::own_certificate(&parsed, terms),
            };
            if let Err(error) = proven {
                problems.push(format!(
                    "{}: {error}: {}",
                    material.cert.path,
                    error.reason.remedy()
                ));
                continue;
            }
            if authorities.pins.is_some() {
                continue;
            }
            match proof::own_chain(&parsed, &authorities.anchors, terms) {
                Ok(proven) => chain = proven,
                Err(error) => warnings.push(format!(
                    "{}: our own ca does not vouch for it ({}): peers must trust its issuer",
                    material.cert.path, error.detail
                )),
            }
        }
        if !problems.is_empty() {
            problems.dedup();
            return Err(CredentialsError(problems));
        }
        if roles.contains(&Role::Server) && staple::is_demanded(&parsed.cert) {
            warnings.push(format!(
                "{}: it demands that an OCSP response is sent with it (must-staple), and none is: \
                 clients may refuse it",
                material.cert.path
            ));
        }
        let context = |role: Role| match roles.contains(&role) {
            true => TlsContext::new(role, &parsed, &authorities, rules).map(Some),
            false => Ok(None),
        };
        warnings.dedup();
        Ok(Credentials {
            client: context(Role::Client).map_err(CredentialsError::library)?,
            server: context(Role::Server).map_err(CredentialsError::library)?,
            cert,
            chain,
            days_left: days_left(&parsed.cert, now),
            lists: authorities.lists.dates.clone(),
            warnings,
        })
    }

    /// The context in one role; none if the credentials were not proven in it.
    pub fn context(&self, role: Role) -> Option<&TlsContext> {
        match role {
            Role::Client => self.client.as_ref(),
            Role::Server => self.server.as_ref(),
        }
    }
}

/// Reads certificate, key, anchors and revocation lists; tells every file that cannot be used, and what
/// should be looked at.
fn parse(
    material: &Material,
    now: i64,
) -> Result<(Parsed, Authorities, Vec<String>), CredentialsError> {
    let mut problems = Vec::new();
    let mut certificates = |file: &PemFile| {
        certificates_of(&file.bytes).unwrap_or_else(|what| {
            problems.push(format!("{}: {what}", file.path));
            Vec::new()
        })
    };
    let mut chain = certificates(&material.cert);
    let anchors: Vec<X509> = material.ca.iter().flat_map(&mut certificates).collect();
    let own: Vec<&X509Ref> = chain.iter().map(|cert| &**cert).collect();
    let Material {
        revocation,
        profile,
        ..
    } = material;
    let checked = crl::check(revocation, anchors, &own, now, *profile).unwrap_or_else(|lines| {
        problems.extend(lines);
        Checked::default()
    });
    let key = PKey::private_key_from_pem_callback(&material.key.bytes, no_passphrase);
    let key = match key {
        Ok(key) => key,
        Err(_) => {
            let path = &material.key.path;
            problems.push(format!(
                "{path}: no usable private key in it: {}",
                key_advice(material)
            ));
            return Err(CredentialsError(problems));
        }
    };
    if !problems.is_empty() {
        return Err(CredentialsError(problems));
    }
    let cert = chain.remove(0);
    let Ok(public) = cert.public_key() else {
        return Err(CredentialsError(vec![format!(
            "{}: certificate 1: its key is of a kind that this TLS library does not read: an RSA or EC key is \
             needed",
            material.cert.path
        )]));
    };
    if !public.public_eq(&key) {
        return Err(CredentialsError(vec![format!(
            "{}: the key does not belong to the certificate in {}: its first certificate must be \
             our own, and the two files must be of one issue",
            material.key.path, material.cert.path
        )]));
    }
    let authorities = Authorities {
        anchors: checked.anchors,
        lists: Arc::new(checked.lists),
        pins: material.pins.clone(),
    };
    Ok((Parsed { cert, chain, key }, authorities, checked.warnings))
}

/// All certificates of a PEM file, or what is wrong with it.
pub(super) fn certificates_of(pem: &[u8]) -> Result<Vec<X509>, String> {
    let begun = certificates_begun(pem);
    if begun == 0 {
        return Err("no certificate in it: a PEM file is needed".to_owned());
    }
    // The libraries skip what they do not recognise, a certificate with a damaged first line too.
    match X509::stack_from_pem(pem) {
        Ok(certificates) if certificates.len() == begun => Ok(certificates),
        _ => Err(format!(
            "not all of its certificates ({begun}) can be read: mend or remove the damaged one, and \
             begin each on a line of its own"
        )),
    }
}

/// How many certificates begin in a PEM file, readable or not.
fn certificates_begun(pem: &[u8]) -> usize {
    const LABELS: [&[u8]; 3] = [
        b"BEGIN CERTIFICATE-",
        b"BEGIN X509 CERTIFICATE-",
        b"BEGIN TRUSTED CERTIFICATE-",
    ];
    let begins = |at: &usize| LABELS.iter().any(|label| pem[*at..].starts_with(label));
    (0..pem.len()).filter(begins).count()
}

/// Never asks at the terminal for a passphrase, as the libraries would by default.
fn no_passphrase(_into: &mut [u8]) -> Result<usize, ErrorStack> {
    Ok(0)
}

fn key_advice(material: &Material) -> &'static str {
    let is_encrypted = material
        .key
        .bytes
        .windows(9)
        .any(|word| word == b"ENCRYPTED");
    match is_encrypted {
        true => "it is encrypted, and nobody is there to type the passphrase: store it decrypted",
        false => "a PEM file with an RSA or EC key is needed",
    }
}

fn days_left(cert: &X509, now: i64) -> i32 {
    let now = Asn1Time::from_unix(now as _);
    let left = now.and_then(|now| now.diff(cert.not_after()));
    left.map_or(0, |left| left.days)
}
