//! The old program's part in its supervisor.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::launcher::Launcher;
use super::legacy::Heirloom;
use super::line::{Line, within};
use super::predecessor::Word;
use super::program::Program;
use super::succession::Succession;
use crate::ops::control::Control;
use crate::ops::reload::Crew;

/// For a word that nobody has to wait for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a reload becomes that is asked for while an upgrade is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ops) struct Owed {
    /// It is to be done whoever serves then.
    pub(in crate::ops) anyway: bool,
    /// It is to be done if this program goes on: it was asked for, and the upgrade is what it came to.
    pub(in crate::ops) on_failure: bool,
}

/// Lets another program take over, one at a time.
#[derive(Debug)]
pub(in crate::ops) struct Upgrader {
    state: State,
    owed: Owed,
}

#[derive(Debug)]
enum State {
    Able(Program, Launcher),
    UnderWay(Program, Arc<Line>),
    /// And why.
    Unable(String),
}

impl Default for Upgrader {
    fn default() -> Upgrader {
        Upgrader::unable("this process is more than the program alone")
    }
}

impl Upgrader {
    fn unable(why: &str) -> Upgrader {
        Upgrader {
            state: State::Unable(why.to_owned()),
            owed: Owed::default(),
        }
    }

    /// That of this process. Call it before it is confined.
    pub(in crate::ops) fn of_process() -> Upgrader {
        if std::process::id() == 1 {
            return Upgrader::unable(
                "this is process 1, and all others of its container end with it: replace the container",
            );
        }
        let program = Program::of_process();
        match Launcher::start(&program) {
            Ok(launcher) => Upgrader {
                state: State::Able(program, launcher),
                owed: Owed::default(),
            },
            Err(error) => Upgrader::unable(&format!(
                "the process that would start the new one could not be started itself: {error}"
            )),
        }
    }

    pub(in crate::ops) fn is_under_way(&self) -> bool {
        matches!(self.state, State::UnderWay(..))
    }

    /// Whether another program is at this one's place, and could be started.
    pub(in crate::ops) fn is_replaced(&self) -> bool {
        matches!(&self.state, State::Able(program, _) if program.is_replaced())
    }

    /// Lets the program take over that is at this one's place now; what comes of it is told by `control`.
    ///
    /// # Errors
    /// Why it cannot begin.
    pub(in crate::ops) fn begin(
        &mut self,
        crew: &Arc<Crew>,
        heirlooms: Vec<Heirloom>,
        control: &Sender<Control>,
    ) -> Result<(), String> {
        let (line, end) = Line::pair().map_err(|error| error.to_string())?;
        let line = Arc::new(line);
        let (program, launcher) = match std::mem::replace(&mut self.state, lost()) {
            State::Able(program, launcher) => (program, launcher),
            State::UnderWay(program, line) => {
                self.state = State::UnderWay(program, line);
                return Err("one is under way".to_owned());
            }
            State::Unable(why) => {
                self.state = State::Unable(why.clone());
                return Err(why);
            }
        };
        log::info!("upgrade: starting {}", program.path.display());
        let succession = Succession {
            launcher,
            crew: Arc::clone(crew),
            heirlooms,
            line: Arc::clone(&line),
        };
        let control = control.clone();
        // Nobody listens any more once the process is about to end.
        let body = move || drop(control.send(Control::Upgrade(succession.run(end))));
        let thread = std::thread::Builder::new().name("upgrade".to_owned());
        thread.spawn(body).map_err(|error| error.to_string())?;
        self.state = State::UnderWay(program, line);
        Ok(())
    }

    /// What is owed once the one that is under way has ended.
    pub(in crate::ops) fn owed(&mut self) -> &mut Owed {
        &mut self.owed
    }

    /// Lets it come to nothing, if one is under way.
    pub(in crate::ops) fn abort(&self) {
        if let State::UnderWay(_, line) = &self.state {
            line.close();
        }
    }

    /// It has come to nothing.
    pub(in crate::ops) fn failed(&mut self, launcher: Launcher) -> Owed {
        self.state = match std::mem::replace(&mut self.state, lost()) {
            State::UnderWay(program, _) => State::Able(program, launcher),
            other => other,
        };
        std::mem::take(&mut self.owed)
    }

    /// The other program serves, and the service manager knows.
    pub(in crate::ops) fn over(&mut self) {
        let served = State::Unable("another process serves already".to_owned());
        if let State::UnderWay(_, line) = std::mem::replace(&mut self.state, served) {
            let is_reload_asked = self.owed.anyway;
            let word = Word::Over { is_reload_asked };
            // Whoever does not hear it has not waited for it.
            let _ = line.send(&word, None, within(PATIENCE));
        }
    }
}

fn lost() -> State {
    State::Unable(
        "the process that would start the new one is lost: restart this program".to_owned(),
    )
}
