//! What clients do with the server, whatever way leads there.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::daemon::tool;
use crate::support::psql::{Outcome, Route, outcome};

/// An answer, an error of the server, and psql's exit code for each.
pub(crate) fn queries(route: &Route) {
    let sum = route.psql("select sum(n) from generate_series(1, 1000) n");
    assert_eq!(
        (sum.code, sum.out.as_str(), sum.err.as_str()),
        (0, "500500", "")
    );

    let failed = route.psql("select 1 / 0");
    assert_eq!((failed.code, failed.out.as_str()), (1, ""));
    assert_eq!(failed.err, "ERROR:  division by zero\n");
}

/// How many lines are copied, and how long each is: 32 MB.
const LINES: usize = 125_000;
const LINE_BYTES: usize = 256;

/// Tens of megabytes go in, the server's sum over them is right, and they come out as they were.
pub(crate) fn copies(route: &Route) {
    let folder = TempDir::new().unwrap();
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    fs::write(&there, lines()).unwrap();
    route.query("drop table if exists copied; create unlogged table copied (line text)");

    let mut copy_in = route.command("psql");
    copy_in.args(["-Xq", "-c", "copy copied from stdin"]);
    let copied = outcome(copy_in.stdin(File::open(&there).unwrap()).output().unwrap());
    assert_eq!((copied.code, copied.err.as_str()), (0, ""));
    let sum = "select md5(string_agg(line || chr(10), '' order by line)) from copied";
    assert_eq!(route.query(sum), md5(&there));

    let mut copy_out = route.command("psql");
    copy_out.args([
        "-Xq",
        "-c",
        "copy (select * from copied order by line) to stdout",
    ]);
    let copied = copy_out.stdout(File::create(&back).unwrap()).output();
    assert_eq!(outcome(copied.unwrap()).code, 0);
    let is_same = fs::read(&there).unwrap() == fs::read(&back).unwrap();
    assert!(is_same, "what came back is not what was sent");
}

/// Numbered lines that do not compress or repeat.
fn lines() -> String {
    let mut text = String::with_capacity(LINES * LINE_BYTES);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for number in 0..LINES {
        let start = text.len();
        write!(text, "{number:08}").unwrap();
        while text.len() - start < LINE_BYTES - 1 - 16 {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            write!(text, "{state:016x}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn md5(file: &Path) -> String {
    let output = Command::new(tool("md5sum", &[])).arg(file).output();
    let output = outcome(output.unwrap()).out;
    output.split(' ').next().unwrap().to_owned()
}

/// pgbench's clients at a time, and how many transactions each makes.
const CLIENTS: usize = 8;
const EACH: usize = 100;

/// Makes pgbench's tables.
pub(crate) fn bench_tables(route: &Route) {
    let mut init = route.command("pgbench");
    let init = outcome(init.args(["-i", "-q", "-s", "2"]).output().unwrap());
    assert_eq!(init.code, 0, "{init:?}");
}

/// Every transaction of pgbench is done, none of them failed, and the server counts the same.
pub(crate) fn transactions(route: &Route) {
    bench_tables(route);
    let mut bench = route.command("pgbench");
    bench.args([
        "-j",
        "2",
        "-c",
        &CLIENTS.to_string(),
        "-t",
        &EACH.to_string(),
    ]);
    let bench = outcome(bench.output().unwrap());
    let all = (CLIENTS * EACH).to_string();
    assert_eq!(processed(&bench), format!("{all}/{all}"));
    let counted = route.query("select count(*) from pgbench_history");
    assert_eq!(counted, all);
}

/// How many transactions pgbench has processed, none of which may have failed.
pub(crate) fn processed(bench: &Outcome) -> &str {
    assert_eq!(bench.code, 0, "{bench:?}");
    let fact = |name: &str| {
        let mut lines = bench.out.lines();
        lines.find_map(|line| line.strip_prefix(name))
    };
    // Versions before 15 end with an error instead of counting failures.
    let failed = fact("number of failed transactions: ");
    assert!(
        failed.is_none_or(|count| count.starts_with("0 ")),
        "{bench:?}"
    );
    fact("number of transactions actually processed: ").unwrap()
}
