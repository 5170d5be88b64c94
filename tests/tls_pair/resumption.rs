//! Which sessions are resumed, and which never.

use mtls_persona::base::reason::CloseReason;
use mtls_persona::tls::authority::{
    Authority, Identity, KeyKind, LeafRequest, Purpose, Subject, Validity,
};
use mtls_persona::tls::{Credentials, ExpectedName, MinVersion, Resumption, Role};

use super::pair::{
    Chunks, End, Pair, Sides, carry, client_end_to, material, prove, prove_tls13, server_end,
};
use super::stranger::Stranger;
use crate::support::certs::{IdentityFiles, TestPki, unix_now};
use crate::support::wait::until;

pub const NAME: ExpectedName<'_> = ExpectedName::Dns("localhost");

/// A client and a server that have not spoken yet.
fn pair_to(client: &Credentials, server: &Credentials, to: &str) -> Pair {
    Pair {
        client: client_end_to(client, NAME, to),
        server: server_end(server),
    }
}

/// Shakes hands and greets, so that the client has its tickets. Tells whether it was resumed.
fn greeted(pair: Pair) -> (bool, Pair) {
    let mut pair = pair.open();
    pair.server.send(b"welcome");
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.client.got, b"welcome");
    (is_resumed(&pair), pair)
}

fn is_resumed(pair: &Pair) -> bool {
    let resumed = [&pair.client, &pair.server].map(|end| end.session.negotiated().is_resumed);
    assert_eq!(resumed[0], resumed[1], "they do not agree");
    resumed[0]
}

/// Whether a connection to a destination is resumed; it leaves new tickets behind.
pub fn resumes(client: &Credentials, server: &Credentials, to: &str) -> bool {
    greeted(pair_to(client, server, to)).0
}

#[test]
fn a_second_connection_resumes_the_first_and_a_third_the_second() {
    let Sides { client, server } = Sides::good(&TestPki::new());
    let resumed = [(); 3].map(|()| resumes(&client, &server, "here"));
    assert_eq!(resumed, [false, true, true]);
}

#[test]
fn a_resumed_session_tells_the_peer_of_the_full_one() {
    let Sides { client, server } = Sides::good(&TestPki::new());
    let [(false, full), (true, first), (true, second)] =
        [(); 3].map(|()| greeted(pair_to(&client, &server, "here")))
    else {
        panic!("they do not resume");
    };
    let peers = |pair: &Pair| [&pair.client, &pair.server].map(|end| end.session.peer().unwrap());
    let [server, client] = peers(&full);
    assert_eq!(
        (&*server.subject, &*client.subject),
        ("CN=localhost", "CN=alice")
    );
    assert_eq!(peers(&first), [server, client]);
    assert_eq!(peers(&second), peers(&full));
    let group = |pair: &Pair| pair.client.session.negotiated().group;
    assert_eq!(group(&first), group(&full));
}

#[test]
fn a_ticket_is_used_once() {
    let Sides { client, server } = Sides::good(&TestPki::new());
    resumes(&client, &server, "here");
    // Each connection brings one. Nobody gets a new one before all have begun.
    let pairs = [(); 2].map(|()| pair_to(&client, &server, "here"));
    let resumed = pairs.map(|pair| is_resumed(&pair.open()));
    assert_eq!(resumed, [true, false]);
}

#[test]
fn another_destination_or_another_name_of_the_same_server_is_a_full_handshake() {
    let pki = TestPki::new();
    let files = pki.issue(&pki.request(Purpose::Server));
    let Sides { client, server } = Sides::of(&pki, &pki.client("alice"), &files);
    resumes(&client, &server, "here");
    assert!(!resumes(&client, &server, "there"));
    let by_address = Pair {
        client: client_end_to(&client, ExpectedName::Ip([127, 0, 0, 1].into()), "here"),
        server: server_end(&server),
    };
    assert!(!greeted(by_address).0);
    assert!(resumes(&client, &server, "here"));
}

#[test]
fn new_credentials_know_no_ticket_of_the_old_ones() {
    let pki = TestPki::new();
    let (alice, localhost) = (pki.client("alice"), pki.server("localhost"));
    let mut sides = Sides::of(&pki, &alice, &localhost);
    let resumed = || resumes(&sides.client, &sides.server, "here");
    assert_eq!([resumed(), resumed()], [false, true]);
    sides.server = prove(&[&pki.ca], &localhost, Role::Server).unwrap();
    let resumed = || resumes(&sides.client, &sides.server, "here");
    assert_eq!([resumed(), resumed()], [false, true]);
    sides.client = prove(&[&pki.ca], &alice, Role::Client).unwrap();
    let resumed = || resumes(&sides.client, &sides.server, "here");
    assert_eq!([resumed(), resumed()], [false, true]);
}

#[test]
fn a_server_that_answers_a_ticket_with_an_alert_gets_none_any_more() {
    const INTERNAL_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];
    let Sides { client, server } = Sides::good(&TestPki::new());
    let mut refused = pair_to(&client, &server, "here").client;
    refused.shake();
    refused.feed(&INTERNAL_ERROR);
    assert_eq!(refused.reason(), Some(CloseReason::TlsAlert));
    let resumed = [(); 2].map(|()| resumes(&client, &server, "here"));
    assert_eq!(resumed, [false, true], "there was no ticket to refuse");
    let mut refused = pair_to(&client, &server, "here").client;
    refused.shake();
    refused.feed(&INTERNAL_ERROR);
    assert_eq!(refused.reason(), Some(CloseReason::TlsAlert));
    let resumed = [(); 2].map(|()| resumes(&client, &server, "here"));
    assert_eq!(resumed, [false, false]);
}

#[test]
fn either_end_may_have_it_switched_off() {
    let pki = TestPki::new();
    let (alice, localhost) = (pki.client("alice"), pki.server("localhost"));
    let off = |files: &IdentityFiles, role| {
        let mut material = material(&[&pki.ca], files, MinVersion::Tls12);
        material.resumption = Resumption::Off;
        Credentials::prove(&material, &[role], 0).unwrap()
    };
    let on = Sides::of(&pki, &alice, &localhost);
    let client = off(&alice, Role::Client);
    let server = off(&localhost, Role::Server);
    for (client, server) in [(&client, &on.server), (&on.client, &server)] {
        let resumed = [(); 2].map(|()| resumes(client, server, "here"));
        assert_eq!(resumed, [false, false]);
    }
    let mut pair = pair_to(&on.client, &server, "here").open();
    pair.server.send(b"welcome");
    let record = 5 + "welcome".len() + 1 + 16;
    assert_eq!(pair.server.output().len(), record, "more than the data");
}

#[test]
fn a_server_resumes_another_librarys_client_in_tls_1_3_alone() {
    let pki = TestPki::new();
    let alice = pki.client("alice");
    let server = prove(&[&pki.ca], &pki.server("localhost"), Role::Server).unwrap();
    let file = pki.folder().join("session");
    let file = file.to_str().unwrap();
    for (version, may) in [("-tls1_3", true), ("-tls1_2", false)] {
        let resumed = ["-sess_out", "-sess_in"].map(|option| {
            let mut end = server_end(&server);
            let options = [version, option, file];
            let mut stranger = Stranger::client(Some(&alice), &options);
            stranger.shake(&mut end);
            end.send(b"welcome\n");
            stranger.deliver(&mut end);
            stranger.says("welcome");
            assert!(may || !stranger.printed().contains("TLS session ticket"));
            end.session.negotiated().is_resumed
        });
        assert_eq!(resumed, [false, may], "{version}");
    }
}

#[test]
fn a_client_resumes_with_another_librarys_server_in_tls_1_3_alone() {
    let pki = TestPki::new();
    let client = prove(&[&pki.ca], &pki.client("alice"), Role::Client).unwrap();
    for (version, may) in [("-tls1_3", true), ("-tls1_2", false)] {
        let options = [version, "-naccept", "2", "-num_tickets", "40"];
        let mut stranger = Stranger::server(&pki.server("localhost"), &options);
        let mut meet = || {
            let mut end = client_end_to(&client, NAME, version);
            stranger.types(b"welcome\n");
            stranger.drive(&mut end, &mut Chunks::Of(100), |end| {
                end.got == b"welcome\n"
            });
            let is_resumed = end.session.negotiated().is_resumed;
            end.end();
            stranger.drive(&mut end, &mut Chunks::Whole, |end| end.ending.is_some());
            stranger.again();
            is_resumed
        };
        assert!(!meet(), "{version}");
        assert_eq!(meet(), may, "{version}");
    }
}

/// Which certificate of a chain ends soon.
#[derive(Clone, Copy, Debug)]
enum Short {
    Leaf,
    Intermediate,
    Anchor,
}

/// A client and a server; the certificates of one of them have an end in sight.
struct Mortals {
    sides: Sides,
    whose: Role,
    what: Short,
}

impl Mortals {
    fn new(pki: &TestPki, whose: Role, what: Short, end: i64) -> Mortals {
        let (root, identity) = mortal(pki, whose, what, end);
        let files = pki.write(&identity.cert_pem, &identity.key_pem);
        let anchor = pki.write(&root.cert_pem().unwrap(), "").cert;
        let (alice, localhost) = (pki.client("alice"), pki.server("localhost"));
        let (client, server) = match whose {
            Role::Client => (&files, &localhost),
            Role::Server => (&alice, &files),
        };
        let anchors = [&*pki.ca, &anchor];
        let sides = Sides {
            client: prove(&anchors, client, Role::Client).unwrap(),
            server: prove(&anchors, server, Role::Server).unwrap(),
        };
        Mortals { sides, whose, what }
    }

    fn pair(&self) -> Pair {
        pair_to(&self.sides.client, &self.sides.server, "here")
    }

    /// A handshake that waits for the client's last flight.
    fn half_open(&self) -> Pair {
        let mut pair = self.pair();
        pair.client.shake();
        carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
        carry(&mut pair.server, &mut pair.client, &mut Chunks::Whole);
        pair
    }
}

/// A root and what was issued below it; one of its certificates ends.
fn mortal(pki: &TestPki, whose: Role, what: Short, end: i64) -> (Authority, Identity) {
    let long = pki.validity();
    let short = Validity {
        not_after: end,
        ..long
    };
    let [root, above, leaf] = match what {
        Short::Anchor => [short, long, long],
        Short::Intermediate => [long, short, long],
        Short::Leaf => [long, long, short],
    };
    let subject = |name| Subject::named(name);
    let root = Authority::new(&subject("root"), KeyKind::EcP256, root).unwrap();
    let above = root.intermediate(&subject("above"), KeyKind::EcP256, above);
    let purpose = match whose {
        Role::Client => Purpose::Client,
        Role::Server => Purpose::Server,
    };
    let identity = above.unwrap().issue(&LeafRequest {
        validity: leaf,
        ..pki.request(purpose)
    });
    (root, identity.unwrap())
}

/// Waits for the next second of the clock by which certificates are judged.
fn next_second() {
    let now = unix_now();
    until("the next second", || (unix_now() > now).then_some(()));
}

#[test]
fn no_row_of_resumptions_outlives_a_certificate_of_the_chain_that_was_verified() {
    let pki = TestPki::new();
    let end = unix_now() + 5;
    let cases = [Role::Client, Role::Server].map(|whose| {
        [Short::Leaf, Short::Intermediate, Short::Anchor]
            .map(|what| Mortals::new(&pki, whose, what, end))
    });
    let cases: Vec<_> = cases.into_iter().flatten().collect();
    for case in &cases {
        // Two that know nothing of each other, so that there are two tickets.
        for pair in [case.half_open(), case.half_open()] {
            assert!(!greeted(pair).0);
        }
    }
    next_second();
    let late: Vec<_> = cases.iter().map(Mortals::half_open).collect();
    let mut rounds = 0;
    loop {
        // Handshakes take their time: that must not be won.
        let pairs: Vec<_> = cases.iter().map(Mortals::half_open).collect();
        if unix_now() >= end {
            break;
        }
        rounds += 1;
        next_second();
        for pair in pairs {
            assert!(greeted(pair).0);
        }
    }
    assert!(rounds > 1, "there was no time for a row");
    until("the end", || (unix_now() > end).then_some(()));
    for (pair, case) in late.into_iter().zip(&cases) {
        // It was resumed in time, and its tickets come too late.
        assert!(greeted(pair).0);
        let mut pair = case.pair();
        pair.client.shake();
        pair.settle(&mut Chunks::Whole);
        let judge: &End = match case.whose {
            Role::Client => &pair.server,
            Role::Server => &pair.client,
        };
        let (whose, what) = (case.whose, case.what);
        assert_eq!(
            judge.reason(),
            Some(CloseReason::CertExpired),
            "{whose:?}, {what:?}"
        );
    }
}

#[test]
fn a_known_chain_that_ends_while_its_handshake_waits_is_refused() {
    let pki = TestPki::new();
    let end = unix_now() + 3;
    let Mortals { sides, .. } = Mortals::new(&pki, Role::Client, Short::Leaf, end);
    let to = |destination| pair_to(&sides.client, &sides.server, destination);
    assert!(!greeted(to("here")).0);
    let mut pair = to("there");
    pair.client.shake();
    carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
    carry(&mut pair.server, &mut pair.client, &mut Chunks::Whole);
    assert!(unix_now() < end, "the first handshakes took too long");
    until("the end", || (unix_now() > end).then_some(()));
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.server.reason(), Some(CloseReason::CertExpired));
}

#[test]
fn a_client_of_tls_1_3_alone_resumes_too() {
    let pki = TestPki::new();
    let client = prove_tls13(&pki, &pki.client("alice"), Role::Client);
    let server = prove_tls13(&pki, &pki.server("localhost"), Role::Server);
    let resumed = [(); 2].map(|()| resumes(&client, &server, "here"));
    assert_eq!(resumed, [false, true]);
}
