#![allow(clippy::unwrap_used)]

mod damage;
mod profile;
mod responders;
mod rig;

use der::Encode;
use der::asn1::Null;
use rig::{Answer, NOW, Named, Response, Rig, SHA1, SHA256};

use super::asn1::{CertStatus, OcspResponse, ResponseStatus, WhyRevoked};
use super::judge::Good;
use crate::base::reason::CloseReason;
use crate::tls::authority::KeyKind;

const GOOD: Good = Good { until: NOW + 3600 };

#[test]
fn a_good_certificate_is_good_until_the_next_update_by_either_digest_and_kind_of_key() {
    for kind in [KeyKind::EcP256, KeyKind::Rsa(2048)] {
        let rig = Rig::with_keys(kind);
        for (digest, named) in [(SHA1, Named::Name), (SHA256, Named::Key)] {
            let answer = Answer {
                digest,
                ..Answer::good()
            };
            let response = Response {
                named,
                ..Response::of(&rig.issuer).answering([answer])
            };
            assert_eq!(rig.judge(&response.der()), Ok(GOOD));
        }
    }
}

#[test]
fn a_revoked_certificate_is_refused_and_the_time_and_reason_are_told() {
    let rig = Rig::new();
    let cases = [
        (None, "revoked at 2023-11-14T22:13:20Z"),
        (
            Some(WhyRevoked::KeyCompromise),
            "revoked at 2023-11-14T22:13:20Z, KeyCompromise",
        ),
    ];
    for (why, told) in cases {
        let response = Response::of(&rig.issuer).answering([Answer::revoked(why)]);
        let objection = (CloseReason::CertRevoked, told.to_owned());
        assert_eq!(rig.judge(&response.der()), Err(objection));
    }
}

#[test]
fn a_responder_that_does_not_know_the_certificate_proves_nothing() {
    let rig = Rig::new();
    let answer = Answer {
        status: CertStatus::Unknown(Null),
        ..Answer::good()
    };
    let response = Response::of(&rig.issuer).answering([answer]);
    rig.assert_invalid(&response.der(), "does not know");
}

#[test]
fn a_response_about_another_certificate_or_of_another_issuer_proves_nothing() {
    let rig = Rig::new();
    let answer = Answer {
        serial: 78,
        ..Answer::good()
    };
    let response = Response::of(&rig.issuer).answering([answer]);
    rig.assert_invalid(&response.der(), "another certificate");
    let response = Response::of(&rig.issuer).answering([]);
    rig.assert_invalid(&response.der(), "another certificate");

    let other = rig::authority(KeyKind::EcP256);
    let of_another_issuer = Response {
        issuer: &other,
        ..Response::of(&rig.issuer)
    };
    rig.assert_invalid(&of_another_issuer.der(), "another certificate");
    let renamed = rig::renamed(&rig.issuer);
    let of_another_name = Response {
        issuer: &renamed,
        ..Response::of(&rig.issuer)
    };
    rig.assert_invalid(&of_another_name.der(), "another certificate");
}

#[test]
fn of_several_answers_those_about_the_certificate_count_and_all_must_be_good() {
    let rig = Rig::new();
    let other = Answer {
        serial: 78,
        ..Answer::revoked(None)
    };
    let shorter = Answer {
        digest: SHA256,
        end: Some(NOW + 60),
        ..Answer::good()
    };
    let answers = [other.clone(), Answer::good(), shorter.clone()];
    let response = Response::of(&rig.issuer).answering(answers);
    assert_eq!(rig.judge(&response.der()), Ok(Good { until: NOW + 60 }));

    let answers = [other, Answer::good(), Answer::revoked(None), shorter];
    let response = Response::of(&rig.issuer).answering(answers);
    let (reason, _) = rig.judge(&response.der()).unwrap_err();
    assert_eq!(reason, CloseReason::CertRevoked);
}

#[test]
fn a_response_stands_from_its_beginning_to_its_end_give_or_take_five_minutes() {
    let rig = Rig::new();
    let judged = |begin, end| {
        let answer = Answer {
            begin,
            end,
            ..Answer::good()
        };
        rig.judge(&Response::of(&rig.issuer).answering([answer]).der())
    };
    let good = [
        (NOW + 300, Some(NOW + 3600)),
        (NOW - 86_400, Some(NOW - 300)),
        (NOW - 3600 - 300, None),
        (NOW + 300, None),
    ];
    for (begin, end) in good {
        let until = end.unwrap_or(begin + 3600);
        assert_eq!(judged(begin, end), Ok(Good { until }), "{begin} {end:?}");
    }
    let bad = [
        (NOW + 301, Some(NOW + 3600), "look at the clocks"),
        (NOW - 86_400, Some(NOW - 301), "it was good until"),
        (NOW - 3600 - 301, None, "tells no end"),
        (NOW, Some(NOW - 1), "it was good until"),
        (NOW + 301, None, "look at the clocks"),
    ];
    for (begin, end, told) in bad {
        let (reason, what) = judged(begin, end).unwrap_err();
        assert_eq!(reason, CloseReason::StapleInvalid);
        assert!(what.contains(told), "{what}");
    }
}

#[test]
fn a_response_that_is_out_of_date_does_not_revoke_either() {
    let rig = Rig::new();
    let answer = Answer {
        end: Some(NOW - 301),
        ..Answer::revoked(None)
    };
    let response = Response::of(&rig.issuer).answering([answer]);
    rig.assert_invalid(&response.der(), "it was good until");
}

#[test]
fn a_responder_that_had_no_response_proves_nothing() {
    let rig = Rig::new();
    for status in [
        ResponseStatus::MalformedRequest,
        ResponseStatus::InternalError,
        ResponseStatus::TryLater,
        ResponseStatus::SigRequired,
        ResponseStatus::Unauthorized,
    ] {
        let response = OcspResponse {
            status,
            bytes: None,
        };
        rig.assert_invalid(&response.to_der().unwrap(), &format!("{status:?}"));
    }
    let response = OcspResponse {
        status: ResponseStatus::Successful,
        bytes: None,
    };
    rig.assert_invalid(&response.to_der().unwrap(), "unknown kind");
}

#[test]
fn what_must_be_understood_and_is_not_proves_nothing() {
    let rig = Rig::new();
    let whole = Response {
        is_critical: true,
        ..Response::of(&rig.issuer)
    };
    rig.assert_invalid(&whole.der(), "its extension 1.2.3.4 is not known");
    let answer = Answer {
        is_critical: true,
        ..Answer::good()
    };
    let one = Response::of(&rig.issuer).answering([answer]);
    rig.assert_invalid(&one.der(), "its extension 1.2.3.4 is not known");
    let newer = Response {
        version: 1,
        ..Response::of(&rig.issuer)
    };
    rig.assert_invalid(&newer.der(), "unknown version");
}
