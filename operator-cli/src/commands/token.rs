//! `sztp token`: what opens the operator API.

mod offline;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use operator_api::{IssuedToken, NewToken};

use super::{
    Failure,
    change::{ChangeArgs, block_on},
};
use crate::{
    files::Reserved,
    output,
    server::ServerArgs,
    show::{Column, Form, FormArgs, Listing, column},
};

/// Subcommands of `sztp token`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a token; it is shown once
    Create(Box<CreateArgs>),
    /// List your tokens; an admin sees everybody's
    #[command(after_help = "Examples:\n  sztp token list\n  sztp token list --output json")]
    List(Box<ListArgs>),
    /// Make a token worthless
    #[command(after_help = "Examples:\n  sztp token list\n  sztp token revoke ID")]
    Revoke(Box<RevokeArgs>),
}

/// Arguments of `sztp token create`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreateArgs {
    /// Whose it is to be; your own unless said
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// After how many days it opens nothing: no later than the token you make it with, and unless said together with that
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: Option<u32>,
    /// Write the token into this new file, for nobody else to read, instead of showing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Make it in the server's database itself, for when nobody has a token any more: on the server's machine, as the user
    /// that the server runs as, while it is stopped (on PostgreSQL it may run). For admin, unless --user names another
    #[arg(long)]
    offline: bool,
    /// With --offline: revoke every other token of that user, for when one was stolen
    #[arg(long, requires = "offline")]
    revoke_others: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp token create --user anna --days 90 --out anna.token
  sztp token create --output json | jq -r .secret
  sztp token create --offline --config /var/lib/sztp/sztp.toml --revoke-others --out operator.token

The server keeps no more than a digest of it: a token that is lost is revoked, and another one made.";

/// Arguments of `sztp token list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Arguments of `sztp token revoke`.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The token's name, as the list shows it
    id: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const COLUMNS: &[Column] =
    &[column("id", "/id"), column("user", "/user"), column("created", "/created"), column("expires", "/expires")];
const ISSUED: &[Column] = &[
    column("id", "/id"),
    column("user", "/user"),
    column("created", "/created"),
    column("expires", "/expires"),
    column("secret", "/secret"),
];

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::Create(args) => create(args).await?,
            Command::List(args) => {
                let list = args.server.client()?.tokens().await?;
                Listing::whole(args.form.form, COLUMNS, &list.tokens);
            }
            Command::Revoke(args) => {
                args.change.server.client()?.revoke_token(&args.id, args.change.intent()).await?;
                args.change.tell_gone("revoke", "revoked", &format!("the token {}", args.id));
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn create(args: &CreateArgs) -> Result<(), Failure> {
    // What cannot be written must not be made: its secret would be lost.
    let place = args.out.as_deref().map(Reserved::take).transpose()?;
    let made = if args.offline { offline::create(args).await? } else { asked(args).await? };
    match (made, place) {
        (None, _) => args.change.tell("make a token", COLUMNS, None::<&IssuedToken>),
        (Some(issued), Some(place)) => {
            let (id, user, path) = (&issued.token.id, &issued.token.user, place.path().display().to_string());
            place.fill(format!("{}\n", issued.secret).as_bytes())?;
            let done = format!("wrote the token {id} of {user} into {path}");
            args.change.tell(&done, COLUMNS, Some(&issued.token));
        }
        (Some(issued), None) => show(args.change.form.form, &issued),
    }
    Ok(())
}

/// Has the server make it.
async fn asked(args: &CreateArgs) -> Result<Option<IssuedToken>, Failure> {
    let wanted = NewToken { user: args.user.clone(), days: args.days };
    Ok(args.change.server.client()?.create_token(&wanted, args.change.intent()).await?)
}

fn show(form: Form, issued: &IssuedToken) {
    match form {
        Form::Table => {
            output::error(&format!("the token {} of {}, shown this once:", issued.token.id, issued.token.user));
            output::line(&issued.secret);
        }
        form => crate::show::one(form, ISSUED, issued),
    }
}
