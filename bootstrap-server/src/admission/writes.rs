//! How much one device may add to the database.
//!
//! Whatever a device does that is new leaves a record, each report for one. A device that is genuine and hostile could
//! fill the disk with them at the pace that its requests have. So what it adds is counted in octets, each record with a
//! fixed share beside its own size, and a device that has used up its day is told when there is room again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use conveyed_info::rpc::ProgressType;

use super::{
    Limits,
    bucket::{Bucket, Rate},
};
use crate::{
    audit::{Event, LedgerEvent},
    domain::DeviceId,
};

/// What each device has added lately.
#[derive(Debug)]
pub(crate) struct Writes {
    /// For what can be left out.
    ordinary: Rate,
    /// For what an onboarding cannot do without.
    essential: Rate,
    devices: Mutex<HashMap<DeviceId, Bucket>>,
}

impl Writes {
    pub(crate) fn new(limits: &Limits) -> Self {
        let day = limits.stored_octets_per_day_per_device.get();
        let burst = day / AT_ONCE;
        let ordinary = burst / QUARTERS * (QUARTERS - 1);
        Self { ordinary: Rate::per_day(day, ordinary), essential: Rate::per_day(day, burst), devices: Mutex::default() }
    }

    /// Counts what `event` will add for `device`, or says when there will be room for it.
    pub(crate) fn take(&self, now: Instant, device: &DeviceId, event: &Event) -> Result<(), Duration> {
        let rate = if is_essential(event) { self.essential } else { self.ordinary };
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if devices.len() >= REMEMBERED && !devices.contains_key(device) {
            forget_half(&mut devices, now);
        }
        let bucket = devices.entry(device.clone()).or_insert_with(|| Bucket::full(now));
        bucket.take_many(now, rate, cost(event))
    }
}

/// What comes first must not keep out what comes last: a script may write as many lines as it likes, and the device can
/// still say that it is done, or that it failed, and ask again.
const fn is_essential(event: &Event) -> bool {
    match event {
        Event::ProgressReported { report, .. } => {
            report.is_terminal() || matches!(report, ProgressType::BootstrapInitiated)
        }
        _ => true,
    }
}

/// Octets that the record of `event` takes: its body is kept beside the leaf, and what a report says once more in a row of
/// its own. A certificate is in its row alone.
fn cost(event: &Event) -> u32 {
    let certificate = match event {
        Event::Ledger(LedgerEvent::CertificateIssued { issued, .. }) => issued.certificate.der().len(),
        _ => 0,
    };
    let body = event.body(None).len().saturating_mul(2).saturating_add(certificate);
    u32::try_from(body).unwrap_or(u32::MAX).saturating_add(RECORD)
}

/// Forgets those who have used least. One who is forgotten begins anew; who is hostile is the last to be.
fn forget_half(devices: &mut HashMap<DeviceId, Bucket>, now: Instant) {
    devices.retain(|_, bucket| !bucket.is_full(now));
    if devices.len() >= REMEMBERED {
        let mut full_at: Vec<_> = devices.values().map(Bucket::full_at).collect();
        let middle = full_at.len() / 2;
        let (_, median, _) = full_at.select_nth_unstable(middle);
        let median = *median;
        devices.retain(|_, bucket| bucket.full_at() > median);
    }
}

/// A device may be ahead of its pace by this part of a day.
const AT_ONCE: u32 = 4;
/// Of what it may be ahead, the last part is kept for what is essential.
const QUARTERS: u32 = 4;
/// Octets of a record beside its body: leaf, salt, tree, rows and indexes.
const RECORD: u32 = 1024;
/// Devices remembered that have not got everything back: more than a storm's.
const REMEMBERED: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use pki::identity::SerialNumber;

    use super::*;
    use crate::{
        audit::MAX_MESSAGE,
        domain::{Departures, ManufacturerName},
    };

    fn device(number: usize) -> DeviceId {
        let manufacturer = ManufacturerName::new("maker").unwrap();
        DeviceId { manufacturer, serial_number: SerialNumber::new(format!("SN-{number}")).unwrap() }
    }

    fn report(report: ProgressType, octets: usize) -> Event {
        Event::ProgressReported {
            device: device(1),
            source: IpAddr::from([192, 0, 2, 1]),
            report,
            keys: Vec::new(),
            message: Some("x".repeat(octets)),
            departures: Departures::default(),
        }
    }

    /// Octets that one device gets rid of from `start` on, one report after the other, in so many hours.
    fn written(writes: &Writes, start: Instant, event: &Event, hours: u64) -> u64 {
        let (mut now, mut octets) = (start, 0);
        while now < start + Duration::from_secs(hours * 3600) {
            match writes.take(now, &device(1), event) {
                Ok(()) => octets += u64::from(cost(event)),
                Err(wait) => now += wait,
            }
        }
        octets
    }

    #[test]
    fn rcf_23_real_onboardings_never_meet_the_limit() {
        let (writes, now) = (Writes::new(&Limits::default()), Instant::now());
        // Every type there is with as long a message as is kept, ten times over without a pause.
        for _ in 0..10 {
            for progress_type in ProgressType::ALL {
                assert_eq!(writes.take(now, &device(1), &report(*progress_type, MAX_MESSAGE)), Ok(()));
            }
        }
    }

    #[test]
    fn rcf_23_a_hostile_device_adds_what_a_day_has_and_no_more() {
        for octets in [0, MAX_MESSAGE] {
            let writes = Writes::new(&Limits::default());
            let day = written(&writes, Instant::now(), &report(ProgressType::Informational, octets), 24);
            let allowed = u64::from(Limits::default().stored_octets_per_day_per_device.get());
            assert!(day <= allowed / 4 * 5 && day <= 100_000_000, "{day}");
            assert!(day >= allowed, "what is allowed can be used: {day}");
        }
    }

    #[test]
    fn rcf_23_a_script_that_talks_too_much_does_not_keep_its_device_from_finishing() {
        let (writes, now) = (Writes::new(&Limits::default()), Instant::now());
        let chatter = report(ProgressType::Informational, MAX_MESSAGE);
        while writes.take(now, &device(1), &chatter).is_ok() {}
        for last in [ProgressType::PostScriptError, ProgressType::BootstrapInitiated, ProgressType::BootstrapComplete] {
            assert_eq!(writes.take(now, &device(1), &report(last, MAX_MESSAGE)), Ok(()), "{last}");
        }
        assert!(writes.take(now, &device(1), &chatter).is_err());
        assert_eq!(writes.take(now, &device(2), &chatter), Ok(()), "nobody else's");
        // There is an end to that too.
        let complete = report(ProgressType::BootstrapComplete, MAX_MESSAGE);
        assert!((0..1000).any(|_| writes.take(now, &device(1), &complete).is_err()));
    }

    #[test]
    fn a_limit_below_one_record_lets_one_through_at_a_time() {
        let limits = Limits { stored_octets_per_day_per_device: std::num::NonZeroU32::MIN, ..Limits::default() };
        let (writes, now) = (Writes::new(&limits), Instant::now());
        let complete = report(ProgressType::BootstrapComplete, 10);
        assert_eq!(writes.take(now, &device(1), &complete), Ok(()));
        let wait = writes.take(now, &device(1), &complete).unwrap_err();
        assert_eq!(writes.take(now + wait, &device(1), &complete), Ok(()));
    }

    #[test]
    fn of_too_many_devices_those_who_used_most_are_remembered() {
        let (writes, now) = (Writes::new(&Limits::default()), Instant::now());
        let chatter = report(ProgressType::Informational, MAX_MESSAGE);
        while writes.take(now, &device(0), &chatter).is_ok() {}
        let small = report(ProgressType::Informational, 1);
        for number in 1..2 * REMEMBERED {
            assert_eq!(writes.take(now, &device(number), &small), Ok(()));
        }
        assert!(writes.devices.lock().unwrap().len() <= REMEMBERED);
        assert!(writes.take(now, &device(0), &chatter).is_err());
    }
}
