//! A client of a connector, seen from the client's side: it asks for its host once the handshake is done, and
//! waits for the answer.

use std::time::Instant;

use super::connection::{Connection, End, Next, Phase};
use super::step::{Step, Turn};
use crate::base::buffer::Buffer;
use crate::base::deadline::DeadlineKind;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::relay::{Fill, Flush, Leg as _};
use crate::route::{Answer, AnswerReader, ConnectId};

/// Reads of an answer in one turn.
const READS: usize = 16;

const SILENT: &str = "the destination has not answered as a connector does: OK or ERROR";
const STRANGE: &str = "the destination answers with something else than OK or ERROR";
const ENDED: &str = "the destination ended the connection before it had answered";

impl Connection {
    /// The connector is reached: asks it for the host.
    pub(super) fn ask_connector(
        &mut self,
        id: &ConnectId,
        now: Instant,
        turn: &mut Turn<'_>,
    ) -> Result<Next, End> {
        let timeouts = &self.served.pair.timeouts;
        // It has a handshake's time for our line, and its own connect has the same limit as ours.
        let until = now + timeouts.handshake + timeouts.connect;
        let Some(outbound) = &mut self.outbound else {
            return Ok(Next::Step(Step::Wait));
        };
        turn.scratch.plain.clear();
        turn.scratch.plain.append(id.as_str().as_bytes());
        turn.scratch.plain.append(b"\n");
        if outbound.send(turn.scratch) == Flush::Lost {
            return Err(invalid(ENDED));
        }
        outbound.let_go(turn.scratch);
        self.deadlines.set(DeadlineKind::Handshake, until);
        Ok(Next::Phase(Phase::Asking(AnswerReader::default())))
    }

    /// Reads the answer; what stands behind it is the host's.
    pub(super) fn asking(&mut self, now: Instant, turn: &mut Turn<'_>) -> Result<Next, End> {
        self.watch_inbound()?;
        let (Phase::Asking(reader), Some(outbound)) = (&mut self.phase, &mut self.outbound) else {
            return Ok(Next::Step(Step::Wait));
        };
        for _ in 0..READS {
            match outbound.fill(turn.scratch) {
                Fill::Blocked => return Ok(Next::Step(Step::Wait)),
                Fill::Bytes(_) | Fill::Last(_) => {}
                Fill::End | Fill::Truncated | Fill::Reset => return Err(invalid(ENDED)),
                Fill::Failed(reason) => return Err(self.failed(Side::Outbound, reason)),
            }
            let plain = &mut turn.scratch.plain;
            let taken = reader.take(plain.data());
            if let Some((_, used)) = &taken {
                plain.consume(*used);
                outbound.put_back(Buffer::holding(plain.data()));
            }
            plain.clear();
            match taken {
                None => {}
                Some((Answer::Granted, _)) => {
                    self.deadlines.clear(DeadlineKind::Handshake);
                    return Ok(self.relay(now));
                }
                Some((Answer::Refused(message), _)) => {
                    let (reason, side) = (CloseReason::ConnectorRefused, Side::Outbound);
                    return Err(End(reason, Some(side), message));
                }
                Some((Answer::Strange, _)) => return Err(invalid(STRANGE)),
            }
        }
        Ok(Next::Step(Step::Yield))
    }

    pub(super) fn no_connector() -> End {
        invalid(SILENT)
    }
}

fn invalid(detail: &str) -> End {
    let (reason, side) = (CloseReason::ConnectorInvalid, Side::Outbound);
    End(reason, Some(side), detail.to_owned())
}
