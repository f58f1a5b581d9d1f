//! Whether a request may come in, decided before it costs anything.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{
    Limits, Source,
    appointments::Appointments,
    bucket::{Bucket, Rate},
    memory::Lately,
    shares::{NoPlace, Shares},
};
use crate::{domain::DeviceId, store::Backlog};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asker {
    /// Where the request comes from.
    pub(crate) source: Source,
    /// The device, when it proved to be one, or shows what it proved that with before.
    pub(crate) device: Option<DeviceId>,
}

/// What the request is about, as far as its path tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A report, which only a device in the middle of something makes.
    Report,
    /// Anything else.
    Other,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shed {
    /// As many requests are under way as this server carries for such a one.
    Requests,
    /// What is to be written waits in too long a line.
    Store,
    /// Its source has more under way than its share.
    Source,
    /// The device has too many under way.
    DeviceAtOnce,
    /// The device asks too often.
    DeviceRate,
    /// The device has added to the database what it may in a day.
    DeviceWrites,
    /// As many images are under way as this server sends at once.
    Images,
    /// As many activation codes are being checked as this server checks at once.
    ActivationCodes,
    /// More unregistered devices came than are taken note of.
    Newcomers,
    /// Others change the same device all the time.
    Contended,
    /// The database does not take what has to be written.
    Database,
}

impl Shed {
    /// Whether it is the device itself that leaves no room: it is in nobody's way but its own.
    const fn is_of_its_own_making(self) -> bool {
        match self {
            Self::DeviceAtOnce | Self::DeviceRate | Self::DeviceWrites | Self::Contended => true,
            Self::Requests
            | Self::Store
            | Self::Source
            | Self::Images
            | Self::ActivationCodes
            | Self::Newcomers
            | Self::Database => false,
        }
    }

    /// In words, as metrics and logs have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Store => "store",
            Self::Source => "source",
            Self::DeviceAtOnce => "device-at-once",
            Self::DeviceRate => "device-rate",
            Self::DeviceWrites => "device-writes",
            Self::Images => "images",
            Self::ActivationCodes => "activation-codes",
            Self::Newcomers => "newcomers",
            Self::Contended => "contended",
            Self::Database => "database",
        }
    }
}

/// A refusal with the time after which to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Later {
    /// Why.
    pub(crate) shed: Shed,
    /// In so many seconds.
    pub(crate) seconds: u64,
}

/// How far a device has come: the further, the longer it is served when there is much to do. Who was turned away once
/// goes before those who have just come, or a storm starves whoever is unlucky twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    New,
    Returning,
    Onboarding,
}

impl Standing {
    /// Quarters of every queue that are open to it.
    const fn quarters(self) -> usize {
        match self {
            Self::New => 2,
            Self::Returning => 3,
            Self::Onboarding => 4,
        }
    }

    const fn fits(self, used: usize, capacity: usize) -> bool {
        used.saturating_mul(4) < capacity.saturating_mul(self.quarters())
    }
}

/// The requests under way, and what is remembered of devices.
#[derive(Debug)]
pub(crate) struct Requests {
    capacity: usize,
    at_once: usize,
    rate: Rate,
    sources: Shares,
    devices: HashMap<DeviceId, Pace>,
    /// Devices that were served lately: what they ask now is part of an onboarding.
    served: Lately<DeviceId>,
    /// Devices that were turned away lately.
    turned_away: Lately<DeviceId>,
    appointments: Appointments,
}

#[derive(Debug)]
struct Pace {
    under_way: usize,
    bucket: Bucket,
}

impl Requests {
    pub(crate) fn new(now: Instant, limits: &Limits) -> Self {
        let per_second = limits.requests_per_second_per_device.get();
        Self {
            capacity: limits.requests,
            at_once: limits.requests_per_device,
            rate: Rate::new(per_second, per_second.saturating_mul(BURST_SECONDS)),
            sources: Shares::new(limits.requests),
            devices: HashMap::new(),
            served: Lately::new(now, ONBOARDING, REMEMBERED),
            turned_away: Lately::new(now, COMES_BACK, REMEMBERED),
            appointments: Appointments::new(now),
        }
    }

    /// Lets a request in, or says when to come again. `chance` is any number, evenly spread. What was let in must
    /// [`Requests::leave`].
    pub(crate) fn enter(
        &mut self,
        now: Instant,
        asker: &Asker,
        errand: Errand,
        store: Backlog,
        chance: u32,
    ) -> Result<(), Later> {
        match self.judge(now, asker, errand, store) {
            Ok(()) => {
                if let Some(device) = &asker.device {
                    self.turned_away.forget(device);
                }
                Ok(())
            }
            Err(shed) if shed.is_of_its_own_making() => Err(Later { shed, seconds: Appointments::soon(chance) }),
            // A device has one place in the line, and who is nobody has none: a few of them could make all others wait for
            // as long as they like.
            Err(shed) => match &asker.device {
                Some(device) if !self.turned_away.knows(now, device) => {
                    self.turned_away.note(now, device.clone());
                    Err(Later { shed, seconds: self.appointments.next(now, chance) })
                }
                _ => Err(Later { shed, seconds: self.appointments.at_the_end(now, chance) }),
            },
        }
    }

    /// When one is to come again that was let in and found no room further on, in seconds. Most of what there is no room
    /// for further on many ask for whom nobody knows, and none of it keeps the line from moving.
    pub(crate) fn appointment(&self, now: Instant, shed: Shed, chance: u32) -> u64 {
        if shed.is_of_its_own_making() { Appointments::soon(chance) } else { self.appointments.at_the_end(now, chance) }
    }

    fn judge(&mut self, now: Instant, asker: &Asker, errand: Errand, store: Backlog) -> Result<(), Shed> {
        let standing = self.standing(now, asker, errand);
        if !standing.fits(self.sources.taken(), self.capacity) {
            return Err(Shed::Requests);
        }
        if store.capacity > 0 && !standing.fits(store.waiting, store.capacity) {
            return Err(Shed::Store);
        }
        self.sources.has_place_for(asker.source).map_err(|no_place| match no_place {
            NoPlace::Full => Shed::Requests,
            NoPlace::Greedy => Shed::Source,
        })?;
        if let Some(device) = &asker.device {
            self.pace(now, device)?;
        }
        // There is a place: it was just asked for.
        self.sources.enter(asker.source).map_err(|_| Shed::Requests)
    }

    /// Counts one more request of a device.
    fn pace(&mut self, now: Instant, device: &DeviceId) -> Result<(), Shed> {
        if self.devices.len() >= REMEMBERED && !self.devices.contains_key(device) {
            self.devices.retain(|_, pace| pace.under_way > 0 || !pace.bucket.is_full(now));
        }
        let pace =
            self.devices.entry(device.clone()).or_insert_with(|| Pace { under_way: 0, bucket: Bucket::full(now) });
        if pace.under_way >= self.at_once {
            return Err(Shed::DeviceAtOnce);
        }
        pace.bucket.take(now, self.rate).map_err(|_| Shed::DeviceRate)?;
        pace.under_way = pace.under_way.saturating_add(1);
        Ok(())
    }

    /// Ends a request that was let in. `outcome` says whether the device got what it asked for.
    pub(crate) fn leave(&mut self, now: Instant, asker: &Asker, outcome: Outcome) {
        self.sources.leave(asker.source);
        let Some(device) = &asker.device else { return };
        if let Some(pace) = self.devices.get_mut(device) {
            pace.under_way = pace.under_way.saturating_sub(1);
        }
        if outcome == Outcome::Served {
            self.served(now, device);
        }
    }

    /// Notes that a device got what it asked for.
    pub(crate) fn served(&mut self, now: Instant, device: &DeviceId) {
        self.served.note(now, device.clone());
    }

    fn standing(&mut self, now: Instant, asker: &Asker, errand: Errand) -> Standing {
        let Some(device) = &asker.device else { return Standing::New };
        if errand == Errand::Report || self.served.knows(now, device) {
            Standing::Onboarding
        } else if self.turned_away.knows(now, device) {
            Standing::Returning
        } else {
            Standing::New
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The device got what it asked for.
    Served,
    /// It did not.
    Refused,
}

/// Seconds for which a device may be ahead of its pace.
const BURST_SECONDS: u32 = 5;
/// How long after an answer a device is taken to be in the middle of its onboarding.
const ONBOARDING: Duration = Duration::from_secs(900);
/// How long one who was turned away is expected back.
const COMES_BACK: Duration = Duration::from_secs(300);
/// Devices remembered, each way: a storm's.
const REMEMBERED: usize = 32_768;

#[cfg(test)]
mod tests;
