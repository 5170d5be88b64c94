//! OpenSSL's module once it is in its error state. It stays there, and so this happens in a process of its
//! own.

use std::fs;
use std::path::Path;

use mtls_persona::tls::{
    Credentials, FipsFacts, FipsFault, Material, MinVersion, PemFile, Profile, Resumption,
    Revocation, Role, hybrid_fault, is_fips, sha256_hex,
};

use super::openssl::modules;
use crate::support::alone::once_more;
use crate::support::certs::{IdentityFiles, TestPki, unix_now};

/// Names the module's file to the process that is to damage it.
const MODULE: &str = "TEST_MODULE";

/// Whether the library still makes credentials.
fn proves(pki: &TestPki, identity: &IdentityFiles) -> bool {
    let file = |path: &Path| PemFile {
        path: path.display().to_string(),
        bytes: fs::read(path).unwrap(),
    };
    let material = Material {
        cert: file(&identity.cert),
        key: file(&identity.key),
        ca: vec![file(&pki.ca)],
        pins: None,
        min_version: MinVersion::Tls12,
        resumption: Resumption::Off,
        profile: Profile::Fips,
        revocation: Revocation::default(),
    };
    Credentials::prove(&material, &[Role::Server], unix_now()).is_ok()
}

/// Puts other bytes into the place of a file; what has it mapped keeps the old ones.
fn replace(file: &Path, bytes: &[u8]) {
    let newer = file.with_extension("newer");
    fs::write(&newer, bytes).unwrap();
    fs::rename(newer, file).unwrap();
}

/// The module reads its own file again for each self-test.
fn damages(module: &Path) {
    let pki = TestPki::new();
    let identity = pki.server("localhost");
    assert!(is_fips());
    assert_eq!(sha256_hex(b"abc")[..8], *"ba7816bf");
    assert_eq!(FipsFacts::gather().fault(), None);
    assert!(proves(&pki, &identity));

    let good = fs::read(module).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    replace(module, &bad);
    let assert_in_error = || {
        let facts = FipsFacts::gather();
        assert!(facts.module.is_some());
        assert!(matches!(facts.fault(), Some(FipsFault::Unsound(_))));
        assert!(!is_fips());
        assert!(hybrid_fault().is_some());
        assert!(!proves(&pki, &identity));
        assert_eq!(sha256_hex(b"abc"), "");
    };
    assert_in_error();
    // A good file does not mend it.
    replace(module, &good);
    assert_in_error();
}

#[test]
#[ignore = "needs OpenSSL's FIPS provider: make fips-test"]
fn a_provider_in_its_error_state_is_no_fips_module_and_does_nothing_any_more() {
    if let Some(module) = std::env::var_os(MODULE) {
        return damages(Path::new(&module));
    }
    let modules = modules(|_| {});
    let module = modules.path().join("fips.so");
    once_more(
        "error_state::a_provider_in_its_error_state_is_no_fips_module_and_does_nothing_any_more",
        &[
            ("OPENSSL_MODULES", modules.path().as_os_str()),
            (MODULE, module.as_os_str()),
        ],
    );
}
