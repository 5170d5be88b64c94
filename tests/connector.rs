//! Connectors with a real database: who is let through, and what everybody is told.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "connector/bounds.rs"]
mod bounds;
#[path = "connector/changes.rs"]
mod changes;
#[path = "connector/clients.rs"]
mod clients;
#[path = "connector/commands.rs"]
mod commands;
#[path = "connector/crowd.rs"]
mod crowd;
#[path = "connector/first_line.rs"]
mod first_line;
#[path = "connector/matrix.rs"]
mod matrix;
#[path = "connector/onward.rs"]
mod onward;
#[path = "connector/plan.rs"]
mod plan;
#[path = "connector/trouble.rs"]
mod trouble;
