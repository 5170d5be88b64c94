use super::*;

/// What a good handshake of the profile comes to.
fn good() -> Negotiated {
    Negotiated {
        version: "TLSv1.3".to_owned(),
        suite: "TLS_AES_128_GCM_SHA256".to_owned(),
        group: "P-256".to_owned(),
        signature: "ecdsa_secp256r1_sha256".to_owned(),
        has_ems: false,
        is_resumed: false,
    }
}

fn tls12() -> Negotiated {
    Negotiated {
        version: "TLSv1.2".to_owned(),
        suite: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned(),
        has_ems: true,
        ..good()
    }
}

fn reason(profile: Profile, negotiated: &Negotiated) -> Option<CloseReason> {
    profile.outside(negotiated).map(|(reason, _)| reason)
}

#[test]
fn each_parameter_has_to_be_one_of_the_profile() {
    assert_eq!(reason(Profile::Fips, &good()), None);
    assert_eq!(reason(Profile::Fips, &tls12()), None);
    let change = |change: fn(&mut Negotiated)| {
        let mut negotiated = good();
        change(&mut negotiated);
        negotiated
    };
    for outside in [
        change(|n| n.version = "TLSv1.1".to_owned()),
        change(|n| n.suite = "TLS_CHACHA20_POLY1305_SHA256".to_owned()),
        change(|n| n.suite = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256".to_owned()),
        change(|n| n.group = "X25519".to_owned()),
        change(|n| n.group = "X25519MLKEM768".to_owned()),
        change(|n| n.group = String::new()),
        change(|n| n.signature = "ed25519".to_owned()),
        change(|n| n.signature = "other".to_owned()),
        change(|n| n.signature = String::new()),
    ] {
        let found = reason(Profile::Fips, &outside);
        assert_eq!(found, Some(CloseReason::FipsProfile), "{outside:?}");
        assert_eq!(reason(Profile::Ordinary, &outside), None);
    }
}

#[test]
fn tls_1_2_without_the_extended_master_secret_has_its_own_reason() {
    let without = Negotiated {
        has_ems: false,
        ..tls12()
    };
    let found = reason(Profile::Fips, &without);
    assert_eq!(found, Some(CloseReason::TlsNoEms));
    assert_eq!(reason(Profile::Ordinary, &without), None);
}

#[test]
fn a_resumed_session_need_not_tell_its_signature_but_is_judged_by_all_else() {
    let resumed = Negotiated {
        is_resumed: true,
        signature: String::new(),
        ..good()
    };
    assert_eq!(reason(Profile::Fips, &resumed), None);
    let with = |change: fn(&mut Negotiated)| {
        let mut resumed = resumed.clone();
        change(&mut resumed);
        reason(Profile::Fips, &resumed)
    };
    let outside = Some(CloseReason::FipsProfile);
    assert_eq!(with(|n| n.group = "X25519".to_owned()), outside);
    assert_eq!(with(|n| n.signature = "ed25519".to_owned()), outside);
    let chacha = |n: &mut Negotiated| n.suite = "TLS_CHACHA20_POLY1305_SHA256".to_owned();
    assert_eq!(with(chacha), outside);
    let no_ems = |n: &mut Negotiated| {
        n.version = "TLSv1.2".to_owned();
        n.suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned();
    };
    assert_eq!(with(no_ems), Some(CloseReason::TlsNoEms));
}

#[test]
fn hybrids_are_of_the_profile_that_asks_for_them_alone_and_x25519_is_in_neither() {
    let hybrid = |group: &str| Negotiated {
        group: group.to_owned(),
        ..good()
    };
    for group in ["SecP256r1MLKEM768", "SecP384r1MLKEM1024"] {
        assert_eq!(reason(Profile::FipsPq, &hybrid(group)), None);
        let outside = reason(Profile::Fips, &hybrid(group));
        assert_eq!(outside, Some(CloseReason::FipsProfile));
    }
    for profile in [Profile::Fips, Profile::FipsPq] {
        assert!(!profile.groups().contains("25519"));
        assert!(!profile.signatures().contains("25519"));
        let is_gcm = |suite: &&str| suite.contains("_AES_") && suite.contains("_GCM_");
        assert!(profile.suites().iter().all(is_gcm));
        assert_eq!(profile.suites().len(), 6);
    }
}
