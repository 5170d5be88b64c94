//! Peers that speak something else.

use mtls_persona::base::reason::CloseReason;
use mtls_persona::tls::ExpectedName;

use super::pair::{Chunks, End, Numbers, Sides, client_end, feed, server_end};
use crate::support::certs::TestPki;

/// What a peer says, how it is recognised, and which roles may meet it.
const PLAINTEXT: [(&[u8], &str); 12] = [
    (b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "plain HTTP"),
    (b"POST /x HTTP/1.1\r\n\r\n", "plain HTTP"),
    (b"OPTIONS * HTTP/1.1\r\n\r\n", "plain HTTP"),
    (b"CONNECT example.org:443 HTTP/1.1\r\n\r\n", "plain HTTP"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "plain HTTP"),
    (b"\0\0\0\x08\x04\xd2\x16\x2f", "PostgreSQL"),
    (b"\0\0\0\x08\x04\xd2\x16\x30", "PostgreSQL"),
    (
        b"\0\0\0\x29\0\x03\0\0user\0alice\0database\0app\0\0",
        "PostgreSQL",
    ),
    (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
    (b"220 mail.example.org ESMTP ready\r\n", "SMTP or FTP"),
    (b"220-ftp.example.org\r\n220 ready\r\n", "SMTP or FTP"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "plain HTTP"),
];

fn both(sides: &Sides) -> [End; 2] {
    [
        client_end(&sides.client, ExpectedName::Dns("localhost")),
        server_end(&sides.server),
    ]
}

/// Feeds and then ends the input, as a peer does that waits for an answer and gives up.
fn tell(end: &mut End, bytes: &[u8], chunks: &mut Chunks) -> CloseReason {
    end.shake();
    feed(end, bytes, chunks);
    if end.refusal.is_none() {
        end.cut();
    }
    assert!(!end.is_open);
    end.reason().unwrap()
}

#[test]
fn a_peer_that_speaks_a_known_protocol_instead_of_tls_is_told_by_its_name() {
    let sides = Sides::good(&TestPki::new());
    for (bytes, protocol) in PLAINTEXT {
        for size in [8, 1000] {
            for mut end in both(&sides) {
                let reason = tell(&mut end, bytes, &mut Chunks::Of(size));
                let error = end.refusal.unwrap();
                let case = format!(
                    "{:?} in chunks of {size}: {error}",
                    bytes.escape_ascii().to_string()
                );
                assert_eq!(reason, CloseReason::TlsPlaintext, "{case}");
                assert!(error.detail.contains(protocol), "{case}");
            }
        }
    }
}

#[test]
fn a_known_protocol_is_told_by_its_name_even_if_its_bytes_end_like_an_alert() {
    let sides = Sides::good(&TestPki::new());
    let like_alert = |bytes: &[u8]| [bytes, &[21, 3, 3, 0, 2, 2, 48]].concat();
    for (bytes, _) in PLAINTEXT {
        for mut end in both(&sides) {
            let reason = tell(&mut end, &like_alert(bytes), &mut Chunks::Whole);
            assert_eq!(reason, CloseReason::TlsPlaintext, "{:?}", end.refusal);
        }
    }
    // A server's library knows it alone.
    let mut server = server_end(&sides.server);
    let reason = tell(
        &mut server,
        &like_alert(b"CONNE\x16\x03\x01"),
        &mut Chunks::Whole,
    );
    assert_eq!(reason, CloseReason::TlsPlaintext, "{:?}", server.refusal);
}

#[test]
fn garbage_is_malformed_in_both_roles() {
    let sides = Sides::good(&TestPki::new());
    let mut numbers = Numbers(99);
    for length in [5, 11, 100, 5000] {
        for _ in 0..50 {
            let mut bytes = numbers.bytes(length);
            // A handshake record's or an alert's type would be no garbage yet.
            bytes[0] |= 0x80;
            for mut end in both(&sides) {
                let reason = tell(&mut end, &bytes, &mut Chunks::Whole);
                assert_eq!(reason, CloseReason::TlsMalformed, "{:02x?}", &bytes[..5]);
            }
        }
    }
}

#[test]
fn a_handshake_record_full_of_garbage_is_malformed_in_both_roles() {
    let sides = Sides::good(&TestPki::new());
    let mut numbers = Numbers(5);
    for kind in [1_u8, 2] {
        for _ in 0..50 {
            let mut message = numbers.bytes(200);
            message[..4].copy_from_slice(&[kind, 0, 0, 196]);
            // The version is a field like any other, but a wrong one has a word of its own.
            message[4..6].copy_from_slice(&[3, 3]);
            let record = [&[22, 3, 1, 0, 200], &message[..]].concat();
            for mut end in both(&sides) {
                let reason = tell(&mut end, &record, &mut Chunks::Whole);
                assert_eq!(reason, CloseReason::TlsMalformed, "{:02x?}", &record[..12]);
            }
        }
    }
}

#[test]
fn a_truncated_client_hello_is_a_closed_handshake() {
    let sides = Sides::good(&TestPki::new());
    let mut client = sides.pair().client;
    client.shake();
    let hello = client.output();
    for length in [0, 1, 4, 5, 6, 9, 100, hello.len() - 1] {
        let mut server = server_end(&sides.server);
        let reason = tell(&mut server, &hello[..length], &mut Chunks::Whole);
        assert_eq!(reason, CloseReason::HandshakeClosed, "{length} bytes");
    }
}

#[test]
fn a_client_hello_sent_back_to_the_client_is_malformed() {
    let sides = Sides::good(&TestPki::new());
    let mut client = sides.pair().client;
    client.shake();
    let hello = client.output();
    assert_eq!(
        tell(&mut client, &hello, &mut Chunks::Whole),
        CloseReason::TlsMalformed
    );
    assert!(!client.output().is_empty(), "no alert");
}

#[test]
fn data_instead_of_a_handshake_is_malformed() {
    let sides = Sides::good(&TestPki::new());
    let record = [&[23, 3, 3, 0, 100][..], &[7; 100]].concat();
    for mut end in both(&sides) {
        assert_eq!(
            tell(&mut end, &record, &mut Chunks::Whole),
            CloseReason::TlsMalformed
        );
    }
}

#[test]
fn a_server_s_fatal_alert_ends_the_handshake_with_its_name() {
    use CloseReason::*;
    let sides = Sides::good(&TestPki::new());
    let cases = [
        (40, TlsAlert, "handshake_failure"),
        (42, CertificateRefused, "bad_certificate"),
        (43, CertificateRefused, "unsupported_certificate"),
        (44, CertificateRefused, "certificate_revoked"),
        (45, CertificateRefused, "certificate_expired"),
        (46, CertificateRefused, "certificate_unknown"),
        (48, CertificateRefused, "unknown_ca"),
        (49, CertificateRefused, "access_denied"),
        (70, TlsVersion, "protocol_version"),
        (80, TlsAlert, "internal_error"),
        (112, TlsAlert, "unrecognized_name"),
        (116, CertificateRefused, "certificate_required"),
        (200, TlsAlert, "unknown alert"),
    ];
    for (alert, reason, name) in cases {
        let mut client = sides.pair().client;
        let told = tell(&mut client, &[21, 3, 3, 0, 2, 2, alert], &mut Chunks::Of(3));
        let error = client.refusal.unwrap();
        assert_eq!(told, reason, "{error}");
        assert!(error.detail.contains(&format!(" alert {name}")), "{error}");
    }
}

#[test]
fn close_notify_or_silence_instead_of_a_handshake_is_a_closed_handshake() {
    let sides = Sides::good(&TestPki::new());
    let mut client = sides.pair().client;
    let reason = tell(&mut client, &[21, 3, 3, 0, 2, 1, 0], &mut Chunks::Whole);
    assert_eq!(reason, CloseReason::HandshakeClosed);
    for mut end in both(&sides) {
        let reason = tell(&mut end, &[], &mut Chunks::Whole);
        assert_eq!(reason, CloseReason::HandshakeClosed);
    }
}

#[test]
fn warnings_without_end_are_not_waited_out() {
    let sides = Sides::good(&TestPki::new());
    for mut end in both(&sides) {
        // user_canceled, as a warning (RFC 5246, 7.2)
        let reason = tell(
            &mut end,
            &[21, 3, 3, 0, 2, 1, 90].repeat(100),
            &mut Chunks::Whole,
        );
        assert_eq!(reason, CloseReason::TlsMalformed);
    }
}
