use std::{net::IpAddr, num::NonZeroU32};

use pki::identity::SerialNumber;

use super::*;
use crate::domain::ManufacturerName;

const IDLE: Backlog = Backlog { waiting: 0, capacity: 0 };

fn asker(device: usize) -> Asker {
    let manufacturer = ManufacturerName::new("maker").unwrap();
    let device = DeviceId { manufacturer, serial_number: SerialNumber::new(format!("SN-{device}")).unwrap() };
    Asker { source: source(1), device: Some(device) }
}

fn source(last: u8) -> Source {
    Source::of(IpAddr::from([192, 0, 2, last]))
}

fn limits(requests: usize) -> Limits {
    Limits { requests, ..Limits::default() }
}

fn shed(entered: Result<(), Later>) -> Option<Shed> {
    entered.err().map(|later| later.shed)
}

#[test]
fn rcf_23_onboardings_go_on_while_new_devices_are_turned_away() {
    let now = Instant::now();
    let mut requests = Requests::new(now, &limits(100));
    let mut enter = |device, errand| shed(requests.enter(now, &asker(device), errand, IDLE, 7));
    assert!((0..50).all(|device| enter(device, Errand::Other).is_none()));
    // Half is taken: new ones wait. One that was turned away before is let in until three quarters are.
    assert_eq!(enter(100, Errand::Other), Some(Shed::Requests));
    assert_eq!(enter(100, Errand::Other), None);
    assert!((200..224).all(|device| enter(device, Errand::Other) == Some(Shed::Requests)));
    assert!((200..224).all(|device| enter(device, Errand::Other).is_none()));
    assert_eq!(enter(300, Errand::Other), Some(Shed::Requests));
    assert_eq!(enter(300, Errand::Other), Some(Shed::Requests), "three quarters are taken");
    // A report is never new work. The share of one source ends at three quarters, so these come from others.
    let mut report = |last: u8| {
        let asker = Asker { source: source(last), ..asker(400 + usize::from(last)) };
        shed(requests.enter(now, &asker, Errand::Report, IDLE, 7))
    };
    assert!((2..27).all(|last| report(last).is_none()));
    assert_eq!(report(27), Some(Shed::Requests), "all are taken");
    assert_eq!(requests.sources.taken(), 100);
}

#[test]
fn a_device_that_was_served_stays_in_its_onboarding() {
    let now = Instant::now();
    let mut requests = Requests::new(now, &limits(8));
    let first = asker(1);
    requests.enter(now, &first, Errand::Other, IDLE, 7).unwrap();
    requests.leave(now, &first, Outcome::Served);
    let refused = asker(2);
    requests.enter(now, &refused, Errand::Other, IDLE, 7).unwrap();
    requests.leave(now, &refused, Outcome::Refused);
    (10..14).for_each(|device| requests.enter(now, &asker(device), Errand::Other, IDLE, 7).unwrap());
    assert_eq!(shed(requests.enter(now, &refused, Errand::Other, IDLE, 7)), Some(Shed::Requests));
    assert_eq!(shed(requests.enter(now, &first, Errand::Other, IDLE, 7)), None);
}

#[test]
fn a_long_line_before_the_store_turns_new_devices_away_first() {
    let now = Instant::now();
    let mut requests = Requests::new(now, &limits(100));
    let mut enter =
        |errand, waiting| shed(requests.enter(now, &asker(waiting), errand, Backlog { waiting, capacity: 1000 }, 7));
    assert_eq!(enter(Errand::Other, 499), None);
    assert_eq!(enter(Errand::Other, 500), Some(Shed::Store));
    assert_eq!(enter(Errand::Report, 999), None);
    assert_eq!(enter(Errand::Report, 1000), Some(Shed::Store));
}

#[test]
fn rcf_23_one_greedy_source_does_not_starve_another() {
    let now = Instant::now();
    let mut requests = Requests::new(now, &limits(100));
    let entered = (0..100).filter(|device| requests.enter(now, &asker(*device), Errand::Report, IDLE, 7).is_ok());
    assert_eq!(entered.count(), 75);
    let other = Asker { source: source(2), ..asker(1000) };
    assert_eq!(shed(requests.enter(now, &asker(2000), Errand::Report, IDLE, 7)), Some(Shed::Source));
    assert_eq!(shed(requests.enter(now, &other, Errand::Report, IDLE, 7)), None);
}

#[test]
fn rcf_23_one_device_has_its_own_limits() {
    let now = Instant::now();
    let per_second = NonZeroU32::new(2).unwrap();
    let limits = Limits { requests_per_device: 3, requests_per_second_per_device: per_second, ..limits(100) };
    let mut requests = Requests::new(now, &limits);
    let one = asker(1);
    (0..3).for_each(|_| requests.enter(now, &one, Errand::Report, IDLE, 7).unwrap());
    assert_eq!(shed(requests.enter(now, &one, Errand::Report, IDLE, 7)), Some(Shed::DeviceAtOnce));
    (0..3).for_each(|_| requests.leave(now, &one, Outcome::Served));
    // Ten in a burst of five seconds, of which three are used.
    for _ in 0..7 {
        requests.enter(now, &one, Errand::Report, IDLE, 7).unwrap();
        requests.leave(now, &one, Outcome::Served);
    }
    assert_eq!(shed(requests.enter(now, &one, Errand::Report, IDLE, 7)), Some(Shed::DeviceRate));
    assert_eq!(shed(requests.enter(now, &asker(2), Errand::Report, IDLE, 7)), None, "another is not touched");
    let later = now + Duration::from_millis(500);
    assert_eq!(shed(requests.enter(later, &one, Errand::Report, IDLE, 7)), None);
}

#[test]
fn rcf_23_a_device_that_asks_too_often_makes_no_other_wait_longer() {
    let now = Instant::now();
    let mut requests = Requests::new(now, &limits(2));
    let shed = (0..100_000).filter_map(|_| {
        let later = requests.enter(now, &asker(1), Errand::Report, IDLE, u32::MAX).err();
        if later.is_none() {
            requests.leave(now, &asker(1), Outcome::Served);
        }
        later
    });
    assert!(shed.map(|later| (later.shed, later.seconds)).all(|it| it == (Shed::DeviceRate, 3)));
    requests.enter(now, &asker(2), Errand::Other, IDLE, 7).unwrap();
    let later = requests.enter(now, &asker(3), Errand::Other, IDLE, u32::MAX).unwrap_err();
    assert_eq!((later.shed, later.seconds), (Shed::Requests, 3));
}

#[test]
fn a_million_devices_are_not_remembered() {
    let start = Instant::now();
    let mut requests = Requests::new(start, &limits(100));
    for device in 0..100_000_u32 {
        let now = start + Duration::from_millis(u64::from(device));
        let one = asker(usize::try_from(device).unwrap());
        requests.enter(now, &one, Errand::Report, IDLE, 7).unwrap();
        requests.leave(now, &one, Outcome::Served);
    }
    assert!(requests.devices.len() <= REMEMBERED);
    assert_eq!(requests.sources.taken(), 0);
}
