//! `sztp artifact`: artifacts of any maker, on files alone.

mod chain;
mod decrypt;
pub(crate) mod encrypt;
pub(crate) mod inspect;
pub(crate) mod make;
pub(crate) mod verify;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use pki::{digest::sha256, time::Timestamp};
use serde_json::json;

use super::Failure;
use crate::{
    files::{self, Secrecy},
    output::{self, Form},
};

/// Subcommands of `sztp artifact`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make conveyed information or an owner certificate artifact
    Make(Box<make::Args>),
    /// Explain any artifact, certificate, document or revocation list, layer by layer
    Inspect(inspect::Args),
    /// Verify artifacts as a device would, and say why
    Verify(Box<verify::Args>),
    /// Encrypt an artifact to the certificates of devices
    Encrypt(Box<encrypt::Args>),
    /// Decrypt an artifact with a device's key
    Decrypt(Box<decrypt::Args>),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Make(args) => make::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Encrypt(args) => encrypt::run(args),
        Command::Decrypt(args) => decrypt::run(args),
    }
}

/// Where an artifact goes that a command makes.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Where to write it, as DER
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Do everything but write it
    #[arg(long)]
    dry_run: bool,
    /// How to say what was made
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

impl Target {
    /// Writes the artifact and says what it is.
    fn deliver(&self, what: &str, octets: &[u8], inputs: &[&Path], secrecy: Secrecy) -> Result<ExitCode, Failure> {
        files::check_output(&self.out, inputs)?;
        if !self.dry_run {
            files::write(&self.out, octets, secrecy)?;
        }
        let (size, digest) = (octets.len(), sha256(octets));
        match self.form {
            Form::Json => output::json(&json!({
                "what": what, "out": self.out, "written": !self.dry_run, "size": size, "sha256": digest,
            })),
            Form::Table => {
                let done = if self.dry_run { "would write" } else { "wrote" };
                output::line(&format!("{done} {}: {what}\n  {size} octets, sha256 {digest}", self.out.display()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a moment as people write it: RFC 3339.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "expected a date and time as in 2026-11-21T07:00:00Z".to_owned())
}

/// The moment that was named, or the present.
pub(crate) fn at_or_now(at: Option<Timestamp>) -> Timestamp {
    at.unwrap_or_else(|| Timestamp::from_system(std::time::SystemTime::now()))
}
