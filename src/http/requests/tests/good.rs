//! What is passed on, and how.

use super::*;

#[test]
fn each_request_of_a_connection_gets_the_headers() {
    let heads = [
        "GET /a HTTP/1.1\r\nHost: h\r\n",
        "HEAD /b HTTP/1.1\r\nhost: h\r\n",
        "GET / HTTP/1.0\r\n",
    ];
    let stream = heads.map(|head| format!("{head}\r\n")).concat();
    let out = heads.map(|head| format!("{head}{OURS}\r\n")).concat();
    assert_eq!(passed(stream), out);
}

#[test]
fn content_of_a_length_passes_as_it_is_even_if_it_looks_like_a_request() {
    let body = "GET / HTTP/1.1\r\nClient-Cert: :forged:\r\n\r\n";
    let length = body.len();
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n");
    let next = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n";
    assert_eq!(
        passed(format!("{head}\r\n{body}{next}\r\n")),
        format!("{head}{OURS}\r\n{body}{next}{OURS}\r\n")
    );
}

#[test]
fn behind_content_that_a_server_may_not_read_it_is_to_close() {
    let close = "Connection: close\r\n";
    for method in ["DELETE", "OPTIONS", "delete"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: h\r\n");
        for content in [
            "Content-Length: 2\r\n\r\nab",
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            let (framing, content) = content.split_once("\r\n").unwrap();
            assert_eq!(
                passed(format!(
                    "{head}connection: keep-alive\r\n{framing}\r\n{content}"
                )),
                format!("{head}{framing}\r\n{close}{OURS}{content}")
            );
        }
        for none in ["Connection: keep-alive\r\n", "Content-Length: 0\r\n"] {
            let expected = format!("{head}{none}{OURS}\r\n");
            assert_eq!(passed(format!("{head}{none}\r\n")), expected);
        }
    }
}

#[test]
fn chunks_pass_as_they_are_with_extensions_and_trailers() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n";
    let chunks = "5;a=b;c=\"d e\"\r\nhel\r\n\r\n0A\r\n0123456789\r\n000;last\r\nTrail: er\r\n\r\n";
    let next = "GET / HTTP/1.1\r\nHost: h\r\n";
    assert_eq!(
        passed(format!("{head}\r\n{chunks}{next}\r\n")),
        format!("{head}{OURS}\r\n{chunks}{next}{OURS}\r\n")
    );
}

#[test]
fn forged_headers_are_left_out_of_heads_and_trailers() {
    let forged = "Client-Cert: :f:\r\nCLIENT-CERT-CHAIN: :f:\r\nx-client-cert: f\r\n\
                  X_Client_Cert: f\r\nX-Client-Cert-Hash: f\r\nx.client-cert: f\r\n\
                  Client-Cert: again\r\nclient_cert:\r\n";
    let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(
        passed(format!(
            "{head}{forged}\r\n0\r\n{forged}Trail: er\r\n{forged}\r\n"
        )),
        format!("{head}{OURS}\r\n0\r\nTrail: er\r\n\r\n")
    );
}

#[test]
fn without_a_certificate_forged_headers_are_left_out_and_nothing_is_put_in() {
    let mut requests = Requests::new(Vec::new());
    let stream = b"GET / HTTP/1.1\r\nHost: h\r\nX-Client-Cert: f\r\n\r\n";
    let outcome = passed_by(&mut requests, &[stream]);
    let expected = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned();
    assert_eq!(outcome, (expected, None));
}

#[test]
fn spaces_around_a_value_are_no_part_of_it() {
    let head = "GET / HTTP/1.1\r\nHost:h\r\nA:  b c \t \r\nEmpty:\r\n\r\n";
    assert_eq!(
        passed(head),
        format!("GET / HTTP/1.1\r\nHost: h\r\nA: b c\r\nEmpty: \r\n{OURS}\r\n")
    );
}

#[test]
fn a_server_hears_nothing_of_a_client_that_waits_for_100_continue() {
    let head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n";
    let stream = format!("{head}Expect: 100-Continue\r\n\r\n");
    assert_eq!(passed(stream), format!("{head}{OURS}\r\n"));
}

#[test]
fn only_of_a_first_request_in_http_1_1_it_is_told_once_that_its_client_waits() {
    let head = "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n";
    let mut requests = requests();
    assert!(!requests.take_continue());
    passed_by(&mut requests, &[head.as_bytes()]);
    assert!(requests.take_continue() && !requests.take_continue());
    passed_by(&mut requests, &[head.as_bytes()]);
    assert!(!requests.take_continue());
    for other in [
        head.replace("/1.1", "/1.0"),
        head.replace("Expect", "Expects"),
        // An answer to the second one would come in the place of that to the first.
        head.repeat(2),
    ] {
        let mut requests = super::requests();
        passed_by(&mut requests, &[other.as_bytes()]);
        assert!(!requests.take_continue(), "{other}");
    }
}

#[test]
fn one_empty_line_before_a_request_is_left_out() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\n";
    assert_eq!(
        passed(format!("\r\n{head}\r\n\r\n{head}\r\n\r\n")),
        format!("{head}{OURS}\r\n").repeat(2)
    );
}

/// A request that asks for another protocol.
fn upgrade(to: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: {to}\r\n")
}

#[test]
fn a_websocket_waits_for_its_answer_and_is_passed_on_unread_behind_a_101() {
    let mut requests = requests();
    let head = format!("{}\r\n", upgrade("WebSocket"));
    let frames = b"\x81\0Client-Cert: f\r\n";
    let mut out = Buffer::default();
    let stream = [head.as_bytes(), frames].concat();
    assert_eq!(requests.take(&stream, &mut out), Ok(head.len()));
    let sent = text(out.data().to_vec());
    assert_eq!(sent, format!("{}{OURS}\r\n", upgrade("WebSocket")));
    out.clear();
    assert_eq!(requests.take(frames, &mut out), Ok(0));
    assert!(requests.is_waiting() && !requests.take_whole(frames));
    requests.answered(true);
    let expected = (text(frames.to_vec()), None);
    assert_eq!(passed_by(&mut requests, &[frames]), expected);
}

#[test]
fn behind_an_upgrade_that_is_not_granted_requests_are_read_as_ever() {
    let mut requests = requests();
    let head = format!("{}\r\n", upgrade("websocket"));
    passed_by(&mut requests, &[head.as_bytes()]);
    assert!(requests.is_waiting());
    requests.answered(false);
    let forged = b"GET / HTTP/1.1\r\nHost: h\r\nClient-Cert: f\r\n\r\n";
    let (sent, _) = passed_by(&mut requests, &[forged]);
    assert_eq!(sent, format!("GET / HTTP/1.1\r\nHost: h\r\n{OURS}\r\n"));
}

#[test]
fn every_other_upgrade_is_left_out() {
    let plain = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n";
    for head in [
        upgrade("h2c") + "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        upgrade("websocket, h2c"),
        upgrade("websocket") + "Upgrade: websocket\r\n",
    ] {
        assert_eq!(passed(format!("{head}\r\n")), format!("{plain}{OURS}\r\n"));
    }
    for head in [
        upgrade("websocket").replace("GET", "OPTIONS"),
        upgrade("websocket").replace("/1.1", "/1.0"),
    ] {
        assert!(!passed(format!("{head}\r\n")).contains("Upgrade: "));
    }
    // Whose answer it is could not be told from the first status.
    let websocket = upgrade("websocket");
    let later = format!("GET / HTTP/1.1\r\nHost: h\r\n\r\n{websocket}\r\n");
    assert!(passed(later).ends_with(&format!("{plain}{OURS}\r\n")));
}

#[test]
fn a_head_may_have_64_kib_and_128_headers() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\n";
    let many = format!("{head}{}\r\n", "A: b\r\n".repeat(127));
    assert!(passed(many).ends_with(&format!("A: b\r\n{OURS}\r\n")));
    let filler = 64 * 1024 - head.len() - "A: \r\n\r\n".len();
    let long = format!("{head}A: {}\r\n\r\n", "b".repeat(filler));
    assert_eq!(long.len(), 64 * 1024);
    passed(long);
}

#[test]
fn many_small_requests_go_out_in_pieces_of_bounded_size() {
    const LINES: usize = 30_000;
    let mut requests = Requests::new(vec![b'x'; LINES]);
    let stream = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(100);
    let (mut rest, mut sent) = (&stream[..], 0);
    while !rest.is_empty() {
        let mut out = Buffer::default();
        let used = requests.take(rest, &mut out).unwrap();
        assert!(out.len() <= PIECE_BYTES, "{}", out.len());
        sent += out.len();
        rest = &rest[used..];
    }
    assert_eq!(sent, stream.len() + 100 * LINES);
}

#[test]
fn an_end_within_content_or_behind_it_is_one() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n";
    for content in ["", "a", "123456789"] {
        assert_eq!(outcome(&[head.as_bytes(), content.as_bytes()]).1, None);
    }
}

#[test]
fn a_long_head_leaves_no_memory_behind() {
    let mut requests = requests();
    let long = "b".repeat(60_000);
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {long}\r\n\r\n");
    passed_by(&mut requests, &[head.as_bytes()]);
    assert!(requests.held.capacity() <= KEPT_BYTES_MAX);
}
