//! A gateway that watches its files, and what its clients are shown.

use std::time::Instant;

use mtls_persona::tls::authority::Purpose;
use serde_json::Value;

use super::support::certs::{IdentityFiles, TestPki};
use super::support::program::Program;
use super::support::tls::TlsPeer;
use super::support::wait::{PATIENCE, until};
use super::support::{backend, openssl, pairs};
use super::{alice, ping};

/// Exchanges in a row. Files are read every ten seconds without a sign, too: by that alone so many would
/// take longer than [`PATIENCE`].
const ROW: u64 = 8;

/// The pair `gateway` before an echo, with a connection that lives through it all.
pub(crate) struct Gateway {
    pub(crate) pki: TestPki,
    pub(crate) program: Program,
    client: IdentityFiles,
    live: TlsPeer,
}

/// The configuration of a gateway with that identity.
pub(crate) fn config(pki: &TestPki, files: &IdentityFiles) -> Value {
    let mut config = pairs::server(pki, backend::echo());
    config["cert"] = files.cert.to_str().into();
    config["key"] = files.key.to_str().into();
    pairs::with(config, "/watch", true)
}

/// A server's identity, somewhere, and its serial number.
pub(crate) fn newer(pki: &TestPki) -> (IdentityFiles, String) {
    let files = pki.issue(&pki.request(Purpose::Server));
    let [.., serial] = openssl::names(&files);
    (files, serial)
}

impl Gateway {
    /// With that identity, and watching it.
    pub(crate) fn watching(pki: TestPki, files: &IdentityFiles) -> Gateway {
        let program = Program::run(&config(&pki, files));
        Gateway::running(pki, program)
    }

    /// A program that runs already.
    pub(crate) fn running(pki: TestPki, program: Program) -> Gateway {
        let live = TlsPeer::connect(program.addr("gateway"), &alice(&pki));
        let mut gateway = Gateway {
            client: pki.client("bob"),
            live: live.unwrap(),
            pki,
            program,
        };
        gateway.live_on();
        gateway
    }

    /// The connection from the beginning lives.
    pub(crate) fn live_on(&mut self) {
        ping(&mut self.live);
    }

    /// The serial number of the certificate that a new client is shown.
    pub(crate) fn shown(&self) -> String {
        let address = self.program.addr("gateway");
        openssl::shown_serial(address, &self.client).unwrap()
    }

    /// Waits until new clients are shown that certificate.
    pub(crate) fn until_shown(&mut self, serial: &str) {
        until("the new certificate", || {
            (self.shown() == serial).then_some(())
        });
        self.live_on();
    }

    /// Waits until it has told that something is wrong.
    pub(crate) fn until_told(&self) {
        until("the refusal", || {
            (self.program.refusals() > 0).then_some(())
        });
    }

    /// Each of a row of exchanges is followed by a sign, and makes one generation and no error.
    pub(crate) fn follows(&mut self, mut exchange: impl FnMut(&IdentityFiles)) {
        let start = Instant::now();
        for done in 1..=ROW {
            let (newer, serial) = newer(&self.pki);
            exchange(&newer);
            self.until_shown(&serial);
            until("the generation's line", || {
                (self.program.generation() > done).then_some(())
            });
            assert_eq!(self.program.generation(), done + 1);
        }
        assert!(start.elapsed() < PATIENCE, "changes gave no sign");
        assert_eq!(self.program.errors(), 0);
    }
}
