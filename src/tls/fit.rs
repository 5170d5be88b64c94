//! Whether our own certificates, those that we trust, and the environment fit the profile.

use super::backend;
use super::backend::lib::x509::{X509, X509Ref};
use super::credentials::{Material, Parsed, PemFile, certificates_of};
use super::facts;
use super::profile::{Place, Profile};
use super::verify::{is_self_signed, weak_key, weak_signature};

/// What of our certificate and of those sent behind it is outside of the profile, whether or not an
/// authority of ours vouches for them, and of the environment; a line each.
pub(super) fn problems(material: &Material, parsed: &Parsed) -> Vec<String> {
    let profile = material.profile;
    if !profile.is_fips() {
        return Vec::new();
    }
    let objection = |(index, cert): (usize, &X509)| {
        let what = outside(profile, cert, own_place(index, cert))?;
        let (path, number) = (&material.cert.path, index + 1);
        Some(format!(
            "{path}: certificate {number}: {what}: issue another one, or set fips to off"
        ))
    };
    let certs = std::iter::once(&parsed.cert).chain(&parsed.chain);
    let certs = certs.enumerate().filter_map(objection);
    key_log().into_iter().chain(certs).collect()
}

/// Some builds of OpenSSL (from 3.5 on) write the keys of every session into a file that the environment
/// names, and cannot be told not to.
fn key_log() -> Option<String> {
    const VARIABLE: &str = "SSLKEYLOGFILE";
    let is_set = std::env::var_os(VARIABLE).is_some_and(|file| !file.is_empty());
    is_set.then(|| {
        format!(
            "{VARIABLE}: it is set in the environment, by which a TLS library may write down the keys of its \
             sessions: unset it, or set fips to off"
        )
    })
}

/// Where a certificate of our own chain stands for peers: a root behind the others is of use to those alone
/// who trust it for itself.
fn own_place(index: usize, cert: &X509Ref) -> Place {
    match index {
        0 => Place::Leaf,
        _ if is_self_signed(cert) => Place::Anchor,
        _ => Place::Above,
    }
}

fn outside(profile: Profile, cert: &X509Ref, place: Place) -> Option<String> {
    let weak_signature = || match place {
        Place::Anchor => None,
        Place::Leaf | Place::Above => weak_signature(cert),
    };
    let outside = || Some(profile.outside_cert(cert, place)?.1);
    weak_key(cert).or_else(weak_signature).or_else(outside)
}

/// Which certificates of `ca` are of no use under the profile; a line each.
pub(super) fn warnings(material: &Material) -> Vec<String> {
    let profile = material.profile;
    match profile.is_fips() {
        true => {
            let files = material.ca.iter();
            files.flat_map(|file| of_trusted(file, profile)).collect()
        }
        false => Vec::new(),
    }
}

fn of_trusted(file: &PemFile, profile: Profile) -> Vec<String> {
    // What cannot be read was told already.
    let certs = certificates_of(&file.bytes).unwrap_or_default();
    let warning = |(index, cert): (usize, &X509)| {
        let (place, whom) = match backend::may_issue(cert) {
            true => (Place::Anchor, "peers with a chain up to it are refused"),
            false => (Place::Leaf, "the peer that has it is refused"),
        };
        let what = weak_key(cert).or_else(|| profile.outside_key(cert, place))?;
        let (number, subject) = (index + 1, facts::name(cert.subject_name()));
        Some(format!(
            "{}: certificate {number} ({subject:?}): {what}: {whom}",
            file.path
        ))
    };
    certs.iter().enumerate().filter_map(warning).collect()
}
