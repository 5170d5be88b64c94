//! The half-close table, cell by cell, and the rule that joins two directions.
//!
//! `cells` asks the table itself; `driven` lets a relay meet each cell with legs that follow a
//! script, in either direction; `joined`, `failures` and `turns` hold what is said of connections.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "relay_table/cells.rs"]
mod cells;
#[path = "relay_table/driven.rs"]
mod driven;
#[path = "relay_table/failures.rs"]
mod failures;
#[path = "relay_table/fake_leg.rs"]
mod fake_leg;
#[path = "relay_table/joined.rs"]
mod joined;
#[path = "relay_table/rig.rs"]
mod rig;
#[path = "relay_table/turns.rs"]
mod turns;
