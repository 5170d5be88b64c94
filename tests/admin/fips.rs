//! What there is to show of FIPS, of the program as it runs.

use serde_json::{Value, json};

use super::support::certs::TestPki;
use super::support::http::get;
use super::support::program::outcome;
use super::{ping, program};

#[test]
fn the_page_tells_what_the_command_tells_and_what_was_negotiated() {
    let pki = TestPki::new();
    let (program, admin) = program(&pki);
    let mut live = program.connect("persona");
    ping(&mut live);
    let mut page = get(admin, "/fips").json();
    let negotiated = page["negotiated"].take();
    let config = program.config.to_str().unwrap();
    let (code, told, _) = outcome(&["fips", "--json", "--config", config]);
    assert_eq!(code, 0);
    let mut told: Value = serde_json::from_str(&told).unwrap();
    for proof in [&mut page, &mut told] {
        assert_ne!(proof["proof"]["at"].take(), "");
    }
    assert_eq!(page, told);
    // The persona's handshake and the gateway's.
    assert_eq!(negotiated["version"], json!({ "TLSv1.3": 2 }));
    for kind in ["suite", "group", "signature"] {
        let counts = negotiated[kind].as_object().unwrap().values();
        let sum: u64 = counts.map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(sum, 2, "{kind}");
    }
}
