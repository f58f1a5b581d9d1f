//! `sztp status`.

use std::process::ExitCode;

use operator_api::{StateCount, Status};

use super::{Failure, change::block_on};
use crate::{
    output,
    server::ServerArgs,
    show::{self, Column, Form, FormArgs, Listing, column},
};

/// Arguments of `sztp status`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp status
  sztp status --server https://sztp.example.net:8444 --token-file my.token --server-ca operator-ca.pem
  sztp status --output json | jq '.devices[] | select(.stuck > 0)'";

const SERVER: &[Column] = &[
    column("version", "/version"),
    column("started", "/started"),
    column("clock", "/now"),
    column("database", "/database"),
    column("audit-log", "/log/origin"),
    column("leaves", "/log/leaves"),
    column("vouchers-ending", "/vouchers-ending"),
];
const LISTENERS: &[Column] = &[
    column("listener", "/name"),
    column("address", "/address"),
    column("connections", "/connections"),
    column("certificate-expires", "/certificate-expires"),
];
const WEBHOOKS: &[Column] = &[
    column("webhook", "/name"),
    column("behind", "/behind"),
    column("failing-since", "/failing-since"),
    column("error", "/error"),
];
const STATES: &[Column] = &[
    column("state", "/state"),
    column("devices", "/devices"),
    column("stuck", "/stuck"),
    column("alarmed", "/alarmed"),
];

const NO_DEVICES: &str = "No device is on the list yet. `sztp manufacturer add`, `sztp profile apply` and `sztp device add` put one there, and
`sztp device import` many.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let status = block_on(async { Ok(args.server.client()?.status().await?) })?;
    show(args.form.form, &status);
    Ok(ExitCode::SUCCESS)
}

fn show(form: Form, status: &Status) {
    match form {
        Form::Json | Form::Yaml => show::one(form, SERVER, status),
        // One table fits into CSV: the one that changes.
        Form::Csv => Listing::whole(form, STATES, &status.devices),
        Form::Table => {
            show::one(form, SERVER, status);
            output::line("");
            Listing::whole(form, LISTENERS, &status.listeners);
            if !status.webhooks.is_empty() {
                output::line("");
                Listing::whole(form, WEBHOOKS, &status.webhooks);
            }
            for alarm in &status.alarms {
                let (reason, summary, remedy) = (&alarm.reason, &alarm.summary, &alarm.remedy);
                output::line("");
                output::line(&show::plain(&format!("ALARM {reason}: {summary}. {remedy}")));
            }
            output::line("");
            if status.devices.is_empty() {
                return output::line(NO_DEVICES);
            }
            Listing::whole(form, STATES, &status.devices);
            let sum = |count: fn(&StateCount) -> u64| status.devices.iter().map(count).sum::<u64>();
            let (stuck, alarmed) = (sum(|state| state.stuck), sum(|state| state.alarmed));
            if stuck > 0 {
                output::line(&format!("\n{stuck} stuck: `sztp device list --stuck` names them"));
            }
            if alarmed > 0 {
                output::line(&format!("\n{alarmed} with an alarm: `sztp device list --alarmed` names them"));
            }
        }
    }
}
