//! `sztp init`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

use bootstrap_server::store::Location;
use pki::{key::random, time::Timestamp};
use serde_json::json;

use super::{Failure, change::block_on};
use crate::{
    files::Secrecy,
    output::{self, Form},
    site::{self, Machine, Plan, Site},
};

/// Arguments of `sztp init`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder to make; it must be new or empty
    dir: PathBuf,
    /// Who owns the devices: stands in the names of the certificates. This machine's name unless said
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// A DNS name or address that devices and operators reach this server by; may be given several times. This machine's
    /// addresses unless said
    #[arg(long = "dns-name", value_name = "NAME")]
    dns_names: Vec<String>,
    /// The database: a file in the folder, or the URL of a PostgreSQL database
    #[arg(long, value_name = "URL", default_value = "sztp.sqlite3")]
    database: String,
    /// Where devices connect: port 8443 of every address, unless said
    #[arg(long, value_name = "ADDRESS:PORT")]
    device_listen: Option<SocketAddr>,
    /// Where operators connect: this machine alone, unless said
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 8444)))]
    operator_listen: SocketAddr,
    /// Say what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
    /// How to say what was made
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

const EXAMPLES: &str = "Examples:
  sztp init site && cd site && sztp serve
  sztp init /etc/sztp --organization 'Example Operator' --dns-name sztp.example.net --operator-listen 0.0.0.0:8444
  sztp init site --dry-run

Makes sztp.toml, which explains itself; keys that only you may read; certificates for the owner and for both listeners;
the database with its first user, admin; and operator.token, which is that user's: the server keeps only a digest of it.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let plan = plan(args, &Machine::this())?;
    let site = Site::make(&plan, Timestamp::from_system(SystemTime::now()))?;
    if args.dry_run {
        site::check_empty(&args.dir)?;
    } else {
        block_on(async { Ok(site.found(&args.dir).await?) })?;
    }
    match args.form {
        Form::Json => show_json(args, &plan, &site),
        Form::Table => show(args, &plan, &site),
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &Args, machine: &Machine) -> Result<Plan, Failure> {
    let device_listen = args.device_listen.unwrap_or_else(|| (machine.any_address(), 8443).into());
    let device_names = machine.device_names(&args.dns_names, device_listen.ip());
    let mut certificate_names = machine.certificate_names(&args.dns_names);
    for listen in [device_listen, args.operator_listen].map(|listen| listen.ip()) {
        if !listen.is_unspecified() && !certificate_names.contains(&listen.to_string()) {
            certificate_names.push(listen.to_string());
        }
    }
    // A log's name is its own for ever: a second site on this machine must not be taken for this one.
    let tag: String = random::<4>().map_err(site::SiteError::Key)?.iter().map(|it| format!("{it:02x}")).collect();
    let home = machine.dns_name().unwrap_or("localhost");
    let home = args.dns_names.first().map_or(home, String::as_str);
    Ok(Plan {
        organization: args.organization.clone().unwrap_or_else(|| machine.dns_name().unwrap_or("SZTP").to_owned()),
        device_listen,
        operator_listen: args.operator_listen,
        certificate_names,
        device_names,
        origin: format!("{home}/sztp-{tag}"),
        database: args.database.clone(),
        images: Vec::new(),
        more: String::new(),
    })
}

fn show(args: &Args, plan: &Plan, site: &Site) {
    let folder = args.dir.display();
    if args.dry_run {
        output::line(&format!("would make in {folder}:"));
        for (name, secrecy) in site.files() {
            let note = if secrecy == Secrecy::Private { "  (for your eyes only)" } else { "" };
            output::line(&format!("  {name}{note}"));
        }
        let database = Location::parse(&plan.database, Path::new(""));
        output::line(&format!("and the database {database} with the user {}", site::FIRST_USER));
        return;
    }
    output::line(&format!("made {folder}: devices are sent to {}", plan.device_names.join(", ")));
    output::line(&format!("next:  {}", serve_command(&args.dir)));
    output::line(&format!(
        "       sztp manufacturer add …    then profile apply, device add; {}/{} is for vouchers",
        folder,
        site::PINNED
    ));
    output::line(&format!("       keep {folder}/{} offline: the server never needs the keys in it", site::CA_KEYS));
}

fn serve_command(folder: &Path) -> String {
    if folder == Path::new(".") { "sztp serve".to_owned() } else { format!("cd {} && sztp serve", folder.display()) }
}

fn show_json(args: &Args, plan: &Plan, site: &Site) {
    let files = site.files().map(|(name, secrecy)| json!({"name": name, "private": secrecy == Secrecy::Private}));
    output::json(&json!({
        "folder": args.dir,
        "made": !args.dry_run,
        "config": args.dir.join(site::CONFIG),
        "device-listener": plan.device_listen,
        "operator-listener": plan.operator_listen,
        "names": plan.device_names,
        "user": site::FIRST_USER,
        "files": files.collect::<Vec<_>>(),
    }));
}
