//! Revocation lists' files: what is told of them when credentials are made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mtls_persona::tls::authority::{Authority, KeyKind, Subject, Validity};
use mtls_persona::tls::{Credentials, CrlScope, MinVersion, OnStaleCrl, Profile, Revocation, Role};

use super::pair::{material, prove_looking};
use super::revocation::lists;
use crate::support::certs::{TestPki, list_of, unix_now};
use crate::support::openssl;

/// The lines on these lists, or the problems with them.
fn told(pki: &TestPki, revocation: Revocation) -> Result<Vec<String>, Vec<String>> {
    let server = pki.server("localhost");
    let proven = prove_looking(&[&pki.ca], &server, Role::Server, revocation);
    proven.map(|new| new.warnings).map_err(|error| error.0)
}

fn of(pki: &TestPki, file: &PathBuf) -> Result<Vec<String>, Vec<String>> {
    told(pki, lists(&[file]))
}

/// One line, which begins with the file and names the authority and whatever else.
#[track_caller]
fn assert_line(lines: &[String], file: &Path, parts: &[&str]) {
    let [line] = lines else {
        panic!("not one line: {lines:#?}");
    };
    let path = format!("{}: ", file.display());
    assert!(line.starts_with(&path), "{line}");
    for part in parts {
        assert!(line.contains(part), "{part:?} is missing in {line}");
    }
}

#[test]
fn lists_are_read_from_pem_and_der_and_from_several_files() {
    let pki = TestPki::new();
    let [root, below] =
        [pki.root(), pki.intermediate()].map(|by| pki.list(by, &[], pki.validity()));
    let [root_der, below_der] = [&root, &below].map(|list| openssl::crl_der(list));
    let none: Vec<String> = Vec::new();
    let text = format!("a comment\n{root}another\n{below}");
    for together in [
        text.into_bytes(),
        [root_der.clone(), below_der.clone()].concat(),
    ] {
        assert_eq!(of(&pki, &pki.write_crl(together)), Ok(none.clone()));
    }
    let apart = [pki.write_crl(root_der), pki.write_crl(below)];
    assert_eq!(told(&pki, lists(&[&apart[0], &apart[1]])), Ok(none));
}

#[test]
fn a_file_that_holds_no_list_or_a_damaged_one_is_a_problem() {
    let pki = TestPki::new();
    let list = pki.list(pki.intermediate(), &[], pki.validity());
    let der = openssl::crl_der(&list);
    let cert = std::fs::read_to_string(&pki.ca).unwrap();
    let cut = &list[..list.len() / 2];
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("empty", Vec::new(), "no revocation list"),
        (
            "text",
            b"nothing of the kind".to_vec(),
            "no revocation list",
        ),
        ("a certificate", cert.into_bytes(), "holds a certificate"),
        (
            "a certificate in DER",
            openssl::cert_der(&pki.ca),
            "holds a certificate",
        ),
        (
            "a key",
            std::fs::read(pki.client("a").key).unwrap(),
            "no revocation list",
        ),
        ("half of a list", cut.into(), "(1) can be read"),
        (
            "one and a half",
            format!("{list}{cut}").into(),
            "(2) can be read",
        ),
        (
            "half of a list in DER",
            der[..der.len() / 2].to_vec(),
            "no revocation list",
        ),
        (
            "more behind it in DER",
            [&der[..], b"more"].concat(),
            "behind its first 1",
        ),
    ];
    for (what, bytes, part) in cases {
        let file = pki.write_crl(bytes);
        let problems = of(&pki, &file).expect_err(what);
        assert_line(&problems, &file, &[part]);
    }
}

#[test]
fn problems_of_lists_and_of_other_files_are_told_together() {
    let pki = TestPki::new();
    let mut server = pki.server("localhost");
    server.key = pki.client("a").cert;
    let files = [pki.write_crl("one"), pki.write_crl("two")];
    let lists = lists(&[&files[0], &files[1]]);
    let error = prove_looking(&[&pki.ca], &server, Role::Server, lists).err();
    assert_eq!(error.unwrap().0.len(), 3);
}

#[test]
fn a_list_that_an_authority_of_ca_has_not_signed_is_a_problem() {
    let pki = TestPki::new();
    let impostor = TestPki::new();
    let list = impostor.list(impostor.root(), &[], impostor.validity());
    let file = pki.write_crl(list);
    let problems = of(&pki, &file).unwrap_err();
    assert_line(&problems, &file, &["CN=Test root", "signature"]);
}

#[test]
fn a_list_of_an_authority_that_is_not_known_is_worth_a_word() {
    let pki = TestPki::new();
    let subject = Subject::named("Somebody else");
    let stranger = Authority::new(&subject, KeyKind::EcP256, pki.validity()).unwrap();
    let file = pki.write_crl(pki.list(&stranger, &[], pki.validity()));
    let known = pki.crl(&[]);
    let warnings = told(&pki, lists(&[&known, &file])).unwrap();
    assert_line(&warnings, &file, &["CN=Somebody else", "is in ca"]);
}

#[test]
fn an_authority_of_ca_without_a_list_is_named_if_chains_are_looked_up() {
    let pki = TestPki::new();
    let file = pki.write_crl(pki.list(pki.intermediate(), &[], pki.validity()));
    let warnings = of(&pki, &file).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("crl: ") && warnings[0].contains("CN=Test root"));
    let leaf = Revocation {
        scope: CrlScope::Leaf,
        ..lists(&[&file])
    };
    assert_eq!(told(&pki, leaf), Ok(Vec::new()));
}

/// Both lists, the lower one for that time, in the place of an older one.
fn with_dates(pki: &TestPki, validity: Validity) -> PathBuf {
    let older = Validity {
        not_before: validity.not_before - 1000,
        not_after: unix_now() - 500,
    };
    let lists = [
        pki.list(pki.root(), &[], pki.validity()),
        pki.list(pki.intermediate(), &[], older),
        pki.list(pki.intermediate(), &[], validity),
    ];
    pki.write_crl(lists.concat())
}

#[test]
fn the_dates_of_a_list_are_told_when_somebody_should_do_something() {
    const DAY: i64 = 86_400;
    let pki = TestPki::new();
    let now = unix_now();
    let span = |from: i64, to: i64| Validity {
        not_before: now + from,
        not_after: now + to,
    };
    let none: Vec<String> = Vec::new();
    let fresh = with_dates(&pki, span(-74 * DAY, 26 * DAY));
    assert_eq!(of(&pki, &fresh), Ok(none));
    let late = with_dates(&pki, span(-76 * DAY, 24 * DAY));
    let parts = ["CN=Test intermediate", "three quarters"];
    assert_line(&of(&pki, &late).unwrap(), &late, &parts);
    let early = pki.list(pki.intermediate(), &[], span(DAY, 2 * DAY));
    let endless = list_of(pki.intermediate(), &[], now - DAY, None);
    for (list, part) in [(early, "holds from"), (endless, "never counts as overdue")] {
        let root = pki.list(pki.root(), &[], pki.validity());
        let file = pki.write_crl(root + &list);
        assert_line(
            &of(&pki, &file).unwrap(),
            &file,
            &["CN=Test intermediate", part],
        );
    }
}

#[test]
fn an_overdue_list_is_loaded_and_the_consequence_told() {
    let pki = TestPki::new();
    let file = with_dates(&pki, pki.overdue());
    let hour = OnStaleCrl::Grace(Duration::from_secs(3600));
    for (on_stale, part) in [
        (OnStaleCrl::Fail, "are refused"),
        (OnStaleCrl::Warn, "is not known"),
        (hour, "counts until"),
    ] {
        let lists = Revocation {
            on_stale,
            ..lists(&[&file])
        };
        assert_line(&told(&pki, lists).unwrap(), &file, &["was due by", part]);
    }
}

#[test]
fn our_own_certificate_on_a_list_is_told() {
    let pki = TestPki::new();
    let server = pki.server("localhost");
    let file = pki.crl(&[&server]);
    let proven = prove_looking(&[&pki.ca], &server, Role::Server, lists(&[&file])).unwrap();
    assert_line(
        &proven.warnings,
        &file,
        &["CN=localhost", "of our own chain"],
    );
}

#[test]
fn a_revoked_authority_of_ca_is_told_and_none_left_is_a_problem() {
    let pki = TestPki::new();
    let server = pki.server("localhost");
    let below = pki.list(pki.intermediate(), &[], pki.validity());
    let file = pki.write_crl(pki.list_against_intermediate() + &below);
    let intermediate = pki.folder().join("intermediate.pem");
    std::fs::write(&intermediate, pki.intermediate().cert_pem().unwrap()).unwrap();
    let ca = [pki.ca.as_path(), &intermediate];
    let proven = prove_looking(&ca, &server, Role::Server, lists(&[&file])).unwrap();
    let about_ca = |line: &&String| line.contains("no anchor");
    let lines: Vec<_> = proven.warnings.iter().filter(about_ca).cloned().collect();
    assert_line(
        &lines,
        &file,
        &["CN=Test intermediate", "remove it from ca"],
    );

    let root = [pki.root().cert_pem().unwrap()];
    let on_itself = list_of(pki.root(), &root, unix_now() - 60, None);
    let file = pki.write_crl(on_itself);
    let problems = of(&pki, &file).unwrap_err();
    assert_line(&problems, &file, &["CN=Test root"]);
}

#[test]
fn a_list_of_changes_alone_or_with_an_unknown_rule_is_a_problem() {
    let pki = TestPki::new();
    for (extension, part) in [
        ("2.5.29.27=critical,ASN1:INTEGER:1", "what has changed"),
        ("2.5.29.27=ASN1:INTEGER:1", "what has changed"),
        ("1.2.3.4=critical,ASN1:NULL", "not understood"),
    ] {
        let list = openssl::crl(&pki, &[], extension);
        let file = pki.write_crl(list);
        let problems = of(&pki, &file).expect_err(extension);
        assert_line(&problems, &file, &["CN=Test root", part]);
    }
}

/// The problems with a list under a profile, the same for both roles.
fn problems_under(profile: Profile, pki: &TestPki, file: &PathBuf) -> Vec<String> {
    let told = [Role::Client, Role::Server].map(|role| {
        let identity = match role {
            Role::Client => pki.client("alice"),
            Role::Server => pki.server("localhost"),
        };
        let mut material = material(&[&pki.ca], &identity, MinVersion::Tls12);
        material.profile = profile;
        material.revocation = lists(&[file]);
        let proven = Credentials::prove(&material, &[role], unix_now());
        proven.err().map(|error| error.0).unwrap_or_default()
    });
    let [as_client, as_server] = told;
    assert_eq!(as_client, as_server);
    as_client
}

/// How RSASSA-PSS is asked for, with that digest and a salt of so many bytes.
fn pss<'a>(digest: &'a str, salt: &'a str) -> [&'a str; 6] {
    let kind = ["-md", digest, "-sigopt", "rsa_padding_mode:pss", "-sigopt"];
    [kind[0], kind[1], kind[2], kind[3], kind[4], salt]
}

#[test]
fn a_list_that_was_signed_with_a_broken_digest_is_a_problem_with_fips_and_without() {
    let weak = "which others can forge";
    for (kind, options, part) in [
        (KeyKind::EcP256, &["-md", "sha1"][..], "ecdsa-with-SHA1"),
        (KeyKind::Rsa(2048), &["-md", "sha1"], "sha1WithRSA"),
        (KeyKind::Rsa(2048), &["-md", "md5"], "md5WithRSA"),
        (
            KeyKind::Rsa(2048),
            &pss("sha1", "rsa_pss_saltlen:20"),
            "weak digest",
        ),
    ] {
        let pki = TestPki::with_keys(kind);
        let file = pki.write_crl(openssl::crl_signed(&pki, options));
        for profile in [Profile::Ordinary, Profile::Fips] {
            let problems = problems_under(profile, &pki, &file);
            assert_line(&problems, &file, &["CN=Test root", weak, part]);
        }
    }
}

#[test]
fn a_list_that_was_signed_as_fips_does_not_have_it_is_a_problem_under_its_profile_alone() {
    for (kind, options, part) in [
        (KeyKind::EcP256, &["-md", "sha224"][..], "ecdsa-with-SHA224"),
        (KeyKind::Rsa(2048), &["-md", "sha224"], "sha224WithRSA"),
        (
            KeyKind::Rsa(2048),
            &pss("sha256", "rsa_pss_saltlen:0"),
            "RSASSA-PSS",
        ),
    ] {
        let pki = TestPki::with_keys(kind);
        let file = pki.write_crl(openssl::crl_signed(&pki, options));
        // BoringSSL does not find the authority's signature in the last.
        if part != "RSASSA-PSS" || cfg!(not(feature = "boringssl")) {
            assert_eq!(problems_under(Profile::Ordinary, &pki, &file), [""; 0]);
        }
        let problems = problems_under(Profile::Fips, &pki, &file);
        let parts = ["CN=Test root", "FIPS does not allow", part];
        assert_line(&problems, &file, &parts);
    }
}

#[test]
fn lists_that_were_signed_as_fips_has_it_are_taken_under_its_profile() {
    for (kind, options) in [
        (KeyKind::EcP256, &["-md", "sha256"][..]),
        (KeyKind::EcP384, &["-md", "sha512"]),
        (KeyKind::Rsa(2048), &["-md", "sha384"]),
        (KeyKind::Rsa(2048), &pss("sha256", "rsa_pss_saltlen:digest")),
    ] {
        let pki = TestPki::with_keys(kind);
        let file = pki.write_crl(openssl::crl_signed(&pki, options));
        for profile in [Profile::Ordinary, Profile::Fips] {
            assert_eq!(problems_under(profile, &pki, &file), [""; 0]);
        }
    }
}
