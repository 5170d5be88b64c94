//! What a connection may come to.

use super::kind::Kind;
use super::ledger::{ClientSaw, Line, ServiceSaw};
use super::pairs::Pair;

/// What an outcome is held to.
enum Expected {
    /// All bytes have arrived, everybody has ended, and everybody counts the same.
    Whole,
    /// It has ended for one of these reasons, nobody was told that it was whole, and what has arrived is a
    /// beginning of what was sent.
    Broken(&'static [&'static str]),
    /// As a broken one, and not a byte of a stream has gone either way.
    Nothing(&'static [&'static str]),
    /// Either whole or broken.
    Either(&'static [&'static str]),
}

fn expected(pair: Pair, kind: Kind) -> Expected {
    match kind {
        Kind::WithoutCertificate => Expected::Nothing(&["cert_missing"]),
        Kind::OfForeignAuthority => Expected::Nothing(&["cert_unknown_authority"]),
        Kind::Rubbish => Expected::Nothing(&["tls_malformed", "tls_plaintext", "handshake_closed"]),
        Kind::Silent => Expected::Nothing(&["handshake_timeout"]),
        _ => match trouble(pair) {
            Some(expected) => expected,
            None if matches!(kind, Kind::ClientResets | Kind::ServiceResets) => {
                Expected::Broken(&["source_reset", "sink_lost"])
            }
            None => Expected::Whole,
        },
    }
}

/// What may become of connections of a pair that is in trouble; none, where nothing but its client may end
/// a connection.
fn trouble(pair: Pair) -> Option<Expected> {
    match pair {
        Pair::Nginx | Pair::Server | Pair::Bridge => None,
        // Their gateways are killed, or not there.
        Pair::Shaky | Pair::Openssl => Some(Expected::Either(&[
            "connect_refused",
            "handshake_closed",
            "source_reset",
            "sink_lost",
            "tls_truncated",
        ])),
        // It is answered with a part of its own hello at the most.
        Pair::Mute => Some(Expected::Nothing(&[
            "connect_refused",
            "handshake_closed",
            "handshake_timeout",
            "tls_malformed",
        ])),
        // Its clients' handshakes have a few seconds, which a busy machine may need.
        Pair::Moody => Some(Expected::Either(&[
            "connect_refused",
            "handshake_timeout",
            "source_reset",
            "sink_lost",
            "tls_truncated",
        ])),
        // It goes while it is dialled for somebody.
        Pair::Extra => Some(Expected::Either(&["reloaded"])),
    }
}

/// Whether what the service saw may be needed.
pub(super) fn asks_the_service(pair: Pair, kind: Kind) -> bool {
    let may_be_whole = matches!(expected(pair, kind), Expected::Whole | Expected::Either(_));
    pair != Pair::Openssl && may_be_whole
}

/// Whether what the service saw is needed, now that the others have spoken.
pub(super) fn needs_service(pair: Pair, kind: Kind, client: &ClientSaw, line: &Line) -> bool {
    asks_the_service(pair, kind) && client.is_clean && line.reason == "completed"
}

/// Whether that is what should have become of a connection.
pub(super) fn connection(
    pair: Pair,
    kind: Kind,
    client: &ClientSaw,
    line: &Line,
    service: Option<&ServiceSaw>,
) -> Result<(), String> {
    let reason = line.reason.as_str();
    if reason == "internal" {
        return Err("a fault of the program".to_owned());
    }
    if client.is_wrong {
        return Err("something came to its client that nobody has sent".to_owned());
    }
    let is_nothing = (line.outward, line.inward, client.received) == (0, 0, 0);
    match expected(pair, kind) {
        Expected::Whole => whole(client, line, service),
        Expected::Either(_) if reason == "completed" => whole(client, line, service),
        Expected::Broken(reasons) | Expected::Nothing(reasons) | Expected::Either(reasons)
            if !reasons.contains(&reason) =>
        {
            Err(format!("the reason {reason} should be among {reasons:?}"))
        }
        Expected::Nothing(_) if !is_nothing => Err("bytes have gone through".to_owned()),
        Expected::Broken(_) | Expected::Nothing(_) | Expected::Either(_) => {
            broken(client, line, service)
        }
    }
}

/// It is the end of everything, and all count the same.
fn whole(client: &ClientSaw, line: &Line, service: Option<&ServiceSaw>) -> Result<(), String> {
    if line.reason != "completed" || !client.is_clean {
        return Err(format!("it should be complete, and is {}", line.reason));
    }
    if !client.is_right {
        return Err("its client saw a clean end, and not all or not the right bytes".to_owned());
    }
    if (client.sent, client.received) != (line.outward, line.inward) {
        return Err("client and program do not count the same".to_owned());
    }
    match service {
        Some(saw) if !saw.is_whole => Err("the service did not see its end".to_owned()),
        Some(saw) if (saw.received, saw.sent) != (line.outward, line.inward) => {
            Err("service and program do not count the same".to_owned())
        }
        _ => Ok(()),
    }
}

/// Nobody takes a part for the whole, and nobody got more than was there.
fn broken(client: &ClientSaw, line: &Line, service: Option<&ServiceSaw>) -> Result<(), String> {
    if client.is_clean {
        return Err(format!("its client saw a clean end of {}", line.reason));
    }
    if line.outward > client.sent || client.received > line.inward {
        return Err("more has arrived than the program, or it, was given".to_owned());
    }
    match service {
        Some(saw) if saw.received > line.outward || line.inward > saw.sent => {
            Err("more has arrived than the service, or it, was given".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reason: &str) -> Line {
        Line {
            outward: 3,
            inward: 5,
            reason: reason.to_owned(),
            text: String::new(),
        }
    }

    const WHOLE: ClientSaw = ClientSaw {
        sent: 3,
        received: 5,
        is_clean: true,
        is_right: true,
        is_wrong: false,
    };
    const PART: ClientSaw = ClientSaw {
        sent: 4,
        received: 2,
        is_clean: false,
        is_right: false,
        is_wrong: false,
    };
    const NOTHING: ClientSaw = ClientSaw {
        sent: 0,
        received: 0,
        ..PART
    };
    const SERVED: ServiceSaw = ServiceSaw {
        received: 3,
        sent: 5,
        is_whole: true,
    };

    fn is_good(pair: Pair, kind: Kind, client: ClientSaw, reason: &str) -> bool {
        connection(pair, kind, &client, &line(reason), Some(&SERVED)).is_ok()
    }

    #[test]
    fn a_calm_connection_is_complete_and_counted_alike_by_all() {
        let judge = |client, reason| is_good(Pair::Server, Kind::Up, client, reason);
        assert!(judge(WHOLE, "completed"));
        assert!(!judge(WHOLE, "sink_lost"));
        assert!(!judge(ClientSaw { sent: 4, ..WHOLE }, "completed"));
        let is_clean = false;
        assert!(!judge(ClientSaw { is_clean, ..WHOLE }, "completed"));
        let less = ServiceSaw {
            received: 2,
            ..SERVED
        };
        let judged = connection(
            Pair::Server,
            Kind::Up,
            &WHOLE,
            &line("completed"),
            Some(&less),
        );
        assert!(judged.is_err());
    }

    #[test]
    fn in_trouble_half_an_answer_may_not_be_taken_for_a_whole_one() {
        let judge = |client, reason| is_good(Pair::Shaky, Kind::Down, client, reason);
        let half = ClientSaw {
            is_right: false,
            ..WHOLE
        };
        assert!(judge(WHOLE, "completed"));
        assert!(judge(PART, "tls_truncated"));
        assert!(!judge(half, "completed"));
        assert!(!judge(half, "tls_truncated"));
        assert!(!judge(PART, "completed"));
        assert!(!judge(PART, "internal"));
    }

    #[test]
    fn a_pair_in_trouble_has_no_reason_but_those_of_its_trouble() {
        let judge = |pair, reason| is_good(pair, Kind::Short, PART, reason);
        assert!(judge(Pair::Moody, "connect_refused"));
        assert!(!judge(Pair::Extra, "connect_refused"));
        assert!(!judge(Pair::Shaky, "handshake_timeout"));
        assert!(!judge(Pair::Openssl, "tls_bad_record"));
    }

    #[test]
    fn whatever_breaks_nobody_gets_more_than_was_sent_or_something_else() {
        for (pair, kind) in [
            (Pair::Server, Kind::ClientResets),
            (Pair::Server, Kind::ServiceResets),
            (Pair::Shaky, Kind::Down),
        ] {
            let judge = |client| is_good(pair, kind, client, "source_reset");
            assert!(judge(PART));
            assert!(!judge(ClientSaw { sent: 2, ..PART }));
            let received = 6;
            assert!(!judge(ClientSaw { received, ..PART }));
            let is_wrong = true;
            assert!(!judge(ClientSaw { is_wrong, ..PART }));
            for (received, sent) in [(4, 5), (3, 4)] {
                let more = ServiceSaw {
                    received,
                    sent,
                    is_whole: false,
                };
                let line = line("source_reset");
                assert!(connection(pair, kind, &PART, &line, Some(&more)).is_err());
            }
        }
    }

    #[test]
    fn a_stranger_is_refused_for_what_it_is_and_no_byte_goes_through() {
        let judge = |client: &ClientSaw, line: &Line| {
            connection(Pair::Server, Kind::WithoutCertificate, client, line, None).is_ok()
        };
        let refused = Line {
            outward: 0,
            inward: 0,
            ..line("cert_missing")
        };
        assert!(judge(&NOTHING, &refused));
        assert!(!judge(&NOTHING, &line("cert_missing")));
        let received = 1;
        assert!(!judge(
            &ClientSaw {
                received,
                ..NOTHING
            },
            &refused
        ));
        let reason = "completed".to_owned();
        assert!(!judge(&NOTHING, &Line { reason, ..refused }));
    }
}
