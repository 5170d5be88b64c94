//! The README says what the program does.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;

use mtls_persona::base::reason::CloseReason;
use mtls_persona::config;

const README: &str = include_str!("../README.md");

/// The cells of each row of the table that begins with this heading.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let mut lines = README.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "no table {heading:?}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells = row.trim_matches('|').split(" | ");
        cells.map(str::trim).collect()
    })
    .collect()
}

/// The code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let parts = README.split(fence.as_str()).skip(1);
    parts
        .map(|part| part.split_once("```").unwrap().0)
        .collect()
}

#[test]
fn each_reason_is_told_with_its_remedy_in_the_order_of_the_list() {
    let told = table("| reason | meaning | remedy |");
    let told: Vec<_> = told
        .iter()
        .map(|row| (row[0].trim_matches('`'), row[2]))
        .collect();
    let known: Vec<_> = CloseReason::ALL
        .iter()
        .map(|reason| match reason.remedy() {
            "" => (reason.label(), "–"),
            remedy => (reason.label(), remedy),
        })
        .collect();
    assert_eq!(told, known);
}

#[test]
fn each_fault_has_a_reason_and_a_metric_that_are_told() {
    let reasons: Vec<_> = CloseReason::ALL.iter().map(|r| r.label()).collect();
    let metrics = table("| metric | type | labels | what it tells |");
    let metrics: Vec<_> = metrics.iter().map(|row| row[0]).collect();
    let faults = table("| fault | application and service see | reason | counted, too |");
    assert!(!faults.is_empty());
    for row in faults {
        let words = |cell: &'static str| cell.split('`').skip(1).step_by(2);
        for reason in words(row[2]) {
            assert!(reasons.contains(&reason), "{reason}");
        }
        for metric in words(row[3]) {
            let name = format!("`mtls_persona_{metric}`");
            assert!(metrics.contains(&name.as_str()), "{metric}");
        }
    }
}

#[test]
fn each_configuration_is_one_that_is_accepted() {
    let configurations = blocks("json");
    assert!(!configurations.is_empty());
    for text in configurations {
        if let Err(problems) = config::parse(text) {
            panic!("{problems}\n{text}");
        }
    }
}

#[test]
fn each_file_that_it_links_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let links = README.split("](").skip(1);
    let links = links.map(|rest| rest.split_once(')').unwrap().0);
    let own: Vec<_> = links.filter(|link| !link.contains("://")).collect();
    assert!(!own.is_empty());
    for link in own {
        assert!(root.join(link).exists(), "{link}");
    }
}
