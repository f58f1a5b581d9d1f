//! Places that are shared between sources: for connections, and for images under way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Source,
    shares::{NoPlace, Shares},
};

/// So many places.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Mutex<Shares<Source>>>);

impl Places {
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Shares::new(places))))
    }

    /// Takes a place, which is held until what is given back is dropped.
    pub(crate) fn enter(&self, source: Source) -> Result<Place, NoPlace> {
        self.shares().enter(source)?;
        Ok(Place { places: self.clone(), source })
    }

    fn shares(&self) -> MutexGuard<'_, Shares<Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    source: Source,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.shares().leave(&self.source);
    }
}
