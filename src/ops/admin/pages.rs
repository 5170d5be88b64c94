//! Health, readiness and certificates, from what is known of them.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::identity::PeerCert;
use crate::ops::board::{Board, Stage};
use crate::ops::fips::Evidence;
use crate::ops::supervisor::unix_now;
use crate::reactor::Generation;

const DAY: i64 = 86_400;

/// A pair's own certificate.
pub(super) struct Own<'a> {
    pub(super) pair: &'a str,
    pub(super) file: String,
    pub(super) cert: &'a PeerCert,
}

/// The pairs' own certificates, in the order of the configuration.
pub(super) fn own(generation: &Generation) -> Vec<Own<'_>> {
    let posts = generation.posts().iter();
    let own = posts.map(|post| Own {
        pair: &post.served.pair.name,
        file: post.served.pair.tls.cert.display().to_string(),
        cert: &post.served.credentials.cert,
    });
    own.collect()
}

/// A page of JSON, and whether all is well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) is_well: bool,
    pub(super) json: String,
}

impl Page {
    pub(super) fn new(is_well: bool, content: &impl Serialize) -> Page {
        Page {
            is_well,
            // None of them has what JSON cannot say.
            json: serde_json::to_string(content).unwrap_or_default(),
        }
    }
}

#[derive(Serialize)]
struct Status<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// `{"status":"alive"}`, or for how long a thread has not answered.
pub(super) fn health(silence: Option<Duration>) -> Page {
    let status = match silence {
        None => "alive",
        Some(_) => "not alive",
    };
    let reason = silence.map(|silence| {
        let seconds = silence.as_secs();
        format!("a thread that serves has not answered for {seconds} s")
    });
    Page::new(silence.is_none(), &Status { status, reason })
}

/// `{"status":"ready"}`, or why it is not. Certificates that are not `valid` at `now`, in seconds since 1970,
/// count only where `all` must be valid.
pub(super) fn readiness(stage: Stage, certificates: &[Own<'_>], now: i64) -> Page {
    let reason = match stage {
        Stage::Starting => Some("starting".to_owned()),
        Stage::Draining => Some("draining".to_owned()),
        Stage::Serving => certificates.iter().find_map(|own| invalidity(own, now)),
    };
    let status = match reason {
        None => "ready",
        Some(_) => "not ready",
    };
    Page::new(reason.is_none(), &Status { status, reason })
}

/// What `mtls-persona fips --json` tells, of the program as it runs.
pub(super) fn fips(board: &Board) -> Page {
    let generation = board.generation();
    let pairs = generation.posts().iter().map(|post| &*post.served.pair);
    let origin = &board.origin;
    let evidence = Evidence::running(pairs, &origin.fips, unix_now());
    Page::new(true, &evidence)
}

fn invalidity(own: &Own<'_>, now: i64) -> Option<String> {
    let file = &own.file;
    if own.cert.not_after < now {
        return Some(format!("the certificate in {file} has expired"));
    }
    (own.cert.not_before > now).then(|| format!("the certificate in {file} is not valid yet"))
}

/// Until when a certificate is valid.
#[derive(Serialize)]
pub(super) struct Left {
    days_left: i64,
    not_after: String,
}

#[derive(Serialize)]
struct Listed<'a> {
    pair: &'a str,
    file: &'a str,
    subject: &'a str,
    serial: &'a str,
    not_before: String,
    #[serde(flatten)]
    left: Left,
}

#[derive(Serialize)]
struct List<'a> {
    certificates: Vec<Listed<'a>>,
}

/// `{"certificates":[…]}`, each with `days_left` and `not_after`. `now` is in seconds since 1970.
pub(super) fn certificates(certificates: &[Own<'_>], now: i64) -> Page {
    let listed = certificates.iter().map(|own| Listed {
        pair: own.pair,
        file: &own.file,
        subject: &own.cert.subject,
        serial: &own.cert.serial,
        not_before: time(own.cert.not_before),
        left: left(own.cert, now),
    });
    let list = List {
        certificates: listed.collect(),
    };
    Page::new(true, &list)
}

/// `{"days_left":N,"not_after":"…"}` of the certificate that ends first, as mtlsd tells it of its one.
pub(super) fn first_to_end(certificates: &[Own<'_>], now: i64) -> Page {
    let first = certificates.iter().min_by_key(|own| own.cert.not_after);
    match first {
        Some(own) => Page::new(true, &left(own.cert, now)),
        None => {
            let reason = Some("no certificate is loaded yet".to_owned());
            let status = "not ready";
            Page::new(false, &Status { status, reason })
        }
    }
}

/// How long a certificate is valid from `now` on, in seconds since 1970.
pub(super) fn left(cert: &PeerCert, now: i64) -> Left {
    Left {
        days_left: cert.not_after.saturating_sub(now) / DAY,
        not_after: time(cert.not_after),
    }
}

/// How long the program has run, in milliseconds.
pub(super) fn uptime(board: &Board) -> u64 {
    let now = tokio::time::Instant::now().into_std();
    millis(now.saturating_duration_since(board.origin.started))
}

/// As whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A time in seconds since 1970, as RFC 3339 writes it; empty if it is beyond the year 9999.
pub(super) fn time(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds);
    time.map_or_else(|_| String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cert(not_before: i64, not_after: i64) -> PeerCert {
        PeerCert {
            subject: "CN=a \"b\"".to_owned(),
            serial: "0a".to_owned(),
            not_before,
            not_after,
            ..PeerCert::default()
        }
    }

    fn own<'a>(pair: &'a str, cert: &'a PeerCert) -> Own<'a> {
        Own {
            pair,
            file: format!("{pair}.pem"),
            cert,
        }
    }

    fn page(is_well: bool, json: &str) -> Page {
        Page {
            is_well,
            json: json.to_owned(),
        }
    }

    #[test]
    fn health_is_told_in_these_words() {
        assert_eq!(health(None), page(true, r#"{"status":"alive"}"#));
        let reason = "a thread that serves has not answered for 7 s";
        let json = format!(r#"{{"status":"not alive","reason":"{reason}"}}"#);
        let silence = Some(Duration::from_millis(7900));
        assert_eq!(health(silence), page(false, &json));
    }

    #[test]
    fn it_is_ready_while_it_serves() {
        let ready = readiness(Stage::Serving, &[], 0);
        assert_eq!(ready, page(true, r#"{"status":"ready"}"#));
        for (stage, reason) in [(Stage::Starting, "starting"), (Stage::Draining, "draining")] {
            let json = format!(r#"{{"status":"not ready","reason":"{reason}"}}"#);
            assert_eq!(readiness(stage, &[], 0), page(false, &json));
        }
    }

    #[test]
    fn it_is_not_ready_with_a_certificate_that_is_not_valid() {
        let (good, bad) = (cert(0, 9), cert(5, 7));
        for (now, is_well) in [(4, false), (5, true), (7, true), (8, false)] {
            let both = [own("good", &good), own("bad", &bad)];
            let page = readiness(Stage::Serving, &both, now);
            assert_eq!(page.is_well, is_well, "{now}");
            assert_eq!(page.json.contains("bad.pem"), !is_well, "{now}");
        }
    }

    #[test]
    fn a_certificate_is_told_with_its_end_and_the_whole_days_until_then() {
        let (sooner, later) = (cert(0, 3 * DAY - 1), cert(DAY, 10 * DAY));
        let both = [own("later", &later), own("sooner", &sooner)];
        let first = r#"{"days_left":1,"not_after":"1970-01-03T23:59:59Z"}"#;
        assert_eq!(first_to_end(&both, DAY), page(true, first));
        assert!(!first_to_end(&[], DAY).is_well);
        let list = r#"{"certificates":[{"pair":"later","file":"later.pem","subject":"CN=a \"b\"","#;
        let list = format!(
            r#"{list}"serial":"0a","not_before":"1970-01-02T00:00:00Z","days_left":9,"not_after":"1970-01-11T00:00:00Z"}}]}}"#
        );
        assert_eq!(certificates(&both[..1], DAY), page(true, &list));
        let expired = first_to_end(&both, 10 * DAY);
        assert!(
            expired.json.starts_with(r#"{"days_left":-7,"#),
            "{expired:?}"
        );
    }
}
