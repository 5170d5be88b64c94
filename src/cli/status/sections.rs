//! Pairs, connections, failures and loads.

use jiff::Timestamp;

use super::facts::{Certificate, Connection, Connections, Failure, Leg, Load, Pair, Peer, Status};
use super::layout::{Cell, Line, Shade, safe, table, wrapped};
use super::report::problems;
use super::units::{bytes, many, rate, span, time};
use crate::identity::{PeerCert, Standing, standing};

/// What is shown of each; the others are counted.
const CONNECTIONS_MAX: usize = 20;
const FAILURES_MAX: usize = 5;
const LOADS_MAX: usize = 3;

/// A name that is longer is told in the pair's own line below.
const INDENT: usize = 4;

fn title(text: &str, count: &str) -> Line {
    Line::of(Shade::Strong, text).and(Shade::Dim, format!("  {count}"))
}

fn plain(text: impl Into<String>) -> Cell {
    (Shade::Plain, text.into())
}

/// What is not shown, if there is such.
fn more(count: usize) -> Option<Line> {
    let told = format!("{:INDENT$}… and {count} more", "");
    (count > 0).then(|| Line::of(Shade::Dim, told))
}

/// The pairs with what they carry, and their own certificates.
pub(super) fn pairs(status: &Status, width: usize) -> Vec<Line> {
    let now = seconds(&status.time);
    let rows = status.pairs.iter().map(|pair| {
        let cells = [
            plain(safe(&pair.name)),
            state(pair),
            plain(pair.connections.active.to_string()),
            plain(pair.connections.total.to_string()),
            certificate(&pair.certificate, now),
            plain(rate(&pair.rates.outward)),
            plain(rate(&pair.rates.inward)),
            plain(bytes(pair.bytes_outward)),
            plain(bytes(pair.bytes_inward)),
        ];
        (cells, joins(pair, width))
    });
    let headings = [
        ("pair", false),
        ("state", false),
        ("live", true),
        ("all", true),
        ("cert", true),
        ("out/s", true),
        ("in/s", true),
        ("out", true),
        ("in", true),
    ];
    let mut lines = vec![title("pairs", &status.pairs_total.to_string())];
    lines.extend(table(headings, rows.collect(), width));
    lines.extend(more(status.pairs_total.saturating_sub(status.pairs.len())));
    lines
}

fn state(pair: &Pair) -> Cell {
    let shade = match pair.state.as_str() {
        "listening" => Shade::Good,
        "failing" => Shade::Bad,
        _ => Shade::Fair,
    };
    (shade, safe(&pair.state))
}

/// From where to where, and what is wrong with that.
fn joins(pair: &Pair, width: usize) -> Vec<Line> {
    let from = match pair.listening.is_empty() {
        true => pair.inbound.clone(),
        false => pair.listening.join(", "),
    };
    let told = format!("{}  {} -> {}", pair.mode, from, pair.outbound);
    let mut lines = wrapped(INDENT, Shade::Dim, &safe(&told), width);
    if let Some(failing) = &pair.failing {
        let told = format!("{}: {}", failing.reason, failing.remedy);
        lines.extend(wrapped(INDENT, Shade::Bad, &safe(&told), width));
    }
    lines
}

/// The days that are left, as serious as the log takes them.
fn certificate(certificate: &Certificate, now: i64) -> Cell {
    let cert = PeerCert {
        not_before: seconds(&certificate.not_before),
        not_after: seconds(&certificate.not_after),
        ..PeerCert::default()
    };
    let days = format!("{} d", certificate.days_left);
    match standing(&cert, now) {
        Standing::Good => (Shade::Good, days),
        Standing::Late(_) => (Shade::Fair, days),
        Standing::Ended(_) => (Shade::Bad, "ended".to_owned()),
        Standing::NotYet(_) => (Shade::Bad, "not yet".to_owned()),
    }
}

/// A time as the program tells it, in seconds since 1970.
fn seconds(text: &str) -> i64 {
    text.parse().map_or(0, Timestamp::as_second)
}

/// The first of the live connections, with whoever is at their ends.
pub(super) fn connections(told: &Connections, width: usize) -> Vec<Line> {
    let mut lines = vec![title("connections", &told.open.to_string())];
    if told.connections.is_empty() {
        lines.push(Line::of(Shade::Dim, "  no connection is told of"));
        return lines;
    }
    let shown = told.connections.iter().take(CONNECTIONS_MAX);
    let rows = shown.map(|connection| (connection_cells(connection), ends(connection, width)));
    let headings = [
        ("pair", false),
        ("phase", false),
        ("for", true),
        ("idle", true),
        ("out", true),
        ("in", true),
    ];
    let rows: Vec<_> = rows.collect();
    let hidden = told
        .open
        .max(told.connections.len())
        .saturating_sub(rows.len());
    lines.extend(table(headings, rows, width));
    lines.extend(more(hidden));
    lines
}

fn connection_cells(connection: &Connection) -> [Cell; 6] {
    [
        plain(safe(&connection.pair)),
        plain(safe(&connection.phase)),
        plain(span(connection.age_ms)),
        plain(span(connection.idle_ms)),
        plain(bytes(connection.bytes_outward)),
        plain(bytes(connection.bytes_inward)),
    ]
}

fn ends(connection: &Connection, width: usize) -> Vec<Line> {
    let ends = [
        ("from", &connection.inbound),
        ("to  ", &connection.outbound),
    ];
    let lines = ends.map(|(word, leg)| end(word, leg, width));
    lines.into_iter().flatten().collect()
}

/// Where a leg ends, and who is there.
fn end(word: &str, leg: &Leg, width: usize) -> Vec<Line> {
    let endpoint = leg.endpoint.as_deref().unwrap_or("-");
    let version = leg.tls.as_ref().map(|tls| format!("  {}", tls.version));
    let told = format!(
        "{word} {endpoint}{}{}",
        leg.peer.as_ref().map_or(String::new(), identity),
        version.unwrap_or_default()
    );
    wrapped(INDENT, Shade::Plain, &safe(&told), width)
}

fn identity(peer: &Peer) -> String {
    let names = peer.sans.join(", ");
    let observed = match peer.observed {
        true => "  no rule names it",
        false => "",
    };
    match (peer.subject.is_empty(), names.is_empty()) {
        (true, true) => format!("  without a name{observed}"),
        (true, false) => format!("  {names}{observed}"),
        (false, true) => format!("  {}{observed}", peer.subject),
        (false, false) => format!("  {} ({names}){observed}", peer.subject),
    }
}

/// The last connections that ended as none should, with what to do.
pub(super) fn failures(status: &Status, width: usize) -> Vec<Line> {
    let mut lines = vec![title(
        "last refusals and failures",
        &status.failures.len().to_string(),
    )];
    if status.failures.is_empty() {
        lines.push(Line::of(Shade::Dim, "  nothing has failed"));
    }
    for failure in status.failures.iter().take(FAILURES_MAX) {
        lines.extend(failed(failure, width));
    }
    lines.extend(more(status.failures.len().saturating_sub(FAILURES_MAX)));
    lines
}

fn failed(failure: &Failure, width: usize) -> Vec<Line> {
    let leg = failure.leg.as_deref().map(|leg| format!(" ({leg} leg)"));
    let times = (failure.times > 1).then(|| format!(", {}", many(failure.times, "time")));
    let rest = format!(
        "  pair {}{}{}",
        failure.pair,
        leg.unwrap_or_default(),
        times.unwrap_or_default()
    );
    let mut lines = vec![
        Line::of(Shade::Plain, format!("  {}  ", safe(&time(&failure.at))))
            .and(Shade::Bad, safe(&failure.reason))
            .and(Shade::Plain, safe(&rest)),
    ];
    let who = match failure.leg.as_deref() {
        Some("outbound") => &failure.outbound,
        _ => &failure.inbound,
    };
    if who.endpoint.is_some() {
        lines.extend(end("peer", who, width));
    }
    for told in [&failure.detail, &failure.remedy] {
        if !told.is_empty() {
            lines.extend(wrapped(INDENT, Shade::Plain, &safe(told), width));
        }
    }
    lines
}

/// The last loads, and what was wrong with them.
pub(super) fn loads(status: &Status, width: usize) -> Vec<Line> {
    let last = &status.reloads.last;
    let mut lines = vec![title("last loads", &last.len().to_string())];
    if last.is_empty() {
        lines.push(Line::of(Shade::Dim, "  no load is told of"));
    }
    for (index, load) in last.iter().take(LOADS_MAX).enumerate() {
        lines.push(load_line(load));
        // Those of the newest have been told above all else while they last.
        if index > 0 || !status.reloads.failing {
            lines.extend(problems(load, INDENT, width));
        }
    }
    lines.extend(more(last.len().saturating_sub(LOADS_MAX)));
    lines
}

fn load_line(load: &Load) -> Line {
    let times = (load.times > 1).then(|| format!(", {}", many(load.times, "time")));
    let (shade, outcome) = match load.generation {
        Some(number) => (Shade::Good, format!("generation {number} serves")),
        None => (Shade::Bad, "refused".to_owned()),
    };
    Line::of(
        Shade::Plain,
        format!("  {}  {:<8}  ", safe(&time(&load.at)), safe(&load.occasion)),
    )
    .and(shade, outcome)
    .and(Shade::Plain, times.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now: &str) -> Cell {
        let told = Certificate {
            not_before: "2026-01-01T00:00:00Z".to_owned(),
            not_after: "2026-01-09T00:00:00Z".to_owned(),
            days_left: 3,
        };
        certificate(&told, seconds(now))
    }

    #[test]
    fn a_certificate_is_taken_as_seriously_as_in_the_log() {
        let days = || "3 d".to_owned();
        assert_eq!(at("2026-01-06T00:00:00Z"), (Shade::Good, days()));
        assert_eq!(at("2026-01-07T00:00:00Z"), (Shade::Fair, days()));
        assert_eq!(at("2026-01-09T00:00:00Z"), (Shade::Bad, "ended".to_owned()));
        assert_eq!(
            at("2025-12-31T00:00:00Z"),
            (Shade::Bad, "not yet".to_owned())
        );
    }

    #[test]
    fn a_peer_is_told_by_whatever_names_it() {
        let told = |subject: &str, sans: &[&str], observed| {
            identity(&Peer {
                subject: subject.to_owned(),
                sans: sans.iter().map(|san| (*san).to_owned()).collect(),
                observed,
            })
        };
        assert_eq!(
            told("CN=a", &["DNS:a", "URI:b"], false),
            "  CN=a (DNS:a, URI:b)"
        );
        assert_eq!(told("", &["DNS:a"], true), "  DNS:a  no rule names it");
        assert_eq!(told("CN=a", &[], false), "  CN=a");
        assert_eq!(told("", &[], false), "  without a name");
    }
}
