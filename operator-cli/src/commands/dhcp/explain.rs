//! `sztp dhcp explain`: what a client would be answered, and why.

use std::process::ExitCode;

use bootstrap_server::{config::Document, dhcp::explain_configured};
use operator_api::{DhcpExplanation, DhcpItem, DhcpQuestion};

use super::{DhcpFailure, Failure};
use crate::{
    commands::change::block_on,
    output,
    server::ServerArgs,
    show::{self, Column, Form, FormArgs, Listing, column, plain},
};

/// Arguments of `sztp dhcp explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The client's hardware address
    #[arg(value_name = "MAC", required_unless_present_any = ["uuid", "client_identifier"])]
    mac: Option<String>,
    /// Its UUID, as `dmidecode -s system-uuid` prints it
    #[arg(long)]
    uuid: Option<String>,
    /// Option 61, or its DUID: a text, or octets as 0x0102…
    #[arg(long, value_name = "TEXT|0xHEX")]
    client_identifier: Option<String>,
    /// Option 60, or a text of option 16 of DHCPv6, such as PXEClient:Arch:00007:UNDI:003000
    #[arg(long, value_name = "TEXT|0xHEX")]
    vendor_class: Option<String>,
    /// The enterprise number of option 124, or of option 16 of DHCPv6
    #[arg(long, value_name = "NUMBER")]
    enterprise: Option<u32>,
    /// Option 77, or 15 of DHCPv6, such as iPXE
    #[arg(long, value_name = "TEXT|0xHEX")]
    user_class: Option<String>,
    /// Architectures by number, in the client's order: option 93, or 61 of DHCPv6
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    architecture: Vec<u16>,
    /// The address of the relay agent next to it
    #[arg(long, value_name = "ADDRESS")]
    relay: Option<String>,
    /// What the relay agent calls the port it is on
    #[arg(long, value_name = "TEXT|0xHEX")]
    circuit_id: Option<String>,
    /// What the relay agent calls itself
    #[arg(long, value_name = "TEXT|0xHEX")]
    remote_id: Option<String>,
    /// What the relay agent calls the subscriber
    #[arg(long, value_name = "TEXT|0xHEX")]
    subscriber_id: Option<String>,
    /// The name that it gives itself
    #[arg(long, value_name = "NAME")]
    host_name: Option<String>,
    /// The network that it is in, or an address of that network, where there is no relay agent and more than one network
    #[arg(long, value_name = "NETWORK")]
    subnet: Option<String>,
    /// Options that it asks for, by number; without any it does not say what it wants
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    asks: Vec<u16>,
    /// DHCPv4
    #[arg(long, conflicts_with = "v6")]
    v4: bool,
    /// DHCPv6
    #[arg(long)]
    v6: bool,
    /// Ask no server: by the file of --config alone, without devices, profiles and leases
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp explain 00:00:5e:00:53:01
  sztp dhcp explain 00:00:5e:00:53:01 --vendor-class PXEClient:Arch:00007:UNDI:003000 --architecture 7
  sztp dhcp explain 00:00:5e:00:53:01 --relay 198.51.100.1 --circuit-id ge-0/0/1
  sztp dhcp explain --uuid 123e4567-e89b-12d3-a456-426614174000 --subnet 192.0.2.0/24 --output json
  sztp dhcp explain 00:00:5e:00:53:01 --offline --config sztp.toml

Nothing is sent, and nothing is lent: it is what the server would answer to a client's first message.
Exit codes: 0 it would be answered, 3 it would not.";

const FACTS: &[Column] = &[
    column("ip-version", "/ip-version"),
    column("device", "/device/name"),
    column("recognised-by", "/device/recognised-by"),
    column("profile", "/device/profile"),
    column("model", "/device/model"),
    column("subnet", "/subnet/network"),
    column("because", "/subnet/because"),
    column("address", "/address/address"),
    column("address-from", "/address/from"),
    column("until", "/address/until"),
    column("answer", "/message"),
    column("boots", "/boots/file"),
    column("boots-from-server", "/boots/server"),
    column("boot-client", "/boots/client"),
    column("bootstrap-form", "/bootstrap/form"),
];
const ITEMS: &[Column] =
    &[column("option", "/code"), column("name", "/name"), column("value", "/value"), column("from", "/from")];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let question = args.question();
    let explanation = if args.offline {
        let document = Document::load(args.server.config())?;
        explain_configured((document.dhcp4_policy()?, document.dhcp6_policy()?), &question)
            .map_err(DhcpFailure::Explain)?
    } else {
        block_on(async { Ok(args.server.client()?.explain_dhcp(&question).await?) })?
    };
    show(args.form.form, &explanation);
    Ok(if explanation.message.is_some() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

impl Args {
    fn question(&self) -> DhcpQuestion {
        let listed = |numbers: &[u16]| {
            let text = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            Some(text).filter(|text| !text.is_empty())
        };
        DhcpQuestion {
            ip_version: match (self.v4, self.v6) {
                (true, _) => Some(4),
                (_, true) => Some(6),
                _ => None,
            },
            mac: self.mac.clone(),
            uuid: self.uuid.clone(),
            client_identifier: self.client_identifier.clone(),
            vendor_class: self.vendor_class.clone(),
            enterprise: self.enterprise,
            user_class: self.user_class.clone(),
            architecture: listed(&self.architecture),
            relay: self.relay.clone(),
            circuit_id: self.circuit_id.clone(),
            remote_id: self.remote_id.clone(),
            subscriber_id: self.subscriber_id.clone(),
            host_name: self.host_name.clone(),
            subnet: self.subnet.clone(),
            asks: listed(&self.asks),
        }
    }
}

fn show(form: Form, explanation: &DhcpExplanation) {
    match form {
        Form::Json | Form::Yaml => return show::one(form, FACTS, explanation),
        // One table fits into CSV: what the message says.
        Form::Csv => return Listing::whole(form, ITEMS, &explanation.items),
        Form::Table => {}
    }
    if explanation.basis == "configuration" {
        output::line("By the configuration alone: without the owner's devices, profiles and leases.\n");
    }
    show::one(form, FACTS, explanation);
    if explanation.device.is_none() {
        output::line("It is no device on the list that DHCP knows.");
    }
    if let Some(bootstrap) = &explanation.bootstrap {
        output::line(&plain(&format!("\nBootstrap servers, from {} ({}):", bootstrap.from, bootstrap.form_explained)));
        bootstrap.uris.iter().for_each(|uri| output::line(&plain(&format!("  {uri}"))));
    }
    if !explanation.applies.is_empty() {
        output::line(&plain(&format!("\nApplies, the narrowest first: {}", explanation.applies.join(", "))));
    }
    section("What it would be told:", &explanation.items);
    section("What it would be told if it asked:", &explanation.when_asked);
    section("Said in a wider place, and not meant for it:", &explanation.overridden);
    section("Said in a wider place, and taken away from it by:", &explanation.taken_away);
    for hindrance in &explanation.hindrances {
        let reason = hindrance.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        output::line(&plain(&format!("\nNOTE {}{reason}", hindrance.what)));
        output::line(&plain(&format!("  do: {}", hindrance.remedy)));
    }
}

fn section(title: &str, items: &[DhcpItem]) {
    if !items.is_empty() {
        output::line(&format!("\n{title}"));
        Listing::whole(Form::Table, ITEMS, items);
    }
}
