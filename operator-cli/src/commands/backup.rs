//! `sztp backup`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::SystemTime,
};

use bootstrap_server::{
    backup::{Restorable, Taking},
    config::{ServerConfig, folder_of},
    domain::Actor,
    store::{SqlStore, Store, StoreError},
};
use pki::time::Timestamp;

use super::Failure;
use crate::{
    output,
    server::{FindError, ServerArgs},
};

/// Arguments of `sztp backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file to write; it is there whole or not at all, readable by you alone
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp backup --out sztp-2026-01-01.backup     in the server's folder, whether it runs or not
  sztp backup --out sztp-2026-01-01.backup --server https://ztp.example:8444 --token-file t --server-ca ca.pem
  sztp restore --verify sztp-2026-01-01.backup

Not in a backup, to be kept elsewhere: sztp.toml and every file it names, above all the key of the audit log, without
which a backup cannot be restored; operator.token; and the newest checkpoint (`sztp audit checkpoint`).";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut file = NewFile::create(&args.out)?;
    runtime.block_on(async {
        match asked(&args.server, &mut file).await {
            // A server that is stopped has let go of its database; one that was named is somewhere else.
            Err(failure) if is_stopped(&failure) && !args.server.is_named() => {
                output::error("No server answers: the backup is taken from the database itself.");
                beside(args.server.config(), &mut file).await
            }
            done => done,
        }
    })?;
    // What a connection or a disk has done to it is found now, and not on the day it is needed.
    file.sync()?;
    let checked = Restorable::check(file.beside(), None, None)?;
    file.keep()?;
    let contents = checked.contents();
    let rows = |table| contents.rows.get(table).copied().unwrap_or_default();
    output::line(&format!(
        "{}: {} devices, {} vouchers, {} leaves of the audit log, as of {}",
        args.out.display(),
        rows("device"),
        rows("voucher"),
        contents.leaves,
        contents.taken
    ));
    output::error(
        "Not in it: sztp.toml and the files it names. Keep them elsewhere, above all the key of the audit log: without \
         it no backup can be restored.",
    );
    Ok(ExitCode::SUCCESS)
}

/// From a running server.
async fn asked(server: &ServerArgs, file: &mut NewFile) -> Result<(), Failure> {
    let unasked = |error| Failure::Client(Box::new(error));
    let client = server.client()?;
    let mut backup = client.backup().await.map_err(unasked)?;
    while let Some(piece) = backup.piece().await.map_err(unasked)? {
        file.write(&piece)?;
    }
    Ok(())
}

/// Nobody listens, or this server takes no commands at all.
fn is_stopped(failure: &Failure) -> bool {
    match failure {
        Failure::Client(error) => error.is_unreachable(),
        Failure::Find(error) => matches!(error, FindError::NoListener { .. } | FindError::AnyPort { .. }),
        _ => false,
    }
}

/// From the database itself.
async fn beside(config: &Path, file: &mut NewFile) -> Result<(), Failure> {
    let config = ServerConfig::load(config)?;
    let key = Arc::clone(&config.checkpoint_key);
    let opened = SqlStore::open(&config.database, Arc::clone(&key)).await.inspect_err(|error| {
        if *error == StoreError::InUse {
            output::error("The server runs, and does not answer here: name its operator listener with --server.");
        }
    });
    let store = Arc::new(opened?);
    let shared: Arc<dyn Store> = store.clone();
    let now = Timestamp::from_system(SystemTime::now());
    let mut taking = Taking::begin(shared, key, Actor::Console, now).await?;
    while let Some(piece) = taking.piece().await? {
        file.write(&piece)?;
    }
    drop(taking);
    if let Some(store) = Arc::into_inner(store) {
        store.close().await;
    }
    Ok(())
}

/// A file beside its place, which it takes when it is whole. Otherwise nothing of it stays.
struct NewFile {
    path: PathBuf,
    beside: PathBuf,
    file: BufWriter<File>,
    kept: bool,
}

impl NewFile {
    fn create(path: &Path) -> Result<Self, Failure> {
        let failed = |source| Failure::File { path: path.to_owned(), source };
        let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::IsADirectory.into()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.new", std::process::id()));
        let beside = path.with_file_name(hidden);
        // Digests of tokens and the devices' configurations are in it.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
        Ok(Self { path: path.to_owned(), beside, file: BufWriter::new(file), kept: false })
    }

    fn beside(&self) -> &Path {
        &self.beside
    }

    fn failed(&self, source: io::Error) -> Failure {
        Failure::File { path: self.path.clone(), source }
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        self.file.write_all(octets).map_err(|source| self.failed(source))
    }

    fn sync(&mut self) -> Result<(), Failure> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|source| self.failed(source))
    }

    fn keep(mut self) -> Result<(), Failure> {
        let folder = folder_of(&self.path);
        // The name is durable only when the folder is.
        let renamed = fs::rename(&self.beside, &self.path).and_then(|()| File::open(folder)?.sync_all());
        renamed.map_err(|source| self.failed(source))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _gone = fs::remove_file(&self.beside);
        }
    }
}
