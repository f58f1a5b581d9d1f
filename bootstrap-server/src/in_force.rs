//! The owner's policies as they are in force, and what `sztp.toml` says where that waits to be accepted (SRV-21).

use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::Policies;

/// What is in force, and what waits.
#[derive(Debug)]
pub(crate) struct InForce(RwLock<Inner>);

#[derive(Debug)]
struct Inner {
    policies: Arc<Policies>,
    proposed: Option<Arc<Policies>>,
}

impl InForce {
    /// These policies, and those that `sztp.toml` proposes in their place, if it does.
    pub(crate) fn new(policies: Policies, proposed: Option<Policies>) -> Self {
        Self(RwLock::new(Inner { policies: Arc::new(policies), proposed: proposed.map(Arc::new) }))
    }

    /// What devices are judged by from now on, until somebody accepts something else.
    pub(crate) fn now(&self) -> Arc<Policies> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).policies)
    }

    /// What waits to be accepted.
    pub(crate) fn proposed(&self) -> Option<Arc<Policies>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).proposed.clone()
    }

    /// Puts `policies` in force, once the log has them. Nothing waits any more.
    pub(crate) fn put(&self, policies: Arc<Policies>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Inner { policies, proposed: None };
    }

    /// Puts in force what the log says was accepted, wherever that was; says whether it is something else than before. What
    /// waits here goes on waiting, unless it is just that.
    pub(crate) fn follow(&self, accepted: &Policies) -> bool {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if *inner.policies == *accepted {
            return false;
        }
        let proposed = inner.proposed.take().filter(|proposed| **proposed != *accepted);
        *inner = Inner { policies: Arc::new(accepted.clone()), proposed };
        true
    }
}

impl From<Policies> for InForce {
    fn from(policies: Policies) -> Self {
        Self::new(policies, None)
    }
}
