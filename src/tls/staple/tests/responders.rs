//! Who may sign a response, and how.

use super::GOOD;
use super::rig::{
    self, Answer, NOW, Named, Response, Rig, Wanted, any_purpose, encipherment, ocsp_signing,
    wrapped,
};
use crate::tls::authority::KeyKind;
use crate::tls::backend::lib::hash::MessageDigest;
use crate::tls::backend::lib::rsa::Padding;
use crate::tls::backend::lib::sign::{RsaPssSaltlen, Signer};
use crate::tls::signing::{Algorithm, PssParameters};
use crate::tls::staple::asn1::{BasicResponse, Raw};
use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode};

#[test]
fn a_delegate_of_the_issuer_may_sign_under_its_name_or_its_key() {
    let rig = Rig::new();
    for kind in [KeyKind::EcP256, KeyKind::Rsa(2048)] {
        let delegate = Wanted {
            key: kind,
            ..Wanted::delegate()
        };
        let delegate = delegate.signed_by(Some(&rig.issuer));
        for named in [Named::Name, Named::Key] {
            let response = Response {
                named,
                ..Response::by(&rig.issuer, &delegate)
            };
            assert_eq!(rig.judge(&response.der()), Ok(GOOD));
        }
    }
}

#[test]
fn a_delegate_with_the_name_of_the_issuer_may_sign() {
    let rig = Rig::new();
    let delegate = Wanted {
        name: "authority",
        ..Wanted::delegate()
    };
    let delegate = delegate.signed_by(Some(&rig.issuer));
    let response = Response::by(&rig.issuer, &delegate).der();
    assert_eq!(rig.judge(&response), Ok(GOOD));
}

#[test]
fn a_delegate_without_all_that_it_needs_may_not_sign() {
    let rig = Rig::new();
    let wanted = Wanted::delegate;
    let with = |extensions| Wanted::new("responder", extensions);
    let cases = [
        (with(Vec::new()), "not meant for OCSP responses"),
        (with(vec![any_purpose()]), "not meant for OCSP responses"),
        (
            with(vec![ocsp_signing(), encipherment()]),
            "not meant for signatures",
        ),
        (
            with(vec![ocsp_signing(), rig::critical_name()]),
            "its extension 2.5.29.17 is not known",
        ),
        (
            Wanted {
                end: NOW - 1,
                ..wanted()
            },
            "not valid now",
        ),
        (
            Wanted {
                begin: NOW + 1,
                ..wanted()
            },
            "not valid now",
        ),
    ];
    let short = Wanted {
        key: KeyKind::Rsa(1024),
        ..wanted()
    };
    let weak = Wanted {
        digest: MessageDigest::sha1(),
        ..wanted()
    };
    let weak = [
        (short, "RSA key has 1024 bits"),
        (weak, "it was signed with"),
    ];
    let weak = weak.into_iter().filter(|_| rig::makes_weak());
    for (wanted, told) in cases.into_iter().chain(weak) {
        let delegate = wanted.signed_by(Some(&rig.issuer));
        let response = Response::by(&rig.issuer, &delegate);
        rig.assert_invalid(&response.der(), told);
    }
}

#[test]
fn a_delegate_of_another_authority_or_of_another_delegate_may_not_sign() {
    let rig = Rig::new();
    let impostor = rig::authority(KeyKind::EcP256);
    let delegate = Wanted::delegate().signed_by(Some(&rig.issuer));
    for other in [&impostor, &delegate] {
        let second = Wanted::delegate().signed_by(Some(other));
        let mut response = Response::by(&rig.issuer, &second);
        response.certs.extend([&other.cert, &rig.issuer.cert]);
        rig.assert_invalid(&response.der(), "of another issuer");
    }
    // Its key is the issuer's, but not its name.
    let renamed = Wanted::delegate().signed_by(Some(&rig::renamed(&rig.issuer)));
    let response = Response::by(&rig.issuer, &renamed);
    rig.assert_invalid(&response.der(), "of another issuer");
    let by_itself = Wanted::delegate().signed_by(None);
    let response = Response::by(&rig.issuer, &by_itself);
    rig.assert_invalid(&response.der(), "of another issuer");
}

#[test]
fn a_stranger_may_not_sign_whatever_it_calls_itself() {
    let rig = Rig::new();
    let stranger = Wanted::delegate().signed_by(Some(&rig.issuer));
    // Not in the response.
    let mut response = Response::by(&rig.issuer, &stranger);
    response.certs.clear();
    rig.assert_invalid(&response.der(), "neither the issuer");
    // Another one is in it.
    let other = Wanted {
        name: "other",
        ..Wanted::delegate()
    };
    let other = other.signed_by(Some(&rig.issuer));
    response.certs.push(&other.cert);
    rig.assert_invalid(&response.der(), "neither the issuer");
    // The name and the certificate of the issuer, and not its key.
    let impostor = rig::authority(KeyKind::EcP256);
    let mut response = Response {
        named: Named::Name,
        ..Response::by(&rig.issuer, &impostor)
    };
    rig.assert_invalid(&response.der(), "signature is wrong");
    response.certs = vec![&rig.issuer.cert];
    rig.assert_invalid(&response.der(), "signature is wrong");
}

#[test]
fn a_server_may_not_speak_for_itself() {
    let rig = Rig::new();
    let server = Wanted::new("server", Vec::new()).signed_by(Some(&rig.issuer));
    let response = Response::by(&rig.issuer, &server).der();
    rig.assert_invalid(&response, "not meant for OCSP responses");
}

#[test]
fn a_response_that_was_signed_with_a_weak_or_unknown_digest_proves_nothing() {
    for (kind, cases) in [
        (
            KeyKind::Rsa(2048),
            vec![
                ("1.2.840.113549.1.1.5", MessageDigest::sha1(), "with SHA-1"),
                ("1.2.840.113549.1.1.4", MessageDigest::md5(), "with MD5"),
                ("1.2.840.113549.1.1.14", MessageDigest::sha224(), "unknown"),
            ],
        ),
        (
            KeyKind::EcP256,
            vec![
                ("1.2.840.10045.4.1", MessageDigest::sha1(), "with SHA-1"),
                ("1.2.840.10045.4.3.1", MessageDigest::sha224(), "unknown"),
                // The digest of the one, the name of the other; and RSA's name.
                ("1.2.840.10045.4.3.3", MessageDigest::sha256(), "wrong"),
                ("1.2.840.113549.1.1.11", MessageDigest::sha256(), "wrong"),
            ],
        ),
    ] {
        let rig = Rig::with_keys(kind);
        for (algorithm, digest, told) in cases {
            let is_weak = told == "with SHA-1" || told == "with MD5";
            if is_weak && !rig::makes_weak() {
                continue;
            }
            let response = Response {
                algorithm,
                digest,
                ..Response::of(&rig.issuer)
            };
            rig.assert_invalid(&response.der(), told);
        }
    }
}

#[test]
fn parameters_of_a_signature_that_has_none_prove_nothing() {
    let rig = Rig::new();
    let response = Response {
        has_null: true,
        ..Response::of(&rig.issuer)
    };
    rig.assert_invalid(&response.der(), "unknown algorithm");
}

#[test]
fn stronger_digests_are_taken_too() {
    for (kind, algorithms) in [
        (
            KeyKind::Rsa(2048),
            ["1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13"],
        ),
        (
            KeyKind::EcP384,
            ["1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"],
        ),
    ] {
        let rig = Rig::with_keys(kind);
        let digests = [MessageDigest::sha384(), MessageDigest::sha512()];
        for (algorithm, digest) in algorithms.into_iter().zip(digests) {
            let response = Response {
                algorithm,
                digest,
                ..Response::of(&rig.issuer)
            };
            assert_eq!(rig.judge(&response.der()), Ok(GOOD), "{algorithm}");
        }
    }
}

/// A response signed with RSASSA-PSS, which names a digest, that of the mask, and the mask's function.
fn pss(
    rig: &Rig,
    digest: MessageDigest,
    named: [&str; 3],
    salt: u8,
    trailer: Option<u8>,
) -> Vec<u8> {
    let data = Response::of(&rig.issuer).data();
    let mut signer = Signer::new(digest, &rig.issuer.key).unwrap();
    signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
    let length = RsaPssSaltlen::DIGEST_LENGTH;
    signer.set_rsa_pss_saltlen(length).unwrap();
    let signature = signer.sign_oneshot_to_vec(&data).unwrap();
    let [digest, mask, function] = named.map(|id| Algorithm {
        id: id.parse().unwrap(),
        parameters: Some(AnyRef::NULL),
    });
    let mask = mask.to_der().unwrap();
    let parameters = PssParameters {
        digest: Some(digest),
        mask: Some(Algorithm {
            id: function.id,
            parameters: Some(AnyRef::from_der(&mask).unwrap()),
        }),
        salt: Some(salt),
        trailer,
    };
    let parameters = parameters.to_der().unwrap();
    wrapped(&BasicResponse {
        data: Raw(&data),
        algorithm: Algorithm {
            id: "1.2.840.113549.1.1.10".parse().unwrap(),
            parameters: Some(AnyRef::from_der(&parameters).unwrap()),
        },
        signature: BitStringRef::from_bytes(&signature).unwrap(),
        certs: None,
    })
}

#[test]
fn rsassa_pss_is_taken_with_one_strong_digest_and_a_salt_of_its_length() {
    const SHA256: &str = "2.16.840.1.101.3.4.2.1";
    const SHA384: &str = "2.16.840.1.101.3.4.2.2";
    const SHA1: &str = "1.3.14.3.2.26";
    const MGF1: &str = "1.2.840.113549.1.1.8";
    let rig = Rig::with_keys(KeyKind::Rsa(2048));
    let (sha256, sha1) = (MessageDigest::sha256(), MessageDigest::sha1());
    let good = pss(&rig, sha256, [SHA256, SHA256, MGF1], 32, None);
    assert_eq!(rig.judge(&good), Ok(GOOD));
    for (digest, named, salt, told) in [
        (sha256, [SHA256, SHA256, MGF1], 20, "unknown algorithm"),
        (sha256, [SHA256, SHA384, MGF1], 32, "unknown algorithm"),
        (sha256, [SHA256, SHA256, SHA256], 32, "unknown algorithm"),
        (sha256, [SHA384, SHA384, MGF1], 48, "wrong"),
        (sha1, [SHA1, SHA1, MGF1], 20, "unknown algorithm"),
    ] {
        if named[0] == SHA1 && !rig::makes_weak() {
            continue;
        }
        rig.assert_invalid(&pss(&rig, digest, named, salt, None), told);
    }
    let with_trailer = pss(&rig, sha256, [SHA256, SHA256, MGF1], 32, Some(2));
    rig.assert_invalid(&with_trailer, "unknown algorithm");
}

#[test]
fn a_change_of_the_signed_part_is_found_though_the_signature_is_a_good_one() {
    let rig = Rig::new();
    let revoked = Response::of(&rig.issuer).answering([Answer::revoked(None)]);
    let good = Response::of(&rig.issuer).data();
    let der = revoked.der();
    let outer = crate::tls::staple::asn1::OcspResponse::from_der(&der).unwrap();
    let bytes = outer.bytes.unwrap().response.as_bytes();
    let mut basic = BasicResponse::from_der(bytes).unwrap();
    basic.data = Raw(&good);
    rig.assert_invalid(&wrapped(&basic), "signature is wrong");
}
