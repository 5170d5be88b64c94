//! Chance that a seed repeats, and the bytes that both ends of a connection know.

use std::io;

/// What is moved at once.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// The generator SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Another one, which depends on this one's seed and on `number` alone.
    pub(super) fn fork(&self, number: u64) -> Random {
        Random(Random(self.0 ^ number.wrapping_mul(0xd134_2543_de82_ef95)).next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `least` on and below `end`.
    pub(super) fn between(&mut self, least: u64, end: u64) -> u64 {
        least + self.next() % (end - least).max(1)
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.next() as usize % from.len()]
    }
}

/// Bytes without end that are a connection's own: one that is lost, doubled, changed or of another
/// connection shows.
pub(super) struct Pattern {
    random: Random,
    word: [u8; 8],
    used: usize,
}

impl Pattern {
    pub(super) fn of(id: u64) -> Pattern {
        Pattern {
            random: Random::new(id),
            word: [0; 8],
            used: 8,
        }
    }

    /// The next bytes.
    pub(super) fn fill(&mut self, into: &mut [u8]) {
        for byte in into {
            *byte = self.step();
        }
    }

    /// Whether these are the next bytes.
    pub(super) fn fits(&mut self, bytes: &[u8]) -> bool {
        // All of them are looked at, so that it counts on behind a difference.
        bytes
            .iter()
            .fold(true, |fits, byte| (self.step() == *byte) & fits)
    }

    fn step(&mut self) -> u8 {
        if self.used == self.word.len() {
            self.word = self.random.next().to_le_bytes();
            self.used = 0;
        }
        self.used += 1;
        self.word[self.used - 1]
    }
}

/// Sends so many of its next bytes.
pub(super) fn send_pattern(
    pattern: &mut Pattern,
    amount: u64,
    mut send: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut left = amount;
    while left > 0 {
        let count = left.min(PIECE_BYTES as u64) as usize;
        pattern.fill(&mut piece[..count]);
        send(&piece[..count])?;
        left -= count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_known_in_any_pieces_and_every_change_shows() {
        let mut bytes = [0; 100];
        Pattern::of(7).fill(&mut bytes);
        let mut pattern = Pattern::of(7);
        assert!(pattern.fits(&bytes[..3]) && pattern.fits(&bytes[3..]));
        bytes[42] ^= 1;
        assert!(!Pattern::of(7).fits(&bytes));
        assert!(!Pattern::of(7).fits(&bytes[1..]));
        assert!(!Pattern::of(8).fits(&bytes));
    }
}
