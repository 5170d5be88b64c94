//! The certificate of the half that offers, in the requests that it passes on.

use std::io::{Read, Write};

use mtls_persona::tls::sha256_hex;

use super::pairing::Pairing;
use crate::support::backend;
use crate::support::program::PROGRAM;

/// A whole chain before an echo; what the child was told is in the file `outer`.
fn chain(flags: &[&str], inner_flags: &str) -> Pairing {
    let outbound = backend::echo();
    let script = format!(
        "read -r line; printf '%s\\n' \"$line\" >outer; \
         {{ printf '%s\\n' \"$line\"; exec cat; }} | \
         {PROGRAM} pair --accept {inner_flags} --outbound {outbound}"
    );
    Pairing::script(flags, &script)
}

/// What an echo behind the pairing got for a request that claims a certificate: the lines of its head.
fn got(pairing: &Pairing) -> Vec<String> {
    let mut stream = pairing.connect();
    let request = "GET / HTTP/1.1\r\nHost: h\r\nX-Client-Cert: forged\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut came = Vec::new();
    while !came.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        came.push(byte[0]);
    }
    let text = String::from_utf8(came).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What ECMAScript's `decodeURIComponent` makes of a text.
fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut decoded = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_at(2);
        decoded.push(u8::from_str_radix(code, 16).unwrap().into());
        decoded += rest;
    }
    decoded
}

#[test]
fn each_half_can_put_the_certificate_of_the_line_as_it_stands_there_into_requests() {
    for (flags, inner_flags) in [
        (&["--header"][..], ""),
        (&[], "--header"),
        (&["--header"], "--header"),
    ] {
        let pairing = chain(flags, inner_flags);
        let head = got(&pairing);
        let line: serde_json::Value = serde_json::from_str(&pairing.told("outer")).unwrap();
        let pem = line["cert"].as_str().unwrap();
        let values = |name: &str| -> Vec<String> {
            let lines = head.iter().filter_map(|line| line.split_once(": "));
            let found = lines.filter(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_owned()).collect()
        };
        let certs = values("X-Client-Cert");
        assert_eq!(certs.len(), 1, "{head:?}");
        assert_eq!(decoded(&certs[0]), pem);
        assert_eq!(values("X-Client-Cert-Hash"), [sha256_hex(pem.as_bytes())]);
        let base64 = pem.lines().filter(|line| !line.starts_with('-'));
        let whole = format!(":{}:", base64.collect::<String>());
        assert_eq!(values("Client-Cert"), [whole]);
    }
}

#[test]
fn without_the_flag_requests_are_passed_on_as_they_come() {
    let pairing = chain(&[], "");
    let head = got(&pairing);
    assert_eq!(
        head,
        ["GET / HTTP/1.1", "Host: h", "X-Client-Cert: forged", ""]
    );
}
