//! Connections at once, shared between sources.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Source,
    shares::{NoPlace, Shares},
};

/// The places for connections.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Mutex<Shares<Source>>>);

impl Connections {
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Shares::new(places))))
    }

    /// Takes a place, which is held until what is given back is dropped.
    pub(crate) fn enter(&self, source: Source) -> Result<ConnectionPlace, NoPlace> {
        self.shares().enter(source)?;
        Ok(ConnectionPlace { connections: self.clone(), source })
    }

    fn shares(&self) -> MutexGuard<'_, Shares<Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is counted.
#[derive(Debug)]
pub(crate) struct ConnectionPlace {
    connections: Connections,
    source: Source,
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        self.connections.shares().leave(&self.source);
    }
}
