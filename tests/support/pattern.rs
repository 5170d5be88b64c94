//! Bytes that tell when one of them is lost, doubled or moved.

use std::io::{self, Read, Write};
use std::sync::LazyLock;

/// Random bytes that are sent again and again. A prime length keeps them out of step with every
/// buffer.
static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| random_bytes(1, 1_000_003));

/// The largest piece that is written or read at once.
const PIECE: usize = 64 * 1024;

/// That many bytes that look random; the same for the same start.
pub fn random_bytes(start: u64, count: usize) -> Vec<u8> {
    let mut state = start.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        // xorshift64 of Marsaglia
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// Writes the first `total` bytes of the pattern.
pub fn send(sink: &mut impl Write, total: u64) -> io::Result<()> {
    let mut sent = 0;
    while sent < total {
        let piece = piece_at(sent);
        let most = usize::try_from(total - sent).unwrap_or(usize::MAX);
        let piece = &piece[..piece.len().min(most)];
        sink.write_all(piece)?;
        sent += piece.len() as u64;
    }
    Ok(())
}

/// Reads until the end or an error, and panics at the first byte that is not the pattern's: how many
/// came, and how it ended.
pub fn receive(source: &mut impl Read) -> (u64, io::Result<()>) {
    receive_range(source, 0, u64::MAX)
}

/// As [`receive`], for the part of the pattern from the byte `from` up to `to`; gives back where in the
/// pattern it stopped.
pub fn receive_range(source: &mut impl Read, from: u64, to: u64) -> (u64, io::Result<()>) {
    let mut at = from;
    let mut buffer = vec![0; PIECE];
    while at < to {
        let wanted = piece_at(at);
        let room = usize::try_from(to - at).unwrap_or(usize::MAX);
        let room = wanted.len().min(room);
        let count = match source.read(&mut buffer[..room]) {
            Ok(0) => return (at, Ok(())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return (at, Err(error)),
        };
        assert!(buffer[..count] == wanted[..count], "wrong bytes at {at}");
        at += count as u64;
    }
    (at, Ok(()))
}

/// The pattern from that byte on, at most a piece of it.
fn piece_at(offset: u64) -> &'static [u8] {
    let start = (offset % BLOCK.len() as u64) as usize;
    &BLOCK[start..BLOCK.len().min(start + PIECE)]
}
