//! The mtls-persona program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mtls_persona::cli::main()
}
