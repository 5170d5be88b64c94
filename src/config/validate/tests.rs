#![allow(clippy::unwrap_used)]

use crate::config::fixture::{file, only_problem, problems};
use crate::config::{Place, parse};

/// Pairs that listen at these addresses, each with these members.
fn listening_at(inbounds: &[&str], members: &str) -> String {
    let pair = |inbound| format!(r#"{{"inbound":"{inbound}","outbound":"db:9"{members}}}"#);
    file("", &inbounds.iter().map(pair).collect::<Vec<_>>().join(","))
}

#[test]
fn inbound_addresses_that_collide_name_both_pairs() {
    let told = only_problem(&listening_at(
        &["localhost:1", "localhost:2", "localhost:1"],
        "",
    ));
    assert_eq!(
        told,
        "address_pairs[2].inbound: \"localhost:1\" collides with \"localhost:1\" of \
         address_pairs[0]: give each pair an inbound address of its own"
    );
}

#[test]
fn addresses_collide_where_one_socket_leaves_no_room_for_the_other() {
    let collide = [
        ("localhost:1", "LOCALHOST.:1"),
        (":1", ":1"),
        (":1", "localhost:1"),
        ("10.0.0.7:1", ":1"),
        ("0.0.0.0:1", "10.0.0.7:1"),
        ("[::1]:1", "[::]:1"),
        ("unix:/run/s", "unix:/run//s"),
    ];
    for (one, other) in collide {
        let told = only_problem(&listening_at(&[one, other], ""));
        assert!(
            told.starts_with("address_pairs[1].inbound: "),
            "{one} {other}: {told}"
        );
    }
}

#[test]
fn addresses_with_room_for_both_do_not_collide() {
    let together = [
        ("localhost:1", "localhost:2"),
        (":1", ":2"),
        ("127.0.0.1:1", "127.0.0.2:1"),
        ("0.0.0.0:1", "[::1]:1"),
        ("a:1", "b:1"),
        ("unix:/run/a", "unix:/run/b"),
        (":1", "unix:/run/a"),
        (":0", "127.0.0.1:0"),
    ];
    for (one, other) in together {
        assert!(
            parse(&listening_at(&[one, other], "")).is_ok(),
            "{one} {other}"
        );
    }
}

#[test]
fn names_that_are_the_same_name_both_pairs() {
    let told = only_problem(&listening_at(&[":1", ":2"], r#","name":"db""#));
    assert_eq!(
        told,
        "address_pairs[1].name: \"db\" is the name of address_pairs[0] already: give each pair a \
         name of its own"
    );
}

#[test]
fn collisions_are_told_beside_the_other_problems_of_a_pair() {
    let text = file(
        "",
        r#"{"inbound":":1","outbound":"db"}, {"inbound":":1","outbound":"db:1"}"#,
    );
    let told = problems(&text);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].starts_with("address_pairs[0].outbound: "),
        "{told:#?}"
    );
    assert!(
        told[1].starts_with("address_pairs[1].inbound: "),
        "{told:#?}"
    );
}

#[test]
fn a_plain_listener_that_other_machines_reach_gets_a_warning() {
    for inbound in [":1", "0.0.0.0:1", "[::]:1", "10.0.0.7:1"] {
        let warnings = parse(&listening_at(&[inbound], "")).unwrap().warnings;
        let [warning] = warnings.as_slice() else {
            panic!("{inbound}: {warnings:?}");
        };
        assert_eq!(
            warning.place,
            Place::Key("address_pairs[0].inbound".to_owned())
        );
        assert!(warning.what.contains("borrows the identity"), "{warning}");
    }
}

#[test]
fn a_listener_that_is_tls_or_on_this_machine_alone_gets_no_warning() {
    let cases = [
        ("localhost:1", ""),
        ("127.0.0.1:1", ""),
        ("[::1]:1", ""),
        ("[::ffff:127.0.0.1]:1", ""),
        ("unix:/run/s", ""),
        (":1", r#","mode":"server""#),
        (":1", r#","mode":"bridge""#),
    ];
    for (inbound, members) in cases {
        let warnings = parse(&listening_at(&[inbound], members)).unwrap().warnings;
        assert_eq!(warnings, [], "{inbound} {members}");
    }
}
