//! Servers that do things in their own way. A whole onboarding succeeds with each: what many servers do, and what one or the other
//! was seen to do (RFC 8040 §3.1, §5.2, §7; CLI-25, CLI-26).

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod authentication;
mod encodings;
mod errors;
mod http;
mod sources;

#[path = "../support/mod.rs"]
mod support;

use device_client::{OutcomeState, Record};
use support::{
    bench::{Attempt, Bench, attempt},
    server::Server,
};

/// Plugs the device into a network that names this server as one of the factory's, so that it is trusted.
fn onboard_trusted(bench: &Bench, server: &Server) -> Attempt {
    plug_trusted(bench, server);
    succeed(bench)
}

/// Names this server as the only one, and one of the factory's.
fn plug_trusted(bench: &Bench, server: &Server) {
    let table = format!(
        "[[well-known]]\naddress = '127.0.0.1'\nport = {}\nanchors = ['tls.pem']\n[[sources]]\nkind = 'well-known'\n",
        server.port()
    );
    let path = bench.path("device.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (top, _) = text.split_once("[[sources]]").unwrap();
    std::fs::write(&path, format!("{top}{table}")).unwrap();
}

/// Plugs the device into a network whose DHCP names this server.
fn onboard(bench: &Bench, server: &Server) -> Attempt {
    bench.dhcp.names(&[server.uri()]);
    succeed(bench)
}

fn succeed(bench: &Bench) -> Attempt {
    let attempt = attempt(&mut bench.device());
    assert_eq!(attempt.outcome.state, OutcomeState::Bootstrapped, "{:#?}\n{:#?}", attempt.outcome, attempt.records);
    assert!(bench.is_configured());
    attempt
}

/// The details of the records of one step.
fn details(records: &[Record], step: &str) -> Vec<String> {
    records.iter().filter(|record| record.step == step).map(|record| record.detail.clone()).collect()
}
