//! Messages to a thread that waits in a poller.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Poll, Token, Waker};

use crate::base::id::MAILBOX_TOKEN;

/// The sending half; clone it freely.
///
/// The queue has no bound of its own, as a post must not block or fail. What is posted is bounded by
/// its kind: accepted connections by the connection limit, answers by the lane's queue, the rest by
/// the operator's hands.
pub struct Mailbox<M> {
    sender: crossbeam_channel::Sender<M>,
    bell: Bell,
}

/// Wakes the owner of a mailbox.
#[derive(Clone)]
pub struct Bell(Arc<BellState>);

struct BellState {
    waker: Waker,
    /// Rung, and the owner has not looked yet: one wake-up serves many messages.
    is_rung: AtomicBool,
}

impl Bell {
    /// Wakes the owner, unless that was done and it has not looked yet.
    pub fn ring(&self) {
        if !self.0.is_rung.swap(true, Ordering::AcqRel) {
            // Fails only if the descriptor is broken, and then the process is.
            let _ = self.0.waker.wake();
        }
    }
}

impl<M> Clone for Mailbox<M> {
    fn clone(&self) -> Mailbox<M> {
        Mailbox {
            sender: self.sender.clone(),
            bell: self.bell.clone(),
        }
    }
}

/// The owner's half.
pub struct Receiver<M> {
    receiver: crossbeam_channel::Receiver<M>,
    bell: Bell,
}

#[allow(
    clippy::disallowed_methods,
    reason = "a post never waits; its kinds are bounded"
)]
/// A mailbox whose messages wake `poll` with [`MAILBOX_TOKEN`]. One for each poller.
pub fn mailbox<M>(poll: &Poll) -> io::Result<(Mailbox<M>, Receiver<M>)> {
    let bell = Bell(Arc::new(BellState {
        waker: Waker::new(poll.registry(), Token(MAILBOX_TOKEN))?,
        is_rung: AtomicBool::new(false),
    }));
    let (sender, receiver) = crossbeam_channel::unbounded();
    let mailbox = Mailbox {
        sender,
        bell: bell.clone(),
    };
    Ok((mailbox, Receiver { receiver, bell }))
}

impl<M> Mailbox<M> {
    /// Posts a message and wakes the owner. A message to a thread that has ended is dropped.
    pub fn post(&self, message: M) {
        if self.sender.send(message).is_ok() {
            self.bell.ring();
        }
    }

    /// Its bell alone.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }
}

impl<M> Receiver<M> {
    /// Call before taking messages, once for each wake-up: later posts ring again.
    pub fn answer_bell(&self) {
        self.bell.0.is_rung.swap(false, Ordering::AcqRel);
    }

    /// The next message, if there is one.
    pub fn take(&self) -> Option<M> {
        self.receiver.try_recv().ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_message_wakes_the_owner_and_arrives() {
        let mut poll = Poll::new().unwrap();
        let (mailbox, receiver) = mailbox(&poll).unwrap();
        let poster = std::thread::spawn(move || (0..3).for_each(|n| mailbox.post(n)));
        let mut events = mio::Events::with_capacity(4);
        let mut got = Vec::new();
        while got.len() < 3 {
            poll.poll(&mut events, Some(Duration::from_secs(10)))
                .unwrap();
            assert!(!events.is_empty(), "no wake-up");
            receiver.answer_bell();
            got.extend(std::iter::from_fn(|| receiver.take()));
        }
        poster.join().unwrap();
        assert_eq!(got, [0, 1, 2]);
    }

    #[test]
    fn a_post_to_a_thread_that_has_ended_is_no_error() {
        let poll = Poll::new().unwrap();
        let (mailbox, receiver) = mailbox::<u8>(&poll).unwrap();
        drop((receiver, poll));
        mailbox.post(1);
    }
}
