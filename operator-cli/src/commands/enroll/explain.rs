//! `sztp enroll explain`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use bootstrap_server::{
    config::Revocation,
    domain::{
        Manufacturer, ManufacturerName, ManufacturerTexts,
        identification::{StoredLists, Trust},
    },
};
use operator_api as shown;
use pki::{certificate::Certificate, time::Timestamp};

use super::{Failure, account::Account};
use crate::{
    commands::{
        artifact::{at_or_now, moment},
        change::block_on,
        manufacturer::IdentityArgs,
    },
    files,
    output::{self, Form},
    server::{FindError, ServerArgs},
};

/// Arguments of `sztp enroll explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The device's certificate first, then whatever the device sends with it; PEM or DER
    #[arg(required = true, value_name = "CERT")]
    certificates: Vec<PathBuf>,
    /// Judge by this manufacturer of the server alone
    #[arg(long, value_name = "NAME")]
    manufacturer: Option<String>,
    /// Judge by this anchor, without a server; may be given several times
    #[arg(long = "anchor", value_name = "CERT", conflicts_with = "manufacturer")]
    anchors: Vec<PathBuf>,
    /// Judge by this anchor for old devices, without a server; may be given several times
    #[arg(long = "legacy-anchor", value_name = "CERT", conflicts_with = "manufacturer")]
    legacy_anchors: Vec<PathBuf>,
    #[command(flatten)]
    identity: IdentityArgs,
    /// A revocation list to judge by, PEM or DER; may be given several times
    #[arg(long = "crl", value_name = "FILE")]
    crls: Vec<PathBuf>,
    /// Judge dates at this moment instead of now
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    at: Option<Timestamp>,
    /// How to show it
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp enroll explain device.pem                                  by the manufacturers of the server, if there is one here
  sztp enroll explain device.pem --anchor root.pem --intermediate issuing.pem
  sztp enroll explain device.pem --anchor root.pem --serial-number-rule 'CN=bmc-{serial}' --output json

Try rules here before `sztp manufacturer add` has them. Revocation lists that a server has are not looked at: give them with --crl.
Exit codes: 0 a listener would let the device in, or nobody's anchors are known; 3 none would.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let chain = files::read_all_certificates(&args.certificates)?;
    let (own, sent) = chain.split_first().ok_or(Failure::Usage("the file holds no certificate"))?;
    let manufacturers = if args.judges_by_files() { vec![args.given()?] } else { args.of_server()? };
    let evidence = files::read_evidence(&args.crls, &[])?;
    let revocation = Revocation { evidence, ..Revocation::default() };
    let trust = Trust::new(&manufacturers, Arc::new(revocation), StoredLists::default());
    let account = Account::of(own, sent, &trust, at_or_now(args.at));
    match args.form {
        Form::Json => output::json(&account),
        Form::Table => {
            let file = args.certificates.first().map(|path| path.display().to_string()).unwrap_or_default();
            output::line(&account.render(&file));
        }
    }
    Ok(if account.accepted() == Some(false) { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

impl Args {
    fn judges_by_files(&self) -> bool {
        let IdentityArgs { serial_number_rules, intermediates, critical_extensions, extended_key_usages } =
            &self.identity;
        let texts = [serial_number_rules, critical_extensions, extended_key_usages];
        let files = [&self.anchors, &self.legacy_anchors, intermediates];
        texts.iter().any(|it| !it.is_empty()) || files.iter().any(|it| !it.is_empty())
    }

    /// The manufacturer that the arguments describe.
    fn given(&self) -> Result<Manufacturer, Failure> {
        let pem = |paths: &[PathBuf]| -> Result<String, Failure> {
            Ok(files::read_all_certificates(paths)?.iter().map(Certificate::to_pem).collect())
        };
        let texts = ManufacturerTexts {
            serial_number_rules: self.identity.serial_number_rules.clone(),
            legacy_anchors: pem(&self.legacy_anchors)?,
            intermediates: pem(&self.identity.intermediates)?,
            critical_extensions: self.identity.critical_extensions.clone(),
            extended_key_usages: self.identity.extended_key_usages.clone(),
            ..ManufacturerTexts::default()
        };
        manufacturer("given", files::read_all_certificates(&self.anchors)?, &texts)
    }

    /// Those of the server. Where nobody named a server and there is none, there are none.
    fn of_server(&self) -> Result<Vec<Manufacturer>, Failure> {
        let client = match self.server.client() {
            Ok(client) => client,
            Err(FindError::NoServer { .. }) if self.manufacturer.is_none() && !self.server.is_named() => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error.into()),
        };
        let all = block_on(async {
            match &self.manufacturer {
                Some(name) => Ok(vec![client.manufacturer(name).await?]),
                None => Ok(client.manufacturers().await?.manufacturers),
            }
        })?;
        all.iter().map(of_shown).collect()
    }
}

/// A manufacturer as the server shows it.
fn of_shown(it: &shown::Manufacturer) -> Result<Manufacturer, Failure> {
    let pem = |digests: &[String]| -> String {
        let known = digests.iter().filter_map(|digest| it.certificates.iter().find(|known| known.sha256 == *digest));
        known.map(|known| known.pem.as_str()).collect()
    };
    let texts = ManufacturerTexts {
        serial_number_rules: it.serial_number_rules.clone(),
        legacy_anchors: pem(&it.legacy_anchors),
        intermediates: pem(&it.intermediates),
        critical_extensions: it.critical_extensions.clone(),
        extended_key_usages: it.extended_key_usages.clone(),
        ..ManufacturerTexts::default()
    };
    let anchors = pem(&it.anchors);
    let anchors = if anchors.is_empty() { Ok(Vec::new()) } else { Certificate::chain_from_pem(anchors.as_bytes()) };
    manufacturer(&it.name, anchors.map_err(|_| Failure::Usage("the server shows anchors that cannot be read"))?, &texts)
}

fn manufacturer(name: &str, anchors: Vec<Certificate>, texts: &ManufacturerTexts) -> Result<Manufacturer, Failure> {
    let name =
        ManufacturerName::new(name).map_err(|_| Failure::Usage("the server shows a manufacturer without a name"))?;
    let mut manufacturer = Manufacturer::new(name, anchors);
    texts.apply_to(&mut manufacturer)?;
    Ok(manufacturer)
}
