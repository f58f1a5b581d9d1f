//! `sztp dhcp leases import`.

use std::{os::fd::AsFd, path::PathBuf, process::ExitCode};

use operator_api::{
    DhcpLease, DhcpLeaseOutdated, DhcpLeaseTaken, DhcpLeaseUpdate, DhcpLeasesDone, ImportFault, client::Intent,
};
use pki::time::Timestamp;
use tokio::io::AsyncRead;

use super::{super::super::change::ChangeArgs, Failure};
use crate::{
    output,
    show::{Form, plain},
};

/// Arguments of `sztp dhcp leases import`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file in which dnsmasq keeps its leases; - for standard input
    file: PathBuf,
    /// When the file was written; unless said, what its folder says, and now for standard input
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp leases import /var/lib/misc/dnsmasq.leases --dry-run
  systemctl stop dnsmasq && sztp dhcp leases import /var/lib/misc/dnsmasq.leases
  ssh gateway cat /var/lib/misc/dnsmasq.leases | sztp dhcp leases import - --as-of 2026-01-31T12:00:00Z

Stop the other server first: what it lends afterwards is not known here. A lease whose address another client has here is told
and left out; so is one of a client of which newer things are known here (a lease made after the file was written, or one that
runs longer), and so is a line that cannot be read. The same file can be imported again.
Exit codes: 0 all taken over, 1 some were left out.";

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.change.server.client()?;
    let mut as_of = args.as_of.clone();
    let file: Box<dyn AsyncRead + Send + Unpin> = if args.file.as_os_str() == "-" {
        Box::new(tokio::fs::File::from_std(std::io::stdin().as_fd().try_clone_to_owned()?.into()))
    } else {
        let wrap = |source| Failure::File { path: args.file.clone(), source };
        let file = tokio::fs::File::open(&args.file).await.map_err(wrap)?;
        let metadata = file.metadata().await.map_err(wrap)?;
        if metadata.is_dir() {
            return Err(wrap(std::io::ErrorKind::IsADirectory.into()));
        }
        as_of = as_of.or_else(|| Some(Timestamp::from_system(metadata.modified().ok()?).to_string()));
        Box::new(file)
    };
    let mut updates = client.import_dhcp_leases(file, as_of, args.change.intent()).await?;
    let mut exit_code = ExitCode::FAILURE;
    while let Some(update) = updates.next().await? {
        if let DhcpLeaseUpdate::Done(done) = &update
            && (done.faults, done.taken, done.outdated) == (0, 0, 0)
        {
            exit_code = ExitCode::SUCCESS;
        }
        match args.change.form.form {
            Form::Table => tell(&update, args),
            // As they come, a document a line, whatever else is asked for: nothing of it is a table.
            _ => output::line(&serde_json::to_string(&update).unwrap_or_default()),
        }
    }
    Ok(exit_code)
}

fn tell(update: &DhcpLeaseUpdate, args: &Args) {
    let file = args.file.display();
    match update {
        DhcpLeaseUpdate::Progress(_) => {}
        DhcpLeaseUpdate::Fault(ImportFault { line, reason, detail, remedy }) => {
            output::error(&plain(&format!("{file}:{line}: {detail} ({reason}). {remedy}")));
        }
        DhcpLeaseUpdate::Taken(DhcpLeaseTaken { line, lease }) => {
            let who = lease.mac.as_ref().unwrap_or(&lease.client);
            let until = lease.expires.as_deref().unwrap_or("for ever");
            output::error(&plain(&format!(
                "{file}:{line}: {} is left out: {who} has it here, until {until}; release that one, or let its client ask anew",
                lease.address
            )));
        }
        DhcpLeaseUpdate::Outdated(DhcpLeaseOutdated { line, address, lease }) => {
            let DhcpLease { address: here, since, standing, .. } = lease;
            let until = lease.expires.as_deref().unwrap_or("for ever");
            output::error(&plain(&format!(
                "{file}:{line}: {address} is left out: its client has newer things on record here: {here}, {standing}, written {since}, \
                 until {until}"
            )));
        }
        DhcpLeaseUpdate::Done(done) => output::line(&summed(*done, args.change.intent())),
    }
}

/// How an import ended, on one line.
fn summed(done: DhcpLeasesDone, intent: Intent) -> String {
    let DhcpLeasesDone { read, written, taken, outdated, faults } = done;
    let would = if intent == Intent::Rehearse { "would be " } else { "" };
    let leases = if read == 1 { "lease" } else { "leases" };
    format!(
        "{read} {leases}: {written} {would}taken over, {taken} left out for other clients, {outdated} as outdated, {faults} lines were not read"
    )
}
