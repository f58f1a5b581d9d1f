//! `sztp factory order create`: an order from a list of units.

use std::path::PathBuf;

use operator_api::{NewProductionOrder, NewProductionUnit};
use serde::Deserialize;

use super::super::{Failure, change::ChangeArgs, voucher::date};

/// Arguments of `sztp factory order create`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The order's name: letters, digits, dots, hyphens and underscores
    name: String,
    /// The [[authority]] of sztp.toml that issues
    #[arg(long, value_name = "NAME")]
    authority: String,
    /// Its profile
    #[arg(long, value_name = "NAME", default_value = "idevid")]
    profile: String,
    /// The units: CSV with a column serial-number, and a column endorsement-key where their TPMs are known
    #[arg(long, value_name = "FILE")]
    units: PathBuf,
    /// What is made: requests name it as their common name, or none
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// A station that may enrol units, by the common name of its certificate; all that the server trusts unless said
    #[arg(long = "station", value_name = "NAME")]
    stations: Vec<String>,
    /// From when on nothing is issued under it
    #[arg(long, value_name = "DATE", value_parser = date)]
    expires: String,
    /// PEM: makers of TPMs; a unit without an endorsement-key has to have one that one of them certified
    #[arg(long, value_name = "FILE")]
    endorsement_anchors: Option<PathBuf>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp factory order create week-12 --authority devices --units week-12.csv --expires 2027-04-01
  sztp factory order create week-12 --authority devices --units week-12.csv --expires 2027-04-01 --station st-1 --station st-2
  sztp factory order create week-12 --authority devices --units week-12.csv --expires 2027-04-01 --endorsement-anchors tpm-makers.pem

The list begins with a line `serial-number,endorsement-key`; the second column is the SHA-256 that `sztp-device identity show --key
tpm2:0x81020000` shows, may be empty, and may be left out.";

/// A line of the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Line {
    serial_number: String,
    #[serde(default)]
    endorsement_key: Option<String>,
}

impl Args {
    /// The order that was asked for.
    pub(super) fn order(&self) -> Result<NewProductionOrder, Failure> {
        let file = |path: &PathBuf| std::fs::read(path).map_err(|source| Failure::File { path: path.clone(), source });
        let invalid = |path: &PathBuf, why: String| {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, why);
            Failure::File { path: path.clone(), source }
        };
        let octets = file(&self.units)?;
        let units = units(&octets).map_err(|error| invalid(&self.units, error.to_string()))?;
        let anchors = self
            .endorsement_anchors
            .as_ref()
            .map(|path| String::from_utf8(file(path)?).map_err(|_| invalid(path, "it is no PEM".to_owned())));
        Ok(NewProductionOrder {
            name: self.name.clone(),
            authority: self.authority.clone(),
            profile: self.profile.clone(),
            model: self.model.clone(),
            stations: self.stations.clone(),
            expires: self.expires.clone(),
            endorsement_anchors: anchors.transpose()?,
            units,
        })
    }
}

/// The units of a list. What they are worth the server says.
fn units(octets: &[u8]) -> Result<Vec<NewProductionUnit>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(false).from_reader(octets);
    let lines = reader.deserialize::<Line>().map(|line| {
        line.map(|Line { serial_number, endorsement_key }| NewProductionUnit { serial_number, endorsement_key })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_serial_numbers_and_perhaps_endorsement_keys() {
        let read = units(b"serial-number\nSN-1\nSN-2\n").unwrap();
        assert_eq!(read.iter().map(|unit| unit.serial_number.as_str()).collect::<Vec<_>>(), ["SN-1", "SN-2"]);
        let read = units(b"endorsement-key, serial-number\nab,SN-1\n,SN-2\n").unwrap();
        assert_eq!(read[0].endorsement_key.as_deref(), Some("ab"));
        assert_eq!((read[1].serial_number.as_str(), &read[1].endorsement_key), ("SN-2", &None));
        for bad in ["serial\nSN-1\n", "serial-number\nSN-1,x\n", "serial-number,model\nSN-1,x\n"] {
            assert!(units(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
