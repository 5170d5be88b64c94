//! PostgreSQL's clients as processes.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::daemon::tool;
use super::postgres::{USER, program};
use super::wait::until;

/// A way to a database.
#[derive(Clone, Debug)]
pub struct Route {
    host: String,
    port: u16,
    database: String,
}

/// What a client left.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code: psql ends with 1 after an error of the server, with 2 without a connection.
    pub code: i32,
    /// Standard output, without the last newline.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Route {
    /// Over TCP.
    pub fn tcp(address: SocketAddr, database: &str) -> Route {
        Route::host(&address.ip().to_string(), address.port(), database)
    }

    /// Over TCP, by a host name.
    pub fn host(host: &str, port: u16, database: &str) -> Route {
        Route {
            host: host.to_owned(),
            port,
            database: database.to_owned(),
        }
    }

    /// Over the UNIX socket of that port in a folder.
    pub fn unix(folder: &Path, port: u16, database: &str) -> Route {
        Route::host(folder.to_str().unwrap(), port, database)
    }

    /// A client of PostgreSQL that goes this way, and ends with 124 if it hangs.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(tool("timeout", &[]));
        command.args(["--kill-after=1", "60"]).arg(program(name));
        self.environment(&mut command);
        command.stdin(Stdio::null());
        command
    }

    /// As [`Route::command`], but for one that its user ends.
    pub fn lasting_command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        self.environment(&mut command);
        command.stdin(Stdio::null());
        command
    }

    /// Runs psql with one command.
    pub fn psql(&self, sql: &str) -> Outcome {
        let mut command = self.command("psql");
        outcome(command.args(["-XqAt", "-c", sql]).output().unwrap())
    }

    /// The answer to a query that must succeed.
    pub fn query(&self, sql: &str) -> String {
        let outcome = self.psql(sql);
        assert_eq!(outcome.code, 0, "{sql}: {outcome:?}");
        outcome.out
    }

    /// A psql that stays connected and is told by its standard input what to do.
    pub fn session(&self) -> Session {
        let mut command = Command::new(program("psql"));
        command.args(["-XqAt"]);
        self.environment(&mut command);
        Session::start(command)
    }

    /// As [`Route::session`], in a terminal of its own, with a person's keys and echo.
    pub fn terminal(&self) -> Session {
        let psql = program("psql");
        let line = format!("exec {} -XqAtn -P pager=off", psql.display());
        let mut command = Command::new(tool("script", &[]));
        command.args(["-qefc", &line, "/dev/null"]);
        self.environment(&mut command);
        Session::start(command)
    }

    /// Nothing but what is said here decides how the client connects.
    fn environment(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("LC_ALL", "C");
        command.env("TERM", "dumb").env("SHELL", "/bin/sh");
        command.env("PGHOST", &self.host);
        command.env("PGPORT", self.port.to_string());
        command
            .env("PGDATABASE", &self.database)
            .env("PGUSER", USER);
        command
            .env("PGSSLMODE", "disable")
            .env("PGGSSENCMODE", "disable");
    }
}

/// An ended client's code and texts.
pub fn outcome(output: Output) -> Outcome {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let out = text(output.stdout);
    Outcome {
        code: output.status.code().unwrap(),
        out: out.strip_suffix('\n').unwrap_or(&out).to_owned(),
        err: text(output.stderr),
    }
}

/// A psql that stays; killed when dropped.
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    /// Both of its outputs, as they came.
    output: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    asked: usize,
}

impl Session {
    fn start(mut command: Command) -> Session {
        let (mut reader, writer) = std::io::pipe().unwrap();
        command.stdin(Stdio::piped());
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = command.spawn().unwrap();
        // It holds the pipe's other end, which would never end.
        drop(command);
        let output = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&output);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]);
                sink.lock().unwrap().push_str(&text);
            }
        });
        Session {
            input: child.stdin.take(),
            child,
            output,
            reader: Some(reader),
            asked: 0,
        }
    }

    /// Writes to its standard input.
    pub fn write(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
    }

    /// Everything that it has put out so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits until it has put that out.
    pub fn wait_for(&self, text: &str) {
        until(text, || self.output().contains(text).then_some(()));
    }

    /// What a query puts out, errors included. Not in a terminal.
    pub fn ask(&mut self, sql: &str) -> String {
        let before = self.output().len();
        self.asked += 1;
        let mark = format!("end of answer {}\n", self.asked);
        self.write(&format!("{sql};\n\\echo {mark}"));
        self.wait_for(&mark);
        let output = self.output();
        let answer = output[before..].strip_suffix(&mark).unwrap();
        answer.trim_end().to_owned()
    }

    /// Ends its input and waits for its end: exit code and all of its output.
    pub fn end(mut self) -> (i32, String) {
        self.input = None;
        let status = until("psql's end", || self.child.try_wait().unwrap());
        // Its last words may still be in the pipe.
        self.reader.take().unwrap().join().unwrap();
        (status.code().unwrap(), self.output())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
