//! A storm: every device of a fleet is switched on at the same moment and bootstraps from one server.
//!
//! Devices are the real machine of `device-client` with everything it decides, TLS with its own key on both connections and
//! the verification of every signature; what is simulated is the time that scripts would take. A device that is turned away
//! comes back when `Retry-After` says, or after a growing pause with jitter.
//!
//! `storm --fleet FILE --server ADDRESS:PORT --deadline SECONDS` prints one JSON object.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot go on stops"
)]

mod device;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use interop_tests::fleet::Fleet;
use tokio::{sync::watch, task::JoinSet, time::timeout};

use device::{StormDevice, Tally};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut fleet, mut server, mut deadline) = (None, None, Duration::from_secs(300));
    while let Some(argument) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--fleet" => fleet = Some(PathBuf::from(value)),
            "--server" => server = Some(value.parse::<SocketAddr>().unwrap()),
            "--deadline" => deadline = Duration::from_secs(value.parse().unwrap()),
            other => panic!("unknown argument {other}"),
        }
    }
    let fleet = Fleet::read(&fleet.expect("--fleet names the devices"));
    let server = server.expect("--server says where to bootstrap");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{}", runtime.block_on(storm(&fleet, server, deadline)));
}

async fn storm(fleet: &Fleet, server: SocketAddr, deadline: Duration) -> serde_json::Value {
    let tally = Arc::new(Tally::default());
    let (power, powered) = watch::channel(None::<Instant>);
    let mut devices = JoinSet::new();
    for (number, member) in fleet.members.iter().enumerate() {
        let device = StormDevice::new(member, number, &fleet.voucher_anchors, server, Arc::clone(&tally));
        let mut powered = powered.clone();
        devices.spawn(async move {
            let started = powered.wait_for(Option::is_some).await.unwrap().unwrap();
            let done = timeout(deadline, device.run()).await.is_ok();
            done.then(|| started.elapsed())
        });
    }
    power.send(Some(Instant::now())).unwrap();
    let mut completed = Vec::new();
    while let Some(device) = devices.join_next().await {
        completed.extend(device.unwrap().map(|took| u64::try_from(took.as_millis()).unwrap()));
    }
    completed.sort_unstable();
    serde_json::json!({
        "devices": fleet.members.len(),
        "completed-ms": completed,
        "connections": tally.connections(),
        "turned-away": tally.turned_away(),
        "attempts": tally.attempts(),
        "failures": tally.failures(),
    })
}
