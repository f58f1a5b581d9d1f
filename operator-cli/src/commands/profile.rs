//! `sztp profile`: what devices are to become.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use operator_api::{NewProfile, Profile};

use super::{
    Failure,
    change::{ChangeArgs, block_on},
};
use crate::{
    files, output,
    server::ServerArgs,
    show::{self, Column, Form, FormArgs, Listing, column},
};

/// Subcommands of `sztp profile`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a profile, or replace it
    Apply(Box<ApplyArgs>),
    /// List profiles
    #[command(after_help = "Examples:\n  sztp profile list\n  sztp profile list --output json")]
    List(Box<ListArgs>),
    /// Show a profile's document
    #[command(after_help = "Examples:
  sztp profile show bmc > bmc.toml

It takes the role operator: configurations and scripts hold secrets.")]
    Show(Box<ShowArgs>),
    /// Remove a profile that no device has
    #[command(after_help = "Examples:\n  sztp profile remove bmc --dry-run")]
    Remove(Box<RemoveArgs>),
}

/// Arguments of `sztp profile apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ApplyArgs {
    /// The profile's document, TOML
    file: PathBuf,
    /// Its name; otherwise that of the file without `.toml`
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp profile apply bmc.toml
  sztp profile apply draft.toml --name bmc --dry-run

A profile is onboarding information (RFC 8572 §2.2). This is a whole one:

  post-configuration-script = '''#!/bin/sh
  echo ready
  '''

  [configuration]
  handling = \"merge\"
  content = '{\"hostname\":\"bmc\"}'

  [boot-image]
  os-name = \"ExampleOS\"
  os-version = \"2.0\"
  download-uris = [\"https://sztp.example.net:8443/images/SHA-256\"]
  sha256 = \"SHA-256 of the image, hex\"

Devices may say what they are and what they run. The first variant that fits replaces parts of the profile, or leaves them
out; in `when`, every member that is given must match, and * stands for anything:

  [[variant]]
  name = \"runs-it-already\"
  when = { os-name = \"ExampleOS\", os-version = \"2.0*\" }
  without = [\"boot-image\"]

  [[variant]]
  name = \"two-ports\"
  when = { hw-model = \"BMC-2*\" }
  configuration = { handling = \"merge\", content = '{\"hostname\":\"bmc\",\"ports\":2}' }

With `encrypt-to-device = true`, at the top, what devices get is signed and then encrypted to the certificate that each shows
(RFC 8572 §3.4). A device to which nothing can be encrypted gets nothing.";

/// Arguments of `sztp profile list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Arguments of `sztp profile show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Arguments of `sztp profile remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const COLUMNS: &[Column] = &[column("name", "/name"), column("members", "/members"), column("digest", "/digest")];
const WHOLE: &[Column] = &[column("name", "/name"), column("document", "/document")];

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::Apply(args) => apply(args).await?,
            Command::List(args) => {
                let list = args.server.client()?.profiles().await?;
                Listing::whole(args.form.form, COLUMNS, &list.profiles);
            }
            Command::Show(args) => show(args.form.form, &args.server.client()?.profile(&args.name).await?),
            Command::Remove(args) => {
                args.change.server.client()?.remove_profile(&args.name, args.change.intent()).await?;
                args.change.tell_gone("remove", "removed", &format!("the profile {}", args.name));
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn apply(args: &ApplyArgs) -> Result<(), Failure> {
    let octets = files::read(&args.file)?;
    let document = String::from_utf8(octets)
        .map_err(|error| Failure::File { path: args.file.clone(), source: std::io::Error::other(error) })?;
    let stem = || args.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = args.name.clone().or_else(stem).ok_or(Failure::Usage("what is the profile called? Give --name"))?;
    let client = args.change.server.client()?;
    let put = client.put_profile(&name, &NewProfile { document }, args.change.intent()).await?;
    let verb = if put.is_some() { "applied" } else { "apply" };
    args.change.tell(&format!("{verb} the profile {name}"), WHOLE, put.as_ref());
    Ok(())
}

/// For people, the document itself: it can be edited and applied again.
fn show(form: Form, profile: &Profile) {
    match form {
        Form::Table => output::text(&profile.document),
        form => show::one(form, WHOLE, profile),
    }
}
