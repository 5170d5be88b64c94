//! What reaches the supervisor.

use std::io;

use crossbeam_channel::{Receiver, Sender};

use super::signals;
use super::upgrade::Event;

/// Messages that may wait for the supervisor; who posts one more waits. Signals come one at a time, each
/// thread ends once, and a change of files is told once until it was looked at.
const QUEUE: usize = 64;

/// What the supervisor can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read and prove the credentials again.
    Reload,
    /// Let the program that is in the place of this one now take over.
    Upgrade,
    /// Drain; asked twice, end at once.
    Stop,
}

/// What reaches the supervisor.
#[derive(Debug)]
pub(super) enum Control {
    Command(Command),
    /// A watched file may have changed.
    FilesChanged,
    /// An upgrade has come to its end.
    Upgrade(Event),
    ThreadEnded {
        name: String,
        end: ThreadEnd,
    },
}

/// What the supervisor hears by. Made before anything else is, so that nothing that is asked for meanwhile
/// is lost.
pub struct ControlLine {
    pub(super) sender: Sender<Control>,
    pub(super) receiver: Receiver<Control>,
}

impl Default for ControlLine {
    fn default() -> ControlLine {
        let (sender, receiver) = crossbeam_channel::bounded(QUEUE);
        ControlLine { sender, receiver }
    }
}

impl ControlLine {
    /// Lets SIGHUP reload, SIGUSR2 upgrade, and SIGTERM and SIGINT stop.
    pub fn obey_signals(&self) -> io::Result<()> {
        signals::watch(self.sender.clone())
    }
}

/// How a thread came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ThreadEnd {
    /// It was done.
    Done,
    /// The system failed it.
    Failed(String),
    /// It panicked: a fault in this program.
    Panicked,
}
