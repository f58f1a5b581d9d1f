//! `sztp explain`.

use std::process::ExitCode;

use serde_json::json;
use verdict::ReasonCode;

use super::Failure;
use crate::output;

/// Arguments of `sztp explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A reason code, such as owner-not-pinned; without one, all of them are listed
    code: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let chosen = match &args.code {
        None => ReasonCode::ALL.to_vec(),
        Some(code) => vec![code.parse().map_err(|_| {
            Failure::NotFound(format!("there is no reason code {code}; `sztp explain` lists them all"))
        })?],
    };
    if args.json {
        let list = chosen.iter().map(|reason| {
            json!({"code": reason, "section": reason.section(), "summary": reason.summary(), "remedy": reason.remedy()})
        });
        output::line(&serde_json::Value::Array(list.collect()).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for reason in chosen {
        let text = [reason.as_str(), reason.section(), reason.summary(), reason.remedy()];
        let [code, section, summary, remedy] = text;
        output::line(&format!("{code}\n  what: {summary}.\n  rule: {section}\n  do:   {remedy}"));
    }
    Ok(ExitCode::SUCCESS)
}
