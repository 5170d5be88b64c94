//! What a reload means to what is counted.

use std::fs;

use serde_json::{Value, json};

use super::support::certs::{TestPki, unix_now};
use super::support::metrics::Scrape;
use super::support::program::Program;
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{ping, scrape, told};

const TOTAL: &str = "mtls_persona_connections_total";

fn reload(program: &Program, config: &Value) {
    fs::write(&program.config, config.to_string()).unwrap();
    program.signal("HUP");
}

fn until_generation(program: &Program, number: u64) -> Scrape {
    until("the generation", || {
        let scrape = scrape(program);
        let now = scrape.count("mtls_persona_generation", &[]);
        (now == number).then_some(scrape)
    })
}

#[test]
fn the_series_of_a_pair_go_with_it_and_begin_anew_when_it_is_back() {
    let pki = TestPki::new();
    let all = told(pairs::both(&pki, backend::echo()));
    let mut fewer = all.clone();
    let mut other = all["address_pairs"][0].clone();
    other["name"] = json!("other");
    other["inbound"] = json!(pairs::lone_address().to_string());
    let mut all = all;
    all["address_pairs"].as_array_mut().unwrap().push(other);
    let program = Program::run(&all);
    let mut live = program.connect("other");
    ping(&mut live);
    ping(&mut program.connect("persona"));
    let before = scrape(&program);
    assert_eq!(before.count(TOTAL, &[("pair", "other")]), 1);
    assert_eq!(before.count(TOTAL, &[("pair", "persona")]), 1);

    fewer["reload_hour"] = json!(4);
    reload(&program, &fewer);
    let scrape = until_generation(&program, 2);
    assert!(!scrape.text.contains("pair=\"other\""), "{}", scrape.text);
    assert_eq!(scrape.count(TOTAL, &[("pair", "persona")]), 1);
    // Its connection goes on all the same.
    ping(&mut live);

    reload(&program, &all);
    let scrape = until_generation(&program, 3);
    assert_eq!(scrape.count(TOTAL, &[("pair", "other")]), 0);
    ping(&mut program.connect("other"));
    let after = super::scrape(&program);
    assert_eq!(after.count(TOTAL, &[("pair", "other")]), 1);
}

#[test]
fn reloads_are_counted_by_what_they_came_to() {
    let pki = TestPki::new();
    let config = told(pairs::both(&pki, backend::echo()));
    let program = Program::run(&config);
    let figures = |scrape: &Scrape| {
        let reloads = ["success", "failure"]
            .map(|result| scrape.count("mtls_persona_reloads_total", &[("result", result)]));
        let failing = scrape.count("mtls_persona_reload_failing", &[]);
        (reloads, failing)
    };
    let start = scrape(&program);
    assert_eq!(figures(&start), ([0, 0], 0));
    let since = "mtls_persona_last_reload_success_timestamp_seconds";
    assert!(start.count(since, &[]) > 1_700_000_000);
    let generation = |scrape: &Scrape| scrape.count("mtls_persona_generation", &[]);
    assert_eq!(generation(&start), 1);

    reload(&program, &json!({ "nonsense": true }));
    let failed = until("the failure", || {
        let scrape = scrape(&program);
        (figures(&scrape) == ([0, 1], 1)).then_some(scrape)
    });
    assert_eq!(generation(&failed), 1);
    ping(&mut program.connect("persona"));

    reload(&program, &config);
    let done = until_generation(&program, 2);
    assert_eq!(figures(&done), ([1, 1], 0));
}

#[test]
fn a_pair_keeps_its_counts_under_another_name() {
    let pki = TestPki::new();
    let mut config = told(pairs::both(&pki, backend::echo()));
    config["address_pairs"][0]["inbound"] = json!(pairs::lone_address().to_string());
    let program = Program::run(&config);
    ping(&mut program.connect("persona"));
    config["address_pairs"][0]["name"] = json!("renamed");
    reload(&program, &config);
    let scrape = until_generation(&program, 2);
    assert_eq!(scrape.count(TOTAL, &[("pair", "renamed")]), 1);
    assert!(!scrape.has(TOTAL, &[("pair", "persona")]));
}

#[test]
fn the_dates_of_certificates_and_revocation_lists_are_told() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    let (fresh, overdue) = (pki.crl(&[]), pki.overdue());
    let overdue = pki.write_crl(pki.list(pki.intermediate(), &[], overdue));
    config["crl"] = json!(fresh);
    config["address_pairs"][1]["crl"] = json!(overdue);
    let program = Program::run(&told(config.clone()));
    let scrape = scrape(&program);
    let days = |days: f64| days * 86_400.0;
    let cert = config["cert"].as_str().unwrap();
    let own = [("pair", "persona"), ("file", cert)];
    let left = scrape.sum("mtls_persona_certificate_remaining_seconds", &own);
    assert!((days(29.9)..=days(30.0)).contains(&left), "{left}");
    let end = scrape.sum("mtls_persona_certificate_not_after_timestamp_seconds", &own);
    assert!(((end - left) - unix_now() as f64).abs() < 100.0, "{end}");

    let authorities = scrape.sum(
        "mtls_persona_authority_not_after_timestamp_seconds",
        &[("pair", "persona")],
    );
    // The root's and the intermediate's.
    assert!(authorities > 2.0 * unix_now() as f64, "{authorities}");

    let (age, left) = (
        "mtls_persona_crl_age_seconds",
        "mtls_persona_crl_remaining_seconds",
    );
    let of_file = |pair, file| [("pair", pair), ("file", file)];
    let of_fresh = of_file("persona", fresh.to_str().unwrap());
    // Those of the root and of the intermediate, made five minutes ago for 30 days.
    assert!((600.0..900.0).contains(&scrape.sum(age, &of_fresh)));
    assert!((days(59.8)..=days(60.0)).contains(&scrape.sum(left, &of_fresh)));
    let of_overdue = of_file("gateway", overdue.to_str().unwrap());
    assert!((days(1.0)..days(1.1)).contains(&scrape.sum(age, &of_overdue)));
    assert!((-400.0..=-60.0).contains(&scrape.sum(left, &of_overdue)));
}
