//! A TLS peer that is not the program: a session on a blocking socket, and it can die at will.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use mtls_persona::base::scratch::Scratch;
use mtls_persona::tls::{
    Credentials, ExpectedName, Handshake, Material, MinVersion, PemFile, Profile, ReadOutcome,
    Resumption, Revocation, Role, Session, is_fips,
};

use super::certs::{IdentityFiles, TestPki, unix_now};
use super::wait::PATIENCE;

/// The most that one write puts into the session.
const PIECE: usize = 64 * 1024;

/// A client's credentials.
pub fn alice(pki: &TestPki) -> Arc<Credentials> {
    credentials(&pki.client("alice"), &pki.ca, Role::Client)
}

/// A server's credentials.
pub fn localhost(pki: &TestPki) -> Arc<Credentials> {
    credentials(&pki.server("localhost"), &pki.ca, Role::Server)
}

/// What a peer shows and trusts, for one role.
pub fn credentials(files: &IdentityFiles, ca: &Path, role: Role) -> Arc<Credentials> {
    let file = |path: &Path| PemFile {
        path: path.display().to_string(),
        bytes: fs::read(path).unwrap(),
    };
    let material = Material {
        cert: file(&files.cert),
        key: file(&files.key),
        ca: vec![file(ca)],
        pins: None,
        min_version: MinVersion::Tls12,
        resumption: Resumption::On,
        profile: Profile::Ordinary,
        revocation: Revocation::default(),
    };
    Arc::new(Credentials::prove(&material, &[role], unix_now()).unwrap())
}

/// Whether the library has ChaCha20 at all: OpenSSL's FIPS provider has not.
pub fn speaks_chacha20() -> bool {
    cfg!(feature = "boringssl") || !is_fips()
}

/// A TLS connection. Dropped, it is a peer that dies: FIN, and no close_notify.
pub struct TlsPeer {
    session: Session,
    stream: TcpStream,
    scratch: Scratch,
    unread: Vec<u8>,
}

impl TlsPeer {
    /// Dials a server that must prove to be `localhost`.
    pub fn connect(to: SocketAddr, credentials: &Credentials) -> io::Result<TlsPeer> {
        TlsPeer::dialled(TcpStream::connect(to)?, to, credentials)
    }

    /// As [`TlsPeer::connect`], on a connection that is there already.
    pub fn dialled(
        stream: TcpStream,
        to: SocketAddr,
        credentials: &Credentials,
    ) -> io::Result<TlsPeer> {
        let context = credentials.context(Role::Client).unwrap();
        let session = context.client_session(ExpectedName::Dns("localhost"), &to.to_string());
        TlsPeer::shake(session.unwrap(), stream)
    }

    /// Serves a connection that was accepted.
    pub fn accept(stream: TcpStream, credentials: &Credentials) -> io::Result<TlsPeer> {
        let context = credentials.context(Role::Server).unwrap();
        TlsPeer::shake(context.server_session().unwrap(), stream)
    }

    fn shake(session: Session, stream: TcpStream) -> io::Result<TlsPeer> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut peer = TlsPeer {
            session,
            stream,
            scratch: Scratch::default(),
            unread: Vec::new(),
        };
        loop {
            let progress = peer.session.handshake(&mut peer.scratch);
            peer.push()?;
            match progress {
                Ok(Handshake::Done) => return Ok(peer),
                Ok(Handshake::NeedsInput) => peer.pull()?,
                Err(error) => return Err(io::Error::other(error.detail)),
            }
        }
    }

    /// Sends close_notify: the clean end of this direction.
    pub fn end(&mut self) -> io::Result<()> {
        self.session.close_notify(&mut self.scratch);
        self.push()
    }

    /// Reads past everything to the peer's FIN.
    pub fn wait_for_fin(&mut self) -> io::Result<()> {
        io::copy(&mut self.stream, &mut io::sink()).map(drop)
    }

    fn pull(&mut self) -> io::Result<()> {
        match self.stream.read(self.scratch.received.space())? {
            0 => self.session.end_input(),
            count => self.scratch.received.commit(count),
        }
        Ok(())
    }

    fn push(&mut self) -> io::Result<()> {
        let sent = self.stream.write_all(self.scratch.outgoing.data());
        self.scratch.outgoing.clear();
        sent
    }
}

impl Read for TlsPeer {
    /// Zero is close_notify; a stream without one is `UnexpectedEof`.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() {
            if !self.session.may_hold_more() {
                self.pull()?;
            }
            let outcome = self.session.read(&mut self.scratch);
            self.unread.extend_from_slice(self.scratch.plain.data());
            self.scratch.plain.clear();
            self.push()?;
            match outcome {
                ReadOutcome::Bytes(_) | ReadOutcome::Last(_) | ReadOutcome::NeedsInput => {}
                ReadOutcome::End => return Ok(0),
                ReadOutcome::Truncated => return Err(io::ErrorKind::UnexpectedEof.into()),
                ReadOutcome::Failed(error) => return Err(io::Error::other(error.detail)),
            }
        }
        let count = into.len().min(self.unread.len());
        into[..count].copy_from_slice(&self.unread[..count]);
        self.unread.drain(..count);
        Ok(count)
    }
}

impl Write for TlsPeer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let piece = &data[..data.len().min(PIECE)];
        self.scratch.plain.append(piece);
        let written = self.session.write(&mut self.scratch);
        written.map_err(|error| io::Error::other(error.detail))?;
        self.push()?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A TLS service: each connection that proves itself is handled by a thread.
pub fn service(
    credentials: Arc<Credentials>,
    handle: impl Fn(TlsPeer) + Send + Clone + 'static,
) -> SocketAddr {
    super::backend::service(move |stream| {
        if let Ok(peer) = TlsPeer::accept(stream, &credentials) {
            handle(peer);
        }
    })
}

/// Sends back what it gets, and ends cleanly when its peer has ended.
pub fn echo(mut peer: TlsPeer) {
    let mut buffer = vec![0; PIECE];
    while let Ok(count) = peer.read(&mut buffer) {
        if count == 0 {
            let _ = peer.end();
            return;
        }
        if peer.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
