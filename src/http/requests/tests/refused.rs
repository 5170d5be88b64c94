//! What two readers could take differently.

use super::*;

/// Each of these is refused, and nothing of it goes out.
fn assert_refused(heads: &[&str]) {
    for head in heads {
        let nothing = (String::new(), Status::BadRequest);
        assert_eq!(refused(head), nothing, "{head:?}");
    }
}

/// As that, of headers in a request that is good without them.
fn assert_headers_refused(headers: &[&str]) {
    for header in headers {
        assert_refused(&[&format!("POST / HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n")]);
    }
}

#[test]
fn framing_that_is_told_twice_or_in_two_ways_is_refused() {
    assert_headers_refused(&[
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: 1, 1",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Content_Length: 1",
        "Transfer_Encoding: chunked",
        "Transfer.Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent_Length: 1",
    ]);
}

#[test]
fn a_transfer_coding_other_than_chunked_is_refused() {
    for coding in [
        "",
        "identity",
        "gzip",
        "gzip, chunked",
        "chunked, identity",
        "chunked,",
        ",chunked",
        "xchunked",
        "chunked;q=1",
        "\"chunked\"",
        "chun\u{212a}ed",
        "chunked chunked",
    ] {
        assert_headers_refused(&[&format!("Transfer-Encoding: {coding}")]);
    }
    assert_refused(&["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"]);
}

#[test]
fn a_length_that_is_no_plain_number_is_refused() {
    for length in [
        "",
        "+1",
        "-1",
        "0x1",
        "1e1",
        "1 1",
        "1;",
        "01",
        "00",
        "1.0",
        "\u{661}",
        "9223372036854775808",
        "18446744073709551617",
    ] {
        assert_headers_refused(&[&format!("Content-Length: {length}")]);
    }
}

#[test]
fn a_line_that_is_not_ended_by_cr_and_lf_is_refused() {
    assert_refused(&[
        "GET / HTTP/1.1\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\nClient-Cert: f\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\rClient-Cert: f\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\rClient-Cert: f\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\r\n",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\n A: b\r\nHost: h\r\n\r\n",
    ]);
    assert_headers_refused(&[
        "A: b\r\n folded",
        "A: b\r\n\tClient-Cert: f",
        "A: b\r\n \r\nC: d",
    ]);
}

#[test]
fn a_control_character_is_refused() {
    let controls = (0..32).chain([127]).map(char::from);
    for control in controls.filter(|control| !"\t\r\n".contains(*control)) {
        assert_headers_refused(&[&format!("A: b{control}c"), &format!("A{control}: b")]);
        assert_refused(&[&format!("GET /{control} HTTP/1.1\r\nHost: h\r\n\r\n")]);
    }
}

#[test]
fn a_name_with_anything_around_it_is_refused() {
    assert_headers_refused(&[
        "Client-Cert : f",
        "Client-Cert\t: f",
        " Client-Cert: f",
        "Client Cert: f",
        ": f",
        "Client-Cert",
        "\u{a0}Client-Cert: f",
        "Client\u{2d0}Cert: f",
        "(Client-Cert): f",
        "Content-Length : 1",
        "Transfer-Encoding : chunked",
    ]);
}

#[test]
fn a_connection_that_drops_what_a_server_goes_by_is_refused() {
    assert_headers_refused(&[
        "Connection: X-Client-Cert",
        "Connection: close, client-cert",
        "Connection: close,,Client_Cert ",
        "Connection: keep-alive\r\nConnection: x-client-cert-hash",
        "Connection: content-length",
        "Connection: Transfer-Encoding",
        "Connection: host",
    ]);
}

#[test]
fn a_host_that_is_not_there_exactly_once_is_refused() {
    assert_refused(&[
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    ]);
}

#[test]
fn content_that_servers_do_not_expect_is_refused() {
    for method in ["GET", "HEAD", "TRACE", "get"] {
        for framing in ["Content-Length: 1", "Transfer-Encoding: chunked"] {
            let head = format!("{method} / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n");
            assert_refused(&[&head]);
        }
    }
    assert_headers_refused(&["Expect: 200-ok", "Expect: 100-continue, x", "Expect:"]);
}

#[test]
fn a_connection_that_nobody_could_read_is_refused() {
    assert_refused(&[
        "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
        "connect h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
    ]);
}

#[test]
fn a_first_line_that_is_none_is_refused_before_anything_follows() {
    for line in [
        "GET /\r\n",
        "GET\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET\t/\tHTTP/1.1\r\n",
        "GE(T / HTTP/1.1\r\n",
        "GET /\u{85} HTTP/1.1\r\n",
        "GET / HTTP/1.1x\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "EHLO there\r\n",
        "\r\n\r\n",
        "\0",
        "\x16\x03\x01",
    ] {
        // The end of the stream alone would be told in other words.
        let (sent, refusal) = outcome(&[line.as_bytes()]);
        assert_eq!(sent, "", "{line:?}");
        assert_ne!(refusal, requests_within_head(), "{line:?}");
    }
}

/// What the end within a head is refused for.
fn requests_within_head() -> Option<Refusal> {
    outcome(&[b"G"]).1
}

#[test]
fn another_version_is_told_from_a_bad_request() {
    for line in [
        "PRI * HTTP/2.0\r\n",
        "GET / HTTP/1.2\r\n",
        "GET / HTTP/0.9\r\n",
        "GET / http/1.1\r\n",
    ] {
        let version = (String::new(), Status::Version);
        assert_eq!(refused(line), version, "{line:?}");
    }
}

#[test]
fn a_head_that_is_too_large_is_told_from_a_bad_request() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\n";
    let many = format!("{head}{}\r\n", "A: b\r\n".repeat(128));
    let long = format!("{head}A: {}", "b".repeat(64 * 1024));
    let endless = format!("GET /{}", "a".repeat(64 * 1024));
    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let trailers = format!("{chunked}A: {}", "b".repeat(64 * 1024));
    for stream in [many, long, endless, trailers] {
        assert_eq!(refused(stream).1, Status::HeadTooLarge);
    }
}

/// The head of a chunked request as it comes.
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";

/// What follows such a head is refused, behind what of it goes out.
fn assert_chunks_refused(cases: &[(&str, &str)]) {
    for (chunks, passed) in cases {
        let (sent, status) = refused(format!("{CHUNKED}\r\n{chunks}"));
        let expected = format!("{CHUNKED}{OURS}\r\n{passed}");
        assert_eq!((sent, status), (expected, Status::BadRequest), "{chunks:?}");
    }
}

#[test]
fn a_chunk_that_is_none_is_refused_at_its_first_wrong_byte() {
    assert_chunks_refused(&[
        ("\r\n", ""),
        (";a\r\n", ""),
        ("x\r\n", ""),
        ("+5\r\n", ""),
        ("-0\r\n", ""),
        (" 5\r\n", ""),
        ("5 \r\n", "5"),
        ("5\t;a\r\n", "5"),
        ("0x5\r\n", "0"),
        ("5\nhello", "5"),
        ("5\rhello", "5\r"),
        ("5;a\nhello", "5;a"),
        ("5;a\r\rhello", "5;a\r"),
        ("5;\0\r\n", "5;"),
        ("5;\u{e9}\r\n", "5;"),
        ("5\r\nhello6\r\n", "5\r\nhello"),
        ("5\r\nhello\n", "5\r\nhello"),
        ("5\r\nhello\rX", "5\r\nhello\r"),
        ("0000000000000005\r\n", "000000000000000"),
        ("FFFFFFFFFFFFFFFFF\r\n", "FFFFFFFFFFFFFFF"),
        ("0\n\n", "0"),
    ]);
    let long = format!("{CHUNKED}\r\n1;{}", "a".repeat(5000));
    assert!(refused(long).0.len() < 4096 + 200);
}

#[test]
fn trailers_that_are_none_or_say_how_to_read_are_refused_whole() {
    for trailers in [
        "A: b\r\nContent-Length: 1\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer_Encoding: chunked\r\n\r\n",
        "Host: other\r\n\r\n",
        "A: b\r\n c\r\n\r\n",
        "A : b\r\n\r\n",
        "A: b\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "A: b\r\n",
    ] {
        assert_chunks_refused(&[(&format!("0\r\n{trailers}"), "0\r\n")]);
    }
}

#[test]
fn what_came_before_a_refused_request_is_passed_on() {
    let good = "GET / HTTP/1.1\r\nHost: h\r\n";
    let (sent, _) = refused(format!("{good}\r\n{good}A : b\r\n\r\n"));
    assert_eq!(sent, format!("{good}{OURS}\r\n"));
}

#[test]
fn an_end_within_a_head_is_refused() {
    let whole = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    for len in 1..whole.len() {
        assert_refused(&[&whole[..len]]);
    }
}

#[test]
fn the_first_request_is_told_from_later_ones() {
    let good = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n";
    let mut requests = requests();
    for (piece, is_at_first) in [
        (&b"POST "[..], true),
        (&good[5..], true),
        (b"x", false),
        (good, false),
    ] {
        passed_by(&mut requests, &[piece]);
        assert_eq!(requests.is_at_first(), is_at_first, "{piece:?}");
    }
}
