//! Sessions and a load of transactions that live through every way of exchanging certificates.

use std::process::{Child, Stdio};

use mtls_persona::tls::authority::Purpose;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::work::{bench_tables, processed};
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::openssl;
use crate::support::pairs::lone_address;
use crate::support::postgres::Postgres;
use crate::support::program::Program;
use crate::support::psql::{Route, outcome};
use crate::support::rotate::{self, Exchange, Mount};
use crate::support::wait::until;

/// The ways of plain files.
const WAYS: [Exchange; 4] = [
    rotate::rename_key_first,
    rotate::rename_cert_first,
    rotate::rewrite,
    rotate::write_behind_a_backup,
];

/// psql → persona → gateway → server, in one program, and two pairs that nobody uses. The gateway's
/// identity is in plain files, the persona's in a mount.
struct Rotation {
    pki: TestPki,
    program: Program,
    config: Value,
    gateway: IdentityFiles,
    persona: Mount,
    route: Route,
    done: usize,
}

impl Rotation {
    fn new(postgres: &Postgres, database: &str) -> Rotation {
        let pki = TestPki::new();
        let gateway = rotate::copy_into(&pki.folder().join("tls"), &pki.server("localhost"));
        let persona = Mount::new(&pki.folder().join("mount"), &pki.client("alice"), &pki.ca);
        let between = lone_address().to_string();
        let config = json!({
            "ca": pki.ca, "cert": persona.files.cert, "key": persona.files.key,
            "watch": true, "on_reload": "keep",
            "address_pairs": [
                { "name": "persona", "inbound": "127.0.0.1:0", "outbound": between,
                  "server_name": "localhost" },
                { "name": "gateway", "mode": "server", "inbound": between,
                  "outbound": postgres.address().to_string(),
                  "cert": gateway.cert, "key": gateway.key },
                { "name": "other", "inbound": lone_address().to_string(),
                  "outbound": between, "server_name": "localhost" },
            ],
        });
        let program = Program::run(&config);
        let route = Route::tcp(program.addr("persona"), database);
        Rotation {
            pki,
            program,
            config,
            gateway,
            persona,
            route,
            done: 0,
        }
    }

    /// New identities at both ends, by the next way, and what makes the program look.
    fn exchange(&mut self, sign: impl FnOnce(&mut Rotation)) {
        let server = self.pki.issue(&self.pki.request(Purpose::Server));
        let client = self.pki.issue(&self.pki.request(Purpose::Client));
        let serials = [&server, &client].map(|files| {
            let [.., serial] = openssl::names(files);
            serial
        });
        WAYS[self.done % WAYS.len()](&server, &self.gateway);
        self.persona.update(&client);
        sign(self);
        until("new certificates at both ends", || {
            (self.presented() == serials).then_some(())
        });
        self.done += 1;
    }

    /// The serial numbers that both ends of a new connection see.
    fn presented(&self) -> [String; 2] {
        let told = until("the lines of both ends", || {
            let told = ["persona", "gateway"].map(|pair| self.program.accesses(pair).len());
            (told[0] == told[1]).then_some(told[0])
        });
        assert_eq!(self.route.query("select 1"), "1");
        let persona = self.program.access("persona", told);
        let gateway = self.program.access("gateway", told);
        for access in [&persona, &gateway] {
            assert_eq!(access.reason(), "completed");
        }
        [
            persona.get("outbound_serial").to_owned(),
            gateway.get("inbound_serial").to_owned(),
        ]
    }

    /// Changes the pair that nobody uses.
    fn change_other_pair(&mut self) {
        self.config["address_pairs"][2]["name"] = json!(format!("other{}", self.done));
        self.program.reconfigure(&self.config);
    }

    /// Other triggers from now on.
    fn trigger_by(&mut self, watch: bool, interval: &str) {
        self.config["watch"] = json!(watch);
        self.config["reload_interval"] = json!(interval);
        self.program.reconfigure(&self.config);
        self.program.reload();
    }
}

/// pgbench until it is told to end.
fn bench(route: &Route) -> Child {
    let mut bench = route.lasting_command("pgbench");
    bench.args(["-j", "2", "-c", "4", "-T", "600"]);
    bench.stdout(Stdio::piped()).stderr(Stdio::piped());
    bench.spawn().unwrap()
}

/// Waits until it is at work: its first connection, in which it only looks at the tables, has ended.
fn until_at_work(program: &Program) {
    until("pgbench to begin", || {
        let mut pairs = ["persona", "gateway"].iter();
        let are_told = pairs.all(|pair| !program.accesses(pair).is_empty());
        are_told.then_some(())
    });
}

#[test]
fn sessions_and_transactions_live_through_twenty_exchanges_of_every_kind() {
    let postgres = Postgres::shared();
    let database = postgres.database();
    bench_tables(&postgres.direct(&database));
    let mut rotation = Rotation::new(&postgres, &database);
    let mut sessions: Vec<_> = (0..2).map(|_| rotation.route.session()).collect();
    for session in &mut sessions {
        let made = session.ask("create temporary table kept as select 42 as it");
        assert_eq!(made, "");
    }
    let bench = bench(&rotation.route);
    until_at_work(&rotation.program);
    let mut check = |rotation: &Rotation| {
        for session in &mut sessions {
            assert_eq!(session.ask("select it from kept"), "42");
        }
        assert_eq!(rotation.program.errors(), 0);
    };

    for _ in 0..4 {
        rotation.exchange(|_| {});
        check(&rotation);
    }
    for _ in 0..4 {
        rotation.exchange(Rotation::change_other_pair);
        check(&rotation);
    }
    rotation.trigger_by(false, "0s");
    for _ in 0..8 {
        rotation.exchange(|rotation| rotation.program.reload());
        check(&rotation);
    }
    rotation.trigger_by(false, "1s");
    for _ in 0..4 {
        rotation.exchange(|_| {});
        check(&rotation);
    }
    assert_eq!(rotation.done, 20);

    // Its own clock's signal: it takes its time to be over.
    kill_process(Pid::from_child(&bench), Signal::ALARM).unwrap();
    let bench = outcome(bench.wait_with_output().unwrap());
    let count = processed(&bench).to_owned();
    assert_ne!(count, "0");
    let counted = rotation.route.query("select count(*) from pgbench_history");
    assert_eq!(counted, count);
    for session in sessions {
        let (code, output) = session.end();
        assert_eq!(code, 0, "{output}");
    }
    for pair in ["persona", "gateway"] {
        until("every end to be told", || {
            let accesses = rotation.program.accesses(pair);
            let is_clean = |reason: &str| ["completed", "sink_lost"].contains(&reason);
            assert!(accesses.iter().all(|access| is_clean(access.reason())));
            (accesses.len() >= rotation.done + 6).then_some(())
        });
    }
}
