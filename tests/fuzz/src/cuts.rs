//! The pieces in which a stream arrives.

/// A stream is shorter than that, or not cut at every place.
const EVERYWHERE_BYTES_MAX: usize = 64;

/// Ways to cut `bytes`, each as the lengths of its pieces: whole, byte by byte, in two pieces at every
/// place, or at some places that follow from the bytes, and in pieces of many sizes. No piece is empty.
pub fn cuts(bytes: &[u8]) -> Vec<Vec<usize>> {
    let len = bytes.len();
    let mut ways = vec![of_size(len, len.max(1)), of_size(len, 1), of_size(len, 7)];
    let mut seed = seed(bytes);
    let mut number = move |end: usize| (next(&mut seed) % end as u64) as usize;
    match len {
        0 | 1 => {}
        2..EVERYWHERE_BYTES_MAX => ways.extend((1..len).map(|at| vec![at, len - at])),
        _ => {
            ways.extend(
                (0..4)
                    .map(|_| 1 + number(len - 1))
                    .map(|at| vec![at, len - at]),
            );
        }
    }
    let mut pieces = Vec::new();
    let mut left = len;
    while left > 0 {
        // Short ones as often as long ones.
        let scale = 1 << number(12);
        let piece = left.min(1 + number(scale));
        pieces.push(piece);
        left -= piece;
    }
    ways.push(pieces);
    ways
}

/// The pieces of `bytes` that have those lengths.
pub fn pieces<'a>(bytes: &'a [u8], lengths: &[usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    lengths.iter().map(move |length| {
        let (piece, behind) = rest.split_at(*length);
        rest = behind;
        piece
    })
}

fn of_size(len: usize, size: usize) -> Vec<usize> {
    let whole = len / size;
    let last = Some(len % size).filter(|last| *last > 0);
    std::iter::repeat_n(size, whole).chain(last).collect()
}

/// FNV-1a.
fn seed(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
