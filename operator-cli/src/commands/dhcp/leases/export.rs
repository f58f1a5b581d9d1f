//! `sztp dhcp leases export`.

use std::process::ExitCode;

use bootstrap_server::domain::ledger::from_hex;
use dhcp::v6::Duid;
use netboot::{
    lease::{
        ClientKey, Lease, Standing,
        dnsmasq::{LeaseFile, NEVER, line_of},
    },
    moment::Moment,
};
use operator_api::DhcpLease;
use pki::time::Timestamp;

use super::{Failure, Wanted};
use crate::{output, server::ServerArgs, show::plain};

/// Arguments of `sztp dhcp leases export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp leases export > dnsmasq.leases
  sztp dhcp leases export --subnet 192.0.2.0/24 > /var/lib/misc/dnsmasq.leases

For a dnsmasq that is to go on with them: start it with --dhcp-leasefile when the server here no longer answers. Addresses in
conflict are left out, since dnsmasq does not write such down. With leases of IPv6 comes the DUID of the server here, where it
answers DHCPv6: under that name dnsmasq takes over, and clients can renew. Without it they wait until they rebind.";

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.server.client()?;
    let mut wanted = args.wanted.query(Some(false));
    let mut left_out = 0_u64;
    // As dnsmasq writes it: the server's own name before the first lease of IPv6.
    let mut named = false;
    loop {
        let page = client.dhcp_leases(&wanted).await?;
        for shown in &page.leases {
            match lease(shown).map(|lease| line_of(&lease)) {
                Some(Ok(line)) => {
                    if !named && shown.address.contains(':') {
                        output::text(&name(page.server_duid.as_deref()));
                        named = true;
                    }
                    output::text(&line);
                }
                Some(Err(why)) => {
                    left_out = left_out.saturating_add(1);
                    output::error(&plain(&format!("sztp: {} is left out: {why}", shown.address)));
                }
                None => {
                    return Err(Failure::Usage("the server shows leases that this program cannot read: is it newer?"));
                }
            }
        }
        wanted.after = page.next;
        if wanted.after.is_none() || output::is_unread() {
            break;
        }
    }
    Ok(if left_out == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The line that names the server, if it has a name.
fn name(server_duid: Option<&str>) -> String {
    let duid: Option<Duid> = server_duid.and_then(|duid| duid.parse().ok());
    LeaseFile { server_duid: duid.map(|duid| duid.as_bytes().to_vec()), ..LeaseFile::default() }.text()
}

/// A lease as it is on record there.
fn lease(shown: &DhcpLease) -> Option<Lease> {
    let moment = |text: &str| Some(Moment(u64::try_from(Timestamp::parse_rfc3339(text)?.unix()).ok()?));
    Some(Lease {
        address: shown.address.parse().ok()?,
        client: ClientKey::from(from_hex(&shown.client)?),
        mac: shown.mac.as_deref().map(str::parse).transpose().ok()?,
        host_name: shown.host_name.as_deref().map(Into::into),
        standing: if shown.standing == "conflict" { Standing::Conflict } else { Standing::Lent },
        since: moment(&shown.since)?,
        expires: match &shown.expires {
            Some(expires) => moment(expires)?,
            None => NEVER,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_shows_becomes_a_line() {
        let shown = DhcpLease {
            address: "192.0.2.9".to_owned(),
            standing: "lent".to_owned(),
            mac: Some("02:00:5e:10:00:01".to_owned()),
            identifier: None,
            iaid: None,
            host_name: Some("bmc-1".to_owned()),
            since: "2026-01-01T00:00:00.000Z".to_owned(),
            expires: Some("2026-01-01T01:00:00.000Z".to_owned()),
            client: "000102005e100001".to_owned(),
        };
        let line = |shown: &DhcpLease| line_of(&lease(shown).unwrap());
        assert_eq!(line(&shown).unwrap(), "1767229200 02:00:5e:10:00:01 192.0.2.9 bmc-1 *\n");
        assert!(line(&DhcpLease { expires: None, ..shown.clone() }).unwrap().starts_with("0 "));
        assert!(line(&DhcpLease { standing: "conflict".to_owned(), ..shown.clone() }).is_err());
        assert_eq!(lease(&DhcpLease { client: "zz".to_owned(), ..shown }), None);
    }
}
