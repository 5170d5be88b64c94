#![allow(clippy::unwrap_used)]

use super::*;

fn ends(source: &str, destination: &str) -> Ends {
    Ends {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    }
}

fn v4() -> Ends {
    ends("192.0.2.7:56324", "198.51.100.9:443")
}

fn v6() -> Ends {
    ends("[2001:db8::7]:1", "[2001:db8::9]:65535")
}

/// A header of version 2 from its command, its family and what follows the length.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([command, family]);
    bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    bytes.extend(rest);
    bytes
}

const TCP4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 9, 0xDC, 0x04, 1, 0xBB];

/// Headers that are good, with what they tell.
fn good() -> Vec<(Vec<u8>, Option<Ends>)> {
    let text = |line: &str| line.as_bytes().to_vec();
    let with_tlv = [&TCP4[..], &[0x05, 0, 2, 7, 7]].concat();
    let mut six = vec![0; 36];
    six[..16].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    six[16..32].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    six[32..].copy_from_slice(&[0, 1, 0xff, 0xff]);
    let longest_unknown = format!("PROXY UNKNOWN {}\r\n", "f".repeat(91));
    assert_eq!(longest_unknown.len(), 107);
    vec![
        (
            text("PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\n"),
            Some(v4()),
        ),
        (
            text("PROXY TCP6 2001:db8::7 2001:DB8:0:0:0:0:0:9 1 65535\r\n"),
            Some(v6()),
        ),
        (
            text("PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n"),
            Some(ends("0.0.0.0:0", "255.255.255.255:0")),
        ),
        (text("PROXY UNKNOWN\r\n"), None),
        (text("PROXY UNKNOWN ffff::1 what ever it says\r\n"), None),
        (text(&longest_unknown), None),
        (binary(0x21, 0x11, &TCP4), Some(v4())),
        (binary(0x21, 0x11, &with_tlv), Some(v4())),
        (binary(0x21, 0x21, &six), Some(v6())),
        // For the sender itself, whatever its family says.
        (binary(0x20, 0x00, &[]), None),
        (binary(0x20, 0x11, &TCP4), None),
        (binary(0x20, 0x11, &[]), None),
        (binary(0x20, 0xff, &[1, 2, 3]), None),
        // Unspecified, and what is taken as that: UDP, UNIX sockets, a family or a protocol alone.
        (binary(0x21, 0x00, &[]), None),
        (binary(0x21, 0x00, &TCP4), None),
        (binary(0x21, 0x12, &TCP4), None),
        (binary(0x21, 0x31, &[b'/'; 216]), None),
        (binary(0x21, 0x10, &TCP4), None),
        (binary(0x21, 0x01, &[]), None),
        (
            binary(0x21, 0x11, &[&TCP4[..], &[4; 4068]].concat()),
            Some(v4()),
        ),
    ]
}

#[test]
fn a_header_is_read_whole_however_it_is_cut_and_not_a_byte_beyond_it() {
    for (bytes, ends) in good() {
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Ok(None), "{cut} of {bytes:?}");
        }
        let len = bytes.len();
        for behind in [&b""[..], b"\r", b"\r\n", b"PROXY UNKNOWN\r\n", SIGNATURE] {
            let more = [&bytes, behind].concat();
            assert_eq!(
                parse(&more),
                Ok(Some(Header { len, ends })),
                "{behind:?} behind {bytes:?}"
            );
        }
    }
}

#[test]
fn what_begins_like_no_header_is_told_to_have_none_at_its_first_byte() {
    for text in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"SSH-2.0-x\r\n",
        b"proxy TCP4 ",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
    ] {
        for len in 1..=text.len() {
            assert_eq!(parse(&text[..len]), Err(HeaderError::Missing), "{text:?}");
        }
    }
    for text in [
        &b"PROXYTCP4 "[..],
        b"\r\n\r\n\0\r\nQUIT\r\n",
        b"PROXZ",
        b"\r\n\n",
    ] {
        assert_eq!(parse(text), Err(HeaderError::Missing), "{text:?}");
    }
}

#[test]
fn a_line_that_breaks_a_rule_is_refused() {
    let too_long = format!("PROXY UNKNOWN {}\r\n", "f".repeat(92));
    let endless = "PROXY ".to_owned() + &"x".repeat(100);
    for line in [
        "PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\rx",
        "PROXY TCP4 192.0.2.7 198.51.100.9 56324 443 \r\n",
        "PROXY TCP4  192.0.2.7 198.51.100.9 56324 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 56324 443 1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 +80 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 080 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 00 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 -1 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 65536 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.9 443 \r\n",
        "PROXY TCP4 192.0.02.7 198.51.100.9 1 2\r\n",
        "PROXY TCP4 192.0.2 198.51.100.9 1 2\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.9 1 2\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::9 1 2\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.9 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY TCP6 [::1] [::1] 1 2\r\n",
        "PROXY TCP4 localhost localhost 1 2\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.9 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "PROXY  UNKNOWN\r\n",
        "PROXY unknown\r\n",
        &too_long,
        &endless,
    ] {
        let told = parse(line.as_bytes());
        assert!(
            matches!(told, Err(HeaderError::Invalid(_))),
            "{line:?}: {told:?}"
        );
    }
    let told = parse(b"PROXY TCP4 \xff\xfe 198.51.100.9 1 2\r\n");
    assert!(matches!(told, Err(HeaderError::Invalid(_))));
}

#[test]
fn a_binary_header_that_breaks_a_rule_is_refused_as_soon_as_that_is_seen() {
    let too_long = binary(0x21, 0x11, &[4; 4081]);
    for (bytes, seen_at) in [
        (binary(0x11, 0x11, &TCP4), 13),
        (binary(0x31, 0x11, &TCP4), 13),
        (binary(0x22, 0x11, &TCP4), 13),
        (binary(0x2f, 0x11, &TCP4), 13),
        (binary(0x21, 0x41, &TCP4), 14),
        (binary(0x21, 0x13, &TCP4), 14),
        (binary(0x21, 0x11, &TCP4[..11]), 16),
        (binary(0x21, 0x21, &[0; 35]), 16),
        (too_long, 16),
    ] {
        assert_eq!(parse(&bytes[..seen_at - 1]), Ok(None));
        let told = parse(&bytes[..seen_at]);
        assert!(matches!(told, Err(HeaderError::Invalid(_))), "{bytes:?}");
    }
}

/// Numbers that look random and are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// Whatever comes: an answer never changes with more bytes, and there is one within the bound.
fn assert_steady(bytes: &[u8]) {
    let mut answer = Ok(None);
    for len in 0..=bytes.len() {
        let now = parse(&bytes[..len]);
        if answer != Ok(None) {
            assert_eq!(now, answer, "{len} of {bytes:?}");
        } else if let Ok(Some(header)) = now {
            assert_eq!(header.len, len, "{bytes:?}");
        }
        answer = now;
    }
    let mut filled = bytes.to_vec();
    filled.resize(HEADER_BYTES_MAX, b'x');
    assert_ne!(parse(&filled), Ok(None), "{bytes:?}");
}

#[test]
fn damaged_headers_and_noise_get_one_answer_that_more_bytes_do_not_change() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let good: Vec<_> = good().into_iter().map(|(bytes, _)| bytes).collect();
    for round in 0..4000 {
        let mut bytes = good[round % good.len()].clone();
        bytes.truncate(300);
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 if bytes.len() > 1 => drop(bytes.remove(at)),
                1 => bytes.insert(at, b" \r\n0\xff"[random.below(5)]),
                2 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                _ => bytes.truncate(at + 1),
            }
        }
        assert_steady(&bytes);
        let noise = (0..random.below(40)).map(|_| u8::try_from(random.below(256)).unwrap());
        assert_steady(&noise.collect::<Vec<_>>());
    }
}

/// The types and values in a part of a header.
fn tlvs(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let [kind, high, low, rest @ ..] = bytes {
        let (value, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        found.push((*kind, value.to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty());
    found
}

fn of_plain(ends: Option<Ends>) -> Client<'static> {
    Client { ends, tls: None }
}

#[test]
fn what_is_written_is_what_is_read_in_either_version() {
    for version in [Version::V1, Version::V2] {
        for ends in [Some(v4()), Some(v6()), None] {
            let bytes = write(version, &of_plain(ends));
            let len = bytes.len();
            assert_eq!(parse(&bytes), Ok(Some(Header { len, ends })));
        }
    }
    let line = write(Version::V1, &of_plain(Some(v6())));
    assert_eq!(line, b"PROXY TCP6 2001:db8::7 2001:db8::9 1 65535\r\n");
    assert_eq!(write(Version::V1, &of_plain(None)), b"PROXY UNKNOWN\r\n");
    let unspecified = binary(0x21, 0x00, &[]);
    assert_eq!(write(Version::V2, &of_plain(None)), unspecified);
}

#[test]
fn where_one_end_alone_is_ipv4_it_is_written_as_ipv6() {
    let mixed = ends("192.0.2.7:1", "[2001:db8::9]:2");
    let both = Some(ends("[::ffff:192.0.2.7]:1", "[2001:db8::9]:2"));
    for version in [Version::V1, Version::V2] {
        let bytes = write(version, &of_plain(Some(mixed)));
        let told = parse(&bytes).unwrap().unwrap();
        assert_eq!(told.ends, both);
    }
}

#[test]
fn a_connection_for_nobody_is_local_in_version_2_and_tells_its_own_ends_in_version_1() {
    assert_eq!(
        write_unproxied(Version::V2, Some(v4())),
        binary(0x20, 0, &[])
    );
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\n";
    assert_eq!(write_unproxied(Version::V1, Some(v4())), line);
}

fn alice(uris: Vec<&str>, is_resumed: bool) -> Client<'_> {
    Client {
        ends: Some(v4()),
        tls: Some(TlsClient {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            signature: "ecdsa-with-SHA256",
            key: "EC256",
            server_name: "db.example",
            cert: Some(ClientCert { cn: "alice", uris }),
            is_resumed,
        }),
    }
}

#[test]
fn a_client_that_has_spoken_tls_is_told_with_its_certificate_and_what_was_agreed_on() {
    let client = alice(vec!["spiffe://example/a", "urn:b"], false);
    let header = write(Version::V2, &client);
    assert_eq!(header[FIXED_BYTES - 3], 0x11);
    let told = tlvs(&header[FIXED_BYTES + 12..]);
    let [authority, ssl, one, other] = told.try_into().unwrap();
    assert_eq!(authority, (0x02, b"db.example".to_vec()));
    assert_eq!(one, (0xE0, b"spiffe://example/a".to_vec()));
    assert_eq!(other, (0xE0, b"urn:b".to_vec()));
    assert_eq!((ssl.0, &ssl.1[..5]), (0x20, &[7, 0, 0, 0, 0][..]));
    let expected = [
        (0x21, &b"TLSv1.3"[..]),
        (0x23, b"TLS_AES_128_GCM_SHA256"),
        (0x24, b"ecdsa-with-SHA256"),
        (0x25, b"EC256"),
        (0x22, b"alice"),
    ];
    let expected = expected.map(|(kind, text)| (kind, text.to_vec()));
    assert_eq!(tlvs(&ssl.1[5..]), expected);
}

#[test]
fn a_resumed_session_says_that_its_certificate_was_shown_before() {
    let header = write(Version::V2, &alice(Vec::new(), true));
    let told = tlvs(&header[FIXED_BYTES + 12..]);
    assert_eq!((told[1].0, &told[1].1[..5]), (0x20, &[5, 0, 0, 0, 0][..]));
}

#[test]
fn a_client_without_a_certificate_is_not_told_to_be_verified() {
    let mut client = alice(Vec::new(), false);
    client.tls.as_mut().unwrap().cert = None;
    let header = write(Version::V2, &client);
    let told = tlvs(&header[FIXED_BYTES + 12..]);
    assert_eq!((told[1].0, &told[1].1[..5]), (0x20, &[1, 0, 0, 0, 1][..]));
}

#[test]
fn names_that_are_too_long_are_left_out_whole_and_the_header_stays_within_its_bound() {
    let long = "u".repeat(1500);
    let mut client = alice(vec![&long, &long, &long, "urn:short"], false);
    let header = write(Version::V2, &client);
    assert!(header.len() <= HEADER_BYTES_MAX);
    let uris = |header: &[u8]| {
        let told = tlvs(&header[FIXED_BYTES + 12..]).into_iter();
        let uris = told.filter(|(kind, _)| *kind == 0xE0);
        uris.map(|(_, uri)| uri.len()).collect::<Vec<_>>()
    };
    assert_eq!(uris(&header), [1500, 1500, 9]);
    let longest = "n".repeat(70_000);
    let tls = client.tls.as_mut().unwrap();
    (tls.server_name, tls.cert.as_mut().unwrap().cn) = (&longest, &longest);
    let header = write(Version::V2, &client);
    assert_eq!(parse(&header).unwrap().unwrap().len, header.len());
    let told = tlvs(&header[FIXED_BYTES + 12..]);
    assert!(told.iter().all(|(kind, _)| *kind != 0x02));
    assert!(tlvs(&told[0].1[5..]).iter().all(|(kind, _)| *kind != 0x22));
    // A header of version 1 tells none of it.
    assert_eq!(
        write(Version::V1, &client),
        write(Version::V1, &of_plain(Some(v4())))
    );
}
