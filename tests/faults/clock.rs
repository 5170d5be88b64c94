//! A clock on the wall that jumps. Certificates are judged by it, and nothing else is: whatever lasts, lasts
//! by a clock that goes on.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use mtls_persona::tls::{Credentials, Role};

use super::support::certs::TestPki;
use super::support::clock::Clock;
use super::support::metrics::Scrape;
use super::support::program::Program;
use super::support::tls::{self, TlsPeer, credentials, localhost};
use super::support::{backend, pairs};
use super::{assert_told, ping, told};

const DAY: i64 = 86_400;

/// Certificates of the tests are good from five minutes ago on, for this long.
const BEHIND_ITS_END: i64 = 31 * DAY;
const BEFORE_ITS_BEGINNING: i64 = -DAY;

/// Every limit that a jump could be taken for.
fn limited(config: Value) -> Value {
    let limits = json!({ "idle": "1h", "half_close": "1h", "lifetime": "2h" });
    pairs::with(told(config), "/timeouts", limits)
}

fn run(config: &Value, clock: &Clock) -> Program {
    Program::run_with(config, |command| clock.give(command))
}

/// What a client of a gateway comes to.
fn dial(program: &Program, own: &Credentials) -> io::Result<TlsPeer> {
    let mut peer = TlsPeer::connect(program.addr("gateway"), own)?;
    peer.write_all(b"ping")?;
    peer.read_exact(&mut [0; 4])?;
    Ok(peer)
}

#[test]
fn a_jump_past_the_end_of_clients_certificates_refuses_new_ones_and_cuts_nobody() {
    let (pki, clock) = (TestPki::new(), Clock::new());
    let config = limited(pairs::server(&pki, backend::echo()));
    let program = run(&config, &clock);
    let files = pki.client("alice");
    // It is known to the gateway from its first connection, and yet has no ticket.
    let dial = || dial(&program, &credentials(&files, &pki.ca, Role::Client));
    let mut live = dial().unwrap();
    for (index, (seconds, reason)) in [
        (BEHIND_ITS_END, "cert_expired"),
        (BEFORE_ITS_BEGINNING, "cert_not_yet_valid"),
    ]
    .into_iter()
    .enumerate()
    {
        clock.set(seconds);
        assert!(dial().is_err(), "{reason}");
        assert_told(&program, "gateway", 2 * index, reason);
        ping(&mut live);
        clock.set(0);
        drop(dial().unwrap());
        assert_told(&program, "gateway", 2 * index + 1, "tls_truncated");
        ping(&mut live);
    }
}

#[test]
fn a_jump_makes_no_ticket_good_for_longer() {
    let (pki, clock) = (TestPki::new(), Clock::new());
    let program = run(&limited(pairs::server(&pki, backend::echo())), &clock);
    let alice = tls::alice(&pki);
    let visit = |index| {
        // Its tickets are for the next.
        let visit = dial(&program, &alice).and_then(|mut peer| peer.end());
        let access = program.access("gateway", index);
        (
            visit.is_ok(),
            access.get("inbound_resumed") == "true",
            access,
        )
    };
    assert!(matches!(visit(0), (true, false, _)));
    assert!(
        matches!(visit(1), (true, true, _)),
        "there is nothing to be seen otherwise"
    );
    for (index, seconds, reason) in [
        (2, BEHIND_ITS_END, "cert_expired"),
        (4, BEFORE_ITS_BEGINNING, "cert_not_yet_valid"),
    ] {
        // OpenSSL takes a ticket of the future for one that is new.
        if seconds < 0 && !cfg!(feature = "boringssl") {
            break;
        }
        clock.set(seconds);
        let (_, is_resumed, access) = visit(index);
        assert_eq!((access.reason(), is_resumed), (reason, false));
        clock.set(0);
        assert!(visit(index + 1).0);
    }
}

#[test]
fn a_persona_whose_clock_jumps_refuses_gateways_until_it_is_right_again() {
    let (pki, clock) = (TestPki::new(), Clock::new());
    let gateway = tls::service(localhost(&pki), tls::echo);
    let program = run(&limited(pairs::client(&pki, gateway)), &clock);
    let mut live = program.connect("persona");
    ping(&mut live);
    for (index, (seconds, reason)) in [
        (BEHIND_ITS_END, "cert_expired"),
        // As on a machine without a battery.
        (-super::support::certs::unix_now(), "cert_not_yet_valid"),
    ]
    .into_iter()
    .enumerate()
    {
        clock.set(seconds);
        let mut refused: TcpStream = program.connect("persona");
        let end = refused.read(&mut [0]).unwrap_err();
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
        assert_told(&program, "persona", 2 * index, reason);
        ping(&mut live);
        // It still tells how it is.
        let scrape = Scrape::take(program.admin("everything"));
        let pair = [("pair", "persona")];
        assert_eq!(scrape.count("mtls_persona_active_connections", &pair), 1);
        clock.set(0);
        ping(&mut program.connect("persona"));
        // That one has ended, too.
        program.access("persona", 2 * index + 1);
        ping(&mut live);
    }
}
