//! A store and clocks that do as a test says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use netboot::{
    io::{Services, Time},
    lease::{Lease, LeaseFuture, LeaseStore, LeaseStoreError, Numbered, Version, Written},
    moment::Moment,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// How long anything may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Clocks of a host that stand still until they are told to go on.
#[derive(Debug, Default)]
pub(crate) struct ToldTime {
    wall: AtomicU64,
    passed: AtomicU64,
}

impl ToldTime {
    pub(crate) fn at(wall: u64) -> Arc<Self> {
        Arc::new(Self { wall: wall.into(), passed: 0.into() })
    }

    /// Seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.passed.fetch_add(seconds, Ordering::Relaxed);
        self.wall.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Somebody sets the clock.
    pub(crate) fn set(&self, wall: u64) {
        self.wall.store(wall, Ordering::Relaxed);
    }
}

impl Time for ToldTime {
    fn wall(&self) -> Moment {
        Moment(self.wall.load(Ordering::Relaxed))
    }

    fn passed(&self) -> Duration {
        Duration::from_secs(self.passed.load(Ordering::Relaxed))
    }
}

type Answer<T> = oneshot::Sender<Result<T, LeaseStoreError>>;

/// What a server asks its store.
pub(crate) enum Asked {
    After(Version, Answer<Vec<Numbered>>),
    Write(Vec<Lease>, Answer<Vec<Written>>),
}

struct Store(mpsc::UnboundedSender<Asked>);

impl Store {
    fn ask<T: Send + 'static>(&self, asked: impl FnOnce(Answer<T>) -> Asked) -> LeaseFuture<'_, T> {
        let (answer, answered) = oneshot::channel();
        let gone = || LeaseStoreError { because: "the test is over".to_owned() };
        let sent = self.0.send(asked(answer));
        Box::pin(async move {
            sent.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        })
    }
}

impl LeaseStore for Store {
    fn write(&self, leases: Vec<Lease>) -> LeaseFuture<'_, Vec<Written>> {
        self.ask(|answer| Asked::Write(leases, answer))
    }

    fn after(&self, seen: Version, _: u32) -> LeaseFuture<'_, Vec<Numbered>> {
        self.ask(|answer| Asked::After(seen, answer))
    }

    fn forget(&self, _: Moment, _: u32) -> LeaseFuture<'_, u64> {
        Box::pin(std::future::ready(Ok(0)))
    }
}

/// The store's side of what a server asks.
pub(crate) struct Desk(mpsc::UnboundedReceiver<Asked>);

impl Desk {
    /// What a server needs that asks here and has these clocks. What is on record at the start is asked first.
    pub(crate) fn open(time: &Arc<ToldTime>) -> (Self, Services) {
        let (asks, asked) = mpsc::unbounded_channel();
        let services = Services { leases: Arc::new(Store(asks)), time: time.clone(), ..Services::in_memory() };
        (Self(asked), services)
    }

    async fn next(&mut self) -> Asked {
        timeout(SOON, self.0.recv()).await.unwrap().unwrap()
    }

    /// The next question for what was written; nothing may be written before.
    pub(crate) async fn after(&mut self) -> (Version, Answer<Vec<Numbered>>) {
        match self.next().await {
            Asked::After(seen, answer) => (seen, answer),
            Asked::Write(leases, _) => panic!("{leases:?}"),
        }
    }

    /// Nothing was written, so many times: so many seconds are over.
    pub(crate) async fn nothing_new(&mut self, times: usize) {
        for _ in 0..times {
            let (_, answer) = self.after().await;
            answer.send(Ok(Vec::new())).unwrap();
        }
    }

    /// The next records to be written; nothing was written by others until then.
    pub(crate) async fn write(&mut self) -> (Vec<Lease>, Answer<Vec<Written>>) {
        loop {
            match self.next().await {
                Asked::After(_, answer) => answer.send(Ok(Vec::new())).unwrap(),
                Asked::Write(leases, answer) => return (leases, answer),
            }
        }
    }
}
