//! `sztp device change`.

use std::process::ExitCode;

use operator_api::DeviceChange;

use super::{COLUMNS, Failure, add::ParticularsArgs, name::find};
use crate::commands::change::ChangeArgs;

/// Arguments of `sztp device change`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The device: SERIAL, or MANUFACTURER/SERIAL where several makers use the number
    device: String,
    /// What it is to become
    #[arg(long)]
    profile: Option<String>,
    #[command(flatten)]
    particulars: ParticularsArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp device change SN-0001 --profile bmc-2
  sztp device change example-maker/SN-0001 --rack r8 --host ''      moved, and no longer named

What is not given stays as it is. A record that somebody else changed in between is left alone.";

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    if args.profile.is_none() && !args.particulars.is_given() {
        return Err(Failure::Usage("nothing to change: give --profile, --model, --mac, --host, --slot or --rack"));
    }
    let client = args.change.server.client()?;
    let key = find(&client, &args.device).await?;
    let before = client.device(&key).await?;
    let change = DeviceChange {
        profile: args.profile.clone(),
        particulars: args.particulars.is_given().then(|| args.particulars.over(before.particulars)),
    };
    let changed = client.change_device(&key, &before.version, &change, args.change.intent()).await?;
    let done = if changed.is_some() { format!("changed {key}") } else { format!("change {key}") };
    args.change.tell(&done, COLUMNS, changed.as_ref());
    Ok(ExitCode::SUCCESS)
}
