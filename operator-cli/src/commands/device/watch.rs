//! `sztp device watch`.

use std::{process::ExitCode, time::Duration};

use operator_api::client::{Client, DeviceKey, Heard};

use super::{Failure, name::find};
use crate::{
    commands::record,
    output,
    server::ServerArgs,
    show::{Form, FormArgs, plain},
};

/// Arguments of `sztp device watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The device: SERIAL, or MANUFACTURER/SERIAL where several makers use the number; all devices unless given
    device: Option<String>,
    /// End when the device is in this state, or in one that it does not leave by itself
    #[arg(long, value_name = "STATE", requires = "device")]
    until: Option<String>,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", requires = "until")]
    timeout: Option<u64>,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp device watch
  sztp device watch SN-0001
  sztp device watch SN-0001 --until bootstrapped --timeout 600 && echo ready
  sztp device watch --output json | jq .body

With --output json, one record of the audit log a line. A connection that breaks is taken up where it broke.
Exit codes with --until: 0 the state was reached, 1 another one that the device does not leave by itself, or the timeout.";

/// States that a device does not leave by itself, apart from the one waited for.
const ENDS: [&str; 5] = ["bootstrapped", "failed", "refused", "held", "retired"];

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.server.client()?;
    let key = match &args.device {
        Some(device) => Some(find(&client, device).await?),
        None => None,
    };
    let watching = watch(&client, key.as_ref(), args);
    match args.timeout {
        None => watching.await,
        Some(seconds) => match tokio::time::timeout(Duration::from_secs(seconds), watching).await {
            Ok(done) => done,
            Err(_) => Err(Failure::TimedOut { seconds }),
        },
    }
}

async fn watch(client: &Client, key: Option<&DeviceKey>, args: &Args) -> Result<ExitCode, Failure> {
    // The stream first and the state after it: nothing can happen in between unseen.
    let mut events = client.events(None).await?;
    if let Some(ended) = reached(client, key, args).await? {
        return Ok(ended);
    }
    let mut stream = record::Stream::new(args.form.form);
    while !output::is_unread() {
        match events.next().await? {
            Heard::Record(record) if key.is_none_or(|key| record::is_about(&record, key)) => {
                if args.form.form != Form::Table || record::is_about_a_device(&record) {
                    stream.show(&record);
                }
                if record::is_about_a_device(&record)
                    && let Some(ended) = reached(client, key, args).await?
                {
                    return Ok(ended);
                }
            }
            Heard::Record(_) => {}
            Heard::Interrupted { because, pause } => {
                output::error(&format!("sztp: {because}; connecting again in {} s", pause.as_secs().max(1)));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the device is where it was to be, or will not come there by itself.
async fn reached(client: &Client, key: Option<&DeviceKey>, args: &Args) -> Result<Option<ExitCode>, Failure> {
    let (Some(until), Some(key)) = (&args.until, key) else { return Ok(None) };
    let device = client.device(key).await?;
    if device.state == *until {
        return Ok(Some(ExitCode::SUCCESS));
    }
    if !ENDS.contains(&device.state.as_str()) {
        return Ok(None);
    }
    let detail = device.detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    output::error(&plain(&format!("sztp: {key} is {}{detail}; `sztp explain {key}` says why", device.state)));
    Ok(Some(ExitCode::FAILURE))
}
