//! What a connection may come to.

use super::ledger::{ClientSaw, Kind, Line, ServiceSaw};
use super::pairs::Pair;

/// Whether nothing but its client may end a connection of such a pair.
fn is_calm(pair: Pair) -> bool {
    matches!(pair, Pair::Nginx | Pair::Server | Pair::Bridge)
}

/// What an outcome is held to.
enum Expected {
    /// All bytes have arrived, everybody has ended, and everybody counts the same.
    Whole,
    /// It has ended for one of these reasons, and nobody was told that it was whole.
    Broken(&'static [&'static str]),
    /// Whatever becomes of it, half an answer is not taken for a whole one.
    Honest,
}

fn expected(pair: Pair, kind: Kind) -> Expected {
    match kind {
        Kind::WithoutCertificate => Expected::Broken(&["cert_missing"]),
        Kind::OfForeignAuthority => Expected::Broken(&["cert_unknown_authority"]),
        Kind::Rubbish => Expected::Broken(&["tls_malformed", "tls_plaintext", "handshake_closed"]),
        Kind::Silent => Expected::Broken(&["handshake_timeout"]),
        _ if !is_calm(pair) => Expected::Honest,
        Kind::ClientResets | Kind::ServiceResets => {
            Expected::Broken(&["source_reset", "sink_lost"])
        }
        _ => Expected::Whole,
    }
}

/// Whether what the service saw may be needed.
pub(super) fn asks_the_service(pair: Pair, kind: Kind) -> bool {
    pair != Pair::Openssl && !matches!(expected(pair, kind), Expected::Broken(_))
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
    match expected(pair, kind) {
        Expected::Whole if reason != "completed" || !client.is_clean => {
            Err(format!("it should be complete, and is {reason}"))
        }
        Expected::Broken(reasons) if !reasons.contains(&reason) => {
            Err(format!("the reason {reason} should be among {reasons:?}"))
        }
        Expected::Broken(_) if client.is_clean => Err("its client saw a clean end".to_owned()),
        Expected::Broken(_) => Ok(()),
        Expected::Whole | Expected::Honest => honest(client, line, service),
    }
}

/// A clean end is the end of everything, and all count the same.
fn honest(client: &ClientSaw, line: &Line, service: Option<&ServiceSaw>) -> Result<(), String> {
    if !client.is_clean {
        return Ok(());
    }
    if !client.is_right {
        return Err("its client saw a clean end, and not all or not the right bytes".to_owned());
    }
    if line.reason != "completed" {
        return Err(format!("its client saw a clean end of {}", line.reason));
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
        let broken = ClientSaw {
            is_clean: false,
            ..half
        };
        assert!(judge(broken, "tls_truncated"));
        assert!(!judge(half, "completed"));
        assert!(!judge(broken, "internal"));
    }

    #[test]
    fn a_stranger_is_refused_for_what_it_is() {
        let client = ClientSaw::default();
        let judge = |reason| is_good(Pair::Server, Kind::WithoutCertificate, client, reason);
        assert!(judge("cert_missing"));
        assert!(!judge("completed"));
    }
}
