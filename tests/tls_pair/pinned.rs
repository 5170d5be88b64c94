//! Peers that are known by their keys alone.

use std::fs;

use mtls_persona::base::reason::CloseReason;
use mtls_persona::identity::{Pin, Pins};
use mtls_persona::tls::authority::{LeafRequest, Purpose, Validity};
use mtls_persona::tls::{Credentials, ExpectedName, Material, MinVersion, Profile, Role, describe};

use super::pair::{Chunks, Pair, client_end, client_end_to, material, prove, server_end};
use super::stranger::Stranger;
use crate::support::certs::{IdentityFiles, TestPki, unix_now};
use crate::support::openssl::cert_der;
use crate::support::wait::until;

const BOTH: [Role; 2] = [Role::Client, Role::Server];

/// The pin of an identity's key.
fn pin(files: &IdentityFiles) -> Pin {
    let certs = describe(&fs::read(&files.cert).unwrap()).unwrap();
    Pin::of(&certs[0].cert).unwrap()
}

/// What an identity goes by that believes holders of the keys of these alone, in either role.
fn believing(files: &IdentityFiles, peers: &[&IdentityFiles]) -> Material {
    let pins: Vec<Pin> = peers.iter().map(|peer| pin(peer)).collect();
    let (clients, servers) = (pins.clone(), pins);
    Material {
        pins: Some(Pins { clients, servers }),
        ..material(&[], files, MinVersion::Tls12)
    }
}

fn proven(material: &Material) -> Credentials {
    Credentials::prove(material, &BOTH, unix_now()).unwrap()
}

/// Shakes hands, and tells why the client and the server refused.
fn refusals(client: &Credentials, server: &Credentials) -> [Option<CloseReason>; 2] {
    let mut pair = Pair {
        client: client_end(client, ExpectedName::Pinned),
        server: server_end(server),
    };
    pair.client.shake();
    pair.settle(&mut Chunks::Whole);
    for end in [&pair.client, &pair.server] {
        let refusal = end.refusal.as_ref();
        if refusal.is_some_and(|refusal| refusal.reason == CloseReason::KeyNotPinned) {
            let refusal = refusal.unwrap();
            let seen = Pin::of(refusal.certificate.as_ref().unwrap()).unwrap();
            assert!(refusal.detail.contains(&seen.to_string()), "{refusal}");
        }
    }
    [pair.client.reason(), pair.server.reason()]
}

/// Why one that has pinned the key of an identity refuses it as a client and as a server, in both versions.
fn judged(pki: &TestPki, files: &IdentityFiles, profile: Profile) -> Vec<Option<CloseReason>> {
    let own = pki.issue(&pki.request(Purpose::Both));
    let material = Material {
        profile,
        ..believing(&own, &[files])
    };
    judged_by(&material, files)
}

/// Why such a one refuses an identity as a client and as a server, in both versions.
fn judged_by(material: &Material, files: &IdentityFiles) -> Vec<Option<CloseReason>> {
    let judge = proven(material);
    let mut reasons = Vec::new();
    for version in ["-tls1_2", "-tls1_3"] {
        // The stranger is to show what it would not by itself.
        let options = [version, "-cipher", "DEFAULT:@SECLEVEL=0"];
        let mut server = server_end(&judge);
        Stranger::client(Some(files), &options).shake(&mut server);
        let mut client = client_end(&judge, ExpectedName::Pinned);
        Stranger::server(files, &options).shake(&mut client);
        for end in [&server, &client] {
            assert_eq!(end.is_open, end.refusal.is_none());
            reasons.push(end.reason());
        }
    }
    reasons
}

#[test]
fn two_keys_that_pin_one_another_meet_without_any_authority_name_or_purpose() {
    let pki = TestPki::new();
    // Each is for the other role than the one that it is used in.
    let alice = pki.self_signed(Purpose::Server);
    let bob = pki.self_signed(Purpose::Client);
    for version in [MinVersion::Tls12, MinVersion::Tls13] {
        let of = |own, peer| Material {
            min_version: version,
            ..believing(own, &[peer])
        };
        let (client, server) = (proven(&of(&alice, &bob)), proven(&of(&bob, &alice)));
        assert_eq!(client.warnings, [""; 0]);
        assert_eq!(refusals(&client, &server), [None, None]);
    }
}

#[test]
fn whoever_has_another_key_is_refused_inside_the_handshake_whoever_vouches_for_it() {
    let pki = TestPki::new();
    let [alice, bob] = [(); 2].map(|()| pki.self_signed(Purpose::Both));
    let sibling = pki.self_signed(Purpose::Both);
    let vouched = pki.issue(&pki.request(Purpose::Both));
    let right = proven(&believing(&alice, &[&bob]));
    for other in [&sibling, &vouched] {
        let other = proven(&believing(other, &[&alice]));
        let [client, _] = refusals(&right, &other);
        assert_eq!(client, Some(CloseReason::KeyNotPinned));
        let [_, server] = refusals(&other, &right);
        assert_eq!(server, Some(CloseReason::KeyNotPinned));
    }
}

#[test]
fn each_role_goes_by_the_pins_of_its_own_peers() {
    let pki = TestPki::new();
    let [alice, bob] = [(); 2].map(|()| pki.self_signed(Purpose::Both));
    let (clients, servers) = (vec![pin(&alice)], vec![pin(&bob)]);
    let bridge = proven(&Material {
        pins: Some(Pins { clients, servers }),
        ..material(&[], &pki.self_signed(Purpose::Both), MinVersion::Tls12)
    });
    let careless = |files| {
        proven(&Material {
            pins: Some(Pins {
                clients: bridge_pin(&bridge),
                servers: bridge_pin(&bridge),
            }),
            ..material(&[], files, MinVersion::Tls12)
        })
    };
    let (alice, bob) = (careless(&alice), careless(&bob));
    assert_eq!(refusals(&alice, &bridge), [None, None]);
    assert_eq!(refusals(&bridge, &bob), [None, None]);
    let refused = Some(CloseReason::KeyNotPinned);
    assert_eq!(refusals(&bob, &bridge)[1], refused);
    assert_eq!(refusals(&bridge, &alice)[0], refused);
}

fn bridge_pin(bridge: &Credentials) -> Vec<Pin> {
    Pin::of(&bridge.cert).into_iter().collect()
}

#[test]
fn the_right_key_does_not_help_a_certificate_that_is_not_in_its_time_or_a_key_that_is_too_short() {
    let pki = TestPki::new();
    let of = |files: IdentityFiles| judged(&pki, &files, Profile::Ordinary);
    let (role, all) = (Purpose::Both, |reason| vec![reason; 4]);
    assert_eq!(of(pki.self_signed(role)), all(None));
    assert_eq!(of(pki.expired(role)), all(Some(CloseReason::CertExpired)));
    assert_eq!(
        of(pki.not_yet_valid(role)),
        all(Some(CloseReason::CertNotYetValid))
    );
    assert_eq!(of(pki.rsa1024(role)), all(Some(CloseReason::CertWeakKey)));
    // How it was signed says nothing about its key.
    assert_eq!(of(pki.sha1(role)), all(None));
}

#[test]
fn under_fips_the_right_key_does_not_help_a_certificate_that_fips_does_not_take() {
    let pki = TestPki::new();
    let of = |files: IdentityFiles| judged(&pki, &files, Profile::Fips);
    let (role, all) = (Purpose::Both, |reason| vec![reason; 4]);
    assert_eq!(of(pki.self_signed(role)), all(None));
    assert_eq!(of(pki.sha1(role)), all(Some(CloseReason::FipsProfile)));
    assert_eq!(of(pki.rsa1024(role)), all(Some(CloseReason::CertWeakKey)));
    assert_eq!(of(pki.expired(role)), all(Some(CloseReason::CertExpired)));
}

#[test]
fn a_pinned_key_admits_nobody_whom_it_has_issued_or_who_sends_its_certificate_along() {
    let pki = TestPki::new();
    let own = pki.self_signed(Purpose::Both);
    let read = |path| fs::read_to_string(path).unwrap();
    // Its holder is an authority, which may sign whatever it likes.
    let issued = pki.issue(&pki.request(Purpose::Both));
    let certs = describe(&fs::read(&issued.cert).unwrap()).unwrap();
    let above = Pin::of(&certs.last().unwrap().cert).unwrap();
    assert_ne!(above, pin(&issued));
    let (clients, servers) = (vec![above], vec![above]);
    let authority = Material {
        pins: Some(Pins { clients, servers }),
        ..material(&[], &own, MinVersion::Tls12)
    };
    let refused = vec![Some(CloseReason::KeyNotPinned); 4];
    assert_eq!(judged_by(&authority, &issued), refused);
    let [pinned, other] = [(); 2].map(|()| pki.self_signed(Purpose::Both));
    let both = read(&other.cert) + &read(&pinned.cert);
    let borrowed = pki.write(&both, &read(&other.key));
    assert_eq!(judged_by(&believing(&own, &[&pinned]), &borrowed), refused);
}

/// Puts another certificate of the same length in the place of one, where it goes by; whether it does.
fn exchange(bytes: &mut [u8], [from, to]: &[Vec<u8>; 2]) -> bool {
    let Some(at) = bytes.windows(from.len()).position(|window| window == from) else {
        return false;
    };
    bytes[at..at + from.len()].copy_from_slice(to);
    true
}

/// Two identities whose certificates have the same length.
fn twins(pki: &TestPki) -> [IdentityFiles; 2] {
    let one = pki.self_signed(Purpose::Both);
    loop {
        let other = pki.self_signed(Purpose::Both);
        if cert_der(&one.cert).len() == cert_der(&other.cert).len() {
            return [one, other];
        }
    }
}

/// In TLS 1.2 certificates go by in plain: a thief shows the pinned one, and has another key.
#[test]
fn a_copied_certificate_is_worth_nothing_without_its_key() {
    let pki = TestPki::new();
    let [pinned, thief] = twins(&pki);
    let copied = [&thief, &pinned].map(|files| cert_der(&files.cert));
    let credentials = proven(&believing(&pki.self_signed(Purpose::Both), &[&pinned]));
    let mut client = Stranger::client(Some(&thief), &["-tls1_2"]);
    let mut server = Stranger::server(&thief, &["-tls1_2"]);
    let ends = [
        (server_end(&credentials), &mut client),
        (client_end(&credentials, ExpectedName::Pinned), &mut server),
    ];
    for (mut end, stranger) in ends {
        let mut count = 0;
        stranger.shake_through(&mut end, |bytes| {
            count += u32::from(exchange(bytes, &copied))
        });
        assert_eq!(count, 1);
        assert_eq!(end.reason(), Some(CloseReason::CertBadSignature));
    }
}

/// Whether a connection between them is resumed; it leaves a ticket behind.
fn resumes(client: &Credentials, server: &Credentials) -> bool {
    let mut pair = Pair {
        client: client_end_to(client, ExpectedName::Pinned, "here"),
        server: server_end(server),
    }
    .open();
    pair.server.send(b"welcome");
    pair.settle(&mut Chunks::Whole);
    pair.server.session.negotiated().is_resumed
}

#[test]
fn sessions_are_resumed_and_no_ticket_outlives_the_pins_that_it_was_given_by() {
    let pki = TestPki::new();
    let [alice, bob] = [(); 2].map(|()| pki.self_signed(Purpose::Both));
    let client = proven(&believing(&alice, &[&bob]));
    let server = proven(&believing(&bob, &[&alice]));
    assert_eq!([(); 2].map(|()| resumes(&client, &server)), [false, true]);
    let stranger = pki.self_signed(Purpose::Both);
    let newer = proven(&believing(&bob, &[&stranger]));
    let mut pair = Pair {
        client: client_end_to(&client, ExpectedName::Pinned, "here"),
        server: server_end(&newer),
    };
    pair.client.shake();
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.server.reason(), Some(CloseReason::KeyNotPinned));
}

#[test]
fn a_live_peer_is_judged_again_by_newer_pins_and_by_authorities_that_took_their_place() {
    let pki = TestPki::new();
    let [alice, bob] = [(); 2].map(|()| pki.self_signed(Purpose::Both));
    let client = proven(&believing(&alice, &[&bob]));
    let server = proven(&believing(&bob, &[&alice]));
    let pair = Pair {
        client: client_end(&client, ExpectedName::Pinned),
        server: server_end(&server),
    }
    .open();
    let again = |newer: &Credentials, role| {
        let end = match role {
            Role::Client => &pair.client,
            Role::Server => &pair.server,
        };
        let verdict = newer.context(role).unwrap().judge_again(&end.session);
        verdict.err().map(|refusal| refusal.reason)
    };
    let stranger = pki.self_signed(Purpose::Both);
    for (role, own, peer) in [(Role::Client, &alice, &bob), (Role::Server, &bob, &alice)] {
        let still = proven(&believing(own, &[&stranger, peer]));
        assert_eq!(again(&still, role), None);
        let no_more = proven(&believing(own, &[&stranger]));
        assert_eq!(again(&no_more, role), Some(CloseReason::KeyNotPinned));
    }
    // Nobody has ever held that server to a name.
    let by_name = prove(&[&bob.cert], &alice, Role::Client).unwrap();
    assert_eq!(
        again(&by_name, Role::Client),
        Some(CloseReason::CertNameMismatch)
    );
}

#[test]
fn without_pins_nobody_is_dialled_without_a_name() {
    let pki = TestPki::new();
    let client = prove(&[&pki.ca], &pki.client("alice"), Role::Client).unwrap();
    let context = client.context(Role::Client).unwrap();
    assert!(
        context
            .client_session(ExpectedName::Pinned, "here")
            .is_err()
    );
}

#[test]
fn our_own_certificate_is_proven_as_peers_judge_it_that_have_pinned_its_key() {
    let pki = TestPki::new();
    let bob = pki.self_signed(Purpose::Both);
    let refused = |files: &IdentityFiles| {
        let proven = Credentials::prove(&believing(files, &[&bob]), &BOTH, unix_now());
        proven
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(refused(&pki.client("alice")), "");
    let over = refused(&pki.expired(Purpose::Both));
    assert!(over.contains("cert_expired"), "{over}");
}

#[test]
fn a_verification_is_not_resumed_beyond_the_certificates_end() {
    let pki = TestPki::new();
    let alice = pki.self_signed(Purpose::Both);
    let request = LeafRequest {
        validity: Validity {
            not_before: unix_now() - 60,
            not_after: unix_now() + 2,
        },
        ..pki.request(Purpose::Both)
    };
    let bob = pki.issue(&request);
    let client = proven(&believing(&alice, &[&bob]));
    let server = proven(&believing(&bob, &[&alice]));
    assert_eq!([(); 2].map(|()| resumes(&client, &server)), [false, true]);
    until("the certificate's end", || {
        (unix_now() > request.validity.not_after).then_some(())
    });
    let mut pair = Pair {
        client: client_end_to(&client, ExpectedName::Pinned, "here"),
        server: server_end(&server),
    };
    pair.client.shake();
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.client.reason(), Some(CloseReason::CertExpired));
}
