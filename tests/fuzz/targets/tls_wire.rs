//! Two sessions back to back, and a script of what happens on the wire between them: bytes are delivered
//! in pieces of any size, changed, lost, repeated and made up, from the first flight on or once both have
//! shaken hands, by a full handshake or by one that resumes a session. Both are ours, so they speak TLS 1.3, and
//! what is changed behind a handshake comes no further than the record layer: see tls_inside.rs. Whatever happens, what an end takes for data is what the other has sent, in its order and
//! without a gap; and behind a byte that was changed nothing is.

#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};

use libfuzzer_sys::fuzz_target;
use mtls_persona::tls::{ExpectedName, ReadOutcome};
use mtls_persona_fuzz::script::Script;
use mtls_persona_fuzz::tls::pair::{Chunks, End, Pair, client_end_to, server_end};
use mtls_persona_fuzz::tls::sides;

/// So many steps are taken of one script.
const STEPS_MAX: usize = 200;

/// So much is sent in one direction, in bytes.
const SENT_BYTES_MAX: usize = 256 * 1024;

/// The most that an end says besides the data that it sends: flights, tickets, alerts, key updates.
const OWN_BYTES_MAX: usize = 16 * 1024;

/// What a record adds to what is in it, generously.
const RECORD_OVERHEAD_BYTES: usize = 256;

/// One end and the wire that leads from it to the other.
struct Half {
    end: End,
    /// What it has said and what was not delivered yet, as far as nobody has changed it.
    wire: Vec<u8>,
    /// All that it has said, and all that was delivered as that.
    said: Vec<u8>,
    delivered: Vec<u8>,
    /// Data that it was given to send.
    sent: Vec<u8>,
    /// How much it had said, and how much data it had sent, behind each piece of data.
    writes: Vec<(usize, usize)>,
    /// How much it had said once it had ended.
    ended_at: Option<usize>,
    /// What was delivered once both had shaken hands; all behind that must be as it was said.
    open_at: Option<usize>,
}

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script::new(bytes);
    let start = script.below(8);
    let (is_resumed, is_settled) = (start >= 4, start % 4 > 0);
    let mut halves = ends(is_resumed).map(Half::new);
    halves[0].end.shake();
    if is_settled {
        settle(&mut halves);
        for half in &halves {
            assert!(half.end.is_open);
            assert_eq!(half.end.session.negotiated().is_resumed, is_resumed);
        }
    }
    for _ in 0..STEPS_MAX {
        if script.is_over() {
            break;
        }
        step(&mut script, &mut halves);
        gather(&mut halves);
        check(&halves);
    }
    settle(&mut halves);
    for half in &mut halves {
        half.end.cut();
    }
    gather(&mut halves);
    check(&halves);
    for (from, to) in [(0, 1), (1, 0)] {
        over(&halves[from], &halves[to].end);
    }
});

/// Two ends that have not spoken yet. No earlier script was at their place, where it would have left tickets;
/// if they are to resume a session, there is one before, which nobody disturbs.
fn ends(is_resumed: bool) -> [End; 2] {
    static PLACES: AtomicUsize = AtomicUsize::new(0);
    let place = format!("place {}", PLACES.fetch_add(1, Ordering::Relaxed));
    let pair = || Pair {
        client: client_end_to(&sides().client, ExpectedName::Dns("localhost"), &place),
        server: server_end(&sides().server),
    };
    if is_resumed {
        let mut first = pair().open();
        // Its tickets come with it.
        first.server.send(b"welcome");
        first.settle(&mut Chunks::Whole);
    }
    let Pair { client, server } = pair();
    [client, server]
}

impl Half {
    fn new(end: End) -> Half {
        Half {
            end,
            wire: Vec::new(),
            said: Vec::new(),
            delivered: Vec::new(),
            sent: Vec::new(),
            writes: Vec::new(),
            ended_at: None,
            open_at: None,
        }
    }

    /// Takes what the end wants to say.
    fn gather(&mut self) {
        let output = self.end.output();
        self.said.extend(&output);
        self.wire.extend(output);
    }

    fn may_send(&self) -> bool {
        self.end.is_open && self.ended_at.is_none() && self.end.failure().is_none()
    }

    /// From where on what was delivered is not what was said.
    fn changed_at(&self) -> Option<usize> {
        let mut both = self.said.iter().zip(&self.delivered);
        let differs = both.position(|(said, delivered)| said != delivered);
        let has_more = self.delivered.len() > self.said.len();
        differs.or(has_more.then_some(self.said.len()))
    }
}

/// Delivers the next bytes of one wire.
fn deliver(halves: &mut [Half; 2], from: usize, count: usize) {
    let piece: Vec<u8> = halves[from].wire.drain(..count).collect();
    halves[from].delivered.extend(&piece);
    halves[1 - from].end.feed(&piece);
}

fn gather(halves: &mut [Half; 2]) {
    halves.iter_mut().for_each(Half::gather);
    if halves.iter().all(|half| half.end.is_open) {
        for half in halves {
            half.open_at.get_or_insert(half.delivered.len());
        }
    }
}

/// One thing happens.
fn step(script: &mut Script<'_>, halves: &mut [Half; 2]) {
    let action = script.byte();
    let from = usize::from(action & 1);
    let half = &mut halves[from];
    match action >> 1 & 7 {
        // Of data and deliveries there are to be many.
        0 | 1 if half.may_send() && half.sent.len() < SENT_BYTES_MAX => send(script, half),
        2 | 3 => {
            let count = match script.below(3) {
                0 => half.wire.len(),
                1 => script.below(32).min(half.wire.len()),
                _ => script.below(half.wire.len() + 1),
            };
            deliver(halves, from, count);
        }
        4 | 5 => tamper(script, &mut half.wire),
        6 if half.may_send() => {
            half.end.end();
            half.gather();
            half.ended_at = Some(half.said.len());
        }
        7 => settle(halves),
        _ => {}
    }
}

fn send(script: &mut Script<'_>, half: &mut Half) {
    let count = match script.below(4) {
        0 => script.below(16),
        // Around the size of a record.
        1 => 16_384 - 2 + script.below(5),
        2 => script.below(1000),
        _ => script.below(70_000),
    };
    let from = half.sent.len();
    let data: Vec<u8> = (from..from + count)
        .map(|at| ((at * 31) >> 3) as u8)
        .collect();
    half.end.send(&data);
    half.sent.extend(data);
    half.gather();
    half.writes.push((half.said.len(), half.sent.len()));
}

/// Changes bytes on their way; not always does it come to anything.
fn tamper(script: &mut Script<'_>, wire: &mut Vec<u8>) {
    let at = match script.below(2) {
        // Headers of records and messages.
        0 => script.below(16).min(wire.len()),
        _ => script.below(wire.len() + 1),
    };
    let to = (at + 1 + script.below(64)).min(wire.len());
    match script.below(6) {
        0 if at < to => wire[at] ^= 1 << script.below(8),
        1 if at < to => wire[at] = script.byte(),
        2 => drop(wire.drain(at..to)),
        3 => {
            let again = wire[at..to].to_vec();
            wire.splice(at..at, again);
        }
        4 => {
            let count = 1 + script.below(40);
            let made_up = script.bytes(count).to_vec();
            wire.splice(at..at, made_up);
        }
        // Two pieces change places.
        _ => wire[..to].rotate_left(at.min(to)),
    }
}

/// Delivers everything, until nobody has more to say.
fn settle(halves: &mut [Half; 2]) {
    for _ in 0..100 {
        gather(halves);
        if halves.iter().all(|half| half.wire.is_empty()) {
            return;
        }
        for from in 0..2 {
            let all = halves[from].wire.len();
            deliver(halves, from, all);
        }
    }
    panic!("they never stop talking");
}

/// What holds at any time.
fn check(halves: &[Half; 2]) {
    for (from, to) in [(0, 1), (1, 0)] {
        let (half, got) = (&halves[from], &halves[to].end.got);
        assert!(
            half.sent.starts_with(got),
            "what has come is not what was sent"
        );
        let records = half.sent.len() / 16_384 + 2 * half.writes.len();
        let most = half.sent.len() + records * RECORD_OVERHEAD_BYTES + OWN_BYTES_MAX;
        assert!(
            half.said.len() <= most,
            "{} bytes were said",
            half.said.len()
        );
    }
}

/// What holds once all has been delivered, and nothing more will come.
fn over(from: &Half, to: &End) {
    let has_verdict = to.refusal.is_some() || to.ending.is_some();
    assert!(has_verdict, "no verdict");
    let ended = to.ending == Some(ReadOutcome::End);
    let changed_at = from.changed_at();
    // What stood behind the end is nobody's, and was not read.
    let is_whole = from.delivered.len() >= from.said.len() && changed_at.is_none();
    let end_is_whole =
        |at: usize| from.delivered.len() >= at && changed_at.is_none_or(|from| from >= at);
    match from.open_at {
        None => {}
        // Before that, not every byte is one that is authenticated.
        Some(open) if changed_at.is_some_and(|at| at < open) => {}
        Some(_) => {
            let can_end = from.ended_at.is_some_and(end_is_whole);
            assert!(!ended || can_end, "a stream ends cleanly without its end");
            let behind = changed_at.and_then(|at| from.writes.iter().find(|(said, _)| *said > at));
            let is_bounded = behind.is_none_or(|(_, sent)| to.got.len() < *sent);
            assert!(is_bounded, "data came through a byte that was changed");
        }
    }
    if is_whole && from.end.failure().is_none() && to.failure().is_none() {
        assert_eq!(to.got.len(), from.sent.len(), "not all has come");
        assert_eq!(ended, from.ended_at.is_some(), "{:?}", to.ending);
    }
}
