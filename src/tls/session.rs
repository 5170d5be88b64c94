//! One TLS connection that never sees its socket.

use std::sync::Arc;

use super::backend::{self, lib};
use super::error::{self, LibraryError, TlsError};
use super::known::Known;
use super::profile::Profile;
use super::wire::Wire;
use super::{again, facts, request, resumption, verify};
use crate::base::buffer::Buffer;
use crate::base::reason::CloseReason;
use crate::base::scratch::Scratch;
use crate::identity::PeerCert;
use lib::ssl::{NameType, Ssl, SslRef, SslStream};

/// How many of the peer's first bytes are remembered to tell what it speaks instead of TLS.
const FIRST_BYTES: usize = 8;

/// Alerts of ours, by their numbers in the TLS registry.
const ACCESS_DENIED: u8 = 49;
const HANDSHAKE_FAILURE: u8 = 40;

/// The alert handshake_failure, fatal, in a record of TLS 1.2 that is not encrypted.
const PLAIN_HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, HANDSHAKE_FAILURE];

/// Behind the detail of an alert that may be about a ticket.
const RESUMPTION_REFUSED: &str = "; it was offered a ticket of an earlier session, and is offered none for \
    an hour: if it bears none at all, set resumption to false";

/// Which end of a handshake this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It dials.
    Client,
    /// It accepts.
    Server,
}

/// Where a handshake stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Done; application data may flow.
    Done,
    /// More input is needed.
    NeedsInput,
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// This many bytes of plain text were added.
    Bytes(usize),
    /// As `Bytes`, and close_notify stands right behind them.
    Last(usize),
    /// Nothing until more input comes.
    NeedsInput,
    /// The peer sent close_notify.
    End,
    /// The input ended without close_notify.
    Truncated,
    /// The session is broken.
    Failed(TlsError),
}

/// What was negotiated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The cipher suite's name in the TLS registry.
    pub suite: String,
    /// The key exchange group's name in the TLS registry.
    pub group: String,
    /// The name there of the algorithm with which the peer has signed the handshake; empty if it has not.
    /// In a session that was resumed, that of the first one, if it is known.
    pub signature: String,
    /// Whether a session of TLS 1.2 has the extended master secret (RFC 7627).
    pub has_ems: bool,
    /// Whether an earlier session was resumed: then the peer's certificate is the one that was
    /// verified there.
    pub is_resumed: bool,
}

/// How a session came to its end; what the library says twice is not always the same.
#[derive(Clone)]
enum Ending {
    CloseNotify,
    EndOfInput,
    Failed(TlsError),
}

/// A TLS connection over memory: [`Scratch::received`] goes in, [`Scratch::outgoing`] comes out.
///
/// Every method may produce output, reading ones too (alerts, key updates): send it after each call.
pub struct Session {
    stream: SslStream<Wire>,
    role: Role,
    profile: Profile,
    known: Arc<Known>,
    is_established: bool,
    /// The library has told that it needs input before it can give more.
    is_dry: bool,
    /// Application data has come from the peer: it has accepted our certificate.
    has_heard: bool,
    /// Its tickets go out with the first data.
    owes_ticket: bool,
    ending: Option<Ending>,
    first: [u8; FIRST_BYTES],
    first_len: u8,
}

impl Session {
    pub(super) fn new(
        ssl: Ssl,
        role: Role,
        profile: Profile,
        known: Arc<Known>,
    ) -> Result<Session, lib::error::ErrorStack> {
        Ok(Session {
            stream: SslStream::new(ssl, Wire::default())?,
            role,
            profile,
            known,
            is_established: false,
            is_dry: false,
            has_heard: false,
            owes_ticket: role == Role::Server,
            ending: None,
            first: [0; FIRST_BYTES],
            first_len: 0,
        })
    }

    /// Whether a read may find more without new input: the last one stopped for want of room, or the
    /// handshake's last flight came together with data.
    pub fn may_hold_more(&self) -> bool {
        self.is_established && !self.is_dry
    }

    /// Whether its handshake is done.
    pub fn is_established(&self) -> bool {
        self.is_established
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Tells that the peer's stream of ciphertext has ended.
    pub fn end_input(&mut self) {
        self.stream.get_mut().input_ended = true;
    }

    /// Goes on with the handshake, with what is in `scratch.received`.
    pub fn handshake(&mut self, scratch: &mut Scratch) -> Result<Handshake, TlsError> {
        if let Some(Ending::Failed(error)) = &self.ending {
            scratch.received.clear();
            return Err(error.clone());
        }
        self.remember_first(scratch.received.data());
        let plain_alert = error::plain_alert(scratch.received.data());
        let role = self.role;
        let done = self.with_wire(scratch, |stream, _| match role {
            Role::Client => stream.connect(),
            Role::Server => stream.accept(),
        });
        match done {
            Ok(()) => {
                self.hold_to_profile(scratch)?;
                self.is_established = true;
                again::remember(&self.known, self.stream.ssl());
                Ok(Handshake::Done)
            }
            Err(error) => match error::classify(&error) {
                LibraryError::NeedsInput => Ok(Handshake::NeedsInput),
                other => {
                    let is_alert = plain_alert.is_some() || matches!(other, LibraryError::Alert(_));
                    let mut error = self.handshake_error(other, plain_alert);
                    if is_alert && resumption::refused(self.stream.ssl()) {
                        error.detail += RESUMPTION_REFUSED;
                    }
                    self.ending = Some(Ending::Failed(error.clone()));
                    Err(error)
                }
            },
        }
    }

    /// Decrypts what is in `scratch.received` into `scratch.plain`, which is empty, until the input
    /// or the room is used up.
    pub fn read(&mut self, scratch: &mut Scratch) -> ReadOutcome {
        if self.ending.is_none() {
            let (count, ending) = self.with_wire(scratch, read_records);
            self.has_heard |= count > 0;
            self.is_dry = matches!(ending, Some(LibraryError::NeedsInput));
            self.ending = ending.and_then(|error| self.ending_of(error));
            match (count, &self.ending) {
                (0, None) => return ReadOutcome::NeedsInput,
                (0, Some(_)) => {}
                (count, Some(Ending::CloseNotify)) => return ReadOutcome::Last(count),
                (count, _) => return ReadOutcome::Bytes(count),
            }
        }
        scratch.received.clear();
        match &self.ending {
            None => ReadOutcome::NeedsInput,
            Some(Ending::CloseNotify) => ReadOutcome::End,
            Some(Ending::EndOfInput) => ReadOutcome::Truncated,
            Some(Ending::Failed(error)) => ReadOutcome::Failed(error.clone()),
        }
    }

    /// Encrypts all of `scratch.plain`.
    pub fn write(&mut self, scratch: &mut Scratch) -> Result<(), TlsError> {
        if let Some(Ending::Failed(error)) = &self.ending {
            scratch.plain.clear();
            return Err(error.clone());
        }
        if !scratch.plain.is_empty() && std::mem::take(&mut self.owes_ticket) {
            backend::send_ticket(self.stream.ssl());
        }
        let written = self.with_wire(scratch, |stream, plain| {
            while !plain.is_empty() {
                let count = stream.ssl_write(plain.data())?;
                plain.consume(count);
            }
            Ok::<(), lib::ssl::Error>(())
        });
        let Err(error) = written else {
            return Ok(());
        };
        scratch.plain.clear();
        Err(self.session_error(error::classify(&error)))
    }

    /// Sends close_notify, if the handshake was done; our own direction ends with it.
    pub fn close_notify(&mut self, scratch: &mut Scratch) {
        if self.is_established {
            // Called once: a second call would read.
            let _ = self.with_wire(scratch, |stream, _| stream.shutdown());
        }
    }

    /// Tells the peer of a finished handshake that it is not admitted, with the alert access_denied
    /// (RFC 8446, 6.2). False if the library has no way to send one.
    pub fn deny(&mut self, scratch: &mut Scratch) -> bool {
        self.alert_peer(scratch, ACCESS_DENIED)
    }

    fn alert_peer(&mut self, scratch: &mut Scratch, alert: u8) -> bool {
        self.with_wire(scratch, |stream, _| {
            backend::send_alert(stream.ssl(), alert)
        })
    }

    /// Refuses a handshake that is done, and in which something was negotiated that is outside of the
    /// profile. The peer is to get an alert, and where that can still be, no finished handshake.
    fn hold_to_profile(&mut self, scratch: &mut Scratch) -> Result<(), TlsError> {
        if !self.profile.is_fips() {
            return Ok(());
        }
        let negotiated = self.parameters();
        let Some((reason, detail)) = self.profile.outside(&negotiated) else {
            return Ok(());
        };
        match (self.role, negotiated.version.as_str()) {
            // Our last flight is the first that is encrypted: in its place an alert need not be.
            (Role::Server, "TLSv1.2") => {
                scratch.outgoing.clear();
                scratch.outgoing.append(&PLAIN_HANDSHAKE_FAILURE);
            }
            (Role::Client, "TLSv1.3") => scratch.outgoing.clear(),
            _ => drop(self.alert_peer(scratch, HANDSHAKE_FAILURE)),
        }
        let cert = self.stream.ssl().peer_certificate();
        let error = TlsError {
            certificate: cert.map(|cert| Box::new(facts::peer_cert(&cert))),
            ..TlsError::new(reason, detail)
        };
        self.ending = Some(Ending::Failed(error.clone()));
        Err(error)
    }

    /// The name of the server that a client asks for (RFC 6066, 3), if it does.
    pub fn server_name(&self) -> Option<&str> {
        self.stream.ssl().servername(NameType::HOST_NAME)
    }

    /// Whether the server has asked for a certificate; none if nobody watched.
    pub fn was_asked(&self) -> Option<bool> {
        request::was_seen(self.stream.ssl())
    }

    /// What was negotiated, or before the handshake is done what is known of it; empty before the peer's
    /// certificate is there, whether that was accepted or refused.
    pub fn negotiated(&self) -> Negotiated {
        let ssl = self.stream.ssl();
        let has_shown = || ssl.peer_certificate().is_some() || verify::finding(ssl).is_some();
        if !self.is_established && !has_shown() {
            return Negotiated::default();
        }
        match self.is_established {
            true => self.parameters(),
            // Nothing was signed yet, or it is not known.
            false => Negotiated {
                signature: String::new(),
                ..self.parameters()
            },
        }
    }

    fn parameters(&self) -> Negotiated {
        let ssl = self.stream.ssl();
        Negotiated {
            version: ssl.version_str().to_owned(),
            suite: backend::suite(ssl).unwrap_or_default().to_owned(),
            group: backend::group(ssl).unwrap_or_default(),
            signature: backend::peer_signature(ssl).unwrap_or_default().to_owned(),
            has_ems: backend::has_ems(ssl),
            is_resumed: ssl.session_reused(),
        }
    }

    /// The peer's certificate, once it is there.
    pub fn peer(&self) -> Option<Arc<PeerCert>> {
        let cert = self.stream.ssl().peer_certificate()?;
        Some(self.known.facts(&cert))
    }

    /// What the library has of it, and what its context knows of peers.
    pub(super) fn inside(&self) -> (&SslRef, &Known) {
        (self.stream.ssl(), &self.known)
    }

    /// The chain of the peer that was found good, where a proof has asked for it.
    pub(super) fn verified_chain(&self) -> Vec<PeerCert> {
        verify::chain(self.stream.ssl())
    }

    /// Lends the worker's buffers to the wire for one call into the library: no byte is copied
    /// between them, and no buffer stays with an idle session.
    fn with_wire<R>(
        &mut self,
        scratch: &mut Scratch,
        call: impl FnOnce(&mut SslStream<Wire>, &mut Buffer) -> R,
    ) -> R {
        use std::mem::swap;
        backend::clear_errors();
        let wire = self.stream.get_mut();
        let kept = wire.input.len();
        if kept == 0 {
            swap(&mut wire.input, &mut scratch.received);
        } else {
            wire.input.append(scratch.received.data());
            scratch.received.clear();
        }
        swap(&mut wire.output, &mut scratch.outgoing);
        let result = call(&mut self.stream, &mut scratch.plain);
        let wire = self.stream.get_mut();
        swap(&mut wire.output, &mut scratch.outgoing);
        let left = match wire.input.is_empty() {
            true => Buffer::default(),
            false => Buffer::holding(wire.input.data()),
        };
        let lent = std::mem::replace(&mut wire.input, left);
        if kept == 0 {
            scratch.received = lent;
            scratch.received.clear();
        }
        result
    }

    fn ending_of(&self, error: LibraryError) -> Option<Ending> {
        match error {
            LibraryError::NeedsInput => None,
            LibraryError::CloseNotify => Some(Ending::CloseNotify),
            LibraryError::EndOfInput => Some(Ending::EndOfInput),
            other => Some(Ending::Failed(self.session_error(other))),
        }
    }

    /// A failure after the handshake.
    fn session_error(&self, error: LibraryError) -> TlsError {
        match error {
            // A TLS 1.3 client is done before the server has judged its certificate: the refusal
            // arrives on the first read (RFC 8446, 4.4.2.4 and 2).
            LibraryError::Alert(alert) => {
                self.alert(alert, self.role == Role::Client && !self.has_heard)
            }
            LibraryError::Refused(words) => TlsError::new(error::session_reason(&words), words),
            LibraryError::CloseNotify | LibraryError::EndOfInput => {
                TlsError::new(CloseReason::TlsTruncated, "the session has ended")
            }
            LibraryError::NeedsInput => {
                TlsError::new(CloseReason::Internal, "the TLS library blocked on a write")
            }
        }
    }

    fn handshake_error(&self, error: LibraryError, plain_alert: Option<i32>) -> TlsError {
        if let Some(finding) = verify::finding(self.stream.ssl()) {
            return finding;
        }
        let first = &self.first[..usize::from(self.first_len)];
        let protocol = error::plaintext_protocol(first);
        // Who speaks something else sends no alert, whatever its bytes look like.
        let is_tls = |words: &str| {
            protocol.is_none() && error::handshake_reason(words) != CloseReason::TlsPlaintext
        };
        let words = match (error, plain_alert) {
            (LibraryError::Alert(alert), _) => return self.alert(alert, true),
            (LibraryError::Refused(words), Some(alert)) if is_tls(&words) => {
                return self.alert(alert, true);
            }
            (LibraryError::Refused(words), _) => words,
            _ => {
                let detail = "the peer closed the connection during the handshake";
                return TlsError::new(CloseReason::HandshakeClosed, detail);
            }
        };
        let reason = error::handshake_reason(&words);
        match (reason, protocol) {
            (CloseReason::TlsMalformed | CloseReason::TlsPlaintext, Some(protocol)) => {
                let detail = format!("the peer speaks {protocol}, not TLS");
                TlsError::new(CloseReason::TlsPlaintext, detail)
            }
            _ => TlsError::new(reason, words),
        }
    }

    fn alert(&self, alert: i32, ours: bool) -> TlsError {
        let reason = match error::alert_reason(alert, ours) {
            // It was agreed on long ago: one of our records was not what it should be.
            CloseReason::TlsVersion if self.is_established => CloseReason::TlsAlert,
            reason => reason,
        };
        let what = match reason {
            CloseReason::CertificateRefused => "the peer refused our certificate with the alert",
            _ => "the peer sent the alert",
        };
        let name = error::alert_name(alert);
        let why = match reason {
            CloseReason::CertificateRefused if alert == error::CERTIFICATE_REVOKED => {
                ": its authority, or one above, has revoked it"
            }
            _ => "",
        };
        TlsError::new(reason, format!("{what} {name}{why}"))
    }

    fn remember_first(&mut self, data: &[u8]) {
        let from = usize::from(self.first_len);
        let count = data.len().min(FIRST_BYTES - from);
        self.first[from..from + count].copy_from_slice(&data[..count]);
        self.first_len += count as u8;
    }
}

/// Decrypts record after record; how many bytes came, and what stopped it short of a full buffer.
fn read_records(stream: &mut SslStream<Wire>, plain: &mut Buffer) -> (usize, Option<LibraryError>) {
    let mut total = 0;
    while !plain.space().is_empty() {
        // Never `Read::read`: it takes a truncated stream for a finished one.
        match stream.ssl_read(plain.space()) {
            Ok(count) => {
                plain.commit(count);
                total += count;
            }
            Err(error) => return (total, Some(error::classify(&error))),
        }
        // The library takes no byte before it needs it: without input and with nothing left of a record
        // it would only say so, which costs as much as a small record.
        if stream.get_ref().input.is_empty() && stream.ssl().pending() == 0 {
            return (total, Some(LibraryError::NeedsInput));
        }
    }
    (total, None)
}

#[cfg(test)]
mod tests;
