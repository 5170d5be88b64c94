//! Many reloads, and many connections meanwhile.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mtls_persona::tls::authority::Purpose;
use serde_json::Value;

use super::support::certs::{IdentityFiles, TestPki};
use super::support::crowd::Crowd;
use super::support::pairs;
use super::support::program::Program;
use super::support::wait::until;
use super::{Over, ping};

/// A persona and a gateway before a crowd, and the files of both identities.
struct Chain {
    pki: TestPki,
    program: Program,
    files: [(IdentityFiles, Purpose); 2],
}

impl Chain {
    fn run(change: impl FnOnce(Value) -> Value) -> Chain {
        let pki = TestPki::new();
        let config = change(pairs::both(&pki, Crowd::start().address));
        let files = |of: &Value| {
            let path = |key: &str| of[key].as_str().unwrap().into();
            IdentityFiles {
                cert: path("cert"),
                key: path("key"),
            }
        };
        let gateway = files(&config["address_pairs"][1]);
        Chain {
            files: [
                (files(&config), Purpose::Client),
                (gateway, Purpose::Server),
            ],
            program: Program::run(&config),
            pki,
        }
    }

    /// Puts new identities in the place of both.
    fn renew(&self) {
        for (files, role) in &self.files {
            self.pki.renew(files, &self.pki.request(*role));
        }
    }

    /// One request, its end, one answer, its end.
    fn short_connection(&self, number: u64) {
        let mut stream = self.program.connect("persona");
        stream.write_all(&number.to_be_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, number.to_be_bytes());
    }
}

#[test]
fn a_thousand_reloads_leave_nothing_behind() {
    const WARM: u64 = 100;
    const ALL: u64 = 1000;
    let chain = Chain::run(|config| config);
    let mut live = chain.program.connect("persona");
    ping(&mut live);
    let base = chain.program.descriptors();
    let round = |from: u64, to: u64| {
        for number in from..to {
            // What a connection leaves with a generation must go with it.
            if number % 10 == 0 {
                chain.renew();
                chain.short_connection(number);
            }
            chain.program.reload();
        }
        until("the descriptors to return to their number", || {
            (chain.program.descriptors() <= base).then_some(())
        });
    };
    round(0, WARM);
    let warm = chain.program.memory_kib();
    round(WARM, ALL);
    let grown = chain.program.memory_kib().saturating_sub(warm);
    println!("{ALL} reloads: {warm} KiB resident after {WARM}, {grown} KiB more at the end");
    assert_eq!(chain.program.generation(), ALL + 1);
    assert!(grown < 2048, "{grown} KiB");
    ping(&mut live);
}

#[test]
fn no_connection_fails_while_certificates_are_renewed_twenty_times() {
    const LANES: u64 = 2;
    const RENEWALS: u64 = 20;
    let chain = Chain::run(|config| pairs::with(config, "/watch", true));
    chain.short_connection(0);
    let base = chain.program.descriptors();
    let (is_over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        for lane in 0..LANES {
            let (chain, is_over, count) = (&chain, &is_over, &count);
            scope.spawn(move || {
                while !is_over.load(Ordering::Acquire) {
                    chain.short_connection(lane);
                    count.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        for _ in 0..RENEWALS {
            let generation = chain.program.generation();
            chain.renew();
            until("the new generation", || {
                (chain.program.generation() > generation).then_some(())
            });
        }
    });
    println!("{} connections", count.load(Ordering::Acquire));
    until("the descriptors to return to their number", || {
        (chain.program.descriptors() <= base).then_some(())
    });
    assert_eq!(chain.program.errors(), 0);
    for pair in ["persona", "gateway"] {
        let accesses = until("every end to be told", || {
            let accesses = chain.program.accesses(pair);
            (accesses.len() as u64 >= count.load(Ordering::Acquire)).then_some(accesses)
        });
        let mut reasons = accesses.iter().map(|access| access.reason());
        assert!(reasons.all(|reason| reason == "completed"));
    }
}
