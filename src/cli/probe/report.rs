//! What `probe` tells: a line for each step, and below it what belongs to it.

use super::steps::{ANSWER_PATIENCE, Told};
use super::verdict::{Found, Step, Stop};
use crate::cli::certificate;
use crate::cli::check::destination;
use crate::config::{Pair, ProxyVersion};
use crate::conn::Judgement;
use crate::conn::race::Failure;
use crate::identity::{PeerCert, Standing, standing};
use crate::net::Endpoint;
use crate::tls::Negotiated;

/// How far the lines below a step are indented: as the words of the step are.
const BELOW: usize = 15;

/// Told of a connector.
pub(super) const NO_DESTINATION: &str =
    "  a connector goes where its database says, for a client that may: nothing is dialled\n";

/// Which pair it is, and who we are towards its destination.
pub(super) fn heading(pair: &Pair, own: &PeerCert) -> String {
    let (name, mode) = (&pair.name, pair.mode);
    let us = match pair.outbound_tls() {
        true => format!(", as {:?}", own.subject),
        false => String::new(),
    };
    let to = destination(pair);
    format!("pair {name}: {mode} {} -> {to}{us}\n", pair.inbound)
}

/// A step: its word, `ok` or the reason word of the access log, how long it took, and what was found.
/// `now` is in seconds since 1970.
pub(super) fn step(pair: &Pair, told: &Told, now: i64) -> String {
    let (word, what) = match &told.result {
        Ok(found) => ("ok", words(pair, found)),
        Err(stop) => (stop.reason.label(), stop.detail.clone()),
    };
    let took = told.took.map(|took| format!(" ({} ms)", took.as_millis()));
    let took = took.unwrap_or_default();
    let colon = match what.is_empty() {
        true => "",
        false => ": ",
    };
    let step = told.step.label();
    let mut text = format!("  {step:<12} {word}{took}{colon}{}\n", escaped(&what));
    for (label, what) in below(pair, told, now) {
        text += &certificate::line(BELOW, label, &what);
    }
    text
}

fn words(pair: &Pair, found: &Found) -> String {
    match found {
        Found::NoName(address) => format!("{address} needs no look-up"),
        Found::Addresses(host, addresses) => format!("{host} is {}", listed(addresses)),
        Found::Connected(endpoint, others) => {
            let others = others.iter().map(beside);
            format!("{endpoint} answers{}", others.collect::<String>())
        }
        Found::Proxied(version) => proxied(*version),
        Found::Tls(negotiated, was_asked) => tls(negotiated, *was_asked),
        Found::Certificate(_) => match &pair.server_name {
            Some(name) => format!("it proves to be {name}"),
            None => "it has a pinned key".to_owned(),
        },
        Found::Access(Judgement::Admitted(Some(rule))) => format!("admitted by {rule:?}"),
        Found::Access(Judgement::Admitted(None)) if pair.tls.pins.is_some() => {
            "every gateway with a pinned key".to_owned()
        }
        Found::Access(Judgement::Admitted(None)) => "every gateway that proves its name".to_owned(),
        Found::Access(Judgement::Observed | Judgement::Denied) => {
            "no rule names it; it is admitted as allow_mode is observe".to_owned()
        }
        Found::Spoke(1) => "it has accepted us, and sent 1 byte first".to_owned(),
        Found::Spoke(count) => format!("it has accepted us, and sent {count} bytes first"),
        Found::Silence => format!("it has not objected within {} s", ANSWER_PATIENCE.as_secs()),
    }
}

fn listed(items: &[impl ToString]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

/// Whether it is understood shows at the next step, if there is one.
fn proxied(version: ProxyVersion) -> String {
    let what = match version {
        ProxyVersion::V1 => "with our own address: version 1 has no other word for a check",
        ProxyVersion::V2 => "LOCAL: a check, made for nobody",
    };
    format!("sent a PROXY header {version}, {what}")
}

/// An address that was tried beside the one that answered.
fn beside((endpoint, failure): &(Endpoint, Option<Failure>)) -> String {
    match failure {
        Some(failure) => format!("; {endpoint}: {failure}"),
        None => format!("; {endpoint}: no answer yet"),
    }
}

fn tls(negotiated: &Negotiated, was_asked: Option<bool>) -> String {
    let Negotiated {
        version,
        suite,
        group,
        ..
    } = negotiated;
    let known = [version, suite, group].into_iter();
    let known: Vec<_> = known.filter(|word| !word.is_empty()).cloned().collect();
    let asked = match was_asked {
        Some(true) => "; it asked for our certificate",
        Some(false) => "; it asked for no certificate: it cannot know who we are",
        None => "",
    };
    known.join(", ") + asked
}

/// The lines below a step, each with its label.
fn below(pair: &Pair, told: &Told, now: i64) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let cert = match &told.result {
        Ok(Found::Certificate(cert)) => Some(cert.as_ref()),
        Err(stop) => stop.certificate.as_deref(),
        Ok(_) => None,
    };
    if let (Step::Certificate, Err(_), Some(name)) = (told.step, &told.result, &pair.server_name) {
        lines.push(("expected", name.to_string()));
    }
    if let Some(cert) = cert {
        lines.extend(certificate::facts(cert, now));
        let standing = standing(cert, now);
        if let Standing::Late(_) = standing {
            lines.push(("warning", standing.to_string()));
        }
    }
    if let Err(Stop { reason, .. }) = &told.result
        && !reason.remedy().is_empty()
    {
        lines.push(("remedy", reason.remedy().to_owned()));
    }
    lines
}

/// What of a pair is not probed.
pub(super) fn remark(pair: &Pair) -> &'static str {
    match pair.mode.inbound_tls() {
        true => "  (its own certificate as a server is proven by `mtls-persona check`)\n",
        false => "",
    }
}

/// How it went: the names of the pairs that were not reached.
pub(super) fn end(missed: &[&str]) -> String {
    match missed {
        [] => "ok\n".to_owned(),
        missed => format!("not reached: {}\n", missed.join(", ")),
    }
}

/// Text that may hold a stranger's words, so that it cannot steer the terminal.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\'' => escaped.push(letter),
            other => escaped.extend(other.escape_debug()),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    /// The text of a step that was told, of a pair before a gateway that must prove `gateway`.
    fn text(step_: Step, result: Result<Found, Stop>) -> String {
        let text = r#"{ "cert": "c", "key": "k", "ca": "a", "address_pairs":
            [{ "inbound": ":1", "outbound": "gateway:2" }] }"#;
        let Ok(loaded) = config::parse(text) else {
            panic!("no configuration");
        };
        let took = Some(std::time::Duration::from_millis(3));
        let told = Told {
            step: step_,
            took,
            result,
        };
        step(&loaded.config.pairs[0], &told, 0)
    }

    #[test]
    fn a_step_is_a_line_with_its_word_its_time_and_what_was_found() {
        let found = Found::Addresses("gateway".into(), vec![[192, 0, 2, 7].into()]);
        let line = "  name         ok (3 ms): gateway is 192.0.2.7\n";
        assert_eq!(text(Step::Name, Ok(found)), line);
        let endpoint = |text: &str| Endpoint::Unix(text.into());
        let others = vec![
            (endpoint("/b"), Some(Failure::Unreachable)),
            (endpoint("/c"), None),
        ];
        let line = text(Step::Connect, Ok(Found::Connected(endpoint("/a"), others)));
        for words in [
            "unix:/a answers",
            "unix:/b: unreachable",
            "unix:/c: no answer yet",
        ] {
            assert!(line.contains(words), "{line}");
        }
    }

    #[test]
    fn a_failure_is_its_reason_word_with_the_remedy_below() {
        let stop = Stop::new(
            crate::base::reason::CloseReason::HandshakeTimeout,
            String::new(),
        );
        let told = text(Step::Tls, Err(stop.clone()));
        let mut lines = told.lines();
        assert_eq!(
            lines.next(),
            Some("  tls          handshake_timeout (3 ms)")
        );
        assert!(
            lines
                .next()
                .is_some_and(|line| line.ends_with(stop.reason.remedy()))
        );
    }

    #[test]
    fn words_of_a_stranger_cannot_steer_the_terminal() {
        let reason = crate::base::reason::CloseReason::CertExpired;
        let stop = Stop::new(reason, "\u{1b}[2J\n\u{202e}\"it\'s\"".to_owned());
        let told = text(Step::Certificate, Err(stop));
        let line = told.lines().next().unwrap_or_default();
        assert!(line.ends_with(r#": \u{1b}[2J\n\u{202e}"it's""#), "{line}");
        assert!(told.contains("expected gateway"), "{told}");
    }

    #[test]
    fn who_was_asked_for_nothing_is_told_so() {
        let line = |was_asked| text(Step::Tls, Ok(Found::Tls(Negotiated::default(), was_asked)));
        assert!(line(Some(true)).contains("asked for our certificate"));
        assert!(line(Some(false)).contains("asked for no certificate"));
        assert!(!line(None).contains("asked"));
    }
}
