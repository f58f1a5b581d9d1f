//! The network of a simulated device, and its clock.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use conveyed_info::Unverified;
use conveyed_info::rpc::{ProgressType, YANG_DATA_JSON};
use device_client::{
    Place, Record, Server,
    apply::{staged::Staged, workshop::Workshop},
    env::Environment,
    machine::{
        Answer, Discovery, Download, Downloaded, Event, Fetch, Offer, Origin, Pause, Request, SourceIndex, Work,
    },
};
use pki::{certificate::Certificate, digest::sha256, time::Clock};
use verdict::{ReasonCode, Refusal};

use crate::{
    documents::{SERVERS, factory, now, server},
    plan::Giver,
    world::World,
};

pub(crate) struct Surroundings<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) workshop: &'a mut Workshop,
    pub(crate) connected: Option<SocketAddr>,
    /// What each server gave in this attempt.
    pub(crate) given: BTreeMap<SocketAddr, usize>,
    pub(crate) monotonic: Duration,
}

fn gone(what: &str) -> Refusal {
    Refusal::new(ReasonCode::ServerUnreachable, what)
}

impl Surroundings<'_> {
    /// One step on the network.
    fn step(&self, what: &str) -> Result<(), Refusal> {
        if !self.world.power.step(what) {
            return Err(gone("power is cut"));
        }
        if self.world.power.goes_wrong("the link is down", |faults| faults.network) {
            return Err(gone("the link is down"));
        }
        Ok(())
    }

    fn answer(&mut self, address: SocketAddr, request: &Request) -> Answer {
        let status = |status| Answer { status, media_type: None, retry_after: None, body: Vec::new() };
        let offered = self.world.offered.0[usize::from(address.to_string() == SERVERS[1])];
        match request {
            Request::BootstrappingData { .. } => {
                let Some(index) = offered else { return status(404) };
                self.given.insert(address, index);
                self.world.truth().given.insert(index);
                let body = factory().documents[index].answers[self.world.setting.level].clone();
                Answer { media_type: Some(YANG_DATA_JSON.to_owned()), body, ..status(200) }
            }
            Request::Progress { report, .. } => {
                let index = *self.given.get(&address).expect("a report without a document");
                if report.progress_type == ProgressType::BootstrapComplete {
                    let disk = self.world.disk.clone();
                    let mut truth = self.world.truth();
                    truth.assert_applied(index, &disk);
                    truth.acknowledged.insert(index);
                }
                status(204)
            }
            _ => status(404),
        }
    }

    /// The octets that are missing, in pieces, perhaps not all of them, perhaps wrong ones.
    fn transfer(&self, image: &[u8], staged: &mut Staged) -> Result<(), Refusal> {
        let power = &self.world.power;
        let stored = |error: std::io::Error| Refusal::new(ReasonCode::StorageFailed, error.to_string());
        let kept = usize::try_from(staged.length()).unwrap();
        let ignores_range = power.goes_wrong("from the beginning", |faults| faults.network);
        if kept > image.len() || (kept > 0 && ignores_range) {
            staged.restart().map_err(stored)?;
        }
        let from = usize::try_from(staged.length()).unwrap();
        for piece in image[from..].chunks(16) {
            self.step("a piece of an image").map_err(|it| Refusal::new(ReasonCode::ImageUnreachable, it.detail))?;
            let mut piece = piece.to_vec();
            if power.goes_wrong("a wrong octet", |faults| faults.network * 2) {
                piece[0] ^= 1;
            }
            staged.append(&piece).map_err(stored)?;
        }
        Ok(())
    }
}

impl Environment for Surroundings<'_> {
    fn clock(&self) -> Clock {
        self.world.clock()
    }

    fn monotonic(&self) -> Duration {
        self.monotonic
    }

    fn discover(&mut self, _: SourceIndex) -> Result<Discovery, Refusal> {
        self.step("discover")?;
        if self.world.setting.giver == Giver::Servers {
            return Ok(Discovery::of_servers(SERVERS.map(server).to_vec(), Origin::Factory));
        }
        let lying = |index: usize| {
            self.world.truth().given.insert(index);
            let data = Unverified::new(factory().documents[index].signed.clone());
            Offer::Data(Place::Folder("/media/stick".into()), data)
        };
        let offers = self.world.offered.0.iter().flatten().copied().map(lying).collect();
        Ok(Discovery { offers, ignored: Vec::new() })
    }

    fn resolve(&mut self, server: &Server) -> Result<Vec<IpAddr>, Refusal> {
        Err(gone(server.host()))
    }

    fn connect(&mut self, _: &Server, address: SocketAddr) -> Result<Vec<Certificate>, Refusal> {
        self.connected = None;
        self.step("connect")?;
        self.connected = Some(address);
        Ok(factory().server_chain.clone())
    }

    fn send(&mut self, request: &Request) -> Result<Answer, Refusal> {
        let name = match request {
            Request::HostMeta => "host-meta".to_owned(),
            Request::BootstrappingData { .. } => "ask".to_owned(),
            Request::Progress { report, .. } => format!("report {}", report.progress_type),
            _ => "another request".to_owned(),
        };
        self.step(&name)?;
        let address = self.connected.ok_or_else(|| gone("no connection"))?;
        let busy = self.world.power.goes_wrong("the server is busy", |faults| faults.network);
        if busy {
            let status = [500, 503][self.world.power.choose(2)];
            let retry_after = Some(Duration::from_secs(3));
            return Ok(Answer { status, media_type: None, retry_after, body: Vec::new() });
        }
        let answer = self.answer(address, request);
        // The server did what it was asked to, and the device does not hear of it.
        self.step("the answer")?;
        Ok(answer)
    }

    fn wait(&mut self, pause: Pause) {
        let (Pause::About(pause) | Pause::AtLeast(pause)) = pause;
        self.monotonic += pause;
    }

    fn fetch(&mut self, fetch: &Fetch) -> Result<Vec<u8>, Refusal> {
        // Nothing in these worlds demands revocation lists.
        Err(Refusal::new(ReasonCode::RevocationUnchecked, fetch.place.uri()))
    }

    fn download(&mut self, download: &Download) -> Result<Downloaded, Refusal> {
        self.step("download")?;
        let has = |image: &&Vec<u8>| Some(sha256(image)) == download.expected;
        let image = factory().images.iter().find(has).expect("an image that nobody has");
        self.workshop.images().receive(download.expected.as_ref(), |staged| self.transfer(image, staged))
    }

    fn work(&mut self, work: Work) -> Result<Event, Refusal> {
        let is_dark = self.world.power.is_dark();
        let fact = match &work {
            Work::Remember(fact) => Some(*fact),
            _ => None,
        };
        match &work {
            Work::Remember(fact) if !is_dark => self.world.truth().remembers(fact),
            Work::InstallImage(installation) if !is_dark => self.world.truth().installs(installation.sha256),
            Work::WriteDone(completion) if !is_dark => {
                let index = crate::truth::index_of(&completion.document);
                let is_told = self.world.truth().acknowledged.contains(&index);
                assert!(is_told || self.world.setting.giver == Giver::Stick, "no server knows that {index} is applied");
            }
            _ => {}
        }
        self.world.power.note(format!("        -- {}", name_of(&work)));
        let event = self.workshop.carry_out(work, now(), &mut |_| {})?;
        if let Some(fact) = fact {
            self.world.truth().remembered(&fact);
        }
        Ok(event)
    }

    fn trace(&mut self, record: &Record) {
        self.world.power.note(format!("          {}: {}", record.step, record.detail));
    }
}

fn name_of(work: &Work) -> String {
    match work {
        Work::Remember(fact) => format!("{fact:?}").chars().take(60).collect(),
        Work::RunScript(step, _) => format!("run {step}"),
        Work::Commit(_) => "commit".to_owned(),
        Work::RollBack => "roll back".to_owned(),
        Work::InstallImage(_) => "install".to_owned(),
        Work::WriteDone(_) => "write done".to_owned(),
        other => format!("{other:?}").chars().take(40).collect(),
    }
}
