//! `sztp dhcp snippet`: a piece of configuration for a DHCP server that a site keeps.

mod pieces;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use bootstrap_server::config::Document;
use clap::ValueEnum;
use dhcp::bootstrap_uri::{BootstrapServerUri, FieldForm};
use serde_json::json;

use super::{DhcpFailure, Failure, family::Family, octets::hex, uris};
use crate::{
    output::{self, Form},
    show::plain,
};
pub(crate) use pieces::SnippetRefused;
use pieces::{Order, Piece};

/// Arguments of `sztp dhcp snippet`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// For which server
    server: Server,
    /// A bootstrap server as https://HOST or https://HOST:PORT; several in the order in which devices are to try them
    #[arg(long = "uri", value_name = "URI", value_parser = uris::uri)]
    uris: Vec<BootstrapServerUri>,
    /// Without --uri: the names and the port in the [device-listener] of this file
    #[arg(long, value_name = "FILE", default_value = "sztp.toml", conflicts_with = "uris")]
    config: PathBuf,
    /// Another form than that of RFC 8572, for devices that want one
    #[arg(long = "form", value_name = "FORM", default_value_t = FieldForm::Rfc8572, value_parser = uris::form)]
    layout: FieldForm,
    /// Send the option to clients that do not ask for it too; boot firmware never asks
    #[arg(long)]
    always: bool,
    /// Option 143 alone; without this and --v6, both
    #[arg(long)]
    v4: bool,
    /// Option 136 alone
    #[arg(long)]
    v6: bool,
    /// How to show it: as the server reads it, or as one JSON document
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

/// A server that others make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Server {
    /// Kea: elements of "option-data"
    Kea,
    /// dnsmasq: lines
    Dnsmasq,
    /// ISC dhcpd: statements
    Isc,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp snippet kea --v4 --uri https://sztp.example.net:8443 > /etc/kea/sztp-143.json
  sztp dhcp snippet dnsmasq --always --uri https://192.0.2.1 > /etc/dnsmasq.d/sztp.conf
  sztp dhcp snippet isc --config /etc/sztp/sztp.toml > /etc/dhcp/sztp.conf

The comments in what is printed say where it goes. Look at what is there already with `sztp dhcp lint`.
Exit codes: 0 done, 2 a URI that RFC 8572 does not allow, or something that the server cannot send.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let given = if args.uris.is_empty() { configured(&args.config)? } else { args.uris.clone() };
    let list = uris::list(&given).map_err(Failure::Usage)?;
    let order = Order {
        value: args.layout.encode(&list).map_err(DhcpFailure::Form)?,
        uris: list.as_slice().iter().map(ToString::to_string).collect(),
        layout: args.layout,
        always: args.always,
    };
    let families = match (args.v4, args.v6) {
        (true, false) => vec![Family::V4],
        (false, true) => vec![Family::V6],
        _ => vec![Family::V4, Family::V6],
    };
    let pieces = pieces::make(args.server, &families, &order).map_err(DhcpFailure::Snippet)?;
    match args.form {
        Form::Json => output::json(&json!({
            "hex": hex(&order.value), "form": order.layout.as_str(), "uris": order.uris,
            "pieces": pieces.iter().map(as_json).collect::<Vec<_>>(),
        })),
        Form::Table => {
            let texts: Vec<_> = pieces.iter().map(|piece| piece.text.as_str()).collect();
            output::text(&texts.join("\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(piece: &Piece) -> serde_json::Value {
    json!({ "options": piece.families, "text": piece.text })
}

/// The servers that a configuration names to devices.
fn configured(path: &Path) -> Result<Vec<BootstrapServerUri>, Failure> {
    let document = Document::load(path)?;
    let listener = document.device_listener.ok_or(Failure::Usage("there is no [device-listener] in it; give --uri"))?;
    let port = listener.public_port.unwrap_or_else(|| listener.listen.port());
    let place = |name: &String| {
        let host = match name.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => name.clone(),
        };
        let uri = format!("https://{host}:{port}");
        uri.parse().map_err(|fault| DhcpFailure::Name { name: plain(name), port, fault }.into())
    };
    listener.names.iter().map(place).collect()
}
