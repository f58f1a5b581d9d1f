//! The command line.

mod arguments;
mod commands;
mod help;
mod identity;
mod output;
mod replay;
mod run;
mod trace_file;
mod watch;

use std::{ffi::OsString, process::ExitCode};

use arguments::{Command, Common};

/// Exit code of a command that failed.
const FAILED: u8 = 1;

/// Exit code of a command line that cannot be understood.
const USAGE: u8 = 2;

/// Does what the command line says and gives the exit code: 0 done, 1 failed, 2 usage, 3 refused,
/// 5 unreachable, 75 reboot wanted.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let command = match arguments::parse(arguments) {
        Ok(command) => command,
        Err(error) => {
            output::complain(&format!("{error}\nTry `sztp-device --help`."));
            return ExitCode::from(USAGE);
        }
    };
    let result = match command {
        Command::Help => {
            output::say(help::HELP);
            Ok(0)
        }
        Command::Version => {
            output::say(concat!("sztp-device ", env!("CARGO_PKG_VERSION")));
            Ok(0)
        }
        Command::Run(options) => run::run(&options),
        Command::Status(common) => commands::status(&common),
        Command::Doctor(options) => commands::doctor(&options),
        Command::Replay(options) => replay::replay(&options),
        Command::IdentityShow(options) => identity::show(&options),
        Command::IdentityEnrol(options) => identity::enrol(&options),
        Command::IdentityCreate(options) => identity::create(&options),
        Command::IdentityInstall(options) => identity::install(&options),
        Command::IdentityCheck(options) => identity::check(&options),
        Command::Reset(common) => commands::reset(&common),
    };
    ExitCode::from(result.unwrap_or_else(|error| {
        output::complain(&error.to_string());
        FAILED
    }))
}

/// Why a command failed, as a person sees it: the error and all its causes.
#[derive(Debug)]
struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Failure {
    /// What was not given, and is needed.
    fn missing(what: &str) -> Self {
        Self(what.to_owned())
    }

    /// What went wrong with a file.
    fn about(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self(text)
    }
}

impl Common {
    fn config(&self) -> Result<device_client::config::Config, Failure> {
        Ok(device_client::config::Config::load(&self.config)?)
    }
}
