//! `sztp user`: who may use the operator API.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use operator_api::{NewUser, Role};

use super::{
    Failure,
    change::{ChangeArgs, block_on},
};
use crate::{
    server::ServerArgs,
    show::{Column, FormArgs, Listing, column},
};

/// Subcommands of `sztp user`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a user, or give one another role
    Add(Box<AddArgs>),
    /// List users
    #[command(after_help = "Examples:\n  sztp user list\n  sztp user list --output json")]
    List(Box<ListArgs>),
    /// Remove a user and its tokens
    #[command(after_help = "Examples:\n  sztp user remove anna\n  sztp user remove anna --dry-run")]
    Remove(Box<RemoveArgs>),
}

/// Arguments of `sztp user add`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AddArgs {
    /// A person or program: letters, digits, dots, hyphens and underscores
    name: String,
    /// What it may do: each role may do what the ones before it may
    #[arg(long, value_enum)]
    role: RoleName,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp user add anna --role operator
  sztp token create --user anna --days 90 --out anna.token
  sztp user add dashboard --role viewer --dry-run";

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Look
    Viewer,
    /// Register, approve, retire and change devices, profiles and vouchers
    Operator,
    /// Manage users, manufacturers and backups
    Admin,
}

impl RoleName {
    const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Arguments of `sztp user list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Arguments of `sztp user remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Whom
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const COLUMNS: &[Column] = &[column("name", "/name"), column("role", "/role")];

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::Add(args) => {
                let role = match args.role {
                    RoleName::Viewer => Role::Viewer,
                    RoleName::Operator => Role::Operator,
                    RoleName::Admin => Role::Admin,
                };
                let client = args.change.server.client()?;
                let put = client.put_user(&args.name, &NewUser { role }, args.change.intent()).await?;
                let (name, word) = (&args.name, args.role.word());
                let done = match &put {
                    Some(_) => format!("{name} has the role {word}; `sztp token create --user {name}` makes a token"),
                    None => format!("give {name} the role {word}"),
                };
                args.change.tell(&done, COLUMNS, put.as_ref());
            }
            Command::List(args) => {
                let list = args.server.client()?.users().await?;
                Listing::whole(args.form.form, COLUMNS, &list.users);
            }
            Command::Remove(args) => {
                args.change.server.client()?.remove_user(&args.name, args.change.intent()).await?;
                args.change.tell_gone("remove", "removed", &format!("{} and every token of that user", args.name));
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
