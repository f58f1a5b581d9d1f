//! What drives a machine, the same for DHCPv4 and DHCPv6: datagrams in, records to the store, replies out.
//!
//! Records are written together: while one group is being made durable the next collects, without a timer. What was begun is finished first:
//! when more waits than can be written soon, clients that only begin are not heard, and they ask again. So the pace under overload is the
//! pace of the store.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use linux_sys::packet::PacketSocket;
use tokio::{
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval},
};
use tracing::{info, warn};

use super::{
    Clock, Finding, InterfaceWatch, OpenError, ProbeOutcome, Prober, Protocol, ServerError, Services, Standing,
    channel::Channel,
    local::{Local, Locals},
    outbox::Outbox,
    reception::{Arrived, Reception},
    told::Told,
};
use crate::{
    action::{Action, Pending, Probe},
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
    fn usage(&self) -> Vec<(IpAddr, usize, u128)>;
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

type Probing<A> = (Origin, Box<Probe<A>>);
type Writing = JoinHandle<Result<Vec<Written>, LeaseStoreError>>;
type Following = JoinHandle<Result<Vec<Numbered>, LeaseStoreError>>;

/// A machine with its socket.
pub(super) struct Engine<M: Machine> {
    pub(super) channel: Arc<Channel>,
    pub(super) machine: M,
    pub(super) locals: Locals,
    pub(super) services: Services,
    pub(super) prober: Option<Prober>,
    pub(super) frames: Option<PacketSocket>,
    pub(super) confined: Option<Confined>,
    /// Hears groups on the interfaces that are served, and no more on those with these indexes, which are gone.
    pub(super) groups: Option<fn(&Channel, &Locals, &[u32])>,
    told: Told,
    /// Records that wait for the group before them.
    waiting: VecDeque<(Origin, Box<Pending<M::Address>>)>,
    in_flight: Vec<(Origin, Box<Pending<M::Address>>)>,
    probing: HashMap<IpAddr, Vec<Probing<M::Address>>>,
    outbox: Outbox,
    seen: Version,
}

/// The one interface that the socket is confined to, and how it is bound to it again.
pub(super) struct Confined {
    pub(super) interface: String,
    pub(super) bind: Box<dyn Fn() -> Result<Channel, OpenError> + Send>,
}

/// What happened next.
enum Next {
    Stop,
    Heard(io::Result<Vec<Arrived>>),
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
            channel: Arc::new(channel),
            machine,
            locals,
            services,
            prober: None,
            frames: None,
            confined: None,
            groups: None,
            told: Told::new(M::PROTOCOL),
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            probing: HashMap::new(),
            outbox: Outbox::default(),
            seen: Version::default(),
        }
    }

    /// Answers until `shutdown` completes. Records on their way are finished first.
    pub(super) async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let clock = Clock::start();
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watch = InterfaceWatch::open().ok();
        let (mut writing, mut following): (Option<Writing>, Option<Following>) = (None, None);
        tokio::pin!(shutdown);
        if !self.load(&mut shutdown).await {
            return Ok(());
        }
        let protocol = M::PROTOCOL.as_str();
        let mut reception = Reception::of(Arc::clone(&self.channel), protocol);
        info!("{protocol} answers");
        loop {
            let next = self
                .next((&mut shutdown, &mut seconds, watch.as_ref()), &mut reception, (&mut writing, &mut following))
                .await;
            let now = clock.now();
            match next {
                Next::Stop => break,
                Next::Heard(Ok(arrived)) => self.hear(now, arrived),
                Next::Heard(Err(source)) => return Err(ServerError::Receive { source }),
                Next::Written(outcome) => {
                    writing = None;
                    self.written(outcome);
                }
                Next::Probed(probed) => self.probed(now, probed),
                Next::Followed(followed) => {
                    // A whole page: there is more.
                    following = self.followed(followed).then(|| self.follow());
                }
                Next::InterfacesChanged => {
                    if self.interfaces_changed() {
                        reception = Reception::of(Arc::clone(&self.channel), protocol);
                    }
                }
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
        reception.end().await;
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
        reception: &mut Reception,
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
            arrived = reception.next() => Next::Heard(arrived),
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

    /// Whether there may be more.
    fn followed(&mut self, outcome: Result<Vec<Numbered>, String>) -> bool {
        match outcome {
            Ok(page) => {
                let whole = u32::try_from(page.len()) == Ok(PAGE);
                self.take_over(page);
                whole
            }
            Err(error) => {
                warn!(error, "{} cannot follow its leases", M::PROTOCOL.as_str());
                false
            }
        }
    }

    /// What was begun goes before what begins.
    fn hear(&mut self, now: Moment, arrived: Vec<Arrived>) {
        let (begun, beginning): (Vec<_>, Vec<_>) = arrived.into_iter().partition(|it| !M::begins(&it.bytes));
        for received in begun.into_iter().chain(beginning) {
            let Arrived { bytes, source, to_many, interface } = received;
            // What a single socket hears on interfaces that are not served.
            if self.locals.numbered(interface).is_none() {
                continue;
            }
            let origin = Origin { source, to_many, interface };
            let busy =
                self.waiting.len() >= MOST_WAITING || (self.waiting.len() >= MOST_WAITING / 2 && M::begins(&bytes));
            if busy {
                let event = Event::Ignored(Ignored::Busy);
                self.perform(origin, vec![Action::Note(Note { source, client: None, event })]);
                continue;
            }
            let actions = self
                .ask_machine(origin, &bytes, |machine, heard, directory| machine.on_datagram(now, heard, directory));
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
                Action::Send(outgoing) => self.outbox.put(origin.interface, outgoing),
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
        let address: IpAddr = probe.address.into();
        let asked = match (&mut self.prober, address) {
            (Some(prober), IpAddr::V4(address)) => prober.ask(address).is_ok(),
            _ => false,
        };
        if asked {
            // Whoever asks again before the answer is there has asked already.
            let waiting = self.probing.entry(address).or_default();
            if waiting.len() < MOST_PROBING {
                waiting.push((origin, probe));
            }
        } else {
            self.services.observer.probed(M::PROTOCOL, ProbeOutcome::NotAsked);
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
        let outcome = match probed.finding {
            Finding::Free => ProbeOutcome::Free,
            Finding::InUse { .. } => ProbeOutcome::InUse,
        };
        self.services.observer.probed(M::PROTOCOL, outcome);
        let waiting = self.probing.remove(&IpAddr::V4(probed.address)).unwrap_or_default();
        for (origin, probe) in waiting {
            let in_use = match probed.finding {
                Finding::Free => false,
                // The client itself, from before.
                Finding::InUse { hardware, .. } => hardware.is_none() || hardware != probe.client,
            };
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
        let mut group = std::mem::take(&mut self.in_flight);
        let mut written = match outcome {
            Ok(written) => written.into_iter(),
            Err(because) => {
                // Undone from the last to the first: a client that asked twice has two records in one group.
                for (origin, pending) in group.into_iter().rev() {
                    let actions = self.machine.on_written(*pending, Err(because.clone()));
                    self.perform(origin, actions);
                }
                return;
            }
        };
        for (origin, pending) in group.drain(..) {
            let count = pending.leases.len();
            let its: Vec<_> = written.by_ref().take(count).collect();
            let told =
                if its.len() == count { Ok(its.as_slice()) } else { Err("the store said nothing of it".to_owned()) };
            let actions = self.machine.on_written(*pending, told);
            self.perform(origin, actions);
        }
    }

    /// Whether the socket is another one now.
    fn interfaces_changed(&mut self) -> bool {
        let protocol = M::PROTOCOL.as_str();
        let before: Vec<u32> = self.locals.iter().map(|(index, _)| index).collect();
        if let Err(error) = self.locals.refresh() {
            warn!(%error, "{protocol} cannot read the interfaces");
        }
        let bound = self.bind_again(&before);
        if let Some(groups) = self.groups {
            let gone: Vec<u32> = before.into_iter().filter(|index| self.locals.numbered(*index).is_none()).collect();
            groups(&self.channel, &self.locals, &gone);
        }
        bound
    }

    /// A socket that is confined to an interface hears no more of one that was removed, even when it comes back.
    fn bind_again(&mut self, before: &[u32]) -> bool {
        let protocol = M::PROTOCOL.as_str();
        let Some(confined) = &self.confined else { return false };
        let came =
            self.locals.iter().any(|(index, local)| local.name == confined.interface && !before.contains(&index));
        if !came {
            return false;
        }
        match (confined.bind)() {
            Ok(channel) => {
                info!(interface = confined.interface, "{protocol} serves an interface that came back");
                self.channel = Arc::new(channel);
                true
            }
            Err(error) => {
                warn!(%error, "{protocol} cannot serve an interface that came back");
                false
            }
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
        self.outbox.send(&self.channel, self.frames.as_ref(), &self.locals, M::PROTOCOL.as_str()).await;
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

/// How many records one page has when a server learns what others wrote.
const PAGE: u32 = 2_000;
/// Most records that are made durable together.
const GROUP: usize = 1_024;
/// Most requests that wait for the same address to be found free.
const MOST_PROBING: usize = 4;
/// Most clients that wait for a record; from half of it on, those that only begin are passed over.
const MOST_WAITING: usize = 4_096;
