//! What reaches the supervisor.

/// What the supervisor can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read and prove the credentials again.
    Reload,
    /// Drain; asked twice, end at once.
    Stop,
}

/// What reaches the supervisor.
#[derive(Debug)]
pub(super) enum Control {
    Command(Command),
    /// A watched file may have changed.
    FilesChanged,
    ThreadEnded {
        name: String,
        end: ThreadEnd,
    },
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
