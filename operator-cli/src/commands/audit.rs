//! `sztp audit`.

mod forget;
mod read;

use std::{path::PathBuf, process::ExitCode};

use audit_log::VerifierKey;
use bootstrap_server::{
    audit,
    config::ServerConfig,
    store::{Location, SqlStore, Store},
};
use clap::Subcommand;
use pki::key::PublicKey;
use serde_json::json;

use super::Failure;
use crate::output;

/// Subcommands of `sztp audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the records of a running server's log
    List(Box<read::ListArgs>),
    /// Follow the log of a running server, until Ctrl-C
    Tail(Box<read::TailArgs>),
    /// Print everything that is kept about one device
    Export(Box<forget::ExportArgs>),
    /// Forget a device: erase everything that is kept about it
    Erase(Box<forget::EraseArgs>),
    /// With the server stopped: rewrite the database file, without copies of what was erased
    Compact(forget::CompactArgs),
    /// Check every record against its leaf, and every leaf against the signed checkpoints
    Verify(VerifyArgs),
    /// Print the latest signed checkpoint: keep it elsewhere, and the log cannot be rewritten behind your back
    #[command(
        after_help = "Examples:\n  sztp audit checkpoint > checkpoint.txt\n\nWhoever keeps it elsewhere can show \
                      later that nothing before it was changed."
    )]
    Checkpoint(LogArgs),
    /// Print the public key that verifies checkpoints, for auditors: with it they need nothing else of the server's
    #[command(
        after_help = "Examples:\n  sztp audit key\n  sztp audit verify --database copy.sqlite3 --key \"$(sztp audit key)\"\n  \
                      sztp audit key --pem > log.pub.pem      for OpenSSL, to verify what webhooks are sent"
    )]
    Key(KeyArgs),
}

/// Arguments of `sztp audit key`.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    #[command(flatten)]
    log: LogArgs,
    /// Print a PUBLIC KEY block, without the log's name
    #[arg(long)]
    pem: bool,
}

/// Where the log is, and what verifies it.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// The server's configuration file
    #[arg(long, default_value = "sztp.toml")]
    config: PathBuf,
    /// Instead of the configuration: the database file
    #[arg(long, value_name = "FILE", requires = "key")]
    database: Option<PathBuf>,
    /// With --database: the log's public key, as `sztp audit key` prints it
    #[arg(long, value_name = "KEY", requires = "database")]
    key: Option<VerifierKey>,
}

impl LogArgs {
    fn locate(&self) -> Result<(Location, VerifierKey), Failure> {
        if let (Some(database), Some(key)) = (&self.database, &self.key) {
            return Ok((Location::from(database.clone()), key.clone()));
        }
        let config = ServerConfig::load(&self.config)?;
        Ok((config.database, config.checkpoint_key.verifier().clone()))
    }
}

impl LogArgs {
    /// The log's own key, and behind it those that sign beside it while one follows the other.
    fn keys(&self) -> Result<Vec<VerifierKey>, Failure> {
        match &self.key {
            Some(key) => Ok(vec![key.clone()]),
            None => Ok(ServerConfig::load(&self.config)?.checkpoint_key.verifiers().cloned().collect()),
        }
    }
}

const VERIFY_EXAMPLES: &str = "Examples:
  sztp audit verify
  sztp audit verify --checkpoint kept-elsewhere.txt --json
  sztp audit verify --database copy.sqlite3 --key KEY      for auditors: with the server's public key alone

Exit codes: 0 every record fits, 3 the log was changed.";

/// Arguments of `sztp audit verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    log: LogArgs,
    /// A checkpoint kept elsewhere: the log must still be a continuation of it
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::List(args) => read::list(args).await,
            Command::Tail(args) => read::tail(args).await,
            Command::Export(args) => forget::export(args).await,
            Command::Erase(args) => forget::erase(args).await,
            Command::Compact(args) => forget::compact(args).await,
            Command::Verify(args) => verify(args).await,
            Command::Checkpoint(args) => checkpoint(args).await,
            Command::Key(args) => {
                for key in args.log.keys()? {
                    let pem = args.pem.then(|| PublicKey::from_ed25519(*key.public_key()).to_pem());
                    output::line(pem.unwrap_or_else(|| key.to_string()).trim_end());
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

async fn verify(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let kept = args
        .checkpoints
        .iter()
        .map(|path| std::fs::read(path).map_err(|source| Failure::File { path: path.clone(), source }));
    let kept = kept.collect::<Result<Vec<_>, _>>()?;
    let (database, key) = args.log.locate()?;
    let store = SqlStore::open_read_only(&database).await?;
    let report = audit::verify(&store, &key, &kept).await?;
    store.close().await;
    if args.json {
        let report = json!({
            "verified": true,
            "leaves": report.leaves,
            "erased": report.erased,
            "root": report.root.to_string(),
            "checkpoints-checked": report.checkpoints_checked,
            "clock-steps-back": report.clock_steps_back,
        });
        output::line(&report.to_string());
    } else {
        output::line(&format!(
            "verified: {} leaves, {} erased, {} signed checkpoint(s) fit, root {}",
            report.leaves, report.erased, report.checkpoints_checked, report.root
        ));
        if report.clock_steps_back > 0 {
            output::line(&format!("note: the server's clock was set back {} time(s)", report.clock_steps_back));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn checkpoint(args: &LogArgs) -> Result<ExitCode, Failure> {
    let (database, _) = args.locate()?;
    let store = SqlStore::open_read_only(&database).await?;
    let note = store.checkpoint().await?.ok_or_else(|| Failure::NotFound("the log is empty".to_owned()))?;
    store.close().await;
    output::line(note.trim_end_matches('\n'));
    Ok(ExitCode::SUCCESS)
}
