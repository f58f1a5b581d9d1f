//! A DHCPv4 server from a policy file: `dhcp-server POLICY.toml`.
//!
//! Prints `listening ADDRESS` once requests are answered, logs to standard error and ends when standard input does, so
//! that whoever started it need only hold the other end of a pipe.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::{env, error::Error, fs, io, sync::Arc};

use netboot::{
    io::{Dhcp4Server, Observer, ProbeOutcome, Protocol, Services, Standing},
    note::Note,
    policy::Dhcp4Policy,
};
use tokio::task::spawn_blocking;

/// Writes down what the conflict check finds; the server's own log has the rest.
struct Probes;

impl Observer for Probes {
    fn noted(&self, _: Protocol, _: &Note, _: &str) {}

    fn probed(&self, protocol: Protocol, outcome: ProbeOutcome) {
        tracing::info!("{} probe: {}", protocol.as_str(), outcome.as_str());
    }

    fn standing(&self, _: Protocol, _: &Standing) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let path = env::args_os().nth(1).ok_or("usage: dhcp-server POLICY.toml")?;
    let policy: Dhcp4Policy = toml::from_str(&fs::read_to_string(path)?)?;
    let services = Services { observer: Arc::new(Probes), ..Services::in_memory() };
    let server = Dhcp4Server::bind(policy, services)?;
    println!("listening {}", server.local_address());
    let end_of_input = async {
        if let Err(error) = spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await {
            tracing::warn!(%error, "standard input failed");
        }
    };
    server.run(end_of_input).await?;
    Ok(())
}
