//! Messages and descriptors between two processes.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recvmsg, sendmsg, shutdown,
    socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest message: names of pairs and paths have bounds far below.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// One end of a line, on which each message comes whole or not at all, and may bring a descriptor.
#[derive(Debug)]
pub(super) struct Line(OwnedFd);

/// When to give up waiting; never without one.
pub(super) type Until = Option<Instant>;

/// The time by which something has to have come that is waited for now.
#[allow(clippy::disallowed_methods)] // threads and processes that only wait read their clock here
pub(super) fn within(patience: Duration) -> Until {
    Some(Instant::now() + patience)
}

impl Line {
    /// Both ends, which no program inherits.
    pub(super) fn pair() -> io::Result<(Line, Line)> {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (one, other) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
        Ok((Line(one), Line(other)))
    }

    /// The one that this process has as its standard input, which is `/dev/null` from then on.
    pub(super) fn of_stdin() -> io::Result<Line> {
        let line = io::stdin().as_fd().try_clone_to_owned()?;
        let nothing = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing)?;
        Ok(Line(line))
    }

    pub(super) fn from_end(end: OwnedFd) -> Line {
        Line(end)
    }

    pub(super) fn into_end(self) -> OwnedFd {
        self.0
    }

    /// Sends a message, with a descriptor if there is one.
    pub(super) fn send(
        &self,
        message: &impl Serialize,
        descriptor: Option<BorrowedFd<'_>>,
        until: Until,
    ) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut extra = SendAncillaryBuffer::new(&mut space);
        let descriptors = descriptor.as_slice();
        if !descriptors.is_empty() {
            extra.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        self.wait(PollFlags::OUT, until)?;
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let sent = sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut extra, flags)?;
        match sent == bytes.len() {
            true => Ok(()),
            false => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// The next message and its descriptor; none once the other end is closed.
    pub(super) fn receive<T: DeserializeOwned>(
        &self,
        until: Until,
    ) -> io::Result<Option<(T, Option<OwnedFd>)>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut extra = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = vec![0; MESSAGE_BYTES_MAX];
        self.wait(PollFlags::IN, until)?;
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = recvmsg(
            &self.0,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut extra,
            flags,
        );
        let length = match received {
            Ok(received) => received.bytes,
            // It ended with something unread.
            Err(rustix::io::Errno::CONNRESET) => 0,
            Err(error) => return Err(error.into()),
        };
        if length == 0 {
            return Ok(None);
        }
        let mut descriptors = extra.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let descriptor = descriptors.next();
        let message = serde_json::from_slice(&bytes[..length])?;
        Ok(Some((message, descriptor)))
    }

    /// Ends the line in both directions, also for who waits at this end of it.
    pub(super) fn close(&self) {
        // What it fails of is that the other end is gone.
        let _ = shutdown(&self.0, Shutdown::Both);
    }

    #[allow(clippy::disallowed_methods)] // as above
    fn wait(&self, what: PollFlags, until: Until) -> io::Result<()> {
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let timeout = left.map(Timespec::try_from).transpose();
            let timeout = timeout.map_err(io::Error::other)?;
            let mut wanted = [PollFd::new(&self.0, what)];
            match poll(&mut wanted, timeout.as_ref()) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_message_comes_whole_and_with_its_descriptor() {
        let (one, other) = Line::pair().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        one.send(&"with", Some(far.as_fd()), None).unwrap();
        one.send(&"without", None, None).unwrap();
        drop(far);
        let (text, descriptor) = other.receive::<String>(None).unwrap().unwrap();
        assert_eq!(text, "with");
        let mut passed = UnixStream::from(descriptor.unwrap());
        passed.write_all(b"by it").unwrap();
        drop(passed);
        let mut got = String::new();
        near.read_to_string(&mut got).unwrap();
        assert_eq!(got, "by it");
        let (text, descriptor) = other.receive::<String>(None).unwrap().unwrap();
        assert!(text == "without" && descriptor.is_none());
    }

    #[test]
    fn an_end_is_told_from_silence() {
        let (one, other) = Line::pair().unwrap();
        let silent = other.receive::<String>(within(Duration::ZERO));
        assert_eq!(silent.unwrap_err().kind(), io::ErrorKind::TimedOut);
        one.close();
        assert!(other.receive::<String>(None).unwrap().is_none());
        assert!(one.receive::<String>(None).unwrap().is_none());
    }

    #[test]
    fn who_does_not_read_keeps_nobody_waiting_for_good() {
        let (one, _other) = Line::pair().unwrap();
        let text = "x".repeat(MESSAGE_BYTES_MAX / 2);
        let refused = (0..10_000).find_map(|_| one.send(&text, None, within(Duration::ZERO)).err());
        assert_eq!(refused.unwrap().kind(), io::ErrorKind::TimedOut);
    }
}
