//! Clients that do one thing over and over, against our server or against the reference.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use interop_tests::{
    fleet::{self, Fleet, Member},
    site,
    wire::Link,
};
use rustls::{client::Resumption, crypto::CryptoProvider};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::{
    process::Process,
    report::{milliseconds, number, percentile},
};

/// What clients say, and how they know that the answer is complete.
#[derive(Clone)]
pub(crate) enum Talk {
    /// An HTTP request, answered with this status.
    Http { request: Arc<[u8]>, status: u16 },
    /// Octets, answered with this many.
    Octets { request: Arc<[u8]>, answer: usize },
}

/// When clients connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connections {
    /// For each request.
    Fresh,
    /// Once, before the clock starts.
    Kept,
}

/// Whom to load.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    pub(crate) talk: Talk,
}

/// What a round gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Requests answered a second.
    pub(crate) rate: f64,
    /// Requests answered for each second that the server's process computed: the clients' own work does not count.
    pub(crate) rate_per_cpu: f64,
    /// The time that 99 of 100 requests did not exceed, in milliseconds.
    pub(crate) p99: f64,
}

/// One TLS client for each device, each of which proves its identity afresh.
pub(crate) fn connectors(fleet: &Fleet, provider: &CryptoProvider) -> Arc<Vec<TlsConnector>> {
    let of = |member: &Member| {
        let identity = Some((member.key.as_ref(), member.chain.as_slice()));
        let mut config = site::client_config_with(provider.clone(), rustls::ALL_VERSIONS, identity);
        config.resumption = Resumption::disabled();
        TlsConnector::from(Arc::new(config))
    };
    Arc::new(fleet.members.iter().map(of).collect())
}

/// This many clients for `duration`. Each takes its devices in turn, and no two share one.
pub(crate) async fn load(
    target: &Target,
    devices: &Arc<Vec<TlsConnector>>,
    clients: usize,
    connections: Connections,
    duration: Duration,
) -> Load {
    let begin = Arc::new(tokio::sync::Barrier::new(clients + 1));
    let running: Vec<_> = (0..clients)
        .map(|client| {
            let (target, devices, begin) = (target.clone(), Arc::clone(devices), Arc::clone(&begin));
            tokio::spawn(async move {
                let mut device = client % devices.len();
                let mut kept = match connections {
                    Connections::Kept => {
                        let mut link = open(&target, &devices, device).await;
                        // The first answer may change something; what follows only repeats it.
                        target.talk.once(&mut link).await;
                        Some(link)
                    }
                    Connections::Fresh => None,
                };
                begin.wait().await;
                let started = Instant::now();
                let mut times = Vec::new();
                while started.elapsed() < duration {
                    let asked = Instant::now();
                    match &mut kept {
                        Some(link) => target.talk.once(link).await,
                        None => {
                            device = (device + clients) % devices.len();
                            let mut link = open(&target, &devices, device).await;
                            target.talk.once(&mut link).await;
                        }
                    }
                    times.push(milliseconds(asked.elapsed()));
                }
                times
            })
        })
        .collect();
    begin.wait().await;
    let (started, cpu) = (Instant::now(), target.process.cpu());
    let mut times = Vec::new();
    for client in running {
        times.extend(client.await.unwrap());
    }
    let cpu = (target.process.cpu() - cpu).as_secs_f64();
    let requests = number(times.len());
    Load {
        rate: requests / started.elapsed().as_secs_f64(),
        rate_per_cpu: requests / cpu.max(0.01),
        p99: percentile(&mut times, 0.99),
    }
}

async fn open(target: &Target, devices: &[TlsConnector], device: usize) -> Link {
    Link::open(target.address, fleet::address(device), &devices[device]).await.unwrap()
}

impl Talk {
    async fn once(&self, link: &mut Link) {
        match self {
            Self::Http { request, status } => {
                let answer = link.exchange(request).await.unwrap();
                assert_eq!(answer.status, *status, "{}", String::from_utf8_lossy(&answer.body));
            }
            Self::Octets { request, answer } => {
                link.stream.write_all(request).await.unwrap();
                link.stream.flush().await.unwrap();
                let mut octets = vec![0; *answer];
                link.stream.read_exact(&mut octets).await.unwrap();
            }
        }
    }
}
