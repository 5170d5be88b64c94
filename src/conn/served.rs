//! A pair as it is served, and what a reload means to the connections of an older state of it.

use std::sync::Arc;

use crate::config::Pair;
use crate::tls::Credentials;

/// A pair's name inside the program: the same in all of its states, and never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PairId {
    /// The first load that had it.
    pub since: u64,
    /// Its place in the configuration then.
    pub place: usize,
}

/// What the files of a pair hold, as fingerprints: equal ones hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Certificate, key and trust.
    pub identity: u64,
    /// Revocation lists.
    pub lists: u64,
}

/// One state of a pair. Immutable: a reload makes the next state, and each connection keeps what it was
/// accepted with.
pub struct Served {
    /// Whose state it is.
    pub id: PairId,
    /// The load that it is of, counted from 1.
    pub generation: u64,
    /// Its settings.
    pub pair: Arc<Pair>,
    /// Its certificate, key, trust and lists, proven.
    pub credentials: Arc<Credentials>,
    /// What these were made from.
    pub contents: Contents,
}

/// What a newer state of its pair means to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// It is the same.
    Nothing,
    /// Other peers may be admitted than before.
    Peers,
    /// It would be another connection now.
    Whole,
}

impl Concern {
    /// From one state of a pair to a newer one.
    pub fn between(older: &Served, newer: &Served) -> Concern {
        if Arc::ptr_eq(&older.pair, &newer.pair) && older.contents == newer.contents {
            return Concern::Nothing;
        }
        let is_same_identity = older.contents.identity == newer.contents.identity;
        if !is_same_identity || !older.pair.is_same_but_for_peers(&newer.pair) {
            return Concern::Whole;
        }
        match older.pair == newer.pair && older.contents == newer.contents {
            true => Concern::Nothing,
            false => Concern::Peers,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;
    use crate::config::parse;
    use crate::tls::authority::{Identity, LeafRequest, Validity};
    use crate::tls::{Material, MinVersion, PemFile, Profile, Resumption, Revocation};

    /// What nothing in here looks at.
    fn credentials() -> Arc<Credentials> {
        let request = LeafRequest::client("alice", Validity::days(1_800_000_000, 1));
        let identity = Identity::self_signed(&request).unwrap();
        let file = |pem: &str| PemFile {
            path: String::new(),
            bytes: pem.as_bytes().to_vec(),
        };
        let material = Material {
            cert: file(&identity.cert_pem),
            key: file(&identity.key_pem),
            ca: vec![file(&identity.cert_pem)],
            pins: None,
            min_version: MinVersion::Tls12,
            resumption: Resumption::Off,
            profile: Profile::Ordinary,
            revocation: Revocation::default(),
        };
        Arc::new(Credentials::prove(&material, &[], 1_800_000_000).unwrap())
    }

    /// A state of a pair with these members more.
    pub(in super::super) fn served(members: &str, contents: Contents) -> Served {
        let text = format!(
            r#"{{"cert":"c","key":"k","ca":"a","address_pairs":[{{"inbound":":1","outbound":"db:1"{members}}}]}}"#
        );
        let pair = parse(&text).unwrap().config.pairs.remove(0);
        Served {
            id: PairId { since: 1, place: 0 },
            generation: 1,
            pair: Arc::new(pair),
            credentials: credentials(),
            contents,
        }
    }

    pub(in super::super) const SAME: Contents = Contents {
        identity: 1,
        lists: 1,
    };

    /// What it means that a pair with nothing more becomes this one.
    fn concern(members: &str, contents: Contents) -> Concern {
        Concern::between(&served("", SAME), &served(members, contents))
    }

    #[test]
    fn the_same_settings_and_contents_are_nothing_even_with_credentials_made_anew() {
        assert_eq!(concern("", SAME), Concern::Nothing);
        let older = served(r#","crl":"l","on_reload":"close""#, SAME);
        let newer = Served {
            generation: 7,
            ..served(r#","on_reload":"close","crl":["l"]"#, SAME)
        };
        assert_eq!(Concern::between(&older, &newer), Concern::Nothing);
    }

    #[test]
    fn another_certificate_key_or_trust_is_another_connection() {
        let contents = Contents {
            identity: 2,
            ..SAME
        };
        assert_eq!(concern("", contents), Concern::Whole);
        let both = Contents {
            identity: 2,
            lists: 2,
        };
        assert_eq!(concern("", both), Concern::Whole);
    }

    #[test]
    fn other_revocation_lists_are_about_peers_alone() {
        let contents = Contents { lists: 2, ..SAME };
        assert_eq!(concern("", contents), Concern::Peers);
        for members in [r#","crl":"l""#, r#","crl":"l","crl_scope":"leaf""#] {
            assert_eq!(concern(members, SAME), Concern::Peers, "{members}");
        }
    }

    #[test]
    fn another_setting_is_another_connection() {
        for members in [
            r#","name":"n""#,
            r#","mode":"server""#,
            r#","server_name":"other""#,
            r#","cert":"c2","key":"k2""#,
            r#","ca":"a2""#,
            r#","min_version":"TLS1.3""#,
            r#","resumption":false"#,
            r#","timeouts":{"idle":"1h"}"#,
            r#","limits":{"connections":5}"#,
            r#","on_truncation":"end""#,
            r#","on_reload":"drain""#,
            r#","on_peer_expiry":"close""#,
            r#","proxy_protocol":{"out":"v1"}"#,
            r#","proxy_protocol":{"in":{"from":"::1"}}"#,
            r#","client_cert_header":true"#,
        ] {
            assert_eq!(concern(members, SAME), Concern::Whole, "{members}");
        }
    }
}
