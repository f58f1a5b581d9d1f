//! Where leases survive.

use std::{future::Future, pin::Pin};

use thiserror::Error;

use super::Lease;
use crate::moment::Moment;

/// Where a record stands in the order in which a store wrote them. Every record that is written gets one above all before, so that whoever
/// asks for what is above the last one it has seen learns what others wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A record and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The place.
    pub version: Version,
    /// The record.
    pub lease: Lease,
}

/// What became of one record that was to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is durable.
    Yes,
    /// Another client has the address, by this record: [`Lease::gives_way_to`] said no.
    Taken(Box<Lease>),
}

/// What a store's operations give back.
pub type LeaseFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LeaseStoreError>> + Send + 'a>>;

/// A store of leases, which servers may share. IPv4 and IPv6 are in one.
pub trait LeaseStore: Send + Sync + 'static {
    /// Writes each record whose address is free for its client at the record's own `since`, in order, in one transaction that is durable
    /// when this returns. Gives what became of each, in the order given.
    ///
    /// Fails as a whole: then nothing was written, or it cannot be known; writing the same again is harmless.
    fn write(&self, leases: Vec<Lease>) -> LeaseFuture<'_, Vec<Written>>;

    /// At most `limit` records with a version above `seen`, in their order. A record that was written again since stands at its newest place
    /// alone.
    fn after(&self, seen: Version, limit: u32) -> LeaseFuture<'_, Vec<Numbered>>;

    /// Removes at most `limit` records that ended before this moment. Gives how many there were.
    fn forget(&self, before: Moment, limit: u32) -> LeaseFuture<'_, u64>;
}

/// A store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("leases cannot be kept: {because}")]
pub struct LeaseStoreError {
    /// What the store says.
    pub because: String,
}
