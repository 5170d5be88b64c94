//! Starting a program with listening sockets, as a service manager does.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

/// Lets a command begin with descriptors of these names: 3, and 4 if there is a second one.
pub fn pass<const N: usize>(command: &mut Command, sockets: [(&str, OwnedFd); N]) {
    // The shell keeps its process number, which is the one that the sockets are for.
    let script = match N {
        1 => r#"LISTEN_PID=$$ exec "$@" 3<&0 0</dev/null"#,
        2 => r#"LISTEN_PID=$$ exec "$@" 3<&0 0</dev/null 4<&1 1>/dev/null"#,
        _ => panic!("no test passes {N} sockets"),
    };
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(command.get_program());
    shell.args(command.get_args());
    shell.env("LISTEN_FDS", N.to_string());
    let names: Vec<_> = sockets.iter().map(|(name, _)| *name).collect();
    shell.env("LISTEN_FDNAMES", names.join(":"));
    let mut sockets = sockets.into_iter().map(|(_, socket)| Stdio::from(socket));
    shell.stdin(sockets.next().unwrap());
    if let Some(second) = sockets.next() {
        shell.stdout(second);
    }
    *command = shell;
}
