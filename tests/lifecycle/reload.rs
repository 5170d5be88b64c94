//! SIGHUP: new certificates for new connections, and nothing for those that live.

use std::fs;
use std::net::Shutdown;
use std::path::PathBuf;

use mtls_persona::tls::authority::Purpose;
use serde_json::Value;

use super::ping;
use super::support::certs::{IdentityFiles, TestPki};
use super::support::program::Program;
use super::support::wait::until;
use super::support::{backend, pairs};

/// A program and the files of its gateway's identity.
struct Subject {
    pki: TestPki,
    program: Program,
    files: IdentityFiles,
}

impl Subject {
    fn run() -> Subject {
        let pki = TestPki::new();
        let config = pairs::both(&pki, backend::echo());
        let path = |value: &Value| PathBuf::from(value.as_str().unwrap());
        let gateway = &config["address_pairs"][1];
        let files = IdentityFiles {
            cert: path(&gateway["cert"]),
            key: path(&gateway["key"]),
        };
        let program = Program::run(&config);
        Subject {
            pki,
            program,
            files,
        }
    }

    /// The serial number of the certificate that a new connection is shown by the gateway.
    fn serial(&self) -> String {
        let told = self.program.accesses("persona").len();
        let mut stream = self.program.connect("persona");
        ping(&mut stream);
        stream.shutdown(Shutdown::Write).unwrap();
        let access = self.program.access("persona", told);
        assert_eq!(access.reason(), "completed");
        access.get("outbound_serial").to_owned()
    }
}

#[test]
fn sighup_serves_new_connections_with_new_certificates_and_keeps_the_live_ones() {
    let subject = Subject::run();
    let mut live = subject.program.connect("persona");
    ping(&mut live);
    let old = subject.serial();
    let request = subject.pki.request(Purpose::Server);
    subject.pki.renew(&subject.files, &request);
    assert_eq!(subject.serial(), old, "nobody asked for it");
    subject.program.signal("HUP");
    let new = until("the new certificate", || {
        let serial = subject.serial();
        (serial != old).then_some(serial)
    });
    for _ in 0..20 {
        ping(&mut live);
    }
    // It ends as it began: with the certificate that it was shown.
    live.shutdown(Shutdown::Write).unwrap();
    until("the old connection's end", || {
        let accesses = subject.program.accesses("persona");
        let last = accesses.last()?;
        let is_old = last.get("outbound_serial") == old && last.reason() == "completed";
        (is_old && last.number("bytes_outward") == 21 * 4).then_some(())
    });
    assert_eq!(subject.serial(), new);
}

#[test]
fn a_reload_of_broken_files_keeps_the_old_certificates_serving() {
    let subject = Subject::run();
    let mut live = subject.program.connect("persona");
    ping(&mut live);
    let old = subject.serial();
    let key = fs::read(&subject.files.key).unwrap();
    let cert = fs::read(&subject.files.cert).unwrap();
    let strange = subject.pki.server("localhost");
    let expired = subject.pki.expired(Purpose::Server);
    let read = |path: &PathBuf| fs::read(path).unwrap();
    let attempts: [(Vec<u8>, Vec<u8>); 4] = [
        (cert.clone(), Vec::new()),
        (b"no certificate at all".to_vec(), key.clone()),
        (cert.clone(), read(&strange.key)),
        (read(&expired.cert), read(&expired.key)),
    ];
    for (bad_cert, bad_key) in attempts {
        fs::write(&subject.files.cert, bad_cert).unwrap();
        fs::write(&subject.files.key, bad_key).unwrap();
        subject.program.refuse_reload();
        assert_eq!(subject.serial(), old);
        ping(&mut live);
    }
    fs::remove_file(&subject.files.cert).unwrap();
    subject.program.refuse_reload();
    assert_eq!(subject.serial(), old);

    // What is put right is taken up by the next one.
    subject
        .pki
        .renew(&subject.files, &subject.pki.request(Purpose::Server));
    subject.program.signal("HUP");
    until("the new certificate", || {
        (subject.serial() != old).then_some(())
    });
    ping(&mut live);
}

#[test]
fn a_storm_of_reloads_disturbs_no_connection() {
    let subject = Subject::run();
    let base = subject.program.descriptors();
    let mut live = subject.program.connect("persona");
    for _ in 0..30 {
        let request = subject.pki.request(Purpose::Server);
        subject.pki.renew(&subject.files, &request);
        subject.program.signal("HUP");
        ping(&mut live);
        subject.serial();
    }
    ping(&mut live);
    drop(live);
    until("the descriptors to be free", || {
        (subject.program.descriptors() <= base).then_some(())
    });
}
