//! Choices that a script makes, in place of those that follow from a seed.

/// The script, and behind its end numbers that follow from it (SplitMix64).
pub(crate) struct Random {
    script: Vec<u8>,
    at: usize,
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random {
            script: Vec::new(),
            at: 0,
            state: seed,
        }
    }

    pub(crate) fn script(bytes: &[u8]) -> Random {
        Random {
            script: bytes.to_vec(),
            ..Random::new(bytes.len() as u64)
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1, from as many bytes of the script as such numbers have.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let (mut number, mut most) = (0, bound - 1);
        while most > 0 {
            let Some(byte) = self.script.get(self.at) else {
                return (self.next() % bound as u64) as usize;
            };
            number = number << 8 | usize::from(*byte);
            self.at += 1;
            most >>= 8;
        }
        number % bound
    }

    /// A number from 1 to `most`, and 0 if that is 0.
    pub(crate) fn up_to(&mut self, most: usize) -> usize {
        match most {
            0 => 0,
            _ => 1 + self.below(most),
        }
    }

    /// True once in `times`.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
