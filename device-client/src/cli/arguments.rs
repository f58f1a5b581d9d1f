//! Reading the command line.

use std::{ffi::OsString, path::PathBuf};

use lexopt::{Arg, Parser};

pub(super) const HELP: &str = "\
sztp-device: bootstraps this device without anyone touching it (RFC 8572)

Usage: sztp-device COMMAND [OPTIONS]

Commands:
  run             find bootstrapping data, verify it, apply it, report; again and again until it works
  status          what this device is: bootstrapped or not, and which image runs
  doctor          what will keep it from bootstrapping, and how to mend it
  identity show   its certificate and serial number
  reset           back to factory state: removes images, journal and the marker `done`

Options:
  --config FILE   the device's configuration (default /etc/sztp/device.toml)
  --root DIR      what survives a restart (default /var/lib/sztp)
  --once          run: one attempt only
  --trace FILE|-  run: one JSON object a line for each decision, `-` for standard output
  --json          status, doctor, identity: JSON
  -h, --help      this text
  -V, --version   the version

Exit codes of `run --once`:
  0 bootstrapped, or done already     1 applying failed          2 usage
  3 every server was refused          5 no server was reachable  75 a reboot is wanted

Examples:
  sztp-device doctor --config device.toml --root state
  sztp-device run --once --config device.toml --root state --trace -
  sztp-device run --trace /run/sztp.jsonl";

const DEFAULT_CONFIG: &str = "/etc/sztp/device.toml";
const DEFAULT_ROOT: &str = "/var/lib/sztp";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Version,
    Run(RunOptions),
    Status(Common),
    Doctor(Common),
    IdentityShow(Common),
    Reset(Common),
}

/// What all commands take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Common {
    pub(super) config: PathBuf,
    pub(super) root: PathBuf,
    pub(super) format: Format,
}

/// How a command shows its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
}

/// How often `run` tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempts {
    One,
    UntilDone,
}

/// What `run` takes besides.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RunOptions {
    pub(super) common: Common,
    pub(super) attempts: Attempts,
    pub(super) trace: Option<PathBuf>,
}

/// Why a command line is not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    #[error(transparent)]
    Option(#[from] lexopt::Error),
    #[error("which command? run, status, doctor, identity show or reset")]
    CommandMissing,
    #[error("there is no command `{command}`")]
    CommandUnknown { command: String },
    #[error("{option} does not go with `{command}`")]
    OptionMisplaced { option: &'static str, command: &'static str },
}

pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut parser = Parser::from_args(arguments);
    let mut words = Vec::new();
    let mut common = Common { config: DEFAULT_CONFIG.into(), root: DEFAULT_ROOT.into(), format: Format::Text };
    let (mut attempts, mut trace) = (Attempts::UntilDone, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Long("config") => common.config = parser.value()?.into(),
            Arg::Long("root") => common.root = parser.value()?.into(),
            Arg::Long("trace") => trace = Some(parser.value()?.into()),
            Arg::Long("once") => attempts = Attempts::One,
            Arg::Long("json") => common.format = Format::Json,
            Arg::Value(word) => words.push(word.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    if words == ["run"] {
        if common.format == Format::Json {
            return Err(UsageError::OptionMisplaced { option: "--json", command: "run" });
        }
        return Ok(Command::Run(RunOptions { common, attempts, trace }));
    }
    let (command, name): (fn(Common) -> Command, _) = match words.as_slice() {
        [] => return Err(UsageError::CommandMissing),
        ["help"] => return Ok(Command::Help),
        ["status"] => (Command::Status, "status"),
        ["doctor"] => (Command::Doctor, "doctor"),
        ["identity", "show"] => (Command::IdentityShow, "identity show"),
        ["reset"] => (Command::Reset, "reset"),
        other => return Err(UsageError::CommandUnknown { command: other.join(" ") }),
    };
    if attempts == Attempts::One {
        return Err(UsageError::OptionMisplaced { option: "--once", command: name });
    }
    if trace.is_some() {
        return Err(UsageError::OptionMisplaced { option: "--trace", command: name });
    }
    Ok(command(common))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<Command, UsageError> {
        parse(text.split_ascii_whitespace().map(OsString::from))
    }

    #[test]
    fn options_stand_anywhere() {
        let Command::Run(options) = parse_text("--root r run --once --config=c --trace -").unwrap() else { panic!() };
        assert_eq!((options.common.root, options.common.config), ("r".into(), "c".into()));
        assert_eq!((options.attempts, options.trace), (Attempts::One, Some("-".into())));
        assert!(matches!(parse_text("identity show --json"), Ok(Command::IdentityShow(_))));
        assert_eq!(parse_text("run -h").unwrap(), Command::Help);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in ["", "fly", "run fast", "status --once", "doctor --trace x", "run --json", "run --root", "--what"] {
            assert!(parse_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_help_names_every_command_and_option() {
        for word in ["run", "status", "doctor", "identity show", "reset", "--config", "--root", "--once", "--trace"] {
            assert!(HELP.contains(word), "{word}");
        }
    }
}
