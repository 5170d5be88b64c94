//! Revocation lists (RFC 5280, 5) as a context goes by them: how strictly, and for how long a finding
//! stands. That a certificate is on a list is the library's finding.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::backend;
use super::backend::Crl;
use super::backend::lib::error::ErrorStack;
use super::backend::lib::x509::store::X509StoreBuilderRef;
use super::credentials::PemFile;
use super::known::Window;
use crate::base::reason::CloseReason;

/// Revocation lists and how strictly they are taken; without a file nothing is looked up.
#[derive(Default)]
pub struct Revocation {
    /// Their files, PEM or DER, each with any number of lists.
    pub crl: Vec<PemFile>,
    /// Whose certificates must be on no list.
    pub scope: CrlScope,
    /// What to make of a list that is missing or overdue.
    pub on_stale: OnStaleCrl,
}

/// Which certificates of a chain are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum CrlScope {
    /// All but anchors.
    #[default]
    Chain,
    /// The peer's own.
    Leaf,
}

/// What to make of a list that is missing or overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OnStaleCrl {
    /// Refuse whom it would be about.
    #[default]
    Fail,
    /// Go by what there is, and tell.
    Warn,
    /// Go by an overdue list for so long behind its next update.
    Grace(Duration),
}

/// What a list is about and when it holds, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// The issuer's name, DER.
    pub(super) issuer: Vec<u8>,
    /// Which of its certificates and which of its keys, DER: newer lists take the place of older ones only
    /// where this is the same.
    pub(super) part: Vec<u8>,
    /// It holds from this second on.
    pub(super) begin: i64,
    /// From this second on it is overdue, if ever.
    pub(super) end: Option<i64>,
}

/// What the library has to object to in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is none.
    Missing,
    /// Its next update is overdue.
    Overdue,
    /// It does not hold yet.
    Early,
    /// It cannot be used.
    Unusable,
}

impl Fault {
    /// The fault behind an error number of the library; both have the same.
    pub(super) fn of(code: i32) -> Option<Fault> {
        match code {
            3 => Some(Fault::Missing),
            11 => Some(Fault::Early),
            12 => Some(Fault::Overdue),
            // Signature, dates, issuer, the issuer's key usage, critical extension, scope, issuer's path.
            5 | 8 | 15 | 16 | 33 | 35 | 36 | 44 | 54 => Some(Fault::Unusable),
            _ => None,
        }
    }

    /// The outcome if it is not overlooked.
    pub(super) fn reason(self) -> CloseReason {
        match self {
            Fault::Missing => CloseReason::CrlMissing,
            Fault::Overdue | Fault::Early => CloseReason::CrlStale,
            Fault::Unusable => CloseReason::CrlInvalid,
        }
    }
}

/// When a revocation list was made, and when the next one is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListDates {
    /// The file that it is in.
    pub file: String,
    /// The authority that it is of, as `CN=…, O=…`.
    pub issuer: String,
    /// In seconds since 1970.
    pub this_update: i64,
    /// In seconds since 1970; none if it does not say.
    pub next_update: Option<i64>,
}

/// The lists of one context.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) crls: Vec<Crl>,
    pub(super) terms: Vec<Term>,
    pub(super) scope: CrlScope,
    pub(super) on_stale: OnStaleCrl,
    /// Of those that no newer one has replaced.
    pub(super) dates: Vec<ListDates>,
    has_told: AtomicBool,
}

impl Lists {
    pub(super) fn new(crls: Vec<Crl>, terms: Vec<Term>, revocation: &Revocation) -> Lists {
        Lists {
            crls,
            terms,
            scope: revocation.scope,
            on_stale: revocation.on_stale,
            dates: Vec::new(),
            has_told: AtomicBool::new(false),
        }
    }

    /// Lets a store look certificates up.
    pub(super) fn add_to(&self, store: &mut X509StoreBuilderRef) -> Result<(), ErrorStack> {
        if self.crls.is_empty() {
            return Ok(());
        }
        self.crls.iter().try_for_each(|crl| crl.add_to(store))?;
        backend::look_up(store, self.scope == CrlScope::Chain)
    }

    /// Whether a fault of a list of that issuer is overlooked now, in seconds since 1970.
    pub(super) fn overlooks(&self, fault: Fault, issuer: &[u8], now: Option<i64>) -> bool {
        match (self.on_stale, fault) {
            (_, Fault::Unusable) | (OnStaleCrl::Fail, _) => false,
            (OnStaleCrl::Warn, _) => true,
            (OnStaleCrl::Grace(grace), Fault::Overdue) => {
                now.is_some_and(|now| is_in_grace(&self.terms, issuer, seconds(grace), now))
            }
            (OnStaleCrl::Grace(_), _) => false,
        }
    }

    /// Tells that something was overlooked: the first time so that it is seen, then for whoever looks for
    /// it, as each new peer could bring it about.
    pub(super) fn tell(&self, what: &str) {
        if self.has_told.swap(true, Ordering::Relaxed) {
            log::debug!("{what}");
        } else {
            log::warn!("{what}; more of these are told at log level debug until the next reload");
        }
    }

    /// How long what was found at that time stands, in seconds since 1970.
    pub(super) fn window(&self, now: i64) -> Window {
        let grace = match self.on_stale {
            OnStaleCrl::Grace(grace) => seconds(grace),
            OnStaleCrl::Fail | OnStaleCrl::Warn => 0,
        };
        window(&self.terms, grace, now)
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The time around `now` in which no list begins, becomes overdue or comes to the end of its grace: only
/// then may the library find something else.
fn window(terms: &[Term], grace: i64, now: i64) -> Window {
    let turns = terms.iter().flat_map(|term| {
        let behind = term.end.map(|end| end.saturating_add(grace));
        [Some(term.begin), term.end, behind].into_iter().flatten()
    });
    let (mut begin, mut end) = (i64::MIN, i64::MAX);
    for turn in turns {
        match turn <= now {
            true => begin = begin.max(turn),
            false => end = end.min(turn),
        }
    }
    Window { begin, end }
}

/// Whether the lists of an issuer that count now are in time or overdue by less than the grace. Which of
/// them the library has looked at is not known, so all must be.
fn is_in_grace(terms: &[Term], issuer: &[u8], grace: i64, now: i64) -> bool {
    let begun = terms
        .iter()
        .filter(|term| term.issuer == issuer && term.begin <= now);
    let newest = |term: &&Term| {
        let is_newer = |other: &Term| {
            let is_same = other.issuer == term.issuer && other.part == term.part;
            is_same && other.begin <= now && other.begin > term.begin
        };
        !terms.iter().any(is_newer)
    };
    let mut newest = begun.filter(newest).peekable();
    let in_grace = |term: &Term| term.end.is_none_or(|end| now < end.saturating_add(grace));
    newest.peek().is_some() && newest.all(in_grace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(begin: i64, end: Option<i64>) -> Term {
        of("a", "", begin, end)
    }

    fn of(issuer: &str, part: &str, begin: i64, end: Option<i64>) -> Term {
        Term {
            issuer: issuer.into(),
            part: part.into(),
            begin,
            end,
        }
    }

    #[test]
    fn a_finding_stands_from_the_last_turn_to_the_next_of_any_list() {
        let terms = [term(10, Some(20)), term(15, None), term(5, Some(18))];
        let stands = |now| {
            let window = window(&terms, 0, now);
            (window.begin, window.end)
        };
        assert_eq!(stands(4), (i64::MIN, 5));
        assert_eq!(stands(5), (5, 10));
        assert_eq!(stands(14), (10, 15));
        assert_eq!(stands(17), (15, 18));
        assert_eq!(stands(18), (18, 20));
        assert_eq!(stands(19), (18, 20));
        assert_eq!(stands(20), (20, i64::MAX));
    }

    #[test]
    fn the_end_of_a_grace_is_a_turn_as_well() {
        let terms = [term(10, Some(20))];
        for (now, begin, end) in [(19, 10, 20), (20, 20, 23), (22, 20, 23), (23, 23, i64::MAX)] {
            assert_eq!(window(&terms, 3, now), Window { begin, end }, "at {now}");
        }
    }

    #[test]
    fn without_lists_a_finding_stands_for_ever() {
        let all = Window {
            begin: i64::MIN,
            end: i64::MAX,
        };
        assert_eq!(window(&[], 0, 7), all);
    }

    #[test]
    fn a_grace_ends_as_long_behind_the_next_update_as_it_is() {
        let terms = [term(10, Some(20))];
        let granted: Vec<i64> = (9..30)
            .filter(|now| is_in_grace(&terms, b"a", 3, *now))
            .collect();
        assert_eq!(granted, (10..23).collect::<Vec<_>>());
        assert!(!is_in_grace(&terms, b"b", 3, 15), "of another issuer");
    }

    #[test]
    fn a_newer_list_takes_the_place_of_an_older_one_of_the_same_part() {
        let of = |part, begin, end| of("a", part, begin, Some(end));
        let replaced = [of("", 10, 20), of("", 12, 50)];
        assert!(is_in_grace(&replaced, b"a", 3, 40));
        let not_yet = [of("", 10, 20), of("", 45, 50)];
        assert!(!is_in_grace(&not_yet, b"a", 3, 40));
        let beside = [of("", 10, 20), of("other", 12, 50)];
        assert!(!is_in_grace(&beside, b"a", 3, 40));
    }

    #[test]
    fn what_is_overlooked_is_up_to_the_policy() {
        let lists = |on_stale| Lists {
            terms: vec![term(10, Some(20))],
            on_stale,
            ..Lists::default()
        };
        let faults = [
            Fault::Missing,
            Fault::Overdue,
            Fault::Early,
            Fault::Unusable,
        ];
        let overlooked = |on_stale| {
            let lists = lists(on_stale);
            faults.map(|fault| lists.overlooks(fault, b"a", Some(21)))
        };
        assert_eq!(overlooked(OnStaleCrl::Fail), [false; 4]);
        assert_eq!(overlooked(OnStaleCrl::Warn), [true, true, true, false]);
        let grace = OnStaleCrl::Grace(Duration::from_secs(3));
        assert_eq!(overlooked(grace), [false, true, false, false]);
        assert!(!lists(grace).overlooks(Fault::Overdue, b"a", Some(23)));
        assert!(!lists(grace).overlooks(Fault::Overdue, b"a", None));
    }
}
