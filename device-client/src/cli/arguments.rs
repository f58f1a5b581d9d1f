//! Reading the command line.

use std::{ffi::OsString, path::PathBuf};

use lexopt::{Arg, Parser, ValueExt};
use pki::tpm::NvOwner;

const DEFAULT_CONFIG: &str = "/etc/sztp/device.toml";
const DEFAULT_ROOT: &str = "/var/lib/sztp";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Version,
    Run(RunOptions),
    Status(Common),
    Doctor(DoctorOptions),
    Replay(ReplayOptions),
    IdentityShow(IdentityOptions),
    IdentityCreate(IdentityOptions),
    IdentityInstall(IdentityOptions),
    IdentityEnrol(IdentityOptions),
    IdentityCheck(IdentityOptions),
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

/// What `identity create`, `install` and `check` take besides.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IdentityOptions {
    pub(super) common: Common,
    pub(super) given: Given,
}

/// The options of `identity` that were given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) key: Option<String>,
    pub(super) to: Option<String>,
    pub(super) passphrase_file: Option<PathBuf>,
    pub(super) owner_password_file: Option<PathBuf>,
    pub(super) algorithm: Option<String>,
    pub(super) label: Option<String>,
    pub(super) subject_serial: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) hardware_type: Option<String>,
    pub(super) csr: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) nv_owner: NvOwner,
    pub(super) station: Option<String>,
    pub(super) order: Option<String>,
    pub(super) station_certificate: Option<PathBuf>,
    pub(super) station_key: Option<String>,
    pub(super) anchor: Option<PathBuf>,
}

impl Given {
    /// The first option that none of `allowed` is.
    fn other_than(&self, allowed: &[&str]) -> Option<&'static str> {
        let given = [
            ("--key", self.key.is_some()),
            ("--to", self.to.is_some()),
            ("--passphrase-file", self.passphrase_file.is_some()),
            ("--owner-password-file", self.owner_password_file.is_some()),
            ("--algorithm", self.algorithm.is_some()),
            ("--label", self.label.is_some()),
            ("--subject-serial", self.subject_serial.is_some()),
            ("--organization", self.organization.is_some()),
            ("--hardware-type", self.hardware_type.is_some()),
            ("--csr", self.csr.is_some()),
            ("--certificate", self.certificate.is_some()),
            ("--station", self.station.is_some()),
            ("--order", self.order.is_some()),
            ("--station-certificate", self.station_certificate.is_some()),
            ("--station-key", self.station_key.is_some()),
            ("--anchor", self.anchor.is_some()),
            ("--survives-clear", self.nv_owner != NvOwner::Owner),
        ];
        given.into_iter().find(|(name, is_given)| *is_given && !allowed.contains(name)).map(|(name, _)| name)
    }
}

const CREATE: &[&str] = &[
    "--json",
    "--key",
    "--passphrase-file",
    "--owner-password-file",
    "--algorithm",
    "--label",
    "--subject-serial",
    "--organization",
    "--hardware-type",
    "--csr",
];

const INSTALL: &[&str] =
    &["--json", "--key", "--to", "--passphrase-file", "--owner-password-file", "--certificate", "--survives-clear"];

const ENROL: &[&str] = &[
    "--json",
    "--key",
    "--to",
    "--passphrase-file",
    "--owner-password-file",
    "--algorithm",
    "--label",
    "--subject-serial",
    "--organization",
    "--hardware-type",
    "--station",
    "--order",
    "--station-certificate",
    "--station-key",
    "--anchor",
    "--survives-clear",
];

const CHECK: &[&str] = &["--json", "--key", "--to", "--passphrase-file"];

const REPLAY: &[&str] = &["--json", "--at", "--trust-anchor", "--decryption-key", "--passphrase-file"];

/// What `replay` changes.
#[derive(Default)]
struct WhatIf {
    at: Option<String>,
    trust_anchors: Vec<PathBuf>,
    decryption_key: Option<String>,
}

/// What `run` takes besides.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RunOptions {
    pub(super) common: Common,
    pub(super) attempts: Attempts,
    pub(super) trace: Option<PathBuf>,
    pub(super) capture: Option<PathBuf>,
}

/// What `doctor` takes besides.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DoctorOptions {
    pub(super) common: Common,
    pub(super) reach: Reach,
}

/// How far `doctor` looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// At files, and nothing is sent.
    Files,
    /// At the network too.
    Network,
}

/// What `replay` takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReplayOptions {
    pub(super) capture: PathBuf,
    pub(super) format: Format,
    pub(super) at: Option<String>,
    pub(super) trust_anchors: Vec<PathBuf>,
    pub(super) decryption_key: Option<String>,
    pub(super) passphrase_file: Option<PathBuf>,
}

/// Why a command line is not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    #[error(transparent)]
    Option(#[from] lexopt::Error),
    #[error("which command? run, status, doctor, replay, identity or reset")]
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
    let (mut attempts, mut trace, mut capture) = (Attempts::UntilDone, None, None);
    let (mut reach, mut what_if) = (Reach::Files, WhatIf::default());
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Long("config") => common.config = parser.value()?.into(),
            Arg::Long("root") => common.root = parser.value()?.into(),
            Arg::Long("trace") => trace = Some(parser.value()?.into()),
            Arg::Long("capture") => capture = Some(parser.value()?.into()),
            Arg::Long("probe") => reach = Reach::Network,
            Arg::Long("at") => what_if.at = Some(parser.value()?.string()?),
            Arg::Long("trust-anchor") => what_if.trust_anchors.push(parser.value()?.into()),
            Arg::Long("decryption-key") => what_if.decryption_key = Some(parser.value()?.string()?),
            Arg::Long("once") => attempts = Attempts::One,
            Arg::Long("json") => common.format = Format::Json,
            Arg::Long("key") => given.key = Some(parser.value()?.string()?),
            Arg::Long("to") => given.to = Some(parser.value()?.string()?),
            Arg::Long("passphrase-file") => given.passphrase_file = Some(parser.value()?.into()),
            Arg::Long("owner-password-file") => given.owner_password_file = Some(parser.value()?.into()),
            Arg::Long("algorithm") => given.algorithm = Some(parser.value()?.string()?),
            Arg::Long("label") => given.label = Some(parser.value()?.string()?),
            Arg::Long("subject-serial" | "serial-number") => given.subject_serial = Some(parser.value()?.string()?),
            Arg::Long("organization") => given.organization = Some(parser.value()?.string()?),
            Arg::Long("hardware-type") => given.hardware_type = Some(parser.value()?.string()?),
            Arg::Long("csr") => given.csr = Some(parser.value()?.into()),
            Arg::Long("certificate") => given.certificate = Some(parser.value()?.into()),
            Arg::Long("station") => given.station = Some(parser.value()?.string()?),
            Arg::Long("order") => given.order = Some(parser.value()?.string()?),
            Arg::Long("station-certificate") => given.station_certificate = Some(parser.value()?.into()),
            Arg::Long("station-key") => given.station_key = Some(parser.value()?.string()?),
            Arg::Long("anchor") => given.anchor = Some(parser.value()?.into()),
            Arg::Long("survives-clear") => given.nv_owner = NvOwner::Platform,
            Arg::Value(word) => words.push(word.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (name, allowed): (_, &[&str]) = match words.as_slice() {
        [] => return Err(UsageError::CommandMissing),
        ["help"] => return Ok(Command::Help),
        ["run"] => ("run", &["--once", "--trace", "--capture"]),
        ["status"] => ("status", &["--json"]),
        ["doctor"] => ("doctor", &["--json", "--probe"]),
        ["replay", _] => ("replay", REPLAY),
        ["identity", "show"] => ("identity show", &["--json", "--key"]),
        ["identity", "create"] => ("identity create", CREATE),
        ["identity", "install"] => ("identity install", INSTALL),
        ["identity", "enrol"] => ("identity enrol", ENROL),
        ["identity", "check"] => ("identity check", CHECK),
        ["reset"] => ("reset", &[]),
        other => return Err(UsageError::CommandUnknown { command: other.join(" ") }),
    };
    let others = [
        ("--once", attempts == Attempts::One),
        ("--trace", trace.is_some()),
        ("--capture", capture.is_some()),
        ("--probe", reach == Reach::Network),
        ("--json", common.format == Format::Json),
        ("--at", what_if.at.is_some()),
        ("--trust-anchor", !what_if.trust_anchors.is_empty()),
        ("--decryption-key", what_if.decryption_key.is_some()),
    ];
    let surplus = others.into_iter().find(|(option, is_given)| *is_given && !allowed.contains(option));
    if let Some(option) = surplus.map(|(option, _)| option).or_else(|| given.other_than(allowed)) {
        return Err(UsageError::OptionMisplaced { option, command: name });
    }
    let identity = |common, given| IdentityOptions { common, given };
    Ok(match words.as_slice() {
        ["status"] => Command::Status(common),
        ["doctor"] => Command::Doctor(DoctorOptions { common, reach }),
        ["replay", file] => Command::Replay(ReplayOptions {
            capture: file.into(),
            format: common.format,
            at: what_if.at,
            trust_anchors: what_if.trust_anchors,
            decryption_key: what_if.decryption_key,
            passphrase_file: given.passphrase_file,
        }),
        ["identity", "show"] => Command::IdentityShow(identity(common, given)),
        ["identity", "create"] => Command::IdentityCreate(identity(common, given)),
        ["identity", "install"] => Command::IdentityInstall(identity(common, given)),
        ["identity", "enrol"] => Command::IdentityEnrol(identity(common, given)),
        ["identity", "check"] => Command::IdentityCheck(identity(common, given)),
        ["reset"] => Command::Reset(common),
        _ => Command::Run(RunOptions { common, attempts, trace, capture }),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::help::HELP, *};

    fn parse_text(text: &str) -> Result<Command, UsageError> {
        parse(text.split_ascii_whitespace().map(OsString::from))
    }

    #[test]
    fn options_stand_anywhere() {
        let Command::Run(options) = parse_text("--root r run --once --config=c --trace -").unwrap() else { panic!() };
        assert_eq!((options.common.root, options.common.config), ("r".into(), "c".into()));
        assert_eq!((options.attempts, options.trace), (Attempts::One, Some("-".into())));
        assert!(matches!(parse_text("identity show --json"), Ok(Command::IdentityShow(_))));
        let text = "identity install --key tpm2:0x81020000 --to x --certificate c --survives-clear";
        let Command::IdentityInstall(options) = parse_text(text).unwrap() else { panic!() };
        assert_eq!(
            (options.given.key.as_deref(), options.given.nv_owner),
            (Some("tpm2:0x81020000"), NvOwner::Platform)
        );
        assert_eq!(parse_text("run -h").unwrap(), Command::Help);
        let text = "replay field.capture --trust-anchor a --at 2027-01-01T00:00:00Z --trust-anchor b --json";
        let Command::Replay(options) = parse_text(text).unwrap() else { panic!() };
        assert_eq!((options.capture, options.trust_anchors), ("field.capture".into(), vec!["a".into(), "b".into()]));
        assert_eq!((options.at.as_deref(), options.format), (Some("2027-01-01T00:00:00Z"), Format::Json));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in ["status --key k", "identity check --csr x", "identity create --to x", "run --survives-clear"] {
            assert!(matches!(parse_text(bad), Err(UsageError::OptionMisplaced { .. })), "{bad}");
        }
        for bad in ["replay", "replay a b", "run --probe", "replay a --once", "status --at x", "doctor --capture c"] {
            assert!(parse_text(bad).is_err(), "{bad}");
        }
        for bad in ["", "fly", "run fast", "status --once", "doctor --trace x", "run --json", "run --root", "--what"] {
            assert!(parse_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_help_names_every_command_and_option() {
        let options = [CREATE, INSTALL, ENROL, CHECK, REPLAY].concat();
        for word in options.iter().chain(&["identity create", "identity check", "replay", "--capture", "--probe"]) {
            assert!(HELP.contains(word), "{word}");
        }
        for word in ["run", "status", "doctor", "identity show", "reset", "--config", "--root", "--once", "--trace"] {
            assert!(HELP.contains(word), "{word}");
        }
    }
}
