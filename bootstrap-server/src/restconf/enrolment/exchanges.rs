//! What devices offered that were asked for a CSR: remembered for as long as an onboarding takes, by this server alone. Whoever is
//! forgotten begins again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use conveyed_info::rpc::CsrSupport;

use crate::domain::DeviceId;

/// Most devices that are remembered.
const MOST: usize = 16_384;

/// Most octets of algorithms that are remembered of one device.
const LARGEST: usize = 2048;

/// How long a device is remembered.
const AGE: Duration = Duration::from_secs(15 * 60);

/// What each device offered, and how often it was asked.
#[derive(Default)]
pub(super) struct Exchanges(Mutex<HashMap<DeviceId, Offer>>);

struct Offer {
    support: CsrSupport,
    rounds: u8,
    since: Instant,
}

impl Exchanges {
    /// The device said what it can do, and is asked for the first time.
    pub(super) fn begin(&self, device: &DeviceId, support: &CsrSupport) {
        let size: usize = support.key_generation().unwrap_or_default().iter().map(|it| it.der().len()).sum();
        let mut offers = self.offers();
        if size > LARGEST {
            offers.remove(device);
            return;
        }
        if offers.len() >= MOST {
            offers.retain(|_, offer| offer.since.elapsed() < AGE);
        }
        if offers.len() >= MOST {
            offers.clear();
        }
        offers.insert(device.clone(), Offer { support: support.clone(), rounds: 1, since: Instant::now() });
    }

    /// What it offered, and how often it was asked.
    pub(super) fn of(&self, device: &DeviceId) -> (Option<CsrSupport>, u8) {
        let offers = self.offers();
        let offer = offers.get(device).filter(|offer| offer.since.elapsed() < AGE);
        offer.map_or((None, 0), |offer| (Some(offer.support.clone()), offer.rounds))
    }

    /// It is asked once more.
    pub(super) fn asked_again(&self, device: &DeviceId) {
        if let Some(offer) = self.offers().get_mut(device) {
            offer.rounds = offer.rounds.saturating_add(1);
        }
    }

    /// It has its certificate, or has to begin again.
    pub(super) fn end(&self, device: &DeviceId) {
        self.offers().remove(device);
    }

    fn offers(&self) -> MutexGuard<'_, HashMap<DeviceId, Offer>> {
        // What a panicking thread left behind is still a map of offers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
