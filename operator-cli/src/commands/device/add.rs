//! `sztp device add`.

use std::process::ExitCode;

use operator_api::{NewDevice, Particulars, client::DeviceKey};

use super::{COLUMNS, Failure, name::full_name};
use crate::commands::change::ChangeArgs;

/// Arguments of `sztp device add`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The device
    #[arg(value_name = "MANUFACTURER/SERIAL", value_parser = full_name)]
    device: DeviceKey,
    /// What it is to become
    #[arg(long)]
    profile: String,
    #[command(flatten)]
    particulars: ParticularsArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp device add example-maker/SN-0001 --profile bmc
  sztp device add example-maker/SN-0001 --profile bmc --rack r7 --slot u12 --mac 00:00:5e:00:53:01 --dry-run
  sztp device add example-maker/SN-0001 --profile bmc --uuid 123e4567-e89b-12d3-a456-426614174000

The manufacturer (`sztp manufacturer add`) and the profile (`sztp profile apply`) come first.";

/// What and where a device is. Nothing in it decides about trust.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ParticularsArgs {
    /// The maker's name for this kind of device
    #[arg(long)]
    model: Option<String>,
    /// A hardware address; may be given several times
    #[arg(long = "mac", value_name = "ADDRESS")]
    mac_addresses: Vec<String>,
    /// The UUID of its firmware, as `dmidecode -s system-uuid` prints it
    #[arg(long)]
    uuid: Option<String>,
    /// The name it is to have
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// The slot or height unit it is in
    #[arg(long)]
    slot: Option<String>,
    /// The rack it is in
    #[arg(long)]
    rack: Option<String>,
}

impl ParticularsArgs {
    /// What was written down before, with what is given in its place. An empty text takes a value away.
    pub(super) fn over(&self, before: Particulars) -> Particulars {
        let over = |given: &Option<String>, before: Option<String>| match given {
            Some(given) => Some(given.clone()).filter(|it| !it.is_empty()),
            None => before,
        };
        let given = self.mac_addresses.iter().filter(|it| !it.is_empty()).cloned();
        Particulars {
            model: over(&self.model, before.model),
            mac_addresses: if self.mac_addresses.is_empty() { before.mac_addresses } else { given.collect() },
            uuid: over(&self.uuid, before.uuid),
            host: over(&self.host, before.host),
            slot: over(&self.slot, before.slot),
            rack: over(&self.rack, before.rack),
        }
    }

    /// Whether anything is given.
    pub(super) fn is_given(&self) -> bool {
        !self.mac_addresses.is_empty()
            || [&self.model, &self.uuid, &self.host, &self.slot, &self.rack].iter().any(|it| it.is_some())
    }
}

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.change.server.client()?;
    let device = NewDevice {
        manufacturer: args.device.manufacturer.clone(),
        serial_number: args.device.serial_number.clone(),
        profile: args.profile.clone(),
        particulars: args.particulars.over(Particulars::default()),
    };
    let added = client.add_device(&device, args.change.intent()).await?;
    let done = match &added {
        Some(added) => format!("added {}: {}", args.device, added.state),
        None => format!("add {}", args.device),
    };
    args.change.tell(&done, COLUMNS, added.as_ref());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_stays_and_what_is_empty_goes() {
        let before = Particulars {
            model: Some("m".to_owned()),
            mac_addresses: vec!["a".to_owned()],
            uuid: Some("u".to_owned()),
            host: Some("h".to_owned()),
            slot: Some("s".to_owned()),
            rack: None,
        };
        let text = |text: &str| Some(text.to_owned());
        let args = ParticularsArgs {
            model: None,
            mac_addresses: vec![],
            uuid: text(""),
            host: text(""),
            slot: text("t"),
            rack: text("r"),
        };
        let after = Particulars { uuid: None, host: None, slot: text("t"), rack: text("r"), ..before.clone() };
        assert_eq!(args.over(before.clone()), after);
        let args = ParticularsArgs {
            mac_addresses: vec![String::new()],
            uuid: None,
            host: None,
            slot: None,
            rack: None,
            ..args
        };
        assert_eq!(args.over(before.clone()), Particulars { mac_addresses: vec![], ..before });
        assert!(args.is_given());
    }
}
