//! A certificate as headers.

/// What tells of a certificate at the end of each head, from its PEM text and the SHA-256 of that in
/// hexadecimal; empty if it is not known.
///
/// * `Client-Cert`: its DER in base64 between colons (RFC 9440, 2.1).
/// * `X-Client-Cert`: the PEM text, percent-encoded as by `encodeURIComponent` of ECMAScript and by nginx's
///   `$ssl_client_escaped_cert`.
/// * `X-Client-Cert-Hash`: the digest of the PEM text.
pub fn lines(pem: &str, digest: &str) -> Vec<u8> {
    // Between its first and last line PEM is the DER in base64 (RFC 7468, 2).
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut lines = format!("Client-Cert: :{base64}:\r\nX-Client-Cert: ");
    for byte in pem.bytes() {
        match byte {
            // RFC 3986, 2.3.
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                lines.push(char::from(byte));
            }
            _ => lines += &format!("%{byte:02X}"),
        }
    }
    lines += "\r\n";
    if !digest.is_empty() {
        lines += &format!("X-Client-Cert-Hash: {digest}\r\n");
    }
    lines.into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMII+/a==\nBcd=\n-----END CERTIFICATE-----\n";

    #[test]
    fn a_certificate_is_told_in_three_ways() {
        let told = String::from_utf8(lines(PEM, "0a1b")).unwrap();
        let told: Vec<_> = told.split_terminator("\r\n").collect();
        assert_eq!(
            told,
            [
                "Client-Cert: :MII+/a==Bcd=:",
                "X-Client-Cert: -----BEGIN%20CERTIFICATE-----%0AMII%2B%2Fa%3D%3D%0ABcd%3D%0A\
                 -----END%20CERTIFICATE-----%0A",
                "X-Client-Cert-Hash: 0a1b",
            ]
        );
    }

    #[test]
    fn a_digest_that_is_not_known_is_not_told() {
        let told = String::from_utf8(lines(PEM, "")).unwrap();
        assert!(!told.contains("Hash"));
    }
}
