//! What a connection and its worker exchange in a turn.

use std::sync::Arc;

use mio::Registry;

use crate::base::scratch::Scratch;
use crate::route::Question;

/// What a connection asks of its worker.
#[derive(Debug)]
pub enum Step {
    /// An event, an answer or a deadline will tell when to go on.
    Wait,
    /// More can be done at once; others come first.
    Yield,
    /// Resolve this name and call [`Connection::resolved`](super::Connection::resolved); then go on.
    Resolve(Arc<str>),
    /// Put this question to the database and call [`Connection::decided`](super::Connection::decided) with the
    /// answer; go on meanwhile.
    Decide(Question),
    /// The resolver takes its time: if there is an older answer for this name, call
    /// [`Connection::resolved`](super::Connection::resolved) with that.
    LastGood(Arc<str>),
    /// It is over: call [`Connection::close`](super::Connection::close).
    Close,
}

/// What a turn may use.
pub struct Turn<'a> {
    /// The worker's buffers.
    pub scratch: &'a mut Scratch,
    /// The worker's poller.
    pub registry: &'a Registry,
    /// The time of day, in seconds since 1970.
    pub unix_now: i64,
}
