//! Who wants to reach what, and what may have changed in that.

use std::collections::HashSet;
use std::sync::Arc;

/// What the database is asked: may this user of this organisation reach this host, and where is it?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The user's organisation.
    pub org: Arc<str>,
    /// The user.
    pub user: Arc<str>,
    /// The host's connect id.
    pub host: Arc<str>,
}

/// Changes that are told apart; more of them at once are told as one that may be anything.
const CHANGES_MAX: usize = 256;

/// What has changed in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    hosts: HashSet<String>,
    users: HashSet<String>,
    orgs: HashSet<String>,
    is_all: bool,
}

impl Changes {
    /// Something has changed, and nobody knows what.
    pub fn all() -> Changes {
        Changes {
            is_all: true,
            ..Changes::default()
        }
    }

    /// What may be reached under that connect id has changed.
    pub fn of_host(host: &str) -> Changes {
        Changes {
            hosts: HashSet::from([host.to_owned()]),
            ..Changes::default()
        }
    }

    /// Notes one notification of the database: `host <id>`, `user <id>` or `org <id>`; all that is not one
    /// of these may mean anything.
    pub fn note(&mut self, payload: &str) {
        let (kind, id) = payload.split_once(' ').unwrap_or((payload, ""));
        let set = match kind {
            "host" => &mut self.hosts,
            "user" => &mut self.users,
            "org" => &mut self.orgs,
            _ => return *self = Changes::all(),
        };
        set.insert(id.to_owned());
        if self.hosts.len() + self.users.len() + self.orgs.len() > CHANGES_MAX {
            *self = Changes::all();
        }
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        !self.is_all && self.hosts.is_empty() && self.users.is_empty() && self.orgs.is_empty()
    }

    /// Whether the answer to a question may be another one now.
    pub fn concern(&self, question: &Question) -> bool {
        self.is_all
            || self.hosts.contains(&*question.host)
            || self.users.contains(&*question.user)
            || self.orgs.contains(&*question.org)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            org: "acme".into(),
            user: "alice".into(),
            host: "db 1".into(),
        }
    }

    fn noted(payloads: &[&str]) -> Changes {
        let mut changes = Changes::default();
        for payload in payloads {
            changes.note(payload);
        }
        changes
    }

    #[test]
    fn a_change_concerns_questions_that_name_it() {
        for payload in ["host db 1", "user alice", "org acme"] {
            assert!(
                noted(&["host x", payload]).concern(&question()),
                "{payload}"
            );
        }
        for payload in ["host db", "user acme", "org alice", "host alice", "user "] {
            assert!(!noted(&[payload]).concern(&question()), "{payload}");
        }
        assert!(!Changes::default().concern(&question()));
    }

    #[test]
    fn what_is_not_understood_may_be_anything() {
        for payload in ["", "all", "hosts x", "HOST x"] {
            assert_eq!(noted(&["host x", payload]), Changes::all(), "{payload}");
        }
    }

    #[test]
    fn too_many_changes_are_any_change_and_take_no_room() {
        let mut changes = Changes::default();
        for number in 0..10_000 {
            changes.note(&format!("host {number}"));
        }
        assert!(changes.concern(&question()));
        assert!(changes.hosts.len() <= CHANGES_MAX);
    }
}
