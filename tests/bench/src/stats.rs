//! Figures of many.

/// The middle one; NaN of none.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// In seconds, what half, 99 of 100 and 999 of 1000 are below; of nanoseconds.
pub(crate) fn percentiles(mut nanos: Vec<u32>) -> Option<[f64; 3]> {
    nanos.sort_unstable();
    let last = nanos.len().checked_sub(1)?;
    Some([0.5, 0.99, 0.999].map(|part| {
        let at = (last as f64 * part).round() as usize;
        f64::from(nanos[at.min(last)]) * 1e-9
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn percentiles_are_of_the_sorted_figures() {
        let nanos = (0..=1000).rev().map(|n| n * 1000).collect();
        let expected = [500e-6, 990e-6, 999e-6];
        let found = percentiles(nanos).unwrap_or_default();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}
