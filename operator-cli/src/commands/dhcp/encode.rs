//! `sztp dhcp encode`.

use std::process::ExitCode;

use dhcp::bootstrap_uri::{BootstrapServerUri, FieldForm};
use serde_json::json;

use super::{
    DhcpFailure, Failure,
    family::{Family, OptionNumber},
    octets::{colons, hex},
    uris,
};
use crate::show::{self, Column, Form, FormArgs, column};

/// Arguments of `sztp dhcp encode`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Bootstrap servers as https://HOST or https://HOST:PORT, in the order in which devices are to try them
    #[arg(value_name = "URI", required = true, value_parser = uris::uri)]
    uris: Vec<BootstrapServerUri>,
    /// Another form than that of RFC 8572, for devices that want one
    #[arg(long = "form", value_name = "FORM", default_value_t = FieldForm::Rfc8572, value_parser = uris::form)]
    layout: FieldForm,
    /// Print the whole option with its code and length, in parts where DHCPv4 needs several, instead of the value alone
    #[arg(long, value_name = "CODE")]
    option: Option<OptionNumber>,
    /// Put colons between the octets, as dnsmasq and ISC dhcpd want them
    #[arg(long)]
    colons: bool,
    #[command(flatten)]
    form: FormArgs,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp encode https://sztp.example.net:8443
  sztp dhcp encode --colons https://192.0.2.1 'https://[2001:db8::1]'
  sztp dhcp encode --option 143 https://192.0.2.1      code, length and value
  sztp dhcp encode --form host-port https://192.0.2.1:9090

Forms: rfc8572 is the standard's. rfc8572-single, rfc8572-path, bootz, text, bootz-text, ipv4-text, host-port and ipv4-octets
are for devices that want something else (docs/dhcp.md).
Exit codes: 0 done, 2 a URI that RFC 8572 does not allow, or more than the form can say.";

const COLUMNS: &[Column] = &[
    column("hex", "/hex"),
    column("octets", "/octets"),
    column("form", "/form"),
    column("option", "/option"),
    column("uris", "/uris"),
];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let list = uris::list(&args.uris).map_err(Failure::Usage)?;
    let value = args.layout.encode(&list).map_err(DhcpFailure::Form)?;
    let family = args.option.map(Family::from);
    let octets = match family {
        Some(family) => {
            family.option(&value).ok_or(Failure::Usage("no option of DHCPv6 has more than 65535 octets"))?
        }
        None => value,
    };
    let text = if args.colons { colons(&octets) } else { hex(&octets) };
    if args.form.form == Form::Table {
        crate::output::line(&text);
        return Ok(ExitCode::SUCCESS);
    }
    let uris: Vec<_> = list.as_slice().iter().map(ToString::to_string).collect();
    let shown = json!({
        "hex": text, "octets": octets.len(), "form": args.layout.as_str(), "option": family, "uris": uris,
    });
    show::one(args.form.form, COLUMNS, &shown);
    Ok(ExitCode::SUCCESS)
}
