//! `sztp masa device`.

use std::{path::PathBuf, process::ExitCode, time::SystemTime};

use authority::masa::{Deed, IssuedVoucher, LineName, OwnerName, Ownership, still_alive};
use bootstrap_server::{
    audit::MasaEvent,
    domain::masa::{MadeDevice, MasaRefused},
    store::{MasaRecords, StoreError},
};
use clap::Subcommand;
use pki::{identity::SerialNumber, time::Timestamp};
use serde_json::json;

use super::{
    folder::{ChangeArgs, Folder, FolderArgs, Line, serial_numbers},
    line::line_name,
    owner::owner_name,
};
use crate::{
    commands::{Failure, artifact::verify::serial_number},
    output,
};

/// How many devices become durable at once.
const CHUNK: usize = 500;

/// Subcommands of `sztp masa device`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record devices that were made; those that are on record stay as they are
    #[command(after_help = "Examples:\n  sztp masa device import --line switch-48 made-today.txt")]
    Import(ImportArgs),
    /// Record to whom devices were sold
    #[command(
        after_help = "Examples:\n  sztp masa device sell --to acme SN-0001 SN-0002\n  sztp masa device sell --to acme --serial-numbers shipped.txt --dry-run"
    )]
    Sell(SellArgs),
    /// Say whose a device is, how that came, and which vouchers it has
    #[command(after_help = "Examples:\n  sztp masa device show SN-0001\n  sztp masa device show SN-0001 --output json")]
    Show(ShowArgs),
}

/// Arguments of `sztp masa device import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// A file with a serial number on each line
    file: PathBuf,
    /// What they are
    #[arg(long, value_parser = line_name)]
    line: LineName,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `sztp masa device sell`.
#[derive(Debug, clap::Args)]
pub(crate) struct SellArgs {
    /// Their serial numbers
    #[arg(value_name = "SERIAL", value_parser = serial_number, required_unless_present = "file")]
    serials: Vec<SerialNumber>,
    /// A file with a serial number on each line
    #[arg(long = "serial-numbers", value_name = "FILE")]
    file: Option<PathBuf>,
    /// To whom
    #[arg(long, value_name = "OWNER", value_parser = owner_name)]
    to: OwnerName,
    /// What they are, where several lines have such serial numbers
    #[arg(long, value_parser = line_name)]
    line: Option<LineName>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `sztp masa device show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Its serial number
    #[arg(value_parser = serial_number)]
    serial: SerialNumber,
    /// How to show it
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: output::Form,
    #[command(flatten)]
    folder: FolderArgs,
}

pub(super) async fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Import(args) => {
            let folder = args.change.folder.open().await?;
            let read = serial_numbers(&args.file);
            let done = match read {
                Ok(rows) => import(args, &folder, rows).await,
                Err(failure) => Err(failure),
            };
            folder.store.close().await;
            done
        }
        Command::Sell(args) => {
            let folder = args.change.folder.open().await?;
            let done = sell(args, &folder).await;
            folder.store.close().await;
            done
        }
        Command::Show(args) => {
            let folder = args.folder.open().await?;
            let shown = show(args, &folder).await;
            folder.store.close().await;
            shown
        }
    }
}

/// Commits events in pieces; where one of a piece is refused, the others do not suffer. Gives how many were made, and which not.
async fn in_pieces(
    change: &ChangeArgs,
    folder: &Folder,
    events: Vec<(SerialNumber, MasaEvent)>,
) -> Result<(u64, Vec<(SerialNumber, StoreError)>), Failure> {
    let (mut made, mut refused) = (0_u64, Vec::new());
    for piece in events.chunks(CHUNK) {
        let all = piece.iter().map(|(_, event)| event.clone()).collect();
        match change.make_in(folder, all).await {
            Ok(()) => made = made.saturating_add(u64::try_from(piece.len()).unwrap_or_default()),
            Err(StoreError::Masa(_)) => {
                for (serial, event) in piece {
                    match change.make_in(folder, vec![event.clone()]).await {
                        Ok(()) => made = made.saturating_add(1),
                        Err(error @ StoreError::Masa(_)) => refused.push((serial.clone(), error)),
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((made, refused))
}

async fn import(args: &ImportArgs, folder: &Folder, rows: Vec<Line>) -> Result<ExitCode, Failure> {
    let mut wrong = 0_u64;
    let mut events = Vec::new();
    for Line { number: line, read: row } in rows {
        match row {
            Ok(serial) => {
                let device = MadeDevice { serial_number: serial.clone(), line: args.line.clone() };
                events.push((serial, MasaEvent::DeviceMade { device }));
            }
            Err(why) => {
                wrong = wrong.saturating_add(1);
                output::error(&format!("{}:{line}: {why}", args.file.display()));
            }
        }
    }
    let (made, refused) = in_pieces(&args.change, folder, events).await?;
    let mut there = 0_u64;
    for (serial, error) in refused {
        if matches!(error, StoreError::Masa(MasaRefused::DeviceExists(_))) {
            there = there.saturating_add(1);
        } else {
            wrong = wrong.saturating_add(1);
            output::error(&format!("{serial}: {error}"));
        }
    }
    let would = if args.change.dry_run { "would be " } else { "" };
    output::line(&format!("{made} {would}recorded, {there} on record before, {wrong} not taken"));
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn sell(args: &SellArgs, folder: &Folder) -> Result<ExitCode, Failure> {
    let mut wrong = 0_u64;
    let mut serials = args.serials.clone();
    if let Some(file) = &args.file {
        for Line { number: line, read: row } in serial_numbers(file)? {
            match row {
                Ok(serial) => serials.push(serial),
                Err(why) => {
                    wrong = wrong.saturating_add(1);
                    output::error(&format!("{}:{line}: {why}", file.display()));
                }
            }
        }
    }
    let mut events = Vec::new();
    let mut theirs = 0_u64;
    for piece in serials.chunks(CHUNK) {
        let made = folder.store.made(piece).await?;
        for serial in piece {
            let fits = |line: &LineName| args.line.as_ref().is_none_or(|wanted| wanted == line);
            let mut found = made.iter().filter(|it| it.device.serial_number == *serial && fits(&it.device.line));
            match (found.next(), found.next()) {
                (Some(entry), None) => match &entry.ownership {
                    // Told before: a list can be given again.
                    Ownership::Owned { by, .. } if *by == args.to => theirs = theirs.saturating_add(1),
                    _ => {
                        let deed = Deed::Sold { to: args.to.clone() };
                        let event = MasaEvent::OwnershipChanged { device: entry.device.clone(), deed };
                        events.push((serial.clone(), event));
                    }
                },
                (Some(_), Some(_)) => {
                    wrong = wrong.saturating_add(1);
                    output::error(&format!("{serial}: several lines have such a device: say which with --line"));
                }
                (None, _) => {
                    wrong = wrong.saturating_add(1);
                    output::error(&format!("{serial}: no such device is on record: import it first"));
                }
            }
        }
    }
    let (made, refused) = in_pieces(&args.change, folder, events).await?;
    for (serial, error) in refused {
        wrong = wrong.saturating_add(1);
        output::error(&format!("{serial}: {error}"));
    }
    let would = if args.change.dry_run { "would be " } else { "" };
    output::line(&format!("{made} {would}sold to {}, {theirs} sold to them before, {wrong} not sold", args.to));
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn show(args: &ShowArgs, folder: &Folder) -> Result<ExitCode, Failure> {
    let serials = std::slice::from_ref(&args.serial);
    let made = folder.store.made(serials).await?;
    let issued = folder.store.issued_vouchers(serials).await?;
    if made.is_empty() && issued.is_empty() {
        return Err(Failure::NotFound(format!("no device {} is on record", args.serial)));
    }
    let mut devices = Vec::new();
    for entry in &made {
        let deeds = folder.store.deeds(&entry.device).await?;
        let deeds: Vec<_> = deeds.iter().map(|record| format!("{}: {}", record.at, told(&record.deed))).collect();
        let owner = match &entry.ownership {
            Ownership::Unsold => "nobody's: never sold".to_owned(),
            Ownership::Owned { by, since } => format!("{by}'s since {since}"),
            Ownership::Released { from, to, at } => format!("released by {from} to {to} on {at}, not yet accepted"),
        };
        devices.push(json!({"line": entry.device.line.as_str(), "owner": owner, "history": deeds}));
    }
    let vouchers: Vec<_> = issued
        .iter()
        .map(|it| {
            json!({"issued-on": it.event.date.to_string(), "for": it.owner.as_ref().map(OwnerName::as_str),
                   "expires-on": it.expires_on.map(|end| end.to_string()), "nonce": it.event.nonce,
                   "assertion": it.event.assertion.as_str(), "sha256": it.artifact.sha256().to_string()})
        })
        .collect();
    match args.form {
        output::Form::Json => {
            output::json(&json!({"serial-number": args.serial.as_str(), "devices": devices, "vouchers": vouchers}));
        }
        output::Form::Table => {
            for (device, entry) in devices.iter().zip(&made) {
                let text = |member: &str| device.get(member).and_then(|it| it.as_str()).unwrap_or_default().to_owned();
                output::line(&format!("{}: {}", entry.device, text("owner")));
                for deed in device.get("history").and_then(|it| it.as_array()).into_iter().flatten() {
                    output::line(&format!("  {}", deed.as_str().unwrap_or_default()));
                }
            }
            for it in &issued {
                let bound = match (&it.event.nonce, it.expires_on) {
                    (Some(_), _) => "for one nonce".to_owned(),
                    (None, Some(end)) => format!("until {end}"),
                    (None, None) => "for ever".to_owned(),
                };
                let owner = it.owner.as_ref().map_or("somebody not on record", OwnerName::as_str);
                output::line(&format!("voucher of {} for {owner}, {bound}", it.event.date));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a deed says.
pub(crate) fn told(deed: &Deed) -> String {
    match deed {
        Deed::Sold { to } => format!("sold to {to}"),
        Deed::Released { by, to } => format!("released by {by} to {to}"),
        Deed::Accepted { by } => format!("accepted by {by}"),
        Deed::Withdrawn { by } => format!("release withdrawn by {by}"),
        Deed::Overridden { to, by, reason } => {
            let to = to.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
            format!("given to {to} by {by}: {reason}")
        }
        _ => "changed".to_owned(),
    }
}

/// What still pins somebody else than the owner of now, as lines for people (RFC 8366 §6.1; VCH-21).
pub(crate) async fn still_believed(folder: &Folder, device: &MadeDevice) -> Result<Vec<String>, Failure> {
    let serials = std::slice::from_ref(&device.serial_number);
    let made = folder.store.made(serials).await?;
    let owner = made.iter().find(|it| it.device == *device).and_then(|it| it.ownership.owner().cloned());
    let issued = folder.store.issued_vouchers(serials).await?;
    let read = |it: &bootstrap_server::domain::masa::VoucherEntry| {
        use conveyed_info::voucher::{Freshness, Nonce};
        let nonce = it.event.nonce.as_deref().and_then(|_| Nonce::for_voucher(vec![0; 8]));
        let freshness = match (nonce, it.expires_on) {
            (Some(nonce), _) => Freshness::Nonce(nonce),
            (None, Some(expires_on)) => Freshness::ExpiresOn { expires_on, last_renewal_date: None },
            (None, None) => Freshness::Unlimited,
        };
        let (serial_number, created_on) = (it.serial_number.clone(), it.event.date);
        Some(IssuedVoucher { serial_number, owner: it.owner.clone()?, created_on, freshness })
    };
    let issued: Vec<_> = issued.iter().filter_map(read).collect();
    let now = Timestamp::from_system(SystemTime::now());
    let alive = still_alive(&issued, owner.as_ref(), now);
    let lines = alive.iter().map(|it| {
        let until = match it.until {
            authority::masa::Until::NonceOnly => "until its next restart".to_owned(),
            authority::masa::Until::Date(end) => format!("until {end}"),
            authority::masa::Until::Forever => {
                "for ever: only a device that accepted a newer one refuses it".to_owned()
            }
        };
        format!("a voucher of {} for {} is still believed {until}", it.voucher.created_on, it.voucher.owner)
    });
    Ok(lines.collect())
}
