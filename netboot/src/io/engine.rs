//! What drives a machine, the same for DHCPv4 and DHCPv6: datagrams in, records to the store, replies out.
//!
//! Records are written together: while one group is being made durable the next collects, without a timer. What was begun is finished first:
//! when more waits than can be written soon, clients that only begin are not heard, and they ask again. So the pace under overload is the
//! pace of the store.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};

use linux_sys::{
    datagram::{self, Batch},
    packet::PacketSocket,
    udp::UdpPacket,
};
use tokio::{
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval},
};
use tracing::{info, warn};

use super::{
    Clock, Finding, InterfaceWatch, Prober, Protocol, ServerError, Services, Standing,
    channel::Channel,
    local::{Local, Locals},
    told::Told,
};
use crate::{
    action::{Action, Destination, Outgoing, Pending, Probe},
    lease::{Address, Lease, LeaseStoreError, Numbered, Version, Written},
    moment::Moment,
    note::{Event, Ignored, Note},
    policy::Directory,
};

/// A machine as the engine sees it.
pub(super) trait Machine: Send + 'static {
    /// What it gives.
    type Address: Address;
    /// Which protocol it speaks.
    const PROTOCOL: Protocol;

    /// Takes a datagram.
    fn on_datagram(&mut self, now: Moment, heard: &Heard<'_>, directory: &Directory) -> Vec<Action<Self::Address>>;
    /// Takes what became of records.
    fn on_written(
        &mut self,
        pending: Pending<Self::Address>,
        outcome: Result<&[Written], String>,
    ) -> Vec<Action<Self::Address>>;
    /// Takes what a probe found.
    fn on_probed(
        &mut self,
        now: Moment,
        probe: Probe<Self::Address>,
        heard: &Heard<'_>,
        in_use: bool,
        directory: &Directory,
    ) -> Vec<Action<Self::Address>>;
    /// Takes records of others.
    fn on_followed(&mut self, leases: Vec<Lease>);
    /// A second is over.
    fn on_tick(&mut self, now: Moment, keep_seconds: u32);
    /// Whether a datagram is a client's first: what is passed over first when there is too much to do.
    fn begins(bytes: &[u8]) -> bool;
    /// Of each subnet its first address, the records kept of it, and the addresses of its pools.
    fn usage(&self) -> Vec<(std::net::IpAddr, usize, u128)>;
}

/// A datagram, and where it came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    pub(super) source: SocketAddr,
    /// Whether it was sent to a group or to everybody.
    pub(super) to_many: bool,
    pub(super) local: &'a Local,
    pub(super) bytes: &'a [u8],
}

/// Where a datagram came in, as long as its answer is under way.
#[derive(Clone, Copy, Debug)]
struct Origin {
    source: SocketAddr,
    to_many: bool,
    interface: u32,
}

type Writing = JoinHandle<Result<Vec<Written>, LeaseStoreError>>;
type Following = JoinHandle<Result<Vec<Numbered>, LeaseStoreError>>;

/// A machine with its socket.
pub(super) struct Engine<M: Machine> {
    pub(super) channel: Channel,
    pub(super) machine: M,
    pub(super) locals: Locals,
    pub(super) services: Services,
    pub(super) prober: Option<Prober>,
    pub(super) frames: Option<PacketSocket>,
    told: Told,
    /// Records that wait for the group before them.
    waiting: VecDeque<(Origin, Box<Pending<M::Address>>)>,
    in_flight: Vec<(Origin, Box<Pending<M::Address>>)>,
    probing: HashMap<std::net::IpAddr, Vec<(Origin, Box<Probe<M::Address>>)>>,
    outbox: Vec<(Origin, Outgoing)>,
    seen: Version,
}

/// What happened next.
enum Next {
    Stop,
    Heard(io::Result<()>),
    Written(Result<Vec<Written>, String>),
    Probed(super::Probed),
    Followed(Result<Vec<Numbered>, String>),
    InterfacesChanged,
    Tick,
}

impl<M: Machine> Engine<M> {
    /// Puts the parts together; nothing is read yet.
    pub(super) fn new(channel: Channel, machine: M, locals: Locals, services: Services) -> Self {
        Self {
            channel,
            machine,
            locals,
            services,
            prober: None,
            frames: None,
            told: Told::new(M::PROTOCOL),
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            probing: HashMap::new(),
            outbox: Vec::new(),
            seen: Version::default(),
        }
    }

    /// Answers until `shutdown` completes. Records on their way are finished first.
    pub(super) async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let clock = Clock::start();
        let mut batch = Batch::new(datagram::MOST);
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watch = InterfaceWatch::open().ok();
        let (mut writing, mut following): (Option<Writing>, Option<Following>) = (None, None);
        let mut failures: u32 = 0;
        tokio::pin!(shutdown);
        if !self.load(&mut shutdown).await {
            return Ok(());
        }
        let protocol = M::PROTOCOL.as_str();
        info!("{protocol} answers");
        loop {
            let next = self
                .next((&mut shutdown, &mut seconds, watch.as_ref()), &mut batch, (&mut writing, &mut following))
                .await;
            let now = clock.now();
            match next {
                Next::Stop => break,
                Next::Heard(Ok(())) => {
                    failures = 0;
                    self.hear(now, &batch);
                }
                // An interface that goes down reports it here once; a socket that only fails must not spin.
                Next::Heard(Err(error)) if failures < TOLERATED_FAILURES => {
                    failures = failures.saturating_add(1);
                    warn!(%error, "{protocol} receive failed");
                    tokio::time::sleep(pause(failures)).await;
                }
                Next::Heard(Err(source)) => return Err(ServerError::Receive { source }),
                Next::Written(outcome) => {
                    writing = None;
                    self.written(outcome);
                }
                Next::Probed(probed) => self.probed(now, probed),
                Next::Followed(followed) => {
                    following = None;
                    self.followed(followed);
                }
                Next::InterfacesChanged => self.interfaces_changed(),
                Next::Tick => {
                    self.tick(now);
                    following.get_or_insert_with(|| self.follow());
                }
            }
            if writing.is_none() {
                writing = self.write();
            }
            self.flush().await;
        }
        if let Some(writing) = writing {
            let outcome = ended(writing.await);
            self.written(outcome);
            self.flush().await;
        }
        info!("{protocol} stopped");
        Ok(())
    }

    async fn next(
        &mut self,
        (shutdown, seconds, watch): (
            &mut std::pin::Pin<&mut impl Future<Output = ()>>,
            &mut Interval,
            Option<&InterfaceWatch>,
        ),
        batch: &mut Batch,
        (writing, following): (&mut Option<Writing>, &mut Option<Following>),
    ) -> Next {
        let changed = async {
            match watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        let probed = async {
            match &mut self.prober {
                Some(prober) => prober.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shutdown => Next::Stop,
            outcome = of(writing) => Next::Written(ended(outcome)),
            probed = probed => Next::Probed(probed),
            _ = seconds.tick() => Next::Tick,
            outcome = of(following) => Next::Followed(ended(outcome)),
            _ = changed => Next::InterfacesChanged,
            received = self.channel.receive(batch) => Next::Heard(received),
        }
    }

    /// Learns what is on record. A store that cannot be read is asked again: without it, addresses would be given twice.
    async fn load(&mut self, shutdown: &mut std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        loop {
            let page = tokio::select! {
                () = &mut *shutdown => return false,
                page = self.services.leases.after(self.seen, PAGE) => page,
            };
            match page {
                Ok(page) if page.is_empty() => return true,
                Ok(page) => self.take_over(page),
                Err(error) => {
                    warn!(%error, "{} waits for its leases", M::PROTOCOL.as_str());
                    tokio::select! {
                        () = &mut *shutdown => return false,
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    }
                }
            }
        }
    }

    fn take_over(&mut self, page: Vec<Numbered>) {
        self.seen = page.last().map_or(self.seen, |last| last.version);
        let of_family = |lease: &Lease| M::Address::from_ip(lease.address).is_some();
        self.machine.on_followed(page.into_iter().map(|it| it.lease).filter(of_family).collect());
    }

    fn follow(&self) -> Following {
        let (leases, seen) = (Arc::clone(&self.services.leases), self.seen);
        tokio::spawn(async move { leases.after(seen, PAGE).await })
    }

    fn followed(&mut self, outcome: Result<Vec<Numbered>, String>) {
        match outcome {
            Ok(page) => self.take_over(page),
            Err(error) => warn!(error, "{} cannot follow its leases", M::PROTOCOL.as_str()),
        }
    }

    /// What was begun goes before what begins.
    fn hear(&mut self, now: Moment, batch: &Batch) {
        let (begun, beginning): (Vec<_>, Vec<_>) = batch.iter().partition(|it| !M::begins(it.bytes));
        for received in begun.into_iter().chain(beginning) {
            let Some(interface) = received.interface else { continue };
            // What a single socket hears on interfaces that are not served.
            if self.locals.numbered(interface).is_none() {
                continue;
            }
            let to_many = received.destination.is_none_or(|it| match it {
                std::net::IpAddr::V4(address) => address.is_broadcast(),
                std::net::IpAddr::V6(address) => address.is_multicast(),
            });
            let origin = Origin { source: received.source, to_many, interface };
            let busy = self.waiting.len() >= MOST_WAITING
                || (self.waiting.len() >= MOST_WAITING / 2 && M::begins(received.bytes));
            if busy {
                let event = Event::Ignored(Ignored::Busy);
                self.perform(origin, vec![Action::Note(Note { source: received.source, client: None, event })]);
                continue;
            }
            let actions = self.ask_machine(origin, received.bytes, |machine, heard, directory| {
                machine.on_datagram(now, heard, directory)
            });
            self.perform(origin, actions);
        }
    }

    fn ask_machine(
        &mut self,
        origin: Origin,
        bytes: &[u8],
        ask: impl FnOnce(&mut M, &Heard<'_>, &Directory) -> Vec<Action<M::Address>>,
    ) -> Vec<Action<M::Address>> {
        let Some(local) = self.locals.numbered(origin.interface) else { return Vec::new() };
        let heard = Heard { source: origin.source, to_many: origin.to_many, local, bytes };
        let directory = self.services.directory.read();
        ask(&mut self.machine, &heard, &directory)
    }

    fn perform(&mut self, origin: Origin, actions: Vec<Action<M::Address>>) {
        for action in actions {
            match action {
                Action::Send(outgoing) => self.outbox.push((origin, outgoing)),
                Action::Write(pending) => self.waiting.push_back((origin, pending)),
                Action::Probe(probe) => self.probe(origin, probe),
                Action::Note(note) => {
                    let name = self.locals.numbered(origin.interface).map_or("", |local| local.name.as_str());
                    self.told.tell(&note, name);
                    self.services.observer.noted(M::PROTOCOL, &note, name);
                }
            }
        }
    }

    fn probe(&mut self, origin: Origin, probe: Box<Probe<M::Address>>) {
        let address: std::net::IpAddr = probe.address.into();
        let asked = match (&mut self.prober, address) {
            (Some(prober), std::net::IpAddr::V4(address)) => prober.ask(address).is_ok(),
            _ => false,
        };
        if asked {
            self.probing.entry(address).or_default().push((origin, probe));
        } else {
            // In a storm, or without the right to ask: RFC 2131 §3.1 says *should*, and the client looks for itself.
            let actions = self.machine.on_probed(
                Moment::default(),
                *probe,
                &Heard { source: origin.source, to_many: origin.to_many, local: &Local::default(), bytes: &[] },
                false,
                &Directory::default(),
            );
            self.perform(origin, actions);
        }
    }

    fn probed(&mut self, now: Moment, probed: super::Probed) {
        let waiting = self.probing.remove(&std::net::IpAddr::V4(probed.address)).unwrap_or_default();
        for (origin, probe) in waiting {
            let in_use = matches!(probed.finding, Finding::InUse { .. });
            let actions = self.ask_machine(origin, &[], |machine, heard, directory| {
                machine.on_probed(now, *probe, heard, in_use, directory)
            });
            self.perform(origin, actions);
        }
    }

    /// Hands everything that waits to the store, as one group.
    fn write(&mut self) -> Option<Writing> {
        let group = self.waiting.len().min(GROUP);
        if group == 0 {
            return None;
        }
        self.in_flight = self.waiting.drain(..group).collect();
        let records: Vec<_> = self.in_flight.iter().flat_map(|(_, pending)| pending.leases.iter().cloned()).collect();
        let leases = Arc::clone(&self.services.leases);
        Some(tokio::spawn(async move { leases.write(records).await }))
    }

    fn written(&mut self, outcome: Result<Vec<Written>, String>) {
        let mut outcome = outcome.map(Vec::into_iter);
        for (origin, pending) in std::mem::take(&mut self.in_flight) {
            let count = pending.leases.len();
            let actions = match &mut outcome {
                Ok(written) => {
                    let its: Vec<_> = written.by_ref().take(count).collect();
                    if its.len() == count {
                        self.machine.on_written(*pending, Ok(&its))
                    } else {
                        self.machine.on_written(*pending, Err("the store said nothing of it".to_owned()))
                    }
                }
                Err(error) => self.machine.on_written(*pending, Err(error.clone())),
            };
            self.perform(origin, actions);
        }
    }

    fn interfaces_changed(&mut self) {
        if let Err(error) = self.locals.refresh() {
            warn!(%error, "{} cannot read the interfaces", M::PROTOCOL.as_str());
        }
    }

    fn tick(&mut self, now: Moment) {
        self.told.sum_up();
        self.machine.on_tick(now, self.services.keep_seconds);
        let standing =
            Standing { waiting: self.waiting.len(), lost: self.channel.lost(), subnets: self.machine.usage() };
        self.services.observer.standing(M::PROTOCOL, &standing);
    }

    async fn flush(&mut self) {
        let outbox = std::mem::take(&mut self.outbox);
        let mut datagrams = Vec::with_capacity(outbox.len());
        for (origin, outgoing) in &outbox {
            let destination = match outgoing.destination {
                Destination::Address(address) => address,
                Destination::Unnumbered { mac, address, port } => {
                    if self.send_frame(origin, &mac.0, SocketAddrV4::new(address, port), &outgoing.bytes) {
                        continue;
                    }
                    SocketAddrV4::new(Ipv4Addr::BROADCAST, port).into()
                }
            };
            datagrams.push(datagram::Outgoing {
                bytes: &outgoing.bytes,
                destination,
                source: None,
                interface: Some(origin.interface),
            });
        }
        for unsent in self.channel.send_many(&datagrams).await {
            let destination = datagrams.get(unsent.datagram).map(|it| it.destination);
            warn!(?destination, error = %unsent.error, "{} send failed", M::PROTOCOL.as_str());
        }
    }

    fn send_frame(&self, origin: &Origin, mac: &[u8], destination: SocketAddrV4, payload: &[u8]) -> bool {
        let Some(frames) = &self.frames else { return false };
        let local = self.locals.numbered(origin.interface).and_then(|local| local.ipv4.first());
        let Some(source) = local.map(|address| SocketAddrV4::new(*address, SERVER_PORT)) else { return false };
        frames.send(origin.interface, mac, &UdpPacket { source, destination, payload }).is_ok()
    }
}

async fn of<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

fn ended<T>(outcome: Result<Result<T, LeaseStoreError>, tokio::task::JoinError>) -> Result<T, String> {
    match outcome {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(error.because),
        Err(error) => Err(error.to_string()),
    }
}

/// How long to wait after so many receive errors in a row: 20 ms, doubled each time, up to 1.28 s.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(10 << failures.min(7))
}

/// The port that servers send from.
const SERVER_PORT: u16 = 67;
/// How many receive errors in a row are survived.
const TOLERATED_FAILURES: u32 = 16;
/// How many records one page has when a server learns what others wrote.
const PAGE: u32 = 2_000;
/// Most records that are made durable together.
const GROUP: usize = 1_024;
/// Most clients that wait for a record; from half of it on, those that only begin are passed over.
const MOST_WAITING: usize = 4_096;
