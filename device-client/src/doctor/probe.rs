//! Looking at the network: the machine itself is run, in surroundings that reach everything and send nothing.
//!
//! So sources are asked, entries judged, redirects on storage followed and servers connected to exactly as `run` would do it,
//! by the same code. Where `run` would send its first request, the connection is closed instead, and the machine goes on
//! with the next address. TLS shows the device's certificate to every server, as `run` does (SEC-07).

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use conveyed_info::voucher::Nonce;
use pki::{certificate::Certificate, key, time::Clock};
use rustls::ClientConfig;
use verdict::{ReasonCode, Refusal, Trace};

use super::{Finding, Health, bad, good};
use crate::{
    Decision, OpenError, Record, Server,
    config::{ClockTrust, Config},
    device,
    env::{
        Environment, drive,
        linux::{self, names, network::Link},
    },
    identity::Identity,
    machine::{
        Answer, Discovery, Download, Downloaded, Event, Fetch, History, Machine, Pause, Policy, Request, Situation,
        SourceIndex, Work,
    },
    sources::{Learned, Source, Surroundings, removable_storage::Sticks},
    tls,
};

/// Why a probe goes no further: what stands behind it is no finding.
const NO_FURTHER: &str = "doctor goes no further";

/// Octets of an option that are shown.
const MAX_SHOWN: usize = 512;

/// Asks every source, connects to every server that it names, and judges whom it finds there. It sends no request, applies
/// nothing and writes nothing; a source that sets an interface up to ask does so here, too. It may run beside an agent.
///
/// # Errors
/// [`OpenError`] when the device cannot be opened: [`super::examine`] says why, and how to mend it.
pub fn probe(config: &Config) -> Result<Vec<Finding>, OpenError> {
    let identity = Identity::load(&config.identity)?;
    let policy = Arc::new(device::policy(config, &identity)?);
    let tls = tls::client_config(&identity.chain, identity.key.signer()).map_err(|source| OpenError::Tls { source })?;
    let sources = Source::all_of(&config.sources);
    let mut prober = Prober {
        config,
        policy: &policy,
        tls,
        sources: &sources,
        learned: Learned::default(),
        sticks: Sticks::default(),
        link: None,
        findings: Vec::new(),
        reached: BTreeSet::new(),
        is_data_good: false,
    };
    let nonce = match config.clock {
        ClockTrust::Trusted => None,
        ClockTrust::Untrusted => key::random::<32>().ok().and_then(|octets| Nonce::for_request(octets.to_vec())),
    };
    let running = device::factory_image(config);
    let situation = Situation { running, installed: None, nonce, history: History::default(), newest_voucher: None };
    drive(Machine::new(Arc::clone(&policy), situation), &mut prober);
    Ok(prober.concluded())
}

struct Prober<'a> {
    config: &'a Config,
    policy: &'a Policy,
    tls: Arc<ClientConfig>,
    sources: &'a [Source],
    learned: Learned,
    sticks: Sticks,
    link: Option<Link>,
    findings: Vec<Finding>,
    /// Servers that `run` would have sent a request to.
    reached: BTreeSet<String>,
    /// Whether something that lies on storage or in the DNS would have been applied.
    is_data_good: bool,
}

fn no_further() -> Refusal {
    Refusal::new(ReasonCode::NoSource, NO_FURTHER)
}

impl Prober<'_> {
    fn concluded(mut self) -> Vec<Finding> {
        let reached = self.reached.iter().cloned().collect::<Vec<_>>().join(", ");
        self.findings.push(if self.is_data_good {
            good("reach", "data that this device would apply is at hand")
        } else if self.reached.is_empty() {
            let fix = "Mend one of the sources or servers above: as it is, the device asks nobody.";
            bad("reach", "there is no server that this device would ask", fix)
        } else {
            good("reach", format!("this device would ask {reached}; what they have for it, only `run` finds out"))
        });
        self.findings
    }

    fn find(&mut self, check: &'static str, health: Health, detail: &str, fix: &'static str) {
        let fix = if health == Health::Good { "" } else { fix };
        self.findings.push(Finding { check, health, detail: Trace::readable(detail), fix });
    }
}

impl Environment for Prober<'_> {
    fn clock(&self) -> Clock {
        linux::clock(self.config.clock, linux::earliest())
    }

    fn monotonic(&self) -> Duration {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        ORIGIN.elapsed()
    }

    fn discover(&mut self, source: SourceIndex) -> Result<Discovery, Refusal> {
        let asked = self.sources.get(source.0).ok_or_else(no_further)?;
        let clock = self.clock();
        let mut notes = Vec::new();
        let found = asked.discover(&mut Surroundings {
            serial_number: &self.policy.serial_number,
            well_known: &self.config.well_known,
            clock,
            learned: &mut self.learned,
            notes: &mut notes,
            sticks: &mut self.sticks,
        });
        for raw in std::mem::take(&mut self.learned.received) {
            let detail = format!("{}: {}", raw.whence, hexadecimal(&raw.octets));
            self.find("source-octets", Health::Good, &detail, "");
        }
        for note in notes {
            self.find("source-noted", Health::Good, &format!("{}: {note}", asked.label()), "");
        }
        found
    }

    fn resolve(&mut self, server: &Server) -> Result<Vec<IpAddr>, Refusal> {
        let addresses = names::resolve(server.host(), server.port(), &self.learned)?;
        let shown = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.find("server-resolved", Health::Good, &format!("{server}: {shown}"), "");
        Ok(addresses)
    }

    fn connect(&mut self, server: &Server, address: SocketAddr) -> Result<Vec<Certificate>, Refusal> {
        self.link = None;
        let begun = Instant::now();
        let (link, chain) = Link::open(server, address, &self.tls, &self.config.limits)?;
        self.link = Some(link);
        let shown = chain.first().map_or_else(
            || "no certificate".to_owned(),
            |own| {
                format!(
                    "{} of {}, until {}, sha-256 {}",
                    own.subject_text(),
                    own.issuer(),
                    own.not_after(),
                    own.sha256()
                )
            },
        );
        let took = begun.elapsed().as_millis();
        self.find("server-connected", Health::Good, &format!("{server} at {address}: TLS in {took} ms, {shown}"), "");
        Ok(chain)
    }

    fn send(&mut self, _: &Request) -> Result<Answer, Refusal> {
        self.link = None;
        Err(no_further())
    }

    fn wait(&mut self, _: Pause) {}

    fn fetch(&mut self, _: &Fetch) -> Result<Vec<u8>, Refusal> {
        Err(no_further())
    }

    fn download(&mut self, _: &Download) -> Result<Downloaded, Refusal> {
        self.is_data_good = true;
        Err(no_further())
    }

    fn work(&mut self, _: Work) -> Result<Event, Refusal> {
        self.is_data_good = true;
        Err(no_further())
    }

    fn trace(&mut self, record: &Record) {
        let place = record.place.as_ref().map(|it| format!("{it}: ")).unwrap_or_default();
        let last_check = record.checks.checks().last().and_then(|check| check.note.as_deref());
        match (record.step, record.decision) {
            // What follows from going no further, and what was said already.
            (_, Decision::Refused) if record.detail.contains(NO_FURTHER) => {}
            ("connecting" | "asking" | "attempt-ended", _) => {}
            ("server-judged", _) => {
                if let Some(place) = &record.place {
                    self.reached.insert(place.to_string());
                }
                // Why it is provisional, which is no mistake: only signed data will count.
                let why = if record.detail == "trusted" { None } else { last_check };
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                self.find(record.step, Health::Good, &format!("{place}{}{why}", record.detail), "");
            }
            (step, Decision::Refused) => {
                let reason = record.reason.map(|reason| format!("{reason}: ")).unwrap_or_default();
                let detail = record.detail.strip_prefix(&place).unwrap_or(&record.detail);
                self.find(
                    step,
                    Health::Doubtful,
                    &format!("{place}{reason}{detail}"),
                    record.remedy.unwrap_or_default(),
                );
            }
            (step, _) => self.find(step, Health::Good, &format!("{place}{}", record.detail), ""),
        }
    }
}

/// Octets as a person compares them with a packet capture.
fn hexadecimal(octets: &[u8]) -> String {
    let shown: Vec<_> = octets.iter().take(MAX_SHOWN).map(|octet| format!("{octet:02x}")).collect();
    let more = if octets.len() > MAX_SHOWN { " …" } else { "" };
    format!("{} octets, {}{more}", octets.len(), shown.join(" "))
}
