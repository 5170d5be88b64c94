#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test's time begins now")]

use super::*;
use std::time::Duration;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn every_kind_has_a_slot_of_its_own() {
    let base = Instant::now();
    let mut deadlines = Deadlines::default();
    for (step, kind) in DeadlineKind::ALL.iter().enumerate() {
        assert_eq!(*kind as usize, step);
        deadlines.set(*kind, base + seconds(step as u64));
    }
    for (step, kind) in DeadlineKind::ALL.iter().enumerate() {
        assert_eq!(deadlines.get(*kind), Some(base + seconds(step as u64)));
    }
    for kind in DeadlineKind::ALL {
        assert_eq!(deadlines.next().unwrap().1, *kind);
        deadlines.clear(*kind);
    }
    assert_eq!(deadlines.next(), None);
}

#[test]
fn the_earliest_deadline_is_next_whatever_its_kind() {
    let base = Instant::now();
    let mut deadlines = Deadlines::default();
    deadlines.set(DeadlineKind::Handshake, base + seconds(30));
    deadlines.set(DeadlineKind::Drain, base + seconds(10));
    deadlines.set(DeadlineKind::Idle, base + seconds(20));
    assert_eq!(
        deadlines.next(),
        Some((base + seconds(10), DeadlineKind::Drain))
    );
    deadlines.set(DeadlineKind::Drain, base + seconds(40));
    assert_eq!(
        deadlines.next(),
        Some((base + seconds(20), DeadlineKind::Idle))
    );
}

#[test]
fn of_equal_deadlines_the_kind_that_is_listed_first_is_next() {
    let base = Instant::now();
    let mut deadlines = Deadlines::default();
    deadlines.set(DeadlineKind::Drain, base);
    deadlines.set(DeadlineKind::Connect, base);
    deadlines.set(DeadlineKind::Attempt, base);
    assert_eq!(deadlines.due(base), Some(DeadlineKind::Connect));
}

#[test]
fn a_deadline_is_due_from_its_very_instant_until_it_is_cleared() {
    let base = Instant::now();
    let at = base + seconds(1);
    let mut deadlines = Deadlines::default();
    deadlines.set(DeadlineKind::Connect, at);
    assert_eq!(deadlines.due(at - Duration::from_nanos(1)), None);
    assert_eq!(deadlines.due(at), Some(DeadlineKind::Connect));
    assert_eq!(deadlines.due(at + seconds(9)), Some(DeadlineKind::Connect));
    deadlines.clear(DeadlineKind::Connect);
    assert_eq!(deadlines.due(at + seconds(9)), None);
}

#[test]
fn a_deadline_that_moves_back_costs_the_queue_nothing() {
    let base = Instant::now();
    let mut queue = DeadlineQueue::default();
    let mut scheduled = None;
    queue.schedule(7, base + seconds(60), &mut scheduled);
    let before = queue.entries.clone();
    for second in 0..1000 {
        queue.schedule(7, base + seconds(60 + second), &mut scheduled);
    }
    assert_eq!(queue.entries, before);
    assert_eq!(scheduled, Some(base + seconds(60)));
}

#[test]
fn a_deadline_that_moves_forward_takes_its_entry_along() {
    let base = Instant::now();
    let mut queue = DeadlineQueue::default();
    let mut scheduled = None;
    queue.schedule(7, base + seconds(60), &mut scheduled);
    queue.schedule(7, base + seconds(5), &mut scheduled);
    assert_eq!(scheduled, Some(base + seconds(5)));
    assert_eq!(queue.next(), scheduled);
    assert_eq!(
        queue.pop_due(base + seconds(600)),
        Some((7, base + seconds(5)))
    );
    assert_eq!(queue.pop_due(base + seconds(600)), None);
}

#[test]
fn swinging_between_a_near_and_a_far_deadline_does_not_grow_the_queue() {
    let base = Instant::now();
    let far = base + seconds(1_000_000);
    let mut queue = DeadlineQueue::default();
    let mut scheduled = None;
    for second in 1..1000 {
        let now = base + seconds(second);
        queue.schedule(7, far, &mut scheduled);
        queue.schedule(7, now, &mut scheduled);
        assert_eq!(queue.entries.len(), 1);
        assert_eq!(queue.pop_due(now), Some((7, now)));
        scheduled = None;
    }
    assert!(queue.entries.is_empty());
}

#[test]
fn a_removed_connection_leaves_nothing_in_the_queue() {
    let base = Instant::now();
    let mut queue = DeadlineQueue::default();
    let (mut first, mut second) = (None, None);
    queue.schedule(1, base + seconds(3600), &mut first);
    queue.schedule(2, base + seconds(3600), &mut second);
    queue.cancel(1, &mut first);
    queue.cancel(1, &mut first);
    assert_eq!(first, None);
    assert_eq!(
        queue.pop_due(base + seconds(3600)),
        Some((2, base + seconds(3600)))
    );
    assert_eq!(queue.next(), None);
}

#[test]
fn due_entries_come_out_in_the_order_of_their_time_and_not_before_it() {
    let base = Instant::now();
    let mut queue = DeadlineQueue::default();
    for (key, second) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
        queue.schedule(key, base + seconds(second), &mut None);
    }
    assert_eq!(queue.pop_due(base + seconds(9)), None);
    let mut order = Vec::new();
    while let Some((key, _)) = queue.pop_due(base + seconds(20)) {
        order.push(key);
    }
    assert_eq!(order, [2, 4, 3]);
    assert_eq!(queue.next(), Some(base + seconds(30)));
}

/// Numbers that only look random (xorshift): the same ones in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn kind(&mut self) -> DeadlineKind {
        DeadlineKind::ALL[self.below(DeadlineKind::ALL.len() as u64) as usize]
    }
}

/// A connection as a worker keeps it, beside the naive list of what it is armed for.
#[derive(Default)]
struct Modelled {
    deadlines: Deadlines,
    scheduled: Option<Instant>,
    armed: Vec<(Instant, DeadlineKind)>,
}

impl Modelled {
    fn set(&mut self, kind: DeadlineKind, at: Instant) {
        self.clear(kind);
        self.deadlines.set(kind, at);
        self.armed.push((at, kind));
    }

    fn clear(&mut self, kind: DeadlineKind) {
        self.deadlines.clear(kind);
        self.armed.retain(|(_, armed)| *armed != kind);
    }

    fn earliest(&self) -> Option<Instant> {
        self.armed.iter().map(|(at, _)| *at).min()
    }
}

/// Connections, the queue under test and the clock; a missing connection is a slot that is free.
struct World {
    now: Instant,
    queue: DeadlineQueue<usize>,
    connections: Vec<Option<Modelled>>,
}

impl World {
    /// One thing that happens to one connection: mostly what traffic does, seldom its end.
    fn happen(&mut self, numbers: &mut Numbers) {
        let key = numbers.below(self.connections.len() as u64) as usize;
        let what = numbers.below(10);
        let far = 2 << numbers.below(14);
        let at = self.now + Duration::from_millis(1 + numbers.below(far));
        if what == 0
            && let Some(mut gone) = self.connections[key].take()
        {
            self.queue.cancel(key, &mut gone.scheduled);
            return;
        }
        let connection = self.connections[key].get_or_insert_with(Modelled::default);
        match what {
            1 | 2 => connection.clear(numbers.kind()),
            3..=6 => connection.set(numbers.kind(), at),
            _ => connection.set(DeadlineKind::Idle, self.now + Duration::from_secs(5)),
        }
        if let Some((at, _)) = connection.deadlines.next() {
            self.queue.schedule(key, at, &mut connection.scheduled);
        }
    }

    /// Lets time pass and does what a worker does; gives who was told of what, sorted.
    fn pass(&mut self, time: Duration) -> Vec<(usize, Instant)> {
        self.now += time;
        let mut woken = Vec::new();
        while let Some((key, at)) = self.queue.pop_due(self.now) {
            let connection = self.connections[key].as_mut().unwrap();
            assert_eq!(
                connection.scheduled.take(),
                Some(at),
                "an entry that nobody knows of"
            );
            woken.push(key);
        }
        let mut told = Vec::new();
        for key in woken {
            let connection = self.connections[key].as_mut().unwrap();
            for _ in DeadlineKind::ALL {
                let Some(kind) = connection.deadlines.due(self.now) else {
                    break;
                };
                told.push((key, connection.deadlines.get(kind).unwrap()));
                connection.clear(kind);
            }
            if let Some((at, _)) = connection.deadlines.next() {
                self.queue.schedule(key, at, &mut connection.scheduled);
            }
        }
        told.sort();
        told
    }

    /// What the naive lists say must be told when `time` has passed.
    fn expected(&self, time: Duration) -> Vec<(usize, Instant)> {
        let now = self.now + time;
        let live = self
            .connections
            .iter()
            .enumerate()
            .filter_map(|(k, c)| Some((k, c.as_ref()?)));
        let all = live.flat_map(|(key, c)| c.armed.iter().map(move |(at, _)| (key, *at)));
        let mut due: Vec<_> = all.filter(|(_, at)| *at <= now).collect();
        due.sort();
        due
    }

    fn check(&self) {
        let live: Vec<_> = self.connections.iter().flatten().collect();
        assert!(
            self.queue.entries.len() <= live.len(),
            "more entries than connections"
        );
        for connection in &live {
            assert_eq!(
                connection.deadlines.next().map(|(at, _)| at),
                connection.earliest()
            );
            if let Some(at) = connection.earliest() {
                assert!(
                    connection.scheduled.is_some_and(|entry| entry <= at),
                    "would oversleep"
                );
            }
        }
        let earliest = live
            .iter()
            .filter_map(|connection| connection.earliest())
            .min();
        assert!(earliest.is_none_or(|at| self.queue.next().is_some_and(|next| next <= at)));
    }
}

#[test]
fn random_lives_of_connections_match_a_naive_list() {
    for seed in 1..=40_u64 {
        let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut world = World {
            now: Instant::now(),
            queue: DeadlineQueue::default(),
            connections: (0..12).map(|_| None).collect(),
        };
        let mut told = 0;
        for _ in 0..2000 {
            if numbers.below(3) > 0 {
                world.happen(&mut numbers);
            } else {
                let time = Duration::from_millis(numbers.below(200));
                let expected = world.expected(time);
                told += expected.len();
                assert_eq!(world.pass(time), expected, "seed {seed}");
            }
            world.check();
        }
        assert!(
            told > 100,
            "seed {seed}: the lives were too quiet to prove anything"
        );
    }
}
