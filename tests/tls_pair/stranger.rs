//! The `openssl` command as a peer: another implementation, versions that our own sessions do not
//! offer, and certificates that our own credentials refuse to show.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::pair::{Chunks, End, feed};
use crate::support::certs::IdentityFiles;
use crate::support::peers;
use crate::support::wait::{PATIENCE, until};

type Lines = Arc<Mutex<Vec<String>>>;

/// A running `openssl s_client` or `s_server`; killed when dropped.
pub struct Stranger {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines,
    stream: TcpStream,
    is_cut: bool,
}

impl Stranger {
    /// It accepts, and shows that identity.
    pub fn server(files: &IdentityFiles, options: &[&str]) -> Stranger {
        Stranger::server_by(files, options, None)
    }

    /// As [`Stranger::server`], with a configuration of OpenSSL's.
    pub fn server_by(files: &IdentityFiles, options: &[&str], config: Option<&Path>) -> Stranger {
        let mut command = peers::command("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1"]);
        show(&mut command, files);
        configure(&mut command, config);
        let (child, lines) = start(command.args(options));
        let address = until("the openssl server", || {
            let lines = lines.lock().unwrap();
            lines
                .iter()
                .find_map(|line| Some(line.strip_prefix("ACCEPT ")?.to_owned()))
        });
        let stream = TcpStream::connect(address).unwrap();
        Stranger::new(child, lines, stream)
    }

    /// Connects to the same server once more, which `-naccept` must allow.
    pub fn again(&mut self) {
        let address = self.stream.peer_addr().unwrap();
        self.stream = TcpStream::connect(address).unwrap();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        self.is_cut = false;
    }

    /// It dials.
    pub fn client(files: Option<&IdentityFiles>, options: &[&str]) -> Stranger {
        Stranger::client_by(files, options, None)
    }

    /// As [`Stranger::client`], with a configuration of OpenSSL's.
    pub fn client_by(
        files: Option<&IdentityFiles>,
        options: &[&str],
        config: Option<&Path>,
    ) -> Stranger {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut command = peers::command("openssl");
        command.args(["s_client", "-connect", &address]);
        if let Some(files) = files {
            show(&mut command, files);
        }
        configure(&mut command, config);
        let (child, lines) = start(command.args(options));
        let (stream, _) = listener.accept().unwrap();
        Stranger::new(child, lines, stream)
    }

    fn new(mut child: Child, lines: Lines, stream: TcpStream) -> Stranger {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Stranger {
            stdin: child.stdin.take(),
            child,
            lines,
            stream,
            is_cut: false,
        }
    }

    /// Carries bytes between it and our end until `enough` is met, or the connection ends.
    pub fn drive(&mut self, end: &mut End, chunks: &mut Chunks, enough: impl Fn(&End) -> bool) {
        if !end.is_open {
            end.shake();
        }
        self.deliver(end);
        while !self.is_cut && !enough(end) {
            let piece = self.receive();
            match piece.is_empty() {
                true => self.cut(end),
                false => feed(end, &piece, chunks),
            }
            self.deliver(end);
        }
    }

    /// Drives until the handshake is done or failed, with what it sends changed on its way.
    pub fn shake_through(&mut self, end: &mut End, mut change: impl FnMut(&mut [u8])) {
        end.shake();
        self.deliver(end);
        while !end.is_open && end.refusal.is_none() {
            let mut piece = self.receive();
            if piece.is_empty() {
                return self.cut(end);
            }
            change(&mut piece);
            feed(end, &piece, &mut Chunks::Whole);
            self.deliver(end);
        }
    }

    /// Drives until the handshake is done or failed.
    pub fn shake(&mut self, end: &mut End) {
        self.drive(end, &mut Chunks::Whole, |end| {
            end.is_open || end.refusal.is_some()
        });
    }

    /// The next bytes that it sends; none when it has ended.
    pub fn receive(&mut self) -> Vec<u8> {
        let mut piece = vec![0; 64 * 1024];
        let count = match self.stream.read(&mut piece) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("the openssl command is silent: {error}"),
        };
        piece.truncate(count);
        piece
    }

    /// Sends what our end has to say.
    pub fn deliver(&mut self, end: &mut End) {
        self.send(&end.output());
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        // It may be gone already.
        let _ = self.stream.write_all(bytes);
    }

    fn cut(&mut self, end: &mut End) {
        self.is_cut = true;
        end.cut();
    }

    /// Types into its standard input: data for the peer, or one of its commands.
    pub fn types(&mut self, text: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(text).unwrap();
    }

    /// Ends its standard input.
    pub fn types_end(&mut self) {
        self.stdin = None;
    }

    /// Waits until it has printed that text.
    pub fn says(&self, text: &str) {
        until(text, || self.printed().contains(text).then_some(()));
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(command: &mut Command, config: Option<&Path>) {
    if let Some(config) = config {
        command.env("OPENSSL_CONF", config);
    }
}

fn show(command: &mut Command, files: &IdentityFiles) {
    let mut pass = |option: &str, path: &Path| {
        command.arg(option).arg(path);
    };
    pass("-cert", &files.cert);
    pass("-cert_chain", &files.cert);
    pass("-key", &files.key);
}

fn start(command: &mut Command) -> (Child, Lines) {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = Lines::default();
    collect(child.stdout.take().unwrap(), &lines);
    collect(child.stderr.take().unwrap(), &lines);
    (child, lines)
}

fn collect(from: impl Read + Send + 'static, lines: &Lines) {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.lock().unwrap().push(line);
        }
    });
}
