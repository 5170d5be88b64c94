//! How often which parameters were negotiated since the program has started.

use std::sync::atomic::{AtomicU64, Ordering};

use super::session::Negotiated;

/// Of a kind: its name, and the words that are counted; all others are counted as one.
type Kind<const N: usize> = (&'static str, [&'static str; N]);

const VERSIONS: Kind<2> = ("version", ["TLSv1.2", "TLSv1.3"]);
const SUITES: Kind<9> = (
    "suite",
    [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ],
);
const GROUPS: Kind<6> = (
    "group",
    [
        "P-256",
        "P-384",
        "X25519",
        "X25519MLKEM768",
        "SecP256r1MLKEM768",
        "SecP384r1MLKEM1024",
    ],
);
/// Those with which peers have signed. One that has not signed, as its session was resumed and the
/// library tells of no first handshake, is counted as none.
const SIGNATURES: Kind<11> = (
    "signature",
    [
        "ecdsa_secp256r1_sha256",
        "ecdsa_secp384r1_sha384",
        "ecdsa_secp521r1_sha512",
        "ed25519",
        "rsa_pss_rsae_sha256",
        "rsa_pss_rsae_sha384",
        "rsa_pss_rsae_sha512",
        "rsa_pkcs1_sha256",
        "rsa_pkcs1_sha384",
        "rsa_pkcs1_sha512",
        "",
    ],
);

/// A row of the table: the kind of parameter, its word in the TLS registry (`other` for all that have no
/// row, `none` for a missing one), and how often it was negotiated.
pub type Seen = (&'static str, &'static str, u64);

/// Counts one kind.
struct Column<const N: usize> {
    kind: Kind<N>,
    counts: [AtomicU64; N],
    other: AtomicU64,
}

impl<const N: usize> Column<N> {
    const fn new(kind: Kind<N>) -> Column<N> {
        Column {
            kind,
            counts: [const { AtomicU64::new(0) }; N],
            other: AtomicU64::new(0),
        }
    }

    fn count(&self, word: &str) {
        let place = self.kind.1.iter().position(|known| *known == word);
        let count = place.map_or(&self.other, |place| &self.counts[place]);
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn rows(&self) -> impl Iterator<Item = Seen> {
        let (kind, words) = self.kind;
        let counts = self.counts.iter().chain([&self.other]);
        let words = words.into_iter().map(|word| match word {
            "" => "none",
            word => word,
        });
        words
            .chain(["other"])
            .zip(counts)
            .map(move |(word, count)| (kind, word, count.load(Ordering::Relaxed)))
    }
}

/// The parameters of finished handshakes, each of a fixed number of words.
struct Tally {
    versions: Column<2>,
    suites: Column<9>,
    groups: Column<6>,
    signatures: Column<11>,
}

impl Tally {
    const fn new() -> Tally {
        Tally {
            versions: Column::new(VERSIONS),
            suites: Column::new(SUITES),
            groups: Column::new(GROUPS),
            signatures: Column::new(SIGNATURES),
        }
    }

    fn count(&self, negotiated: &Negotiated) {
        self.versions.count(&negotiated.version);
        self.suites.count(&negotiated.suite);
        self.groups.count(&negotiated.group);
        self.signatures.count(&negotiated.signature);
    }

    fn rows(&self) -> Vec<Seen> {
        let rows = self.versions.rows().chain(self.suites.rows());
        let rows = rows.chain(self.groups.rows());
        rows.chain(self.signatures.rows()).collect()
    }
}

static TALLY: Tally = Tally::new();

/// Counts a finished handshake of a connection.
pub fn count(negotiated: &Negotiated) {
    TALLY.count(negotiated);
}

/// What was counted so far: every row, those of 0 too.
pub fn seen() -> Vec<Seen> {
    TALLY.rows()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tally: &Tally) -> Vec<Seen> {
        let mut rows = tally.rows();
        rows.retain(|(.., count)| *count > 0);
        rows
    }

    #[test]
    fn each_handshake_counts_once_in_each_column() {
        let tally = Tally::new();
        let negotiated = Negotiated {
            version: "TLSv1.3".to_owned(),
            suite: "TLS_AES_128_GCM_SHA256".to_owned(),
            group: "P-256".to_owned(),
            signature: "rsa_pss_rsae_sha256".to_owned(),
            ..Negotiated::default()
        };
        tally.count(&negotiated);
        tally.count(&negotiated);
        let expected = [
            ("version", "TLSv1.3", 2),
            ("suite", "TLS_AES_128_GCM_SHA256", 2),
            ("group", "P-256", 2),
            ("signature", "rsa_pss_rsae_sha256", 2),
        ];
        assert_eq!(told(&tally), expected);
    }

    #[test]
    fn unknown_words_take_no_room_and_no_signature_is_a_row() {
        let tally = Tally::new();
        let rows = tally.rows().len();
        for number in 0..100 {
            tally.count(&Negotiated {
                version: format!("TLSv9.{number}"),
                suite: "TLS_AES_128_GCM_SHA256 ".to_owned(),
                group: "p-256".to_owned(),
                ..Negotiated::default()
            });
        }
        assert_eq!(tally.rows().len(), rows);
        let others = ["version", "suite", "group"].map(|kind| (kind, "other", 100));
        let none = [("signature", "none", 100)];
        assert_eq!(told(&tally), [&others[..], &none].concat());
    }
}
