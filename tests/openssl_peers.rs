//! The `openssl` command as the far end: every kind of key in both versions and both roles, clean
//! ends, and ends that are none.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "openssl_peers/matrix.rs"]
mod matrix;
#[path = "openssl_peers/truncation.rs"]
mod truncation;

/// Bytes that do not repeat soon.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(&mut next).take(count).collect()
}
