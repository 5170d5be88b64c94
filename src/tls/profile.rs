//! What may be negotiated, and with which keys: as usual, or as FIPS has it.
//!
//! The library is set up so that it offers and accepts nothing else. What came of it is checked again
//! after each handshake, a resumed one too, as a library's own idea of a policy may change.
//!
//! The rules are those of NIST SP 800-52 Rev. 2 for versions, suites, groups, signatures and certificates
//! (3.1 to 3.4), and of the implementation guidance of FIPS 140-3 (D.Q) for the extended master secret.

mod certs;

pub(super) use self::certs::Place;
use super::session::Negotiated;
use crate::base::reason::CloseReason;

/// The suites of TLS 1.2 and 1.3 of the profile, by their names in the TLS registry.
const FIPS_SUITES: [&str; 6] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
];

/// The suites that there are besides.
const OTHER_SUITES: [&str; 3] = [
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// Forward secrecy and authenticated encryption only (RFC 9325, 4.2). The suites of TLS 1.3 are all of
/// that kind.
const TLS12_CIPHERS: &str = "ECDHE+AESGCM:ECDHE+CHACHA20";

/// None with SHA-1 (RFC 9155).
const SIGNATURES: &str = "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:\
    rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:\
    rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512";

const FIPS_SIGNATURES: &str = "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:\
    rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:\
    rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512";

/// Signature algorithms by their numbers in the TLS registry.
#[cfg(feature = "boringssl")]
const SIGNATURE_NUMBERS: [(u16, &str); 10] = [
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0603, "ecdsa_secp521r1_sha512"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0807, "ed25519"),
];

/// What may be negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// All that is secure.
    #[default]
    Ordinary,
    /// What FIPS allows.
    Fips,
    /// That, and hybrids of its groups with ML-KEM (FIPS 203), where the library's module has them.
    FipsPq,
}

impl Profile {
    /// Whether it is one of FIPS's.
    pub fn is_fips(self) -> bool {
        self != Profile::Ordinary
    }

    /// Key exchange groups, the preferred one first, joined by colons.
    pub fn groups(self) -> &'static str {
        match self {
            Profile::Ordinary => "X25519:P-256:P-384",
            Profile::Fips => "P-256:P-384",
            Profile::FipsPq => "SecP256r1MLKEM768:SecP384r1MLKEM1024:P-256:P-384",
        }
    }

    /// Signature algorithms of handshakes, joined by colons.
    pub fn signatures(self) -> &'static str {
        match self {
            Profile::Ordinary => SIGNATURES,
            Profile::Fips | Profile::FipsPq => FIPS_SIGNATURES,
        }
    }

    /// Cipher suites, those of TLS 1.3 first, by their names in the TLS registry.
    pub fn suites(self) -> Vec<&'static str> {
        let others = match self.is_fips() {
            true => &[][..],
            false => &OTHER_SUITES,
        };
        let mut suites = [&FIPS_SUITES[..], others].concat();
        suites.sort_by_key(|suite| suite.contains("_WITH_"));
        suites
    }

    /// Cipher suites of TLS 1.2 in the words of the libraries.
    pub(super) fn tls12_ciphers(self) -> &'static str {
        match self {
            Profile::Ordinary => TLS12_CIPHERS,
            Profile::Fips | Profile::FipsPq => "ECDHE+AESGCM",
        }
    }

    /// What of a finished handshake is outside of the profile, if anything is.
    pub fn outside(self, negotiated: &Negotiated) -> Option<(CloseReason, String)> {
        if !self.is_fips() {
            return None;
        }
        let Negotiated {
            version,
            suite,
            group,
            signature,
            ..
        } = negotiated;
        let among = |list: &str, word: &str| list.split(':').any(|one| one == word);
        let what = match () {
            () if !["TLSv1.2", "TLSv1.3"].contains(&version.as_str()) => ("version", version),
            () if !FIPS_SUITES.contains(&suite.as_str()) => ("cipher suite", suite),
            () if !among(self.groups(), group) => ("group", group),
            // It was judged in the handshake that the session goes back to, and may not be told again.
            () if signature.is_empty() && negotiated.is_resumed => {
                return self.without_ems(negotiated);
            }
            () if !among(self.signatures(), signature) => ("signature algorithm", signature),
            () => return self.without_ems(negotiated),
        };
        let (kind, found) = what;
        let detail = format!("the {kind} {found:?} was negotiated, which FIPS does not allow");
        Some((CloseReason::FipsProfile, detail))
    }

    fn without_ems(self, negotiated: &Negotiated) -> Option<(CloseReason, String)> {
        let is_without = negotiated.version == "TLSv1.2" && !negotiated.has_ems;
        is_without.then(|| {
            let detail = "TLS 1.2 was negotiated without the extended master secret";
            (CloseReason::TlsNoEms, detail.to_owned())
        })
    }
}

/// The name of a signature algorithm in the TLS registry.
#[cfg(feature = "boringssl")]
pub(super) fn signature_name(number: u16) -> &'static str {
    let mut known = SIGNATURE_NUMBERS.iter();
    let found = known.find(|(one, _)| *one == number);
    found.map_or("other", |(_, name)| name)
}

#[cfg(test)]
mod tests;
