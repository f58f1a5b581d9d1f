//! `sztp voucher transfer`: a device goes from one owner to another, and both sides say so.

use std::process::ExitCode;

use authority::masa::{Deed, LineName, OwnerName, Person};
use bootstrap_server::{audit::MasaEvent, store::MasaRecords};
use clap::Subcommand;
use pki::identity::SerialNumber;

use crate::{
    commands::{
        Failure,
        artifact::verify::serial_number,
        change::block_on,
        masa::{
            device::still_believed,
            folder::{ChangeArgs, Folder, person, this_person},
            line::line_name,
            owner::owner_name,
        },
    },
    output,
};

/// Subcommands of `sztp voucher transfer`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The owner lets a device go to somebody; until that one accepts, nobody gets vouchers
    #[command(
        after_help = "Examples:\n  sztp voucher transfer release --owner acme --to globex --serial-number SN-0001"
    )]
    Release(ReleaseArgs),
    /// The new owner takes it
    #[command(after_help = "Examples:\n  sztp voucher transfer accept --owner globex --serial-number SN-0001")]
    Accept(SideArgs),
    /// The old owner keeps it after all
    #[command(after_help = "Examples:\n  sztp voucher transfer withdraw --owner acme --serial-number SN-0001")]
    Withdraw(SideArgs),
    /// You decide, whatever the records say
    #[command(
        after_help = "Examples:\n  sztp voucher transfer override --to globex --serial-number SN-0001 --because 'acme was wound up, letter of 3 May'"
    )]
    Override(OverrideArgs),
}

/// Which device.
#[derive(Debug, clap::Args)]
pub(crate) struct DeviceArgs {
    /// The device
    #[arg(long, value_name = "SERIAL", value_parser = serial_number)]
    serial_number: SerialNumber,
    /// What it is, where several lines have such a device
    #[arg(long, value_parser = line_name)]
    line: Option<LineName>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `sztp voucher transfer release`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// Who says so: the owner on record
    #[arg(long, value_name = "OWNER", value_parser = owner_name)]
    owner: OwnerName,
    /// Who may accept it
    #[arg(long, value_name = "OWNER", value_parser = owner_name)]
    to: OwnerName,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Arguments of `sztp voucher transfer accept` and `withdraw`.
#[derive(Debug, clap::Args)]
pub(crate) struct SideArgs {
    /// Who says so
    #[arg(long, value_name = "OWNER", value_parser = owner_name)]
    owner: OwnerName,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Arguments of `sztp voucher transfer override`.
#[derive(Debug, clap::Args)]
pub(crate) struct OverrideArgs {
    /// Whose it is from now on; without it, it goes back into stock
    #[arg(long, value_name = "OWNER", value_parser = owner_name)]
    to: Option<OwnerName>,
    /// Why
    #[arg(long, value_name = "WORDS")]
    because: String,
    /// Who decides, where that is not whoever is logged in
    #[arg(long, value_parser = person)]
    person: Option<Person>,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn run(command: &Command) -> Result<ExitCode, Failure> {
    let (device, deed) = match command {
        Command::Release(args) => (&args.device, Deed::Released { by: args.owner.clone(), to: args.to.clone() }),
        Command::Accept(args) => (&args.device, Deed::Accepted { by: args.owner.clone() }),
        Command::Withdraw(args) => (&args.device, Deed::Withdrawn { by: args.owner.clone() }),
        Command::Override(args) => {
            let by = match &args.person {
                Some(person) => person.clone(),
                None => this_person().map_err(|_| Failure::Usage("say who decides with --person"))?,
            };
            (&args.device, Deed::Overridden { to: args.to.clone(), by, reason: args.because.clone() })
        }
    };
    block_on(async {
        let folder = device.change.folder.open().await?;
        let done = transfer(device, deed, &folder).await;
        folder.store.close().await;
        done
    })
}

async fn transfer(args: &DeviceArgs, deed: Deed, folder: &Folder) -> Result<ExitCode, Failure> {
    let made = folder.store.made(std::slice::from_ref(&args.serial_number)).await?;
    let mut fitting = made.iter().filter(|it| args.line.as_ref().is_none_or(|line| it.device.line == *line));
    let device = match (fitting.next(), fitting.next()) {
        (Some(entry), None) => entry.device.clone(),
        (Some(_), Some(_)) => return Err(Failure::Usage("several lines have such a device: say which with --line")),
        (None, _) => return Err(Failure::NotFound(format!("no device {} is on record", args.serial_number))),
    };
    let told = crate::commands::masa::device::told(&deed);
    args.change.make_in(folder, vec![MasaEvent::OwnershipChanged { device: device.clone(), deed }]).await?;
    output::line(&format!("{device}: {}{told}", if args.change.dry_run { "would be " } else { "" }));
    if !args.change.dry_run {
        for line in still_believed(folder, &device).await? {
            output::line(&line);
        }
    }
    Ok(ExitCode::SUCCESS)
}
