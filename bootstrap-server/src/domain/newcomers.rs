//! How many unregistered devices of one manufacturer are taken note of. Whoever holds one manufacturer's key can make as
//! many genuine devices as he likes; each that is held or refused costs a row and a leaf, and so they are counted.

use std::collections::BTreeMap;

use audit_log::UnixMillis;

use super::ManufacturerName;

const HOUR_MILLIS: u64 = 3_600_000;

/// The unregistered devices of this hour, by manufacturer. As large as the list of manufacturers.
#[derive(Debug, Default)]
pub struct Newcomers {
    hours: BTreeMap<ManufacturerName, Hour>,
}

#[derive(Debug)]
struct Hour {
    began: UnixMillis,
    devices: u32,
}

/// Whether one more is taken note of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It is.
    Taken,
    /// There were too many; only its number is kept.
    Counted,
}

impl Newcomers {
    /// Counts one more device of `manufacturer` at `now`, where `limit` are taken note of in an hour.
    pub fn count(&mut self, manufacturer: &ManufacturerName, now: UnixMillis, limit: u32) -> Notice {
        // The hour begins with the first device in it. A clock that went back begins another one.
        let fresh = |hour: &Hour| (hour.began.0..hour.began.0.saturating_add(HOUR_MILLIS)).contains(&now.0);
        match self.hours.get_mut(manufacturer).filter(|hour| fresh(hour)) {
            Some(hour) if hour.devices >= limit => Notice::Counted,
            Some(hour) => {
                hour.devices = hour.devices.saturating_add(1);
                Notice::Taken
            }
            None => {
                self.hours.insert(manufacturer.clone(), Hour { began: now, devices: 1 });
                if limit == 0 { Notice::Counted } else { Notice::Taken }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_manufacturer_is_bounded_and_does_not_touch_another() {
        let (mut newcomers, limit) = (Newcomers::default(), 3);
        let [one, other] = ["one", "other"].map(|name| ManufacturerName::new(name).unwrap());
        let mut taken = |maker, now, times| {
            (0..times).filter(|_| newcomers.count(maker, UnixMillis(now), limit) == Notice::Taken).count()
        };
        assert_eq!(taken(&one, 5_000, 1000), 3);
        assert_eq!(taken(&other, 5_000, 1000), 3);
        assert_eq!(taken(&one, 5_000 + HOUR_MILLIS - 1, 10), 0);
        assert_eq!(taken(&one, 5_000 + HOUR_MILLIS, 10), 3, "the next hour");
        assert_eq!(taken(&one, 0, 10), 3, "the clock went back: nobody is shut out until it has caught up");
        assert_eq!(newcomers.count(&one, UnixMillis(u64::MAX), 0), Notice::Counted);
    }
}
