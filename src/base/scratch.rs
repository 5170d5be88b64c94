//! The large buffers of a worker, which its connections borrow for a turn.

use super::buffer::Buffer;

/// The most that one receive takes and one send offers, in bytes: 32 TLS records.
///
/// System calls and wake-ups are the largest part of a forwarder's cost, and their number falls with
/// the size of a piece. Half a mebibyte costs an eighth less than a quarter; above it nothing was won.
pub const PIECE_BYTES: usize = 512 * 1024;

/// A TLS record's header, nonce, padding and tag together are less than this (RFC 8446, 5.2).
const RECORD_OVERHEAD_BYTES: usize = 256;

/// The largest payload of one TLS record (RFC 8446, 5.1).
pub const RECORD_BYTES: usize = 16 * 1024;

/// Up to this many bytes that a socket refused are copied into memory of their size.
const COPIED_BYTES_MAX: usize = 128 * 1024;

/// How many large buffers a worker keeps for connections whose sink is slow.
const SPARES_MAX: usize = 8;

/// Working memory of one worker. Nothing in it outlives a turn but the spare buffers.
pub struct Scratch {
    /// Plain bytes between a source and a sink.
    pub plain: Buffer,
    /// Ciphertext as it was received.
    pub received: Buffer,
    /// Bytes on their way to a socket.
    pub outgoing: Buffer,
    spares: Vec<Buffer>,
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch {
            // The same room as `outgoing`: a plain leg sends from where the bytes are, and the two
            // change places.
            plain: new_outgoing(),
            received: Buffer::with_capacity(PIECE_BYTES),
            outgoing: new_outgoing(),
            spares: Vec::new(),
        }
    }
}

impl Scratch {
    /// Takes the bytes that a socket refused out of `outgoing`, to be kept by their connection.
    ///
    /// Few bytes are copied into memory of their size. Many leave together with their buffer, and a
    /// spare takes its place: a slow sink costs no copy.
    pub fn keep_outgoing(&mut self) -> Buffer {
        if self.outgoing.len() <= COPIED_BYTES_MAX {
            let kept = Buffer::holding(self.outgoing.data());
            self.outgoing.clear();
            return kept;
        }
        let spare = self.spares.pop().unwrap_or_else(new_outgoing);
        std::mem::replace(&mut self.outgoing, spare)
    }

    /// Takes back a buffer that a connection has emptied.
    pub fn give_back(&mut self, mut buffer: Buffer) {
        if buffer.capacity() >= PIECE_BYTES && self.spares.len() < SPARES_MAX {
            buffer.clear();
            self.spares.push(buffer);
        }
    }
}

/// Room for what one piece turns into: plain text, together with the record that was begun by the
/// piece before; or ciphertext, with what each record adds.
fn new_outgoing() -> Buffer {
    let records = PIECE_BYTES / RECORD_BYTES + 2;
    Buffer::with_capacity(PIECE_BYTES + 2 * RECORD_BYTES + records * RECORD_OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_refused_bytes_are_kept_in_memory_of_their_size() {
        let mut scratch = Scratch::default();
        scratch.outgoing.append(b"a few");
        let kept = scratch.keep_outgoing();
        assert_eq!(kept.data(), b"a few");
        assert_eq!(kept.capacity(), 5);
        assert!(scratch.outgoing.is_empty());
    }

    #[test]
    fn many_refused_bytes_leave_with_their_buffer_and_come_back_as_a_spare() {
        let mut scratch = Scratch::default();
        let many = vec![7; PIECE_BYTES];
        scratch.outgoing.append(&many);
        let kept = scratch.keep_outgoing();
        assert_eq!(kept.data(), many);
        assert!(scratch.outgoing.is_empty() && scratch.outgoing.capacity() > PIECE_BYTES);
        scratch.give_back(kept);
        assert_eq!(scratch.spares.len(), 1);
    }

    #[test]
    fn the_spares_are_bounded() {
        let mut scratch = Scratch::default();
        for _ in 0..100 {
            scratch.give_back(new_outgoing());
        }
        assert_eq!(scratch.spares.len(), SPARES_MAX);
    }
}
