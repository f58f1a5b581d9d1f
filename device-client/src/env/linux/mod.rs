//! A real device: sockets, files and processes.

mod download;
mod fetch;
pub(crate) mod names;
pub(crate) mod network;
pub(crate) mod station;
mod stick_image;
pub(crate) mod stream;

use std::{
    fs::File,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, LazyLock},
    time::{Duration, Instant, SystemTime},
};

use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    time::{Clock, Timestamp},
};
use rustls::ClientConfig;
use verdict::{ReasonCode, Refusal};

use super::{Environment, spread};
use crate::{
    Decision, Record, Server,
    apply::workshop::Workshop,
    capture::CaptureWriter,
    config::{ClockTrust, Config},
    machine::{
        Answer, Discovery, Download, Downloaded, Event, Fetch, ImageLocation, Moment, Pause, Request, SourceIndex,
        Step, Work,
    },
    sources::{Learned, Source, Surroundings, removable_storage::Sticks},
    tls,
};
use network::Link;

/// 2026-01-01T00:00:00Z: no device with this agent runs before it (SEC-03).
const EARLIEST: i64 = 1_767_225_600;

/// The surroundings of one device.
pub struct LinuxEnvironment<'a> {
    pub(crate) config: &'a Config,
    pub(crate) serial_number: &'a SerialNumber,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) workshop: &'a mut Workshop,
    pub(crate) sink: &'a mut dyn FnMut(&Record),
    pub(crate) link: Option<Link>,
    pub(crate) sources: &'a [Source],
    /// No moment before this one is the present (SEC-03).
    pub(crate) at_least: Timestamp,
    /// What sources said of the network in this attempt.
    pub(crate) learned: Learned,
    /// Where everything is kept that the machine is told, where somebody wants it.
    pub(crate) capture: &'a mut Option<CaptureWriter<File>>,
    /// The removable storage that data came from in this attempt.
    pub(crate) sticks: Sticks,
}

impl std::fmt::Debug for LinuxEnvironment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinuxEnvironment").field("workshop", &self.workshop).finish_non_exhaustive()
    }
}

/// What the clock of a device with this configuration says, when the present is known to lie at or after `at_least`.
pub(crate) fn clock(trust: ClockTrust, at_least: Timestamp) -> Clock {
    match trust {
        ClockTrust::Trusted => Clock::Trusted(Timestamp::from_system(SystemTime::now())),
        // SEC-02: no NTP, and no date that a server states, makes another clock of it.
        ClockTrust::Untrusted => Clock::Untrusted { at_least },
    }
}

/// The earliest moment at which this agent can be running: when it was built, where whoever built it says so
/// (`SOURCE_DATE_EPOCH`).
pub(crate) fn earliest() -> Timestamp {
    let built = option_env!("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse().ok());
    Timestamp::from_unix(built.unwrap_or(EARLIEST).max(EARLIEST))
}

impl Environment for LinuxEnvironment<'_> {
    fn clock(&self) -> Clock {
        clock(self.config.clock, self.at_least)
    }

    fn monotonic(&self) -> Duration {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        ORIGIN.elapsed()
    }

    fn discover(&mut self, source: SourceIndex) -> Result<Discovery, Refusal> {
        let nothing = || Refusal::new(ReasonCode::NoSource, "no such source is configured");
        let asked = self.sources.get(source.0).ok_or_else(nothing)?;
        let clock = self.clock();
        let mut notes = Vec::new();
        let found = asked.discover(&mut Surroundings {
            serial_number: self.serial_number,
            well_known: &self.config.well_known,
            clock,
            learned: &mut self.learned,
            sticks: &mut self.sticks,
            notes: &mut notes,
        });
        for note in notes {
            let mut record = Record::new("source-noted", Decision::Noted, format!("{}: {note}", asked.label()));
            record.time = clock.now().map(|now| now.to_string());
            self.trace(&record);
        }
        found
    }

    fn resolve(&mut self, server: &Server) -> Result<Vec<IpAddr>, Refusal> {
        names::resolve(server.host(), server.port(), &self.learned)
    }

    fn connect(&mut self, server: &Server, address: SocketAddr) -> Result<Vec<Certificate>, Refusal> {
        // Whatever was open belongs to another judgement.
        self.link = None;
        let (link, chain) = Link::open(server, address, &self.tls, &self.config.limits)?;
        self.link = Some(link);
        Ok(chain)
    }

    fn send(&mut self, request: &Request) -> Result<Answer, Refusal> {
        let Some(link) = &mut self.link else {
            return Err(Refusal::new(ReasonCode::ServerUnreachable, "there is no connection"));
        };
        link.send(request, &self.tls, &self.config.limits)
    }

    fn wait(&mut self, pause: Pause) {
        std::thread::sleep(spread(pause));
    }

    fn fetch(&mut self, fetch: &Fetch) -> Result<Vec<u8>, Refusal> {
        fetch::fetch(fetch, &self.config.limits)
    }

    fn download(&mut self, download: &Download) -> Result<Downloaded, Refusal> {
        let (images, limits, expected) = (self.workshop.images(), &self.config.limits, download.expected.as_ref());
        match &download.from {
            ImageLocation::Uri(uri) => {
                let refuse = |error: rustls::Error| Refusal::new(ReasonCode::HandshakeFailed, error.to_string());
                let tls = tls::anonymous_client_config().map_err(refuse)?;
                download::fetch(uri, expected, images, &tls, limits, &self.learned)
            }
            ImageLocation::Stick { place, path } => {
                stick_image::copy(self.sticks.of(place), path, expected, images, limits)
            }
        }
    }

    fn work(&mut self, work: Work) -> Result<Event, Refusal> {
        let remembered = match &work {
            Work::RememberVoucher(voucher) => voucher.created_on,
            _ => None,
        };
        let event = self.workshop.carry_out(work, Timestamp::from_system(SystemTime::now()), self.sink)?;
        // SEC-03: from now on, the present is known to lie after it.
        self.at_least = self.at_least.max(remembered.unwrap_or(self.at_least));
        Ok(event)
    }

    fn trace(&mut self, record: &Record) {
        (self.sink)(record);
    }

    fn told(&mut self, now: Moment, event: Option<&Event>) {
        let written = self.capture.as_mut().map_or(Ok(()), |capture| capture.told(now, event));
        self.captured(written);
    }

    fn decided(&mut self, step: &Step) {
        let written = self.capture.as_mut().map_or(Ok(()), |capture| capture.decided(step));
        self.captured(written);
    }
}

impl LinuxEnvironment<'_> {
    /// A capture that cannot be written ends; the device goes on.
    fn captured(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            *self.capture = None;
            let refusal = Refusal::new(ReasonCode::StorageFailed, format!("the capture: {error}"));
            (self.sink)(&Record::refused("capture", &refusal));
        }
    }
}
