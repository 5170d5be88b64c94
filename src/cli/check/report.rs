//! What `check` tells of a configuration that stands.

use std::path::Path;

use super::lists::lists;
use super::peers::peers;
use crate::cli::certificate;
use crate::config::Pair;
use crate::identity::PeerCert;
use crate::ops::{Inventory, KeyFile};
use crate::tls::CertFacts;

/// A pair with its files, the peers that it admits, and the chain from its certificate to the anchor that vouches for it; an empty
/// one if none does.
pub(super) fn pair(pair: &Pair, chain: &[PeerCert]) -> String {
    let (name, mode) = (&pair.name, pair.mode);
    let to = destination(pair);
    let mut text = format!("pair {name}: {mode} {} -> {to}\n", pair.inbound);
    let mut line = |label, value: &str| text += &certificate::line(2, label, &value);
    line("cert", &shown(&pair.tls.cert));
    line("key", &shown(&pair.tls.key));
    for ca in &pair.tls.ca {
        line("ca", &shown(ca));
    }
    if pair.tls.pins.is_none() {
        line("chain", &vouched(chain));
    }
    for (label, what) in peers(pair) {
        line(label, &what);
    }
    let proxy = &pair.proxy_protocol;
    if !proxy.from.is_empty() {
        let sources = &proxy.from;
        line(
            "proxy in",
            &format!("a header must come from {sources}, and from nobody else"),
        );
    }
    if let Some(version) = proxy.out {
        line(
            "proxy out",
            &format!("each connection begins with a header {version}"),
        );
    }
    if pair.client_cert_header {
        let whose = match pair.mode.inbound_tls() {
            true => "the client's certificate",
            false => "this certificate",
        };
        line(
            "http",
            &format!("each request gets {whose}; only HTTP/1.1 and HTTP/1.0 pass"),
        );
    }
    text
}

/// Where a pair leads, in words.
pub(in crate::cli) fn destination(pair: &Pair) -> String {
    match &pair.directory {
        Some(directory) => {
            let database = &directory.database;
            format!("the hosts of {:?} at {}", database.name, database.host)
        }
        None => pair.outbound.to_string(),
    }
}

fn vouched(chain: &[PeerCert]) -> String {
    let subjects: Vec<_> = chain.iter().map(|c| format!("{:?}", c.subject)).collect();
    match subjects.is_empty() {
        true => "leads to no certificate in ca, see the warning".to_owned(),
        false => subjects.join(", issued by ") + ", which is in ca",
    }
}

/// Every file, and what is in it at `now` (Unix seconds).
pub(super) fn files(inventory: &Inventory, now: i64) -> String {
    let mut text = String::new();
    for (path, certs) in &inventory.certificates {
        let path = shown(path);
        match certs {
            Ok(certs) => {
                for (index, facts) in certs.iter().enumerate() {
                    let number = index + 1;
                    text += &format!("{path}: certificate {number} of {}\n", certs.len());
                    text += &cert(facts, now);
                }
            }
            Err(what) => text += &format!("{path}: {what}\n"),
        }
    }
    text += &lists(&inventory.lists, now);
    for (path, file) in &inventory.keys {
        let what = match file {
            Ok(KeyFile { mode, uid, gid }) => {
                format!("private key, mode {mode:03o}, of user {uid} and group {gid}")
            }
            Err(error) => error.to_string(),
        };
        text += &format!("{}: {what}\n", shown(path));
    }
    text
}

fn cert(facts: &CertFacts, now: i64) -> String {
    let mut lines = certificate::facts(&facts.cert, now);
    let key = match facts.key_bits {
        0 => facts.key_kind.clone(),
        bits => format!("{}, {bits} bits", facts.key_kind),
    };
    lines.insert(lines.len() - 1, ("key", key));
    let lines = lines.iter();
    lines
        .map(|(label, text)| certificate::line(2, label, text))
        .collect()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(subject: &str) -> PeerCert {
        PeerCert {
            subject: subject.to_owned(),
            ..PeerCert::default()
        }
    }

    #[test]
    fn a_chain_is_told_from_our_certificate_to_the_anchor() {
        let chain = [named("CN=a"), named("CN=b"), named("CN=c")];
        let words = r#""CN=a", issued by "CN=b", issued by "CN=c", which is in ca"#;
        assert_eq!(vouched(&chain), words);
        assert_eq!(vouched(&chain[..1]), r#""CN=a", which is in ca"#);
        assert!(vouched(&[]).contains("no certificate in ca"));
    }

    #[test]
    fn each_certificate_has_its_place_in_its_file_and_what_cannot_be_read_says_why() {
        let facts = CertFacts {
            cert: named("CN=a"),
            key_kind: "EC P-256".to_owned(),
            key_bits: 256,
        };
        let inventory = Inventory {
            certificates: vec![
                ("two.pem".into(), Ok(vec![facts.clone(), facts])),
                ("gone.pem".into(), Err("cannot be read".to_owned())),
            ],
            lists: Vec::new(),
            keys: vec![(
                "a.key".into(),
                Ok(KeyFile {
                    mode: 0o600,
                    uid: 7,
                    gid: 8,
                }),
            )],
        };
        let text = files(&inventory, 0);
        for line in [
            "two.pem: certificate 1 of 2",
            "two.pem: certificate 2 of 2",
            "  key      EC P-256, 256 bits",
            "gone.pem: cannot be read",
            "a.key: private key, mode 600, of user 7 and group 8",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}: {text}");
        }
    }
}
