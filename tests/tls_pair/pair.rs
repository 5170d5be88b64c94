//! Two sessions back to back: the test carries the bytes.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use mtls_persona::base::reason::CloseReason;
use mtls_persona::base::scratch::{PIECE_BYTES, Scratch};
use mtls_persona::tls::{
    Credentials, CredentialsError, ExpectedName, Handshake, Material, MinVersion, PemFile, Profile,
    ReadOutcome, Resumption, Revocation, Role, Session, TlsError,
};

use crate::support::certs::{IdentityFiles, TestPki, unix_now};

/// Numbers that look random and are the same in every run (xorshift64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to `end`, without it.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// How a stream is cut into the pieces in which it arrives.
pub enum Chunks {
    Of(usize),
    Random(Numbers),
    Whole,
}

impl Chunks {
    pub fn next(&mut self, left: usize) -> usize {
        match self {
            Chunks::Of(size) => left.min(*size),
            // Short ones as often as long ones.
            Chunks::Random(numbers) => {
                let scale = 1 << numbers.below(17);
                left.min(1 + numbers.below(scale))
            }
            Chunks::Whole => left,
        }
    }
}

/// A session with the buffers of its worker and what it has told so far.
pub struct End {
    pub session: Session,
    pub scratch: Scratch,
    /// Plain bytes that came from the peer.
    pub got: Vec<u8>,
    /// Whether the handshake is done.
    pub is_open: bool,
    /// Why the handshake failed.
    pub refusal: Option<TlsError>,
    /// How reading ended.
    pub ending: Option<ReadOutcome>,
}

impl End {
    pub fn new(session: Session) -> End {
        End {
            session,
            scratch: Scratch::default(),
            got: Vec::new(),
            is_open: false,
            refusal: None,
            ending: None,
        }
    }

    /// What it wants to send.
    pub fn output(&mut self) -> Vec<u8> {
        let output = self.scratch.outgoing.data().to_vec();
        self.scratch.outgoing.clear();
        output
    }

    /// Hands it a piece of ciphertext, and lets it do all that it can do with it.
    pub fn feed(&mut self, piece: &[u8]) {
        self.scratch.received.append(piece);
        if !self.is_open {
            self.shake();
        }
        while self.is_open && self.may_read() {
            self.read();
        }
    }

    /// Begins or goes on with the handshake.
    pub fn shake(&mut self) {
        if self.refusal.is_some() {
            self.scratch.received.clear();
            return;
        }
        match self.session.handshake(&mut self.scratch) {
            Ok(Handshake::Done) => self.is_open = true,
            Ok(Handshake::NeedsInput) => {}
            Err(error) => self.refusal = Some(error),
        }
        assert!(self.scratch.received.is_empty(), "input was left behind");
    }

    fn may_read(&self) -> bool {
        !self.scratch.received.is_empty() || (self.ending.is_none() && self.session.may_hold_more())
    }

    /// Reads once.
    pub fn read(&mut self) -> ReadOutcome {
        let outcome = self.session.read(&mut self.scratch);
        assert!(self.scratch.received.is_empty(), "input was left behind");
        let count = match &outcome {
            ReadOutcome::Bytes(count) | ReadOutcome::Last(count) => *count,
            _ => 0,
        };
        assert_eq!(count, self.scratch.plain.len());
        self.got.extend_from_slice(self.scratch.plain.data());
        self.scratch.plain.clear();
        match &outcome {
            ReadOutcome::Bytes(0) | ReadOutcome::Last(0) => panic!("bytes without a byte"),
            ReadOutcome::Bytes(_) | ReadOutcome::NeedsInput => {}
            ReadOutcome::Last(_) => self.ending = Some(ReadOutcome::End),
            end => self.ending = Some(end.clone()),
        }
        outcome
    }

    /// No more ciphertext will come; what it says to that.
    pub fn cut(&mut self) {
        self.session.end_input();
        if !self.is_open {
            self.shake();
        }
        // Bytes that the end found first do not hide it.
        for _ in 0..2 {
            if self.is_open && self.ending.is_none() {
                self.read();
            }
        }
    }

    /// Encrypts bytes, in pieces as large as a turn's.
    pub fn send(&mut self, data: &[u8]) {
        for piece in data.chunks(PIECE_BYTES) {
            self.scratch.plain.append(piece);
            self.session.write(&mut self.scratch).unwrap();
            assert!(self.scratch.plain.is_empty());
        }
    }

    /// Sends close_notify.
    pub fn end(&mut self) {
        self.session.close_notify(&mut self.scratch);
    }

    /// The outcome of a failure, in the handshake or behind it.
    pub fn failure(&self) -> Option<&TlsError> {
        match (&self.refusal, &self.ending) {
            (Some(error), _) => Some(error),
            (None, Some(ReadOutcome::Failed(error))) => Some(error),
            _ => None,
        }
    }

    pub fn reason(&self) -> Option<CloseReason> {
        self.failure().map(|error| error.reason)
    }
}

/// Carries what one end wants to send to the other.
pub fn carry(from: &mut End, to: &mut End, chunks: &mut Chunks) -> usize {
    let output = from.output();
    feed(to, &output, chunks);
    output.len()
}

/// Feeds bytes in pieces.
pub fn feed(to: &mut End, mut bytes: &[u8], chunks: &mut Chunks) {
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(chunks.next(bytes.len()));
        to.feed(piece);
        bytes = rest;
    }
}

/// A client and a server.
pub struct Pair {
    pub client: End,
    pub server: End,
}

impl Pair {
    /// Carries bytes both ways until nobody has more to say.
    pub fn settle(&mut self, chunks: &mut Chunks) {
        for _ in 0..100 {
            let moved = carry(&mut self.client, &mut self.server, chunks)
                + carry(&mut self.server, &mut self.client, chunks);
            if moved == 0 {
                return;
            }
        }
        panic!("they never stop talking");
    }

    /// Shakes hands.
    pub fn open(mut self) -> Pair {
        self.client.shake();
        self.settle(&mut Chunks::Whole);
        let refusals = (&self.client.refusal, &self.server.refusal);
        assert!(self.client.is_open && self.server.is_open, "{refusals:?}");
        self
    }
}

/// Both sides of a connection, ready to make sessions.
pub struct Sides {
    pub client: Credentials,
    pub server: Credentials,
}

impl Sides {
    /// A client `alice` and a server `localhost` of one authority.
    pub fn good(pki: &TestPki) -> Sides {
        Sides::of(pki, &pki.client("alice"), &pki.server("localhost"))
    }

    /// A client and a server, each with its own identity.
    pub fn of(pki: &TestPki, client: &IdentityFiles, server: &IdentityFiles) -> Sides {
        Sides {
            client: prove(&[&pki.ca], client, Role::Client).unwrap(),
            server: prove(&[&pki.ca], server, Role::Server).unwrap(),
        }
    }

    /// Two new sessions that have not spoken yet.
    pub fn pair(&self) -> Pair {
        self.pair_for(ExpectedName::Dns("localhost"))
    }

    /// As [`Sides::pair`], with the name that the client expects.
    pub fn pair_for(&self, name: ExpectedName<'_>) -> Pair {
        Pair {
            client: client_end(&self.client, name),
            server: server_end(&self.server),
        }
    }
}

/// A new session that dials a place of its own: it has nothing to resume.
pub fn client_end(credentials: &Credentials, name: ExpectedName<'_>) -> End {
    static PLACES: AtomicUsize = AtomicUsize::new(0);
    let place = PLACES.fetch_add(1, Ordering::Relaxed);
    client_end_to(credentials, name, &format!("place {place}"))
}

/// A new session that dials, and resumes an earlier one to the same destination if it can.
pub fn client_end_to(credentials: &Credentials, name: ExpectedName<'_>, to: &str) -> End {
    let context = credentials.context(Role::Client).unwrap();
    End::new(context.client_session(name, to).unwrap())
}

/// A new session that accepts.
pub fn server_end(credentials: &Credentials) -> End {
    let context = credentials.context(Role::Server).unwrap();
    End::new(context.server_session().unwrap())
}

/// Proves an identity in one role.
pub fn prove(
    ca: &[&Path],
    files: &IdentityFiles,
    role: Role,
) -> Result<Credentials, CredentialsError> {
    Credentials::prove(&material(ca, files, MinVersion::Tls12), &[role], unix_now())
}

/// As [`prove`], for peers of TLS 1.3 alone.
pub fn prove_tls13(pki: &TestPki, files: &IdentityFiles, role: Role) -> Credentials {
    let material = material(&[&pki.ca], files, MinVersion::Tls13);
    Credentials::prove(&material, &[role], 0).unwrap()
}

/// As [`prove`], with peers looked up in revocation lists.
pub fn prove_looking(
    ca: &[&Path],
    files: &IdentityFiles,
    role: Role,
    revocation: Revocation,
) -> Result<Credentials, CredentialsError> {
    let mut material = material(ca, files, MinVersion::Tls12);
    material.revocation = revocation;
    Credentials::prove(&material, &[role], unix_now())
}

/// Reads a file.
pub fn file(path: &Path) -> PemFile {
    PemFile {
        path: path.display().to_string(),
        bytes: fs::read(path).unwrap(),
    }
}

/// Reads the files.
pub fn material(ca: &[&Path], files: &IdentityFiles, min_version: MinVersion) -> Material {
    Material {
        cert: file(&files.cert),
        key: file(&files.key),
        ca: ca.iter().map(|path| file(path)).collect(),
        pins: None,
        min_version,
        resumption: Resumption::On,
        profile: Profile::Ordinary,
        revocation: Revocation::default(),
    }
}
