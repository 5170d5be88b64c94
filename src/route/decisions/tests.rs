#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use super::*;

type Subject = Decisions<u8, u32>;

const SECOND: Duration = Duration::from_secs(1);

fn subject(entries: usize) -> (Subject, Instant) {
    let terms = Terms {
        lifetime: Some(10 * SECOND),
        entries,
    };
    (Decisions::new(terms), Instant::now())
}

fn question(user: &str, host: &str) -> Question {
    Question {
        org: "acme".into(),
        user: user.into(),
        host: host.into(),
    }
}

fn changes(payload: &str) -> Changes {
    let mut changes = Changes::default();
    changes.note(payload);
    changes
}

/// Asks and grants at once.
fn grant(subject: &mut Subject, question: &Question, now: Instant) {
    assert_eq!(subject.ask(question, 1, now), Asked::Ask);
    assert_eq!(
        subject.answered(question, Some(&7), now),
        Settled::For(vec![1])
    );
}

#[test]
fn a_grant_is_known_until_its_lifetime_is_over() {
    let (mut subject, start) = subject(100);
    let question = question("alice", "db");
    grant(&mut subject, &question, start);
    assert_eq!(
        subject.ask(&question, 2, start + 9 * SECOND),
        Asked::Known(7)
    );
    assert_eq!(subject.ask(&question, 2, start + 10 * SECOND), Asked::Ask);
}

#[test]
fn a_refusal_is_asked_for_each_time() {
    let (mut subject, now) = subject(100);
    let question = question("alice", "db");
    for _ in 0..3 {
        assert_eq!(subject.ask(&question, 1, now), Asked::Ask);
        assert_eq!(
            subject.answered(&question, None, now),
            Settled::For(vec![1])
        );
    }
    assert_eq!(subject.kept(), 0);
}

#[test]
fn a_question_is_put_once_for_all_who_ask_meanwhile() {
    let (mut subject, now) = subject(100);
    let one = question("alice", "db");
    assert_eq!(subject.ask(&one, 1, now), Asked::Ask);
    assert_eq!(subject.ask(&one, 2, now), Asked::Waiting);
    assert_eq!(subject.ask(&question("bob", "db"), 3, now), Asked::Ask);
    assert_eq!(subject.answered(&one, None, now), Settled::For(vec![1, 2]));
    assert_eq!(subject.answered(&one, None, now), Settled::For(vec![]));
}

#[test]
fn a_change_ends_the_grants_that_it_concerns_and_no_others() {
    let (mut subject, now) = subject(100);
    let (alice, bob) = (question("alice", "db"), question("bob", "web"));
    for payload in ["host db", "user alice"] {
        grant(&mut subject, &alice, now);
        if subject.kept() == 1 {
            grant(&mut subject, &bob, now);
        }
        subject.changed(&changes(payload));
        assert_eq!(subject.ask(&bob, 9, now), Asked::Known(7));
        assert_eq!(subject.kept(), 1);
    }
    subject.changed(&changes("org acme"));
    assert_eq!(subject.kept(), 0);
}

#[test]
fn an_answer_that_a_change_has_overtaken_is_asked_for_anew() {
    let (mut subject, now) = subject(100);
    let question = question("alice", "db");
    subject.ask(&question, 1, now);
    subject.changed(&changes("host other"));
    subject.changed(&changes("user alice"));
    assert_eq!(subject.answered(&question, Some(&7), now), Settled::AskAnew);
    assert_eq!(subject.ask(&question, 2, now), Asked::Waiting);
    assert_eq!(
        subject.answered(&question, None, now),
        Settled::For(vec![1, 2])
    );
}

#[test]
fn a_storm_of_changes_keeps_nobody_waiting_and_nothing_kept() {
    let (mut subject, now) = subject(100);
    let question = question("alice", "db");
    subject.ask(&question, 1, now);
    let mut rounds = 0;
    loop {
        subject.changed(&Changes::all());
        rounds += 1;
        match subject.answered(&question, Some(&7), now) {
            Settled::AskAnew => assert!(rounds <= ANEW_MAX),
            Settled::For(_) => panic!("it holds for all that is known"),
            Settled::Doubtful(who) => break assert_eq!(who, [1]),
        }
    }
    assert_eq!(subject.kept(), 0);
}

#[test]
fn a_lost_answer_is_asked_for_again_and_nobody_is_forgotten() {
    let (mut subject, start) = subject(100);
    let question = question("alice", "db");
    subject.ask(&question, 1, start);
    assert_eq!(
        subject.ask(&question, 2, start + LOST - SECOND),
        Asked::Waiting
    );
    assert_eq!(subject.ask(&question, 3, start + LOST), Asked::Ask);
    assert_eq!(subject.given_up(&question), [1, 2, 3]);
    assert_eq!(subject.ask(&question, 4, start + LOST), Asked::Ask);
}

#[test]
fn what_is_kept_is_bounded_and_the_newest_stays() {
    for entries in [0, 1, 2, 10, 100] {
        let (mut subject, now) = subject(entries);
        for number in 0..1000 {
            let question = question("alice", &number.to_string());
            grant(&mut subject, &question, now);
            assert!(subject.kept() <= entries.next_multiple_of(2), "{entries}");
            if entries > 0 {
                assert_eq!(subject.ask(&question, 1, now), Asked::Known(7));
            }
        }
    }
}

#[test]
fn without_a_lifetime_nothing_is_kept() {
    let terms = Terms {
        lifetime: None,
        entries: 100,
    };
    let mut subject: Subject = Decisions::new(terms);
    let (question, now) = (question("alice", "db"), Instant::now());
    grant(&mut subject, &question, now);
    assert_eq!(subject.ask(&question, 1, now), Asked::Ask);
}
