//! PROXY headers of both versions: read from bytes that arrive bit by bit, written, and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::net::proxy::{
    Client, ClientCert, Ends, HEADER_BYTES_MAX, TlsClient, Version, parse, write, write_unproxied,
};
use mtls_persona_fuzz::cuts::cuts;

fuzz_target!(|bytes: &[u8]| {
    let whole = parse(bytes);
    for way in cuts(bytes) {
        let mut come = 0;
        for length in way {
            come += length;
            match parse(&bytes[..come]) {
                Ok(None) => assert!(come < HEADER_BYTES_MAX),
                answer => {
                    assert_eq!(answer, whole, "more bytes have changed it");
                    break;
                }
            }
        }
    }
    let Ok(Some(header)) = whole else {
        return;
    };
    assert!(header.len <= HEADER_BYTES_MAX.min(bytes.len()));
    assert_eq!(
        parse(&bytes[..header.len]),
        whole,
        "it took more than its own"
    );
    assert_eq!(
        parse(&bytes[..header.len - 1]),
        Ok(None),
        "it took less than its own"
    );
    come_back(header.ends, &bytes[header.len..]);
});

/// What is written for those ends tells them, whatever else it tells.
fn come_back(ends: Option<Ends>, more: &[u8]) {
    let more = String::from_utf8_lossy(more);
    let mut words = more.split('\n').chain(std::iter::repeat(""));
    let mut word = || words.next().unwrap_or_default();
    let tls = TlsClient {
        version: word(),
        cipher: word(),
        signature: word(),
        key: word(),
        server_name: word(),
        is_resumed: word().is_empty(),
        cert: Some(ClientCert {
            cn: word(),
            uris: words.take(20).collect(),
        }),
    };
    let tls = Some(tls);
    let client = Client { ends, tls };
    for version in [Version::V1, Version::V2] {
        let written = write(version, &client);
        let told = parse(&written)
            .expect("what we write is one")
            .expect("it is whole");
        assert_eq!((told.len, told.ends), (written.len(), ends));
        let written = write_unproxied(version, ends);
        let told = parse(&written)
            .expect("what we write is one")
            .expect("it is whole");
        assert_eq!(told.len, written.len());
    }
}
