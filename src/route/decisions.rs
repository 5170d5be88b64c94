//! The decisions that are known, and who waits for one that is asked for.
//!
//! Only what was granted is kept: a refusal is asked for each time, so that one of an unknown host and one
//! of a host that is not for this client cost the same, and a new grant holds at once. A question is asked
//! for once at a time, whoever wants its answer.
//!
//! What is kept goes with the change that concerns it, and with its lifetime where no change is heard of.
//! An answer that a change has overtaken may be from before it, so it is asked for anew.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use super::question::{Changes, Question};

/// A question whose answer has not come by then is asked again: the answer was lost.
pub const LOST: Duration = Duration::from_secs(60);

/// How often an answer that was overtaken is asked for anew. A storm of changes must not keep anybody waiting
/// without end.
const ANEW_MAX: u8 = 3;

/// How long grants are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// None to keep none.
    pub lifetime: Option<Duration>,
    /// The most grants that are kept; 0 for none, and 1 is 2.
    pub entries: usize,
}

/// Grants `G` and who waits for one, `W`.
#[derive(Debug)]
pub struct Decisions<G, W> {
    terms: Terms,
    /// Two generations: when the younger one has its share, it becomes the older one, and that is forgotten.
    young: HashMap<Question, Kept<G>>,
    old: HashMap<Question, Kept<G>>,
    asked: HashMap<Question, Waiting<W>>,
}

#[derive(Debug)]
struct Kept<G> {
    grant: G,
    until: Instant,
}

#[derive(Debug)]
struct Waiting<W> {
    since: Instant,
    who: Vec<W>,
    is_overtaken: bool,
    anew: u8,
}

/// What becomes of somebody who asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked<G> {
    /// It is granted.
    Known(G),
    /// The answer is on its way; the asker is noted.
    Waiting,
    /// The same, and the question is to be put to the database.
    Ask,
}

/// What becomes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled<W> {
    /// It is for these.
    For(Vec<W>),
    /// The same, but a change has overtaken it once more than is waited for: it may hold no longer, and who
    /// goes by it has to ask again.
    Doubtful(Vec<W>),
    /// A change has overtaken it: the question is to be put once more.
    AskAnew,
}

impl<G: Clone, W> Decisions<G, W> {
    /// Nothing is known.
    pub fn new(terms: Terms) -> Decisions<G, W> {
        Decisions {
            terms,
            young: HashMap::new(),
            old: HashMap::new(),
            asked: HashMap::new(),
        }
    }

    /// Somebody asks.
    pub fn ask(&mut self, question: &Question, who: W, now: Instant) -> Asked<G> {
        let kept = self.young.get(question).or_else(|| self.old.get(question));
        if let Some(kept) = kept.filter(|kept| now < kept.until) {
            return Asked::Known(kept.grant.clone());
        }
        match self.asked.entry(question.clone()) {
            Entry::Occupied(mut entry) => {
                let waiting = entry.get_mut();
                waiting.who.push(who);
                if now < waiting.since + LOST {
                    return Asked::Waiting;
                }
                waiting.since = now;
                Asked::Ask
            }
            Entry::Vacant(entry) => {
                entry.insert(Waiting {
                    since: now,
                    who: vec![who],
                    is_overtaken: false,
                    anew: 0,
                });
                Asked::Ask
            }
        }
    }

    /// The answer to a question that was put: what was granted, if it was.
    pub fn answered(&mut self, question: &Question, grant: Option<&G>, now: Instant) -> Settled<W> {
        let Some(waiting) = self.asked.get_mut(question) else {
            return Settled::For(Vec::new());
        };
        if waiting.is_overtaken && waiting.anew < ANEW_MAX {
            waiting.is_overtaken = false;
            waiting.anew += 1;
            waiting.since = now;
            return Settled::AskAnew;
        }
        if waiting.is_overtaken {
            return Settled::Doubtful(self.given_up(question));
        }
        if let Some(grant) = grant {
            self.keep(question, grant, now);
        }
        Settled::For(self.given_up(question))
    }

    /// Nobody can answer a question now: who waits for it.
    pub fn given_up(&mut self, question: &Question) -> Vec<W> {
        let waiting = self.asked.remove(question);
        waiting.map(|waiting| waiting.who).unwrap_or_default()
    }

    /// Forgets what may have changed.
    pub fn changed(&mut self, changes: &Changes) {
        self.young.retain(|question, _| !changes.concern(question));
        self.old.retain(|question, _| !changes.concern(question));
        for (question, waiting) in &mut self.asked {
            waiting.is_overtaken |= changes.concern(question);
        }
    }

    /// How many grants are kept.
    pub fn kept(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn keep(&mut self, question: &Question, grant: &G, now: Instant) {
        let Some(lifetime) = self.terms.lifetime.filter(|_| self.terms.entries > 0) else {
            return;
        };
        let share = (self.terms.entries / 2).max(1);
        if self.young.len() >= share {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(question);
        let kept = Kept {
            grant: grant.clone(),
            until: now + lifetime,
        };
        self.young.insert(question.clone(), kept);
    }
}

#[cfg(test)]
mod tests;
