//! The revocation lists of a file, for whoever wants to show them.

use super::file::{Read, lists_of};
use crate::tls::backend::lib::asn1::Asn1Integer;
use crate::tls::credentials::PemFile;
use crate::tls::facts;

/// What there is to tell of one list of a file. Its issuer's name is a stranger's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFacts {
    /// Who made it, as `CN=…, O=…`.
    pub issuer: String,
    /// Its number, in decimal; a newer list has a higher one.
    pub number: Option<String>,
    /// From when on it holds, in seconds since 1970.
    pub begin: i64,
    /// From when on it is overdue, in seconds since 1970, if ever.
    pub end: Option<i64>,
    /// How many certificates it revokes.
    pub revoked: usize,
}

/// The lists of a file, in its order.
///
/// # Errors
/// What is wrong with the file, and what to do.
pub fn describe_lists(file: &PemFile) -> Result<Vec<ListFacts>, String> {
    let lists = lists_of(file)?;
    Ok(lists.iter().map(facts_of).collect())
}

fn facts_of(list: &Read<'_>) -> ListFacts {
    ListFacts {
        issuer: facts::name(list.crl.issuer_name()),
        number: list.crl.number().and_then(decimal),
        begin: list.term.begin,
        end: list.term.end,
        revoked: list.crl.count_revoked(),
    }
}

/// A number as text, if it is no longer than a list's may be (RFC 5280, 5.2.3): the time that this takes
/// grows with the square of its length.
fn decimal(number: Asn1Integer) -> Option<String> {
    const BITS_MAX: i32 = 20 * 8;
    let number = number.to_bn().ok()?;
    let text = (number.num_bits() <= BITS_MAX).then(|| number.to_dec_str());
    text?.ok().map(|text| text.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tls::backend::lib::bn::BigNum;

    #[test]
    fn a_number_that_is_longer_than_the_rules_allow_is_none() {
        let told = |hex: &str| {
            let number = BigNum::from_hex_str(hex).unwrap();
            decimal(number.to_asn1_integer().unwrap())
        };
        assert_eq!(told("2540be400").as_deref(), Some("10000000000"));
        let longest = told(&"ff".repeat(20)).unwrap();
        assert_eq!(longest, "1461501637330902918203684832716283019655932542975");
        assert_eq!(told(&("01".to_owned() + &"00".repeat(20))), None);
    }
}
