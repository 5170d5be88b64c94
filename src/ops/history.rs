//! What the last loads came to.

use std::collections::VecDeque;

use super::reload::Occasion;

/// Loads that are remembered.
const MOST: usize = 16;

/// Lines that are remembered of each: a configuration may have any number of problems.
const LINES_MAX: usize = 20;

/// What a load came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Came {
    /// It serves, as the generation of that number.
    Served(u64),
    /// Something was wrong with it: each problem a line.
    Refused(Vec<String>),
}

/// A load, or several on end that came to the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Load {
    /// When the last of them was, in seconds since 1970.
    pub(in crate::ops) at: i64,
    /// Why the files were looked at; none at the start.
    pub(in crate::ops) occasion: Option<Occasion>,
    /// What it came to.
    pub(in crate::ops) came: Came,
    /// How many there were.
    pub(in crate::ops) times: u64,
}

/// The last of them, oldest first.
#[derive(Debug, Default)]
pub(in crate::ops) struct History(VecDeque<Load>);

impl History {
    /// Notes a load at a time in seconds since 1970. One that is tried again and refused for the same
    /// takes the place of the one before.
    pub(in crate::ops) fn note(&mut self, at: i64, occasion: Option<Occasion>, mut came: Came) {
        if let Came::Refused(problems) = &mut came
            && problems.len() > LINES_MAX
        {
            let more = problems.len() - LINES_MAX;
            problems.truncate(LINES_MAX);
            problems.push(format!("and {more} more"));
        }
        if let Some(last) = self.0.back_mut()
            && last.came == came
        {
            (last.at, last.occasion) = (at, occasion);
            last.times += 1;
            return;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Load {
            at,
            occasion,
            came,
            times: 1,
        });
    }

    /// Those that are remembered, oldest first.
    pub(in crate::ops) fn all(&self) -> Vec<Load> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_often_files_are_read_only_the_last_loads_are_remembered() {
        let mut history = History::default();
        for number in 1..=100 {
            history.note(0, Some(Occasion::Interval), Came::Served(number));
        }
        let all = history.all();
        assert_eq!(all.len(), MOST);
        assert_eq!(all.last().map(|load| &load.came), Some(&Came::Served(100)));
    }

    #[test]
    fn a_refusal_that_is_tried_again_takes_one_place_and_few_lines() {
        let mut history = History::default();
        history.note(0, None, Came::Served(1));
        let problems: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        for at in 1..=100 {
            history.note(at, Some(Occasion::Retry), Came::Refused(problems.clone()));
        }
        let all = history.all();
        assert_eq!((all.len(), all[1].at, all[1].times), (2, 100, 100));
        let Came::Refused(lines) = &all[1].came else {
            unreachable!("it was refused");
        };
        assert_eq!(lines.len(), LINES_MAX + 1);
        assert_eq!(lines[LINES_MAX], "and 80 more");
    }
}
