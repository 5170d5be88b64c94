//! Gateways of other programs before our persona.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::certs::{IdentityFiles, TestPki};
use super::support::nginx::Nginx;
use super::support::peers::Gathered;
use super::support::program::Program;
use super::support::tap::Tap;
use super::support::{backend, openssl, pairs};
use super::{cases, looking, with_cases};

const SECRET: [u8; 5000] = [b'x'; 5000];

/// Sends what must stay secret: how reading the answer ended.
fn ask(mut stream: TcpStream) -> Result<Vec<u8>, ErrorKind> {
    let mut answer = vec![0; SECRET.len()];
    let asked = stream
        .write_all(&SECRET)
        .and_then(|()| stream.read_exact(&mut answer));
    asked.map(|()| answer).map_err(|error| error.kind())
}

/// A service that echoes and counts its connections.
fn counted() -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let echo = backend::echo();
    let address = backend::service(move |mut stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        let mut back = TcpStream::connect(echo).unwrap();
        let mut piece = [0; SECRET.len()];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            back.write_all(&piece[..count]).unwrap();
            back.read_exact(&mut piece[..count]).unwrap();
            if stream.write_all(&piece[..count]).is_err() {
                return;
            }
        }
    });
    (address, count)
}

#[test]
fn a_revoked_openssl_server_gets_not_a_byte_of_the_application() {
    let pki = TestPki::new();
    let (revoked, good) = (pki.server("localhost"), pki.server("localhost"));
    let crl = pki.crl(&[&revoked]);
    for version in ["-tls1_2", "-tls1_3"] {
        let try_it = |identity: &IdentityFiles| {
            let mut process = openssl::server(identity, &[version]);
            let (input, output) = process.pipes();
            let received = Gathered::of(output);
            let tap = Tap::before(([127, 0, 0, 1], process.port).into());
            let config = looking(pairs::client(&pki, tap.address), &[&crl]);
            let program = Program::run(&config);
            let mut stream = program.connect("persona");
            stream.write_all(&SECRET).unwrap();
            (program, stream, received, tap, (process, input))
        };
        let (program, mut stream, received, tap, _process) = try_it(&revoked);
        let end = stream.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "{version}");
        let access = program.access("persona", 0);
        assert_eq!(access.reason(), "cert_revoked", "{version}: {access:?}");
        assert_eq!(access.get("leg"), "outbound", "{version}");
        let said = tap.conversation(0).outward;
        assert!(said.len() < SECRET.len(), "{version}: {}", said.len());
        assert_eq!(received.text(), "", "{version}");

        let (_program, _stream, received, _tap, _process) = try_it(&good);
        assert_eq!(received.until_len(SECRET.len()), SECRET, "{version}");
    }
}

#[test]
fn a_revoked_nginx_is_refused_before_it_connects_to_its_service() {
    let pki = TestPki::new();
    let (revoked, good) = (pki.server("localhost"), pki.server("localhost"));
    let crl = pki.crl(&[&revoked]);
    let (service, connections) = counted();
    let nginx = Nginx::before(service, &revoked, &pki.ca);
    for address in [nginx.tls12(), nginx.tls13()] {
        let config = looking(pairs::client(&pki, address), &[&crl]);
        let program = Program::run(&config);
        let outcome = ask(program.connect("persona"));
        assert_eq!(outcome, Err(ErrorKind::ConnectionReset));
        assert_eq!(program.access("persona", 0).reason(), "cert_revoked");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    let nginx = Nginx::before(service, &good, &pki.ca);
    let config = looking(pairs::client(&pki, nginx.tls13()), &[&crl]);
    let program = Program::run(&config);
    assert_eq!(ask(program.connect("persona")), Ok(SECRET.to_vec()));
}

#[test]
fn lists_of_an_authority_above_a_gateway_count_as_the_configuration_says() {
    let pki = TestPki::new();
    let cases = cases(&pki);
    let (service, _) = counted();
    let nginx = Nginx::before(service, &pki.server("localhost"), &pki.ca);
    let config = pairs::client(&pki, nginx.tls13());
    let program = Program::run(&with_cases(config, &cases));
    for (number, case) in cases.iter().enumerate() {
        let pair = number.to_string();
        let what = format!("{number}: {} {}", case.keys, case.reason);
        let outcome = ask(program.connect(&pair));
        assert_eq!(
            outcome.is_ok(),
            case.reason.is_empty(),
            "{what}: {outcome:?}"
        );
        if !case.reason.is_empty() {
            let access = program.access(&pair, 0);
            assert_eq!(access.reason(), case.reason, "{what}: {access:?}");
        }
    }
}
