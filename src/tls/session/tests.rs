#![allow(clippy::unwrap_used)]

use super::*;
use crate::tls::authority::{Identity, LeafRequest, Purpose, Validity};
use crate::tls::{
    Credentials, ExpectedName, Material, MinVersion, PemFile, Profile, Resumption, Revocation,
};

/// What one connection costs is known, and its growth is a decision.
const SESSION_BYTES_MAX: usize = 80;

/// A client and a server with the same self-signed certificate, which both trust.
fn pair() -> (Session, Session) {
    pair_of(&credentials())
}

fn pair_of(credentials: &Credentials) -> (Session, Session) {
    let context = |role| credentials.context(role).unwrap();
    let client = context(Role::Client).client_session(ExpectedName::Dns("localhost"), "");
    let server = context(Role::Server).server_session();
    (client.unwrap(), server.unwrap())
}

fn credentials() -> Credentials {
    // Until the year 9999.
    let validity = Validity {
        not_before: 0,
        not_after: 253_402_300_799,
    };
    let request = LeafRequest {
        purpose: Purpose::Both,
        ..LeafRequest::server("localhost", validity)
    };
    let identity = Identity::self_signed(&request).unwrap();
    let file = |text: &str| PemFile {
        path: String::new(),
        bytes: text.into(),
    };
    let material = Material {
        cert: file(&identity.cert_pem),
        key: file(&identity.key_pem),
        ca: vec![file(&identity.cert_pem)],
        pins: None,
        min_version: MinVersion::Tls12,
        resumption: Resumption::On,
        profile: Profile::Ordinary,
        revocation: Revocation::default(),
    };
    let roles = [Role::Client, Role::Server];
    Credentials::prove(&material, &roles, 0).unwrap()
}

fn wire_bytes(session: &Session) -> usize {
    let wire = session.stream.get_ref();
    wire.input.capacity() + wire.output.capacity()
}

/// Turns what was sent into what was received.
fn deliver(scratch: &mut Scratch) {
    let sent = scratch.outgoing.data().to_vec();
    scratch.outgoing.clear();
    scratch.received.append(&sent);
}

fn open(client: &mut Session, server: &mut Session, scratch: &mut Scratch) {
    for _ in 0..2 {
        client.handshake(scratch).unwrap();
        deliver(scratch);
        assert_eq!(wire_bytes(client), 0);
        server.handshake(scratch).unwrap();
        deliver(scratch);
        assert_eq!(wire_bytes(server), 0);
    }
    assert!(client.is_established && server.is_established);
}

#[test]
fn an_idle_session_holds_no_buffer_after_a_handshake_or_data_or_an_end() {
    let (mut client, mut server) = pair();
    let mut scratch = Scratch::default();
    let room = |s: &Scratch| (s.received.capacity(), s.outgoing.capacity());
    let before = room(&scratch);
    open(&mut client, &mut server, &mut scratch);
    for size in [1, 20_000, 100_000] {
        scratch.plain.append(&vec![7; size]);
        client.write(&mut scratch).unwrap();
        deliver(&mut scratch);
        assert_eq!(server.read(&mut scratch), ReadOutcome::Bytes(size));
        scratch.plain.clear();
        assert_eq!((wire_bytes(&client), wire_bytes(&server)), (0, 0));
    }
    client.close_notify(&mut scratch);
    deliver(&mut scratch);
    assert_eq!(server.read(&mut scratch), ReadOutcome::End);
    assert_eq!((wire_bytes(&client), wire_bytes(&server)), (0, 0));
    assert_eq!(
        room(&scratch),
        before,
        "the worker's buffers did not come back"
    );
}

#[test]
fn a_session_keeps_only_what_there_was_no_room_to_read() {
    let (mut client, mut server) = pair();
    let mut scratch = Scratch::default();
    open(&mut client, &mut server, &mut scratch);
    scratch.plain.append(&[7; 50_000]);
    client.write(&mut scratch).unwrap();
    deliver(&mut scratch);
    let sent = scratch.received.len();
    scratch.plain = Buffer::with_capacity(20_000);
    assert_eq!(server.read(&mut scratch), ReadOutcome::Bytes(20_000));
    assert!(server.may_hold_more());
    assert!(
        (1..sent).contains(&wire_bytes(&server)),
        "{}",
        wire_bytes(&server)
    );
    // A call in between must not lose it.
    scratch.plain.clear();
    scratch.plain.append(b"an answer");
    server.write(&mut scratch).unwrap();
    scratch.outgoing.clear();
    // And what comes meanwhile stands behind it.
    scratch.plain.append(&[7; 1000]);
    client.write(&mut scratch).unwrap();
    deliver(&mut scratch);
    let mut count = 20_000;
    while server.may_hold_more() {
        scratch.plain.clear();
        match server.read(&mut scratch) {
            ReadOutcome::Bytes(more) => count += more,
            other => assert_eq!(other, ReadOutcome::NeedsInput),
        }
    }
    assert_eq!((count, wire_bytes(&server)), (51_000, 0));
}

#[test]
fn a_session_is_small() {
    let size = std::mem::size_of::<Session>();
    assert!(size <= SESSION_BYTES_MAX, "{size} bytes");
}

#[test]
fn an_alert_is_about_our_certificate_until_data_has_come_from_the_server() {
    const UNKNOWN_CA: i32 = 48;
    const PROTOCOL_VERSION: i32 = 70;
    let (mut client, mut server) = pair();
    let mut scratch = Scratch::default();
    open(&mut client, &mut server, &mut scratch);
    let reason =
        |session: &Session, alert| session.session_error(LibraryError::Alert(alert)).reason;
    assert_eq!(reason(&client, UNKNOWN_CA), CloseReason::CertificateRefused);
    // It judged ours in the handshake.
    assert_eq!(reason(&server, UNKNOWN_CA), CloseReason::TlsAlert);
    scratch.plain.append(b"welcome");
    server.write(&mut scratch).unwrap();
    deliver(&mut scratch);
    assert_eq!(client.read(&mut scratch), ReadOutcome::Bytes(7));
    assert_eq!(reason(&client, UNKNOWN_CA), CloseReason::TlsAlert);
    assert_eq!(reason(&client, PROTOCOL_VERSION), CloseReason::TlsAlert);
}

/// How a handshake ends at either end.
type Ends = [Result<Handshake, CloseReason>; 2];

/// Shakes hands as far as that goes; what the client's and the server's last steps came to, and what the
/// last one that was refused would send.
fn shaken(client: &mut Session, server: &mut Session) -> (Ends, Vec<u8>) {
    let mut scratch = Scratch::default();
    let mut ends: Ends = [Ok(Handshake::NeedsInput); 2];
    for _ in 0..2 {
        for (end, session) in [&mut *client, &mut *server].into_iter().enumerate() {
            ends[end] = session
                .handshake(&mut scratch)
                .map_err(|error| error.reason);
            if ends[end].is_err() {
                return (ends, scratch.outgoing.data().to_vec());
            }
            deliver(&mut scratch);
        }
    }
    (ends, Vec::new())
}

/// Whether the library negotiates what FIPS does not allow, if it is let; some modules do not.
fn negotiates_x25519(credentials: &Credentials) -> bool {
    let (mut client, mut server) = pair_of(credentials);
    let _ = shaken(&mut client, &mut server);
    client.negotiated().group == "X25519"
}

#[test]
fn what_was_negotiated_outside_of_the_profile_is_refused_whatever_the_library_thinks_of_it() {
    let credentials = credentials();
    if !negotiates_x25519(&credentials) {
        return;
    }
    let refused = Err(CloseReason::FipsProfile);
    let (mut client, mut server) = pair_of(&credentials);
    client.profile = Profile::Fips;
    let (ends, sent) = shaken(&mut client, &mut server);
    assert_eq!(ends[0], refused);
    assert!(sent.is_empty(), "the server sees a finished handshake");
    assert!(!client.is_established);
    // It stays refused.
    let mut scratch = Scratch::default();
    let again = client.handshake(&mut scratch).map_err(|error| error.reason);
    assert_eq!(again, refused);

    let (mut client, mut server) = pair_of(&credentials);
    server.profile = Profile::Fips;
    let (ends, sent) = shaken(&mut client, &mut server);
    assert_eq!(ends, [Ok(Handshake::Done), refused]);
    // OpenSSL has no way to send an alert of ours.
    assert_eq!(sent.is_empty(), !cfg!(feature = "boringssl"));
    if cfg!(feature = "boringssl") {
        scratch.received.append(&sent);
        let ReadOutcome::Failed(error) = client.read(&mut scratch) else {
            panic!("no alert");
        };
        assert!(error.detail.ends_with("handshake_failure"), "{error}");
    }
}

#[test]
fn a_session_that_is_resumed_is_held_to_the_profile_as_well() {
    let credentials = credentials();
    if !negotiates_x25519(&credentials) {
        return;
    }
    let mut scratch = Scratch::default();
    let mut is_resumed = Vec::new();
    for profiles in [
        [Profile::Ordinary; 2],
        [Profile::Ordinary; 2],
        [Profile::Fips, Profile::Ordinary],
        [Profile::Ordinary; 2],
        [Profile::Ordinary, Profile::Fips],
    ] {
        let (mut client, mut server) = pair_of(&credentials);
        [client.profile, server.profile] = profiles;
        let (ends, _) = shaken(&mut client, &mut server);
        for (profile, end) in profiles.into_iter().zip(ends) {
            if profile.is_fips() {
                assert_eq!(end, Err(CloseReason::FipsProfile));
            }
        }
        is_resumed.push(client.stream.ssl().session_reused());
        if !profiles.contains(&Profile::Fips) {
            // Its ticket comes with data.
            scratch.plain.append(b"welcome");
            server.write(&mut scratch).unwrap();
            deliver(&mut scratch);
            client.read(&mut scratch);
            scratch.plain.clear();
        }
    }
    assert_eq!(is_resumed, [false, true, true, false, true]);
}

#[test]
fn a_certificate_that_was_revoked_is_told_as_the_reason_of_the_alert() {
    const CERTIFICATE_REVOKED: i32 = 44;
    const CERTIFICATE_EXPIRED: i32 = 45;
    let (mut client, mut server) = pair();
    open(&mut client, &mut server, &mut Scratch::default());
    let detail =
        |session: &Session, alert| session.session_error(LibraryError::Alert(alert)).detail;
    let told = detail(&client, CERTIFICATE_REVOKED);
    let words = "certificate_revoked: its authority, or one above, has revoked it";
    assert!(told.ends_with(words), "{told}");
    assert!(detail(&client, CERTIFICATE_EXPIRED).ends_with("the alert certificate_expired"));
    // It is not about the certificate of an end that has accepted ours.
    assert!(detail(&server, CERTIFICATE_REVOKED).ends_with("the alert certificate_revoked"));
}
