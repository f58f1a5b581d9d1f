//! `sztp doctor`.

use std::{path::PathBuf, process::ExitCode};

use bootstrap_server::doctor::{self, Finding};
use serde_json::json;

use super::Failure;
use crate::{
    output::{self, Form},
    show::plain,
};

/// Arguments of `sztp doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The server's configuration file
    #[arg(long, value_name = "FILE", default_value = "sztp.toml")]
    config: PathBuf,
    /// How to show what was found
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

const EXAMPLES: &str = "Examples:
  sztp doctor                                  before `sztp serve`, or beside it
  sudo -u sztp sztp doctor --config /etc/sztp/sztp.toml
  sztp doctor --output json | jq '.findings[] | select(.health != \"ok\")'

Run it as the user that the server runs as. It changes nothing.
Exit codes: 0 nothing failed (there may be warnings), 1 something failed.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(doctor::examine(&args.config));
    let failed = findings.iter().any(Finding::is_failure);
    match args.form {
        Form::Json => output::json(&json!({"healthy": !failed, "findings": findings})),
        _ => findings.iter().for_each(show),
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(finding: &Finding) {
    output::line(&plain(&format!("{:<8} {:<18} {}", finding.outcome.as_str(), finding.check, finding.what)));
    if let Some(advice) = finding.outcome.advice() {
        output::line(&format!("{:27} why: {}", "", advice.why));
        output::line(&format!("{:27} do:  {}", "", advice.fix));
    }
}
