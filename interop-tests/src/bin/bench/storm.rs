//! Ten thousand devices are switched on at once; see the program `storm` for what a device is.

use std::{process::Command, time::Instant};

use bootstrap_server::{
    domain::State,
    store::{DeviceFilter, Page, Store},
};
use interop_tests::{
    fleet::Fleet,
    lab::{Server, program, verified_leaves},
    site::{self, Site},
};

use crate::{
    connections::runtime,
    plot::{Axis, Line, Plot, Scale},
    process::Process,
    report::{Report, number, percentile},
};

const DEVICES: usize = 10_000;
/// After this many seconds a device counts as lost.
const DEADLINE: &str = "240";

pub(crate) fn measure(report: &mut Report) {
    let made = Instant::now();
    let site = Site::new();
    let devices = report.devices(DEVICES);
    let fleet = Fleet::make(&site, devices);
    let path = site.path("fleet");
    fleet.write(&path);
    runtime().block_on(async {
        let store = site.store().await;
        fleet.register(&site, &store, &site::profile()).await;
        store.close().await;
    });
    println!("{devices} devices made and registered in {:.0} s", made.elapsed().as_secs_f64());

    let server = Server::start(&site.path("sztp.toml"));
    let output = Command::new(program("storm"))
        .args(["--server", &server.address().to_string(), "--deadline", DEADLINE, "--fleet"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let process = Process(server.id());
    let (peak, cpu) = (process.peak(), process.cpu());
    // SIGKILL: what the devices were told must be in the database all the same.
    server.kill();

    let storm: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let completed = storm["completed-ms"].as_array().unwrap();
    let mut completed: Vec<f64> = completed.iter().map(|it| it.as_f64().unwrap()).collect();
    let lost = devices - completed.len().min(bootstrapped(&site));
    for name in ["connections", "turned-away", "attempts", "failures"] {
        println!("storm: {name} {}", storm[name]);
    }
    println!("storm: {} leaves verified, server's processor time {:.1} s", leaves(&site), cpu.as_secs_f64());
    report.set("storm_devices", number(devices));
    report.set("storm_lost", number(lost));
    report.set("storm_seconds", completed.iter().copied().fold(0.0, f64::max) / 1000.0);
    report.set("storm_p50_ms", percentile(&mut completed, 0.5));
    report.set("storm_p99_ms", percentile(&mut completed, 0.99));
    report.set("storm_peak_rss_mib", peak);
    report.set("storm_server_cpu_seconds", cpu.as_secs_f64());
    report.set("storm_turned_away", storm["turned-away"].as_f64().unwrap());
    report.draw(Plot {
        name: "storm",
        title: "Ten thousand devices, switched on at the same moment",
        x: Axis { label: "seconds since power-on", scale: Scale::Linear },
        y: Axis { label: "devices bootstrapped", scale: Scale::Linear },
        lines: vec![Line { label: "bootstrapped".to_owned(), points: curve(&completed) }],
    });
}

/// Every tenth device, and when it was done.
fn curve(completed: &[f64]) -> Vec<(f64, f64)> {
    let done = completed.iter().enumerate().map(|(before, at)| (at / 1000.0, number(before + 1)));
    std::iter::once((0.0, 0.0)).chain(done.skip(9).step_by(10)).collect()
}

/// Devices that the server's database holds for bootstrapped.
fn bootstrapped(site: &Site) -> usize {
    runtime().block_on(async {
        let store = site.store().await;
        let filter = DeviceFilter { state: Some(State::Bootstrapped.as_str().to_owned()), ..DeviceFilter::default() };
        let all = Page { after: None, limit: u32::MAX };
        let devices = store.devices(&filter, all).await.unwrap();
        store.close().await;
        devices.len()
    })
}

fn leaves(site: &Site) -> u64 {
    verified_leaves(&site.path("sztp.toml"))
}
