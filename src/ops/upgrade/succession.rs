//! The old program's part, in a thread of its own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::launcher::Launcher;
use super::legacy::{Heirloom, Title};
use super::line::{Line, Until, within};
use super::predecessor::{Reply, Word};
use crate::ops::reload::Crew;
use crate::reactor::AcceptorMsg;

/// How long the new program may take until it could serve. It reads and proves every file meanwhile.
const READY_PATIENCE: Duration = Duration::from_secs(30);

/// How long either may take for what takes no time at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// How it came out.
#[derive(Debug)]
pub(in crate::ops) enum Event {
    /// The process of that number serves, and this one accepts nothing more.
    Served(u32),
    /// Nothing has changed. The launcher can be told to try again.
    Failed {
        /// It.
        launcher: Launcher,
        /// Why.
        why: String,
    },
}

/// An upgrade.
pub(super) struct Succession {
    pub(super) launcher: Launcher,
    pub(super) crew: Arc<Crew>,
    /// Sockets that are not the acceptor's.
    pub(super) heirlooms: Vec<Heirloom>,
    /// To the new program; who closes it wants it to come to nothing.
    pub(super) line: Arc<Line>,
}

impl Succession {
    /// Runs to its end; `end` is the new program's end of the line.
    pub(super) fn run(self, end: Line) -> Event {
        match self.hand_over(end) {
            Ok(pid) => {
                self.launcher.keep();
                Event::Served(pid)
            }
            Err(why) => {
                // It goes first, so that there is no time in which both accept.
                let how = self.launcher.kill().unwrap_or_else(|error| error);
                self.line.close();
                self.crew.acceptor.post(AcceptorMsg::Resume);
                Event::Failed {
                    why: format!("{why} (the new program: {how})"),
                    launcher: self.launcher,
                }
            }
        }
    }

    fn hand_over(&self, end: Line) -> Result<u32, String> {
        let pid = self.launcher.launch(end)?;
        log::info!("upgrade: the new program is process {pid}");
        let until = within(READY_PATIENCE);
        let own = self.lent()?;
        let all = || self.heirlooms.iter().chain(&own);
        for heirloom in all() {
            let word = Word::Socket {
                title: heirloom.title.clone(),
                file: heirloom.lent.file,
            };
            let told = self
                .line
                .send(&word, Some(heirloom.lent.handed.descriptor()), until);
            told.map_err(unready)?;
        }
        self.line.send(&Word::All, None, until).map_err(unready)?;
        match self.hear(until)? {
            Reply::Ready => {}
            other => return Err(format!("it says {other:?} too early")),
        }
        self.pause()?;
        self.line.send(&Word::Serve, None, until).map_err(unready)?;
        let until = within(PATIENCE);
        let mut unused = Vec::new();
        while let Reply::Unused(title) = self.hear(until)? {
            unused.push(title);
        }
        for heirloom in all().filter(|heirloom| unused.contains(&heirloom.title)) {
            heirloom.lent.remove_file();
        }
        Ok(pid)
    }

    /// Other descriptors of the acceptor's sockets.
    fn lent(&self) -> Result<Vec<Heirloom>, String> {
        let (reply, lent) = bounded(1);
        self.crew.acceptor.post(AcceptorMsg::Lend(reply));
        let lent = lent.recv_timeout(PATIENCE);
        let lent = lent.map_err(|_| "the acceptor does not answer".to_owned())?;
        let lent = lent.map_err(|error| format!("the system refused: {error}"))?;
        let heirlooms = lent.into_iter().map(|(served, lent)| Heirloom {
            title: Title::Pair {
                name: served.pair.name.clone(),
                inbound: served.pair.inbound.to_string(),
            },
            lent,
        });
        // What was passed comes by the name that it was passed with.
        let is_passed = |name: &str| {
            let mut passed = self.heirlooms.iter();
            passed.any(|heirloom| matches!(&heirloom.title, Title::Passed(own) if own == name))
        };
        let own = heirlooms.filter(|heirloom| match &heirloom.title {
            Title::Pair { name, .. } => !is_passed(name),
            _ => true,
        });
        Ok(own.collect())
    }

    /// Comes back when nothing more is accepted.
    fn pause(&self) -> Result<(), String> {
        let (reply, paused) = bounded(1);
        self.crew.acceptor.post(AcceptorMsg::Pause(reply));
        // Nothing is sent: that the acceptor has dropped the sender is its answer.
        match paused.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Timeout) => Err("the acceptor does not answer".to_owned()),
            Err(RecvTimeoutError::Disconnected) | Ok(()) => Ok(()),
        }
    }

    fn hear(&self, until: Until) -> Result<Reply, String> {
        match self.line.receive(until) {
            Ok(Some((reply, _))) => Ok(reply),
            Ok(None) => Err("it ended before it could serve".to_owned()),
            Err(error) => Err(unready(error)),
        }
    }
}

fn unready(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => {
            let seconds = READY_PATIENCE.as_secs();
            format!("it could not serve within {seconds} s")
        }
        io::ErrorKind::BrokenPipe => "it ended before it could serve".to_owned(),
        _ => error.to_string(),
    }
}
