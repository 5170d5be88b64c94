//! What `mtls-persona pki` tells the operator: what was written, and how to use it.

use std::path::Path;

use crate::tls::authority::{LeafRequest, Purpose, Validity};

use super::args::{InitArgs, IssueArgs};
use super::crl::{Made, RootList};
use super::folder::{CA, CRL, Folder, INTERMEDIATE, REVOKED, Signing};

/// A day as people write it, in UTC; `seconds` is Unix time.
pub(super) fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => format!("Unix second {seconds}"),
    }
}

/// What `pki init` did.
pub(super) fn authority(folder: &Folder, args: &InitArgs, validity: Validity) -> String {
    let mut text = format!(
        "The authority {:?}, until {}:\n{}{}",
        args.name,
        date(validity.not_after),
        line(&folder.certificate(CA), "for every peer, as its `ca`"),
        line(&folder.key(CA), "signs certificates: keep it to yourself"),
    );
    if args.intermediate {
        let sent = "goes along with each certificate";
        text += &line(&folder.certificate(INTERMEDIATE), sent);
        text += &line(&folder.key(INTERMEDIATE), "signs; ca.key can go off line");
    }
    let dir = shell_word(&folder.path().to_string_lossy());
    text += "Next, a server's and a client's certificate:\n";
    text += &format!("  mtls-persona pki server HOST --dir {dir}\n");
    text += &format!("  mtls-persona pki client NAME --dir {dir}\n");
    text
}

/// What `pki server` or `pki client` did.
pub(super) fn identity(
    folder: &Folder,
    args: &IssueArgs,
    request: &LeafRequest,
    signing: &Signing,
) -> String {
    let role = match request.purpose {
        Purpose::Server => "server",
        Purpose::Client => "client",
        Purpose::Both => "server's and client",
    };
    let end = request.validity.not_after;
    let with_authority = match end == signing.not_after {
        true => ", when its authority ends too",
        false => "",
    };
    format!(
        "A {role}'s certificate for {}, until {}{with_authority}:\n{}{}\
         For example in a configuration:\n{}",
        names(request),
        date(end),
        line(&folder.certificate(&args.name), "with its intermediates"),
        line(&folder.key(&args.name), "for its owner alone"),
        configuration(folder, &args.name, request.purpose),
    )
}

/// What `pki crl` did.
pub(super) fn lists(folder: &Folder, made: &Made) -> String {
    let mut text = format!(
        "Revocation lists number {}, the next ones are due by {}:\n{}{}",
        made.number,
        date(made.validity.not_after),
        line(&folder.certificate(CRL), "for every peer, as its `crl`"),
        line(
            &folder.path().join(REVOKED),
            "what they are made from: keep it"
        ),
    );
    match made.root_list {
        RootList::New => {}
        RootList::Kept => {
            text += "ca.key is not here: the root's own list is the one from before.\n"
        }
        RootList::Missing => {
            text += "ca.key is not here, and there is no list of the root: peers that look up whole chains \
                need one, or set \"crl_scope\": \"leaf\".\n";
        }
    }
    match made.revoked.as_slice() {
        [] => text += "Nobody is on them.\n",
        revoked => {
            text += "On them are:\n";
            let lines = revoked
                .iter()
                .map(|entry| format!("  {:?}\n", entry.subject));
            text.extend(lines);
        }
    }
    text
}

/// Every name in the certificate, each with its kind.
fn names(request: &LeafRequest) -> String {
    let subject = &request.subject;
    let mut all: Vec<String> = Vec::new();
    all.extend(subject.cn.iter().map(|cn| format!("CN {cn}")));
    all.extend(subject.ou.iter().map(|ou| format!("OU {ou}")));
    all.extend(subject.org.iter().map(|org| format!("O {org}")));
    all.extend(request.dns.iter().map(|dns| format!("DNS {dns}")));
    all.extend(request.ips.iter().map(|ip| format!("IP {ip}")));
    all.extend(request.uris.iter().map(|uri| format!("URI {uri}")));
    all.join(", ")
}

fn configuration(folder: &Folder, stem: &str, purpose: Purpose) -> String {
    let (mode, inbound, outbound) = match purpose {
        Purpose::Server => ("server", ":8443", "localhost:8080"),
        Purpose::Client => ("client", "localhost:8080", "server.example.org:8443"),
        Purpose::Both => ("bridge", ":8443", "server.example.org:8443"),
    };
    format!(
        "{{\n  \"cert\": {},\n  \"key\": {},\n  \"ca\": {},\n  \"address_pairs\": [\n    \
         {{ \"mode\": \"{mode}\", \"inbound\": \"{inbound}\", \"outbound\": \"{outbound}\" }}\n  \
         ]\n}}\n",
        json(&folder.certificate(stem)),
        json(&folder.key(stem)),
        json(&folder.certificate(CA)),
    )
}

fn line(path: &Path, what: &str) -> String {
    format!("  {}  ({what})\n", path.display())
}

fn json(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

/// The word as a shell takes it.
pub(in crate::cli) fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:=@%,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
