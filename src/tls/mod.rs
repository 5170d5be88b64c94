//! TLS sessions over memory, and the only folder that names the TLS library.

pub mod authority;
mod backend;
