//! What a profile asks of certificates: of their keys, of the signatures on them, and of what they say.

use super::Profile;
use crate::base::reason::CloseReason;
use crate::tls::backend;
use crate::tls::backend::lib::nid::Nid;
use crate::tls::backend::lib::pkey::Id;
use crate::tls::backend::lib::x509::{X509AlgorithmRef, X509Ref};
use crate::tls::signing;

/// Where in a chain a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tls) enum Place {
    /// It is the first one: its key signs handshakes.
    Leaf,
    /// Its key signs what stands below it.
    Above,
    /// As above, and it is trusted for itself: who has signed it does not count.
    Anchor,
}

impl Profile {
    /// What of a certificate is outside of the profile, if anything is.
    pub(in crate::tls) fn outside_cert(
        self,
        cert: &X509Ref,
        place: Place,
    ) -> Option<(CloseReason, String)> {
        let signature = || match place {
            Place::Anchor => None,
            Place::Leaf | Place::Above => self.outside_signature(cert.signature_algorithm()),
        };
        if let Some(what) = self.outside_key(cert, place).or_else(signature) {
            return Some((CloseReason::FipsProfile, what));
        }
        let says_enough = !self.is_fips() || place != Place::Leaf || backend::states_purpose(cert);
        (!says_enough).then(|| {
            let what = "FIPS wants it to say what for: key usage digitalSignature, and an extended key usage";
            (CloseReason::CertWrongPurpose, what.to_owned())
        })
    }

    /// What is wrong with the key of a certificate, if it is of no kind that the profile takes there. Its
    /// length is judged elsewhere.
    pub(in crate::tls) fn outside_key(self, cert: &X509Ref, place: Place) -> Option<String> {
        let kind = self.is_fips().then(|| other_key(cert, place))??;
        Some(match place {
            Place::Leaf => format!(
                "its key is {kind}; FIPS takes RSA, P-256 and P-384 for handshakes, and P-521 for \
                 authorities alone"
            ),
            Place::Above | Place::Anchor => {
                format!("its key is {kind}; FIPS takes RSA, P-256, P-384 and P-521")
            }
        })
    }

    /// How something was signed, if the profile does not take that.
    pub(in crate::tls) fn outside_signature(self, algorithm: &X509AlgorithmRef) -> Option<String> {
        let kind = algorithm.object().nid();
        let name = match kind {
            _ if !self.is_fips() => return None,
            Nid::RSASSAPSS if signing::is_usual_pss(algorithm) => return None,
            Nid::RSASSAPSS => {
                "RSASSA-PSS, but not with SHA-256, -384 or -512 throughout and a salt of its length"
            }
            kind if CERT_SIGNATURES.contains(&kind) => return None,
            kind => kind.long_name().unwrap_or("an unknown algorithm"),
        };
        Some(format!(
            "it was signed with {name}, which FIPS does not allow"
        ))
    }
}

/// Signatures of certificates, but for RSASSA-PSS, of which the name tells little.
const CERT_SIGNATURES: [Nid; 6] = [
    Nid::SHA256WITHRSAENCRYPTION,
    Nid::SHA384WITHRSAENCRYPTION,
    Nid::SHA512WITHRSAENCRYPTION,
    Nid::ECDSA_WITH_SHA256,
    Nid::ECDSA_WITH_SHA384,
    Nid::ECDSA_WITH_SHA512,
];

/// What a certificate's key is, if it is of no kind that FIPS takes there. No handshake is signed with a key
/// on P-521: few peers take that, and its curve is none of the groups.
fn other_key(cert: &X509Ref, place: Place) -> Option<String> {
    const CURVES: [Nid; 3] = [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1];
    let Ok(key) = cert.public_key() else {
        return Some("of an unknown kind".to_owned());
    };
    match key.id() {
        Id::RSA => None,
        Id::EC => {
            let curve = key.ec_key().ok().and_then(|key| key.group().curve_name());
            match curve {
                Some(Nid::SECP521R1) if place == Place::Leaf => Some("EC on P-521".to_owned()),
                Some(curve) if CURVES.contains(&curve) => None,
                Some(curve) => Some(format!("EC on {}", curve.short_name().unwrap_or("a curve"))),
                None => Some("EC on a curve without a name".to_owned()),
            }
        }
        Id::ED25519 => Some("Ed25519".to_owned()),
        other => Some(format!("of the kind {}", other.as_raw())),
    }
}
