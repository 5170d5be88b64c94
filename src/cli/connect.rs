//! `mtls-persona connect`: one connection to a host behind a connector, from standard input to standard output.
//!
//! The program serves one pair on a socket in a folder of its own, and this end of it is joined to standard
//! input and output by two threads: whatever they are, files and terminals too.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::access::{Access, Accesses};
use super::{COULD_NOT, WRONG_WORDS, fail};
use crate::config::{self, Loaded};
use crate::ops::{self, ControlLine, StartError, Surroundings};

/// Bytes that are passed on at once.
const PIECE: usize = 64 * 1024;

/// How often it is looked whether the connection is over.
const LOOK: Duration = Duration::from_secs(3600);

/// What to connect to, and as whom.
#[derive(Debug, Args)]
pub(super) struct ConnectArgs {
    /// The connector.
    #[arg(long, visible_alias = "connector", value_name = "HOST:PORT")]
    proxy: String,

    /// Our certificate, PEM.
    #[arg(long, value_name = "FILE")]
    cert: String,

    /// Our key, PEM.
    #[arg(long, value_name = "FILE")]
    key: String,

    /// Authorities of the connector, PEM.
    #[arg(long, value_name = "FILE", required = true)]
    ca: Vec<String>,

    /// The host, as the connector's database knows it.
    #[arg(long, value_name = "ID")]
    connect_id: String,

    /// Name that the connector must prove, if it is not the host that is dialled.
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
}

/// Why there is no connection.
enum ConnectError {
    Words(String),
    Could(String),
}

/// Joins standard input and output to the host, until both directions have ended.
pub(super) fn run(args: &ConnectArgs) -> ExitCode {
    match connect(args) {
        Ok(access) if access.get("reason") == "completed" => ExitCode::SUCCESS,
        Ok(access) => fail(COULD_NOT, &told(&access)),
        Err(ConnectError::Words(what)) => fail(WRONG_WORDS, &what),
        Err(ConnectError::Could(what)) => fail(COULD_NOT, &what),
    }
}

/// The reason of an end, and what there is to say to it.
fn told(access: &Access) -> String {
    let [reason, detail, remedy] = ["reason", "detail", "remedy"].map(|key| access.get(key));
    let parts = [reason, detail, remedy]
        .into_iter()
        .filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(": ")
}

fn connect(args: &ConnectArgs) -> Result<Access, ConnectError> {
    let could = |error: io::Error| ConnectError::Could(error.to_string());
    let folder = TempDir::new().map_err(could)?;
    let socket = folder.path().join("socket");
    let loaded = load(args, &socket.to_string_lossy())?;
    let accesses = Accesses::watch();
    let accesses = accesses.map_err(|error| ConnectError::Could(error.to_string()))?;
    let line = ControlLine::default();
    let running = ops::start(loaded, None, line, Surroundings::default());
    let running = running.map_err(|error| match error {
        StartError::Credentials(problems) => ConnectError::Words(problems.join("\n")),
        other => ConnectError::Could(other.to_string()),
    })?;
    let stream = UnixStream::connect(&socket).map_err(could)?;
    // It has taken the connection, and nobody else is to come.
    drop(folder);
    std::thread::spawn(move || drop(running.wait()));
    let (from, to) = (stream.try_clone().map_err(could)?, stream);
    std::thread::spawn(move || {
        let _ = pass(&mut io::stdin().lock(), &mut &to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let output = std::thread::spawn(move || {
        let written = pass(&mut &from, &mut io::stdout().lock());
        if written.is_err() {
            // Nobody reads any more, and more input would not help either.
            let _ = from.shutdown(Shutdown::Both);
        }
        end_output();
        written
    });
    let access = loop {
        if let Some(access) = accesses.next(LOOK) {
            break access;
        }
    };
    // What has come is written out, or else it is no success, however well the connection ended.
    match output.join() {
        Ok(Err(error)) => Err(ConnectError::Could(format!(
            "writing to standard output: {error}"
        ))),
        _ => Ok(access),
    }
}

fn load(args: &ConnectArgs, socket: &str) -> Result<Loaded, ConnectError> {
    let mut pair = json!({
        "name": "connect", "inbound": format!("unix:{socket}"), "outbound": args.proxy,
        "connect_id": args.connect_id,
    });
    if let Some(name) = &args.server_name {
        pair["server_name"] = Value::from(name.as_str());
    }
    let file = json!({
        "cert": args.cert, "key": args.key, "ca": args.ca, "workers": 1, "address_pairs": [pair],
    });
    let loaded = config::parse(&file.to_string());
    loaded.map_err(|problems| ConnectError::Words(problems.to_string()))
}

/// Passes bytes on as they come, until no more come, however that is told. Fails as writing does.
pub(super) fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&piece[..count])?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(()),
        }
    }
}

/// Lets whoever reads our output know that nothing more comes: ssh waits for that, and we for it.
fn end_output() {
    if let Ok(nowhere) = std::fs::File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
}
