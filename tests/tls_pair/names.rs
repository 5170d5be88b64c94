//! Which names of a server count.

use std::net::IpAddr;

use mtls_persona::base::reason::CloseReason::{self, *};
use mtls_persona::tls::authority::{LeafRequest, Purpose};
use mtls_persona::tls::{ExpectedName, Role};

use super::by_hand::issue_by_root;
use super::pair::{Chunks, Sides, client_end, prove};
use crate::support::certs::{IdentityFiles, TestPki};

/// A server's certificate with these DNS names and addresses, and a common name that would fit.
fn names(pki: &TestPki, cn: &str, dns: &[&str], ips: &[&str]) -> LeafRequest {
    let mut request = pki.request(Purpose::Server);
    request.subject.cn = Some(cn.to_owned());
    request.dns = dns.iter().map(|name| (*name).to_owned()).collect();
    request.ips = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    request
}

fn dns(name: &str) -> ExpectedName<'_> {
    ExpectedName::Dns(name)
}

fn ip(text: &str) -> ExpectedName<'_> {
    ExpectedName::Ip(text.parse::<IpAddr>().unwrap())
}

/// What a client that expects this name says to that server.
fn verdict(pki: &TestPki, server: &IdentityFiles, name: ExpectedName<'_>) -> Option<CloseReason> {
    let mut pair = Sides::of(pki, &pki.client("alice"), server).pair_for(name);
    pair.client.shake();
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.client.is_open, pair.server.is_open);
    pair.client.reason()
}

#[test]
fn a_dns_name_matches_itself_in_any_case_and_nothing_else() {
    let pki = TestPki::new();
    let server = pki.issue(&names(&pki, "x", &["other.org", "Host.Example.org"], &[]));
    for name in ["host.example.org", "HOST.EXAMPLE.ORG", "other.org"] {
        assert_eq!(verdict(&pki, &server, dns(name)), None, "{name}");
    }
    let strangers = [
        "example.org",
        "a.host.example.org",
        "ost.example.org",
        "hostt.example.org",
        "host.example.org.evil.net",
        "x",
        // The configuration takes the dot away; here it is another name.
        "host.example.org.",
    ];
    for name in strangers {
        assert_eq!(
            verdict(&pki, &server, dns(name)),
            Some(CertNameMismatch),
            "{name}"
        );
    }
}

#[test]
fn a_wildcard_stands_for_one_whole_label() {
    let pki = TestPki::new();
    let server = pki.issue(&names(&pki, "x", &["*.example.org"], &[]));
    for name in [
        "a.example.org",
        "A.Example.Org",
        "a-b.example.org",
        "xn--bcher-kva.example.org",
    ] {
        assert_eq!(verdict(&pki, &server, dns(name)), None, "{name}");
    }
    for name in [
        "example.org",
        "a.b.example.org",
        "a.example.com",
        "aexample.org",
    ] {
        assert_eq!(
            verdict(&pki, &server, dns(name)),
            Some(CertNameMismatch),
            "{name}"
        );
    }
}

#[test]
fn a_wildcard_that_is_a_part_of_a_label_or_not_the_first_or_too_wide_matches_nothing() {
    let pki = TestPki::new();
    let odd = "DNS:w*.example.org, DNS:a.*.org, DNS:*.com, DNS:*";
    let server = issue_by_root(&pki, &format!("subjectAltName = {odd}"));
    for name in [
        "www.example.org",
        "w.example.org",
        "a.example.org",
        "example.com",
        "localhost",
    ] {
        assert_eq!(
            verdict(&pki, &server, dns(name)),
            Some(CertNameMismatch),
            "{name}"
        );
    }
}

#[test]
fn the_common_name_never_counts() {
    let pki = TestPki::new();
    let bare = issue_by_root(&pki, "basicConstraints = CA:FALSE");
    for server in [
        pki.issue(&names(
            &pki,
            "host.example.org",
            &["other.example.org"],
            &[],
        )),
        pki.issue(&names(&pki, "host.example.org", &[], &["192.0.2.1"])),
        // Not even where there is no SAN at all; its CN is "localhost".
        pki.issue(&names(&pki, "host.example.org", &[], &[])),
    ] {
        let reason = verdict(&pki, &server, dns("host.example.org"));
        assert_eq!(reason, Some(CertNameMismatch));
    }
    assert_eq!(
        verdict(&pki, &bare, dns("made by hand")),
        Some(CertNameMismatch)
    );
    let address = pki.issue(&names(&pki, "192.0.2.1", &["192-0-2-1.example.org"], &[]));
    assert_eq!(
        verdict(&pki, &address, ip("192.0.2.1")),
        Some(CertIpMismatch)
    );
}

#[test]
fn an_address_matches_the_addresses_alone() {
    let pki = TestPki::new();
    let server = pki.issue(&names(
        &pki,
        "x",
        &["localhost"],
        &["192.0.2.1", "2001:db8::1"],
    ));
    for address in ["192.0.2.1", "2001:db8::1", "2001:0db8:0:0::0001"] {
        assert_eq!(verdict(&pki, &server, ip(address)), None, "{address}");
    }
    for address in ["192.0.2.2", "2001:db8::2", "::ffff:192.0.2.1", "127.0.0.1"] {
        assert_eq!(
            verdict(&pki, &server, ip(address)),
            Some(CertIpMismatch),
            "{address}"
        );
    }
    assert_eq!(
        verdict(&pki, &server, dns("192.0.2.1")),
        Some(CertNameMismatch)
    );
    let as_name = issue_by_root(&pki, "subjectAltName = DNS:192.0.2.1");
    assert_eq!(
        verdict(&pki, &as_name, ip("192.0.2.1")),
        Some(CertIpMismatch)
    );
}

#[test]
fn a_name_is_not_taken_from_a_uri_or_a_mail_address() {
    let pki = TestPki::new();
    let other = "URI:https://host.example.org, email:root@host.example.org";
    let server = issue_by_root(&pki, &format!("subjectAltName = {other}"));
    assert_eq!(
        verdict(&pki, &server, dns("host.example.org")),
        Some(CertNameMismatch)
    );
}

#[test]
fn a_name_with_an_embedded_nul_matches_neither_half_nor_whole() {
    let pki = TestPki::new();
    // A SEQUENCE of one dNSName: "good.example.org", NUL, ".evil.net"
    let name = b"good.example.org\0.evil.net";
    let mut der = vec![0x30, u8::try_from(name.len()).unwrap() + 2, 0x82];
    der.push(u8::try_from(name.len()).unwrap());
    der.extend_from_slice(name);
    let octets: Vec<String> = der.iter().map(|byte| format!("{byte:02x}")).collect();
    let server = issue_by_root(&pki, &format!("2.5.29.17 = DER:{}", octets.join(":")));
    for name in ["good.example.org", "evil.net", "good.example.org.evil.net"] {
        let reason = verdict(&pki, &server, dns(name));
        let is_refused = matches!(reason, Some(CertNameMismatch | CertInvalid));
        assert!(is_refused, "{name}: {reason:?}");
    }
}

#[test]
fn a_name_that_would_match_more_than_itself_is_not_expected_of_anybody() {
    let pki = TestPki::new();
    let client = prove(&[&pki.ca], &pki.client("alice"), Role::Client).unwrap();
    let context = client.context(Role::Client).unwrap();
    for name in ["", ".", ".example.org", "*.example.org", "a\0b.example.org"] {
        assert!(
            context.client_session(dns(name), "here").is_err(),
            "{name:?}"
        );
    }
    drop(client_end(&client, dns("a.example.org")));
}

#[test]
fn a_chain_that_is_known_by_one_name_is_still_held_to_every_other() {
    let pki = TestPki::new();
    let server = pki.issue(&names(&pki, "x", &["one.example.org"], &["192.0.2.1"]));
    let sides = Sides::of(&pki, &pki.client("alice"), &server);
    let verdict = |name| {
        let mut pair = sides.pair_for(name);
        pair.client.shake();
        pair.settle(&mut Chunks::Whole);
        pair.client.reason()
    };
    for _ in 0..2 {
        assert_eq!(verdict(dns("one.example.org")), None);
        assert_eq!(verdict(dns("two.example.org")), Some(CertNameMismatch));
        assert_eq!(verdict(ip("192.0.2.1")), None);
        assert_eq!(verdict(ip("192.0.2.2")), Some(CertIpMismatch));
    }
}
