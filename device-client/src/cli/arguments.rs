//! Reading the command line.

use std::{ffi::OsString, path::PathBuf};

use lexopt::{Arg, Parser, ValueExt};
use pki::tpm::NvOwner;

pub(super) const HELP: &str = "\
sztp-device: bootstraps this device without anyone touching it (RFC 8572)

Usage: sztp-device COMMAND [OPTIONS]

Commands:
  run             find bootstrapping data, verify it, apply it, report; again and again until it works
  status          what this device is: bootstrapped or not, and which image runs
  doctor          what will keep it from bootstrapping, and how to mend it
  identity show     its certificate and serial number; with --key, what its TPM's endorsement keys are
  identity create   make its key, in the TPM or in a file, and a request for its certificate (PKCS#10)
  identity install  keep the certificate that was issued, in the TPM or in a file
  identity enrol    on a factory line: make and prove the key, have it certified, keep the certificate
  identity check    whether key, certificate, chain, purpose and clock are fit to bootstrap with
  reset           back to factory state: removes images, journal and the marker `done`

Options:
  --config FILE   the device's configuration (default /etc/sztp/device.toml)
  --root DIR      what survives a restart (default /var/lib/sztp)
  --once          run: one attempt only
  --trace FILE|-  run: one JSON object a line for each decision, `-` for standard output
  --json          status, doctor, identity: JSON
  -h, --help      this text
  -V, --version   the version

Options of `identity`; without --key and --to, the configuration says where:
  --key KEY               a path, or `tpm2:0x81020000` (with `?tpm=PATH` for another TPM than the machine's)
  --to PLACE              install, check: where the certificate is kept: a path, or `tpm2-nv:0x01c90000`
  --passphrase-file FILE  what opens the key: a file's passphrase, the password of a key in a TPM
  --owner-password-file FILE  the password of the TPM's owner (install: of the platform, with --survives-clear)
  --algorithm NAME        create: p256 (default), p384, rsa2048
  --label TEXT            create: tells keys in one TPM apart (default IDEVID); the same label gives the same key again
  --subject-serial S, --serial-number S  create, enrol: the device's serial number
  --organization NAME     create: who makes the device
  --hardware-type OID     create: a hardwareModuleName of this type, with the serial number
  --csr OUT               create: where the request is written (PEM)
  --certificate CHAIN     install: the device's certificate, then its intermediates
  --station URL           enrol: the server that certifies, https://host[:port]
  --order NAME            enrol: the production order
  --station-certificate CHAIN  enrol: the station's certificate, then its intermediates
  --station-key KEY       enrol: the station's key
  --anchor FILE           enrol: the anchors of the server's certificate
  --survives-clear        install, enrol: in the platform's NV memory, which a TPM clear leaves alone

Exit codes of `run --once`:
  0 bootstrapped, or done already     1 applying failed          2 usage
  3 every server was refused          5 no server was reachable  75 a reboot is wanted

Examples:
  sztp-device doctor --config device.toml --root state
  sztp-device run --once --config device.toml --root state --trace -
  sztp-device run --trace /run/sztp.jsonl
  sztp-device identity create --key tpm2:0x81020000 --subject-serial SN-0001 --csr SN-0001.csr
  sztp-device identity install --key tpm2:0x81020000 --to tpm2-nv:0x01c90000 --certificate SN-0001.pem
  sztp-device identity check --key tpm2:0x81020000 --to tpm2-nv:0x01c90000
  sztp-device identity enrol --station https://line.example.com --order O-1 --serial-number SN-0001 \
      --station-certificate station.pem --station-key station.key --anchor ca.pem \
      --key tpm2:0x81020000 --to tpm2-nv:0x01c90000";

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
    &["--key", "--to", "--passphrase-file", "--owner-password-file", "--certificate", "--survives-clear"];

const ENROL: &[&str] = &[
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

const CHECK: &[&str] = &["--key", "--to", "--passphrase-file"];

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
    #[error("which command? run, status, doctor, identity or reset")]
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
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Long("config") => common.config = parser.value()?.into(),
            Arg::Long("root") => common.root = parser.value()?.into(),
            Arg::Long("trace") => trace = Some(parser.value()?.into()),
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
    if words == ["run"] {
        if common.format == Format::Json {
            return Err(UsageError::OptionMisplaced { option: "--json", command: "run" });
        }
        refuse_others(&given, &[], "run")?;
        return Ok(Command::Run(RunOptions { common, attempts, trace }));
    }
    let (command, name, allowed): (fn(IdentityOptions) -> Command, _, &[&str]) = match words.as_slice() {
        [] => return Err(UsageError::CommandMissing),
        ["help"] => return Ok(Command::Help),
        ["status"] => (|it| Command::Status(it.common), "status", &[]),
        ["doctor"] => (|it| Command::Doctor(it.common), "doctor", &[]),
        ["identity", "show"] => (Command::IdentityShow, "identity show", &["--key"]),
        ["identity", "create"] => (Command::IdentityCreate, "identity create", CREATE),
        ["identity", "install"] => (Command::IdentityInstall, "identity install", INSTALL),
        ["identity", "enrol"] => (Command::IdentityEnrol, "identity enrol", ENROL),
        ["identity", "check"] => (Command::IdentityCheck, "identity check", CHECK),
        ["reset"] => (|it| Command::Reset(it.common), "reset", &[]),
        other => return Err(UsageError::CommandUnknown { command: other.join(" ") }),
    };
    if attempts == Attempts::One {
        return Err(UsageError::OptionMisplaced { option: "--once", command: name });
    }
    if trace.is_some() {
        return Err(UsageError::OptionMisplaced { option: "--trace", command: name });
    }
    refuse_others(&given, allowed, name)?;
    Ok(command(IdentityOptions { common, given }))
}

fn refuse_others(given: &Given, allowed: &[&str], command: &'static str) -> Result<(), UsageError> {
    match given.other_than(allowed) {
        Some(option) => Err(UsageError::OptionMisplaced { option, command }),
        None => Ok(()),
    }
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
        let text = "identity install --key tpm2:0x81020000 --to x --certificate c --survives-clear";
        let Command::IdentityInstall(options) = parse_text(text).unwrap() else { panic!() };
        assert_eq!(
            (options.given.key.as_deref(), options.given.nv_owner),
            (Some("tpm2:0x81020000"), NvOwner::Platform)
        );
        assert_eq!(parse_text("run -h").unwrap(), Command::Help);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in ["status --key k", "identity check --csr x", "identity create --to x", "run --survives-clear"] {
            assert!(matches!(parse_text(bad), Err(UsageError::OptionMisplaced { .. })), "{bad}");
        }
        for bad in ["", "fly", "run fast", "status --once", "doctor --trace x", "run --json", "run --root", "--what"] {
            assert!(parse_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_help_names_every_command_and_option() {
        for word in CREATE.iter().chain(INSTALL).chain(ENROL).chain(CHECK).chain(&["identity create", "identity check"])
        {
            assert!(HELP.contains(word), "{word}");
        }
        for word in ["run", "status", "doctor", "identity show", "reset", "--config", "--root", "--once", "--trace"] {
            assert!(HELP.contains(word), "{word}");
        }
    }
}
