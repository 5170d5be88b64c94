//! The child: its start, its signals and its end.
//!
//! It is started by way of this program itself, which asks the kernel to end it together with its parent
//! and then becomes the command: whatever ends us, SIGKILL too, no child is left. It leads a process group of
//! its own, so that what it has started is reached as well.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{
    Child as Process, ChildStdin, ChildStdout, Command, ExitCode, ExitStatus, Stdio,
};

use clap::Args;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getppid, kill_process_group,
    set_parent_process_death_signal, waitid,
};

use crate::cli::{COULD_NOT, fail};

/// This program, even if its file was exchanged meanwhile.
const PROGRAM: &str = "/proc/self/exe";

/// The word for what this program does between its start and becoming the command.
pub(super) const SHIM: &str = "pair-child";

/// What is to become the command.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShimArgs {
    /// Who has started it.
    #[arg(long)]
    parent: i32,

    /// What it becomes.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Becomes the command, which ends with its parent.
pub(in crate::cli) fn become_child(args: &ShimArgs) -> ExitCode {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return fail(COULD_NOT, &format!("{}: {error}", quoted(&args.command)));
    }
    // The parent may have ended before: then no signal comes any more.
    if getppid() != Pid::from_raw(args.parent) {
        return ExitCode::from(COULD_NOT);
    }
    let (program, rest) = args.command.split_at(1);
    let error = Command::new(&program[0]).args(rest).exec();
    fail(COULD_NOT, &format!("{}: {error}", quoted(&args.command)))
}

/// The program of a command, for messages; its arguments may be nobody's business.
pub(super) fn quoted(command: &[OsString]) -> String {
    format!("{:?}", command.first().cloned().unwrap_or_default())
}

/// A child that was not waited for yet.
pub(super) struct Child {
    process: Process,
    group: Pid,
}

impl Child {
    /// Starts a command. Only from the thread that lives as long as the process: the kernel takes that one
    /// for the parent.
    pub(super) fn start(command: &[OsString], stdin: Stdio) -> io::Result<Child> {
        let mut shim = Command::new(PROGRAM);
        shim.arg0("mtls-persona").arg(SHIM);
        shim.args(["--parent", &std::process::id().to_string(), "--"]);
        shim.args(command).process_group(0);
        let process = shim.stdin(stdin).stdout(Stdio::piped()).spawn()?;
        let group = Pid::from_child(&process);
        Ok(Child { process, group })
    }

    pub(super) fn stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    pub(super) fn stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// Something that waits for its end, and leaves it to be reaped.
    pub(super) fn awaiter(&self) -> impl FnOnce() + Send + use<> {
        let pid = self.group;
        move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
        }
    }

    /// Sends a signal to it and to all of its group.
    pub(super) fn signal(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            // It fails only if nobody is left.
            let _ = kill_process_group(self.group, signal);
        }
    }

    /// Reaps it, once it has ended, and ends what is left of its group: until it is reaped nobody else can
    /// have that number.
    pub(super) fn reap(mut self) -> io::Result<ExitStatus> {
        let _ = kill_process_group(self.group, Signal::KILL);
        self.process.wait()
    }
}

/// How a child has ended, as an exit code of ours: its own, or 128 and the signal that has ended it.
pub(super) fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(COULD_NOT)
}
