//! What tells over HTTP how the program is: the administrative listeners.
//!
//! | file | what it does |
//! |---|---|
//! | `server.rs`, `door.rs` | a thread of its own, with listeners, time-outs and few guests at a time |
//! | `site.rs`, `accept.rs` | which page is asked for, and in what form |
//! | `pages.rs` | health, readiness and certificates, from what is known of them |
//! | `connections.rs`, `legs.rs` | the live connections |
//! | `status.rs` | the program, its pairs, what was loaded and what has failed |
//! | `pulse.rs` | whether the threads that serve still answer |
//! | `rates.rs` | bytes a second of each pair in the last minutes |
//! | `page.html` | the page for a browser, which reads the two above |
//! | `survey.rs`, `fresh.rs` | the workers are asked, but not more than once a second |
//!
//! Nothing that is asked here changes anything, and whoever asks, however often and however slowly, takes
//! nothing from connections: the thread has a lower priority than the ones that serve, keeps few guests,
//! and shows the oldest the door when there are more. Workers hear of it only when connections or
//! health are asked for, once a second at most for each of three pages.

mod accept;
mod connections;
mod door;
mod fresh;
mod legs;
mod pages;
mod pulse;
mod rates;
mod server;
mod site;
mod status;
mod survey;

pub(super) use server::Server;
