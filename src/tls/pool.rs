//! Tickets that servers gave us, each to be used once (RFC 8446, C.4).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::room::make_room;

/// Tickets of one destination; the newest stay. Each connection brings one or two, so that many are
/// at hand for as many connections at once.
const TICKETS_MAX: usize = 16;

/// Destinations with tickets.
const KEYS_MAX: usize = 256;

/// The longest session that is kept. What a server puts into a ticket is its own business, and both
/// certificates' chains are usually a part of the session.
const BYTES_MAX: usize = 16 * 1024;

/// Whom a ticket is from; nobody else may be sent it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The name that the server has proven.
    pub(super) name: String,
    /// Where it was reached.
    pub(super) destination: String,
}

/// A ticket with all that belongs to its session, secrets among it: nothing writes it to a log.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct Ticket<S> {
    /// The session.
    pub(super) session: S,
    /// How large it is.
    pub(super) bytes: usize,
    /// Until when it may be used, in seconds since 1970.
    pub(super) until: i64,
}

/// What is at hand for one destination.
struct Shelf<S> {
    /// The newest last.
    tickets: VecDeque<Ticket<S>>,
    /// Its server does not bear tickets: it gets none until then, in seconds since 1970.
    barred_until: Option<i64>,
}

impl<S> Default for Shelf<S> {
    fn default() -> Shelf<S> {
        Shelf {
            tickets: VecDeque::new(),
            barred_until: None,
        }
    }
}

/// The shelves of all destinations.
type Shelves<S> = HashMap<Arc<Key>, Shelf<S>>;

/// The tickets of one context. The lock is taken once for each new connection and for each ticket.
pub(super) struct Pool<S>(Mutex<Shelves<S>>);

impl<S> Default for Pool<S> {
    fn default() -> Pool<S> {
        Pool(Mutex::default())
    }
}

impl<S> Pool<S> {
    /// Takes the newest ticket of a destination out, if one is still good. The key is to be given
    /// back with new tickets: idle connections share it.
    pub(super) fn take(&self, key: Key, now: i64) -> (Arc<Key>, Option<Ticket<S>>) {
        let mut shelves = self.shelves();
        let known = shelves.get_key_value(&key);
        let Some(key) = known.map(|(key, _)| Arc::clone(key)) else {
            return (Arc::new(key), None);
        };
        let Some(shelf) = shelves.get_mut(&key) else {
            return (key, None);
        };
        shelf.barred_until = shelf.barred_until.filter(|until| *until > now);
        shelf.tickets.retain(|ticket| ticket.until > now);
        let ticket = shelf.tickets.pop_back();
        if shelf.tickets.is_empty() && shelf.barred_until.is_none() {
            shelves.remove(&key);
        }
        (key, ticket)
    }

    /// Keeps a ticket; an older one goes where there are too many.
    pub(super) fn keep(&self, key: &Arc<Key>, ticket: Ticket<S>) {
        if ticket.bytes > BYTES_MAX {
            return;
        }
        let mut shelves = self.shelves();
        let shelf = shelf(&mut shelves, key);
        if shelf.barred_until.is_some() {
            return;
        }
        if shelf.tickets.len() >= TICKETS_MAX {
            shelf.tickets.pop_front();
        }
        shelf.tickets.push_back(ticket);
    }

    /// Neither gives nor keeps tickets of a destination until then, in seconds since 1970.
    pub(super) fn bar(&self, key: &Arc<Key>, until: i64) {
        *shelf(&mut self.shelves(), key) = Shelf {
            tickets: VecDeque::new(),
            barred_until: Some(until),
        };
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves<S>> {
        // Nothing in here is left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shelf of a destination, a new one if there is none; another one goes where there are too many.
fn shelf<'a, S>(shelves: &'a mut Shelves<S>, key: &Arc<Key>) -> &'a mut Shelf<S> {
    make_room(shelves, key, KEYS_MAX);
    shelves.entry(Arc::clone(key)).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, destination: &str) -> Key {
        Key {
            name: name.to_owned(),
            destination: destination.to_owned(),
        }
    }

    fn ticket(session: usize, until: i64) -> Ticket<usize> {
        Ticket {
            session,
            bytes: 1000,
            until,
        }
    }

    fn taken(pool: &Pool<usize>, name: &str, destination: &str, now: i64) -> Option<Ticket<usize>> {
        pool.take(key(name, destination), now).1
    }

    #[test]
    fn a_ticket_is_taken_once_and_the_newest_first() {
        let pool = Pool::default();
        let (home, none) = pool.take(key("a", "b:1"), 0);
        assert_eq!(none, None);
        pool.keep(&home, ticket(1, 9));
        pool.keep(&home, ticket(2, 9));
        let (again, newest) = pool.take(key("a", "b:1"), 0);
        assert!(Arc::ptr_eq(&home, &again), "the key is not shared");
        assert_eq!(newest, Some(ticket(2, 9)));
        assert_eq!(taken(&pool, "a", "b:1", 0), Some(ticket(1, 9)));
        assert_eq!(taken(&pool, "a", "b:1", 0), None);
        assert!(pool.shelves().is_empty());
    }

    #[test]
    fn a_ticket_is_for_one_name_at_one_destination() {
        let pool = Pool::default();
        pool.keep(&Arc::new(key("a", "b:1")), ticket(1, 9));
        assert_eq!(taken(&pool, "a", "b:2", 0), None);
        assert_eq!(taken(&pool, "c", "b:1", 0), None);
        assert_eq!(taken(&pool, "a", "b:1", 0), Some(ticket(1, 9)));
    }

    #[test]
    fn a_ticket_is_not_taken_at_its_end_or_behind_it() {
        let pool = Pool::default();
        let home = Arc::new(key("a", "b:1"));
        for until in [5, 9, 4] {
            pool.keep(&home, ticket(1, until));
        }
        assert_eq!(taken(&pool, "a", "b:1", 5), Some(ticket(1, 9)));
        assert!(pool.shelves().is_empty(), "old tickets were kept");
    }

    #[test]
    fn tickets_and_destinations_without_end_leave_a_pool_bounded() {
        let pool = Pool::default();
        for number in 0..2 * KEYS_MAX {
            let home = Arc::new(key("a", &number.to_string()));
            for number in 0..2 * TICKETS_MAX {
                pool.keep(&home, ticket(number, 9));
            }
            assert_eq!(pool.shelves()[&home].tickets.len(), TICKETS_MAX);
        }
        assert_eq!(pool.shelves().len(), KEYS_MAX);
        let last = (2 * KEYS_MAX - 1).to_string();
        let newest = taken(&pool, "a", &last, 0);
        assert_eq!(newest, Some(ticket(2 * TICKETS_MAX - 1, 9)));
    }

    #[test]
    fn a_barred_destination_has_no_tickets_and_gets_none_until_its_time_is_over() {
        let pool = Pool::default();
        let home = Arc::new(key("a", "b:1"));
        pool.keep(&home, ticket(1, 9));
        pool.bar(&home, 5);
        for now in [0, 4] {
            assert_eq!(taken(&pool, "a", "b:1", now), None);
            pool.keep(&home, ticket(2, 9));
        }
        assert_eq!(taken(&pool, "a", "b:1", 5), None);
        pool.keep(&home, ticket(3, 9));
        assert_eq!(taken(&pool, "a", "b:1", 5), Some(ticket(3, 9)));
    }

    #[test]
    fn a_ticket_out_of_proportion_is_not_kept() {
        let pool = Pool::default();
        let large = Ticket {
            bytes: BYTES_MAX + 1,
            ..ticket(1, 9)
        };
        pool.keep(&Arc::new(key("a", "b:1")), large);
        assert!(pool.shelves().is_empty());
    }
}
