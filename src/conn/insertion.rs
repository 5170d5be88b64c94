//! The certificate of who sends requests, put into them on their way through the relay.
//!
//! A pair with `client_cert_header` has its relay read the inbound leg through [`Inserting`], and the outbound
//! one through [`Watching`]; the relay of every other pair does not know of them.
//!
//! | event | outcome |
//! |---|---|
//! | a request is refused | what came before it is passed on; then both legs are closed, a plain outbound one with a reset |
//! | it is the first one, and nothing of an answer is on its way | its client is told by a response, and gets a moment to read that |
//! | the inbound stream ends within a head | refused; a service never sees a part of a head |
//! | it ends within content | the end is passed on, as everywhere: the service knows how much was to come |
//! | the first one waits for 100 (Continue), and nothing of an answer is on its way | it gets that from us |
//! | the protocol may change | the inbound leg is not read before the service has answered |

use std::cell::Cell;

use super::connection::{Connection, Phase};
use super::leg::Leg;
use super::step::Turn;
use crate::base::buffer::Buffer;
use crate::base::id::Side;
use crate::base::scratch::Scratch;
use crate::config::OnTruncation;
use crate::http::{self, FirstAnswer, Refusal, Requests};
use crate::relay::{Failure, Fill, FlowState, Flush, Leg as RelayLeg, Relay};
use crate::tls;

/// What a connection knows of its requests.
pub(super) struct Insertion {
    requests: Requests,
    /// Bytes that were read and not taken yet.
    unused: Buffer,
    /// The clean end stands behind them.
    is_ended: bool,
    /// A TLS stream that is cut off counts as ended.
    takes_cut_for_end: bool,
    refused: Option<Refusal>,
    first_answer: Cell<FirstAnswer>,
}

impl Insertion {
    /// Of requests whose sender has that certificate, in PEM.
    fn new(pem: Option<&str>, on_truncation: OnTruncation) -> Insertion {
        let lines = pem.map(|pem| http::lines(pem, &tls::sha256_hex(pem.as_bytes())));
        Insertion {
            requests: Requests::new(lines.unwrap_or_default()),
            unused: Buffer::default(),
            is_ended: false,
            takes_cut_for_end: on_truncation == OnTruncation::End,
            refused: None,
            first_answer: Cell::default(),
        }
    }

    /// Why a request was refused, if one was.
    pub(super) fn refused(&self) -> Option<Refusal> {
        self.refused
    }

    /// Answers the first request for the service, if its client waits for that before it sends content, and
    /// nothing else is on its way to it.
    pub(super) fn let_continue(&mut self, relay: &Relay, inbound: &mut Leg, scratch: &mut Scratch) {
        let answer = relay.flow_from(Side::Outbound);
        let is_free = answer.state() == FlowState::Open && answer.bytes() == 0;
        if self.requests.take_continue() && is_free {
            scratch.plain.clear();
            scratch.plain.append(http::CONTINUE);
            inbound.send(scratch);
        }
    }

    /// The legs as the relay is to see them.
    pub(super) fn between<'a>(
        &'a mut self,
        inbound: &'a mut Leg,
        outbound: &'a mut Leg,
    ) -> (Inserting<'a>, Watching<'a>) {
        let Insertion {
            requests,
            unused,
            is_ended,
            takes_cut_for_end,
            refused,
            first_answer,
        } = self;
        let first_answer = &*first_answer;
        let watching = Watching {
            leg: outbound,
            first_answer,
        };
        let inserting = Inserting {
            leg: inbound,
            requests,
            unused,
            is_ended,
            takes_cut_for_end: *takes_cut_for_end,
            refused,
            first_answer,
        };
        (inserting, watching)
    }
}

impl Connection {
    /// What its pair wants to be put into requests; none for nothing. Both handshakes are done.
    pub(super) fn insertion(&self) -> Option<Box<Insertion>> {
        let pair = &self.served.pair;
        if !pair.client_cert_header {
            return None;
        }
        let pem = match pair.mode.inbound_tls() {
            true => self
                .inbound
                .session()
                .and_then(|session| session.peer_pem()),
            false => {
                let outbound = self.outbound.as_ref();
                let session = outbound.and_then(|leg| leg.session());
                session.and_then(|session| session.own_pem())
            }
        };
        Some(Box::new(Insertion::new(pem.as_deref(), pair.on_truncation)))
    }

    /// Its first request was refused: tells its client, if that has not heard of anything yet.
    pub(super) fn answer_refused(&mut self, turn: &mut Turn<'_>) {
        let (Phase::Relaying(relay), Some(insertion)) = (&self.phase, &self.insertion) else {
            return;
        };
        let Some(refusal) = insertion.refused else {
            return;
        };
        let has_heard = relay.flow_from(Side::Outbound).bytes() > 0;
        let is_why = self.summary.reason() == Some(refusal.reason());
        if !is_why || has_heard || !insertion.requests.is_at_first() || self.is_turned_away {
            return;
        }
        turn.scratch.plain.clear();
        turn.scratch.plain.append(refusal.answer());
        self.inbound.send(turn.scratch);
        self.inbound.end(turn.scratch);
        self.is_turned_away = true;
    }
}

/// An inbound leg whose bytes are requests.
pub(super) struct Inserting<'a> {
    leg: &'a mut Leg,
    requests: &'a mut Requests,
    unused: &'a mut Buffer,
    is_ended: &'a mut bool,
    takes_cut_for_end: bool,
    refused: &'a mut Option<Refusal>,
    first_answer: &'a Cell<FirstAnswer>,
}

impl Inserting<'_> {
    /// Takes what was left of an earlier read.
    fn fill_from_unused(&mut self, scratch: &mut Scratch) -> Result<(), Refusal> {
        let used = self.requests.take(self.unused.data(), &mut scratch.plain)?;
        self.unused.consume(used);
        if self.unused.is_empty() {
            scratch.give_back(std::mem::take(self.unused));
        }
        Ok(())
    }

    /// Takes what a read has added to `scratch.plain`, and puts into its place what is to be sent.
    fn rewrite(&mut self, scratch: &mut Scratch) -> Result<(), Refusal> {
        if self.requests.take_whole(scratch.plain.data()) {
            return Ok(());
        }
        let taken = self
            .requests
            .take(scratch.plain.data(), &mut scratch.outgoing);
        std::mem::swap(&mut scratch.plain, &mut scratch.outgoing);
        match taken {
            Ok(used) => scratch.outgoing.consume(used),
            Err(_) => scratch.outgoing.clear(),
        }
        if !scratch.outgoing.is_empty() {
            *self.unused = scratch.keep_outgoing();
        }
        taken.map(drop)
    }

    /// What is to be sent, or why nothing more is.
    fn filled(&mut self, outcome: Result<(), Refusal>, scratch: &mut Scratch) -> Fill {
        let count = scratch.plain.len();
        let outcome = match outcome {
            Ok(()) if *self.is_ended && self.unused.is_empty() => {
                self.requests.end().map(|()| Fill::Last(count))
            }
            other => other.map(|()| Fill::Bytes(count)),
        };
        match outcome {
            Ok(fill) => fill,
            Err(refusal) => {
                *self.refused = Some(refusal);
                scratch.give_back(std::mem::take(self.unused));
                match count {
                    0 => Fill::Failed(refusal.reason()),
                    // What came before it goes first.
                    count => Fill::Bytes(count),
                }
            }
        }
    }
}

impl RelayLeg for Inserting<'_> {
    fn fill(&mut self, scratch: &mut Scratch) -> Fill {
        if let Some(refusal) = self.refused {
            return Fill::Failed(refusal.reason());
        }
        if self.requests.is_waiting() {
            match self.first_answer.get().is_switching() {
                Some(is_switching) => self.requests.answered(is_switching),
                None => return Fill::Blocked,
            }
        }
        if !self.unused.is_empty() {
            let outcome = self.fill_from_unused(scratch);
            return self.filled(outcome, scratch);
        }
        match self.leg.fill(scratch) {
            Fill::Bytes(0) => Fill::Bytes(0),
            Fill::Bytes(_) => {
                let outcome = self.rewrite(scratch);
                self.filled(outcome, scratch)
            }
            Fill::Last(_) => {
                *self.is_ended = true;
                let outcome = self.rewrite(scratch);
                self.filled(outcome, scratch)
            }
            end @ (Fill::End | Fill::Truncated) => match self.requests.end() {
                Err(refusal) if end == Fill::End || self.takes_cut_for_end => {
                    self.filled(Err(refusal), scratch)
                }
                _ => end,
            },
            other => other,
        }
    }

    fn send(&mut self, scratch: &mut Scratch) -> Flush {
        self.leg.send(scratch)
    }

    fn flush(&mut self, scratch: &mut Scratch) -> Flush {
        self.leg.flush(scratch)
    }

    fn end(&mut self, scratch: &mut Scratch) -> Flush {
        self.leg.end(scratch)
    }

    fn failure(&mut self) -> Option<Failure> {
        self.leg.failure()
    }
}

/// An outbound leg whose first answer says whether the protocol changes.
pub(super) struct Watching<'a> {
    leg: &'a mut Leg,
    first_answer: &'a Cell<FirstAnswer>,
}

impl RelayLeg for Watching<'_> {
    fn fill(&mut self, scratch: &mut Scratch) -> Fill {
        let fill = self.leg.fill(scratch);
        let mut answer = self.first_answer.get();
        answer.note(scratch.plain.data());
        if matches!(fill, Fill::Last(_) | Fill::End | Fill::Truncated) {
            answer.end();
        }
        self.first_answer.set(answer);
        fill
    }

    fn send(&mut self, scratch: &mut Scratch) -> Flush {
        self.leg.send(scratch)
    }

    fn flush(&mut self, scratch: &mut Scratch) -> Flush {
        self.leg.flush(scratch)
    }

    fn end(&mut self, scratch: &mut Scratch) -> Flush {
        self.leg.end(scratch)
    }

    fn failure(&mut self) -> Option<Failure> {
        self.leg.failure()
    }
}
