//! Requests over fresh and kept connections, by the number of clients, against the bare loop.
//!
//! Fresh: a mutual TLS 1.3 handshake and one `get-bootstrapping-data`; the reference answers four octets instead. Kept: the
//! same request over and over; the reference answers as many octets as the server does. Both are processes of their own, with
//! the same certificate, loaded in turns by the same clients on the same machine, without resumption.

use std::{sync::Arc, time::Duration};

use interop_tests::{
    fleet::{self, Fleet},
    lab::Server,
    site::{self, Site},
    wire::Link,
};
use rustls::crypto::aws_lc_rs;
use tokio_rustls::TlsConnector;

use crate::{
    bare::{self, BareServer},
    load::{Connections, Talk, Target, connectors, load},
    plot::{Axis, Line, Plot, Scale},
    process::Process,
    report::{Report, median, number},
};

const CLIENTS: [usize; 4] = [1, 8, 32, 256];
/// As many as the most clients: each device belongs to one of them.
const DEVICES: usize = 256;
const ROUND: Duration = Duration::from_millis(1000);
const ROUNDS: usize = 5;

pub(crate) fn fresh(report: &mut Report) {
    measure(report, Connections::Fresh, "fresh");
}

pub(crate) fn kept(report: &mut Report) {
    measure(report, Connections::Kept, "kept");
}

fn measure(report: &mut Report, connections: Connections, name: &'static str) {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let length = match connections {
            Connections::Fresh => 4,
            Connections::Kept => bench.answer_length().await,
        };
        let reference = bench.reference(length);
        let (mut ours_line, mut bare_line) = (Vec::new(), Vec::new());
        for clients in CLIENTS {
            let [mut ours, mut bare, mut ratios, mut cpu_ratios, mut tails, mut bare_tails] = [const { Vec::new() }; 6];
            for round in 0..=ROUNDS {
                let theirs = load(&reference, &bench.devices, clients, connections, ROUND).await;
                let our = load(&bench.ours, &bench.devices, clients, connections, ROUND).await;
                // The first round warms caches, and makes every device's first answer durable.
                if round > 0 {
                    ours.push(our.rate);
                    bare.push(theirs.rate);
                    tails.push(our.p99);
                    bare_tails.push(theirs.p99);
                    ratios.push(our.rate / theirs.rate);
                    cpu_ratios.push(our.rate_per_cpu / theirs.rate_per_cpu);
                }
            }
            let (ours, bare, ratio) = (median(ours), median(bare), median(ratios));
            println!("{name}, {clients} clients: {ours:.0}/s, bare {bare:.0}/s, ratio {ratio:.2}");
            ours_line.push((number(clients), ours));
            bare_line.push((number(clients), bare));
            report.set(format!("{name}_per_second_{clients}"), ours);
            report.set(format!("bare_{name}_per_second_{clients}"), bare);
            report.set(format!("{name}_p99_ms_{clients}"), median(tails));
            report.set(format!("bare_{name}_p99_ms_{clients}"), median(bare_tails));
            report.set(format!("{name}_ratio_{clients}"), ratio);
            // A tenth of a second of one client's work is too little to be counted in hundredths of a second.
            if clients >= 8 {
                report.set(format!("{name}_cpu_ratio_{clients}"), median(cpu_ratios));
            }
            if connections == Connections::Fresh && clients == 32 {
                report.set("handshake_ratio", ratio);
            }
        }
        report.draw(throughput(connections, ours_line, bare_line));
    });
}

fn throughput(connections: Connections, ours: Vec<(f64, f64)>, bare: Vec<(f64, f64)>) -> Plot {
    let (name, title, reference) = match connections {
        Connections::Fresh => (
            "fresh-connections",
            "get-bootstrapping-data over fresh mutual TLS connections",
            "bare rustls, four octets",
        ),
        Connections::Kept => {
            ("kept-connections", "get-bootstrapping-data over kept connections", "bare rustls, as many octets")
        }
    };
    Plot {
        name,
        title,
        x: Axis { label: "clients at once, on the same two cores", scale: Scale::Measured },
        y: Axis { label: "requests per second", scale: Scale::Linear },
        lines: vec![
            Line { label: "bootstrap server".to_owned(), points: ours },
            Line { label: reference.to_owned(), points: bare },
        ],
    }
}

/// Handshakes with hybrid post-quantum key exchange against handshakes with X25519 alone, by the server's processor time.
pub(crate) fn post_quantum(report: &mut Report) {
    runtime().block_on(async {
        let bench = Bench::new().await;
        let only = |group| {
            let provider = rustls::crypto::CryptoProvider { kx_groups: vec![group], ..aws_lc_rs::default_provider() };
            connectors(&bench.fleet, &provider)
        };
        let hybrid = only(aws_lc_rs::kx_group::X25519MLKEM768);
        let classical = only(aws_lc_rs::kx_group::X25519);
        let (mut ratios, mut cpu_ratios) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let with = load(&bench.ours, &hybrid, 32, Connections::Fresh, ROUND).await;
            let without = load(&bench.ours, &classical, 32, Connections::Fresh, ROUND).await;
            if round > 0 {
                ratios.push(with.rate / without.rate);
                cpu_ratios.push(with.rate_per_cpu / without.rate_per_cpu);
            }
        }
        report.set("post_quantum_ratio", median(ratios));
        report.set("post_quantum_cpu_ratio", median(cpu_ratios));
    });
}

/// Both servers, running, and the devices that load them.
struct Bench {
    fleet: Fleet,
    devices: Arc<Vec<TlsConnector>>,
    ours: Target,
    bare: BareServer,
    _server: Server,
    _site: Site,
}

impl Bench {
    async fn new() -> Self {
        let site = Site::new();
        let fleet = Fleet::make(&site, DEVICES);
        let store = site.store().await;
        fleet.register(&site, &store, &site::profile()).await;
        store.close().await;
        // One device asks as often here as a thousand would.
        let document = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
        site.write("sztp.toml", format!("{document}[limits]\nrequests-per-second-per-device = 1000000\nstored-octets-per-day-per-device = 4000000000\n").as_bytes());
        let server = Server::start(&site.path("sztp.toml"));
        let preferred = r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#;
        let talk = Talk::Http { request: site::post(site::DATA, preferred).into(), status: 200 };
        let ours = Target { address: server.address(), process: Process(server.id()), talk };
        let devices = connectors(&fleet, &aws_lc_rs::default_provider());
        Self { devices, ours, bare: BareServer::start(&site), _server: server, fleet, _site: site }
    }

    /// The reference, asked with as many octets as the server, and answering this many.
    fn reference(&self, answer: usize) -> Target {
        let Talk::Http { request, .. } = &self.ours.talk else { unreachable!("the server speaks HTTP") };
        let talk = Talk::Octets { request: bare::request(request.len(), answer).into(), answer };
        Target { address: self.bare.address, process: Process(self.bare.id()), talk }
    }

    /// Octets of the server's answer, without its head.
    async fn answer_length(&self) -> usize {
        let Talk::Http { request, .. } = &self.ours.talk else { unreachable!("the server speaks HTTP") };
        let mut link = Link::open(self.ours.address, fleet::address(0), &self.devices[0]).await.unwrap();
        link.exchange(request).await.unwrap().body.len()
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}
