//! What the two halves tell of the one connection that goes through both.

use std::time::Duration;

use super::{DemoError, while_doing};
use crate::cli::access::{Access, Accesses};

/// A connection's line comes right behind its end.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection as the two saw it.
pub(super) struct Seen {
    pub(super) by_persona: Access,
    pub(super) by_gateway: Access,
}

impl Seen {
    /// Which certificate the persona showed.
    pub(super) fn persona_serial(&self) -> String {
        self.by_gateway.get("inbound_serial")
    }
}

/// The lines of the one connection that went through both.
pub(super) fn of_both(accesses: &Accesses) -> Result<Seen, DemoError> {
    let (mut persona, mut gateway) = (None, None);
    loop {
        let access = accesses.next(PATIENCE);
        let access = access.ok_or("nothing came");
        let access = access.map_err(while_doing("waiting for the access log"))?;
        match access.get("pair").as_str() {
            "persona" => persona = Some(access),
            _ => gateway = Some(access),
        }
        if let (Some(by_persona), Some(by_gateway)) = (&persona, &gateway) {
            return Ok(Seen {
                by_persona: by_persona.clone(),
                by_gateway: by_gateway.clone(),
            });
        }
    }
}
