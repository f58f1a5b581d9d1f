//! `sztp restore`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use audit_log::VerifierKey;
use bootstrap_server::{
    api::TokenSecret,
    audit::{self, CheckpointKey},
    backup::Restorable,
    config::{ServerConfig, folder_of},
    store::{Location, SqlStore, Store, StoreError},
};
use pki::key::SystemEntropy;
use serde_json::{Value, json};

use super::Failure;
use crate::{
    files::{self, Secrecy},
    output::{self, Form},
    site,
};

/// Arguments of `sztp restore`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The backup
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    /// Check all of it and write nothing; needs no configuration
    #[arg(long)]
    verify: bool,
    /// With --verify: the log's public key, as `sztp audit key` prints it; otherwise that in the backup is taken, which
    /// shows that the backup is whole, and not whose it is
    #[arg(long, value_name = "KEY", requires = "verify")]
    key: Option<VerifierKey>,
    /// The configuration of the server to be restored, with the key of its audit log
    #[arg(long, value_name = "FILE", default_value = "sztp.toml")]
    config: PathBuf,
    /// The newest checkpoint of the log that anybody kept: the new log admits what was lost since the backup
    #[arg(long, value_name = "FILE")]
    last_checkpoint: Option<PathBuf>,
    /// Check everything, the database too, and write nothing
    #[arg(long, conflicts_with = "verify")]
    dry_run: bool,
    /// How to show what was found
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

const EXAMPLES: &str = "Examples:
  sztp restore --verify sztp.backup
  sztp restore --verify sztp.backup --key \"$(cat log-key)\"
  sztp restore sztp.backup --config sztp.toml --last-checkpoint newest-checkpoint

The database that the configuration names must be empty: a file that is not there, or an empty PostgreSQL database.
Every token in the backup is revoked: it does not know which were revoked later. A new one for an admin is written into
operator.token beside the configuration, in the place of what is there.
The old audit log ends and is kept; a new one begins, whose first leaf names the newest checkpoint that is known.
Exit codes: 0 done or verified, 3 the backup was refused, 1 it cannot be restored here.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let last_checkpoint = args.last_checkpoint.as_deref().map(read).transpose()?;
    if args.verify {
        let checked = Restorable::check(&args.backup, args.key.as_ref(), last_checkpoint.as_deref())?;
        show(args, &checked, "verified", &json!({}), &[]);
        return Ok(ExitCode::SUCCESS);
    }
    let config = ServerConfig::load(&args.config)?;
    let key = Arc::clone(&config.checkpoint_key);
    let checked = Restorable::check(&args.backup, Some(key.verifier()), last_checkpoint.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if args.dry_run {
            vacant(&config.database).await?;
            show(args, &checked, "would be restored", &json!({}), &[]);
            return Ok(ExitCode::SUCCESS);
        }
        let secret = TokenSecret::generate(&mut SystemEntropy).map_err(site::SiteError::from)?;
        let path = folder_of(&args.config).join(site::TOKEN);
        // Written first: a server that is restored must not be left without anybody who gets in.
        let beside = path.with_file_name(format!(".{}.restored", site::TOKEN));
        files::write(&beside, format!("{}\n", secret.reveal()).as_bytes(), Secrecy::Private)?;
        let restored = checked.restore(&config.database, &key, Some(secret.digest())).await;
        let reopened = restored.inspect_err(|_| drop(std::fs::remove_file(&beside)))?;
        let access = match &reopened.user {
            Some(user) => {
                let failed = |source| Failure::File { path: beside.clone(), source };
                std::fs::rename(&beside, &path).map_err(failed)?;
                format!("{} is a new token of {user}", path.display())
            }
            None => {
                let _gone = std::fs::remove_file(&beside);
                "there is no admin to give a new one to".to_owned()
            }
        };
        let checkpoint = verify(&config.database, &key, &checked).await?;
        let next = [
            format!("tokens:     all {} were revoked, since some may have been after the backup; {access}", reopened.revoked),
            format!("log key:    {}", key.verifier()),
            format!("checkpoint: {}", checkpoint.trim_end().replace('\n', "\n            ")),
            "next:       publish this checkpoint where the old ones were kept; auditors follow the new origin, its first"
                .to_owned(),
            "            line, with the same key. `sztp doctor`, then `sztp serve`. What happened after the backup is"
                .to_owned(),
            "            lost: devices that were onboarded since may ask again and be held.".to_owned(),
        ];
        let also = json!({
            "tokens-revoked": reopened.revoked,
            "token": reopened.user.as_ref().map(|user| json!({"user": user.to_string(), "file": path})),
            "new-checkpoint": checkpoint,
        });
        show(args, &checked, "restored", &also, &next);
        Ok(ExitCode::SUCCESS)
    })
}

/// A dry run cannot begin an import: it looks whether one could.
async fn vacant(location: &Location) -> Result<(), StoreError> {
    let store = match SqlStore::open_read_only(location).await {
        Err(StoreError::Missing { .. } | StoreError::SchemaOlder { found: 0, .. }) => return Ok(()),
        other => other?,
    };
    let checkpoint = store.checkpoint().await?;
    store.close().await;
    match checkpoint.filter(|note| !note.is_empty()) {
        Some(_) => Err(StoreError::NotEmpty),
        None => Ok(()),
    }
}

/// Reads the whole log of the new database, old leaves included; gives the new checkpoint.
async fn verify(location: &Location, key: &CheckpointKey, checked: &Restorable) -> Result<String, Failure> {
    let store = SqlStore::open_read_only(location).await?;
    audit::verify(&store, key.verifier(), &[checked.newest().as_bytes().to_vec()]).await?;
    let checkpoint = store.checkpoint().await?.unwrap_or_default();
    store.close().await;
    Ok(checkpoint)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|source| Failure::File { path: path.to_owned(), source })
}

/// Says what was done: to programs all of it with what is `also` so, to people with what comes `next`.
fn show(args: &Args, checked: &Restorable, done: &'static str, also: &Value, next: &[String]) {
    let contents = checked.contents();
    if args.form == Form::Json {
        let mut document = json!({
            "result": done,
            "taken": contents.taken,
            "key": contents.key.to_string(),
            "rows": contents.rows,
            "leaves": contents.leaves,
            "erased": contents.erased,
            "checkpoint": contents.checkpoint,
            "newest-checkpoint": checked.newest(),
        });
        if let (Some(document), Some(also)) = (document.as_object_mut(), also.as_object()) {
            document.extend(also.clone());
        }
        return output::json(&document);
    }
    let rows = |table| contents.rows.get(table).copied().unwrap_or_default();
    output::line(&format!(
        "{done}: backup of {}: {} devices, {} vouchers, {} profiles, {} leaves ({} erased), sealed by {}",
        contents.taken,
        rows("device"),
        rows("voucher"),
        rows("profile"),
        contents.leaves,
        contents.erased,
        contents.key.name()
    ));
    next.iter().for_each(|line| output::line(line));
}
