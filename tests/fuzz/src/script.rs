//! The fuzzer's bytes as a script of what happens.

/// Numbers read from bytes, one after the other; all are 0 once the bytes are used up.
pub struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    /// The script that these bytes are.
    pub fn new(bytes: &'a [u8]) -> Script<'a> {
        Script { rest: bytes }
    }

    /// Whether nothing is left of it.
    pub fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        *byte
    }

    /// From 0 to `end`, without it; 0 if that is 0. It takes as many bytes as such numbers have.
    pub fn below(&mut self, end: usize) -> usize {
        let mut number = 0;
        let mut most = end.saturating_sub(1);
        while most > 0 {
            number = number << 8 | usize::from(self.byte());
            most >>= 8;
        }
        number % end.max(1)
    }

    /// The next bytes, as many as there are at most.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        bytes
    }
}
