//! Foreign TLS programs as peers of the program under test.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use socket2::{Domain, Socket, Type};

use super::wait::until;

/// Where system daemons lie, besides the folders of `PATH`.
const DAEMONS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// A command of that tool; a clear failure if it is not installed.
pub fn command(tool: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(DAEMONS.map(PathBuf::from));
    let mut files = folders.map(|folder| folder.join(tool));
    match files.find(|file| file.is_file()) {
        Some(file) => foreign(file),
        None => panic!("{tool} is missing: run .ci/prepare test"),
    }
}

/// A command of that file, without the environment that makes a FIPS module of our OpenSSL
/// (fips/with-openssl-fips): these are the programs of others, who need not be like us.
pub fn foreign(file: PathBuf) -> Command {
    let mut command = Command::new(file);
    command.env_remove("OPENSSL_CONF");
    command.env_remove("OPENSSL_MODULES");
    command
}

/// A running foreign program; killed when dropped, its log shown if the test has failed.
pub struct Peer {
    tool: String,
    child: Child,
    log: Gathered,
    /// Where it listens on 127.0.0.1; 0 for a client.
    pub port: u16,
    /// Keeps the port as long as the server runs.
    reserved: Option<Socket>,
}

impl Peer {
    /// Starts a client or another program that does not listen.
    pub fn start(mut command: Command) -> Peer {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Gathered::of(child.stderr.take().unwrap());
        Peer {
            tool: command.get_program().to_string_lossy().into_owned(),
            child,
            log,
            port: 0,
            reserved: None,
        }
    }

    /// Starts a server on a port of its own and waits until it listens there. A server must survive
    /// a connection that comes to nothing.
    pub fn serve(command_for: impl Fn(u16) -> Command) -> Peer {
        let reserved = reserved();
        let address = reserved.local_addr().unwrap().as_socket().unwrap();
        let mut peer = Peer::start(command_for(address.port()));
        peer.port = address.port();
        peer.reserved = Some(reserved);
        until("a peer to listen", || {
            if let Some(status) = peer.child.try_wait().unwrap() {
                panic!("{} ended with {status}", peer.tool);
            }
            TcpStream::connect(address).ok()
        });
        peer
    }

    /// Its standard input and output; can be had once.
    pub fn pipes(&mut self) -> (ChildStdin, ChildStdout) {
        let (stdin, stdout) = (self.child.stdin.take(), self.child.stdout.take());
        (stdin.unwrap(), stdout.unwrap())
    }

    /// What it has written to standard error.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits for its end, and for the end of its log.
    pub fn exit(&mut self) -> ExitStatus {
        let status = until("a peer's end", || self.child.try_wait().unwrap());
        self.log.until_end();
        status
    }

    /// Ends it as a crash does: without a word to its peers.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it do nothing more, not even read, and waits until that has come true.
    pub fn freeze(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", "STOP", &pid]).status();
        assert!(status.unwrap().success());
        let is_stopped = || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.contains(") T ").then_some(())
        };
        until("a peer to stop", is_stopped);
    }
}

/// A socket that keeps a free port: nobody else is given it, but a server that reuses addresses, as
/// all of them do, may bind and listen there.
fn reserved() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    socket
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}: {}", self.tool, self.log.text());
        }
    }
}

/// What a stream has brought so far, read by a thread of its own.
#[derive(Clone, Default)]
pub struct Gathered {
    state: Arc<Mutex<(Vec<u8>, bool)>>,
}

impl Gathered {
    /// Reads that stream to its end.
    pub fn of(mut stream: impl Read + Send + 'static) -> Gathered {
        let gathered = Gathered::default();
        let state = Arc::clone(&gathered.state);
        std::thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = stream.read(&mut piece) {
                state.lock().unwrap().0.extend_from_slice(&piece[..count]);
            }
            state.lock().unwrap().1 = true;
        });
        gathered
    }

    /// The bytes so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.state.lock().unwrap().0.clone()
    }

    /// How many bytes so far.
    pub fn len(&self) -> usize {
        self.state.lock().unwrap().0.len()
    }

    /// The bytes so far as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Waits for the end and gives back all bytes.
    pub fn until_end(&self) -> Vec<u8> {
        until("the end of a stream", || {
            self.state.lock().unwrap().1.then_some(())
        });
        self.bytes()
    }

    /// Waits until at least so many bytes are here.
    pub fn until_len(&self, count: usize) -> Vec<u8> {
        until("a stream's bytes", || (self.len() >= count).then_some(()));
        self.bytes()
    }
}

/// How many bytes lie unread in the connections whose end here has that port.
pub fn unread(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let own_end = format!(":{port:04X}");
    let mut total = 0;
    for line in table.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        if fields[1].ends_with(&own_end) && fields[3] == ESTABLISHED {
            let (_, unread) = fields[4].split_once(':').unwrap();
            total += usize::from_str_radix(unread, 16).unwrap();
        }
    }
    total
}
