//! `sztp policy`: which policies are in force, and accepting those that wait.

use std::process::ExitCode;

use operator_api::{AcceptPolicies, Policies, spelled_duration};
use serde_json::Value;

use super::{
    Failure,
    change::{ChangeArgs, block_on},
};
use crate::{
    output,
    server::ServerArgs,
    show::{self, Column, Form, FormArgs, column},
};

/// Arguments of `sztp policy`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  sztp policy show
  sztp policy accept --dry-run
  sztp policy accept

`roles`, [policy], [deadlines] and [retention] in sztp.toml are read when the server starts. What would let devices do more than was
accepted before waits for `sztp policy accept`, or for `sztp serve --accept-policies`; anything else is in force at once.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the policies in force, and what waits to be accepted
    #[command(after_help = "Examples:\n  sztp policy show\n  sztp policy show --output json")]
    Show(Show),
    /// Put the policies in force that sztp.toml proposes
    #[command(after_help = "Examples:\n  sztp policy accept --dry-run\n  sztp policy accept")]
    Accept(ChangeArgs),
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const COLUMNS: &[Column] = &[
    column("roles", "/in-force/roles"),
    column("unregistered", "/in-force/unregistered"),
    column("unregistered-per-hour", "/in-force/unregistered-per-hour"),
    column("manufacturers", "/in-force/manufacturers"),
    column("deadlines", "/in-force/deadlines"),
    column("retention", "/in-force/retention"),
    column("proposed", "/proposed/sha256"),
];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Show(args) => {
            let policies = block_on(async { Ok(args.server.client()?.policies().await?) })?;
            if args.form.form == Form::Table {
                show::one(Form::Table, COLUMNS, &readable(&policies));
                differences(&policies);
            } else {
                show::one(args.form.form, COLUMNS, &policies);
            }
        }
        Command::Accept(args) => {
            let done = block_on(async {
                let client = args.server.client()?;
                let Some(proposed) = client.policies().await?.proposed else { return Ok(None) };
                let accepted = AcceptPolicies { sha256: proposed.sha256.clone() };
                Ok(Some((proposed.differences, client.accept_policies(&accepted, args.intent()).await?)))
            })?;
            let Some((differences, policies)) = done else {
                output::error("nothing waits to be accepted: sztp.toml lets devices do no more than before");
                return Ok(ExitCode::SUCCESS);
            };
            let done = if policies.is_some() { "accepted" } else { "accept" };
            args.tell(&format!("{done} {}", differences.join("; ")), COLUMNS, policies.as_ref());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The policies in force, with durations and rules as `sztp.toml` has them.
fn readable(policies: &Policies) -> Value {
    let mut shown = serde_json::to_value(policies).unwrap_or_default();
    let rule = |rule: &Value| match rule.get("admit").and_then(Value::as_str) {
        Some(profile) => format!("admit as {profile}"),
        None => rule.as_str().unwrap_or_default().to_owned(),
    };
    let spelled = |seconds: &Value| seconds.as_u64().map(spelled_duration).unwrap_or_default();
    let listed = |members: &Value, value: &dyn Fn(&Value) -> String| {
        let members = members.as_object().into_iter().flatten();
        members.map(|(name, it)| format!("{name} {}", value(it))).collect::<Vec<_>>().join(", ")
    };
    if let Some(in_force) = shown.get_mut("in-force").and_then(Value::as_object_mut) {
        for (name, value) in in_force {
            *value = match name.as_str() {
                "unregistered" => rule(value).into(),
                "manufacturers" => listed(value, &rule).into(),
                "deadlines" => listed(value, &spelled).into(),
                "retention" => spelled(value).into(),
                _ => continue,
            };
        }
    }
    shown
}

fn differences(policies: &Policies) {
    if let Some(proposed) = &policies.proposed {
        output::line("\nsztp.toml says otherwise, and waits for `sztp policy accept`:");
        proposed.differences.iter().for_each(|line| output::line(&format!("  {}", show::plain(line))));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn srv_21_people_see_policies_as_they_wrote_them() {
        let in_force = json!({
            "roles": ["redirect-server"], "unregistered": {"admit": "bmc"}, "retention": 34_560_000,
            "manufacturers": {"acme": "refuse", "other": {"admit": "x"}}, "deadlines": {"attempt": 14_400, "seen": 90},
        });
        let shown = readable(&Policies { in_force, proposed: None });
        assert_eq!(
            shown["in-force"],
            json!({
                "roles": ["redirect-server"], "unregistered": "admit as bmc", "retention": "400d",
                "manufacturers": "acme refuse, other admit as x", "deadlines": "attempt 4h, seen 90s",
            })
        );
    }
}
