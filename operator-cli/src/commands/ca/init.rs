//! `sztp ca init`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

use bootstrap_server::store::Location;
use pki::{
    key::{KeySpec, Passphrase, random},
    time::Timestamp,
};
use serde_json::json;

use super::Failure;
use crate::{
    commands::change::block_on,
    files::{FileError, Secrecy},
    output::{self, Form},
    site::{
        self, CA_KEYS, CaPlan, CaSite, DEVICE_ANCHOR, FIRST_USER, Machine, Publication, SERVICE_ANCHOR, SQLITE,
        SiteError, VOUCHER_ANCHOR,
    },
};

/// Arguments of `sztp ca init`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder to make; it must be new or empty
    dir: PathBuf,
    /// Whose authority it is: stands in the names of its CAs, and as the organization in certificates of devices
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What kind of keys its CAs have, and what signs vouchers: p256, p384, rsa2048, rsa3072 or rsa4096
    #[arg(long, default_value_t, value_name = "ALGORITHM", value_parser = algorithm)]
    algorithm: KeySpec,
    /// Put these keys behind the passphrase in this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Where owners ask for vouchers, as certificates of devices are to say it (RFC 8995 §2.3.2)
    #[arg(long, value_name = "URL")]
    masa_url: Option<String>,
    /// Where it will be published what was revoked, as certificates are to say it: `http://` and a name that lasts as long as
    /// they do. Without it, certificates say nothing about that
    #[arg(long, value_name = "URL")]
    publication_url: Option<String>,
    /// Into how many revocation lists the certificates of devices are spread; each holds 20000
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "publication_url",
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    crl_shards: u16,
    /// A DNS name or address that this server is reached by; may be given several times. This machine's addresses unless said
    #[arg(long = "dns-name", value_name = "NAME")]
    dns_names: Vec<String>,
    /// The database: a file in the folder, or the URL of a PostgreSQL database
    #[arg(long, value_name = "URL", default_value = SQLITE)]
    database: String,
    /// Where operators connect: this machine alone, unless said
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 9444)))]
    operator_listen: SocketAddr,
    /// Where certificates and vouchers are asked for: port 9443 of every address, unless said
    #[arg(long, value_name = "ADDRESS:PORT")]
    authority_listen: Option<SocketAddr>,
    /// Where it is published what was revoked: port 9080 of every address, unless said
    #[arg(long, value_name = "ADDRESS:PORT")]
    publication_listen: Option<SocketAddr>,
    /// Say what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
    /// How to say what was made
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

const EXAMPLES: &str = "Examples:
  sztp ca init maker --name 'Example Maker'
  sztp ca init maker --name 'Example Maker' --algorithm p384 --masa-url https://masa.example.com \\
      --publication-url http://pki.example.com --crl-shards 64 --passphrase-file maker.passphrase
  sztp enroll issue --ca maker --csr device.csr --serial-number SN-0001 --out device.pem

Makes sztp.toml, which explains itself; a root and an issuing CA for devices, another pair for servers and people; what signs
vouchers, under a root of its own; the database; certificates, so that `sztp serve` can run in the folder; and a first user.";

/// RFC 8366 §5.4 and IEEE 802.1AR §7.3: what everybody verifies.
fn algorithm(text: &str) -> Result<KeySpec, String> {
    match text.parse() {
        Ok(spec @ (KeySpec::P256 | KeySpec::P384 | KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096)) => Ok(spec),
        _ => Err("p256, p384, rsa2048, rsa3072 and rsa4096 are what devices and their owners verify".to_owned()),
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let plan = plan(args, &Machine::this())?;
    site::check_empty(&args.dir)?;
    let made = CaSite::make(&plan, Timestamp::from_system(SystemTime::now()))?;
    if !args.dry_run {
        block_on(async { Ok(made.found(&args.dir).await?) })?;
    }
    match args.form {
        Form::Json => show_json(args, &plan, &made),
        Form::Table => show(args, &plan, &made),
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &Args, machine: &Machine) -> Result<CaPlan, Failure> {
    let every = |port| SocketAddr::from((machine.any_address(), port));
    let authority_listen = args.authority_listen.unwrap_or_else(|| every(9443));
    let mut certificate_names = machine.certificate_names(&args.dns_names);
    for listen in [authority_listen.ip(), args.operator_listen.ip()] {
        if !listen.is_unspecified() && !certificate_names.contains(&listen.to_string()) {
            certificate_names.push(listen.to_string());
        }
    }
    let passphrase = args.passphrase_file.as_ref().map(|path| {
        let read = Passphrase::from_file(path);
        let passphrase = read.map_err(|source| FileError::Passphrase { path: path.clone(), source })?;
        // The configuration names it from another folder.
        Ok::<_, Failure>((passphrase, std::path::absolute(path)?))
    });
    // A log's name is its own for ever: a second authority on this machine must not be taken for this one.
    let tag: String = random::<4>().map_err(SiteError::Key)?.iter().map(|it| format!("{it:02x}")).collect();
    let home = machine.dns_name().unwrap_or("localhost");
    let home = args.dns_names.first().map_or(home, String::as_str);
    Ok(CaPlan {
        name: args.name.clone(),
        algorithm: args.algorithm,
        passphrase: passphrase.transpose()?,
        masa_url: args.masa_url.clone(),
        publication: args.publication_url.clone().map(|url| Publication { url, shards: args.crl_shards }),
        operator_listen: args.operator_listen,
        authority_listen,
        publication_listen: args.publication_listen.unwrap_or_else(|| every(9080)),
        certificate_names,
        origin: format!("{home}/sztp-ca-{tag}"),
        database: args.database.clone(),
    })
}

fn show(args: &Args, plan: &CaPlan, made: &CaSite) {
    let folder = args.dir.display();
    if args.dry_run {
        output::line(&format!("would make in {folder}:"));
        for (name, secrecy) in made.files() {
            let note = if secrecy == Secrecy::Private { "  (for your eyes only)" } else { "" };
            output::line(&format!("  {name}{note}"));
        }
        let database = Location::parse(&plan.database, Path::new(""));
        output::line(&format!("and the database {database} with the user {FIRST_USER}"));
        return;
    }
    output::line(&format!(
        "made {folder}: owners of devices need {folder}/{DEVICE_ANCHOR}, devices {folder}/{VOUCHER_ANCHOR}"
    ));
    output::line(&format!(
        "next:  sztp enroll issue --ca {folder} --csr …    signs certificates; no server needs to run"
    ));
    output::line(&format!("       keep {folder}/{CA_KEYS} offline: nothing here needs the keys in it"));
}

fn show_json(args: &Args, plan: &CaPlan, made: &CaSite) {
    let files = made.files().map(|(name, secrecy)| json!({"name": name, "private": secrecy == Secrecy::Private}));
    output::json(&json!({
        "folder": args.dir,
        "made": !args.dry_run,
        "config": args.dir.join(site::CONFIG),
        "operator-listener": plan.operator_listen,
        "authority-listener": plan.authority_listen,
        "publication-listener": plan.publication_listen,
        "device-anchor": args.dir.join(DEVICE_ANCHOR),
        "voucher-anchor": args.dir.join(VOUCHER_ANCHOR),
        "service-anchor": args.dir.join(SERVICE_ANCHOR),
        "user": FIRST_USER,
        "files": files.collect::<Vec<_>>(),
    }));
}
