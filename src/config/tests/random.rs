//! Chance that is the same in every run.

/// Numbers that look random and are the same in every run (Marsaglia's xorshift).
pub(super) struct Xorshift(pub(super) u64);

impl Xorshift {
    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}
