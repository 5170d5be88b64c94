//! One connection.

pub mod race;
