//! What the FIPS profile takes of a response: a library without a module would verify more.

use super::GOOD;
use super::rig::{self, Holder, Response, Rig, Wanted};
use crate::tls::authority::KeyKind;
use crate::tls::backend::lib::hash::MessageDigest;
use crate::tls::backend::lib::nid::Nid;
use crate::tls::profile::Profile;

/// That a response is good as usual and proves nothing under the profile, and why not.
#[track_caller]
fn assert_outside(rig: &Rig, response: &Response<'_>, what: &str) {
    let der = response.der();
    assert_eq!(rig.judge(&der), Ok(GOOD));
    for profile in [Profile::Fips, Profile::FipsPq] {
        rig.assert_invalid_under(profile, &der, what);
    }
}

#[test]
fn what_the_profile_takes_of_a_responder_is_taken() {
    let p521 = rig::on_curve(Nid::SECP521R1).unwrap();
    let rig = Rig::new();
    let rsa = Wanted {
        key: KeyKind::Rsa(2048),
        ..Wanted::delegate()
    };
    let delegates = [
        Wanted::delegate().signed_by(Some(&rig.issuer)),
        rsa.signed_by(Some(&rig.issuer)),
        Wanted::delegate().with_key(p521, Some(&rig.issuer)),
    ];
    let by_itself = Response::of(&rig.issuer).der();
    assert_eq!(rig.judge_under(Profile::Fips, &by_itself), Ok(GOOD));
    for delegate in &delegates {
        let response = Response::by(&rig.issuer, delegate).der();
        assert_eq!(rig.judge_under(Profile::Fips, &response), Ok(GOOD));
    }
}

#[test]
fn a_delegate_with_a_key_that_fips_does_not_have_may_not_sign() {
    let rig = Rig::new();
    let delegate = |key| Wanted::delegate().with_key(key, Some(&rig.issuer));
    if let Some(key) = rig::ed25519() {
        let delegate = delegate(key);
        let response = Response::by(&rig.issuer, &delegate);
        assert_outside(&rig, &response, "it was signed with Ed25519");
    }
    if let Some(key) = rig::on_curve(Nid::SECP256K1) {
        let delegate = delegate(key);
        let response = Response::by(&rig.issuer, &delegate);
        assert_outside(&rig, &response, "its key is EC on secp256k1");
    }
}

#[test]
fn a_delegate_whose_certificate_was_signed_as_fips_does_not_may_not_sign() {
    let rig = Rig::new();
    let delegate = Wanted {
        digest: MessageDigest::sha224(),
        ..Wanted::delegate()
    };
    let delegate = delegate.signed_by(Some(&rig.issuer));
    let response = Response::by(&rig.issuer, &delegate);
    assert_outside(&rig, &response, "it was signed with ecdsa-with-SHA224");
}

#[test]
fn an_issuer_with_a_key_that_fips_does_not_have_may_not_sign_itself() {
    let short = || Some(rig::authority(KeyKind::Rsa(1024)));
    let koblitz = || Some(rig::authority_with(rig::on_curve(Nid::SECP256K1)?));
    let short = rig::makes_weak().then(short).flatten();
    let with = |issuer: Option<Holder>, what| Some((issuer?, what));
    let issuers = [
        with(short, "RSA key has 1024 bits"),
        with(koblitz(), "its key is EC on secp256k1"),
    ];
    for (issuer, what) in issuers.into_iter().flatten() {
        let rig = Rig::of(issuer);
        assert_outside(&rig, &Response::of(&rig.issuer), what);
    }
}
