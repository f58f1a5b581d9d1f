//! `sztp device approve`, `retire`, `reprovision`, `clear-alarm` and `activation-code`.

use std::process::ExitCode;

use operator_api::{ApproveDevice, Because, Device, client::DeviceKey};

use super::{COLUMNS, Failure, name::find};
use crate::{
    commands::change::ChangeArgs,
    output,
    show::{Column, Form, Listing, column, plain},
};

/// Arguments of `sztp device approve`.
#[derive(Debug, clap::Args)]
#[command(after_help = APPROVE_EXAMPLES)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    decide: DecideArgs,
    /// What they are to become; needed for devices that nobody registered
    #[arg(long)]
    profile: Option<String>,
}

const APPROVE_EXAMPLES: &str = "Examples:
  sztp device list --state held
  sztp device approve SN-0001 --reason 'back from repair, ticket 4711'
  sztp device approve SN-0002 SN-0003 --profile bmc --reason 'late additions of rack r7'";

/// Arguments of `sztp device retire`, `reprovision` and `clear-alarm`.
#[derive(Debug, clap::Args)]
#[command(after_help = DECIDE_EXAMPLES)]
pub(crate) struct DecideArgs {
    /// The devices: SERIAL, or MANUFACTURER/SERIAL where several makers use the number
    #[arg(required = true, value_name = "DEVICE")]
    devices: Vec<String>,
    /// Why, in your words: it stands in the audit log
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const DECIDE_EXAMPLES: &str = "Examples:
  sztp device retire SN-0001 --reason 'sold'
  sztp device reprovision example-maker/SN-0001 --reason 'new configuration for the whole rack' --dry-run

All devices are found before any is touched. One that is refused does not stop the others.";

pub(super) const CLEAR_EXAMPLES: &str = "Examples:
  sztp device list --alarmed
  sztp explain SN-0001
  sztp device clear-alarm SN-0001 --reason 'its board was replaced, ticket 4711'

An alarm stops no device: it says that somebody should look. The reason stands in the audit log, beside what raised it.";

/// Arguments of `sztp device activation-code`.
#[derive(Debug, clap::Args)]
#[command(after_help = CODE_EXAMPLES)]
pub(crate) struct ActivationCodeArgs {
    /// The device: SERIAL, or MANUFACTURER/SERIAL where several makers use the number
    device: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const CODE_EXAMPLES: &str = "Examples:
  sztp device activation-code SN-0001
  sztp device activation-code SN-0001 --output json

The device must send the code as its HTTP password where its profile asks for one. The code before stops working.";

pub(super) async fn approve(args: &ApproveArgs) -> Result<ExitCode, Failure> {
    let DecideArgs { reason, change, .. } = &args.decide;
    let approval = ApproveDevice { reason: reason.clone(), profile: args.profile.clone() };
    let client = change.server.client()?;
    let mut outcome = Outcome::new(change, "approve", "approved");
    for key in find_all(&client, &args.decide.devices).await? {
        outcome.note(&key, client.approve_device(&key, &approval, change.intent()).await)?;
    }
    outcome.end()
}

pub(super) async fn retire(args: &DecideArgs) -> Result<ExitCode, Failure> {
    let because = Because { reason: args.reason.clone() };
    let client = args.change.server.client()?;
    let mut outcome = Outcome::new(&args.change, "retire", "retired");
    for key in find_all(&client, &args.devices).await? {
        outcome.note(&key, client.retire_device(&key, &because, args.change.intent()).await)?;
    }
    outcome.end()
}

pub(super) async fn reprovision(args: &DecideArgs) -> Result<ExitCode, Failure> {
    let because = Because { reason: args.reason.clone() };
    let client = args.change.server.client()?;
    let mut outcome = Outcome::new(&args.change, "reprovision", "may begin again:");
    for key in find_all(&client, &args.devices).await? {
        outcome.note(&key, client.reprovision_device(&key, &because, args.change.intent()).await)?;
    }
    outcome.end()
}

pub(super) async fn clear_alarm(args: &DecideArgs) -> Result<ExitCode, Failure> {
    let because = Because { reason: args.reason.clone() };
    let client = args.change.server.client()?;
    let mut outcome = Outcome::new(&args.change, "clear the alarm of", "cleared the alarm of");
    for key in find_all(&client, &args.devices).await? {
        outcome.note(&key, client.clear_alarm(&key, &because, args.change.intent()).await)?;
    }
    outcome.end()
}

pub(super) async fn activation_code(args: &ActivationCodeArgs) -> Result<ExitCode, Failure> {
    const CODE: &[Column] = &[column("activation-code", "/activation-code")];
    let client = args.change.server.client()?;
    let key = find(&client, &args.device).await?;
    let issued = client.issue_activation_code(&key, args.change.intent()).await?;
    let done = match &issued {
        Some(issued) => issued.activation_code.clone(),
        None => format!("make a new activation code for {key}"),
    };
    args.change.tell(&done, CODE, issued.as_ref());
    Ok(ExitCode::SUCCESS)
}

async fn find_all(client: &operator_api::client::Client, texts: &[String]) -> Result<Vec<DeviceKey>, Failure> {
    let mut keys = Vec::with_capacity(texts.len());
    for text in texts {
        let key = find(client, text).await?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// What became of several devices, told as it happens.
struct Outcome<'a> {
    change: &'a ChangeArgs,
    verb: &'static str,
    done: &'static str,
    made: Vec<Device>,
    /// The last refusal, when there was one and the command goes on.
    refused: Option<Failure>,
}

impl<'a> Outcome<'a> {
    const fn new(change: &'a ChangeArgs, verb: &'static str, done: &'static str) -> Self {
        Self { change, verb, done, made: Vec::new(), refused: None }
    }

    fn note(
        &mut self,
        key: &DeviceKey,
        answered: Result<Option<Device>, operator_api::client::ClientError>,
    ) -> Result<(), Failure> {
        match answered {
            Ok(Some(device)) if self.change.form.form == Form::Table => {
                output::line(&plain(&format!("{} {key}: {}", self.done, device.state)));
            }
            Ok(Some(device)) => self.made.push(device),
            Ok(None) => self.change.tell_would(&format!("{} {key}", self.verb)),
            Err(error) if error.problem().is_some() => {
                if let Some(earlier) =
                    self.refused.replace(Failure::Device { device: key.to_string(), source: Box::new(error) })
                {
                    output::error(&format!("sztp: {earlier}"));
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn end(self) -> Result<ExitCode, Failure> {
        if self.change.form.form != Form::Table {
            Listing::whole(self.change.form.form, COLUMNS, &self.made);
        }
        self.refused.map_or(Ok(ExitCode::SUCCESS), Err)
    }
}
