//! The dates of our own certificates and of the authorities that we trust.

use super::credentials::{Material, PemFile};
use super::describe::{CertFacts, describe};
use crate::identity::{CLOCK_SKEW, PeerCert, Standing, standing};

/// The time as of which a certificate of ours is to be proven, if not as of now: its first second, where
/// that is so near that only a clock may be at fault; and its last, where it is served already. In seconds
/// since 1970.
pub(super) fn proof_time(cert: &PeerCert, now: i64, is_served: bool) -> Option<i64> {
    match standing(cert, now) {
        Standing::NotYet(seconds) if seconds <= CLOCK_SKEW => Some(cert.not_before),
        Standing::Ended(_) if is_served => Some(cert.not_after.saturating_sub(1)),
        _ => None,
    }
}

/// Every certificate of the material whose dates are to be looked at, as a line each. That the own one
/// is over, or begins much later, is for the proof to tell.
pub(super) fn warnings(material: &Material, now: i64) -> Vec<String> {
    let files = std::iter::once(&material.cert).chain(&material.ca);
    files.flat_map(|file| of_file(file, now)).collect()
}

fn of_file(file: &PemFile, now: i64) -> Vec<String> {
    // What cannot be read was told already.
    let certs = describe(&file.bytes).unwrap_or_default();
    let is_lone = certs.len() == 1;
    let warning = |(index, facts): (usize, &CertFacts)| {
        let standing = standing(&facts.cert, now);
        let which = match is_lone {
            true => String::new(),
            false => format!(" certificate {} ({:?}):", index + 1, facts.cert.subject),
        };
        (standing != Standing::Good).then(|| format!("{}:{which} {standing}", file.path))
    };
    certs.iter().enumerate().filter_map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_proven_at_its_beginning_if_that_is_within_the_skew_of_clocks() {
        const NOW: i64 = 1_800_000_000;
        let beginning = |not_before| PeerCert {
            not_before,
            not_after: NOW + 86_400,
            ..PeerCert::default()
        };
        let cases = [
            (NOW - 1, None),
            (NOW, None),
            (NOW + 1, Some(NOW + 1)),
            (NOW + 300, Some(NOW + 300)),
            (NOW + 301, None),
            (i64::MAX, None),
        ];
        for (not_before, at) in cases {
            for is_served in [false, true] {
                let found = proof_time(&beginning(not_before), NOW, is_served);
                assert_eq!(found, at, "{not_before}");
            }
        }
    }
}
