//! Names of connections, and how they travel through the poller.

/// Which of a connection's two legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The leg that a peer opened to us.
    Inbound,
    /// The leg that we opened to the destination.
    Outbound,
}

impl Side {
    /// The other leg.
    pub fn other(self) -> Side {
        match self {
            Side::Inbound => Side::Outbound,
            Side::Outbound => Side::Inbound,
        }
    }

    /// The word for the log.
    pub fn label(self) -> &'static str {
        match self {
            Side::Inbound => "inbound",
            Side::Outbound => "outbound",
        }
    }
}

/// One connection of one worker: its slot and how often the slot was used before.
///
/// The generation tells a late answer for an earlier owner of the slot from one for the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// Slot in the worker's slab, below 2^31 - 1.
    pub slot: u32,
    /// Counts the connections of this worker, modulo 2^32.
    pub generation: u32,
}

const SIDE_BIT: u64 = 1 << 31;

impl ConnId {
    /// Packs the name and a leg into the 64 bits that the poller carries.
    pub fn token(self, side: Side) -> usize {
        debug_assert!(u64::from(self.slot) < SIDE_BIT);
        let side = match side {
            Side::Inbound => 0,
            Side::Outbound => SIDE_BIT,
        };
        (u64::from(self.generation) << 32 | side | u64::from(self.slot)) as usize
    }

    /// Undoes [`ConnId::token`].
    pub fn from_token(token: usize) -> (ConnId, Side) {
        let token = token as u64;
        let side = match token & SIDE_BIT {
            0 => Side::Inbound,
            _ => Side::Outbound,
        };
        let id = ConnId {
            slot: (token & (SIDE_BIT - 1)) as u32,
            generation: (token >> 32) as u32,
        };
        (id, side)
    }
}

/// The token of a thread's mailbox; no connection has it, as no slot is that high.
pub const MAILBOX_TOKEN: usize = usize::MAX;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("tokens pack a slot and a generation into 64 bits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_slot_generation_and_leg() {
        for side in [Side::Inbound, Side::Outbound] {
            for (slot, generation) in [(0, 0), (7, u32::MAX), (u32::MAX >> 1, 3)] {
                let id = ConnId { slot, generation };
                assert_eq!(ConnId::from_token(id.token(side)), (id, side));
            }
        }
    }
}
