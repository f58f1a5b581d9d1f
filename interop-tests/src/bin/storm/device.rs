//! One simulated device: the real machine, driven without a thread of its own.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use conveyed_info::{
    Encoding,
    rpc::{GET_BOOTSTRAPPING_DATA, HOST_META, REPORT_PROGRESS},
    voucher::Assertion,
};
use device_client::{
    Outcome, Server,
    config::Limits,
    env::spread,
    machine::{
        Action, AllowedTargets, Answer, Api, Discovery, Event, FinalReport, History, ImageSignature, Machine, Moment,
        Origin, Policy, Request, RunningImage, ScriptEnd, ScriptVerdict, Situation, Switch, Work,
    },
    retry::Retry,
};
use interop_tests::{
    fleet::{self, Member},
    site,
    wire::{self, Link},
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    time::{Clock, Timestamp},
};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use verdict::{ReasonCode, Refusal};

/// What happened to all devices together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    connections: AtomicU64,
    turned_away: AtomicU64,
    attempts: AtomicU64,
    failures: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    /// TLS handshakes completed.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Answers that said to come back later.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Attempts to bootstrap; one a device if none fails.
    pub(crate) fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Why attempts failed, and how often.
    pub(crate) fn failures(&self) -> BTreeMap<String, u64> {
        self.failures.lock().unwrap().clone()
    }

    fn failed(&self, outcome: &Outcome) {
        // One line for each kind of failure: addresses and ports would make each its own.
        let digitless: String = outcome.detail.chars().filter(|it| !it.is_ascii_digit()).take(160).collect();
        *self.failures.lock().unwrap().entry(digitless).or_default() += 1;
    }
}

/// A device that is switched on.
pub(crate) struct StormDevice {
    policy: Arc<Policy>,
    tls: TlsConnector,
    /// Its own address; the port is chosen anew for each connection.
    source: SocketAddr,
    server: SocketAddr,
    limits: Limits,
    tally: Arc<Tally>,
}

impl StormDevice {
    pub(crate) fn new(
        member: &Member,
        number: usize,
        voucher_anchors: &[Certificate],
        server: SocketAddr,
        tally: Arc<Tally>,
    ) -> Self {
        let policy = Policy {
            serial_number: SerialNumber::new(&member.serial_number).unwrap(),
            idevid: member.chain.first().unwrap().clone(),
            decryption_key: None,
            voucher_anchors: voucher_anchors.to_vec(),
            well_known: Vec::new(),
            accepted_assertions: vec![Assertion::Verified],
            allowed_targets: AllowedTargets(vec!["127.0.0.0/8".parse().unwrap()]),
            credentials: None,
            hw_model: Some("Model".to_owned()),
            ssh_host_keys: Vec::new(),
            trust_anchors: Vec::new(),
            switch: Switch::Marker,
            final_report: FinalReport::Plain,
            image_signature: ImageSignature::NotConfigured,
            sources: vec!["dhcp4".to_owned()],
        };
        let tls = device_client::tls::client_config(&member.chain, member.key.clone()).unwrap();
        Self {
            policy: Arc::new(policy),
            tls: TlsConnector::from(tls),
            source: fleet::address(number),
            server,
            limits: Limits::default(),
            tally,
        }
    }

    /// Bootstraps, however many attempts it takes.
    pub(crate) async fn run(self) {
        let mut retry = Retry::default();
        loop {
            self.tally.attempts.fetch_add(1, Ordering::Relaxed);
            let outcome = self.attempt().await;
            if outcome.state.is_final() {
                return;
            }
            self.tally.failed(&outcome);
            sleep(spread(retry.pause_after(&outcome))).await;
        }
    }

    async fn attempt(&self) -> Outcome {
        let situation = Situation {
            running: RunningImage::default(),
            installed: None,
            nonce: None,
            history: History::default(),
            newest_voucher: None,
        };
        let mut machine = Machine::new(Arc::clone(&self.policy), situation);
        let started = Instant::now();
        let now = || Moment {
            clock: Clock::Trusted(Timestamp::from_system(SystemTime::now())),
            monotonic: started.elapsed(),
        };
        let mut link = Kept { open: None, address: self.server };
        let mut step = machine.start(now());
        loop {
            let result = match step.action {
                Action::Finish(outcome) => return outcome,
                Action::Discover(_) => {
                    let server = Server::new(&self.server.ip().to_string(), self.server.port());
                    Ok(Event::Discovered(Discovery::of_servers(vec![server], Origin::Untrusted)))
                }
                Action::Connect { address, .. } => {
                    // The connection before is closed first, as the machine demands.
                    link = Kept { open: None, address };
                    self.connect(address).await.map(|(opened, chain)| {
                        link.open = Some(opened);
                        Event::Connected(chain)
                    })
                }
                Action::Send(request) => self.send(&mut link, &request).await.map(Event::Answered),
                Action::Wait(pause) => {
                    sleep(spread(pause)).await;
                    Ok(Event::Done)
                }
                Action::Work(Work::RunScript(..)) => {
                    Ok(Event::ScriptEnded(ScriptEnd { verdict: ScriptVerdict::Complete, output: String::new() }))
                }
                Action::Work(_) => Ok(Event::Done),
                other => panic!("nothing in this profile asks for {other:?}"),
            };
            step = machine.on(now(), result.unwrap_or_else(Event::Failed));
        }
    }

    async fn connect(&self, address: SocketAddr) -> Result<(Link, Vec<Certificate>), Refusal> {
        let unreachable = |detail: String| Refusal::new(ReasonCode::ServerUnreachable, detail);
        let opening = timeout(self.limits.connect, Link::open(address, self.source, &self.tls)).await;
        let link = opening.map_err(|_| unreachable("connecting took too long".to_owned()))?;
        let link = link.map_err(|error| unreachable(error.to_string()))?;
        self.tally.connections.fetch_add(1, Ordering::Relaxed);
        let chain = link.stream.get_ref().1.peer_certificates().unwrap_or_default();
        let chain = chain.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
        Ok((link, chain))
    }

    /// Sends a request; opens the connection again when the server has closed it. When to come again is the machine's
    /// affair.
    async fn send(&self, link: &mut Kept, request: &Request) -> Result<Answer, Refusal> {
        let octets = encode(request);
        let kept = link.open.is_some();
        match self.exchange(link, &octets).await {
            // RFC 9112 §9.3.1: a kept connection may be closed at any time; both operations may be repeated.
            Err(_) if kept => self.exchange(link, &octets).await,
            result => result,
        }
    }

    async fn exchange(&self, link: &mut Kept, octets: &[u8]) -> Result<Answer, Refusal> {
        let unreachable = |detail: String| Refusal::new(ReasonCode::ServerUnreachable, detail);
        let mut open = match link.open.take() {
            Some(open) => open,
            None => self.connect(link.address).await?.0,
        };
        let answer = timeout(self.limits.exchange, open.exchange(octets)).await;
        let answer = answer.map_err(|_| unreachable("an answer took too long".to_owned()))?;
        let answer = answer.map_err(|error| unreachable(error.to_string()))?;
        link.open = (!answer.closes).then_some(open);
        if answer.status == 503 {
            self.tally.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        Ok(told(answer))
    }
}

/// A connection that is opened again when it is needed.
struct Kept {
    open: Option<Link>,
    address: SocketAddr,
}

fn told(answer: wire::Answer) -> Answer {
    let wire::Answer { status, media_type, retry_after, body, .. } = answer;
    Answer { status, media_type, retry_after, body }
}

fn encode(request: &Request) -> Vec<u8> {
    let post = |api: &Api, operation: &str, body: Vec<u8>| {
        site::post(&format!("{}/{operation}", api.root), std::str::from_utf8(&body).unwrap())
    };
    match request {
        Request::HostMeta => site::request("GET", HOST_META, "accept: application/xrd+xml\r\n", ""),
        Request::BootstrappingData { api, input } => post(api, GET_BOOTSTRAPPING_DATA, input.encode(Encoding::Json)),
        Request::Progress { api, report } => post(api, REPORT_PROGRESS, report.encode(Encoding::Json)),
        other => panic!("unknown request {other:?}"),
    }
}
