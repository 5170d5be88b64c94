//! `mtls-persona pki`: what it writes, how, and what it refuses; judged by the `openssl` command.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use clap::Parser;
use mtls_persona::cli::pki::{PkiArgs, PkiError, execute, run};
use support::peers;
use tempfile::TempDir;

/// The tests' time, 2030-03-17.
const NOW: i64 = 1_900_000_000;
const DAY: i64 = 86_400;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    pki: PkiArgs,
}

/// A throw-away folder with an authority in `pki`, which need not exist yet.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn empty() -> Scene {
        Scene {
            folder: TempDir::new().unwrap(),
        }
    }

    fn with(init: &[&str]) -> Scene {
        let scene = Scene::empty();
        scene.at(NOW, init).unwrap();
        scene
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("pki")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.dir()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn args(&self, words: &[&str]) -> PkiArgs {
        let dir = self.dir().to_str().unwrap().to_owned();
        let mut line = vec!["pki", "--dir", &dir];
        line.extend_from_slice(words);
        Cli::try_parse_from(line).unwrap().pki
    }

    fn at(&self, now: i64, words: &[&str]) -> Result<String, PkiError> {
        execute(&self.args(words), now)
    }

    fn now(&self, words: &[&str]) -> Result<String, PkiError> {
        self.at(NOW, words)
    }

    /// Verifies NAME.pem as it would be sent, trusting ca.pem alone.
    fn verify(&self, name: &str, options: &[&str]) -> bool {
        let now = NOW.to_string();
        let sent = format!("{name}.pem");
        let mut words = vec!["verify", "-x509_strict", "-CAfile", "ca.pem"];
        if !options.contains(&"-today") {
            words.extend_from_slice(&["-attime", &now]);
        }
        words.extend(options.iter().filter(|option| **option != "-today"));
        words.extend_from_slice(&["-untrusted", &sent, &sent]);
        self.openssl(&words).0
    }

    /// Verifies NAME.pem as [`Scene::verify`], looked up with its whole chain in crl.pem; the number of
    /// the error if it is refused.
    fn look_up(&self, name: &str) -> Option<String> {
        let now = NOW.to_string();
        let sent = format!("{name}.pem");
        let words = [
            "verify", "-CAfile", "ca.pem", "-CRLfile", "crl.pem", "-attime", &now,
        ];
        let more = ["-crl_check_all", "-x509_strict", "-untrusted", &sent, &sent];
        let (fine, text) = self.openssl(&[&words[..], &more].concat());
        let error = || {
            text.split_once("error ")
                .unwrap()
                .1
                .split(' ')
                .next()
                .unwrap()
                .to_owned()
        };
        (!fine).then(error)
    }

    /// crl.pem's lists as text, each verified with its authority.
    fn lists(&self) -> Vec<String> {
        const END: &str = "-----END X509 CRL-----\n";
        let text = self.text("crl.pem");
        let mut lists = Vec::new();
        for (list, by) in text
            .split_inclusive(END)
            .zip(["ca.pem", "intermediate.pem"])
        {
            fs::write(self.file("one.crl"), list).unwrap();
            let words = [
                "crl", "-in", "one.crl", "-noout", "-text", "-verify", "-CAfile", by,
            ];
            let (fine, text) = self.openssl(&words);
            assert!(fine && text.contains("verify OK"), "{text}");
            lists.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        fs::remove_file(self.file("one.crl")).unwrap();
        lists
    }

    /// NAME.pem as text, with the runs of spaces made one.
    fn describe(&self, name: &str) -> String {
        let sent = format!("{name}.pem");
        let (fine, text) = self.openssl(&["x509", "-in", &sent, "-noout", "-text"]);
        assert!(fine, "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn openssl(&self, words: &[&str]) -> (bool, String) {
        let mut command = peers::command("openssl");
        let output = command.args(words).current_dir(self.dir()).output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn certificates(text: &str) -> usize {
    text.matches("BEGIN CERTIFICATE").count()
}

#[track_caller]
fn assert_error(result: Result<String, PkiError>, exit_code: u8, parts: &[&str]) {
    let error = result.unwrap_err();
    let said = error.to_string();
    assert_eq!(error.exit_code(), exit_code, "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is missing in {said}");
    }
}

#[test]
fn an_authority_a_server_and_a_client_verify_each_for_its_role() {
    let scene = Scene::with(&["init"]);
    scene.now(&["server", "db.example.org"]).unwrap();
    scene.now(&["client", "alice"]).unwrap();
    let host = ["-verify_hostname", "db.example.org"];
    assert!(scene.verify(
        "db.example.org",
        &["-purpose", "sslserver", host[0], host[1]]
    ));
    assert!(!scene.verify("db.example.org", &["-purpose", "sslclient"]));
    assert!(scene.verify("alice", &["-purpose", "sslclient"]));
    assert!(!scene.verify("alice", &["-purpose", "sslserver"]));
    let expected = [
        "alice.key",
        "alice.pem",
        "ca.key",
        "ca.pem",
        "db.example.org.key",
    ];
    let expected = expected.into_iter().chain(["db.example.org.pem"]);
    assert_eq!(scene.names(), expected.map(str::to_owned).collect());
}

#[test]
fn keys_are_for_their_owner_alone_and_certificates_for_everyone() {
    let scene = Scene::with(&["init", "--intermediate"]);
    scene.now(&["client", "alice"]).unwrap();
    fs::write(scene.file("plain"), "").unwrap();
    let for_everyone = mode(&scene.file("plain")) & 0o644; // what the umask leaves of it
    for stem in ["ca", "intermediate", "alice"] {
        assert_eq!(mode(&scene.file(&format!("{stem}.key"))), 0o600, "{stem}");
        let certificate = mode(&scene.file(&format!("{stem}.pem")));
        assert_eq!(certificate, for_everyone, "{stem}");
        assert!(
            scene
                .text(&format!("{stem}.key"))
                .starts_with("-----BEGIN PRIVATE KEY-----")
        );
    }
}

#[test]
fn an_intermediate_signs_without_the_key_of_its_root_and_is_sent_along() {
    let scene = Scene::with(&["init", "--intermediate", "--name", "Lab"]);
    fs::remove_file(scene.file("ca.key")).unwrap();
    scene.now(&["server", "localhost"]).unwrap();
    assert_eq!(certificates(&scene.text("localhost.pem")), 2);
    assert_eq!(certificates(&scene.text("ca.pem")), 1);
    assert!(
        scene
            .describe("localhost")
            .contains("Issuer: CN = Lab intermediate")
    );
    assert!(scene.verify("localhost", &["-purpose", "sslserver"]));
}

#[test]
fn every_kind_of_key_can_be_chosen_for_the_authority_and_the_leaf() {
    for (choice, shown) in [
        ("p256", "NIST CURVE: P-256"),
        ("p384", "NIST CURVE: P-384"),
        ("rsa2048", "Public-Key: (2048 bit)"),
        ("rsa3072", "Public-Key: (3072 bit)"),
    ] {
        let scene = Scene::with(&["init", "--key", choice]);
        scene.now(&["client", "alice", "--key", choice]).unwrap();
        for name in ["ca", "alice"] {
            assert!(scene.describe(name).contains(shown), "{name} {choice}");
        }
        assert!(scene.verify("alice", &[]), "{choice}");
    }
}

#[test]
fn a_server_without_given_names_is_named_after_its_host() {
    let scene = Scene::with(&["init"]);
    for (name, shown) in [
        ("gateway", "DNS:gateway"),
        ("192.0.2.1", "IP Address:192.0.2.1"),
        ("::1", "IP Address:0:0:0:0:0:0:0:1"),
    ] {
        scene.now(&["server", name]).unwrap();
        let text = scene.describe(name);
        assert!(
            text.contains(&format!("Alternative Name: {shown} ")),
            "{text}"
        );
    }
}

#[test]
fn given_names_of_a_server_replace_the_one_of_its_host() {
    let scene = Scene::with(&["init"]);
    let words = [
        "server",
        "gateway",
        "--dns",
        "*.a.example",
        "--dns",
        "b.example",
        "--ip",
        "::1",
    ];
    scene.now(&words).unwrap();
    let names = "Alternative Name: DNS:*.a.example, DNS:b.example, IP Address:0:0:0:0:0:0:0:1 ";
    let text = scene.describe("gateway");
    assert!(
        text.contains(names) && text.contains("Subject: CN = gateway "),
        "{text}"
    );
    scene
        .now(&["server", "the other gateway", "--ip", "192.0.2.1"])
        .unwrap();
    let text = scene.describe("the other gateway");
    assert!(
        text.contains("Alternative Name: IP Address:192.0.2.1 "),
        "{text}"
    );
}

#[test]
fn a_server_that_no_client_could_verify_is_refused() {
    let scene = Scene::with(&["init"]);
    let words = ["server", "the gateway"];
    assert_error(scene.now(&words), 2, &["the gateway", "give --dns or --ip"]);
}

#[test]
fn a_client_carries_every_name_it_was_given() {
    let scene = Scene::with(&["init"]);
    let spiffe = "spiffe://example.org/orgs/acme/users/alice";
    let words = [
        "client", "alice", "--ou", "payments", "--ou", "ledger", "--org", "Acme",
    ];
    let more = ["--uri", spiffe, "--dns", "alice.example"];
    scene.now(&[&words[..], &more].concat()).unwrap();
    let text = scene.describe("alice");
    let subject = "Subject: O = Acme, OU = payments, OU = ledger, CN = alice ";
    let names = format!("Alternative Name: DNS:alice.example, URI:{spiffe} ");
    assert!(text.contains(subject) && text.contains(&names), "{text}");
}

#[test]
fn a_server_can_have_both_roles() {
    let scene = Scene::with(&["init"]);
    scene.now(&["server", "bridge", "--both"]).unwrap();
    for role in ["sslserver", "sslclient"] {
        assert!(scene.verify("bridge", &["-purpose", role]), "{role}");
    }
}

#[test]
fn names_that_would_inject_others_are_refused_and_leave_nothing_behind() {
    let scene = Scene::with(&["init"]);
    let before = scene.names();
    for words in [
        ["server", "x", "--dns", "a.example,DNS:evil.example"],
        ["server", "x", "--dns", "a.example\nDNS:evil.example"],
        ["client", "x", "--uri", "spiffe://a/b,URI:spiffe://a/c"],
        ["client", "x", "--ou", "a\nb"],
    ] {
        assert_error(
            scene.now(&words),
            2,
            &[words[3].escape_debug().to_string().as_str()],
        );
    }
    assert_eq!(scene.names(), before);
}

#[test]
fn file_names_cannot_leave_the_folder_or_touch_the_authority() {
    let scene = Scene::with(&["init", "--intermediate"]);
    let before = scene.names();
    let long = "a".repeat(201);
    for name in [
        "",
        ".",
        "..",
        "../x",
        "/tmp/x",
        "a/b",
        "a/../../x",
        "-x",
        "--",
        ".hidden",
        "a\0b",
        "a\nb",
        "a\\b",
        "*.example.org",
        "ca",
        "CA",
        "intermediate",
        "crl",
        &long,
    ] {
        for role in ["server", "client"] {
            // After `--` every word is taken as it is.
            let words = [role, "--force", "--", name];
            let words = if role == "server" {
                vec![role, "--dns", "a.example", "--force", "--", name]
            } else {
                words.to_vec()
            };
            assert_error(scene.now(&words), 2, &[&format!("the name {name:?}")]);
        }
    }
    assert_eq!(scene.names(), before);
    let outside = fs::read_dir(scene.folder.path()).unwrap().count();
    assert_eq!(outside, 1, "nothing beside the folder");
}

#[test]
fn nothing_is_overwritten_without_force() {
    let scene = Scene::with(&["init"]);
    for existing in ["alice.pem", "alice.key"] {
        fs::write(scene.file(existing), "precious").unwrap();
        let parts = [existing, "is there already", "--force"];
        assert_error(scene.now(&["client", "alice"]), 1, &parts);
        assert_eq!(scene.text(existing), "precious");
        fs::remove_file(scene.file(existing)).unwrap();
        assert!(!scene.names().iter().any(|name| name.starts_with("alice")));
    }
}

#[test]
fn an_authority_is_not_overwritten_without_force() {
    for existing in ["ca.pem", "ca.key", "intermediate.pem", "intermediate.key"] {
        let scene = Scene::empty();
        fs::create_dir(scene.dir()).unwrap();
        fs::write(scene.file(existing), "precious").unwrap();
        for words in [&["init"][..], &["init", "--intermediate"]] {
            assert_error(
                scene.now(words),
                1,
                &[existing, "is there already", "--force"],
            );
        }
        assert_eq!(scene.text(existing), "precious");
        assert_eq!(scene.names().len(), 1);
    }
}

#[test]
fn a_link_to_nowhere_counts_as_a_file_that_is_there() {
    let scene = Scene::with(&["init"]);
    symlink("nowhere", scene.file("alice.pem")).unwrap();
    assert_error(
        scene.now(&["client", "alice"]),
        1,
        &["alice.pem", "is there already"],
    );
    assert!(!scene.file("nowhere").exists() && !scene.file("alice.key").exists());
}

#[test]
fn force_replaces_files_and_links_without_keeping_their_permissions() {
    let scene = Scene::with(&["init"]);
    fs::write(scene.file("alice.key"), "old").unwrap();
    fs::set_permissions(scene.file("alice.key"), PermissionsExt::from_mode(0o666)).unwrap();
    fs::write(scene.file("elsewhere"), "precious").unwrap();
    symlink("elsewhere", scene.file("alice.pem")).unwrap();
    scene.now(&["client", "alice", "--force"]).unwrap();
    assert_eq!(mode(&scene.file("alice.key")), 0o600);
    assert_eq!(scene.text("elsewhere"), "precious");
    assert!(scene.verify("alice", &[]));
}

#[test]
fn a_new_authority_by_force_does_not_sign_with_the_old_intermediate() {
    let scene = Scene::with(&["init", "--intermediate"]);
    scene.now(&["init", "--force"]).unwrap();
    assert_eq!(
        scene.names(),
        ["ca.key", "ca.pem"].map(str::to_owned).into()
    );
    scene.now(&["client", "alice"]).unwrap();
    assert!(scene.verify("alice", &[]));
}

#[test]
fn issuing_without_an_authority_says_how_to_make_one() {
    let scene = Scene::empty();
    let dir = scene.dir().display().to_string();
    let parts = ["there is no authority", &dir, "pki init --dir"];
    assert_error(scene.now(&["client", "alice"]), 1, &parts);
    assert!(!scene.dir().exists());
}

#[test]
fn an_intermediate_of_another_root_is_refused_by_both_names() {
    let scene = Scene::with(&["init", "--intermediate"]);
    let other = Scene::with(&["init"]);
    fs::copy(other.file("ca.pem"), scene.file("ca.pem")).unwrap();
    let parts = ["intermediate.pem", "was not signed by", "ca.pem"];
    assert_error(scene.now(&["client", "alice"]), 1, &parts);
}

#[test]
fn an_authority_with_the_wrong_key_or_none_is_named() {
    let scene = Scene::with(&["init"]);
    let other = Scene::with(&["init"]);
    fs::copy(other.file("ca.key"), scene.file("ca.key")).unwrap();
    let parts = [
        "ca.pem or the key beside it",
        "belongs to another certificate",
    ];
    assert_error(scene.now(&["client", "alice"]), 1, &parts);
    fs::remove_file(scene.file("ca.key")).unwrap();
    assert_error(
        scene.now(&["client", "alice"]),
        1,
        &["ca.key", "cannot be read"],
    );
    fs::write(scene.file("ca.pem"), "rubbish").unwrap();
    fs::copy(other.file("ca.key"), scene.file("ca.key")).unwrap();
    assert_error(
        scene.now(&["client", "alice"]),
        1,
        &["ca.pem", "no usable certificate"],
    );
}

#[test]
fn an_authority_past_its_end_is_told_with_its_date() {
    let scene = Scene::with(&["init", "--days", "1"]);
    let result = scene.at(NOW + DAY, &["client", "alice"]);
    assert_error(
        result,
        1,
        &["ca.pem ended on 2030-03-18", "pki init --force"],
    );
    assert!(scene.at(NOW + DAY - 1, &["client", "alice"]).is_ok());
}

#[test]
fn a_certificate_ends_after_its_days_and_never_after_its_authority() {
    let scene = Scene::with(&["init", "--days", "30"]);
    let within = scene.now(&["client", "short", "--days", "7"]).unwrap();
    assert!(within.contains("until 2030-03-24:"), "{within}");
    assert!(
        scene
            .describe("short")
            .contains("Not After : Mar 24 17:46:40 2030 GMT")
    );
    let beyond = scene.now(&["client", "long"]).unwrap();
    assert!(
        beyond.contains("until 2030-04-16, when its authority ends too:"),
        "{beyond}"
    );
    assert!(
        scene
            .describe("long")
            .contains("Not After : Apr 16 17:46:40 2030 GMT")
    );
}

#[test]
fn the_report_shows_a_configuration_with_files_that_are_there() {
    let scene = Scene::with(&["init"]);
    for (words, mode) in [
        (&["server", "a.example"][..], "server"),
        (&["client", "alice"], "client"),
        (&["server", "c.example", "--both"], "bridge"),
    ] {
        let report = scene.now(words).unwrap();
        let start = report.find('{').unwrap();
        let configuration: serde_json::Value = serde_json::from_str(&report[start..]).unwrap();
        for key in ["cert", "key", "ca"] {
            let path = Path::new(configuration[key].as_str().unwrap());
            assert!(path.is_absolute() && path.is_file(), "{key}: {path:?}");
        }
        assert_eq!(configuration["address_pairs"][0]["mode"], mode);
    }
}

#[test]
fn the_report_of_a_new_authority_names_its_files_and_the_next_commands() {
    let scene = Scene::empty();
    let strange = scene.folder.path().join("it's mine");
    let dir = strange.to_str().unwrap();
    let words = ["pki", "--dir", dir, "init", "--intermediate"];
    let report = execute(&Cli::try_parse_from(words).unwrap().pki, NOW).unwrap();
    for name in ["ca.pem", "ca.key", "intermediate.pem", "intermediate.key"] {
        let path = strange.join(name);
        assert!(
            report.contains(path.to_str().unwrap()) && path.is_file(),
            "{report}"
        );
    }
    assert!(report.contains("pki server HOST --dir '") && report.contains(r"it'\''s mine'"));
    assert!(report.contains("until 2040-03-14:"), "{report}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let scene = Scene::empty();
    fs::write(scene.dir(), "a file").unwrap();
    let dir = scene.dir().display().to_string();
    assert_error(scene.now(&["init"]), 1, &[&dir, "cannot be written"]);
}

#[test]
fn the_folder_may_be_given_behind_the_command_and_is_pki_by_default() {
    let scene = Scene::empty();
    let dir = scene.dir();
    let words = ["pki", "init", "--dir", dir.to_str().unwrap()];
    execute(&Cli::try_parse_from(words).unwrap().pki, NOW).unwrap();
    assert!(scene.file("ca.pem").is_file());
    let by_default = Cli::try_parse_from(["pki", "init"]).unwrap();
    assert!(format!("{by_default:?}").contains("dir: \"pki\""));
}

#[test]
fn days_outside_a_century_are_refused_as_words() {
    for days in ["0", "-1", "36501", "ten"] {
        let words = ["pki", "init", &format!("--days={days}")];
        assert_eq!(Cli::try_parse_from(words).unwrap_err().exit_code(), 2);
    }
}

const REVOKED: Option<&str> = Some("23");

#[test]
fn revocation_lists_hold_whoever_was_revoked_now_and_before() {
    let scene = Scene::with(&["init"]);
    for name in ["alice", "bob", "carol"] {
        scene.now(&["client", name]).unwrap();
    }
    scene.now(&["crl"]).unwrap();
    assert_eq!(scene.look_up("alice"), None);
    let report = scene.now(&["crl", "--revoke", "alice"]).unwrap();
    assert!(report.contains("\"CN=alice\""), "{report}");
    let path = scene.file("bob.pem").display().to_string();
    let report = scene.now(&["crl", "--revoke", &path]).unwrap();
    assert!(report.contains("\"CN=alice\"") && report.contains("\"CN=bob\""));
    let verdicts = ["alice", "bob", "carol"].map(|name| scene.look_up(name));
    assert_eq!(
        verdicts.each_ref().map(Option::as_deref),
        [REVOKED, REVOKED, None]
    );
    let [list] = scene.lists().try_into().unwrap();
    assert!(
        list.contains("Version 2 (0x1)") && list.contains("X509v3 CRL Number: 3 "),
        "{list}"
    );
    assert!(
        list.contains("Next Update: Apr 16 17:46:40 2030 GMT"),
        "{list}"
    );
    assert_eq!(mode(&scene.file("crl.pem")), mode(&scene.file("ca.pem")));
}

#[test]
fn a_certificate_is_revoked_once_and_stays_so_when_its_name_is_issued_anew() {
    let scene = Scene::with(&["init"]);
    scene.now(&["client", "alice"]).unwrap();
    fs::copy(scene.file("alice.pem"), scene.file("old.pem")).unwrap();
    for _ in 0..2 {
        scene.now(&["crl", "--revoke", "alice"]).unwrap();
    }
    assert_eq!(scene.lists()[0].matches("Serial Number:").count(), 1);
    scene.now(&["client", "alice", "--force"]).unwrap();
    scene.now(&["crl", "--days", "7"]).unwrap();
    assert_eq!(scene.look_up("old").as_deref(), REVOKED);
    assert_eq!(scene.look_up("alice"), None);
    let day = "Next Update: Mar 24 17:46:40 2030 GMT";
    assert!(scene.lists()[0].contains(day));
}

#[test]
fn an_intermediate_and_its_root_have_a_list_each() {
    let scene = Scene::with(&["init", "--intermediate"]);
    for name in ["alice", "bob"] {
        scene.now(&["client", name]).unwrap();
    }
    scene.now(&["crl", "--revoke", "alice"]).unwrap();
    assert_eq!(scene.lists().len(), 2);
    assert_eq!(scene.look_up("alice").as_deref(), REVOKED);
    assert_eq!(scene.look_up("bob"), None);
    scene.now(&["crl", "--revoke", "intermediate"]).unwrap();
    let lists = scene.lists();
    assert!(lists[0].contains("Serial Number:") && lists[1].contains("Serial Number:"));
    assert_eq!(scene.look_up("bob").as_deref(), REVOKED);
}

#[test]
fn the_list_of_a_root_that_is_off_line_is_kept_as_it_was() {
    let scene = Scene::with(&["init", "--intermediate"]);
    scene.now(&["client", "alice"]).unwrap();
    fs::rename(scene.file("ca.key"), scene.file("away")).unwrap();
    let report = scene.now(&["crl"]).unwrap();
    assert!(report.contains("there is no list of the root"), "{report}");
    fs::rename(scene.file("away"), scene.file("ca.key")).unwrap();
    scene.now(&["crl"]).unwrap();
    fs::rename(scene.file("ca.key"), scene.file("away")).unwrap();
    for _ in 0..2 {
        let report = scene.now(&["crl", "--revoke", "alice"]).unwrap();
        assert!(report.contains("is the one from before"), "{report}");
        let lists = scene.lists();
        assert_eq!(lists.len(), 2);
        assert!(lists[0].contains("X509v3 CRL Number: 2 "));
        assert_eq!(scene.look_up("alice").as_deref(), REVOKED);
    }
    let result = scene.now(&["crl", "--revoke", "intermediate"]);
    assert_error(result, 1, &["intermediate.pem", "was not issued by"]);
}

#[test]
fn what_cannot_be_revoked_is_named_and_the_old_lists_stay() {
    let scene = Scene::with(&["init"]);
    let other = Scene::with(&["init"]);
    other.now(&["client", "alice"]).unwrap();
    scene.now(&["crl"]).unwrap();
    let before = (scene.text("crl.pem"), scene.text("revoked.json"));
    let path = other.file("alice.pem").display().to_string();
    fs::write(scene.file("empty.pem"), "").unwrap();
    for (cert, parts) in [
        (path.as_str(), [path.as_str(), "was not issued by"]),
        ("nobody", ["nobody", "cannot be read"]),
        ("empty", ["empty.pem", "certificate"]),
    ] {
        assert_error(scene.now(&["crl", "--revoke", cert]), 1, &parts);
    }
    assert_eq!((scene.text("crl.pem"), scene.text("revoked.json")), before);
    fs::write(scene.file("revoked.json"), "{").unwrap();
    assert_error(scene.now(&["crl"]), 1, &["revoked.json", "restore it"]);
}

#[test]
fn a_new_authority_by_force_begins_without_the_old_ones_lists() {
    let scene = Scene::with(&["init"]);
    scene.now(&["crl"]).unwrap();
    scene.now(&["init", "--force"]).unwrap();
    assert_eq!(
        scene.names(),
        ["ca.key", "ca.pem"].map(str::to_owned).into()
    );
}

#[test]
fn run_uses_the_time_of_day() {
    let scene = Scene::empty();
    run(scene.args(&["init"])).unwrap();
    run(scene.args(&["client", "alice"])).unwrap();
    assert!(scene.verify("alice", &["-today", "-purpose", "sslclient"]));
}
