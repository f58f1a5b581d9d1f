//! `sztp-device`: the agent that bootstraps a device (RFC 8572).

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().skip(1))
}
