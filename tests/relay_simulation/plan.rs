//! What the two peers of a run are going to do.

use crate::random::Random;
use mtls_persona::base::reason::CloseReason;
use mtls_persona::base::scratch::PIECE_BYTES;
use mtls_persona::relay::Truncation;
use std::ops::Range;

/// The most that a peer sends in one run.
const SENT_MAX: usize = 3 * PIECE_BYTES;

/// How a peer stops sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// FIN on a plain leg, close_notify on a TLS leg.
    End,
    /// FIN without close_notify; TLS only.
    Truncated,
    /// A session that fails; TLS only.
    Failed(CloseReason),
    /// The peer says nothing more.
    Never,
}

#[derive(Clone, Debug)]
pub(crate) struct PeerPlan {
    pub(crate) is_tls: bool,
    /// Which part of its stream the peer sends.
    pub(crate) sends: Range<usize>,
    pub(crate) finish: Finish,
    /// Whether the peer closes both directions right after its finish.
    pub(crate) closes_at_once: bool,
    /// The peer stops reading after that many bytes.
    pub(crate) reads_max: usize,
    /// How many bytes the system takes before the peer reads some.
    pub(crate) window_bytes: usize,
    /// The most that one read of the leg gives.
    pub(crate) piece_max: usize,
    /// At which step the peer resets the connection.
    pub(crate) resets_at: Option<usize>,
    /// Whether what arrived before a reset can still be read.
    pub(crate) keeps_unread: bool,
    /// Whether an event hints at a failure before a read or a write meets it.
    pub(crate) hints: bool,
    /// Whether a full leg learns of a failure by that hint only.
    pub(crate) waits_for_hint: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) truncation: Truncation,
    /// The inbound peer, then the outbound one.
    pub(crate) peers: [PeerPlan; 2],
    /// One idle moment in so many outlasts the deadline.
    pub(crate) patience: usize,
}

/// What each peer may send: bytes in which no piece resembles another.
pub(crate) fn streams() -> [Vec<u8>; 2] {
    [1, 2].map(|seed| {
        let mut random = Random::new(seed);
        let words = (0..SENT_MAX / 4).map(|_| random.next().to_le_bytes());
        words.flatten().collect()
    })
}

/// How much happens in a run, in bytes.
struct Scale {
    sent_max: usize,
    windows: &'static [usize],
    pieces: &'static [usize],
}

/// Every piece and every end is cut apart.
const TINY: Scale = Scale {
    sent_max: 40,
    windows: &[1, 5, 30, 200],
    pieces: &[1, 7, PIECE_BYTES],
};

/// The ordinary run.
const SMALL: Scale = Scale {
    sent_max: 2_000,
    windows: &[20, 300, 3_000, 30_000],
    pieces: &[20, 500, PIECE_BYTES],
};

/// Turns spend their budget of bytes.
const BULK: Scale = Scale {
    sent_max: SENT_MAX,
    windows: &[20_000, PIECE_BYTES, SENT_MAX],
    pieces: &[30_000, PIECE_BYTES, PIECE_BYTES],
};

impl Plan {
    pub(crate) fn draw(random: &mut Random) -> Plan {
        let scale = match random.below(150) {
            0 => BULK,
            1..50 => TINY,
            _ => SMALL,
        };
        Plan {
            truncation: random.pick(&[Truncation::Abort, Truncation::Abort, Truncation::End]),
            peers: [0, 1].map(|_| PeerPlan::draw(random, &scale)),
            patience: random.pick(&[40, usize::MAX, usize::MAX]),
        }
    }
}

impl PeerPlan {
    fn draw(random: &mut Random, scale: &Scale) -> PeerPlan {
        let is_tls = random.one_in(2);
        let sent = match random.one_in(8) {
            true => 0,
            false => random.below(scale.sent_max + 1),
        };
        let start = random.below(2 * SENT_MAX - sent);
        PeerPlan {
            is_tls,
            sends: start..start + sent,
            finish: finish(random, is_tls),
            closes_at_once: random.one_in(4),
            reads_max: match random.one_in(8) {
                true => random.below(scale.sent_max),
                false => usize::MAX,
            },
            window_bytes: random.pick(scale.windows),
            piece_max: random.pick(scale.pieces),
            resets_at: random.one_in(6).then(|| random.below(30)),
            keeps_unread: !random.one_in(4),
            hints: !random.one_in(4),
            waits_for_hint: random.one_in(2),
        }
    }
}

fn finish(random: &mut Random, is_tls: bool) -> Finish {
    let fault = match random.below(4) {
        0 => Finish::Failed(CloseReason::TlsBadRecord),
        1 => Finish::Failed(CloseReason::CertificateRefused),
        _ => Finish::Truncated,
    };
    match random.below(20) {
        0 => Finish::Never,
        1..4 if is_tls => fault,
        _ => Finish::End,
    }
}
