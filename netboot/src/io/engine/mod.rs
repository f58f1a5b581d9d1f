//! What drives a machine, the same for DHCPv4 and DHCPv6: datagrams in, records to the store, replies out.
//!
//! Records are written together: while one group is being made durable the next collects, without a timer. What was begun is finished first:
//! when more waits than can be written soon, clients that only begin are not heard, and they ask again. So the pace under overload is the
//! pace of the store.

mod following;
mod probing;
mod writing;

use std::{
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
use tracing::{debug, info, warn};

use self::{following::Followed, probing::Asked, writing::Queue};
use super::{
    Clock, InterfaceWatch, OpenError, Prober, Protocol, ServerError, Services, Standing,
    channel::Channel,
    local::{Local, Locals},
    outbox::Outbox,
    reception::{Arrived, Reception},
    told::Told,
};
use crate::{
    action::{Action, Pending, Probe},
    lease::{Address, Book, Lease, LeaseStoreError, Numbered, Written},
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
    /// What it knows of its addresses, if it gives any.
    fn book(&mut self) -> Option<&mut Book<Self::Address>>;
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
    clock: Clock,
    /// The present moment.
    now: Moment,
    told: Told,
    records: Queue<M::Address>,
    probing: Asked<M::Address>,
    outbox: Outbox,
    followed: Followed,
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
        let clock = Clock::start(services.time.as_ref());
        Self {
            channel: Arc::new(channel),
            machine,
            locals,
            services,
            prober: None,
            frames: None,
            confined: None,
            groups: None,
            clock,
            now: Moment::default(),
            told: Told::new(M::PROTOCOL),
            records: Queue::default(),
            probing: Asked::default(),
            outbox: Outbox::default(),
            followed: Followed::default(),
        }
    }

    /// Answers until `shutdown` completes. Records on their way are finished first.
    pub(super) async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
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
            self.now = self.clock.now(self.services.time.as_ref());
            match next {
                Next::Stop => break,
                Next::Heard(Ok(arrived)) => self.hear(arrived),
                Next::Heard(Err(source)) => return Err(ServerError::Receive { source }),
                Next::Written(outcome) => {
                    writing = None;
                    self.written(outcome);
                }
                Next::Probed(probed) => self.probed(probed),
                Next::Followed(followed) => {
                    following = self.followed(followed).then(|| self.follow());
                }
                Next::InterfacesChanged => {
                    if self.interfaces_changed() {
                        reception = Reception::of(Arc::clone(&self.channel), protocol);
                    }
                }
                Next::Tick => {
                    self.tick();
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

    /// What was begun goes before what begins.
    fn hear(&mut self, arrived: Vec<Arrived>) {
        let (begun, beginning): (Vec<_>, Vec<_>) = arrived.into_iter().partition(|it| !M::begins(&it.bytes));
        for received in begun.into_iter().chain(beginning) {
            let Arrived { bytes, source, to_many, interface } = received;
            // What a single socket hears on interfaces that are not served.
            if self.locals.numbered(interface).is_none() {
                continue;
            }
            let origin = Origin { source, to_many, interface };
            let waiting = self.records.waiting();
            if waiting >= MOST_WAITING || (waiting >= MOST_WAITING / 2 && M::begins(&bytes)) {
                let event = Event::Ignored(Ignored::Busy);
                self.perform(origin, vec![Action::Note(Note { source, client: None, event })]);
                continue;
            }
            let now = self.now;
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
                Action::Write(pending) => self.records.put(origin, pending),
                Action::Probe(probe) => self.probe(origin, probe),
                Action::Note(note) => {
                    let name = self.locals.numbered(origin.interface).map_or("", |local| local.name.as_str());
                    self.told.tell(&note, name);
                    self.services.observer.noted(M::PROTOCOL, &note, name);
                }
            }
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

    fn tick(&mut self) {
        self.look_at_the_clock();
        self.records.try_again();
        self.told.sum_up();
        self.machine.on_tick(self.now, self.services.keep_seconds);
        let standing =
            Standing { waiting: self.records.waiting(), lost: self.channel.lost(), subnets: self.machine.usage() };
        self.services.observer.standing(M::PROTOCOL, &standing);
    }

    /// When somebody set the clock, what this server dated is dated anew and written again.
    fn look_at_the_clock(&mut self) {
        let Some(by) = self.clock.look(self.services.time.as_ref()) else { return };
        self.now = self.clock.now(self.services.time.as_ref());
        let protocol = M::PROTOCOL.as_str();
        self.records.clock_set(by);
        match self.machine.book() {
            Some(book) => {
                let leases = book.clock_set(by);
                warn!(
                    seconds = by,
                    leases,
                    "{protocol}: the clock was set; what was lent since the start keeps the time that is left of it, and is written again"
                );
            }
            None => debug!(seconds = by, "{protocol}: the clock was set"),
        }
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

/// Most clients that wait for a record; from half of it on, those that only begin are passed over.
const MOST_WAITING: usize = 4_096;
