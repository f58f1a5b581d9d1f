//! Profiles that were read before. Every request of a device needs one, of a few documents that rarely change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::decode;
use crate::{
    domain::{OnboardingProfile, ProfileName},
    store::StoreError,
};

/// Most profiles that are remembered. When there are more, all are forgotten.
const ROOM: usize = 1024;

/// What became of the documents in the database.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    read: Mutex<HashMap<ProfileName, Arc<OnboardingProfile>>>,
}

impl Profiles {
    /// The profile of this name and document, which is the one that the database holds now.
    pub(super) fn read(&self, name: ProfileName, document: &str) -> Result<Arc<OnboardingProfile>, StoreError> {
        let known = self.remembered().get(&name).filter(|known| known.document() == document).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let profile = Arc::new(decode::profile(name.clone(), document)?);
        let mut read = self.remembered();
        if read.len() >= ROOM {
            read.clear();
        }
        read.insert(name, Arc::clone(&profile));
        Ok(profile)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<ProfileName, Arc<OnboardingProfile>>> {
        // What a panicking thread left behind is still a map of whole profiles.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_once_and_again_when_it_has_changed() {
        let (profiles, name) = (Profiles::default(), ProfileName::new("routers").unwrap());
        let document = "post-configuration-script = 'x'\n";
        let first = profiles.read(name.clone(), document).unwrap();
        assert!(Arc::ptr_eq(&first, &profiles.read(name.clone(), document).unwrap()));
        let changed = profiles.read(name.clone(), "post-configuration-script = 'y'\n").unwrap();
        assert_ne!(first, changed);
        assert!(profiles.read(name, "no document").is_err());
    }
}
