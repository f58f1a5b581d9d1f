//! Durable events against the disk: what is acknowledged is synced, and one sync serves everybody who waits for it.
//!
//! How fast a disk syncs changes from one second to the next, by more than ten times where it is a virtual one. Each slice of
//! ours therefore stands between two of the reference in the same folder, and is held against their mean.

use std::{
    fs::OpenOptions,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bootstrap_server::{
    audit::{Answer, Basis, Event},
    domain::Departures,
    store::{Batch, SqlStore, Store},
};
use conveyed_info::rpc::ProgressType;
use interop_tests::{
    fleet::Fleet,
    postgres::Cluster,
    site::{self, Site, device_id},
};
use pki::digest::sha256;

use crate::{
    connections::runtime,
    plot::{Axis, Line, Plot, Scale},
    report::{Report, median, milliseconds, number, percentile},
};

const CLIENTS: [usize; 5] = [1, 8, 64, 256, 1024];
const SLICE: Duration = Duration::from_millis(600);
const REFERENCE_SLICE: Duration = Duration::from_millis(250);
const SLICES: usize = 7;
/// Octets that the reference appends before each sync: a page.
const PAGE: usize = 4096;

pub(crate) fn measure(report: &mut Report) {
    runtime().block_on(async {
        let site = Site::new();
        let fleet = Fleet::make(&site, CLIENTS[CLIENTS.len() - 1]);
        let store = site.store().await;
        fleet.register(&site, &store, &site::profile()).await;
        let store: Arc<dyn Store> = Arc::new(store);
        let mut curves = of_store(report, "", "durable events, SQLite", &store, &fleet, site.folder.path()).await;
        match Cluster::shared() {
            Ok(cluster) => {
                let store = SqlStore::create(cluster.database(), site.config().checkpoint_key).await.unwrap();
                fleet.register(&site, &store, &site::profile()).await;
                let store: Arc<dyn Store> = Arc::new(store);
                // The cluster's folder is on the same disk; one reference is enough to look at.
                curves.extend(
                    of_store(report, "_postgres", "durable events, PostgreSQL", &store, &fleet, site.folder.path())
                        .await
                        .into_iter()
                        .take(1),
                );
            }
            Err(missing) => println!("PostgreSQL: {missing}"),
        }
        report.draw(Plot {
            name: "durable-events",
            title: "Durable events by clients that wait for them",
            x: Axis { label: "clients at once", scale: Scale::Measured },
            y: Axis { label: "events per second", scale: Scale::Logarithmic },
            lines: curves,
        });
    });
}

/// Measures one store; `suffix` tells its metrics from those of another, `label` its curve.
async fn of_store(
    report: &mut Report,
    suffix: &str,
    label: &str,
    store: &Arc<dyn Store>,
    fleet: &Fleet,
    folder: &Path,
) -> Vec<Line> {
    begin(store, fleet).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for clients in CLIENTS {
        let (mut rates, mut syncs, mut ratios, mut waits) = (vec![], vec![], vec![], vec![]);
        let mut before = disk(folder);
        for _ in 0..SLICES {
            let our = commits(store, fleet, clients).await;
            let after = disk(folder);
            let disk = f64::midpoint(before.rate, after.rate);
            ratios.push(our.rate / disk);
            waits.push(our.p50 / f64::midpoint(before.p50, after.p50));
            rates.push(our.rate);
            syncs.push(disk);
            before = after;
        }
        let (rate, sync, ratio, wait) = (median(rates), median(syncs), median(ratios), median(waits));
        println!(
            "{clients} clients: {rate:.0} durable events/s, {sync:.0} syncs/s, ratio {ratio:.1}, p50 {wait:.2} syncs"
        );
        ours.push((number(clients), rate));
        theirs.push((number(clients), sync));
        report.set(format!("durable{suffix}_per_second_{clients}"), rate);
        match clients {
            1 => report.set(format!("durable{suffix}_p50_syncs"), wait),
            64 => {
                report.set(format!("durable{suffix}_ratio"), ratio);
                report.set(format!("syncs_per_second{suffix}"), sync);
            }
            _ => report.set(format!("durable{suffix}_ratio_{clients}"), ratio),
        }
    }
    vec![
        Line { label: label.to_owned(), points: ours },
        Line { label: "append and fdatasync, one by one".to_owned(), points: theirs },
    ]
}

/// What one round gave.
pub(crate) struct Pace {
    /// A second.
    pub(crate) rate: f64,
    /// Half of them took no longer than this, in milliseconds.
    p50: f64,
}

/// Gives every device its onboarding information, so that its reports count.
pub(crate) async fn begin(store: &Arc<dyn Store>, fleet: &Fleet) {
    let events = fleet.members.iter().map(|member| Event::Answered {
        device: device_id(&member.serial_number),
        source: [127, 0, 0, 1].into(),
        certificate: sha256(b"certificate"),
        answer: Answer::Onboarding { conveyed_information: sha256(b"information") },
        basis: Basis::of(&site::profile()),
        departures: Departures::default(),
    });
    for event in events {
        store.commit(Batch::from(event)).await.unwrap();
    }
}

/// Each client has a device, and reports for it as soon as the report before is durable.
pub(crate) async fn commits(store: &Arc<dyn Store>, fleet: &Fleet, clients: usize) -> Pace {
    let started = Instant::now();
    let running: Vec<_> = fleet.members[..clients]
        .iter()
        .map(|member| {
            let (store, device) = (Arc::clone(store), device_id(&member.serial_number));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while started.elapsed() < SLICE {
                    let event = Event::ProgressReported {
                        device: device.clone(),
                        source: [127, 0, 0, 1].into(),
                        report: ProgressType::ConfigInitiated,
                        keys: Vec::new(),
                        message: Some("applying".to_owned()),
                        departures: Departures::default(),
                    };
                    let asked = Instant::now();
                    store.commit(Batch::from(event)).await.unwrap();
                    times.push(milliseconds(asked.elapsed()));
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for client in running {
        times.extend(client.await.unwrap());
    }
    pace(times, started.elapsed())
}

/// Appends a page and syncs it, over and over, in the folder of the database.
fn disk(folder: &Path) -> Pace {
    let path = folder.join("reference");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < REFERENCE_SLICE {
        let asked = Instant::now();
        file.write_all(&[7; PAGE]).unwrap();
        file.sync_data().unwrap();
        times.push(milliseconds(asked.elapsed()));
    }
    std::fs::remove_file(path).unwrap();
    pace(times, started.elapsed())
}

fn pace(mut times: Vec<f64>, elapsed: Duration) -> Pace {
    Pace { rate: number(times.len()) / elapsed.as_secs_f64(), p50: percentile(&mut times, 0.5) }
}
