//! A run: starts the subjects, measures in rounds, and hands the figures to the report.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::Compare;
use crate::floor::Crypto;
use crate::measure::{Bench, Legs, Sample};
use crate::peers::{FIPS_GROUP, GROUP, Kind, Mode, Peer, Pki, Setup, find};
use crate::pki;
use crate::report::{self, Report};
use crate::scenario::{Direction, Scenario};
use crate::subject::Subject;

/// The name of the plain relay among the subjects.
pub(crate) const FLOOR: &str = "plain relay";

/// Held connections at which memory is looked at.
const CROWDS: [usize; 3] = [1000, 5000, 9000];
const QUICK_CROWDS: [usize; 1] = [500];

/// Rounds in which memory is measured: it hardly differs between them, and takes longest.
const MEMORY_ROUNDS: usize = 1;

/// One that is measured: a peer in a mode, or the plain relay.
struct Contestant {
    name: &'static str,
    peer: Option<Peer>,
    mode: Option<Mode>,
    subject: Subject,
    _folder: TempDir,
}

/// What a run needs besides its contestants.
struct Ground {
    bench: Bench,
    /// Its key exchanges are of the group that FIPS modules have.
    fips_bench: Bench,
    pki: Pki,
    crypto: Crypto,
    folder: TempDir,
}

impl Ground {
    fn new() -> io::Result<Ground> {
        raise_descriptors()?;
        let ours = find(Kind::Ours).map_err(io::Error::other)?;
        // Under target/, where only who runs this may look.
        let base = Path::new("target");
        fs::create_dir_all(base)?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(base)?;
        let root = fs::canonicalize(folder.path())?;
        let pki = pki::make(&ours.program, &root.join("pki"))?;
        let stranger = pki::make(&ours.program, &root.join("stranger"))?;
        Ok(Ground {
            bench: Bench::new(&pki, &stranger, GROUP)?,
            fips_bench: Bench::new(&pki, &stranger, FIPS_GROUP)?,
            crypto: Crypto::measure(&pki, &stranger)?,
            pki,
            folder,
        })
    }

    /// The load for such a subject.
    fn bench(&self, peer: Option<&Peer>) -> &Bench {
        match peer.map(|peer| peer.kind.group()) {
            Some(group) if group == FIPS_GROUP => &self.fips_bench,
            _ => &self.bench,
        }
    }

    fn start(&self, peer: Option<&Peer>, mode: Option<Mode>) -> io::Result<Contestant> {
        let parent = fs::canonicalize(self.folder.path())?;
        let folder = tempfile::Builder::new().tempdir_in(parent)?;
        let inbound = free_address()?;
        let outbound = self.bench(peer).service(legs(mode)).address;
        let command = match (peer, mode) {
            (Some(peer), Some(mode)) => peer.command(&Setup {
                mode,
                folder: folder.path(),
                inbound,
                outbound,
                pki: &self.pki,
            })?,
            _ => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["relay", &inbound.to_string(), &outbound.to_string()]);
                command
            }
        };
        let subject = Subject::start(command, folder.path(), inbound)?;
        Ok(Contestant {
            name: peer.map_or(FLOOR, |peer| peer.kind.name()),
            peer: peer.cloned(),
            mode,
            subject,
            _folder: folder,
        })
    }
}

pub(crate) fn legs(mode: Option<Mode>) -> Legs {
    Legs {
        inbound_tls: mode == Some(Mode::Server),
        outbound_tls: mode == Some(Mode::Client),
    }
}

/// Connections by the thousand have two descriptors each in this process.
pub(crate) fn raise_descriptors() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn fits(words: &[String], name: &str) -> bool {
    words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
}

/// `mtls-persona-bench compare`.
pub(crate) fn compare(words: &Compare) -> io::Result<()> {
    let rounds = words.rounds.unwrap_or(if words.quick { 1 } else { 5 });
    let seconds = words.seconds.unwrap_or(if words.quick { 0.3 } else { 1.0 });
    let crowds: &[usize] = if words.quick { &QUICK_CROWDS } else { &CROWDS };
    let ground = Ground::new()?;
    let mut report = Report::new(ground.crypto, rounds, seconds);
    let contestants = line_up(&ground, words, &mut report)?;
    let scenarios: Vec<Scenario> = Scenario::all()
        .into_iter()
        .filter(|scenario| fits(&words.scenarios, &scenario.to_string()))
        .collect();
    for round in 0..rounds {
        for scenario in &scenarios {
            if *scenario == Scenario::Idle && round >= MEMORY_ROUNDS {
                continue;
            }
            eprintln!("round {} of {rounds}: {scenario}", round + 1);
            // Each round begins with another one: who comes first may have it better.
            let first = round % contestants.len().max(1);
            for at in 0..contestants.len() {
                let contestant = &contestants[(first + at) % contestants.len()];
                let outcome = match scenario {
                    Scenario::Idle => idle(&ground, contestant, crowds),
                    scenario => ground.bench(contestant.peer.as_ref()).measure(
                        &contestant.subject,
                        legs(contestant.mode),
                        *scenario,
                        seconds,
                    ),
                };
                if let Err(error) = &outcome {
                    let mode = contestant.mode.map_or("", Mode::label);
                    eprintln!("  {} {mode}: {error}", contestant.name);
                }
                report.add(*scenario, contestant.mode, contestant.name, outcome);
            }
        }
    }
    print!("{}", report.tables());
    match &words.save {
        Some(folder) => report.save(folder),
        None => Ok(()),
    }
}

/// Starts who is there, and checks that each refuses whom it must.
fn line_up(ground: &Ground, words: &Compare, report: &mut Report) -> io::Result<Vec<Contestant>> {
    let mut contestants = Vec::new();
    let kinds = Kind::ALL.into_iter();
    for kind in kinds.filter(|kind| *kind == Kind::Ours || fits(&words.subjects, kind.name())) {
        let peer = match find(kind) {
            Ok(peer) => peer,
            Err(missing) if kind == Kind::Ours => return Err(io::Error::other(missing)),
            Err(missing) => {
                report.leave_out(missing);
                continue;
            }
        };
        report.introduce(&peer);
        for mode in Mode::ALL {
            if !kind.supports(mode) || !fits(&words.modes, mode.label()) {
                continue;
            }
            let started = ground
                .start(Some(&peer), Some(mode))
                .and_then(|contestant| {
                    let (subject, legs) = (&contestant.subject, legs(contestant.mode));
                    ground.bench(Some(&peer)).check_refusals(subject, legs)?;
                    Ok(contestant)
                });
            match started {
                Ok(contestant) => contestants.push(contestant),
                // A peer may be missing; this one is what it is about.
                Err(error) if kind == Kind::Ours => return Err(error),
                Err(error) => {
                    report.leave_out(format!("{} as {}: {error}", kind.name(), mode.label()));
                }
            }
        }
    }
    contestants.push(ground.start(None, None)?);
    Ok(contestants)
}

/// In a process of its own, in which nothing else was before.
fn idle(ground: &Ground, contestant: &Contestant, crowds: &[usize]) -> io::Result<Sample> {
    let fresh = ground.start(contestant.peer.as_ref(), contestant.mode)?;
    let bench = ground.bench(fresh.peer.as_ref());
    bench.idle(&fresh.subject, legs(fresh.mode), crowds)
}

/// `mtls-persona-bench growth`.
pub(crate) fn growth(seconds: f64) -> io::Result<()> {
    const COUNTS: [usize; 4] = [1, 64, 1000, 9000];
    let ground = Ground::new()?;
    let ours = find(Kind::Ours).map_err(io::Error::other)?;
    let mut rows: BTreeMap<(Mode, Scenario), Sample> = BTreeMap::new();
    for mode in Mode::ALL {
        let contestant = ground.start(Some(&ours), Some(mode))?;
        let mut scenarios = vec![Scenario::Connect { resumes: false }];
        scenarios.push(Scenario::Connect { resumes: true });
        for count in COUNTS {
            scenarios.push(Scenario::Messages(64, count));
            scenarios.push(Scenario::Bulk(Direction::Up, count));
            scenarios.push(Scenario::Bulk(Direction::Down, count));
        }
        for scenario in scenarios {
            eprintln!("{}: {scenario}", mode.label());
            let legs = legs(Some(mode));
            let sample = ground
                .bench
                .measure(&contestant.subject, legs, scenario, seconds)?;
            rows.insert((mode, scenario), sample);
        }
        let memory = idle(&ground, &contestant, &CROWDS)?;
        rows.insert((mode, Scenario::Idle), memory);
    }
    print!("{}", report::growth(&rows, &COUNTS));
    Ok(())
}
