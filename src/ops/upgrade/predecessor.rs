//! The new program's part.

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::legacy::{Heirloom, Title};
use super::line::{Line, within};
use crate::net::{Handed, Lent};

/// What a program has in its environment that another one has started to be its successor: the name, and the
/// version of how they talk.
pub(super) const MARK: (&str, &str) = ("MTLS_PERSONA_SUCCEEDS", "1");

/// For what takes the predecessor no time at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a predecessor says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// A listening socket, with the descriptor.
    Socket {
        title: Title,
        /// Device and inode of a UNIX socket's file, if it is the program's.
        file: Option<(u64, u64)>,
    },
    /// Those were all.
    All,
    /// It accepts no more.
    Serve,
    /// The service manager knows; and whether a reload was asked for meanwhile.
    Over { is_reload_asked: bool },
}

/// What a successor says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// It could accept at once.
    Ready,
    /// It has no use for this one, so that its file is to go.
    Unused(Title),
    /// It is about to accept.
    Serving,
}

/// The program in whose place this one is to serve.
#[derive(Debug)]
pub(in crate::ops) struct Predecessor(Line);

impl Predecessor {
    /// That of this process, if it was started by one; with what that listens with.
    ///
    /// # Errors
    /// Why it cannot be succeeded.
    pub(in crate::ops) fn of_process() -> Result<Option<(Predecessor, Vec<Heirloom>)>, String> {
        match env::var(MARK.0) {
            Err(env::VarError::NotPresent) => return Ok(None),
            Ok(version) if version == MARK.1 => {}
            other => {
                return Err(format!(
                    "{} is {other:?}: the program that runs hands over in another way, so that it takes a \
                     restart",
                    MARK.0
                ));
            }
        }
        let cannot = |error: io::Error| format!("what is to be taken over cannot be had: {error}");
        let line = Line::of_stdin().map_err(cannot)?;
        let heirlooms = receive(&line).map_err(cannot)?;
        Ok(Some((Predecessor(line), heirlooms)))
    }

    /// Tells that this program could serve, and waits until it is to.
    ///
    /// # Errors
    /// It is not to.
    pub(in crate::ops) fn wait(&self) -> Result<(), String> {
        let told = self.0.send(&Reply::Ready, None, within(PATIENCE));
        // Without a bound: that is the other one's, who can do more about it.
        match told.and_then(|()| self.0.receive(None)) {
            Ok(Some((Word::Serve, _))) => Ok(()),
            Ok(_) => Err("the program that was to be succeeded goes on itself".to_owned()),
            Err(error) => Err(format!("the program that was to be succeeded: {error}")),
        }
    }

    /// Tells that this program serves, and what of the files of UNIX sockets it does not take over.
    pub(in crate::ops) fn serving(&self, unused: Vec<Title>) {
        let unused = unused.into_iter().map(Reply::Unused);
        for reply in unused.chain([Reply::Serving]) {
            // If that one is gone, it has accepted nothing more all the same.
            let _ = self.0.send(&reply, None, within(PATIENCE));
        }
    }

    /// Waits until the service manager knows of this program, and tells whether a reload was asked for meanwhile.
    pub(in crate::ops) fn heard_of_reload(self) -> bool {
        let over = self.0.receive(within(PATIENCE));
        matches!(
            over,
            Ok(Some((
                Word::Over {
                    is_reload_asked: true
                },
                _
            )))
        )
    }
}

fn receive(line: &Line) -> io::Result<Vec<Heirloom>> {
    let until = within(PATIENCE);
    let mut heirlooms = Vec::new();
    loop {
        match line.receive(until)? {
            Some((Word::Socket { title, file }, Some(descriptor))) => {
                heirlooms.push(heirloom(title, file, descriptor)?);
            }
            Some((Word::All, _)) => return Ok(heirlooms),
            Some((other, _)) => return Err(io::Error::other(format!("{other:?} comes too early"))),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn heirloom(title: Title, file: Option<(u64, u64)>, descriptor: OwnedFd) -> io::Result<Heirloom> {
    let handed = Handed::of(descriptor)?;
    if !handed.listens() {
        return Err(io::Error::other(format!("{title:?} does not listen")));
    }
    let lent = Lent { handed, file };
    Ok(Heirloom { title, lent })
}
