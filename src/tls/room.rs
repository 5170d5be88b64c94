//! Maps that strangers cannot make grow.

use std::collections::HashMap;
use std::hash::Hash;

/// Makes room for `key` in a map that may hold so many entries. Another one goes if there are too many:
/// whichever comes first, for none is dear.
pub(super) fn make_room<K: Clone + Eq + Hash, V>(map: &mut HashMap<K, V>, key: &K, most: usize) {
    if map.len() >= most && !map.contains_key(key) {
        let other = map.keys().next().cloned();
        other.map(|other| map.remove(&other));
    }
}
