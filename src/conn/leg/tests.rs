#![allow(clippy::unwrap_used)]

use std::os::unix::net::UnixStream;

use super::*;
use crate::tls::authority::{Authority, KeyKind, LeafRequest, Subject, Validity};
use crate::tls::{
    Credentials, ExpectedName, Material, MinVersion, PemFile, Profile, Resumption, Revocation, Role,
};

/// 2026-01-01, and certificates that are valid for long around it.
const NOW: i64 = 1_767_225_600;

fn validity() -> Validity {
    Validity {
        not_before: NOW - 86_400,
        not_after: NOW + 20 * 365 * 86_400,
    }
}

fn authority(name: &str) -> Authority {
    Authority::new(&Subject::named(name), KeyKind::EcP256, validity()).unwrap()
}

/// Two ends of a socket that holds only a few kilobytes.
fn narrow_pair() -> (Socket, Socket) {
    let (here, there) = UnixStream::pair().unwrap();
    let socket = |stream: UnixStream| {
        socket2::SockRef::from(&stream)
            .set_send_buffer_size(1)
            .unwrap();
        stream.set_nonblocking(true).unwrap();
        Socket::Unix(mio::net::UnixStream::from_std(stream))
    };
    (socket(here), socket(there))
}

#[test]
fn a_flight_that_the_socket_takes_in_pieces_is_sent_to_its_end() {
    // The names of many authorities make the server's flight larger than the socket.
    let ours = authority("ours");
    let mut ca = ours.cert_pem().unwrap();
    for number in 0..150 {
        let name = format!("an authority with a name that takes its room, number {number}");
        ca += &authority(&name).cert_pem().unwrap();
    }
    let session = |role: Role, request: LeafRequest| {
        let identity = ours.issue(&request).unwrap();
        let file = |pem: String| PemFile {
            path: "memory".to_owned(),
            bytes: pem.into_bytes(),
        };
        let material = Material {
            cert: file(identity.cert_pem.clone()),
            key: file(identity.key_pem.clone()),
            ca: vec![file(ca.clone())],
            pins: None,
            min_version: MinVersion::Tls12,
            resumption: Resumption::On,
            profile: Profile::Ordinary,
            revocation: Revocation::default(),
        };
        let credentials = Credentials::prove(&material, &[role], NOW).unwrap();
        let context = credentials.context(role).unwrap();
        match role {
            Role::Client => context.client_session(ExpectedName::Dns("localhost"), ""),
            Role::Server => context.server_session(),
        }
        .unwrap()
    };
    let (near, far) = narrow_pair();
    let client = session(Role::Client, LeafRequest::client("alice", validity()));
    let server = session(Role::Server, LeafRequest::server("localhost", validity()));
    let mut ends = [
        Leg::tls(near, client, Readiness::assumed()),
        Leg::tls(far, server, Readiness::assumed()),
    ];
    let mut scratch = Scratch::default();
    for _ in 0..1000 {
        let done = ends.each_mut().map(|end| {
            // As if the poller had told of everything.
            end.readiness.readable = true;
            end.readiness.writable = true;
            let handshake = end.handshake(&mut scratch).unwrap();
            end.let_go(&mut scratch);
            relay::Leg::flush(end, &mut scratch);
            handshake == Handshake::Done
        });
        if done == [true, true] {
            return;
        }
    }
    panic!("a part of the handshake was never sent");
}
