//! Digests of public keys, as people write them.

use std::fmt;

use super::peer::PeerCert;

/// SHA-256.
pub(super) type Digest = [u8; 32];

/// What curl and HPKP write before the base64 of a digest.
const PREFIX: &str = "sha256//";

/// 32 bytes take that many characters of base64, the padding included.
const BASE64_CHARS: usize = 44;

/// A public key, by the SHA-256 of its SubjectPublicKeyInfo (RFC 5280, 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pin(Digest);

impl Pin {
    /// Reads one: 64 hexadecimal digits, perhaps with colons, or base64, perhaps behind `sha256//`.
    pub fn parse(text: &str) -> Result<Pin, &'static str> {
        parse(text).map(Pin)
    }

    /// That of the key of a certificate; none if the key cannot be read.
    pub fn of(cert: &PeerCert) -> Option<Pin> {
        cert.spki.map(Pin)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

/// Whose keys are trusted where no authority is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pins {
    /// Those of clients, which connect to us.
    pub clients: Vec<Pin>,
    /// Those of servers, which we connect to.
    pub servers: Vec<Pin>,
}

/// Reads a digest: 64 hexadecimal digits, perhaps with a colon between each two, or base64 (RFC 4648, 4)
/// with its padding, perhaps behind `sha256//`.
pub(super) fn parse(text: &str) -> Result<Digest, &'static str> {
    let digest = match text.strip_prefix(PREFIX) {
        Some(base64) => from_base64(base64),
        None if text.len() == BASE64_CHARS => from_base64(text),
        None => from_hex(text),
    };
    digest.ok_or(
        "it is no SHA-256 of a public key: write its 64 hexadecimal digits, or its base64 with the \
         \"=\" at its end",
    )
}

/// In lower case, without colons.
pub(super) fn to_hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Digest> {
    let pairs: Vec<&[u8]> = match text.contains(':') {
        true => text.split(':').map(str::as_bytes).collect(),
        false => text.as_bytes().chunks(2).collect(),
    };
    let byte = |pair: &[u8]| -> Option<u8> {
        let [high, low] = pair else { return None };
        let digit = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
        Some(digit(*high)? << 4 | digit(*low)?)
    };
    let bytes: Option<Vec<u8>> = pairs.into_iter().map(byte).collect();
    bytes?.try_into().ok()
}

fn from_base64(text: &str) -> Option<Digest> {
    let digits = text.strip_suffix('=')?;
    let (mut bits, mut bit_count, mut bytes) = (0_u32, 0, Vec::new());
    for c in digits.bytes() {
        bits = bits << 6 | u32::from(base64_digit(c)?);
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            bytes.push((bits >> bit_count) as u8);
            bits &= (1 << bit_count) - 1;
        }
    }
    // The last digit is not used up; another one there would be a second way to write the same.
    (bits == 0).then(|| bytes.try_into().ok())?
}

fn base64_digit(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The digest of nothing (FIPS 180-4).
    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const BASE64: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn a_digest_is_the_same_however_it_is_written() {
        let digest = parse(HEX).unwrap();
        assert_eq!(to_hex(&digest), HEX);
        let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(parse(&pairs.join(":")), Ok(digest));
        assert_eq!(parse(&HEX.to_uppercase()), Ok(digest));
        assert_eq!(parse(BASE64), Ok(digest));
        assert_eq!(parse(&format!("sha256//{BASE64}")), Ok(digest));
    }

    #[test]
    fn what_is_no_digest_is_none() {
        let long = "a".repeat(5000);
        let wrong = [
            "",
            "=",
            ":",
            "sha256//",
            &HEX[1..],
            &format!("{HEX}00"),
            &HEX.replace('e', "g"),
            &HEX.replacen('e', ":", 1),
            &format!("{HEX}:"),
            &format!("+{}", &HEX[1..]),
            &BASE64[..43],
            &BASE64.replace("U=", "V="),
            &BASE64.replace('+', "-"),
            &BASE64.replace("FU=", "F=="),
            &format!("sha1//{BASE64}"),
            &format!("sha256//{HEX}"),
            " 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "é",
            &"é".repeat(32),
            &"é".repeat(22),
            &long,
        ];
        for text in wrong {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
