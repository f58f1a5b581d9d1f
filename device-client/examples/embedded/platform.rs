//! An imaginary platform without Linux: a card slot, a flash chip, a clock, a watchdog.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use conveyed_info::{
    discovery::{
        ArtifactKind,
        removable_storage::{Layout, MAXIMUM_FILE, bootstrapping_data, candidates},
    },
    verify::VoucherFacts,
};
use device_client::{
    Place, Record, Server,
    env::Environment,
    machine::{
        Answer, Completion, Discovery, Download, Downloaded, Event, Fact, Fetch, ImageLocation, Offer, Pause, Request,
        RunningImage, SourceIndex, SwitchPosition, Work,
    },
};
use pki::{
    certificate::Certificate,
    digest::sha256,
    identity::SerialNumber,
    time::{Clock, Timestamp},
};
use verdict::{ReasonCode, Refusal};

/// The files on a card, by their path.
pub(crate) type Card = BTreeMap<String, Vec<u8>>;

/// Where the card is, to people.
const SLOT: &str = "card slot 1";

/// What outlives a cut of power. On a real chip each change is one record with a checksum, appended and then read back.
#[derive(Default)]
pub(crate) struct Flash {
    pub(crate) facts: Vec<Fact>,
    pub(crate) newest_voucher: Option<VoucherFacts>,
    pub(crate) done: Option<Completion>,
    /// The partition that is written next, and the one that is booted.
    staged: Option<Vec<u8>>,
    pub(crate) slot: Option<(RunningImage, Vec<u8>)>,
    pub(crate) configuration: Vec<u8>,
    previous_configuration: Option<Vec<u8>>,
}

pub(crate) struct Platform<'a> {
    pub(crate) serial_number: SerialNumber,
    pub(crate) card: &'a Card,
    pub(crate) flash: &'a mut Flash,
    pub(crate) ticks: u64,
    pub(crate) watchdog: usize,
    pub(crate) log: Vec<String>,
}

/// What this platform cannot do is a refusal, like everything else that fails: it leads on to the next server or source.
fn no(what: &str) -> Refusal {
    Refusal::new(ReasonCode::ServerUnreachable, format!("this platform has no {what}"))
}

impl Environment for Platform<'_> {
    fn clock(&self) -> Clock {
        Clock::Trusted(Timestamp::from_unix(super::owner::NOW))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.ticks)
    }

    fn discover(&mut self, _: SourceIndex) -> Result<Discovery, Refusal> {
        let mut discovery = Discovery { offers: Vec::new(), ignored: Vec::new() };
        for folder in candidates(&[Layout::default()], &self.serial_number) {
            let mut files = Vec::new();
            for kind in ArtifactKind::ALL {
                for path in folder.read_paths(kind) {
                    // Bounded before it is copied (USB-08).
                    let file = self.card.get(&path.to_string()).filter(|file| file.len() <= MAXIMUM_FILE);
                    files.extend(file.map(|file| (kind, file.clone())));
                }
            }
            let place = Place::Folder(format!("{SLOT}: {}", folder.path()));
            match bootstrapping_data(files) {
                Ok(data) => discovery.offers.push(Offer::Data(place, data)),
                Err(error) => discovery.ignored.push(Refusal::new(error.reason(), format!("{place}: {error}"))),
            }
        }
        Ok(discovery)
    }

    fn resolve(&mut self, _: &Server) -> Result<Vec<IpAddr>, Refusal> {
        Err(no("resolver"))
    }

    fn connect(&mut self, _: &Server, _: SocketAddr) -> Result<Vec<Certificate>, Refusal> {
        Err(no("network"))
    }

    fn send(&mut self, _: &Request) -> Result<Answer, Refusal> {
        Err(no("network"))
    }

    fn wait(&mut self, pause: Pause) {
        let pause = device_client::env::spread(pause);
        self.ticks += u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    }

    fn fetch(&mut self, _: &Fetch) -> Result<Vec<u8>, Refusal> {
        Err(no("network"))
    }

    fn download(&mut self, download: &Download) -> Result<Downloaded, Refusal> {
        // There is one card, so the place is the right one.
        let ImageLocation::Stick { path, .. } = &download.from else { return Err(no("network")) };
        let missing = || Refusal::new(ReasonCode::ImageUnreachable, format!("{SLOT}: there is no {path}"));
        let image = self.card.get(&path.to_string()).ok_or_else(missing)?;
        self.flash.staged = Some(image.clone());
        let length = u64::try_from(image.len()).unwrap_or(u64::MAX);
        Ok(Downloaded { sha256: sha256(image), length, resumed_from: 0 })
    }

    fn work(&mut self, work: Work) -> Result<Event, Refusal> {
        let flash = &mut *self.flash;
        match work {
            Work::DiscardImage => flash.staged = None,
            Work::InstallImage(installation) => {
                let nothing = || Refusal::new(ReasonCode::StorageFailed, "nothing is staged");
                let image = flash.staged.take().ok_or_else(nothing)?;
                let names = RunningImage {
                    os_name: installation.os_name,
                    os_version: installation.os_version,
                    sha256: Some(installation.sha256),
                };
                flash.slot = Some((names, image));
            }
            Work::Commit(configuration) => {
                // The way back is written before the way on.
                flash.previous_configuration.get_or_insert_with(|| flash.configuration.clone());
                flash.configuration = configuration.content;
            }
            Work::RollBack => {
                if let Some(previous) = flash.previous_configuration.take() {
                    flash.configuration = previous;
                }
            }
            Work::Remember(fact) => flash.facts.push(fact),
            Work::RememberVoucher(voucher) => flash.newest_voucher = Some(voucher),
            Work::WriteDone(completion) => {
                flash.done = Some(completion);
                flash.previous_configuration = None;
            }
            Work::ReadSwitch => return Ok(Event::Switch(SwitchPosition::On)),
            // Whoever starts the agent boots the slot when the outcome asks for it.
            Work::Reboot => {}
            Work::RunScript(step, _) => {
                return Err(Refusal::new(ReasonCode::PreScriptFailed, format!("{step}: there is no shell here")));
            }
            // An action that is newer than this code.
            other => return Err(Refusal::new(ReasonCode::StorageFailed, format!("not done here: {other:?}"))),
        }
        Ok(Event::Done)
    }

    fn trace(&mut self, record: &Record) {
        self.log.push(format!("{:?} {} {}", record.decision, record.step, record.detail));
    }
}
