//! `sztp explain`.

use std::process::ExitCode;

use operator_api::{Step, Story};
use serde::Serialize;
use verdict::ReasonCode;

use super::{Failure, change::block_on, device::name::find};
use crate::{
    output,
    server::ServerArgs,
    show::{self, Column, Form, FormArgs, Listing, column, plain},
};

/// Arguments of `sztp explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A device (SERIAL or MANUFACTURER/SERIAL), or a reason code such as owner-not-pinned; without either, all codes
    #[arg(value_name = "SERIAL|CODE")]
    subject: Option<String>,
    /// The same as --output json
    #[arg(long, hide = true, conflicts_with = "form")]
    json: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp explain SN-0001                what happened to a device, what it waits for, and what to do
  sztp explain owner-not-pinned       what a reason code means; needs no server
  sztp explain --output csv           all reason codes

A device whose serial number is a reason code is named MANUFACTURER/SERIAL.";

#[derive(Serialize)]
struct Code {
    code: ReasonCode,
    section: &'static str,
    summary: &'static str,
    remedy: &'static str,
}

const CODE: &[Column] = &[
    column("code", "/code"),
    column("section", "/section"),
    column("summary", "/summary"),
    column("remedy", "/remedy"),
];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let form = if args.json { Form::Json } else { args.form.form };
    let chosen = match &args.subject {
        None => ReasonCode::ALL.to_vec(),
        Some(subject) => match subject.parse::<ReasonCode>() {
            Ok(code) => vec![code],
            Err(_) => {
                let story = block_on(story(args, subject))?;
                show_story(form, &story);
                return Ok(ExitCode::SUCCESS);
            }
        },
    };
    show_codes(form, &chosen);
    Ok(ExitCode::SUCCESS)
}

async fn story(args: &Args, subject: &str) -> Result<Story, Failure> {
    let client = args.server.client()?;
    let key = find(&client, subject).await.map_err(|failure| match failure {
        Failure::NotFound(_) => Failure::NotFound(format!(
            "there is no device and no reason code {}; `sztp device list` and `sztp explain` show those there are",
            plain(subject)
        )),
        other => other,
    })?;
    Ok(client.story(&key).await?)
}

fn show_codes(form: Form, codes: &[ReasonCode]) {
    let codes = codes.iter().map(|code| Code {
        code: *code,
        section: code.section(),
        summary: code.summary(),
        remedy: code.remedy(),
    });
    if form != Form::Table {
        return Listing::whole(form, CODE, &codes.collect::<Vec<_>>());
    }
    for Code { code, section, summary, remedy } in codes {
        output::line(&format!("{code}\n  what: {summary}.\n  rule: {section}\n  do:   {remedy}"));
    }
}

const STEPS: &[Column] = &[
    column("leaf", "/leaf"),
    column("at", "/at"),
    column("event", "/event"),
    column("by", "/by"),
    column("summary", "/summary"),
];

fn show_story(form: Form, story: &Story) {
    match form {
        Form::Table => output::line(&story_text(story)),
        Form::Csv => Listing::whole(form, STEPS, &story.steps),
        Form::Json | Form::Yaml => show::one(form, &[], story),
    }
}

fn story_text(story: &Story) -> String {
    let device = &story.device;
    let detail = device.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    let mut lines = vec![plain(&format!(
        "{}/{}: {}{detail}, since {}",
        device.manufacturer, device.serial_number, device.state, device.since
    ))];
    let mut say = |name: &str, text: &str| lines.push(format!("  {name:<5} {}", plain(text)));
    if let Some(waiting) = &device.waiting {
        match &waiting.stuck {
            Some(stuck) => {
                say("stuck", &format!("{} ({})", stuck.summary, stuck.reason));
                say("since", &format!("{}; it was up to the {}", waiting.deadline, waiting.responsible));
                say("do:", &stuck.remedy);
            }
            None => say("waits", &format!("for the {}, until {}", waiting.responsible, waiting.deadline)),
        }
    }
    if let Some(alarm) = &device.alarm {
        say("alarm", &format!("{} since {}", alarm.reason, alarm.at));
        say("do:", &alarm.remedy);
    }
    say("next:", &story.next_answer);
    if let Some(refused) = &story.would_be_refused {
        say("why:", &format!("{refused}, which `sztp explain {refused}` tells about"));
    }
    if let Some(remedy) = &story.remedy {
        say("do:", remedy);
    }
    for key in &story.keys {
        let known_by = match (&key.fingerprint, key.certificates.as_slice()) {
            (Some(fingerprint), _) => fingerprint.clone(),
            (None, [lowest, ..]) => {
                format!("{}, until {}, SHA-256 {}", lowest.subject, lowest.not_after, lowest.sha256)
            }
            (None, []) => "unread".to_owned(),
        };
        say("key:", &format!("{} {known_by}", key.kind));
    }
    lines.push(String::new());
    lines.push("What happened:".to_owned());
    lines.extend(story.steps.iter().map(step));
    let failed = story.checks.iter().filter(|check| check.pointer("/outcome/refused").is_some()).count();
    if !story.checks.is_empty() {
        lines.push(format!(
            "\nWhat would be served was checked as a device does: {} checks, {failed} refused; --output json has them all",
            story.checks.len()
        ));
    }
    lines.join("\n")
}

fn step(step: &Step) -> String {
    let by = step.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
    plain(&format!("  {}  {}{by}", step.at, step.summary.trim_end_matches('.')))
}
