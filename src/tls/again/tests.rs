#![allow(clippy::unwrap_used)]

use super::*;
use crate::base::scratch::Scratch;
use crate::tls::authority::{
    Authority, Identity, KeyKind, LeafRequest, Purpose, Subject, Validity,
};
use crate::tls::backend::lib::ssl::SslVerifyMode;
use crate::tls::known::{Chain, Window};
use crate::tls::session::{Handshake, ReadOutcome};
use crate::tls::{Credentials, Material, MinVersion, PemFile, Profile, Resumption, Revocation};

/// Until the year 9999.
const VALIDITY: Validity = Validity {
    not_before: 0,
    not_after: 253_402_300_799,
};

const NAME: ExpectedName<'_> = ExpectedName::Dns("localhost");

/// An identity of an intermediate, and the root above it.
fn identity() -> (Identity, String) {
    let root = Authority::new(&Subject::named("Root"), KeyKind::EcP256, VALIDITY).unwrap();
    let below = root
        .intermediate(&Subject::named("Below"), KeyKind::EcP256, VALIDITY)
        .unwrap();
    let request = LeafRequest {
        purpose: Purpose::Both,
        ..LeafRequest::server("localhost", VALIDITY)
    };
    (below.issue(&request).unwrap(), root.cert_pem().unwrap())
}

fn credentials(identity: &Identity, root: &str) -> Credentials {
    let file = |text: &str| PemFile {
        path: String::new(),
        bytes: text.into(),
    };
    let material = Material {
        cert: file(&identity.cert_pem),
        key: file(&identity.key_pem),
        ca: vec![file(root)],
        pins: None,
        min_version: MinVersion::Tls12,
        resumption: Resumption::On,
        profile: Profile::Ordinary,
        revocation: Revocation::default(),
    };
    Credentials::prove(&material, &[Role::Client, Role::Server], 0).unwrap()
}

fn open(mut client: Session, mut server: Session) -> [Session; 2] {
    let mut scratch = Scratch::default();
    let mut deliver = |from: &mut Session, to: &mut Session| {
        let done = from.handshake(&mut scratch).unwrap();
        let sent = scratch.outgoing.data().to_vec();
        scratch.outgoing.clear();
        scratch.received.append(&sent);
        let next = to.handshake(&mut scratch).unwrap();
        let sent = scratch.outgoing.data().to_vec();
        scratch.outgoing.clear();
        scratch.received.append(&sent);
        (done, next)
    };
    for _ in 0..3 {
        if deliver(&mut client, &mut server) == (Handshake::Done, Handshake::Done) {
            return [client, server];
        }
    }
    panic!("the handshake comes to no end");
}

#[test]
fn a_server_is_held_to_the_name_or_address_that_its_session_was_held_to() {
    let (identity, root) = identity();
    let credentials = credentials(&identity, &root);
    let client = credentials.context(Role::Client).unwrap();
    let server = credentials.context(Role::Server).unwrap();
    let address = ExpectedName::Ip([127, 0, 0, 1].into());
    for (name, verdict) in [
        (Some(NAME), None),
        (None, None),
        (
            Some(ExpectedName::Dns("example.org")),
            Some(CloseReason::CertNameMismatch),
        ),
        (Some(address), Some(CloseReason::CertIpMismatch)),
    ] {
        // It lives although its name is wrong: nobody has looked.
        let mut ssl = client.ssl(name).unwrap();
        ssl.set_verify(SslVerifyMode::NONE);
        let careless = Session::new(
            ssl,
            Role::Client,
            Profile::Ordinary,
            Arc::clone(&client.known),
        )
        .unwrap();
        let [careless, _] = open(careless, {
            let mut ssl = server.ssl(None).unwrap();
            ssl.set_verify(SslVerifyMode::NONE);
            Session::new(
                ssl,
                Role::Server,
                Profile::Ordinary,
                Arc::clone(&server.known),
            )
            .unwrap()
        });
        let refusal = client.judge_again(&careless).err();
        assert_eq!(refusal.map(|refusal| refusal.reason), verdict, "{name:?}");
    }
}

/// Both ends of a connection.
fn connection(credentials: &Credentials) -> [Session; 2] {
    let client = credentials.context(Role::Client).unwrap();
    let server = credentials.context(Role::Server).unwrap();
    let sessions = [client.client_session(NAME, ""), server.server_session()];
    let [client, server] = sessions.map(Result::unwrap);
    open(client, server)
}

#[test]
fn what_is_known_to_be_good_is_not_verified_again_until_its_time_is_over() {
    let (identity, root) = identity();
    let credentials = [(); 2].map(|()| credentials(&identity, &root));
    let [older, newer] = &credentials;
    for session in connection(older) {
        let context = newer.context(session.role()).unwrap();
        let peer = Peer::of(&session).unwrap().unwrap();
        let name = name::of(session.inside().0).unwrap();
        let chain = verify::digest_of(name, &peer.leaf, &peer.sent).unwrap();
        if cfg!(feature = "boringssl") {
            let of_handshake = older.context(session.role()).unwrap().known.chain(&chain);
            assert!(of_handshake.is_some(), "a handshake's finding is not found");
        }
        assert_eq!(context.judge_again(&session), Ok(()));
        assert!(context.known.chain(&chain).is_some(), "it was not kept");
        let over = Window { begin: 0, end: 1 };
        context.known.keep_chain(chain, within(over));
        assert_eq!(context.judge_again(&session), Ok(()));
        let found = context.known.chain(&chain).unwrap().window;
        assert_ne!(found, over, "it was not verified");
    }
}

#[test]
fn a_chain_that_is_known_is_taken_for_good_whoever_is_trusted() {
    let (here, root) = identity();
    let (there, other_root) = identity();
    let (older, newer) = (credentials(&here, &root), credentials(&there, &other_root));
    for session in connection(&older) {
        let context = newer.context(session.role()).unwrap();
        let refusal = context.judge_again(&session).unwrap_err();
        assert_ne!(refusal.reason, CloseReason::Internal);
        let peer = Peer::of(&session).unwrap().unwrap();
        let name = name::of(session.inside().0).unwrap();
        let chain = verify::digest_of(name, &peer.leaf, &peer.sent).unwrap();
        let now = lifetime::now().unwrap();
        let good = Window {
            begin: now - 9,
            end: now + 999,
        };
        context.known.keep_chain(chain, within(good));
        assert_eq!(context.judge_again(&session), Ok(()));
    }
}

/// A chain that is good then.
fn within(window: Window) -> Chain {
    Chain {
        window,
        issuer: None,
    }
}

/// Lets the server greet, so that the client has a ticket.
fn greet([client, server]: &mut [Session; 2]) {
    let mut scratch = Scratch::default();
    scratch.plain.append(b"welcome");
    server.write(&mut scratch).unwrap();
    let sent = scratch.outgoing.data().to_vec();
    scratch.outgoing.clear();
    scratch.received.append(&sent);
    assert_eq!(client.read(&mut scratch), ReadOutcome::Bytes(7));
}

#[test]
fn a_resumed_peer_whose_chain_is_forgotten_is_refused_where_tickets_do_not_hold_it() {
    let (identity, root) = identity();
    let credentials = credentials(&identity, &root);
    greet(&mut connection(&credentials));
    let mut resumed = connection(&credentials);
    greet(&mut resumed);
    for session in &resumed {
        assert!(session.negotiated().is_resumed);
        let context = credentials.context(session.role()).unwrap();
        assert_eq!(context.judge_again(session), Ok(()));
        context.known.forget_sent();
        let verdict = context.judge_again(session);
        if backend::TICKETS_HOLD_CHAINS {
            assert_eq!(verdict, Ok(()));
        } else {
            let refusal = verdict.unwrap_err();
            assert!(refusal.detail.ends_with(CHAIN_FORGOTTEN), "{refusal}");
        }
    }
}
