//! `sztp audit export`, `sztp audit erase` and `sztp audit compact`: what is kept about one device, and how it goes.

use std::{path::PathBuf, process::ExitCode};

use bootstrap_server::{
    config::ServerConfig,
    store::{Location, SqlStore},
};
use operator_api::{
    Because, RecordQuery,
    client::{Client, DeviceKey},
};
use serde_json::json;

use super::super::{
    Failure,
    change::ChangeArgs,
    device::name::{find, qualified},
};
use crate::{
    files::Reserved,
    output,
    server::ServerArgs,
    show::{Column, column, plain},
};

/// Records asked for at a time: the most that a server gives.
const PAGE: u32 = 1000;

/// Arguments of `sztp audit export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct ExportArgs {
    /// The device: SERIAL, or MANUFACTURER/SERIAL
    #[arg(long)]
    device: String,
    /// Write it into this new file, for nobody else to read, instead of showing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

const EXPORT_EXAMPLES: &str = "Examples:
  sztp audit export --device SN-0001 --out sn-0001.json

One JSON document: the device's record, its reports, its story across all logs, and the records of the log that is written.
Vouchers are in it by their digests.";

/// Arguments of `sztp audit erase`.
#[derive(Debug, clap::Args)]
#[command(after_help = ERASE_EXAMPLES)]
pub(crate) struct EraseArgs {
    /// The device: SERIAL, or MANUFACTURER/SERIAL
    #[arg(long)]
    device: String,
    /// Why, in your words: it stays in the audit log, so do not name the device in it
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const ERASE_EXAMPLES: &str = "Examples:
  sztp audit export --device SN-0001 --out sn-0001.json
  sztp audit erase --device SN-0001 --reason 'request 4711' --dry-run
  sztp audit erase --device SN-0001 --reason 'request 4711'

Needs an admin's token. The device's record, voucher, reports and all that the audit log says about it go; the log still
verifies, and says how many records were erased, when, by whom and why. A device that is being onboarded is refused. One that
comes back is unknown: [policy] says what becomes of it. What was interrupted is taken up by the same command, or by the server.

Not reached by this: records of connections that were refused, which may quote a serial number that a stranger claimed, and go
by their age ([retention]); backups and exports that were taken before, and the server's own messages (journald). In SQLite, copies
may be left in unused parts of the file until `sztp audit compact`; in PostgreSQL until VACUUM FULL, and in its archived WAL.";

/// Arguments of `sztp audit compact`.
#[derive(Debug, clap::Args)]
#[command(after_help = COMPACT_EXAMPLES)]
pub(crate) struct CompactArgs {
    /// The server's configuration file
    #[arg(long, default_value = "sztp.toml")]
    config: PathBuf,
}

const COMPACT_EXAMPLES: &str = "Examples:
  systemctl stop sztp && sztp audit compact && systemctl start sztp

For a SQLite file, with the server stopped. Needs as much room again as the file takes.";

const COLUMNS: &[Column] = &[column("records", "/records")];

pub(super) async fn export(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let place = args.out.as_deref().map(Reserved::take).transpose()?;
    let client = args.server.client()?;
    let key = find(&client, &args.device).await?;
    let (device, reports, story) = (client.device(&key).await?, client.reports(&key).await?, client.story(&key).await?);
    let mut records = Vec::new();
    let mut wanted = RecordQuery {
        after: None,
        limit: Some(PAGE),
        manufacturer: Some(key.manufacturer.clone()),
        serial_number: Some(key.serial_number.clone()),
    };
    loop {
        let page = client.records(&wanted).await?;
        records.extend(page.records);
        wanted.after = page.next;
        if wanted.after.is_none() {
            break;
        }
    }
    let document = json!({"device": device, "reports": reports, "story": story, "records": records});
    match place {
        None => output::json(&document),
        Some(place) => {
            let text = serde_json::to_string_pretty(&document).unwrap_or_default() + "\n";
            let path = place.path().display().to_string();
            place.fill(text.as_bytes())?;
            output::line(&plain(&format!("wrote {} records of {key} into {path}", records.len())));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn erase(args: &EraseArgs) -> Result<ExitCode, Failure> {
    let client = args.change.server.client()?;
    let key = named(&client, &args.device).await?;
    let because = Because { reason: args.reason.clone() };
    let erased = client.erase_device(&key, &because, args.change.intent()).await?;
    let done = match &erased {
        Some(erased) => format!("forgot {key}: {} records of the audit log were erased", erased.records),
        None => format!("forget {key}"),
    };
    args.change.tell(&done, COLUMNS, erased.as_ref());
    Ok(ExitCode::SUCCESS)
}

/// As [`find`]; one whose erasure was interrupted is on no list any more, and is found by its full name.
async fn named(client: &Client, text: &str) -> Result<DeviceKey, Failure> {
    match (find(client, text).await, qualified(text)) {
        (Err(Failure::NotFound(_)), Some(key)) => Ok(key),
        (found, _) => found,
    }
}

pub(super) async fn compact(args: &CompactArgs) -> Result<ExitCode, Failure> {
    let config = ServerConfig::load(&args.config)?;
    let Location::File(path) = &config.database else {
        return Err(Failure::Usage("a PostgreSQL database is compacted there: VACUUM FULL"));
    };
    let size = || std::fs::metadata(path).map(|file| file.len()).unwrap_or_default();
    let before = size();
    SqlStore::compact(&config.database).await?;
    output::line(&format!("{}: {before} octets before, {} now", path.display(), size()));
    Ok(ExitCode::SUCCESS)
}
