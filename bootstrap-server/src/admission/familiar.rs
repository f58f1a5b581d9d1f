//! Devices without a certificate, known at the door by what they showed there before.
//!
//! To check an activation code is slow, and the door comes first. So it remembers whose the credentials were that were found
//! right, by a keyed digest: of the secret itself nothing is kept. That lets nobody in whose code is wrong; it only says whose
//! limits and whose standing count.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use axum::http::{HeaderMap, StatusCode, header::AUTHORIZATION};

use crate::domain::DeviceId;

/// Devices that are remembered: a storm's. When there are more, all are forgotten.
const REMEMBERED: usize = 32_768;

/// Which device a request without a certificate turned out to come from: said by whoever checks that, for the next time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recognised(Arc<OnceLock<DeviceId>>);

impl Recognised {
    /// It is this one.
    pub(crate) fn note(&self, device: &DeviceId) {
        self.0.get_or_init(|| device.clone());
    }

    /// Which it is, once that is known.
    pub(super) fn device(&self) -> Option<&DeviceId> {
        self.0.get()
    }
}

/// Whose credentials were right.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    key: RandomState,
    known: Mutex<HashMap<u64, DeviceId>>,
}

/// Stands for the credentials in a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown(u64);

impl Familiar {
    pub(super) fn shown(&self, headers: &HeaderMap) -> Option<Shown> {
        headers.get(AUTHORIZATION).map(|credentials| Shown(self.key.hash_one(credentials.as_bytes())))
    }

    /// The device that these credentials were right for.
    pub(super) fn device(&self, shown: Shown) -> Option<DeviceId> {
        self.known().get(&shown.0).cloned()
    }

    /// Learns from the status of an answer whose the credentials are that were shown, or that they are nobody's any more.
    pub(super) fn learn(&self, shown: Shown, recognised: &Recognised, status: StatusCode) {
        let mut known = self.known();
        if status == StatusCode::UNAUTHORIZED {
            known.remove(&shown.0);
        } else if let Some(device) = recognised.device() {
            if known.len() >= REMEMBERED && !known.contains_key(&shown.0) {
                known.clear();
            }
            known.insert(shown.0, device.clone());
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u64, DeviceId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use pki::identity::SerialNumber;

    use super::*;
    use crate::domain::ManufacturerName;

    #[test]
    fn credentials_are_known_while_they_are_right_and_no_more_of_them_than_there_is_room_for() {
        let familiar = Familiar::default();
        let shown =
            |code: &str| familiar.shown(&HeaderMap::from_iter([(AUTHORIZATION, code.parse().unwrap())])).unwrap();
        let (manufacturer, serial_number) = (ManufacturerName::new("maker"), SerialNumber::new("SN-1"));
        let device = DeviceId { manufacturer: manufacturer.unwrap(), serial_number: serial_number.unwrap() };
        let recognised = Recognised::default();
        familiar.learn(shown("right"), &recognised, StatusCode::OK);
        assert_eq!(familiar.device(shown("right")), None, "nobody has said whose they are");
        recognised.note(&device);
        familiar.learn(shown("right"), &recognised, StatusCode::NOT_FOUND);
        assert_eq!((familiar.device(shown("right")), familiar.device(shown("wrong"))), (Some(device), None));
        familiar.learn(shown("right"), &Recognised::default(), StatusCode::UNAUTHORIZED);
        assert_eq!(familiar.device(shown("right")), None, "the code was changed");
        for number in 0..=REMEMBERED {
            familiar.learn(shown(&number.to_string()), &recognised, StatusCode::OK);
        }
        assert_eq!(familiar.known().len(), 1);
    }
}
