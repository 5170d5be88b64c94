//! How it looks: in narrow and wide windows, by day and by night.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use mtls_persona::tls::Role;
use mtls_persona::tls::authority::{Purpose, Validity};
use serde_json::{Value, json};

use super::support::certs::{TestPki, unix_now};
use super::support::program::Program;
use super::support::tls::{TlsPeer, credentials};
use super::support::wait::PATIENCE;
use super::support::{backend, pairs};
use super::{page, told};

const DAY: i64 = 86_400;

/// All that may go wrong at once: a destination that is not there, a certificate near its end, and names
/// as long as they may be.
fn config(pki: &TestPki) -> Value {
    let mut config = pairs::both(pki, backend::echo());
    config["crl"] = json!(pki.crl(&[]));
    let now = unix_now();
    let mut request = pki.request(Purpose::Client);
    request.subject.cn = Some("reporting-tool-of-the-third-floor.warehouse.example.com".to_owned());
    request.subject.org = vec!["Example Widgets and Gadgets Incorporated".to_owned()];
    request.validity = Validity {
        not_before: now - 40 * DAY,
        not_after: now + 2 * DAY,
    };
    let ending = pki.issue(&request);
    let nowhere = pairs::lone_address().to_string();
    let failing = json!({
        "name": "warehouse-reporting-database-of-the-third-floor", "inbound": "127.0.0.1:0",
        "outbound": nowhere, "server_name": "localhost", "cert": ending.cert, "key": ending.key,
    });
    config["address_pairs"]
        .as_array_mut()
        .unwrap()
        .push(failing);
    told(config)
}

/// A running program with all of that, under traffic until it is dropped.
fn scene(pki: &TestPki) -> Program {
    let config = config(pki);
    let program = Program::run(&config);
    drop(program.connect("warehouse-reporting-database-of-the-third-floor"));
    let stranger = TestPki::new();
    let uninvited = credentials(&stranger.client("mallory"), &pki.ca, Role::Client);
    drop(TlsPeer::connect(program.addr("gateway"), &uninvited));
    program.reconfigure(&json!({ "nonsense": true, "address_pairs": [{ "inbuond": ":5432" }] }));
    program.refuse_reload();
    for _ in 0..3 {
        chat(&program);
    }
    program
}

/// A connection on which something always moves.
fn chat(program: &Program) {
    let mut stream = program.connect("persona");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [7; 16 * 1024];
        while stream.write_all(&buffer).is_ok() && stream.read_exact(&mut buffer).is_ok() {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    });
}

/// Asserts that a file is a picture of that width on which something is to be seen.
fn is_picture(file: &Path, width: u32) {
    let bytes = fs::read(file).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{file:?}");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(number(16), width, "{file:?}");
    assert!(number(20) > 600, "{file:?} is {} high", number(20));
    // One colour alone would take some hundreds of bytes.
    assert!(bytes.len() > 20_000, "{file:?} has {} bytes", bytes.len());
}

#[test]
fn everything_fits_into_narrow_and_wide_windows_by_day_and_by_night() {
    let pki = TestPki::new();
    let program = scene(&pki);
    let mut browser = page(&program);
    browser.until_rows("connections", |rows| rows.len() == 6);
    browser.until_rows("failures", |rows| rows.len() == 2);
    // Two figures make a line.
    browser.wait("/L/.test(document.querySelector('svg.plot path').getAttribute('d'))");
    let mut beyond = Vec::new();
    for width in [420, 800, 1160, 1300] {
        for (is_dark, scheme) in [(false, "light"), (true, "dark")] {
            browser.resize(width, is_dark);
            let file = browser.picture(&format!("page-{width}-{scheme}.png"));
            is_picture(&file, width);
        }
        let boxes = browser.value(
            "[...document.querySelectorAll('html, section, td, .tile')]\
             .filter(box => box.scrollWidth > box.clientWidth + 1)\
             .map(box => `${box.tagName} ${box.scrollWidth} in ${box.clientWidth}`)",
        );
        let states = "[...document.querySelectorAll('td .state')]\
                      .every(state => state.getClientRects().length === 1)";
        assert_eq!(browser.value(states), true, "{width}");
        if boxes != json!([]) {
            beyond.push((width, boxes));
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}

#[test]
fn by_night_the_page_is_dark() {
    let pki = TestPki::new();
    let program = super::program(&pki);
    let mut browser = page(&program);
    browser.until_rows("pairs", |rows| rows.len() == 2);
    let brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)\
                      .reduce((sum, part) => sum + Number(part), 0)";
    for (is_dark, is_bright) in [(false, true), (true, false)] {
        browser.resize(800, is_dark);
        let sum = browser.value(brightness).as_u64().unwrap();
        assert_eq!(sum > 3 * 128, is_bright, "{sum}");
    }
}
