//! The `openssl` command as the far end: every kind of key in both versions and both roles, clean
//! ends, and ends that are none.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "openssl_peers/matrix.rs"]
mod matrix;
#[path = "openssl_peers/truncation.rs"]
mod truncation;

/// Bytes of which every four occur once: the words from that number on.
fn words(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let words = numbers.map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes());
    words.flatten().collect()
}

/// So many of these bytes, from the first word on.
fn noise(count: usize) -> Vec<u8> {
    let mut bytes = words(0..u32::try_from(count.div_ceil(4)).unwrap());
    bytes.truncate(count);
    bytes
}
