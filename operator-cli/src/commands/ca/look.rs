//! `sztp ca show`, `sztp ca export` and `sztp ca crl`.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::SystemTime};

use bootstrap_server::{
    authority::Authority, authority::revocation_list, config::ServerConfig, domain::AuthorityName, store::SqlStore,
};
use pki::time::Timestamp;

use super::Failure;
use crate::{
    commands::change::block_on,
    files::{self, Secrecy},
    output,
    show::{Column, FormArgs, Listing, column},
    site,
};

/// The authority's folder.
#[derive(Debug, clap::Args)]
pub(crate) struct FolderArgs {
    /// The folder of the authority, as `sztp ca init` made it
    #[arg(long, value_name = "DIR", default_value = ".")]
    ca: PathBuf,
}

impl FolderArgs {
    fn config(&self) -> Result<ServerConfig, Failure> {
        Ok(ServerConfig::load(&self.ca.join(site::CONFIG))?)
    }
}

/// Arguments of `sztp ca show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    form: FormArgs,
}

const COLUMNS: &[Column] = &[
    column("name", "/name"),
    column("subject", "/subject"),
    column("algorithm", "/algorithm"),
    column("not-after", "/not-after"),
    column("profiles", "/names"),
];

pub(super) fn show(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let config = args.folder.config()?;
    let authorities = bootstrap_server::authority::list(&config.authorities).authorities.into_iter().map(|authority| {
        let names: Vec<_> = authority.profiles.iter().map(|profile| profile.name.clone()).collect();
        let mut value = serde_json::to_value(authority).unwrap_or_default();
        value["names"] = names.into();
        value
    });
    Listing::whole(args.form.form, COLUMNS, &authorities.collect::<Vec<_>>());
    Ok(ExitCode::SUCCESS)
}

/// Arguments of `sztp ca export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sztp ca export devices --ca maker --out maker-devices.pem

The certificate of the authority and those above it, PEM, the root last. Nothing that is private leaves the folder.")]
pub(crate) struct ExportArgs {
    /// Which authority
    #[arg(value_name = "NAME")]
    authority: String,
    #[command(flatten)]
    folder: FolderArgs,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn export(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let config = args.folder.config()?;
    let authority = find(&config, &args.authority)?;
    let pem: String = authority.ca.chain().iter().map(pki::certificate::Certificate::to_pem).collect();
    files::write(&args.out, pem.as_bytes(), Secrecy::Public)?;
    Ok(ExitCode::SUCCESS)
}

/// Arguments of `sztp ca crl`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sztp ca crl --ca maker --out lists/
  sztp ca crl --ca maker --authority devices --out lists/

For where no server publishes: writes NAME-SHARD.crl, DER, for every shard, to be put where certificates say that it is. A server
that runs in the folder gives them out itself, at its publication listener.")]
pub(crate) struct CrlArgs {
    /// The folder that the lists are written into; made where it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only those of this authority
    #[arg(long, value_name = "NAME")]
    authority: Option<String>,
    #[command(flatten)]
    folder: FolderArgs,
}

pub(super) fn crl(args: &CrlArgs) -> Result<ExitCode, Failure> {
    let config = args.folder.config()?;
    let authorities: Vec<Arc<Authority>> = match &args.authority {
        Some(name) => vec![find(&config, name)?],
        None => config.authorities.iter().cloned().collect(),
    };
    std::fs::create_dir_all(&args.out).map_err(|source| Failure::File { path: args.out.clone(), source })?;
    block_on(async {
        let store = SqlStore::open_read_only(&config.database).await?;
        let written = write(args, &authorities, &store).await;
        store.close().await;
        written
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn write(args: &CrlArgs, authorities: &[Arc<Authority>], store: &SqlStore) -> Result<(), Failure> {
    for authority in authorities {
        for shard in 0..authority.shards() {
            let now = Timestamp::from_system(SystemTime::now());
            let list = revocation_list(authority, shard, store, now).await.map_err(Box::new)?;
            let path = args.out.join(format!("{}-{shard}.crl", authority.name));
            files::write(&path, list.der(), Secrecy::Public)?;
            let until = list.period().next_update.map(|until| until.to_string()).unwrap_or_default();
            output::line(&format!("{}: until {until}", path.display()));
        }
    }
    Ok(())
}

fn find(config: &ServerConfig, name: &str) -> Result<Arc<Authority>, Failure> {
    let found = AuthorityName::new(name).ok().and_then(|name| config.authorities.get(&name).cloned());
    found.ok_or_else(|| {
        let known: Vec<_> = config.authorities.iter().map(|it| it.name.to_string()).collect();
        Failure::NotFound(format!("there is no authority {name}; there are: {}", known.join(", ")))
    })
}
