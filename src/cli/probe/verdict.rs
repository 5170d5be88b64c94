//! What was found at each step, and what a handshake and the first read behind it mean.

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::reason::CloseReason;
use crate::config::{Address, OnTruncation, ProxyVersion};
use crate::conn::race::Failure;
use crate::conn::{Judgement, MUTE_END};
use crate::identity::PeerCert;
use crate::net::Endpoint;
use crate::relay::Fill;
use crate::tls::{Negotiated, Session, TlsError};

/// The steps of a dial, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The destination's addresses are looked up.
    Name,
    /// One of them is connected to.
    Connect,
    /// It is told that the connection is nobody's but ours.
    Proxy,
    /// It speaks TLS as we do.
    Tls,
    /// It proves who it is.
    Certificate,
    /// Our access list names it.
    Access,
    /// It accepts who we are.
    Answer,
}

impl Step {
    /// Its word.
    pub(super) fn label(self) -> &'static str {
        match self {
            Step::Name => "name",
            Step::Connect => "connect",
            Step::Proxy => "proxy",
            Step::Tls => "tls",
            Step::Certificate => "certificate",
            Step::Access => "access",
            Step::Answer => "answer",
        }
    }
}

/// What a step that went well has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The address needs no resolver.
    NoName(Address),
    /// The addresses of the host.
    Addresses(Arc<str>, Vec<IpAddr>),
    /// Where it connected, and what became of the addresses that were tried beside it.
    Connected(Endpoint, Vec<(Endpoint, Option<Failure>)>),
    /// The PROXY header that was sent.
    Proxied(ProxyVersion),
    /// What was negotiated, and whether a certificate of ours was asked for, if that is known.
    Tls(Negotiated, Option<bool>),
    /// The gateway's certificate, which is good.
    Certificate(Arc<PeerCert>),
    /// What the access list says of it.
    Access(Judgement),
    /// So many bytes that the gateway sent first.
    Spoke(usize),
    /// Nothing at all within the time.
    Silence,
}

/// Why a step failed, in the words that the access log has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) reason: CloseReason,
    pub(super) detail: String,
    /// The certificate that was refused.
    pub(super) certificate: Option<Box<PeerCert>>,
}

impl Stop {
    pub(super) fn new(reason: CloseReason, detail: String) -> Stop {
        Stop {
            reason,
            detail,
            certificate: None,
        }
    }
}

/// What a session knows of its peer when its handshake has come to an end, good or bad.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    negotiated: Negotiated,
    was_asked: Option<bool>,
    peer: Option<Arc<PeerCert>>,
}

impl Seen {
    /// Of that session.
    pub(super) fn of(session: &Session) -> Seen {
        Seen {
            negotiated: session.negotiated(),
            was_asked: session.was_asked(),
            peer: session.peer(),
        }
    }
}

/// A handshake's end as the steps that it is made of, up to the one that failed.
///
/// In TLS 1.2 a refusal of our certificate ends the handshake, in TLS 1.3 it comes behind it: the same
/// step of two versions is told as the same.
pub(super) fn of_handshake(failure: Option<Stop>, seen: Seen) -> Vec<(Step, Result<Found, Stop>)> {
    let tls = |was_asked| (Step::Tls, Ok(Found::Tls(seen.negotiated, was_asked)));
    let certificate = |peer| (Step::Certificate, Ok(Found::Certificate(peer)));
    match (failure, seen.peer) {
        (None, Some(peer)) => vec![tls(seen.was_asked), certificate(peer)],
        (None, None) => {
            let what = "the server has shown no certificate".to_owned();
            let stop = Stop::new(CloseReason::Internal, what);
            vec![tls(seen.was_asked), (Step::Certificate, Err(stop))]
        }
        (Some(stop), peer) if is_about_certificate(&stop) => {
            let stop = Stop {
                certificate: stop
                    .certificate
                    .or(peer.map(|peer| Box::new(peer.as_ref().clone()))),
                ..stop
            };
            // We have not come so far as to be asked for ours.
            vec![tls(None), (Step::Certificate, Err(stop))]
        }
        (Some(stop), Some(peer)) if stop.reason == CloseReason::CertificateRefused => {
            let answer = (Step::Answer, Err(stop));
            vec![tls(seen.was_asked), certificate(peer), answer]
        }
        (Some(stop), _) => vec![(Step::Tls, Err(stop))],
    }
}

/// Whether it is the gateway's certificate that we have refused.
fn is_about_certificate(stop: &Stop) -> bool {
    let about = CloseReason::CertMissing..=CloseReason::StapleInvalid;
    stop.certificate.is_some() || about.contains(&stop.reason)
}

/// What a read behind the handshake means: none if it has told nothing yet. As the relay would have it.
pub(super) fn of_answer(
    fill: Fill,
    error: Option<TlsError>,
    on_truncation: OnTruncation,
) -> Option<Result<Found, Stop>> {
    let mute = |reason| Some(Err(Stop::new(reason, MUTE_END.to_owned())));
    match fill {
        Fill::Blocked | Fill::Bytes(0) => None,
        Fill::Bytes(count) | Fill::Last(count) => Some(Ok(Found::Spoke(count))),
        Fill::End => mute(CloseReason::Completed),
        Fill::Truncated => mute(match on_truncation {
            OnTruncation::Abort => CloseReason::TlsTruncated,
            OnTruncation::End => CloseReason::Completed,
        }),
        Fill::Reset => mute(CloseReason::SourceReset),
        Fill::Failed(reason) => {
            let detail = error.map(|error| error.detail).unwrap_or_default();
            Some(Err(Stop::new(reason, detail)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str) -> Seen {
        let peer = PeerCert {
            subject: peer.to_owned(),
            ..PeerCert::default()
        };
        Seen {
            was_asked: Some(true),
            peer: Some(Arc::new(peer)),
            ..Seen::default()
        }
    }

    fn stop(reason: CloseReason, certificate: Option<&str>) -> Stop {
        let named = |subject: &str| PeerCert {
            subject: subject.to_owned(),
            ..PeerCert::default()
        };
        Stop {
            reason,
            detail: "why".to_owned(),
            certificate: certificate.map(|subject| Box::new(named(subject))),
        }
    }

    /// The steps, each with the reason for which it failed.
    fn steps(failure: Option<Stop>, seen: Seen) -> Vec<(Step, Option<CloseReason>)> {
        let steps = of_handshake(failure, seen).into_iter();
        steps
            .map(|(step, result)| (step, result.err().map(|stop| stop.reason)))
            .collect()
    }

    #[test]
    fn a_good_handshake_is_two_steps_and_the_gateways_certificate_is_told() {
        let told = of_handshake(None, seen("gateway"));
        assert_eq!(told[0].1, Ok(Found::Tls(Negotiated::default(), Some(true))));
        let Ok(Found::Certificate(cert)) = &told[1].1 else {
            panic!("{told:?}");
        };
        assert_eq!(cert.subject, "gateway");
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn each_failure_is_told_at_the_step_that_it_is_about() {
        use CloseReason::*;
        let cases = [
            (TlsPlaintext, None, vec![(Step::Tls, Some(TlsPlaintext))]),
            (
                HandshakeClosed,
                None,
                vec![(Step::Tls, Some(HandshakeClosed))],
            ),
            (TlsAlert, None, vec![(Step::Tls, Some(TlsAlert))]),
            (
                CertExpired,
                Some("theirs"),
                vec![(Step::Tls, None), (Step::Certificate, Some(CertExpired))],
            ),
            (
                CertBadSignature,
                None,
                vec![
                    (Step::Tls, None),
                    (Step::Certificate, Some(CertBadSignature)),
                ],
            ),
            (
                CertificateRefused,
                None,
                vec![
                    (Step::Tls, None),
                    (Step::Certificate, None),
                    (Step::Answer, Some(CertificateRefused)),
                ],
            ),
        ];
        for (reason, certificate, expected) in cases {
            let told = steps(Some(stop(reason, certificate)), seen("gateway"));
            assert_eq!(told, expected);
        }
        // Without the gateway's certificate there is no second step.
        let told = steps(Some(stop(CertificateRefused, None)), Seen::default());
        assert_eq!(told, [(Step::Tls, Some(CertificateRefused))]);
    }

    #[test]
    fn a_refused_certificate_is_shown_and_before_it_nobody_has_asked_for_ours() {
        for (certificate, shown) in [(Some("theirs"), "theirs"), (None, "gateway")] {
            let stop = stop(CloseReason::CertBadSignature, certificate);
            let told = of_handshake(Some(stop), seen("gateway"));
            assert_eq!(told[0].1, Ok(Found::Tls(Negotiated::default(), None)));
            let refused = told[1]
                .1
                .as_ref()
                .err()
                .and_then(|stop| stop.certificate.as_ref());
            assert_eq!(refused.map(|cert| cert.subject.as_str()), Some(shown));
        }
    }

    #[test]
    fn the_first_read_is_an_answer_or_a_refusal_or_nothing_yet() {
        use CloseReason::*;
        let answer = |fill| of_answer(fill, None, OnTruncation::Abort);
        for nothing in [Fill::Blocked, Fill::Bytes(0)] {
            assert_eq!(answer(nothing), None);
        }
        for bytes in [Fill::Bytes(7), Fill::Last(7)] {
            assert_eq!(answer(bytes), Some(Ok(Found::Spoke(7))));
        }
        let reason = |fill, on_truncation| {
            let answer = of_answer(fill, None, on_truncation);
            answer.and_then(Result::err).map(|stop| stop.reason)
        };
        for (fill, expected) in [
            (Fill::End, Completed),
            (Fill::Truncated, TlsTruncated),
            (Fill::Reset, SourceReset),
            (Fill::Failed(CertificateRefused), CertificateRefused),
        ] {
            assert_eq!(reason(fill, OnTruncation::Abort), Some(expected));
        }
        assert_eq!(reason(Fill::Truncated, OnTruncation::End), Some(Completed));
    }

    #[test]
    fn a_refusal_keeps_the_words_of_the_session() {
        let error = TlsError {
            reason: CloseReason::CertificateRefused,
            detail: "unknown_ca".to_owned(),
            certificate: None,
        };
        let fill = Fill::Failed(error.reason);
        let answer = of_answer(fill, Some(error), OnTruncation::Abort);
        let Some(Err(stop)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(stop.detail, "unknown_ca");
    }
}
