//! The keys `fips` and `fips_pq`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use mtls_persona::tls::is_fips;
use serde_json::Value;

use crate::support::certs::TestPki;
use crate::support::program::{PROGRAM, Program};
use crate::support::wait::until;
use crate::support::{backend, openssl, pairs};

/// A persona before a gateway, both with that word on FIPS.
pub fn both(pki: &TestPki, word: &str) -> Value {
    pairs::with(pairs::both(pki, backend::echo()), "/fips", word)
}

/// What a command says of a configuration: exit code, and standard error without the log's lines. It is not
/// waited for without end.
fn complaint(words: &[&str], pki: &TestPki, config: &Value) -> (i32, Vec<String>) {
    let file = pki.folder().join("fips.json");
    fs::write(&file, config.to_string()).unwrap();
    let mut command = Command::new("timeout");
    command.args(["60", PROGRAM]).args(words);
    command.arg("--config").arg(&file);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines = stderr.lines();
    let lines = lines.filter_map(|line| Some(line.strip_prefix("mtls-persona: ")?.to_owned()));
    (output.status.code().unwrap(), lines.collect())
}

fn ping(mut stream: TcpStream) {
    stream.write_all(b"ping").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"ping");
}

#[test]
fn require_runs_where_the_library_is_a_fips_module_and_nowhere_else() {
    let pki = TestPki::new();
    let config = both(&pki, "require");
    if is_fips() {
        assert_keeps_to_fips(&Program::run(&config));
        return;
    }
    for command in ["run", "check", "probe"] {
        assert_refuses(&[command], &pki, &config);
    }
}

#[test]
fn the_command_line_has_the_last_word_on_it() {
    let pki = TestPki::new();
    let off = both(&pki, "off");
    if is_fips() {
        let program = Program::run_with(&off, |command| {
            command.args(["--fips", "require"]);
        });
        assert_keeps_to_fips(&program);
        // It has it at a reload too.
        program.reconfigure(&pairs::with(off, "/timeouts/connect", "5s"));
        program.reload();
        ping(program.connect("persona"));
    } else {
        for command in ["run", "check", "probe"] {
            assert_refuses(&[command, "--fips", "require"], &pki, &off);
        }
    }
    let program = Program::run_with(&both(&pki, "require"), |command| {
        command.args(["--fips", "off"]);
    });
    ping(program.connect("persona"));
    assert_eq!(program.access("persona", 0).reason(), "completed");
}

/// Asserts that it forwards, and that both legs were negotiated within FIPS.
#[track_caller]
fn assert_keeps_to_fips(program: &Program) {
    ping(program.connect("persona"));
    for leg in ["inbound", "outbound"] {
        let pair = match leg {
            "inbound" => "gateway",
            _ => "persona",
        };
        let access = program.access(pair, 0);
        assert_eq!(access.reason(), "completed", "{access:?}");
        let group = access.get(&format!("{leg}_group")).to_owned();
        assert!(["P-256", "P-384"].contains(&&*group), "{access:?}");
        let suite = access.get(&format!("{leg}_suite")).to_owned();
        assert!(suite.contains("_AES_") && suite.contains("_GCM_"));
    }
}

/// Asserts that it does nothing, and says in one sentence that FIPS is missing.
#[track_caller]
fn assert_refuses(words: &[&str], pki: &TestPki, config: &Value) {
    let (code, told) = complaint(words, pki, config);
    assert_eq!(code, 1, "{words:?}");
    assert_eq!(told.len(), 1, "{words:?}: {told:?}");
    let begins = "fips is \"require\", but FIPS is not in effect: ";
    assert!(told[0].starts_with(begins), "{told:?}");
}

#[test]
fn off_and_auto_run_on_every_build() {
    let pki = TestPki::new();
    for word in ["off", "auto"] {
        let program = Program::run(&both(&pki, word));
        ping(program.connect("persona"));
        assert_eq!(program.access("persona", 0).reason(), "completed");
    }
}

#[test]
fn the_line_on_it_is_the_first_of_the_log_and_is_told_at_every_level() {
    let pki = TestPki::new();
    let word = if is_fips() { "require" } else { "off" };
    // Of such an address the configuration is warned about.
    let open = pairs::with(both(&pki, word), "/address_pairs/0/inbound", "0.0.0.0:0");
    for level in ["error", "info"] {
        let config = pairs::with(open.clone(), "/log/level", level);
        let program = Program::start(&config, |_| {});
        let told = || program.lines().first().cloned();
        let first = until("the first line", told);
        assert!(first.contains(" FIPS: "), "{first}");
        if level == "info" {
            until("the warning", || program.has_line(" WARN ").then_some(()));
        } else if is_fips() {
            // Until then nothing else is told.
            program.signal("HUP");
            let second = until("the second line", || program.lines().get(1).cloned());
            assert!(second.contains(" FIPS: "), "{second}");
        }
    }
}

#[test]
fn a_reload_does_not_change_it_and_is_refused_as_a_whole() {
    let pki = TestPki::new();
    let mut changes = vec![
        (
            "off",
            vec![("require", false), ("auto", false), ("auto", true)],
        ),
        (
            "auto",
            vec![("off", false), ("require", false), ("auto", true)],
        ),
    ];
    if is_fips() {
        let of_require = vec![("off", false), ("auto", false), ("require", true)];
        changes.push(("require", of_require));
    }
    for (word, others) in changes {
        let program = Program::run(&both(&pki, word));
        for (other, wants_pq) in others {
            let newer = pairs::with(both(&pki, other), "/fips_pq", wants_pq);
            program.reconfigure(&pairs::with(newer, "/address_pairs/0/name", "another"));
            program.refuse_reload();
            ping(program.connect("persona"));
            assert_eq!(program.generation(), 1, "{word}: {other}");
            assert_eq!(program.accesses("another").len(), 0);
        }
    }
}

/// Asserts that a program whose module is damaged goes on until the next proof, and then ends with one line
/// in front of its live connections. Each `cause` brings about a proof.
#[cfg(any(feature = "fips", not(feature = "boringssl")))]
pub fn assert_ends(run: impl Fn(&Value) -> Program, damage: impl Fn(&Program)) {
    let pki = TestPki::new();
    let config = pairs::with(both(&pki, "require"), "/watch", true);
    let newer = pairs::with(config.clone(), "/timeouts/connect", "5s");
    let causes: [&dyn Fn(&Program); 2] = [&|program| program.signal("HUP"), &|program| {
        program.reconfigure(&newer)
    }];
    for cause in causes {
        let mut program = run(&config);
        let live = program.connect("persona");
        ping(live.try_clone().unwrap());
        damage(&program);
        ping(live.try_clone().unwrap());
        cause(&program);
        assert_eq!(program.exit().code(), Some(1));
        until("its last line", || (program.errors() == 1).then_some(()));
        assert_eq!(program.generation(), 1);
        assert!(matches!((&live).read(&mut [0]), Ok(0) | Err(_)));
    }
}

#[test]
fn hybrids_that_the_module_does_not_compute_let_nothing_start() {
    if !is_fips() || !cfg!(feature = "boringssl") {
        return;
    }
    let pki = TestPki::new();
    let config = pairs::with(both(&pki, "require"), "/fips_pq", true);
    let (code, told) = complaint(&["run"], &pki, &config);
    assert_eq!(code, 1);
    assert!(
        told.len() == 1 && told[0].starts_with("fips_pq"),
        "{told:?}"
    );
}

#[test]
fn a_client_that_fips_does_not_have_is_refused_by_the_program() {
    if !is_fips() {
        return;
    }
    let pki = TestPki::new();
    let program = Program::run(&pairs::with(
        pairs::server(&pki, backend::echo()),
        "/fips",
        "require",
    ));
    let alice = pki.client("alice");
    let port = program.addr("gateway").port();
    let offers = [
        (
            &["-tls1_3", "-curves", "X25519"][..],
            "tls_no_common_parameters",
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
            "tls_no_common_parameters",
        ),
        (&["-tls1_1"], "tls_version"),
    ];
    for (index, (options, reason)) in offers.into_iter().enumerate() {
        let _client = openssl::client(port, Some(&alice), options);
        assert_eq!(program.access("gateway", index).reason(), reason);
    }
}
