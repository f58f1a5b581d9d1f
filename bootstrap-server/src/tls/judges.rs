//! Who judges device certificates, on all listeners together.

use std::sync::Arc;

use super::Identities;
use crate::domain::{
    Manufacturer,
    identification::{Revocation, StoredLists, Trust},
};

/// The judge of each listener.
#[derive(Clone, Debug)]
pub(crate) struct Judges(Vec<Arc<Identities>>);

impl Judges {
    pub(crate) fn new(all: impl IntoIterator<Item = Arc<Identities>>) -> Self {
        Self(all.into_iter().collect())
    }

    /// They judge by these manufacturers from now on, and again whoever is connected.
    pub(crate) fn take_in(&self, manufacturers: &[Manufacturer]) {
        self.0.iter().for_each(|judge| judge.change(|trust| trust.taking_in(manufacturers)));
    }

    /// They judge by this knowledge of revoked certificates from now on, and again whoever is connected.
    pub(crate) fn replace_revocation(&self, revocation: &Arc<Revocation>) {
        self.0.iter().for_each(|judge| judge.change(|trust| Some(trust.with_files(revocation))));
    }

    /// They judge by these stored lists from now on, and again whoever is connected.
    pub(crate) fn replace_stored(&self, lists: &StoredLists) {
        self.0.iter().for_each(|judge| judge.change(|trust| trust.with_stored(lists)));
    }

    /// What they judge by; nothing where no device is judged.
    pub(crate) fn trust(&self) -> Option<Arc<Trust>> {
        self.0.first().map(|judge| judge.trust())
    }
}
