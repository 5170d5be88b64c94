//! Peers with which there is nothing in common.

use mtls_persona::base::reason::CloseReason::{self, *};
use mtls_persona::tls::{Credentials, ExpectedName, MinVersion, Resumption, Role};

use super::pair::{Chunks, End, Sides, client_end, material, prove_tls13, server_end};
use super::stranger::Stranger;
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::tls::speaks_chacha20;

struct Cast {
    pki: TestPki,
    alice: IdentityFiles,
    localhost: IdentityFiles,
}

impl Cast {
    fn new() -> Cast {
        let pki = TestPki::new();
        Cast {
            alice: pki.client("alice"),
            localhost: pki.server("localhost"),
            pki,
        }
    }

    fn our_client(&self) -> End {
        client_end(
            &Sides::good(&self.pki).client,
            ExpectedName::Dns("localhost"),
        )
    }

    fn our_server(&self) -> End {
        server_end(&Sides::good(&self.pki).server)
    }

    fn meets_client(&self, mut server: End, options: &[&str]) -> Option<CloseReason> {
        Stranger::client(Some(&self.alice), options).shake(&mut server);
        println!("{options:?}: {:?}", server.refusal);
        server.reason()
    }

    fn meets_server(&self, mut client: End, options: &[&str]) -> Option<CloseReason> {
        Stranger::server(&self.localhost, options).shake(&mut client);
        println!("{options:?}: {:?}", client.refusal);
        client.reason()
    }
}

#[test]
fn an_older_version_than_the_least_is_a_matter_of_versions() {
    let cast = Cast::new();
    let server = prove_tls13(&cast.pki, &cast.localhost, Role::Server);
    let client = prove_tls13(&cast.pki, &cast.alice, Role::Client);
    let client_end = || client_end(&client, ExpectedName::Dns("localhost"));
    assert_eq!(
        cast.meets_client(server_end(&server), &["-tls1_2"]),
        Some(TlsVersion)
    );
    assert_eq!(
        cast.meets_server(client_end(), &["-tls1_2"]),
        Some(TlsVersion)
    );
    assert_eq!(cast.meets_client(server_end(&server), &["-tls1_3"]), None);
    assert_eq!(cast.meets_server(client_end(), &["-tls1_3"]), None);
    let old = ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"];
    assert_eq!(cast.meets_client(cast.our_server(), &old), Some(TlsVersion));
    assert_eq!(cast.meets_server(cast.our_client(), &old), Some(TlsVersion));
}

#[test]
fn a_client_without_a_common_suite_group_or_signature_is_told_by_that() {
    let cast = Cast::new();
    for options in [
        &["-tls1_2", "-cipher", "AES128-SHA"][..],
        &["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
        &["-tls1_2", "-curves", "P-521"],
        &["-tls1_2", "-sigalgs", "RSA+SHA256"],
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
        &["-tls1_3", "-curves", "P-521"],
        &["-tls1_3", "-sigalgs", "RSA-PSS+SHA256"],
    ] {
        let reason = cast.meets_client(cast.our_server(), options);
        assert_eq!(reason, Some(TlsNoCommonParameters), "{options:?}");
    }
}

#[test]
fn a_server_that_wants_signatures_which_our_key_cannot_make_is_told_by_that() {
    let cast = Cast::new();
    for version in ["-tls1_2", "-tls1_3"] {
        let options = [version, "-Verify", "2", "-client_sigalgs", "RSA-PSS+SHA256"];
        let mut client = cast.our_client();
        let mut stranger = Stranger::server(&cast.localhost, &options);
        stranger.drive(&mut client, &mut Chunks::Whole, |end| {
            end.failure().is_some()
        });
        let reason = match (cfg!(feature = "boringssl"), version) {
            (true, _) => TlsNoCommonParameters,
            // OpenSSL goes on without a certificate, and hears of it.
            (false, "-tls1_2") => TlsAlert,
            (false, _) => CertificateRefused,
        };
        assert_eq!(client.reason(), Some(reason), "{:?}", client.failure());
    }
}

#[test]
fn a_server_that_finds_nothing_in_common_says_so_by_an_alert() {
    let cast = Cast::new();
    for options in [
        &["-tls1_2", "-cipher", "AES128-SHA"][..],
        &["-tls1_2", "-curves", "P-521"],
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
        &["-tls1_3", "-curves", "P-521"],
    ] {
        let reason = cast.meets_server(cast.our_client(), options);
        assert_eq!(reason, Some(TlsAlert), "{options:?}");
    }
}

#[test]
fn a_suite_without_forward_secrecy_is_not_spoken() {
    let cast = Cast::new();
    let reason = cast.meets_client(
        cast.our_server(),
        &["-tls1_2", "-cipher", "AES256-GCM-SHA384"],
    );
    assert_eq!(reason, Some(TlsNoCommonParameters));
    for (cipher, expected) in [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", None),
        (
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            (!speaks_chacha20()).then_some(TlsNoCommonParameters),
        ),
    ] {
        let reason = cast.meets_client(cast.our_server(), &["-tls1_2", "-cipher", cipher]);
        assert_eq!(reason, expected, "{cipher}");
    }
}

#[test]
fn a_peer_gets_no_ticket_where_resumption_is_off() {
    let cast = Cast::new();
    let mut material = material(&[&cast.pki.ca], &cast.localhost, MinVersion::Tls12);
    material.resumption = Resumption::Off;
    let credentials = Credentials::prove(&material, &[Role::Server], 0).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let mut server = server_end(&credentials);
        let mut stranger = Stranger::client(Some(&cast.alice), &[version]);
        stranger.shake(&mut server);
        server.send(b"heard\n");
        stranger.deliver(&mut server);
        stranger.says("heard");
        assert!(
            !stranger.printed().contains("session ticket"),
            "{}",
            stranger.printed()
        );
    }
}
