//! Signals as messages.

use std::io;

use crossbeam_channel::Sender;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};
use signal_hook::iterator::Signals;

use super::control::{Command, Control};

/// Turns SIGHUP, SIGUSR2, SIGTERM and SIGINT into commands, from now on and for good.
pub(super) fn watch(control: Sender<Control>) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGUSR2, SIGTERM, SIGINT])?;
    let body = move || {
        for signal in &mut signals {
            let command = match signal {
                SIGHUP => Command::Reload,
                SIGUSR2 => Command::Upgrade,
                _ => Command::Stop,
            };
            if control.send(Control::Command(command)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(body)?;
    Ok(())
}
