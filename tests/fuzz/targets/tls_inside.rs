//! A peer that was let in and has the keys, in TLS 1.2 and 1.3, as client and as server, and a script of what
//! it says then: records that are encrypted as they must be, with whatever is in them. Messages that come
//! behind a handshake, alerts and empty records are read by content only if somebody encrypts them. Whatever
//! comes, what is taken for data is what the peer has said as such, nobody answers more than was asked, and
//! a stream ends cleanly by close_notify alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::tls::{ExpectedName, ReadOutcome};
use mtls_persona_fuzz::records::Writer;
use mtls_persona_fuzz::script::Script;
use mtls_persona_fuzz::tls::pair::{End, client_end, server_end};
use mtls_persona_fuzz::tls::{contexts, sides};

/// So many steps are taken of one script.
const STEPS_MAX: usize = 60;

/// So many bytes are in a record at the most; 16,384 are allowed (RFC 8446, 5.1).
const CONTENT_BYTES_MAX: usize = 16_500;

/// The most that an end says besides what it is given and what it answers: tickets, alerts.
const OWN_BYTES_MAX: usize = 16 * 1024;

/// What a record adds to what is in it, generously.
const RECORD_OVERHEAD_BYTES: usize = 256;

/// BoringSSL takes so many new keys for no data at the most.
const KEYS_MAX: usize = 32;

/// Types of records (RFC 8446, 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

/// Types of messages (RFC 8446, 4; RFC 5246, 7.4): of requests to begin anew, of tickets, of requests for a
/// certificate, of an end, of new keys, and what is none.
const MESSAGES: [u8; 8] = [0, 1, 4, 13, 20, 24, 11, 255];

const CLOSE_NOTIFY: [u8; 2] = [1, 0];

/// The peer, our end, and what has passed between them.
struct Course {
    end: End,
    writer: Writer,
    is_tls13: bool,
    /// What the peer has said as data.
    said: Vec<u8>,
    /// Bytes of records that it has sent.
    sent: usize,
    /// Bytes of records that our end has said, and how many its data may take.
    told: usize,
    ours: usize,
    /// Whether it has sent a close_notify.
    has_ended: bool,
    /// Whether all of it was as it must be.
    is_proper: bool,
    /// New keys since the last data.
    keys: usize,
}

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script::new(bytes);
    let start = script.below(4);
    let (is_tls13, is_client) = (start & 1 == 1, start & 2 == 2);
    let end = match is_client {
        true => server_end(&sides().server),
        false => client_end(&sides().client, ExpectedName::Dns("localhost")),
    };
    let mut course = Course::new(end, is_tls13, is_client);
    let peer = course.end.session.peer().expect("it is known");
    for _ in 0..STEPS_MAX {
        if script.is_over() {
            break;
        }
        course.step(&mut script);
        course.check();
    }
    course.end.cut();
    course.check();
    let is_clean = course.end.ending == Some(ReadOutcome::End);
    assert!(course.end.ending.is_some(), "no verdict");
    assert!(!is_clean || course.has_ended, "it ends without an end");
    assert!(
        is_clean || !course.has_ended || !course.is_proper,
        "its end is none"
    );
    let still = course.end.session.peer().expect("it is known");
    assert_eq!(still, peer, "it is another one");
});

impl Course {
    fn new(mut end: End, is_tls13: bool, is_client: bool) -> Course {
        let writer = contexts().shake(&mut end, is_tls13, is_client);
        end.output();
        Course {
            end,
            writer,
            is_tls13,
            said: Vec::new(),
            sent: 0,
            told: 0,
            ours: 0,
            has_ended: false,
            is_proper: true,
            keys: 0,
        }
    }

    /// One thing happens.
    fn step(&mut self, script: &mut Script<'_>) {
        let action = script.byte();
        let zeros = usize::from(action >> 3);
        match action & 7 {
            0 | 1 => self.message(script),
            2 => {
                let data = bytes(script);
                // Of empty ones BoringSSL takes some.
                self.is_proper &= !data.is_empty() && data.len() <= 16_384 - zeros;
                self.record(DATA, &data, zeros);
            }
            3 => self.update(script.below(2) as u8),
            4 => {
                let alert = [script.byte(), script.byte()];
                self.is_proper &= alert == CLOSE_NOTIFY;
                self.record(ALERT, &alert, zeros);
            }
            5 => {
                let (kind, content) = (script.byte(), bytes(script));
                self.is_proper = false;
                self.record(kind, &content, zeros);
            }
            6 => {
                self.is_proper = false;
                // A key of which the other has not heard.
                self.writer.update();
            }
            _ => self.answer(script.below(1000)),
        }
    }

    /// A message with a header that is right, made up behind it, in one record or in two.
    fn message(&mut self, script: &mut Script<'_>) {
        self.is_proper = false;
        let kind = MESSAGES[script.below(MESSAGES.len())];
        let body = bytes(script);
        let length = (body.len() as u32).to_be_bytes();
        let message = [&[kind], &length[1..], body.as_slice()].concat();
        let at = script.below(message.len() + 1);
        for part in [&message[..at], &message[at..]] {
            self.record(HANDSHAKE, part, 0);
        }
    }

    /// New keys as they must come, which the other is asked for too, or not (RFC 8446, 4.6.3).
    fn update(&mut self, asks: u8) {
        self.is_proper &= self.is_tls13;
        self.keys += 1;
        self.is_proper &= self.keys < KEYS_MAX;
        self.record(HANDSHAKE, &[24, 0, 0, 1, asks], 0);
        self.writer.update();
    }

    fn record(&mut self, kind: u8, content: &[u8], zeros: usize) {
        // What comes behind an end is nobody's.
        if kind == DATA && !self.has_ended {
            self.said.extend(content);
            self.keys = 0;
        }
        let record = self.writer.record(kind, content, zeros);
        self.sent += record.len();
        self.end.feed(&record);
        self.has_ended |= kind == ALERT && content == CLOSE_NOTIFY;
    }

    /// Our end says something.
    fn answer(&mut self, count: usize) {
        if self.end.failure().is_none() {
            self.end.send(&vec![7; count]);
            self.ours += count + RECORD_OVERHEAD_BYTES;
        }
    }

    /// What holds at any time.
    fn check(&mut self) {
        let Course { end, said, .. } = self;
        assert!(said.starts_with(&end.got), "that was not said");
        if self.is_proper {
            assert_eq!(end.failure(), None, "what is proper is refused");
            assert_eq!(end.got.len(), said.len(), "not all has come");
        }
        if let Some(error) = end.failure() {
            let is_line = error.detail.len() < 500 && !error.detail.contains('\n');
            assert!(is_line, "{error}");
        }
        self.told += end.output().len();
        let most = self.sent + self.ours + OWN_BYTES_MAX;
        assert!(self.told <= most, "{} bytes were said", self.told);
    }
}

fn bytes(script: &mut Script<'_>) -> Vec<u8> {
    let count = match script.below(4) {
        0 => script.below(4),
        1 | 2 => script.below(200),
        // More than there are bytes of the script, and around what a record may hold.
        _ => return vec![script.byte(); CONTENT_BYTES_MAX - script.below(200)],
    };
    script.bytes(count).to_vec()
}
