//! The commands, their arguments and their exit codes.

pub mod pki;
