//! The mtls-persona program.

fn main() {}
