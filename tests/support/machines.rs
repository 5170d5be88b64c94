//! Tests on machines of their own: with a network in which every port is free, and mounts that nobody else
//! sees.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use rustix::process::geteuid;

use super::peers::command;

/// Set within.
const WITHIN: &str = "MTLS_PERSONA_TEST_ALONE";

/// Does what a test does where it is alone. The test is run again there, by its full name. Where the
/// system does not allow that, it is left out, and that is said.
pub fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(WITHIN).is_some() {
        run("ip link set lo up");
        return body();
    }
    if !unshare().arg("true").output().unwrap().status.success() {
        // Not by a macro, whose words the harness would keep.
        let why = "this system lets nobody have a network of his own (unshare)";
        let _ = writeln!(std::io::stderr(), "test {test} is LEFT OUT: {why}");
        return;
    }
    let mut again = unshare();
    again.arg(std::env::current_exe().unwrap());
    again
        .args(["--exact", test, "--nocapture"])
        .env(WITHIN, "1");
    let output = again.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{test}: {out}{err}");
    assert!(out.contains("1 passed"), "there is no test {test}: {out}");
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount"]);
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

/// Runs a script that must succeed.
pub fn run(script: &str) {
    let status = shell(script).status().unwrap();
    assert!(status.success(), "{script}");
}

fn shell(script: &str) -> Command {
    let mut command = command("sh");
    command.args(["-ec", script]);
    command
}

/// Another machine, which shares files with this one and nothing of the network; it goes when dropped.
pub struct Machine {
    holder: Child,
}

impl Machine {
    /// A machine that a cable joins to this one: this end and that one have these addresses.
    pub fn joined(here: &str, there: &str) -> Machine {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo ready; exec cat"]);
        let mut holder = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(holder.stdout.as_mut().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let machine = Machine { holder };
        let process = machine.holder.id();
        run(&format!(
            "ip link add here type veth peer name there netns {process}
             ip address add {here} dev here
             ip link set here up"
        ));
        machine.run(&format!(
            "ip link set lo up
             ip address add {there} dev there
             ip link set there up"
        ));
        machine
    }

    /// A command that runs there.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.holder.id()));
        command.arg(program);
        command
    }

    /// Runs a script there, which must succeed.
    pub fn run(&self, script: &str) {
        let status = self.command("sh").args(["-ec", script]).status().unwrap();
        assert!(status.success(), "{script}");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
