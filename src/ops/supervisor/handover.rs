//! One process after another.

use super::{RunError, Running, State, clock};
use crate::ops::board::Stage;
use crate::ops::control::{Command, Control};
use crate::ops::upgrade::{Event, Heirloom, Predecessor};
use crate::reactor::AcceptorMsg;

impl Running {
    /// Begins to serve, in the place of a predecessor if there is one. That is not before it has said so.
    pub(super) fn take_over(&mut self) -> Result<Option<Predecessor>, RunError> {
        let predecessor = self.succession.predecessor.take();
        if let Some(predecessor) = &predecessor {
            predecessor.wait().map_err(RunError)?;
            self.hear_before_serving()?;
        }
        self.renewer.board().set_stage(Stage::Serving);
        if let Some(predecessor) = &predecessor {
            predecessor.serving(self.renewer.bounds().passed.legacy().close());
            self.crew.acceptor.post(AcceptorMsg::Resume);
            self.admin.open();
        }
        Ok(predecessor)
    }

    /// Hears what it was told while it waited for its turn. It may have been to stop: then it is still time.
    fn hear_before_serving(&mut self) -> Result<(), RunError> {
        let mut later = Vec::new();
        while let Ok(message) = self.messages.try_recv() {
            match message {
                Control::Command(Command::Stop) => {
                    let what = "told to stop before it has taken over";
                    return Err(RunError(what.to_owned()));
                }
                // A reload, which what is new may be for, or an upgrade: both are for one that serves.
                Control::Command(command) => later.push(command),
                other => self.take(other, &clock(), &mut false)?,
            }
        }
        // The queue has room for as much as was in it; of many signals one is enough.
        for command in later {
            let _ = self.control.try_send(Control::Command(command));
        }
        Ok(())
    }

    /// A reload was asked for. With another program in the place of this one it is for that to read what is new.
    pub(super) fn reload_or_upgrade(&mut self, is_reload_asked: &mut bool) {
        let upgrader = &mut self.succession.upgrader;
        if upgrader.is_under_way() {
            upgrader.owed().anyway = true;
        } else if matches!(self.state, State::Serving) && upgrader.is_replaced() {
            log::info!(
                "another program is in the place of this one: upgrading instead of reloading"
            );
            upgrader.owed().on_failure = true;
            self.upgrade(is_reload_asked);
        } else {
            *is_reload_asked = true;
        }
    }

    pub(super) fn upgrade(&mut self, is_reload_asked: &mut bool) {
        if let State::Draining { .. } = self.state {
            log::info!("not upgrading: the program is stopping");
            return;
        }
        if self.succession.upgrader.is_under_way() {
            log::info!("not upgrading: an upgrade is under way");
            return;
        }
        self.manager.reloading();
        let heirlooms = self.heirlooms();
        let begun = heirlooms.and_then(|heirlooms| {
            let upgrader = &mut self.succession.upgrader;
            upgrader.begin(&self.crew, heirlooms, &self.control)
        });
        if let Err(why) = begun {
            log::error!("not upgraded: {why}");
            self.manager.ready(self.status());
            let owed = std::mem::take(self.succession.upgrader.owed());
            *is_reload_asked |= owed.on_failure;
        }
    }

    /// What the supervisor itself has of listening sockets, or can copy.
    fn heirlooms(&self) -> Result<Vec<Heirloom>, String> {
        let passed = self.renewer.bounds().passed.heirlooms();
        let all = passed.and_then(|mut heirlooms| {
            heirlooms.extend(self.admin.heirlooms()?);
            Ok(heirlooms)
        });
        all.map_err(|error| format!("the system refused: {error}"))
    }

    /// An upgrade has come to its end.
    pub(super) fn upgraded(&mut self, event: Event, is_reload_asked: &mut bool) {
        let is_serving = matches!(self.state, State::Serving);
        match event {
            Event::Served(pid) => {
                self.manager.succeeded(pid);
                self.succession.upgrader.over();
                self.admin.retire();
                log::info!("upgraded: process {pid} serves");
                if is_serving {
                    self.drain(clock().steady, false);
                }
            }
            Event::Failed { launcher, why } => {
                let owed = self.succession.upgrader.failed(launcher);
                if !is_serving {
                    log::info!("not upgraded: the program is stopping");
                    return;
                }
                log::error!("not upgraded: {why}; this process goes on as before");
                self.manager.ready(self.status());
                *is_reload_asked |= owed.anyway || owed.on_failure;
            }
        }
    }
}
