//! The layer rules see what they must, and nothing else: on small made-up files.

use super::{File, layer_table, lifted_bans, tls_library_names, upward_uses};

const LIB: &str = "\
//! Modules use lower layers only:
//!
//! | layer | modules | what they know |
//! |---|---|---|
//! | 0 | [`base`] | nothing |
//! | 1 | [`identity`], [`relay`] | `pure` things |
//! | 2 | [`tls`] | the library |
//! | 6 | [`cli`], `main` | arguments |
";

/// The modules that `text`, standing in the file `name`, uses against the rule.
fn wrong_uses(name: &str, text: &str) -> Vec<String> {
    upward_uses(&File::new(name, text), &layer_table(LIB))
        .iter()
        .map(|line| line.split('`').nth(1).unwrap().to_owned())
        .collect()
}

#[test]
fn the_table_gives_each_module_its_layer() {
    let table: Vec<_> = layer_table(LIB).into_iter().collect();
    let expected = [
        ("base", 0),
        ("cli", 6),
        ("identity", 1),
        ("main", 6),
        ("relay", 1),
        ("tls", 2),
    ];
    assert_eq!(
        table,
        expected.map(|(module, layer)| (module.to_owned(), layer))
    );
}

#[test]
fn lower_layers_and_the_own_folder_may_be_used() {
    let text = "use crate::base::Id; use crate::relay::join; use super::Relay; use std::io;";
    assert!(wrong_uses("relay/flow.rs", text).is_empty());
}

#[test]
fn a_neighbour_in_the_same_layer_may_not_be_used() {
    assert_eq!(
        wrong_uses("relay/flow.rs", "use crate::identity::Peer;"),
        ["identity"]
    );
}

#[test]
fn a_path_in_an_expression_is_a_use() {
    let text = "fn f() -> Option<crate::tls::Session> { $crate::cli::parse(crate::base::x()) }";
    assert_eq!(wrong_uses("base/id.rs", text), ["tls", "cli"]);
}

#[test]
fn a_group_is_a_use_of_each_of_its_members() {
    let text = "use crate::{\n  base::{Id, Key as K},\n  tls::{self, wire::*},\n  cli,\n};";
    assert_eq!(wrong_uses("relay/mod.rs", text), ["tls", "tls", "cli"]);
}

#[test]
fn the_crate_by_its_own_name_is_the_crate() {
    assert_eq!(
        wrong_uses("base/mod.rs", "use mtls_persona::tls::Session;"),
        ["tls"]
    );
}

#[test]
fn a_whole_root_and_an_unknown_module_are_refused() {
    assert_eq!(
        wrong_uses("tls/mod.rs", "use crate::*; use crate::helpers::x;"),
        ["*", "helpers"]
    );
}

#[test]
fn a_path_that_climbs_to_the_root_is_a_use() {
    assert_eq!(
        wrong_uses("relay/flow.rs", "use super::super::tls::Session;"),
        ["tls"]
    );
    assert_eq!(
        wrong_uses("relay/mod.rs", "use super::{base, tls};"),
        ["tls"]
    );
    assert_eq!(
        wrong_uses("relay/mod.rs", "mod tests { use super::super::tls; }"),
        ["tls"]
    );
    assert!(wrong_uses("relay/mod.rs", "mod tests { use super::tls; } mod tls {}").is_empty());
}

#[test]
fn comments_and_literals_use_nothing() {
    let text = r####"
        // crate::tls::a
        //! [`crate::tls::b`]
        /* crate::tls::c /* nested */ crate::tls::d */
        const A: &str = "crate::tls::e \" crate::tls::f";
        const B: &str = r##"crate::tls::g "# crate::tls::h"##;
        const C: [char; 3] = ['"', '\'', '\u{22}'];
        fn f<'a>(x: &'a str) -> &'a str { x }
        use crate::cli::real;
    "####;
    assert_eq!(wrong_uses("base/mod.rs", text), ["cli"]);
}

#[test]
fn a_use_is_reported_with_its_line() {
    let file = File::new(
        "base/mod.rs",
        "/*\n*/ const A: &str = \"\n\";\nuse crate::tls::x;",
    );
    let wrong = upward_uses(&file, &layer_table(LIB));
    assert_eq!(wrong, ["src/base/mod.rs:4: uses `tls` (layer 2)"]);
}

#[test]
fn each_way_to_name_a_tls_library_is_seen() {
    for text in [
        "use boring::ssl::Ssl;",
        "use ::boring::ssl::Ssl;",
        "use boring as lib;",
        "use ::openssl as lib;",
        "extern crate openssl;",
        "use openssl;",
        "fn f(ssl: &boring_sys::SSL) {}",
        "fn f(ssl: Option<::openssl_sys::SSL>) {}",
        "use {openssl::ssl::Ssl, std::io};",
    ] {
        assert_eq!(
            tls_library_names(&File::new("net/mod.rs", text)).len(),
            1,
            "{text}"
        );
    }
}

#[test]
fn a_name_that_only_looks_like_the_library_is_not_it() {
    let text = "#[cfg(feature = \"openssl\")] fn openssl(boring: bool) { self.openssl(boring); \
                Backend::openssl::name(); let x = boring as u8; }";
    assert_eq!(tls_library_names(&File::new("ops/fips.rs", text)), [""; 0]);
}

#[test]
fn a_ban_is_lifted_by_an_attribute_outside_the_tests() {
    for text in [
        "#[allow(clippy::disallowed_methods, reason = \"…\")] fn now() {}",
        "#![allow(clippy::disallowed_methods)]",
        "#[cfg(not(test))] #[expect(clippy::disallowed_methods)] fn now() {}",
        "#[cfg(test)] mod tests { fn a() { b[0] } } #[allow(clippy::disallowed_methods)] fn n(){}",
        "#[cfg(test)] mod tests; #[allow(clippy::disallowed_methods)] fn now() {}",
    ] {
        assert_eq!(
            lifted_bans(&File::new("base/mod.rs", text)).len(),
            1,
            "{text}"
        );
    }
}

#[test]
fn a_ban_may_be_lifted_in_tests() {
    for (name, text) in [
        ("base/id/tests.rs", "#![allow(clippy::disallowed_methods)]"),
        (
            "base/id.rs",
            "#[cfg(test)] #[allow(clippy::disallowed_methods)] mod tests { }",
        ),
        (
            "base/id.rs",
            "#[allow(clippy::disallowed_methods)] #[cfg(test)] mod tests { }",
        ),
        (
            "base/id.rs",
            "#[cfg(test)] mod tests { #![allow(clippy::disallowed_methods)] }",
        ),
        (
            "base/id.rs",
            "#[test] #[allow(clippy::disallowed_methods)] fn it_is_so() { }",
        ),
    ] {
        assert_eq!(lifted_bans(&File::new(name, text)), [""; 0], "{text}");
    }
}
