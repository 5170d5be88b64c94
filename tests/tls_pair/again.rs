//! Whether the peer of a live session would be let in by newer credentials.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use mtls_persona::base::reason::CloseReason::{self, *};
use mtls_persona::tls::authority::{Purpose, Validity};
use mtls_persona::tls::{Credentials, ExpectedName, Revocation, Role};

use super::pair::{Chunks, End, Pair, client_end_to, prove, prove_looking, server_end};
use super::resumption::NAME;
use super::revocation::lists;
use crate::support::certs::{IdentityFiles, TestPki, unix_now};
use crate::support::wait::until;

/// Two ends that live, and the files that they began with.
struct Scene {
    pki: TestPki,
    client: IdentityFiles,
    server: IdentityFiles,
    credentials: [Credentials; 2],
}

impl Scene {
    fn new() -> Scene {
        let pki = TestPki::new();
        let client = pki.client("alice");
        let server = pki.issue(&pki.request(Purpose::Server));
        Scene::of(pki, client, server)
    }

    fn of(pki: TestPki, client: IdentityFiles, server: IdentityFiles) -> Scene {
        let credentials = [
            prove(&[&pki.ca], &client, Role::Client).unwrap(),
            prove(&[&pki.ca], &server, Role::Server).unwrap(),
        ];
        Scene {
            pki,
            client,
            server,
            credentials,
        }
    }

    fn pair(&self, name: ExpectedName<'_>, to: &str) -> Pair {
        let [client, server] = &self.credentials;
        let pair = Pair {
            client: client_end_to(client, name, to),
            server: server_end(server),
        };
        let mut pair = pair.open();
        pair.server.send(b"welcome");
        pair.settle(&mut Chunks::Whole);
        pair
    }

    /// A full session and one that resumes it.
    fn pairs(&self) -> [Pair; 2] {
        static PLACES: AtomicUsize = AtomicUsize::new(0);
        let place = PLACES.fetch_add(1, Ordering::Relaxed).to_string();
        let pairs = [(); 2].map(|()| self.pair(NAME, &place));
        let resumed = pairs
            .each_ref()
            .map(|pair| pair.server.session.negotiated().is_resumed);
        assert_eq!(resumed, [false, true]);
        pairs
    }

    /// Newer credentials of one end, with that trust.
    fn newer(&self, role: Role, ca: &[&Path], revocation: Revocation) -> Credentials {
        let files = match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        };
        prove_looking(ca, files, role, revocation).unwrap()
    }

    /// What each end would make of the other one now: in a full session and in one that resumes it.
    fn verdicts(
        &self,
        ca: &[&Path],
        revocation: impl Fn() -> Revocation,
    ) -> [Option<CloseReason>; 4] {
        let [full, resumed] = self.pairs();
        let ends = [
            (Role::Client, &full.client),
            (Role::Server, &full.server),
            (Role::Client, &resumed.client),
            (Role::Server, &resumed.server),
        ];
        ends.map(|(role, end)| verdict(&self.newer(role, ca, revocation()), role, end))
    }
}

fn verdict(credentials: &Credentials, role: Role, end: &End) -> Option<CloseReason> {
    let context = credentials.context(role).unwrap();
    let verdict = context.judge_again(&end.session);
    if let Err(refusal) = &verdict {
        let told = refusal.certificate.as_deref();
        assert_eq!(told, end.session.peer().as_deref(), "of whom it is");
    }
    verdict.err().map(|refusal| refusal.reason)
}

#[test]
fn a_peer_is_good_still_as_long_as_nothing_speaks_against_it() {
    let scene = Scene::new();
    let ca = [scene.pki.ca.as_path()];
    assert_eq!(scene.verdicts(&ca, Revocation::default), [None; 4]);
    let nobody = scene.pki.crl(&[]);
    assert_eq!(scene.verdicts(&ca, || lists(&[&nobody])), [None; 4]);
}

#[test]
fn a_peer_on_a_new_list_is_good_no_more() {
    let scene = Scene::new();
    let ca = [scene.pki.ca.as_path()];
    let crl = scene.pki.crl(&[&scene.client, &scene.server]);
    assert_eq!(
        scene.verdicts(&ca, || lists(&[&crl])),
        [Some(CertRevoked); 4]
    );
    let crl = scene.pki.crl(&[&scene.client]);
    let verdicts = [None, Some(CertRevoked), None, Some(CertRevoked)];
    assert_eq!(scene.verdicts(&ca, || lists(&[&crl])), verdicts);
}

#[test]
fn a_peer_of_a_revoked_intermediate_is_good_no_more() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let below = pki.list(pki.intermediate(), &[], pki.validity());
    let crl = pki.write_crl(pki.list_against_intermediate() + &below);
    let verdicts = scene.verdicts(&[&pki.ca], || lists(&[&crl]));
    assert_eq!(verdicts, [Some(CertRevoked); 4]);
}

#[test]
fn a_peer_whose_authority_is_trusted_no_more_is_good_no_more() {
    let scene = Scene::new();
    let other = TestPki::new();
    let verdicts = scene.verdicts(&[&other.ca], Revocation::default);
    assert_eq!(verdicts, [Some(CertUnknownAuthority); 4]);
}

#[test]
fn a_server_that_was_held_to_a_name_or_an_address_still_has_it() {
    let scene = Scene::new();
    let pki = &scene.pki;
    for name in [NAME, ExpectedName::Ip([127, 0, 0, 1].into())] {
        let pair = scene.pair(name, "");
        let newer = scene.newer(Role::Client, &[&pki.ca], Revocation::default());
        assert_eq!(verdict(&newer, Role::Client, &pair.client), None);
    }
}

#[test]
fn a_peer_whose_certificate_has_ended_is_good_no_more() {
    let pki = TestPki::new();
    let soon = Validity {
        not_after: unix_now() + 5,
        ..pki.validity()
    };
    let request = |role| {
        let mut request = pki.request(role);
        request.validity = soon;
        pki.issue(&request)
    };
    let (client, server) = (request(Purpose::Client), request(Purpose::Server));
    let scene = Scene::of(pki, client, server);
    let pair = scene.pair(NAME, "");
    let newer = [
        prove(&[&scene.pki.ca], &scene.pki.client("alice"), Role::Client).unwrap(),
        prove(
            &[&scene.pki.ca],
            &scene.pki.server("localhost"),
            Role::Server,
        )
        .unwrap(),
    ];
    let verdicts = || {
        [
            verdict(&newer[0], Role::Client, &pair.client),
            verdict(&newer[1], Role::Server, &pair.server),
        ]
    };
    // They are known to be good from here on.
    assert_eq!(verdicts(), [None; 2]);
    until("their ends", || {
        (verdicts() == [Some(CertExpired); 2]).then_some(())
    });
}

#[test]
fn a_list_that_becomes_overdue_speaks_against_a_peer_that_was_found_good() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let soon = Validity {
        not_after: unix_now() + 5,
        ..pki.validity()
    };
    let lists_of = [pki.root(), pki.intermediate()].map(|by| pki.list(by, &[], soon));
    let crl = pki.write_crl(lists_of.concat());
    let [_, resumed] = scene.pairs();
    let newer = [Role::Client, Role::Server]
        .map(|role| scene.newer(role, &[&scene.pki.ca], lists(&[&crl])));
    let verdicts = || {
        [
            verdict(&newer[0], Role::Client, &resumed.client),
            verdict(&newer[1], Role::Server, &resumed.server),
        ]
    };
    assert_eq!(verdicts(), [None; 2]);
    until("the lists to be overdue", || {
        (verdicts() == [Some(CrlStale); 2]).then_some(())
    });
}

#[test]
fn a_session_goes_on_after_it_was_judged() {
    let scene = Scene::new();
    let [_, mut pair] = scene.pairs();
    let newer = scene.newer(Role::Server, &[&scene.pki.ca], Revocation::default());
    assert_eq!(verdict(&newer, Role::Server, &pair.server), None);
    pair.client.send(b"still there");
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.server.got, b"still there");
}
