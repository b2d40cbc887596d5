//! The `tingchao` binary: see `tingchao --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tingchao::cli::run()
}
