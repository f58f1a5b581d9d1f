//! What more devices in the database cost: adding one, starting, memory, and how other devices fare during an import.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bootstrap_server::{
    audit::Event,
    store::{Batch, Store},
};
use interop_tests::{
    fleet::{self, Fleet},
    lab::Server,
    site::{self, Site, device_id},
    wire::Link,
};
use rustls::crypto::aws_lc_rs;

use crate::{
    connections::runtime,
    load::connectors,
    operator,
    plot::{Axis, Line, Plot, Scale},
    process::Process,
    report::{Report, median, milliseconds, number, percentile},
};

const SIZES: [usize; 3] = [10, 10_000, 1_000_000];
/// Devices added one by one at each size.
const ADDED: usize = 100;
/// Registrations that an import hands over at once.
const ROWS: usize = 1000;
/// Devices that ask all the time while others are imported.
const ASKING: usize = 16;
const STARTS: usize = 5;

pub(crate) fn measure(report: &mut Report) {
    runtime().block_on(async {
        let site = Site::new();
        let sizes = [SIZES[0], report.devices(SIZES[1]), report.devices(SIZES[2])];
        let asking = Fleet::make(&site, ASKING);
        let store = site.store().await;
        asking.register(&site, &store, &site::profile()).await;
        operator::prepare(&site, &store).await;
        store.close().await;

        let (mut added, mut through_the_api) = (Vec::new(), Vec::new());
        let mut size = asking.members.len();
        for target in sizes {
            if target == sizes[2] {
                // The largest step is the import, with devices that ask meanwhile.
                Box::pin(import(report, &site, &asking, size..target)).await;
            } else {
                let store = site.store().await;
                register(&store, size..target).await;
                store.close().await;
            }
            size = size.max(target);
            let milliseconds = add_one_by_one(&site, size).await;
            size += ADDED;
            let by_operator = add_through_the_api(&site, size).await;
            size += ADDED;
            println!("{target} devices: one more takes {milliseconds:.2} ms, an operator {by_operator:.2} ms");
            report.set(format!("device_add_ms_at_{target}"), milliseconds);
            report.set(format!("device_add_api_ms_at_{target}"), by_operator);
            added.push((number(target), milliseconds));
            through_the_api.push((number(target), by_operator));
            started(report, &site, target);
        }
        report.set("loaded_rss_mib", loaded(&site, &asking).await);
        report.draw(Plot {
            name: "device-add",
            title: "Adding one device, durably",
            x: Axis { label: "devices in the database", scale: Scale::Measured },
            y: Axis { label: "milliseconds", scale: Scale::Linear },
            lines: vec![
                Line { label: "by an operator, over HTTPS".to_owned(), points: through_the_api },
                Line { label: "in the store".to_owned(), points: added },
            ],
        });
    });
}

fn registration(number: usize) -> Event {
    Event::DeviceRegistered {
        device: device_id(&operator::serial_number(number)),
        profile: site::profile().name,
        particulars: Box::default(),
    }
}

/// Registers devices in large batches.
async fn register(store: &dyn Store, numbers: std::ops::Range<usize>) {
    let mut numbers = numbers.peekable();
    while let Some(first) = numbers.next() {
        let rest = numbers.by_ref().take(ROWS - 1);
        let batch = rest.fold(Batch::from(registration(first)), |batch, number| batch.and(registration(number)));
        store.commit(batch.bulk()).await.unwrap();
    }
}

async fn add_one_by_one(site: &Site, size: usize) -> f64 {
    let store = site.store().await;
    let mut times = Vec::new();
    for number in size..size + ADDED {
        let asked = Instant::now();
        store.commit(Batch::from(registration(number))).await.unwrap();
        times.push(milliseconds(asked.elapsed()));
    }
    store.close().await;
    median(times)
}

/// The same by an operator, a request after the other.
async fn add_through_the_api(site: &Site, size: usize) -> f64 {
    let mut server = Server::start(&site.path("sztp.toml"));
    let client = operator::client(site, server.operators());
    let mut times = Vec::new();
    for number in size..size + ADDED {
        let asked = Instant::now();
        operator::add(&client, number).await;
        times.push(milliseconds(asked.elapsed()));
    }
    median(times)
}

/// An operator imports while devices ask and report; says how they fare, and how they fared before.
async fn import(report: &mut Report, site: &Site, asking: &Fleet, numbers: std::ops::Range<usize>) {
    let mut server = Server::start(&site.path("sztp.toml"));
    let client = operator::client(site, server.operators());
    let devices = connectors(asking, &aws_lc_rs::default_provider());
    let idle = ask(server.address(), &devices, async { tokio::time::sleep(Duration::from_secs(5)).await }).await;
    let rows = number(numbers.len());
    let started = Instant::now();
    let mut took = Duration::ZERO;
    let busy = ask(server.address(), &devices, async {
        Box::pin(operator::import(&client, numbers)).await;
        took = started.elapsed();
    })
    .await;
    drop(server);
    let (idle_p99, busy_p99) = (tail(&idle), tail(&busy));
    println!(
        "import: {:.0} rows/s; devices' p99 {idle_p99:.1} ms idle, {busy_p99:.1} ms meanwhile",
        rows / took.as_secs_f64()
    );
    report.set("import_rows_per_second", rows / took.as_secs_f64());
    report.set("import_p99_idle_ms", idle_p99);
    report.set("import_p99_ms", busy_p99);
    report.set("import_p99_ratio", busy_p99 / idle_p99);
    report.draw(Plot {
        name: "import-p99",
        title: "Devices' p99 in each second, from idle into a million-row import",
        x: Axis { label: "seconds", scale: Scale::Linear },
        y: Axis { label: "milliseconds", scale: Scale::Linear },
        lines: curves(&idle, &busy),
    });
}

/// An exchange: when it was over, in seconds since the beginning, and how many milliseconds it took.
type Exchange = (f64, f64);

/// Lets devices ask, each a durable report after the other, until `meanwhile` is over.
async fn ask(
    server: std::net::SocketAddr,
    devices: &Arc<Vec<tokio_rustls::TlsConnector>>,
    meanwhile: impl Future<Output = ()>,
) -> Vec<Exchange> {
    let over = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let running: Vec<_> = (0..ASKING)
        .map(|device| {
            let (devices, over) = (Arc::clone(devices), Arc::clone(&over));
            tokio::spawn(async move {
                let mut link = Link::open(server, fleet::address(device), &devices[device]).await.unwrap();
                let request = site::post(site::DATA, r#"{"ietf-sztp-bootstrap-server:input":{}}"#);
                assert_eq!(link.exchange(&request).await.unwrap().status, 200);
                let mut exchanges = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    assert_eq!(link.exchange(&site::report("config-initiated")).await.unwrap().status, 204);
                    exchanges.push((started.elapsed().as_secs_f64(), milliseconds(asked.elapsed())));
                    // Devices work between their reports; without a pause they would be a storm of their own.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                exchanges
            })
        })
        .collect();
    meanwhile.await;
    over.store(true, Ordering::Relaxed);
    let mut exchanges = Vec::new();
    for device in running {
        exchanges.extend(device.await.unwrap());
    }
    exchanges
}

fn tail(exchanges: &[Exchange]) -> f64 {
    percentile(&mut exchanges.iter().map(|(_, took)| *took).collect::<Vec<_>>(), 0.99)
}

/// The p99 of each second, the import's behind the idle ones.
fn curves(idle: &[Exchange], busy: &[Exchange]) -> Vec<Line> {
    let seconds = |exchanges: &[Exchange]| {
        (0..600)
            .map(f64::from)
            .map_while(|second| {
                let within = exchanges.iter().filter(|(at, _)| (second..second + 1.0).contains(at));
                let mut times: Vec<f64> = within.map(|(_, took)| *took).collect();
                (!times.is_empty()).then(|| (second, percentile(&mut times, 0.99)))
            })
            .collect::<Vec<_>>()
    };
    let idle = seconds(idle);
    let offset = number(idle.len());
    let busy = seconds(busy).into_iter().map(|(second, p99)| (second + offset, p99)).collect();
    vec![Line { label: "idle".to_owned(), points: idle }, Line { label: "during the import".to_owned(), points: busy }]
}

/// Starts the real program a few times: how long until it listens, and what it needs then.
fn started(report: &mut Report, site: &Site, devices: usize) {
    let config = site.path("sztp.toml");
    let (mut times, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let asked = Instant::now();
        let server = Server::start(&config);
        times.push(milliseconds(asked.elapsed()));
        resident.push(Process(server.id()).resident());
    }
    let (time, resident) = (median(times), median(resident));
    println!("{devices} devices: starts in {time:.0} ms with {resident:.1} MiB");
    report.set(format!("start_ms_at_{devices}"), time);
    report.set(format!("idle_rss_mib_at_{devices}"), resident);
    if devices == SIZES[0] {
        report.set("start_ms", time);
        report.set("idle_rss_mib", resident);
    }
}

/// Memory after a while of work with the largest database.
async fn loaded(site: &Site, asking: &Fleet) -> f64 {
    let server = Server::start(Path::new(&site.path("sztp.toml")));
    let devices = connectors(asking, &aws_lc_rs::default_provider());
    ask(server.address(), &devices, async { tokio::time::sleep(Duration::from_secs(5)).await }).await;
    Process(server.id()).resident()
}
