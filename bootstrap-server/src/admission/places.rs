//! Places that are shared between sources: for connections, and for images under way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{
    Source,
    shares::{NoPlace, Shares},
};

/// So many places.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shares: Mutex<Shares>,
    left: Notify,
}

/// The source has its share of the places; those that are free are for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HasItsShare;

impl Places {
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Inner { shares: Mutex::new(Shares::new(places)), left: Notify::new() }))
    }

    /// Takes a place, which is held until what is given back is dropped.
    pub(crate) fn enter(&self, source: Source) -> Result<Place, NoPlace> {
        self.shares().enter(source)?;
        Ok(Place { places: self.clone(), source })
    }

    /// As [`Places::enter`], as soon as any place is free.
    pub(crate) async fn wait(&self, source: Source) -> Result<Place, HasItsShare> {
        loop {
            // Whoever leaves from here on is heard of.
            let left = self.0.left.notified();
            match self.enter(source) {
                Ok(place) => return Ok(place),
                Err(NoPlace::Greedy) => return Err(HasItsShare),
                Err(NoPlace::Full) => left.await,
            }
        }
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.0.shares.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.places.shares().leave(self.source);
        self.places.0.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[tokio::test]
    async fn rcf_23_who_finds_every_place_taken_gets_the_next_and_who_has_a_share_gets_none() {
        let source = |last: u8| Source::of(IpAddr::from([192, 0, 2, last]));
        let places = Places::new(4);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(places.wait(source(1)).await.unwrap());
        }
        assert_eq!(places.wait(source(1)).await.unwrap_err(), HasItsShare);
        let fourth = places.wait(source(2)).await.unwrap();
        let mut next = Box::pin(places.wait(source(3)));
        tokio::select! {
            biased;
            _ = &mut next => panic!("there was no place"),
            () = tokio::task::yield_now() => {}
        }
        drop(fourth);
        assert!(next.await.is_ok());
    }
}
