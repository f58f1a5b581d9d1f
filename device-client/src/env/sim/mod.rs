//! Scripted surroundings: a whole bootstrapping without a socket, a file or a wait.
//!
//! Tests say what the world answers and read afterwards what the device did, in order, in [`Simulation::events`].

mod disk;
mod nodes;

pub use disk::{DiskStep, Fate, SimulatedDisk};

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use conveyed_info::{information::Configuration, verify::VoucherFacts};
use pki::{certificate::Certificate, digest::sha256, time::Clock};
use verdict::{ReasonCode, Refusal, Trace};

use super::Environment;
use crate::{
    Record, Server,
    machine::{
        Answer, CommitFailure, Completion, Discovery, Download, Downloaded, Event, Fact, Fetch, Installation,
        OnboardingStep, Pause, Request, ScriptEnd, ScriptVerdict, SourceIndex, SwitchPosition, Work,
    },
};

/// A bootstrap server of the simulation: the chain it shows, and how it answers.
pub struct SimulatedServer {
    chain: Vec<Certificate>,
    answer: Box<dyn FnMut(&Request) -> Answer + Send>,
}

impl SimulatedServer {
    /// A server.
    pub fn new(chain: Vec<Certificate>, answer: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        Self { chain, answer: Box::new(answer) }
    }
}

impl fmt::Debug for SimulatedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedServer").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// The world of one device.
#[derive(Debug)]
pub struct Simulation {
    /// What the clock says.
    pub clock: Clock,
    /// The time since the world began; waiting makes it pass.
    pub monotonic: Duration,
    /// How long each connection and each exchange takes.
    pub latency: Duration,
    /// What each source gives.
    pub sources: Vec<Result<Discovery, Refusal>>,
    /// What each name resolves to.
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// Who answers at which address.
    pub servers: BTreeMap<SocketAddr, SimulatedServer>,
    /// What can be downloaded.
    pub images: BTreeMap<String, Vec<u8>>,
    /// How scripts end; those not listed end well.
    pub scripts: BTreeMap<OnboardingStep, ScriptEnd>,
    /// Why the configuration cannot be committed, if it cannot.
    pub commit: Option<Refusal>,
    /// What the program prints that commits it with a warning.
    pub commit_warning: Option<String>,
    /// What the program prints that cannot commit it.
    pub commit_output: String,
    /// The configuration that is committed, whether or not the commit said that it went well.
    pub configuration: Option<Configuration>,
    /// Actions until power is cut; `None` for never. What comes after that is not done, and fails.
    pub power: Option<usize>,
    /// What the signature check of an image says.
    pub image_signature: Result<(), Refusal>,
    /// Whether the device's key signs.
    pub signature: Result<(), Refusal>,
    /// How the switch stands.
    pub switch: SwitchPosition,
    /// The image that was installed.
    pub installed: Option<Installation>,
    /// The journal.
    pub facts: Vec<Fact>,
    /// The newest voucher that was to be remembered.
    pub newest_voucher: Option<VoucherFacts>,
    /// What can be fetched.
    pub evidence: BTreeMap<String, Vec<u8>>,
    /// The marker.
    pub done: Option<Completion>,
    /// The decision trace.
    pub records: Vec<Record>,
    /// What the device did, in order, in short.
    pub events: Vec<String>,
    /// Every request with the server it went to.
    pub requests: Vec<(SocketAddr, Request)>,
    connected: Option<SocketAddr>,
}

impl Simulation {
    /// An empty world.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        Self {
            clock,
            monotonic: Duration::ZERO,
            latency: Duration::ZERO,
            sources: Vec::new(),
            names: BTreeMap::new(),
            servers: BTreeMap::new(),
            images: BTreeMap::new(),
            scripts: BTreeMap::new(),
            commit: None,
            commit_warning: None,
            commit_output: String::new(),
            configuration: None,
            power: None,
            image_signature: Ok(()),
            signature: Ok(()),
            switch: SwitchPosition::On,
            installed: None,
            facts: Vec::new(),
            newest_voucher: None,
            evidence: BTreeMap::new(),
            done: None,
            records: Vec::new(),
            events: Vec::new(),
            requests: Vec::new(),
            connected: None,
        }
    }

    /// One more action: whether there is still power for it.
    fn powered(&mut self) -> Result<(), Refusal> {
        let Some(left) = &mut self.power else { return Ok(()) };
        let dark = || Refusal::new(ReasonCode::StorageFailed, "power is cut");
        *left = left.checked_sub(1).ok_or_else(dark)?;
        Ok(())
    }

    fn log(&mut self, event: impl Into<String>) {
        self.events.push(event.into());
    }
}

fn nobody(what: &dyn fmt::Display) -> Refusal {
    Refusal::new(ReasonCode::ServerUnreachable, format!("{what}: nobody there"))
}

impl Environment for Simulation {
    fn clock(&self) -> Clock {
        self.clock
    }

    fn monotonic(&self) -> Duration {
        self.monotonic
    }

    fn discover(&mut self, source: SourceIndex) -> Result<Discovery, Refusal> {
        self.powered()?;
        self.log(format!("discover {}", source.0));
        let nothing = || Err(Refusal::new(ReasonCode::NoSource, "no such source"));
        self.sources.get(source.0).cloned().unwrap_or_else(nothing)
    }

    fn resolve(&mut self, server: &Server) -> Result<Vec<IpAddr>, Refusal> {
        self.powered()?;
        self.names.get(server.host()).cloned().ok_or_else(|| nobody(server))
    }

    fn connect(&mut self, server: &Server, address: SocketAddr) -> Result<Vec<Certificate>, Refusal> {
        self.powered()?;
        self.log(format!("connect {server}"));
        self.monotonic += self.latency;
        self.connected = None;
        let chain = self.servers.get(&address).map(|it| it.chain.clone()).ok_or_else(|| nobody(&address))?;
        self.connected = Some(address);
        Ok(chain)
    }

    fn send(&mut self, request: &Request) -> Result<Answer, Refusal> {
        self.powered()?;
        self.log(match request {
            Request::HostMeta => "host-meta".to_owned(),
            Request::BootstrappingData { .. } => "ask".to_owned(),
            Request::Progress { report, .. } => format!("report {}", report.progress_type),
        });
        self.monotonic += self.latency;
        let address = self.connected.ok_or_else(|| nobody(&"no connection"))?;
        self.requests.push((address, request.clone()));
        let server = self.servers.get_mut(&address).ok_or_else(|| nobody(&address))?;
        Ok((server.answer)(request))
    }

    fn wait(&mut self, pause: Pause) {
        let (Pause::About(pause) | Pause::AtLeast(pause)) = pause;
        self.log(format!("wait {}", pause.as_millis()));
        self.monotonic += pause;
    }

    fn fetch(&mut self, fetch: &Fetch) -> Result<Vec<u8>, Refusal> {
        self.powered()?;
        let uri = fetch.place.uri();
        self.log(format!("fetch {uri}"));
        self.monotonic += self.latency;
        self.evidence.get(uri).cloned().ok_or_else(|| nobody(&uri))
    }

    fn download(&mut self, download: &Download) -> Result<Downloaded, Refusal> {
        self.powered()?;
        let from = download.from.to_string();
        self.log(format!("download {from}"));
        let missing = || Refusal::new(ReasonCode::ImageUnreachable, format!("{from}: status 404"));
        let image = self.images.get(&from).ok_or_else(missing)?;
        let length = u64::try_from(image.len()).unwrap_or(u64::MAX);
        Ok(Downloaded { sha256: sha256(image), length, resumed_from: 0 })
    }

    fn work(&mut self, work: Work) -> Result<Event, Refusal> {
        self.powered()?;
        match work {
            Work::DiscardImage => self.log("discard image"),
            Work::VerifyImage => {
                self.log("verify image");
                return self.image_signature.clone().map(|()| Event::ImageVerified(Trace::new()));
            }
            Work::InstallImage(installation) => {
                self.log("install image");
                self.installed = Some(installation);
            }
            Work::RunScript(step, _) => {
                self.log(format!("run {step}"));
                let well = || ScriptEnd { verdict: ScriptVerdict::Complete, output: String::new() };
                return Ok(Event::ScriptEnded(self.scripts.get(&step).cloned().unwrap_or_else(well)));
            }
            Work::Commit(configuration) => {
                self.log("commit");
                self.configuration = Some(configuration);
                if let Some(refusal) = &self.commit {
                    let output = self.commit_output.clone();
                    return Ok(Event::CommitFailed(CommitFailure { refusal: refusal.clone(), output }));
                }
                if let Some(output) = &self.commit_warning {
                    return Ok(Event::CommitWarned(output.clone()));
                }
            }
            Work::RollBack => {
                self.log("roll back");
                self.configuration = None;
            }
            Work::ReadSwitch => return Ok(Event::Switch(self.switch)),
            Work::Swear(statement) => {
                let message = format!("{} {}", statement.serial_number, statement.conveyed_information);
                return self.signature.clone().map(|()| Event::Sworn(message));
            }
            Work::Remember(fact) => self.facts.push(fact),
            Work::RememberVoucher(voucher) => self.newest_voucher = Some(voucher),
            Work::WriteDone(completion) => {
                self.log("done");
                self.done = Some(completion);
            }
            Work::Reboot => self.log("reboot"),
        }
        Ok(Event::Done)
    }

    fn trace(&mut self, record: &Record) {
        self.records.push(record.clone());
    }
}
