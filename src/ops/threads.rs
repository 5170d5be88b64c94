//! Threads whose end is noticed, however it comes.

use std::io;

use crossbeam_channel::Sender;

use super::control::{Control, ThreadEnd};

/// Tells of the end when dropped, which a panic does too.
struct Announcer {
    name: String,
    control: Sender<Control>,
    end: ThreadEnd,
}

impl Drop for Announcer {
    fn drop(&mut self) {
        let end = match std::thread::panicking() {
            true => ThreadEnd::Panicked,
            false => std::mem::replace(&mut self.end, ThreadEnd::Done),
        };
        let name = std::mem::take(&mut self.name);
        // Nobody listens any more only when the process is about to end.
        let _ = self.control.send(Control::ThreadEnded { name, end });
    }
}

/// Starts a thread that reports its end to the supervisor.
pub(super) fn spawn(
    name: String,
    control: &Sender<Control>,
    work: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let mut announcer = Announcer {
        name: name.clone(),
        control: control.clone(),
        end: ThreadEnd::Done,
    };
    let body = move || {
        if let Err(error) = work() {
            announcer.end = ThreadEnd::Failed(error.to_string());
        }
        drop(announcer);
    };
    std::thread::Builder::new().name(name).spawn(body)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn end_of(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> ThreadEnd {
        let (control, ends) = crossbeam_channel::bounded(4);
        spawn("subject".to_owned(), &control, work).unwrap();
        match ends.recv_timeout(Duration::from_secs(30)).unwrap() {
            Control::ThreadEnded { name, end } => {
                assert_eq!(name, "subject");
                end
            }
            _ => panic!("something else was told"),
        }
    }

    #[test]
    fn a_panic_in_a_thread_is_told() {
        assert_eq!(end_of(|| panic!("on purpose")), ThreadEnd::Panicked);
    }

    #[test]
    fn a_failure_of_a_thread_is_told_with_its_words() {
        let failed = end_of(|| Err(io::Error::other("no more")));
        assert_eq!(failed, ThreadEnd::Failed("no more".to_owned()));
    }
}
