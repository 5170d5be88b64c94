#![allow(clippy::unwrap_used)]

use super::*;

fn issuer() -> TrustDomain {
    TrustDomain::parse("tinyscale.com").unwrap()
}

fn of(uris: &[&str]) -> Result<SpiffeUser, SpiffeError> {
    let mut sans = vec![San::Dns("spiffe.example".to_owned())];
    sans.extend(uris.iter().map(|uri| San::Uri((*uri).to_owned())));
    let cert = PeerCert {
        sans,
        ..PeerCert::default()
    };
    SpiffeUser::of(&cert, &issuer())
}

#[test]
fn an_identity_of_the_issuer_names_organisation_and_user() {
    let found = of(&["spiffe://tinyscale.com/orgs/Acme-1/users/al.ice_2"]).unwrap();
    assert_eq!((&*found.org, &*found.user), ("Acme-1", "al.ice_2"));
}

#[test]
fn other_uris_beside_the_identity_do_not_matter() {
    let uris = [
        "https://tinyscale.com/orgs/b/users/bob",
        "spiffe://tinyscale.com/orgs/a/users/alice",
        "spiffe",
        "",
    ];
    assert_eq!(&*of(&uris).unwrap().user, "alice");
}

#[test]
fn the_trust_domain_must_be_the_issuer_and_nothing_that_looks_like_it() {
    for domain in [
        "evil.com",
        "tinyscale.com.evil.com",
        "eviltinyscale.com",
        "sub.tinyscale.com",
        "tinyscale.com.",
        "tinyscale",
    ] {
        let found = of(&[&format!("spiffe://{domain}/orgs/a/users/alice")]);
        let domain = TrustDomain::parse(domain).unwrap();
        assert_eq!(found, Err(SpiffeError::OtherDomain(domain)));
    }
}

#[test]
fn none_and_several_identities_are_refused() {
    assert_eq!(of(&[]), Err(SpiffeError::None));
    assert_eq!(of(&["https://tinyscale.com/"]), Err(SpiffeError::None));
    let one = "spiffe://tinyscale.com/orgs/a/users/alice";
    assert_eq!(of(&[one, one]), Err(SpiffeError::Several(2)));
    // However they are written.
    assert_eq!(of(&[one, "SPIFFE://x"]), Err(SpiffeError::Several(2)));
    assert_eq!(
        of(&["spiffe:", one, "spiffe://"]),
        Err(SpiffeError::Several(3))
    );
}

#[test]
fn everything_that_the_specification_does_not_allow_is_malformed() {
    let long_domain = format!("spiffe://{}/orgs/a/users/alice", "a".repeat(256));
    let too_long = format!("spiffe://tinyscale.com/orgs/a/users/{}", "a".repeat(2048));
    for id in [
        "SPIFFE://tinyscale.com/orgs/a/users/alice",
        "spiffe:tinyscale.com/orgs/a/users/alice",
        "spiffe://",
        "spiffe:///orgs/a/users/alice",
        "spiffe://tinyscale.com",
        "spiffe://tinyscale.com/",
        "spiffe://TinyScale.com/orgs/a/users/alice",
        "spiffe://tinyscale.com:443/orgs/a/users/alice",
        "spiffe://alice@tinyscale.com/orgs/a/users/alice",
        "spiffe://tinyscale.com/orgs/a/users/alice/",
        "spiffe://tinyscale.com/orgs/a/users/alice/more",
        "spiffe://tinyscale.com//orgs/a/users/alice",
        "spiffe://tinyscale.com/orgs//users/alice",
        "spiffe://tinyscale.com/orgs/a/users/",
        "spiffe://tinyscale.com/orgs/../users/alice",
        "spiffe://tinyscale.com/orgs/./users/alice",
        "spiffe://tinyscale.com/Orgs/a/users/alice",
        "spiffe://tinyscale.com/users/alice/orgs/a",
        "spiffe://tinyscale.com/orgs/a/users/al%69ce",
        "spiffe://tinyscale.com/orgs/a/users/alice?x",
        "spiffe://tinyscale.com/orgs/a/users/alice#x",
        "spiffe://tinyscale.com/orgs/a/users/al ice",
        "spiffe://tinyscale.com/orgs/a/users/alicé",
        "spiffe://tinyscale.com/orgs/a/users/alice\0",
        "spiffe://tinyscale.com/orgs/a/users/alice'--",
        &long_domain,
        &too_long,
    ] {
        let found = of(&[id]);
        assert!(
            matches!(found, Err(SpiffeError::Malformed(_))),
            "{id}: {found:?}"
        );
    }
}

#[test]
fn the_longest_identity_is_one() {
    let most = ID_BYTES_MAX - "spiffe://tinyscale.com/orgs/a/users/".len();
    let id = |count| format!("spiffe://tinyscale.com/orgs/a/users/{}", "u".repeat(count));
    assert_eq!(of(&[&id(most)]).unwrap().user.len(), most);
    assert!(of(&[&id(most + 1)]).is_err());
}
