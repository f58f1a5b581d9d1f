//! Runs the demo's devices: one thread each, with the code of `sztp-device`.

use std::time::{Duration, Instant};

use device_client::{Device, Outcome, config::Config};
use tokio::task::JoinSet;

use super::{
    lab::{Lab, LabDevice},
    screen::Screen,
};
use crate::commands::Failure;

/// How one device fared.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) device: LabDevice,
    pub(super) outcome: Outcome,
    pub(super) elapsed: Duration,
}

/// Runs all devices at once and waits for the last; in the order of the lab.
pub(super) async fn run_all(lab: &Lab, screen: &Screen) -> Result<Vec<Run>, Failure> {
    let mut running = JoinSet::new();
    for (index, device) in lab.devices.iter().cloned().enumerate() {
        let line = screen.device(index);
        // Devices block on their sockets, as they do on hardware.
        running.spawn_blocking(move || {
            let run = run(device, |record| line.show(record))?;
            line.finish(&run);
            Ok::<_, Failure>((index, run))
        });
    }
    let mut runs = Vec::new();
    while let Some(joined) = running.join_next().await {
        runs.push(joined.map_err(|error| Failure::Demo(error.to_string()))??);
    }
    runs.sort_by_key(|(index, _)| *index);
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

fn run(device: LabDevice, mut show: impl FnMut(&device_client::Record)) -> Result<Run, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Demo(format!("{}: {error}", device.name));
    let started = Instant::now();
    let config = Config::load(&device.config).map_err(|error| failed(&error))?;
    let mut opened = Device::open(config, &device.root).map_err(|error| failed(&error))?;
    let outcome = opened.run_once(&mut |record| show(record));
    Ok(Run { elapsed: started.elapsed(), outcome, device })
}
