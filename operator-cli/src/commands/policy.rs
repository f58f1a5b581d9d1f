//! `sztp policy`: which policies are in force, and accepting those that wait.

use std::process::ExitCode;

use operator_api::{AcceptPolicies, Policies};

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

`roles`, [policy] and [deadlines] in sztp.toml are read when the server starts. What would let devices do more than was
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
    column("proposed", "/proposed/sha256"),
];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Show(args) => {
            let policies = block_on(async { Ok(args.server.client()?.policies().await?) })?;
            show::one(args.form.form, COLUMNS, &policies);
            if args.form.form == Form::Table {
                differences(&policies);
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
                output::line("nothing waits to be accepted: sztp.toml lets devices do no more than before");
                return Ok(ExitCode::SUCCESS);
            };
            args.tell(&format!("accepted: {}", differences.join("; ")), COLUMNS, policies.as_ref());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn differences(policies: &Policies) {
    if let Some(proposed) = &policies.proposed {
        output::line("\nsztp.toml says otherwise, and waits for `sztp policy accept`:");
        proposed.differences.iter().for_each(|line| output::line(&format!("  {}", show::plain(line))));
    }
}
