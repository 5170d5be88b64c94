//! Which pairs of a new configuration go on from which of the old one.

use crate::config::{Address, Pair};

/// For each new pair, of the old ones by their names and inbound addresses, the place of the old one that it goes on from: that listens at the same address, and
/// of several such (at any free port) the one of the same name. Each old one has one successor at most.
/// A socket that was passed is its name's, wherever the pair says that it listens.
pub(in crate::ops) fn successors(
    old: &[(&str, &Address)],
    new: &[Pair],
    is_passed: impl Fn(&str) -> bool,
) -> Vec<Option<usize>> {
    let mut is_taken = vec![false; old.len()];
    let mut places = vec![None; new.len()];
    for must_have_name in [true, false] {
        for (new, place) in new.iter().zip(&mut places) {
            if place.is_none() {
                let mut candidates = (0..old.len()).filter(|index| !is_taken[*index]);
                *place = candidates.find(|index| {
                    let (name, inbound) = old[*index];
                    if is_passed(name) || is_passed(&new.name) {
                        return name == new.name;
                    }
                    *inbound == new.inbound && (!must_have_name || name == new.name)
                });
                if let Some(index) = *place {
                    is_taken[index] = true;
                }
            }
        }
    }
    places
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<Pair> {
        let entries = pairs.iter().map(|(name, inbound)| {
            serde_json::json!({"name": name, "inbound": inbound, "outbound": "db:1"})
        });
        let entries: Vec<_> = entries.collect();
        let config =
            serde_json::json!({"cert": "c", "key": "k", "ca": "a", "address_pairs": entries});
        parse(&config.to_string()).unwrap().config.pairs
    }

    fn successors_of(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<Option<usize>> {
        let old = pairs(old);
        let old = old.iter().map(|pair| (pair.name.as_str(), &pair.inbound));
        successors(&old.collect::<Vec<_>>(), &pairs(new), |name| {
            name.starts_with("passed")
        })
    }

    #[test]
    fn a_pair_goes_on_wherever_it_stands_and_whatever_it_is_called() {
        let old = [("a", ":1"), ("b", ":2"), ("c", ":3")];
        let new = [("c", ":3"), ("x", ":1"), ("d", ":4")];
        assert_eq!(successors_of(&old, &new), [Some(2), Some(0), None]);
    }

    #[test]
    fn a_pair_that_listens_elsewhere_is_another_one() {
        assert_eq!(successors_of(&[("a", ":1")], &[("a", ":2")]), [None]);
    }

    #[test]
    fn a_passed_socket_goes_on_with_its_name_and_with_no_other() {
        let old = [("passed", ":1"), ("b", ":2")];
        let moved = [("passed", ":3"), ("b", ":2")];
        assert_eq!(successors_of(&old, &moved), [Some(0), Some(1)]);
        assert_eq!(successors_of(&old, &[("renamed", ":1")]), [None]);
        // What was bound at that address before is another socket.
        assert_eq!(successors_of(&old, &[("passed too", ":2")]), [None]);
    }

    #[test]
    fn at_any_free_port_the_name_tells_which_pair_it_is() {
        let old = [("a", "localhost:0"), ("b", "localhost:0")];
        let new = [
            ("new", "localhost:0"),
            ("b", "localhost:0"),
            ("c", "localhost:0"),
        ];
        assert_eq!(successors_of(&old, &new), [Some(0), Some(1), None]);
    }
}
