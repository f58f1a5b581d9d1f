//! Whole onboardings, as the server sees them: a redirect for a device that cannot trust it yet, onboarding information over
//! a second connection, and reports on that connection until `bootstrap-complete`. Every answer is durable before it leaves.
//!
//! The clients verify nothing, as those of the reference do not: it is the server that is measured. What devices with all
//! their verification make of it is the storm.

use std::{sync::Arc, time::Instant};

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
    connections::runtime,
    load::{Connections, Talk, Target, connectors, load},
    process::Process,
    report::{Report, median, number},
};

/// Onboardings in one round; every device onboards once, for one that comes back is another story.
const DEVICES: usize = 1500;
const ROUNDS: usize = 5;
const CLIENTS: usize = 32;
/// Handshakes of one onboarding.
const HANDSHAKES: f64 = 2.0;
const REPORTS: [&str; 5] =
    ["bootstrap-initiated", "parsing-initiated", "config-initiated", "config-complete", "bootstrap-complete"];

pub(crate) fn measure(report: &mut Report) {
    runtime().block_on(async {
        let site = Site::new();
        let devices_in_round = report.devices(DEVICES);
        let fleet = Fleet::make(&site, devices_in_round * (ROUNDS + 1));
        let store = site.store().await;
        fleet.register(&site, &store, &site::profile()).await;
        store.close().await;
        let server = Server::start(&site.path("sztp.toml"));
        let bare = BareServer::start(&site);
        let devices = connectors(&fleet, &aws_lc_rs::default_provider());
        let talk = Talk::Octets { request: bare::request(8, 4).into(), answer: 4 };
        let reference = Target { address: bare.address, process: Process(bare.id()), talk };

        let (mut rates, mut ratios, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let second = std::time::Duration::from_secs(1);
            let limit = load(&reference, &devices, CLIENTS, Connections::Fresh, second).await;
            let (started, used) = (Instant::now(), Process(server.id()).cpu());
            all(&server, &devices, round * devices_in_round..(round + 1) * devices_in_round).await;
            let rate = number(devices_in_round) / started.elapsed().as_secs_f64();
            let used = (Process(server.id()).cpu() - used).as_secs_f64();
            if round > 0 {
                println!("round {round}: {rate:.0} onboardings/s, bare handshakes {:.0}/s", limit.rate);
                ratios.push(rate / (limit.rate / HANDSHAKES));
                cpu.push(number(devices_in_round) / used / (limit.rate_per_cpu / HANDSHAKES));
                rates.push(rate);
            }
        }
        report.set("onboardings_per_second", median(rates));
        report.set("onboarding_ratio", median(ratios));
        report.set("onboarding_cpu_ratio", median(cpu));
    });
}

/// Onboards these devices, so many at once as there are clients.
async fn all(server: &Server, devices: &Arc<Vec<TlsConnector>>, numbers: std::ops::Range<usize>) {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (address, devices) = (server.address(), Arc::clone(devices));
            let numbers = numbers.clone().skip(client).step_by(CLIENTS);
            tokio::spawn(async move {
                for number in numbers {
                    onboard(address, number, &devices[number]).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

async fn onboard(server: std::net::SocketAddr, number: usize, tls: &TlsConnector) {
    let preferred = r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#;
    let trusting = r#"{"ietf-sztp-bootstrap-server:input":{"hw-model":"Model"}}"#;
    for input in [preferred, trusting] {
        let mut link = Link::open(server, fleet::address(number), tls).await.unwrap();
        let answer = link.exchange(&site::post(site::DATA, input)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        if input == trusting {
            for progress_type in REPORTS {
                assert_eq!(link.exchange(&site::report(progress_type)).await.unwrap().status, 204);
            }
        }
    }
}
