//! `sztp dhcp lint`: options 143 and 136 in configurations of other DHCP servers.

mod dnsmasq;
mod found;
mod isc;
mod kea;
mod kind;
mod report;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use dhcp::bootstrap_uri::FieldForm;

pub(crate) use self::found::Unreadable;
use self::{
    found::{Contents, Found},
    kind::Kind,
    report::Report,
};
use super::{DhcpFailure, Failure, family::Family, octets, syntax::Place, uris};
use crate::{files, output, show::FormArgs};

/// Arguments of `sztp dhcp lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Configurations; files that these include are to be named too
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Whose they are; without it their contents tell
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// A form other than that of RFC 8572 that your devices want, so that it is no fault; may be given several times
    #[arg(long = "form", value_name = "FORM", value_parser = uris::form)]
    wanted: Vec<FieldForm>,
    #[command(flatten)]
    form: FormArgs,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp lint /etc/kea/kea-dhcp4.conf /etc/kea/kea-dhcp6.conf
  sztp dhcp lint /etc/dnsmasq.conf /etc/dnsmasq.d/sztp.conf --form host-port
  sztp dhcp lint /etc/dhcp/dhcpd.conf --output json

Every option 143 and 136 in them is read as the server would send it, and judged. Nothing is changed.
Exit codes: 0 clean, 1 a file cannot be read, 2 whose file it is cannot be told, 3 something is wrong, 4 there is no such option.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let files = args.files.iter().map(|path| Source::read(path, args.kind)).collect::<Result<Vec<_>, _>>()?;
    let mut report = Report::default();
    // A definition may stand in another file than what uses it.
    let mut known = Known::default();
    for file in &files {
        known.learn(file).map_err(|why| DhcpFailure::unreadable(&file.path, why))?;
    }
    for file in &files {
        let contents = known.look(file).map_err(|why| DhcpFailure::unreadable(&file.path, why))?;
        for name in &contents.elsewhere {
            output::error(&format!(
                "sztp: {} includes {name}, which is looked at only when it is named too",
                file.path.display()
            ));
        }
        report.add(&file.path, &contents.options, &args.wanted);
    }
    report.show(args.form.form);
    if report.is_empty() {
        return Err(Failure::NotFound("there is no option 143 or 136 in these files".to_owned()));
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// A file, and whose it is.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    text: String,
    kind: Kind,
}

impl Source {
    fn read(path: &Path, kind: Option<Kind>) -> Result<Self, Failure> {
        let octets = files::read(path)?;
        // What matters here is ASCII; comments may be anything.
        let text = String::from_utf8_lossy(&octets).into_owned();
        let kind =
            kind.or_else(|| Kind::recognise(&text)).ok_or_else(|| DhcpFailure::Kind { path: path.to_owned() })?;
        Ok(Self { path: path.to_owned(), text, kind })
    }
}

/// What files have defined.
#[derive(Debug, Default)]
struct Known {
    kea: kea::Definitions,
    isc: isc::Definitions,
}

impl Known {
    fn learn(&mut self, file: &Source) -> Result<(), Unreadable> {
        match file.kind {
            Kind::Kea => self.kea.learn(&file.text),
            Kind::Isc => self.isc.learn(&file.text),
            Kind::Dnsmasq | Kind::Hex => Ok(()),
        }
    }

    fn look(&self, file: &Source) -> Result<Contents, Unreadable> {
        match file.kind {
            Kind::Kea => kea::read(&file.text, &self.kea),
            Kind::Isc => isc::read(&file.text, &self.isc),
            Kind::Dnsmasq => Ok(dnsmasq::read(&file.text)),
            Kind::Hex => hex(&file.text),
        }
    }
}

/// A file with a value, or a whole option, and nothing else.
fn hex(text: &str) -> Result<Contents, Unreadable> {
    let octets = octets::read(text).map_err(|_| Unreadable { line: 1, why: "this is not hexadecimal" })?;
    let whole = [Family::V4, Family::V6].into_iter().find_map(|family| Some((family, family.value(&octets)?)));
    let (family, value) = whole.unwrap_or((Family::V4, octets));
    let found = Found { line: 1, family, value: Some(value), place: Place::Hex, faults: Vec::new() };
    Ok(Contents { options: vec![found], elsewhere: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEC-20: whatever a file holds, it is read to its end or refused.
    #[test]
    fn sec_20_every_beginning_of_a_file_is_read_as_every_kind() {
        let texts = [
            "{ \"option-def\": [{ \"code\": 143, \"name\": \"x\", \"type\": \"record\", \"record-types\": \"uint16, string\" }],\n\
             \"option-data\": [{ \"name\": \"x\", \"data\": \"1\\\\,2, é\" }, { \"code\": 143, \"data\": \"'\" }] }",
            "dhcp-option=tag:é,143,\"https:\\\\//a\" # c\ndhcp-option = option6:136 , [2001:db8::1],1:2\ndhcp-option=143,-7s\n",
            "option x code 143 = array of { unsigned integer 16, text };\noption x 1 \"\\000\\x1d\", 2 \"é\";\n\
             option dhcp6.y code 136 = string; option dhcp6.y = concat(00:1d, \"a\");\n",
        ];
        for (text, kind) in
            texts.into_iter().flat_map(|text| [Kind::Kea, Kind::Dnsmasq, Kind::Isc, Kind::Hex].map(|kind| (text, kind)))
        {
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                let file = Source { path: PathBuf::new(), text: text[..end].to_owned(), kind };
                let mut known = Known::default();
                let Ok(contents) = known.learn(&file).and_then(|()| known.look(&file)) else { continue };
                Report::default().add(&file.path, &contents.options, &[]);
            }
        }
    }
}
