//! A DHCPv4 server from a policy file: `dhcp-server POLICY.toml`.
//!
//! Prints `listening ADDRESS` once requests are answered, logs to standard error and ends when standard input does, so
//! that whoever started it need only hold the other end of a pipe.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::{env, error::Error, fs, io};

use netboot::{
    io::{Dhcp4Server, Services},
    policy::Dhcp4Policy,
};
use tokio::task::spawn_blocking;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let path = env::args_os().nth(1).ok_or("usage: dhcp-server POLICY.toml")?;
    let policy: Dhcp4Policy = toml::from_str(&fs::read_to_string(path)?)?;
    let server = Dhcp4Server::bind(policy, Services::in_memory())?;
    println!("listening {}", server.local_address());
    let end_of_input = async {
        if let Err(error) = spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await {
            tracing::warn!(%error, "standard input failed");
        }
    };
    server.run(end_of_input).await?;
    Ok(())
}
