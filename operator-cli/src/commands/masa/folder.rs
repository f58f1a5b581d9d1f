//! The folder of a MASA, as `sztp ca init` makes it: opened without a server.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
    sync::Arc,
};

use authority::masa::Person;
use bootstrap_server::{
    audit::{Event, MasaEvent},
    authority::masa::Office,
    config::{ConfigError, ServerConfig},
    domain::Actor,
    store::{Batch, SqlStore, Store, StoreError},
};
use pki::identity::SerialNumber;

use crate::{commands::Failure, output, site::CONFIG};

/// Which folder.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FolderArgs {
    /// The folder that `sztp ca init` made
    #[arg(long = "masa", default_value = ".", value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// A change, or its rehearsal.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// An open folder.
pub(crate) struct Folder {
    pub(crate) office: Arc<Office>,
    pub(crate) store: SqlStore,
}

impl FolderArgs {
    /// Opens it. A server must not have it open: it has the database to itself.
    pub(crate) async fn open(&self) -> Result<Folder, Failure> {
        let path = self.folder.join(CONFIG);
        let config = ServerConfig::load(&path)?;
        let Some(office) = config.masa else { return Err(ConfigError::NoMasa { path }.into()) };
        let opened = SqlStore::open(&config.database, Arc::clone(&config.checkpoint_key)).await;
        let store = opened.inspect_err(|error| {
            if *error == StoreError::InUse {
                output::error("Stop the server first: it has the database to itself. Then start it again.");
            }
        })?;
        Ok(Folder { office, store })
    }
}

impl ChangeArgs {
    /// Commits these events as one, or rehearses; then closes the folder. The text says what was done.
    pub(crate) async fn make(&self, events: Vec<MasaEvent>, done: &str) -> Result<(), Failure> {
        let folder = self.folder.open().await?;
        let made = self.make_in(&folder, events).await;
        folder.store.close().await;
        made?;
        output::line(&if self.dry_run { format!("would be: {done}") } else { done.to_owned() });
        Ok(())
    }

    /// The same, in a folder that is open.
    pub(crate) async fn make_in(&self, folder: &Folder, events: Vec<MasaEvent>) -> Result<(), StoreError> {
        let mut events = events.into_iter().map(Event::Masa);
        let Some(first) = events.next() else { return Ok(()) };
        // That it was done here, by nobody's token, stands in the audit log.
        let batch = events.fold(Batch::from(first), Batch::and).by(Actor::Console);
        if self.dry_run { folder.store.rehearse(batch).await } else { folder.store.commit(batch).await.map(drop) }
    }
}

/// A line of a list.
#[derive(Debug)]
pub(crate) struct Line {
    /// Which, from 1.
    pub(crate) number: u64,
    /// What stands there, or why it is no serial number.
    pub(crate) read: Result<SerialNumber, String>,
}

/// A list of serial numbers: one a line; empty lines and lines that begin with `#` are passed over. Each line is a serial number or
/// why it is none.
pub(crate) fn serial_numbers(path: &Path) -> Result<Vec<Line>, Failure> {
    let wrap = |source| Failure::File { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(wrap)?;
    let mut all = Vec::new();
    for (number, line) in (1..).zip(std::io::BufReader::new(file).split(b'\n')) {
        let line = line.map_err(wrap)?;
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let read = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned());
        let read = read.and_then(|text| SerialNumber::new(text).map_err(|error| error.to_string()));
        all.push(Line { number, read });
    }
    Ok(all)
}

/// Who gives an order at this machine, where nobody says.
pub(crate) fn this_person() -> Result<Person, String> {
    let name = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty());
    person(&name.unwrap_or_else(|| "console".to_owned()))
}

/// For clap.
pub(crate) fn person(text: &str) -> Result<Person, String> {
    Person::new(text).map_err(|error| error.to_string())
}
