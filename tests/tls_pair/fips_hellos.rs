//! The bytes of hellos under the FIPS profile: what is offered, whatever the library calls it.

use mtls_persona::tls::authority::KeyKind;

use super::fips::Party;
use super::pair::Chunks;
use super::stranger::Stranger;

const P256: u16 = 23;
const P384: u16 = 24;

/// Extensions by their numbers in the TLS registry.
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const EXTENDED_MASTER_SECRET: u16 = 23;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;

/// Not a suite: it says that renegotiation is secure (RFC 5746).
const RENEGOTIATION_INFO: u16 = 0x00ff;

/// A reader of a message's parts.
struct Part<'a>(&'a [u8]);

impl<'a> Part<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    /// A part with its length in so many bytes before it.
    fn part(&mut self, length_bytes: usize) -> Part<'a> {
        let length = self.take(length_bytes).iter();
        let length = length.fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        Part(self.take(length))
    }

    fn numbers(mut self) -> Vec<u16> {
        let mut numbers = Vec::new();
        while !self.0.is_empty() {
            numbers.push(self.number());
        }
        numbers
    }
}

/// A ClientHello or ServerHello (RFC 8446, 4.1), from the first record of a flight.
struct Hello<'a> {
    suites: Vec<u16>,
    extensions: Vec<(u16, Part<'a>)>,
}

impl<'a> Hello<'a> {
    fn read(flight: &'a [u8], kind: u8) -> Hello<'a> {
        let mut record = Part(flight);
        assert_eq!(record.take(1), [22], "no handshake");
        record.take(2);
        let mut record = record.part(2);
        assert_eq!(record.take(1), [kind]);
        let mut message = record.part(3);
        message.take(2 + 32);
        message.part(1);
        let suites = match kind {
            1 => message.part(2).numbers(),
            _ => vec![message.number()],
        };
        match kind {
            1 => drop(message.part(1)),
            _ => drop(message.take(1)),
        }
        let mut list = message.part(2);
        let mut extensions = Vec::new();
        while !list.0.is_empty() {
            extensions.push((list.number(), list.part(2)));
        }
        Hello { suites, extensions }
    }

    fn extension(&self, number: u16) -> Option<Part<'a>> {
        let mut extensions = self.extensions.iter();
        let found = extensions.find(|(one, _)| *one == number);
        found.map(|(_, part)| Part(part.0))
    }

    fn listed(&self, number: u16, length_bytes: usize) -> Vec<u16> {
        let mut part = self.extension(number).unwrap();
        part.part(length_bytes).numbers()
    }

    /// The groups of a client's key shares.
    fn shares(&self) -> Vec<u16> {
        let mut shares = self.extension(KEY_SHARE).unwrap().part(2);
        let mut groups = Vec::new();
        while !shares.0.is_empty() {
            groups.push(shares.number());
            shares.part(2);
        }
        groups
    }
}

#[test]
fn our_client_offers_what_fips_allows_and_nothing_else() {
    let party = Party::of(KeyKind::EcP256);
    let mut client = party.our_client();
    client.shake();
    let flight = client.output();
    let hello = Hello::read(&flight, 1);
    let mut suites = hello.suites.clone();
    suites.retain(|suite| *suite != RENEGOTIATION_INFO);
    suites.sort_unstable();
    let gcm = [0x1301, 0x1302, 0xc02b, 0xc02c, 0xc02f, 0xc030];
    assert_eq!(suites, gcm);
    assert_eq!(hello.listed(SUPPORTED_GROUPS, 2), [P256, P384]);
    assert_eq!(hello.shares(), [P256]);
    let mut signatures = hello.listed(SIGNATURE_ALGORITHMS, 2);
    signatures.sort_unstable();
    let allowed = [
        0x0401, 0x0403, 0x0501, 0x0503, 0x0601, 0x0804, 0x0805, 0x0806,
    ];
    assert_eq!(signatures, allowed);
    assert_eq!(hello.listed(SUPPORTED_VERSIONS, 1), [0x0304, 0x0303]);
    assert!(hello.extension(EXTENDED_MASTER_SECRET).is_some());
    for resumption in [SESSION_TICKET, PRE_SHARED_KEY, EARLY_DATA] {
        assert!(hello.extension(resumption).is_none(), "{resumption}");
    }
}

#[test]
fn our_server_answers_an_offer_of_everything_with_what_fips_allows() {
    let party = Party::of(KeyKind::EcP256);
    let everything = [
        "-tls1_3",
        "-curves",
        "X25519:P-521:P-384:P-256",
        "-ciphersuites",
        "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_256_GCM_SHA384",
    ];
    let mut server = party.our_server();
    let mut stranger = Stranger::client(Some(&party.alice), &everything);
    // With the first share it cannot do anything: it asks for another one.
    server.feed(&stranger.receive());
    let flight = server.output();
    let again = Hello::read(&flight, 2);
    let group = again.extension(KEY_SHARE).unwrap().number();
    assert!([P256, P384].contains(&group), "{group}");
    assert_eq!(again.suites, [0x1302]);
    stranger.send(&flight);
    stranger.drive(&mut server, &mut Chunks::Whole, |end| {
        end.is_open || end.refusal.is_some()
    });
    assert!(server.is_open, "{:?}", server.refusal);
    let negotiated = server.session.negotiated();
    assert_eq!(negotiated.suite, "TLS_AES_256_GCM_SHA384");
    assert_eq!(negotiated.signature, "ecdsa_secp256r1_sha256");
    assert!(["P-256", "P-384"].contains(&&*negotiated.group));
}

#[test]
fn what_our_server_asks_a_client_to_sign_with_is_what_fips_allows() {
    let party = Party::of(KeyKind::EcP256);
    // In TLS 1.2 the request is not encrypted.
    let mut server = party.our_server();
    let mut stranger = Stranger::client(Some(&party.alice), &["-tls1_2"]);
    server.feed(&stranger.receive());
    let flight = server.output();
    let hello = Hello::read(&flight, 2);
    assert_eq!(hello.suites.len(), 1);
    assert!([0xc02b, 0xc02c].contains(&hello.suites[0]));
    assert!(hello.extension(EXTENDED_MASTER_SECRET).is_some());
    let mut signatures = requested_signatures(&flight);
    signatures.sort_unstable();
    let allowed = [
        0x0401, 0x0403, 0x0501, 0x0503, 0x0601, 0x0804, 0x0805, 0x0806,
    ];
    assert_eq!(signatures, allowed);
}

/// The signature algorithms of a CertificateRequest of TLS 1.2 (RFC 5246, 7.4.4).
fn requested_signatures(flight: &[u8]) -> Vec<u16> {
    const CERTIFICATE_REQUEST: u8 = 13;
    let mut records = Part(flight);
    let mut messages = Vec::new();
    while !records.0.is_empty() {
        records.take(3);
        messages.extend_from_slice(records.part(2).0);
    }
    let mut messages = Part(&messages);
    loop {
        let kind = messages.take(1)[0];
        let mut message = messages.part(3);
        if kind == CERTIFICATE_REQUEST {
            message.part(1);
            return message.part(2).numbers();
        }
    }
}
