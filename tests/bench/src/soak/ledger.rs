//! What every connection should have come to, and what its client, the service and the program say.
//!
//! Client and program speak of the same connection by the client's port, client and service by the number
//! in its header. When all have spoken they are compared, and forgotten: only sums stay.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::judge;
use super::kind::Kind;
use super::pairs::Pair;

/// Violations that are told; all are counted.
const TOLD_MAX: usize = 40;
/// So many more, if they are not of one connection.
const TOLD_BESIDES: usize = 40;
/// Of each, at most.
const TOLD_CHARS: usize = 1500;

/// What a client saw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClientSaw {
    /// What it gave away to be sent, whether it has left or not.
    pub(super) sent: u64,
    pub(super) received: u64,
    /// The connection has ended cleanly.
    pub(super) is_clean: bool,
    /// All that should have come did, and nothing else.
    pub(super) is_right: bool,
    /// Something came that should not have, however the connection ended.
    pub(super) is_wrong: bool,
}

/// What the service saw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServiceSaw {
    pub(super) received: u64,
    /// What it gave away to be sent, whether it has left or not.
    pub(super) sent: u64,
    /// It came to its end without an error.
    pub(super) is_whole: bool,
}

/// What a line of the access log says.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) outward: u64,
    pub(super) inward: u64,
    pub(super) reason: String,
    /// The line itself, for whom it surprises.
    pub(super) text: String,
}

/// A connection of which not everybody has spoken.
struct Case {
    /// None while only the program has told of it.
    opened: Option<(u64, Kind)>,
    client: Option<ClientSaw>,
    line: Option<Line>,
}

impl Case {
    /// Whether it was in the queue of a listener that a reload has closed: the program cannot know of it.
    fn is_unknown(&self, pair: Pair) -> bool {
        let is_empty = self.client.is_some_and(|saw| saw.received == 0);
        pair == Pair::Extra && self.line.is_none() && is_empty
    }
}

/// What was counted of a pair, by the program's lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) outward: u64,
    pub(super) inward: u64,
    pub(super) reasons: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Books {
    cases: HashMap<(Pair, u16), VecDeque<Case>>,
    services: HashMap<u64, ServiceSaw>,
    /// By number, who waits for what the service says.
    waiting: HashMap<u64, (Pair, u16)>,
    sums: BTreeMap<Pair, Sum>,
    kinds: BTreeMap<Kind, u64>,
    violations: Vec<String>,
}

/// Follows all connections.
pub(super) struct Ledger {
    books: Mutex<Books>,
    next: AtomicU64,
    broken: AtomicU64,
}

/// A connection that its client has opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) id: u64,
    pair: Pair,
    port: u16,
}

impl Ledger {
    /// Numbers count from `seed`, so that the bytes of another run are others.
    pub(super) fn new(seed: u64) -> Ledger {
        Ledger {
            books: Mutex::default(),
            next: AtomicU64::new(seed),
            broken: AtomicU64::new(0),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client has opened a connection to a pair from a port.
    pub(super) fn opened(&self, pair: Pair, port: u16, kind: Kind) -> Ticket {
        let id = self.next.fetch_add(1, Relaxed);
        let mut books = self.books();
        *books.kinds.entry(kind).or_default() += 1;
        if judge::asks_the_service(pair, kind) {
            books.waiting.insert(id, (pair, port));
        }
        let cases = books.cases.entry((pair, port)).or_default();
        cases.retain(|case| !case.is_unknown(pair));
        // The program may have been quicker.
        match cases.iter_mut().find(|case| case.opened.is_none()) {
            Some(case) => case.opened = Some((id, kind)),
            None => cases.push_back(Case {
                opened: Some((id, kind)),
                client: None,
                line: None,
            }),
        }
        Ticket { id, pair, port }
    }

    /// Its client is done with it.
    pub(super) fn ended(&self, ticket: Ticket, saw: ClientSaw) {
        let mut books = self.books();
        let cases = books.cases.entry((ticket.pair, ticket.port)).or_default();
        let is_it = |case: &&mut Case| case.opened.is_some_and(|(id, _)| id == ticket.id);
        if let Some(case) = cases.iter_mut().find(is_it) {
            case.client = Some(saw);
        }
        self.settle(&mut books, ticket.pair, ticket.port);
    }

    /// The program is done with one.
    pub(super) fn told(&self, pair: Pair, port: u16, line: Line) {
        let mut books = self.books();
        let sum = books.sums.entry(pair).or_default();
        sum.outward += line.outward;
        sum.inward += line.inward;
        *sum.reasons.entry(line.reason.clone()).or_default() += 1;
        let cases = books.cases.entry((pair, port)).or_default();
        match cases.iter_mut().find(|case| case.line.is_none()) {
            Some(case) => case.line = Some(line),
            None => cases.push_back(Case {
                opened: None,
                client: None,
                line: Some(line),
            }),
        }
        self.settle(&mut books, pair, port);
    }

    /// The service is done with one.
    pub(super) fn served(&self, id: u64, saw: ServiceSaw) {
        let mut books = self.books();
        // Nobody asks for what became of connections that were in trouble.
        if let Some((pair, port)) = books.waiting.get(&id).copied() {
            books.services.insert(id, saw);
            self.settle(&mut books, pair, port);
        }
    }

    /// Compares what is complete.
    fn settle(&self, books: &mut Books, pair: Pair, port: u16) {
        let Some(cases) = books.cases.get_mut(&(pair, port)) else {
            return;
        };
        let mut told = Vec::new();
        cases.retain(|case| {
            let (Some((id, kind)), Some(client), Some(line)) =
                (case.opened, &case.client, &case.line)
            else {
                return true;
            };
            let service = books.services.get(&id);
            let waits = service.is_none() && judge::needs_service(pair, kind, client, line);
            if !waits {
                books.waiting.remove(&id);
                let judged = judge::connection(pair, kind, client, line, service);
                told.extend(judged.err().map(|what| {
                    let (outward, inward) = (line.outward, line.inward);
                    format!(
                        "{kind:?} at {pair:?}: {what}; {client:?}, {service:?}, the program {outward} and \
                         {inward} bytes: {} {}",
                        line.reason, line.text
                    )
                }));
                books.services.remove(&id);
            }
            waits
        });
        if cases.is_empty() {
            books.cases.remove(&(pair, port));
        }
        for what in told {
            self.note(books, what, TOLD_MAX);
        }
    }

    fn note(&self, books: &mut Books, what: String, most: usize) {
        self.broken.fetch_add(1, Relaxed);
        let what: String = what.chars().take(TOLD_CHARS).collect();
        if books.violations.len() < most {
            eprintln!("soak: {what}");
            books.violations.push(what);
        }
    }

    /// Something is not as it must be.
    pub(super) fn violation(&self, what: String) {
        self.note(&mut self.books(), what, TOLD_MAX + TOLD_BESIDES);
    }

    /// Connections of which not everybody has spoken, in words.
    pub(super) fn unsettled(&self) -> Vec<String> {
        let books = self.books();
        let mut words = Vec::new();
        for ((pair, port), cases) in &books.cases {
            for case in cases.iter().filter(|case| !case.is_unknown(*pair)) {
                let (opened, client, line) = (&case.opened, &case.client, &case.line);
                words.push(format!(
                    "not everybody has told of {opened:?} at {pair:?} from port {port}: its client \
                     {client:?}, the program {line:?}"
                ));
            }
        }
        words
    }

    /// By pair, what the program's lines say.
    pub(super) fn sums(&self) -> BTreeMap<Pair, Sum> {
        self.books().sums.clone()
    }

    /// Connections by what was done with them.
    pub(super) fn kinds(&self) -> BTreeMap<Kind, u64> {
        self.books().kinds.clone()
    }

    /// How many violations there were, and the first of them.
    pub(super) fn violations(&self) -> (u64, Vec<String>) {
        (self.broken.load(Relaxed), self.books().violations.clone())
    }
}
