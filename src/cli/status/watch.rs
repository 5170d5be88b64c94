//! The same again every two seconds, on a screen of its own.

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::ask::ask;
use super::facts::Facts;
use super::layout::{self, Line, Look, Shade, safe};
use super::{COULD_NOT, fail, finish, look, report, tell};
use crate::config::Address;

/// How long it stands still.
const EVERY: Duration = Duration::from_secs(2);

/// The alternate screen of a terminal, without a cursor; and back to what was there before.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the first place; and what is behind the end of a line, or below the last one, goes.
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

type Answer = Result<Facts, String>;

/// Shows it until interrupted, which is a success.
pub(super) fn run(address: Address, first: Look) -> ExitCode {
    // Nobody has to look at an empty screen to learn that nobody answers.
    let facts = match answer(&address) {
        Ok(facts) => facts,
        Err(what) => return fail(COULD_NOT, &format!("{address}: {what}")),
    };
    let outcome = listen(address).and_then(|(interrupted, answers)| {
        let screen = Screen::enter()?;
        screen.show(&report::lines(&facts, first.width), first)?;
        watch(&screen, facts, &interrupted, &answers)
    });
    finish(ExitCode::SUCCESS, outcome)
}

fn answer(address: &Address) -> Answer {
    Facts::read(&ask(address)?)
}

/// What ends it, and what is to be shown.
fn listen(address: Address) -> io::Result<(Receiver<()>, Receiver<Answer>)> {
    let (interrupt, interrupted) = bounded(1);
    let (answered, answers) = bounded(1);
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let wait = move || {
        if signals.forever().next().is_some() {
            // It is waited for until the end.
            let _ = interrupt.send(());
        }
    };
    spawn("status-signals", wait)?;
    spawn("status-ask", move || ask_on(&address, &answered))?;
    Ok((interrupted, answers))
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn(body).map(drop)
}

/// Asks for as long as somebody looks.
fn ask_on(address: &Address, answered: &Sender<Answer>) {
    loop {
        thread::park_timeout(EVERY);
        if answered.send(answer(address)).is_err() {
            return;
        }
    }
}

fn watch(
    screen: &Screen,
    mut facts: Facts,
    interrupted: &Receiver<()>,
    answers: &Receiver<Answer>,
) -> io::Result<()> {
    loop {
        let answer = select! {
            recv(interrupted) -> _ => return Ok(()),
            recv(answers) -> answer => answer.unwrap_or_else(|_| Err("nobody asks any more".to_owned())),
        };
        // The window may be another size by now.
        let look = look().unwrap_or(Look::PLAIN);
        let mut lines = Vec::new();
        match answer {
            Ok(newer) => facts = newer,
            Err(what) => {
                let told = format!(
                    "no answer, what is below is the last that was told: {}",
                    safe(&what)
                );
                lines.extend(layout::wrapped(0, Shade::Bad, &told, look.width));
            }
        }
        lines.extend(report::lines(&facts, look.width));
        screen.show(&lines, look)?;
    }
}

/// A terminal's other screen, as long as this lives.
struct Screen;

impl Screen {
    fn enter() -> io::Result<Screen> {
        tell(ENTER)?;
        Ok(Screen)
    }

    /// Writes over what is there, so that nothing flickers.
    fn show(&self, lines: &[Line], look: Look) -> io::Result<()> {
        let text = layout::text(lines.to_vec(), look);
        let text = text
            .trim_end_matches('\n')
            .replace('\n', &format!("{REST_OF_LINE}\n"));
        tell(&format!("{HOME}{text}{REST_OF_LINE}{REST_OF_SCREEN}"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There may be no terminal any more.
        let _ = tell(LEAVE);
    }
}
