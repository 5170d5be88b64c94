//! From revocation lists' files to lists that a context can go by, and what an operator should know of
//! them.

mod describe;
mod file;

use std::cmp::Ordering;

use super::backend::lib::asn1::{Asn1Time, Asn1TimeRef};
use super::backend::lib::x509::{X509, X509Ref};
use super::profile::Profile;
use super::revocation::{CrlScope, ListDates, Lists, OnStaleCrl, Revocation, Term};
use super::{backend, facts, signing};
pub use describe::{ListFacts, describe_lists};
use file::{Read, lists_of};

/// Lists, the certificates of `ca` that none of them revokes, and what should be looked at, as lines.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) lists: Lists,
    pub(super) anchors: Vec<X509>,
    pub(super) warnings: Vec<String>,
}

/// Reads the lists and holds them against the trust: `anchors` from `ca`, and `own`, our certificate and
/// its chain. `now` is in seconds since 1970. They must be signed as the profile has it.
///
/// # Errors
/// Every problem, as a line `file: what: what to do`.
pub(super) fn check(
    revocation: &Revocation,
    anchors: Vec<X509>,
    own: &[&X509Ref],
    now: i64,
    profile: Profile,
) -> Result<Checked, Vec<String>> {
    if revocation.crl.is_empty() {
        return Ok(Checked {
            anchors,
            ..Checked::default()
        });
    }
    let mut problems = Vec::new();
    let mut read = Vec::new();
    for file in &revocation.crl {
        match lists_of(file) {
            Ok(lists) => read.extend(lists),
            Err(what) => problems.push(format!("{}: {what}", file.path)),
        }
    }
    problems.extend(read.iter().filter_map(|list| badly_signed(list, profile)));
    // Who has signed such a list is no question then.
    if !problems.is_empty() {
        return Err(problems);
    }
    let signers: Vec<Signer> = read
        .iter()
        .map(|list| signer(list, &anchors, own))
        .collect();
    let signed_by = |who: Signer| {
        let lists = read.iter().zip(&signers);
        lists.filter_map(move |(list, signer)| (*signer == who).then_some(list))
    };
    problems.extend(signed_by(Signer::Forger).map(|list| about(list, FORGED)));
    if !problems.is_empty() {
        return Err(problems);
    }
    let unknown = signed_by(Signer::Stranger).map(|list| about(list, UNKNOWN));
    let mut warnings: Vec<String> = unknown.collect();
    warnings.extend(dates(&read, revocation.on_stale, now));
    warnings.extend(own_fate(&read, own));
    let mut anchors = anchors;
    if revocation.scope == CrlScope::Chain {
        let certain: Vec<_> = signed_by(Signer::Anchor).collect();
        anchors = left_over(&certain, anchors, &mut warnings)?;
        warnings.extend(without_list(&read, &anchors, revocation.on_stale));
    }
    let dates = current(&read, now).map(|list| ListDates {
        file: list.path.to_owned(),
        issuer: facts::name(list.crl.issuer_name()),
        this_update: list.term.begin,
        next_update: list.term.end,
    });
    let dates = dates.collect();
    let (crls, terms) = read.into_iter().map(|list| (list.crl, list.term)).unzip();
    let mut lists = Lists::new(crls, terms, revocation);
    lists.dates = dates;
    Ok(Checked {
        lists,
        anchors,
        warnings,
    })
}

const FORGED: &str = "its signature is not that of the authority of this name in ca: fetch the list again, \
    or put the authority's present certificate into ca";
const UNKNOWN: &str = "no certificate of this authority is in ca or in our own chain: it counts only for \
    peers that send that certificate along";

/// A line on a list that was signed so that others can forge it, or as the profile does not have it. The
/// libraries ask neither.
fn badly_signed(list: &Read<'_>, profile: Profile) -> Option<String> {
    let algorithm = list.crl.signature_algorithm();
    let what = match (
        signing::weak(algorithm),
        profile.outside_signature(algorithm),
    ) {
        (Some(weak), _) => {
            format!(
                "{weak}, which others can forge: its authority must sign with SHA-256 or better"
            )
        }
        (None, Some(outside)) => {
            format!("{outside}: its authority must sign otherwise, or set fips to off")
        }
        (None, None) => return None,
    };
    Some(about(list, &what))
}

/// A line on one list.
fn about(list: &Read<'_>, what: &str) -> String {
    let issuer = facts::name(list.crl.issuer_name());
    format!("{}: the revocation list of {issuer:?}: {what}", list.path)
}

/// Who has signed a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signer {
    /// A certificate of `ca`.
    Anchor,
    /// One of our own chain.
    Own,
    /// Somebody else than the certificate of `ca` that has the name.
    Forger,
    /// Somebody whose name no certificate has that we know.
    Stranger,
}

fn signer(list: &Read<'_>, anchors: &[X509], own: &[&X509Ref]) -> Signer {
    let is_named = |cert: &&X509Ref| is_issuer(cert, list);
    let has_signed = |cert: &X509Ref| {
        let key = cert.public_key();
        key.is_ok_and(|key| list.crl.is_signed_by(&key))
    };
    let anchors = || anchors.iter().map(|cert| &**cert).filter(is_named);
    if anchors().any(has_signed) {
        Signer::Anchor
    } else if own.iter().copied().filter(is_named).any(has_signed) {
        Signer::Own
    } else if anchors().next().is_some() {
        Signer::Forger
    } else {
        Signer::Stranger
    }
}

/// Whether a list is one of the authority that has this certificate, by its name.
fn is_issuer(cert: &X509Ref, list: &Read<'_>) -> bool {
    let names = cert.subject_name().try_cmp(list.crl.issuer_name());
    names.is_ok_and(Ordering::is_eq)
}

/// What there is to say about the dates of lists.
fn dates<'a>(
    read: &'a [Read<'_>],
    on_stale: OnStaleCrl,
    now: i64,
) -> impl Iterator<Item = String> + 'a {
    current(read, now).filter_map(move |list| Some(about(list, &date(list, on_stale, now)?)))
}

/// The lists that no newer one has replaced.
fn current<'a, 'b>(read: &'a [Read<'b>], now: i64) -> impl Iterator<Item = &'a Read<'b>> {
    let is_replaced = move |list: &Read<'_>| {
        let newer = |other: &Read<'_>| {
            let is_same =
                (&other.term.issuer, &other.term.part) == (&list.term.issuer, &list.term.part);
            is_same && other.term.begin <= now && other.term.begin > list.term.begin
        };
        read.iter().any(newer)
    };
    read.iter().filter(move |list| !is_replaced(list))
}

fn date(list: &Read<'_>, on_stale: OnStaleCrl, now: i64) -> Option<String> {
    let Term { begin, end, .. } = list.term;
    if begin > now {
        let begins = list.crl.this_update();
        return Some(format!(
            "it holds from {begins} on: set the clock, or fetch it again"
        ));
    }
    let Some(end) = end else {
        let what = "it does not say when the next one is due, and so never counts as overdue: have it replaced \
            regularly";
        return Some(what.to_owned());
    };
    let ends = list.crl.next_update().map(Asn1TimeRef::to_string)?;
    if end <= now {
        let so = consequence(on_stale, end);
        return Some(format!("a new one was due by {ends}, {so}: fetch it"));
    }
    let three_quarters = begin.saturating_add((end.saturating_sub(begin)).saturating_mul(3) / 4);
    (three_quarters <= now).then(|| {
        format!("a new one is due by {ends}, three quarters of its time are over: fetch it")
    })
}

/// What comes of an overdue list. It is loaded all the same: the last one is no better.
fn consequence(on_stale: OnStaleCrl, end: i64) -> String {
    match on_stale {
        OnStaleCrl::Fail => "and peers that must be looked up in it are refused".to_owned(),
        OnStaleCrl::Warn => "and who was revoked since then is not known".to_owned(),
        OnStaleCrl::Grace(grace) => {
            let until = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
            let until = Asn1Time::from_unix(end.saturating_add(until) as _);
            match until {
                Ok(until) => format!("and it counts until {}, when peers are refused", &*until),
                Err(_) => "and it counts until its grace is over".to_owned(),
            }
        }
    }
}

/// Our own certificate, or one that leads to it, is on a list.
fn own_fate<'a>(read: &'a [Read<'_>], own: &'a [&X509Ref]) -> impl Iterator<Item = String> + 'a {
    read.iter().flat_map(move |list| {
        let revoked = own.iter().filter(|cert| list.crl.revokes(cert));
        revoked.map(|cert| {
            let subject = facts::name(cert.subject_name());
            let what = format!(
                "it revokes {subject:?} of our own chain, and peers that look it up will refuse us: have a \
                 new certificate issued"
            );
            about(list, &what)
        })
    })
}

/// The anchors that no list revokes. The libraries differ in whether they look an anchor up that has its
/// issuer beside it in `ca`, so none is left for them to look up.
fn left_over(
    certain: &[&Read<'_>],
    anchors: Vec<X509>,
    warnings: &mut Vec<String>,
) -> Result<Vec<X509>, Vec<String>> {
    let mut lines = Vec::new();
    let is_left = |cert: &X509| {
        let list = certain.iter().find(|list| list.crl.revokes(cert));
        if let Some(list) = list {
            let subject = facts::name(cert.subject_name());
            let what =
                format!("it revokes {subject:?}, which is no anchor then: remove it from ca");
            lines.push(about(list, &what));
        }
        list.is_none()
    };
    let left: Vec<X509> = anchors.into_iter().filter(is_left).collect();
    if left.is_empty() {
        return Err(lines);
    }
    warnings.extend(lines);
    Ok(left)
}

/// Authorities of `ca` that have no list.
fn without_list<'a>(
    read: &'a [Read<'_>],
    anchors: &'a [X509],
    on_stale: OnStaleCrl,
) -> impl Iterator<Item = String> + 'a {
    let has_list = |anchor: &X509| read.iter().any(|list| is_issuer(anchor, list));
    let lacking = anchors
        .iter()
        .filter(move |anchor| backend::may_issue(anchor) && !has_list(anchor));
    let so = match on_stale {
        OnStaleCrl::Warn => "who of those with a certificate of it was revoked is not known",
        OnStaleCrl::Fail | OnStaleCrl::Grace(_) => "peers with a certificate of it are refused",
    };
    lacking.map(move |anchor| {
        let subject = facts::name(anchor.subject_name());
        format!("crl: no revocation list of {subject:?}, which is in ca, and {so}: add its list")
    })
}
