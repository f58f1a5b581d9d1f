//! Leases a second: as many as clients wait for, beside commits that have to be served too, and beside an import.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bootstrap_server::{
    audit::Event,
    domain::Particulars,
    store::{Batch, SqlStore, Store},
};
use interop_tests::{
    fleet::Fleet,
    postgres::Cluster,
    site::{self, Site, device_id},
};
use netboot::{
    lease::{ClientKey, Lease, LeaseStore, Standing, Written},
    moment::Moment,
};

use crate::{
    connections::runtime,
    durable::{begin, commits},
    report::{Report, median, milliseconds, number, percentile},
};

pub(crate) const METRICS: &[&str] = &["leases_"];

const CLIENTS: [u32; 4] = [1, 64, 256, 1024];
/// Clients that flood, and devices that commit meanwhile.
const FLOOD: u32 = 1024;
const DEVICES: usize = 64;
const SLICE: Duration = Duration::from_millis(600);
const SLICES: usize = 5;

pub(crate) fn measure(report: &mut Report) {
    runtime().block_on(async {
        let site = Site::new();
        let fleet = Fleet::make(&site, DEVICES);
        of_store(report, "", site.store().await, (&site, &fleet)).await;
        match Cluster::shared() {
            Ok(cluster) => {
                let store = SqlStore::create(cluster.database(), site.config().checkpoint_key).await.unwrap();
                of_store(report, "_postgres", store, (&site, &fleet)).await;
            }
            Err(missing) => println!("PostgreSQL: {missing}"),
        }
    });
}

async fn of_store(report: &mut Report, suffix: &str, store: SqlStore, (site, fleet): (&Site, &Fleet)) {
    fleet.register(site, &store, &site::profile()).await;
    let store = Arc::new(store);
    let shared: Arc<dyn Store> = store.clone();
    begin(&shared, fleet).await;
    let address = Arc::new(AtomicU32::new(Ipv4Addr::new(10, 0, 0, 0).to_bits()));
    let flood = |clients| Flood::start(&store, clients, &address);
    for clients in CLIENTS {
        let (mut rates, mut waits) = (Vec::new(), Vec::new());
        for _ in 0..SLICES {
            let (rate, wait) = flood(clients).during(tokio::time::sleep(SLICE)).await.0;
            rates.push(rate);
            waits.push(wait);
        }
        let (rate, wait) = (median(rates), median(waits));
        println!("{clients} DHCP clients{suffix}: {rate:.0} leases/s, half of them within {wait:.1} ms");
        report.set(format!("leases{suffix}_per_second_{clients}"), rate);
    }
    let (mut alone, mut beside, mut leases) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..SLICES {
        alone.push(commits(&shared, fleet, DEVICES).await.rate);
        let (lent, pace) = flood(FLOOD).during(commits(&shared, fleet, DEVICES)).await;
        beside.push(pace.rate);
        leases.push(lent.0);
    }
    let (alone, beside, leases) = (median(alone), median(beside), median(leases));
    println!("{DEVICES} devices{suffix}: {alone:.0} events/s, in a flood {beside:.0} beside {leases:.0} leases/s");
    report.set(format!("leases{suffix}_share_of_commits"), beside / alone);
    let import = Import::start(&store);
    let (mut rates, mut waits) = (Vec::new(), Vec::new());
    for _ in 0..SLICES {
        let (rate, wait) = flood(64).during(tokio::time::sleep(SLICE)).await.0;
        rates.push(rate);
        waits.push(wait);
    }
    let imported = import.stop().await;
    let (rate, wait) = (median(rates), median(waits));
    println!(
        "64 DHCP clients{suffix} beside an import: {rate:.0} leases/s, half of them within {wait:.1} ms; {imported} rows were imported meanwhile"
    );
    report.set(format!("leases{suffix}_per_second_64_beside_an_import"), rate);
}

/// Clients each of which takes one address after another.
struct Flood {
    enough: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<Vec<f64>>>,
    started: Instant,
}

impl Flood {
    fn start(store: &Arc<SqlStore>, clients: u32, address: &Arc<AtomicU32>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let client = |client: u32| {
            let (store, enough, address) = (Arc::clone(store), Arc::clone(&enough), Arc::clone(address));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while !enough.load(Ordering::Relaxed) {
                    let lease = Lease {
                        address: Ipv4Addr::from_bits(address.fetch_add(1, Ordering::Relaxed)).into(),
                        client: ClientKey::v6(b"0123456789", client),
                        mac: Some("02:00:5e:10:00:01".parse().unwrap()),
                        host_name: Some("node-0001".into()),
                        standing: Standing::Lent,
                        since: Moment(1_780_000_000),
                        expires: Moment(1_780_003_600),
                    };
                    let asked = Instant::now();
                    assert_eq!(store.write(vec![lease]).await.unwrap(), [Written::Yes]);
                    times.push(milliseconds(asked.elapsed()));
                }
                times
            })
        };
        Self { clients: (0..clients).map(client).collect(), enough, started: Instant::now() }
    }

    /// Leases a second while something else is done, and how long half of them took at most, in milliseconds.
    async fn during<T>(self, other: impl Future<Output = T>) -> ((f64, f64), T) {
        let other = other.await;
        self.enough.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for client in self.clients {
            times.extend(client.await.unwrap());
        }
        let rate = number(times.len()) / self.started.elapsed().as_secs_f64();
        ((rate, percentile(&mut times, 0.5)), other)
    }
}

/// Devices that are registered one after another, as an import does.
struct Import {
    enough: Arc<AtomicBool>,
    rows: Vec<tokio::task::JoinHandle<usize>>,
}

impl Import {
    fn start(store: &Arc<SqlStore>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let row = |row: usize| {
            let (store, enough) = (Arc::clone(store), Arc::clone(&enough));
            tokio::spawn(async move {
                let mut count = 0;
                while !enough.load(Ordering::Relaxed) {
                    let event = Event::DeviceRegistered {
                        device: device_id(&format!("I-{row}-{count}")),
                        profile: site::profile().name,
                        particulars: Box::<Particulars>::default(),
                    };
                    store.commit(Batch::from(event).bulk()).await.unwrap();
                    count += 1;
                }
                count
            })
        };
        Self { rows: (0..1000).map(row).collect(), enough }
    }

    async fn stop(self) -> usize {
        self.enough.store(true, Ordering::Relaxed);
        let mut imported = 0;
        for row in self.rows {
            imported += row.await.unwrap();
        }
        imported
    }
}
