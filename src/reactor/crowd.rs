//! When a crowd of connections has gone.

/// Fewer connections are no crowd.
const CROWD_MIN: usize = 256;

/// So few are the rest of one.
const REST_MAX: usize = 16;

/// Follows how many connections there are, and tells when half of a crowd has gone, and then its rest:
/// the memory that they had is worth giving back. Each halving is told once, so that it costs a crowd
/// little however it goes.
#[derive(Default)]
pub(super) struct Crowd {
    most: usize,
    /// A crowd has gone but for its rest.
    is_rest: bool,
}

impl Crowd {
    /// Notes the number; whether enough have gone since the last time.
    pub(super) fn has_gone(&mut self, count: usize) -> bool {
        self.most = self.most.max(count);
        if self.most >= CROWD_MIN && count <= self.most / 2 {
            self.most = count;
            self.is_rest = true;
            return true;
        }
        self.is_rest && count <= REST_MAX && std::mem::take(&mut self.is_rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(counts: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut crowd = Crowd::default();
        let mut counts: Vec<usize> = counts.into_iter().collect();
        counts.retain(|count| crowd.has_gone(*count));
        counts
    }

    #[test]
    fn a_crowd_that_goes_is_told_at_each_half_and_at_its_rest() {
        assert_eq!(
            told((0..=2000).chain((0..2000).rev())),
            [1000, 500, 250, 16]
        );
    }

    #[test]
    fn connections_that_come_and_go_are_no_crowd_that_goes() {
        let swinging = (0..100).flat_map(|_| (600..1000).chain((600..1000).rev()));
        assert_eq!(told(swinging), Vec::<usize>::new());
        assert_eq!(told((0..200).chain((0..200).rev())), Vec::<usize>::new());
    }
}
