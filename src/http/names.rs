//! Names of headers that a server could take for others.

/// The names that we speak for, and nobody else: they are put in, or at least taken out.
const OURS: [&str; 4] = [
    "client-cert",
    "client-cert-chain",
    "x-client-cert",
    "x-client-cert-hash",
];

/// What says where a request ends.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// Whether a server could take it for a header of ours.
pub(super) fn is_ours(name: &str) -> bool {
    OURS.iter().any(|ours| is_taken_for(name, ours))
}

/// Whether a server could take it for one that says where a request ends, though we do not.
pub(super) fn is_like_framing(name: &str) -> bool {
    let mut known = FRAMING.iter();
    known.any(|known| is_taken_for(name, known) && !name.eq_ignore_ascii_case(known))
}

/// Whether a header must reach the server: one that `Connection` names would be dropped by a server that
/// passes requests on (RFC 9110, 7.6.1).
pub(super) fn is_to_stay(option: &str) -> bool {
    is_ours(option)
        || FRAMING.iter().any(|known| is_taken_for(option, known))
        || option.eq_ignore_ascii_case("host")
}

/// Servers that hand headers on as variables write all that is no letter and no digit as one underscore
/// (RFC 3875, 4.1.18, and beyond it Apache and PHP): of their names only letters and digits are told apart.
fn is_taken_for(name: &str, known: &str) -> bool {
    let is_alike = |(byte, known): (u8, u8)| match known.is_ascii_alphanumeric() {
        true => byte.eq_ignore_ascii_case(&known),
        false => !byte.is_ascii_alphanumeric(),
    };
    name.len() == known.len() && name.bytes().zip(known.bytes()).all(is_alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_ours_in_any_case_and_with_anything_between_its_words() {
        for name in [
            "Client-Cert",
            "CLIENT-CERT-CHAIN",
            "x-client-cert",
            "X_Client_Cert",
            "X-Client_Cert-HASH",
            "x.client.cert",
            "Client~Cert",
        ] {
            assert!(is_ours(name), "{name}");
        }
        for name in [
            "Client-Certificate",
            "ClientCert",
            "X-Client-Certs",
            "Client--Cert",
            "ClientxCert",
            "",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }

    #[test]
    fn framing_by_another_name_is_known() {
        assert!(is_like_framing("Content_Length"));
        assert!(is_like_framing("transfer.encoding"));
        assert!(!is_like_framing("Content-length"));
        assert!(!is_like_framing("TRANSFER-ENCODING"));
        assert!(!is_like_framing("Content-Language"));
    }
}
