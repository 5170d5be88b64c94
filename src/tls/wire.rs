//! The memory between a TLS session and its socket.

use std::io::{self, Read, Write};

use crate::base::buffer::Buffer;

/// What the TLS library believes to be its transport. Writing never blocks; reading past the input
/// blocks, or ends once the peer has ended.
#[derive(Default)]
pub(super) struct Wire {
    /// Ciphertext that arrived and was not read yet.
    pub(super) input: Buffer,
    /// No more input will come.
    pub(super) input_ended: bool,
    /// Ciphertext that waits to be sent.
    pub(super) output: Buffer,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() && !self.input_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = into.len().min(self.input.len());
        into[..count].copy_from_slice(&self.input.data()[..count]);
        self.input.consume(count);
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.output.append(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_read_tells_only_what_it_copied() {
        let mut wire = Wire::default();
        wire.input.append(b"abcde");
        let mut into = [0; 3];
        assert_eq!(wire.read(&mut into).ok(), Some(3));
        assert_eq!(wire.read(&mut into).ok(), Some(2));
        assert_eq!(&into, b"dec");
    }

    #[test]
    fn without_input_it_blocks_until_the_peer_has_ended() {
        let mut wire = Wire::default();
        let blocked = wire.read(&mut [0; 3]).map_err(|e| e.kind());
        assert_eq!(blocked, Err(io::ErrorKind::WouldBlock));
        wire.input_ended = true;
        assert_eq!(wire.read(&mut [0; 3]).ok(), Some(0));
    }
}
