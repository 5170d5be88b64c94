//! Hundreds of connections while everything happens to the database that can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use mtls_persona::tls::Credentials;
use serde_json::json;

use super::support::backend;
use super::support::certs::TestPki;
use super::support::connector::{
    Tables, answer, connector, granted, granted_at_last, hearing, until_heard, user_client,
};
use super::support::crowd::Crowd;
use super::support::pairs::with;
use super::support::postgres::Postgres;
use super::support::program::Program;
use super::support::tls::TlsPeer;
use super::support::valve::Valve;
use super::support::wait::until;

const LATER: &str = "ERROR: temporarily unavailable\n";

const THREADS: usize = 4;
const CONNECTIONS: usize = 500;

/// Those that come new in each kind of trouble.
const NEWCOMERS: usize = 16;

/// Connections on which messages go to and fro all the time.
struct Flow {
    is_over: Arc<AtomicBool>,
    /// How often each thread has had an answer on all of its connections.
    rounds: Vec<Arc<AtomicUsize>>,
    threads: Vec<JoinHandle<Vec<TlsPeer>>>,
}

impl Flow {
    fn of(peers: Vec<TlsPeer>) -> Flow {
        let mut flow = Flow {
            is_over: Arc::default(),
            rounds: Vec::new(),
            threads: Vec::new(),
        };
        let mut peers = peers.into_iter();
        for _ in 0..THREADS {
            let mut peers: Vec<_> = peers.by_ref().take(CONNECTIONS / THREADS).collect();
            let (is_over, rounds) = (Arc::clone(&flow.is_over), Arc::<AtomicUsize>::default());
            flow.rounds.push(Arc::clone(&rounds));
            flow.threads.push(std::thread::spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    peers.iter_mut().for_each(backend::ping);
                    rounds.fetch_add(1, Ordering::SeqCst);
                }
                peers
            }));
        }
        flow
    }

    /// Waits until every connection has had an answer that was asked for after this was called.
    fn goes_on(&self) {
        let now = || {
            self.rounds
                .iter()
                .map(|rounds| rounds.load(Ordering::SeqCst))
        };
        let before: Vec<_> = now().collect();
        until("every connection to have its answer", || {
            assert!(
                !self.threads.iter().any(JoinHandle::is_finished),
                "one has ended"
            );
            // The round that is under way may have begun before.
            let mut both = now().zip(&before);
            both.all(|(now, before)| now >= before + 2).then_some(())
        });
    }

    fn finish(self) -> Vec<TlsPeer> {
        self.is_over.store(true, Ordering::SeqCst);
        let threads = self.threads.into_iter();
        threads.flat_map(|thread| thread.join().unwrap()).collect()
    }
}

/// What clients of that user are told that come all at once.
fn told(program: &Program, client: &Credentials) -> Vec<String> {
    std::thread::scope(|scope| {
        let ask = || scope.spawn(|| answer(program, client, "db"));
        let asking: Vec<_> = (0..NEWCOMERS).map(|_| ask()).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn five_hundred_connections_flow_on_while_the_database_is_silent_slow_stopped_and_started() {
    let (mut postgres, pki) = (Postgres::start(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let users = ["silent", "slow", "stopped", "started"];
    for name in users {
        tables.run(&format!(
            "insert into users (user_id, org_id) values ('{name}', 'acme')"
        ));
    }
    let (crowd, valve) = (Crowd::start(), Valve::before(postgres.address()));
    let all = format!("alice,{}", users.join(","));
    tables.host("db", crowd.address, "acme", &all, "");
    let mut config = connector(&pki, &postgres, &tables);
    for (key, value) in [
        ("database/port", json!(valve.address.port())),
        ("database/timeout", json!("3s")),
        ("cache", json!({"lifetime": "1h"})),
        // Whoever hears of the database again asks for its grant again.
        ("on_revoke", json!("close")),
    ] {
        config = with(config, &format!("/address_pairs/0/directory/{key}"), value);
    }
    let program = hearing(&config, &tables);
    let clients = users.map(|user| user_client(&pki, "acme", user));
    let [silent, slow, stopped, started] = &clients;
    let alice = user_client(&pki, "acme", "alice");
    granted_at_last(&program, &alice, "db");
    let connect = |_| granted(&program, &alice, "db");
    let flow = Flow::of((0..CONNECTIONS).map(connect).collect());
    let no_decision_but_known_ones = |newcomer: &Credentials| {
        flow.goes_on();
        assert_eq!(told(&program, newcomer), [LATER; NEWCOMERS]);
        assert_eq!(answer(&program, &alice, "db"), "OK\n");
        flow.goes_on();
    };
    let decides_again = |newcomer: &Credentials| {
        until("the database to be asked again", || {
            (answer(&program, newcomer, "db") == "OK\n").then_some(())
        });
        assert_eq!(told(&program, newcomer), ["OK\n"; NEWCOMERS]);
        flow.goes_on();
    };

    valve.shut();
    no_decision_but_known_ones(silent);
    valve.open();
    // It may have given up hearing meanwhile; once it hears again, everything is doubted.
    until_heard(&program, &tables);
    decides_again(silent);
    granted_at_last(&program, &alice, "db");

    let mut locker = tables.route.session();
    locker.ask("begin; lock table users in access exclusive mode");
    no_decision_but_known_ones(slow);
    locker.ask("commit");
    drop(locker);
    decides_again(slow);

    postgres.stop();
    no_decision_but_known_ones(stopped);
    postgres.start_again();
    decides_again(stopped);

    postgres.stop();
    postgres.start_again();
    decides_again(started);

    let mut peers = flow.finish();
    assert_eq!(peers.len(), CONNECTIONS);
    peers.iter_mut().for_each(backend::ping);
}
