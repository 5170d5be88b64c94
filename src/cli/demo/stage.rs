//! The gateway and the persona, each a whole program on threads of its own, and the signals.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, RecvError, Sender, TryRecvError};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{DemoError, while_doing};
use crate::config;
use crate::net::Endpoint;
use crate::ops::{self, Command, ControlLine, Running, Surroundings, check_credentials};
use crate::tls::Profile;

/// Signals and ends that may wait to be looked at; more wait with their senders.
const EVENTS_MAX: usize = 8;

/// What happens to a demonstration from outside.
enum Event {
    Signal,
    /// A half ended, with what went wrong if something did.
    Ended(&'static str, Option<String>),
}

/// One of the two.
pub(super) struct Half {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Whole days until its certificate ends.
    pub(super) days_left: i32,
    command: Box<dyn Fn(Command)>,
}

impl Half {
    /// Lets it read its certificate again.
    pub(super) fn reload(&self) {
        (self.command)(Command::Reload);
    }
}

/// What runs.
pub(super) struct Stage {
    events: Receiver<Event>,
    sender: Sender<Event>,
    commanders: Vec<Box<dyn Fn(Command)>>,
    alive: usize,
}

impl Stage {
    /// An empty stage that watches for signals. SIGHUP, which a closed terminal sends, ends a
    /// demonstration too.
    pub(super) fn new() -> io::Result<Stage> {
        let (sender, events) = crossbeam_channel::bounded(EVENTS_MAX);
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let of_signals = sender.clone();
        thread::Builder::new()
            .name("demo-signals".to_owned())
            .spawn(move || {
                let mut signals = signals.forever();
                while signals.next().is_some() && of_signals.send(Event::Signal).is_ok() {}
            })?;
        Ok(Stage {
            events,
            sender,
            commanders: Vec::new(),
            alive: 0,
        })
    }

    /// Starts the program of that configuration, which has one pair.
    pub(super) fn start(
        &mut self,
        name: &'static str,
        config: &Path,
        now: i64,
    ) -> Result<Half, DemoError> {
        let doing = match name {
            "gateway" => "starting the gateway",
            _ => "starting the persona",
        };
        let loaded = config::load(config).map_err(while_doing(doing))?;
        let checked = check_credentials(&loaded.config.pairs, Profile::Ordinary, now);
        let checked = checked.map_err(|lines| while_doing(doing)(lines.join("\n")))?;
        let days_left = checked.credentials.first().map_or(0, |own| own.days_left);
        let running = ops::start(
            loaded,
            None,
            ControlLine::default(),
            Surroundings::default(),
        )
        .map_err(while_doing(doing))?;
        let Some(Endpoint::Tcp(address)) = running.endpoint(0).cloned() else {
            return Err(while_doing(doing)("it does not listen on TCP"));
        };
        let command = Box::new(running.commander());
        self.run(name, running).map_err(while_doing(doing))?;
        Ok(Half {
            address,
            days_left,
            command,
        })
    }

    fn run(&mut self, name: &'static str, running: Running) -> io::Result<()> {
        self.commanders.push(Box::new(running.commander()));
        let ends = self.sender.clone();
        let body = move || {
            let what = running.wait().err().map(|error| error.to_string());
            // Nobody listens any more only when the process is about to end.
            let _ = ends.send(Event::Ended(name, what));
        };
        thread::Builder::new().name(name.to_owned()).spawn(body)?;
        self.alive += 1;
        Ok(())
    }

    /// An error if something has happened that ends the demonstration.
    pub(super) fn go_on(&self) -> Result<(), DemoError> {
        match self.events.try_recv() {
            Err(TryRecvError::Empty) => Ok(()),
            Ok(Event::Ended(name, what)) => Err(ended(name, what)),
            Ok(Event::Signal) | Err(TryRecvError::Disconnected) => Err(DemoError::Interrupted),
        }
    }

    /// Waits until a signal ends it.
    pub(super) fn wait_for_signal(&self) -> Result<(), DemoError> {
        match self.events.recv() {
            Ok(Event::Signal) | Err(RecvError) => Ok(()),
            Ok(Event::Ended(name, what)) => Err(ended(name, what)),
        }
    }

    /// Lets both drain; another signal ends them at once.
    pub(super) fn stop(mut self) -> Result<(), DemoError> {
        self.command(Command::Stop);
        while self.alive > 0 {
            match self.events.recv() {
                Ok(Event::Ended(_, None)) => self.alive -= 1,
                Ok(Event::Ended(name, what)) => return Err(ended(name, what)),
                Ok(Event::Signal) => self.command(Command::Stop),
                Err(RecvError) => break,
            }
        }
        Ok(())
    }

    fn command(&self, command: Command) {
        for commander in &self.commanders {
            commander(command);
        }
    }
}

fn ended(name: &'static str, what: Option<String>) -> DemoError {
    let what = what.unwrap_or_else(|| "it ended unasked".to_owned());
    while_doing("serving")(format!("{name}: {what}"))
}
