//! A listener of a pair.

use std::io;

use mio::Registry;

use super::generation::{Generation, Post, inherited};
use crate::net::Listener;

/// A listener, and the pair that new connections by it are of.
pub(super) struct Door {
    pub(super) listener: Listener,
    pub(super) post: Post,
    /// More connections may wait than were accepted.
    pub(super) is_ready: bool,
    /// They wait because a limit is reached.
    pub(super) is_held_up: bool,
}

impl Door {
    /// Lets the poller of `registry` tell of new connections, by that token.
    pub(super) fn open(
        mut listener: Listener,
        post: &Post,
        registry: &Registry,
        token: usize,
    ) -> io::Result<Door> {
        listener.register(registry, token)?;
        Ok(Door {
            listener,
            post: post.clone(),
            is_ready: true,
            is_held_up: false,
        })
    }

    /// Whether its connections begin with a TLS handshake.
    pub(super) fn is_tls(&self) -> bool {
        self.post.served.pair.mode.inbound_tls()
    }

    /// Its connections are of this process alone from now on.
    pub(super) fn take_over(&mut self) {
        self.listener.hand_down(&inherited(&self.post.served.pair));
        self.listener.set_owner(true);
    }

    /// Goes on with the state that a generation has of its pair; false if it has none.
    pub(super) fn take_post(&mut self, generation: &Generation) -> bool {
        let Some(post) = generation.post(self.post.served.id) else {
            return false;
        };
        self.listener.hand_down(&inherited(&post.served.pair));
        self.post = post.clone();
        true
    }
}
