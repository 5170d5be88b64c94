//! Peers that are looked up in revocation lists, in either role.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mtls_persona::base::reason::CloseReason::{self, *};
use mtls_persona::tls::authority::{Purpose, Validity};
use mtls_persona::tls::{Credentials, CrlScope, OnStaleCrl, Revocation, Role};

use super::pair::{
    Chunks, End, Pair, client_end, client_end_to, file, prove, prove_looking, server_end,
};
use super::resumption::{NAME, resumes};
use crate::support::certs::{IdentityFiles, TestPki, list_of, unix_now};
use crate::support::wait::until;

const HOUR: Duration = Duration::from_secs(3600);

/// Lists from these files, by the strict rules.
pub fn lists(files: &[&PathBuf]) -> Revocation {
    Revocation {
        crl: files.iter().map(|path| file(path)).collect(),
        ..Revocation::default()
    }
}

fn leniently(files: &[&PathBuf], on_stale: OnStaleCrl) -> Revocation {
    Revocation {
        on_stale,
        ..lists(files)
    }
}

/// A client `alice`, a server `localhost`, and the authority of both.
struct Scene {
    pki: TestPki,
    alice: IdentityFiles,
    localhost: IdentityFiles,
}

impl Scene {
    fn new() -> Scene {
        let pki = TestPki::new();
        Scene {
            alice: pki.client("alice"),
            localhost: pki.server("localhost"),
            pki,
        }
    }

    /// What the end in that role makes of the other one.
    fn verdict(&self, judge: Role, revocation: Revocation) -> Option<CloseReason> {
        self.verdict_trusting(&[&self.pki.ca], judge, revocation)
    }

    fn verdict_trusting(
        &self,
        ca: &[&Path],
        judge: Role,
        revocation: Revocation,
    ) -> Option<CloseReason> {
        let pki = [self.pki.ca.as_path()];
        match judge {
            Role::Server => verdict(
                &prove(&pki, &self.alice, Role::Client).unwrap(),
                &prove_looking(ca, &self.localhost, judge, revocation).unwrap(),
                judge,
            ),
            Role::Client => verdict(
                &prove_looking(ca, &self.alice, judge, revocation).unwrap(),
                &prove(&pki, &self.localhost, Role::Server).unwrap(),
                judge,
            ),
        }
    }

    /// As [`Scene::verdict`], in both roles, which must agree.
    fn both(&self, revocation: impl Fn() -> Revocation) -> Option<CloseReason> {
        let [one, other] =
            [Role::Client, Role::Server].map(|role| self.verdict(role, revocation()));
        assert_eq!(one, other);
        one
    }

    /// A file with the list of the root that holds, and one of the intermediate for that time.
    fn lists_for(&self, revoked: &[&IdentityFiles], validity: Validity) -> PathBuf {
        let root = self.pki.list(self.pki.root(), &[], self.pki.validity());
        let below = self.pki.list(self.pki.intermediate(), revoked, validity);
        self.pki.write_crl(root + &below)
    }
}

fn verdict(client: &Credentials, server: &Credentials, judge: Role) -> Option<CloseReason> {
    verdict_of(client_end(client, NAME), server_end(server), judge)
}

fn verdict_of(client: End, server: End, judge: Role) -> Option<CloseReason> {
    let mut pair = Pair { client, server };
    pair.client.shake();
    pair.settle(&mut Chunks::Whole);
    let judge = match judge {
        Role::Client => pair.client,
        Role::Server => pair.server,
    };
    assert_eq!(judge.is_open, judge.refusal.is_none());
    judge.refusal.map(|refusal| refusal.reason)
}

#[test]
fn whoever_is_on_a_list_is_refused_and_everybody_else_is_not() {
    let scene = Scene::new();
    let Scene {
        pki,
        alice,
        localhost,
    } = &scene;
    let nobody = pki.crl(&[]);
    let others = pki.crl(&[&pki.client("alice"), &pki.server("localhost")]);
    let both = pki.crl(&[alice, localhost]);
    assert_eq!(scene.both(|| lists(&[&nobody])), None);
    assert_eq!(scene.both(|| lists(&[&others])), None);
    assert_eq!(scene.both(|| lists(&[&both])), Some(CertRevoked));
    let client = pki.crl(&[alice]);
    assert_eq!(scene.verdict(Role::Client, lists(&[&client])), None);
}

#[test]
fn a_revoked_intermediate_refuses_unless_the_peers_own_certificate_alone_is_looked_up() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let below = pki.list(pki.intermediate(), &[], pki.validity());
    let file = pki.write_crl(pki.list_against_intermediate() + &below);
    assert_eq!(scene.both(|| lists(&[&file])), Some(CertRevoked));
    let leaf = || Revocation {
        scope: CrlScope::Leaf,
        ..lists(&[&file])
    };
    assert_eq!(scene.both(leaf), None);
}

#[test]
fn a_list_that_is_missing_refuses_unless_that_is_only_to_be_told() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let root = pki.write_crl(pki.list(pki.root(), &[], pki.validity()));
    let below = pki.write_crl(pki.list(pki.intermediate(), &[], pki.validity()));
    for file in [&root, &below] {
        assert_eq!(scene.both(|| lists(&[file])), Some(CrlMissing));
        let grace = || leniently(&[file], OnStaleCrl::Grace(HOUR));
        assert_eq!(scene.both(grace), Some(CrlMissing));
        assert_eq!(scene.both(|| leniently(&[file], OnStaleCrl::Warn)), None);
    }
    assert_eq!(scene.both(|| lists(&[&root, &below])), None);
    let leaf = |file| Revocation {
        scope: CrlScope::Leaf,
        ..lists(&[file])
    };
    assert_eq!(scene.both(|| leaf(&below)), None);
    assert_eq!(scene.both(|| leaf(&root)), Some(CrlMissing));
}

#[test]
fn an_overdue_list_refuses_unless_it_is_in_its_grace_or_that_is_only_to_be_told() {
    let scene = Scene::new();
    let file = scene.lists_for(&[], scene.pki.overdue());
    let short = Duration::from_secs(59);
    for (on_stale, verdict) in [
        (OnStaleCrl::Fail, Some(CrlStale)),
        (OnStaleCrl::Grace(short), Some(CrlStale)),
        (OnStaleCrl::Grace(HOUR), None),
        (OnStaleCrl::Warn, None),
    ] {
        let lists = || leniently(&[&file], on_stale);
        assert_eq!(scene.both(lists), verdict, "{on_stale:?}");
    }
}

#[test]
fn whoever_is_on_an_overdue_list_is_refused_as_revoked_where_that_list_still_counts() {
    let scene = Scene::new();
    let revoked = [&scene.alice, &scene.localhost];
    let file = scene.lists_for(&revoked, scene.pki.overdue());
    for on_stale in [OnStaleCrl::Grace(HOUR), OnStaleCrl::Warn] {
        let lists = || leniently(&[&file], on_stale);
        assert_eq!(scene.both(lists), Some(CertRevoked), "{on_stale:?}");
    }
}

#[test]
fn a_list_that_does_not_hold_yet_refuses_unless_that_is_only_to_be_told() {
    let scene = Scene::new();
    let mut tomorrow = scene.pki.validity();
    tomorrow.not_before += 86_400;
    let file = scene.lists_for(&[], tomorrow);
    for (on_stale, verdict) in [
        (OnStaleCrl::Fail, Some(CrlStale)),
        (OnStaleCrl::Grace(HOUR), Some(CrlStale)),
        (OnStaleCrl::Warn, None),
    ] {
        let lists = || leniently(&[&file], on_stale);
        assert_eq!(scene.both(lists), verdict, "{on_stale:?}");
    }
}

#[test]
fn a_newer_list_counts_beside_an_older_one_whichever_comes_first() {
    let scene = Scene::new();
    let older = scene.lists_for(&[&scene.alice, &scene.localhost], scene.pki.overdue());
    let newer = scene.lists_for(&[], scene.pki.validity());
    assert_eq!(scene.both(|| lists(&[&older, &newer])), None);
    assert_eq!(scene.both(|| lists(&[&newer, &older])), None);
}

#[test]
fn an_anchor_needs_no_list_but_those_below_it_do() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let intermediate = pki.folder().join("intermediate.pem");
    std::fs::write(&intermediate, pki.intermediate().cert_pem().unwrap()).unwrap();
    let own = |revoked: &[&IdentityFiles]| {
        pki.write_crl(pki.list(pki.intermediate(), revoked, pki.validity()))
    };
    let (nobody, revoked) = (own(&[]), own(&[&scene.alice, &scene.localhost]));
    let root = pki.write_crl(pki.list(pki.root(), &[], pki.validity()));
    for role in [Role::Client, Role::Server] {
        let verdict = |ca: &[&Path], crl: &[&PathBuf]| scene.verdict_trusting(ca, role, lists(crl));
        for ca in [&[&*intermediate][..], &[&*intermediate, &*pki.ca]] {
            assert_eq!(verdict(ca, &[&nobody]), None);
            assert_eq!(verdict(ca, &[&nobody, &root]), None);
            assert_eq!(verdict(ca, &[&revoked]), Some(CertRevoked));
            assert_eq!(verdict(ca, &[&root]), Some(CrlMissing));
        }
    }
}

#[test]
fn a_pinned_certificate_of_a_peer_needs_no_list() {
    let other = TestPki::new();
    let list = other.crl(&[]);
    let mut scene = Scene::new();
    scene.alice = scene.pki.missing_intermediate(Purpose::Client);
    let verdict = scene.verdict_trusting(&[&scene.alice.cert], Role::Server, lists(&[&list]));
    assert_eq!(verdict, None);
    let mut scene = Scene::new();
    scene.localhost = scene.pki.missing_intermediate(Purpose::Server);
    let verdict = scene.verdict_trusting(&[&scene.localhost.cert], Role::Client, lists(&[&list]));
    assert_eq!(verdict, None);
}

#[test]
fn an_intermediate_in_ca_that_its_root_revokes_is_no_anchor() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let intermediate = pki.folder().join("intermediate.pem");
    std::fs::write(&intermediate, pki.intermediate().cert_pem().unwrap()).unwrap();
    let below = pki.list(pki.intermediate(), &[], pki.validity());
    let file = pki.write_crl(pki.list_against_intermediate() + &below);
    let ca: [&Path; 2] = [&pki.ca, &intermediate];
    for role in [Role::Client, Role::Server] {
        let verdict = scene.verdict_trusting(&ca, role, lists(&[&file]));
        assert_eq!(verdict, Some(CertRevoked), "{role:?}");
        let leaf = Revocation {
            scope: CrlScope::Leaf,
            ..lists(&[&file])
        };
        assert_eq!(scene.verdict_trusting(&ca, role, leaf), None, "{role:?}");
    }
}

#[test]
fn a_list_that_its_authority_has_not_signed_refuses_whatever_the_policy() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let root = pki.write_crl(pki.list(pki.root(), &[], pki.validity()));
    // The signature is what a list ends with.
    let below = pki.list(pki.intermediate(), &[], pki.validity());
    let mut der = crate::support::openssl::crl_der(&below);
    *der.last_mut().unwrap() ^= 1;
    let forged = pki.write_crl(der);
    for on_stale in [OnStaleCrl::Fail, OnStaleCrl::Warn, OnStaleCrl::Grace(HOUR)] {
        let lists = || leniently(&[&root, &forged], on_stale);
        assert_eq!(scene.both(lists), Some(CrlInvalid), "{on_stale:?}");
    }
}

/// A client whose server is looked up in lists that are overdue soon, and the server.
fn short_lived(judge: Role) -> (Credentials, Credentials) {
    let scene = Scene::new();
    let pki = &scene.pki;
    let soon = Validity {
        not_after: unix_now() + 5,
        ..pki.validity()
    };
    let file = scene.lists_for(&[], soon);
    let looking = |files, role| prove_looking(&[&pki.ca], files, role, lists(&[&file])).unwrap();
    let plain = |files, role| prove(&[&pki.ca], files, role).unwrap();
    match judge {
        Role::Client => (
            looking(&scene.alice, Role::Client),
            plain(&scene.localhost, Role::Server),
        ),
        Role::Server => (
            plain(&scene.alice, Role::Client),
            looking(&scene.localhost, Role::Server),
        ),
    }
}

#[test]
fn a_list_that_becomes_overdue_refuses_peers_that_were_let_in_before() {
    for judge in [Role::Client, Role::Server] {
        let (client, server) = short_lived(judge);
        let verdict = || verdict(&client, &server, judge);
        assert_eq!(verdict(), None);
        assert_eq!(until("the list to be overdue", verdict), CrlStale);
    }
}

#[test]
fn no_session_is_resumed_once_a_list_is_overdue() {
    for judge in [Role::Client, Role::Server] {
        let (client, server) = short_lived(judge);
        let resumed = [(); 2].map(|()| resumes(&client, &server, "here"));
        assert_eq!(resumed, [false, true]);
        // There is a ticket for one place, and none for the others.
        until("the list to be overdue", || {
            verdict(&client, &server, judge)
        });
        let with_ticket = client_end_to(&client, NAME, "here");
        let verdict = verdict_of(with_ticket, server_end(&server), judge);
        assert_eq!(verdict, Some(CrlStale));
    }
}

#[test]
fn a_list_without_a_next_update_is_never_overdue() {
    let scene = Scene::new();
    let pki = &scene.pki;
    let long_ago = unix_now() - 10 * 365 * 86_400;
    let lists_of_both = [pki.root(), pki.intermediate()].map(|by| list_of(by, &[], long_ago, None));
    let file = pki.write_crl(lists_of_both.concat());
    assert_eq!(scene.both(|| lists(&[&file])), None);
}
