//! `sztp audit list` and `sztp audit tail`: the log of a running server.

use std::process::ExitCode;

use operator_api::{RecordQuery, client::Heard};

use super::super::{Failure, device::name::find, record};
use crate::{
    output,
    server::ServerArgs,
    show::{Form, FormArgs, Listing},
};

/// Records asked for at a time: the most that a server gives.
const PAGE: u32 = 1000;

/// Arguments of `sztp audit list`.
#[derive(Debug, clap::Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ListArgs {
    /// Only records about this device: SERIAL, or MANUFACTURER/SERIAL
    #[arg(long)]
    device: Option<String>,
    /// Only records behind this position
    #[arg(long, value_name = "LEAF")]
    after: Option<u64>,
    /// Most that is shown; all of them unless said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST_EXAMPLES: &str = "Examples:
  sztp audit list --device SN-0001
  sztp audit list --after 4711 --limit 100 --output json

What the server says is not proved by this: `sztp audit verify` checks every record against the signed checkpoints.";

/// Arguments of `sztp audit tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = TAIL_EXAMPLES)]
pub(crate) struct TailArgs {
    /// Begin behind this position instead of now
    #[arg(long, value_name = "LEAF")]
    after: Option<u64>,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const TAIL_EXAMPLES: &str = "Examples:
  sztp audit tail
  sztp audit tail --after 4711 --output json | log-collector      one JSON object a line

Runs until Ctrl-C. A connection that breaks is taken up where it broke: no record is left out or comes twice.";

pub(super) async fn list(args: &ListArgs) -> Result<ExitCode, Failure> {
    let client = args.server.client()?;
    let device = match &args.device {
        Some(device) => Some(find(&client, device).await?),
        None => None,
    };
    let (manufacturer, serial_number) = device.map(|key| (key.manufacturer, key.serial_number)).unzip();
    let mut wanted = RecordQuery { after: args.after, limit: None, manufacturer, serial_number };
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut listing = Listing::new(args.form.form, record::COLUMNS);
    loop {
        wanted.limit = Some(u32::try_from(left).unwrap_or(PAGE).min(PAGE));
        let page = client.records(&wanted).await?;
        match args.form.form {
            Form::Table => page.records.iter().for_each(|it| output::line(&record::line(it))),
            _ => output::text(&listing.page(&page.records)),
        }
        left = left.saturating_sub(u64::try_from(page.records.len()).unwrap_or(u64::MAX));
        wanted.after = page.next;
        if wanted.after.is_none() || left == 0 || output::is_unread() {
            break;
        }
    }
    if args.form.form != Form::Table {
        output::text(&listing.end());
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn tail(args: &TailArgs) -> Result<ExitCode, Failure> {
    let client = args.server.client()?;
    let mut events = client.events(args.after).await?;
    let mut stream = record::Stream::new(args.form.form);
    while !output::is_unread() {
        match events.next().await? {
            Heard::Record(record) => stream.show(&record),
            Heard::Interrupted { because, pause } => {
                output::error(&format!("sztp: {because}; connecting again in {} s", pause.as_secs().max(1)));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
