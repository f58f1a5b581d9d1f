//! `cargo xtask bench`: figures as ratios, both sides measured in one run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot go on stops"
)]

mod artifacts;
mod grouping;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use interop_tests::{
    lab::Lab,
    site::{self, Site},
};
use pki::{certificate::Certificate, key::FileKey};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Clients at once, on the same machine as the server.
const CLIENTS: usize = 32;
const DEVICES: usize = 64;
const ROUND: Duration = Duration::from_secs(4);
const ROUNDS: usize = 5;

type Identity = (FileKey, Vec<Certificate>);

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let (mut only, mut json) = (Vec::new(), None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => {
                while let Some(name) = arguments.next_if(|next| !next.starts_with("--")) {
                    only.push(name);
                }
            }
            "--json" => json = arguments.next().map(PathBuf::from),
            other => panic!("unknown argument {other}"),
        }
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|it| name.contains(it.as_str()));
    let mut metrics = BTreeMap::new();
    if wanted("handshake_ratio") {
        metrics.extend(handshakes());
    }
    if artifacts::METRICS.iter().any(|name| wanted(name)) {
        metrics.extend(artifacts::measure());
    }
    if wanted("device_size_bytes") || wanted("device_rss_kib") {
        metrics.extend(device());
    }
    if let Some(path) = json {
        std::fs::write(path, serde_json::to_vec_pretty(&metrics).unwrap()).unwrap();
    }
}

/// Fresh mutual TLS 1.3 connections a second: a bare rustls loop with its own client verifier, against this server
/// answering `get-bootstrapping-data`. The same clients drive both, in turns; resumption is off.
fn handshakes() -> BTreeMap<&'static str, f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let site = Site::new();
        let serials: Vec<String> = (0..DEVICES).map(|number| format!("SN-{number:04}")).collect();
        let server = site.start(&serials.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let identities: Vec<Identity> = serials.iter().map(|serial| site.device(serial)).collect();
        let connectors: Arc<Vec<TlsConnector>> =
            Arc::new(identities.iter().map(|(key, chain)| site::connector(Some((key, chain)))).collect());
        let bare = bare_server(&site).await;

        let preferred = r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#;
        let request: Arc<[u8]> = site::post(site::DATA, preferred).into();
        let (mut ours, mut reference, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let bare_rate = rate(bare, &connectors, Arc::from(&b"ping"[..])).await;
            let our_rate = rate(server.address(), &connectors, Arc::clone(&request)).await;
            // The first round warms caches, and makes every device's first answer durable.
            if round > 0 {
                println!("round {round}: bare rustls {bare_rate:.0}/s, get-bootstrapping-data {our_rate:.0}/s");
                reference.push(bare_rate);
                ours.push(our_rate);
                ratios.push(our_rate / bare_rate);
            }
        }
        server.stop().await;
        BTreeMap::from([
            ("bare_handshakes_per_second", median(reference)),
            ("fresh_requests_per_second", median(ours)),
            ("handshake_ratio", median(ratios)),
        ])
    })
}

/// Answers four bytes with four bytes, after a mutual handshake.
async fn bare_server(site: &Site) -> std::net::SocketAddr {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for anchor in site.maker.device_anchors() {
        roots.add(CertificateDer::from(anchor.der().to_vec())).unwrap();
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let chain = site.owner.tls_chain.iter().map(|it| CertificateDer::from(it.der().to_vec())).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(site.owner.tls_key.pkcs8_der().to_vec()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                stream.set_nodelay(true).ok()?;
                let mut stream = acceptor.accept(stream).await.ok()?;
                let mut ping = [0; 4];
                stream.read_exact(&mut ping).await.ok()?;
                stream.write_all(&ping).await.ok()?;
                stream.shutdown().await.ok()
            });
        }
    });
    address
}

/// Connections a second, each with one request and the first bytes of its answer.
async fn rate(server: std::net::SocketAddr, connectors: &Arc<Vec<TlsConnector>>, request: Arc<[u8]>) -> f64 {
    let done = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (connectors, request, done) = (Arc::clone(connectors), Arc::clone(&request), Arc::clone(&done));
            tokio::spawn(async move {
                let mut next = client;
                while started.elapsed() < ROUND {
                    next = (next + 1) % connectors.len();
                    let stream = TcpStream::connect(server).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let name = ServerName::try_from("127.0.0.1").unwrap();
                    let mut stream = connectors[next].connect(name, stream).await.unwrap();
                    stream.write_all(&request).await.unwrap();
                    let mut answer = [0; 4];
                    stream.read_exact(&mut answer).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    f64::from(u32::try_from(done.load(Ordering::Relaxed)).unwrap()) / started.elapsed().as_secs_f64()
}

/// Size of the device program as it goes on flash, and the most memory it takes during an onboarding.
fn device() -> BTreeMap<&'static str, f64> {
    let program =
        std::env::var_os("SZTP_FLASH_DEVICE").map(PathBuf::from).expect("SZTP_FLASH_DEVICE names the program");
    let size = std::fs::metadata(&program).unwrap().len();
    let lab = Lab::build(1);
    let server = lab.serve();
    let mut peaks = Vec::new();
    for attempt in 0..3 {
        let root = lab.folder().join(format!("bench-root-{attempt}"));
        let mut running = lab.device_command(&program, "bmc-01", &root).spawn().unwrap();
        let status = format!("/proc/{}/status", running.id());
        let mut peak = 0.0_f64;
        // The kernel keeps the high-water mark; only what happens after the last look is missed.
        let exit = loop {
            if let Some(exit) = running.try_wait().unwrap() {
                break exit;
            }
            if let Ok(text) = std::fs::read_to_string(&status) {
                let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let mark = mark.and_then(|mark| mark.trim().trim_end_matches(" kB").parse().ok());
                peak = peak.max(mark.unwrap_or(0.0));
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(exit.success(), "the onboarding must succeed: {exit}");
        peaks.push(peak);
    }
    drop(server);
    println!("sztp-device: {size} bytes, peak {} KiB", median(peaks.clone()));
    let size = f64::from(u32::try_from(size).unwrap());
    BTreeMap::from([("device_size_bytes", size), ("device_rss_kib", median(peaks))])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
