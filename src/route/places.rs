//! How many connections each address of a host has, so that a new one goes where the fewest are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by address, as text. What is counted here are open connections, so that there are no more entries
/// than those.
#[derive(Debug, Default)]
pub struct Places {
    counts: Mutex<HashMap<String, usize>>,
}

/// A connection's place; it is free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    address: String,
}

impl Places {
    /// Orders addresses by how many connections they have; those with as many stay as they were.
    pub fn order<T: ToString>(&self, addresses: &mut [T]) {
        if addresses.len() > 1 {
            let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            addresses.sort_by_cached_key(|address| counts.get(&address.to_string()).copied());
        }
    }

    /// A connection goes there.
    pub fn take(self: &Arc<Places>, address: &impl ToString) -> Place {
        let address = address.to_string();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(address.clone()).or_default() += 1;
        Place {
            places: Arc::clone(self),
            address,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let counts = &self.places.counts;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_with_the_fewest_comes_first_and_equal_ones_stay_in_order() {
        let places = Arc::new(Places::default());
        let ordered = || {
            let mut addresses = ["a", "b", "c"];
            places.order(&mut addresses);
            addresses.concat()
        };
        assert_eq!(ordered(), "abc");
        let first = places.take(&"a");
        assert_eq!(ordered(), "bca");
        let others = [places.take(&"b"), places.take(&"c"), places.take(&"c")];
        assert_eq!(ordered(), "abc");
        drop(first);
        assert_eq!(ordered(), "abc");
        drop(others);
        assert!(places.counts.lock().is_ok_and(|counts| counts.is_empty()));
    }
}
