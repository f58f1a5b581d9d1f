//! Somebody sets the clock.

use dhcp::v6::{MessageType, StatusCode};
use netboot::{
    action::HandedOver,
    lease::Written,
    moment::Moment,
    note::{Event, Ignored},
};

use crate::world::*;

/// A machine without a battery begins here.
const BEGAN: Moment = Moment(30);
const YEARS: i64 = 1_700_000_000;
/// How long a lease that ended is remembered.
const KEPT: u32 = 30 * 86_400;

impl World {
    fn bound(&mut self, number: u8, now: Moment) -> Vec<std::net::Ipv6Addr> {
        let (reply, events) = self.exchange_at(now, &with(number, MessageType::Request, &[]));
        usable(&reply.unwrap_or_else(|| panic!("{events:?}")))
    }
}

#[test]
fn a_lease_of_1970_is_renewed_when_the_clock_is_right_and_nobody_else_gets_it() {
    let mut world = World::whole();
    let held: Vec<_> = (1..=3).flat_map(|number| world.bound(number, BEGAN)).collect();
    assert_eq!(held.len(), 3);
    assert_eq!(world.machine.book_mut().clock_set(YEARS), 3);
    let now = BEGAN.plus(1000).moved(YEARS);
    world.machine.on_tick(now, KEPT);
    let (reply, events) = world.exchange_at(now, &with(4, MessageType::Solicit, &[]));
    let told = told(&reply.unwrap().options, dhcp::v6::OptionCode::IA_NA);
    assert_eq!((told[0].status, events), (StatusCode::NO_ADDRS_AVAIL, vec![Event::Denied(Ignored::PoolExhausted)]));
    let (reply, _) = world.exchange_at(now, &with(1, MessageType::Renew, &held[..1]));
    assert_eq!(usable(&reply.unwrap()), held[..1]);
    let (renewed, other) = (world.machine.book().lease(held[0]).unwrap(), world.machine.book().lease(held[1]).unwrap());
    assert_eq!(now.until(renewed.expires) - now.until(other.expires), 1000, "the others go on as they were");
    // All but the renewed one are on record with the time of the wrong clock.
    let again = world.machine.book_mut().to_write_again(10, |_| false);
    let addresses: Vec<_> = again.iter().map(|lease| lease.address).collect();
    let mut expected: Vec<std::net::IpAddr> = held[1..].iter().map(|address| (*address).into()).collect();
    expected.sort();
    assert_eq!(addresses, expected);
}

#[test]
fn a_pool_is_not_full_for_decades_when_the_clock_goes_back() {
    let mut world = World::whole();
    let held: Vec<_> = (1..=3).flat_map(|number| world.bound(number, NOW.moved(YEARS))).collect();
    assert_eq!(held.len(), 3);
    world.machine.book_mut().clock_set(-YEARS);
    let left = NOW.until(world.machine.book().lease(held[0]).unwrap().expires);
    assert_eq!(world.bound(4, NOW.plus(left - 1)).len(), 0);
    assert_eq!(world.bound(4, NOW.plus(left)).len(), 1);
}

/// One message, two addresses, one of which another server gave away; and the clock is set before the store has answered.
#[test]
fn what_was_written_in_part_is_dated_by_the_clock_that_was_set() {
    let mut world = World::whole();
    let mut request = with(1, MessageType::Request, &[]);
    associate(&mut request, dhcp::v6::OptionCode::IA_NA, 2, &[]);
    let mut pending = world.pending(&request);
    let [first, second] = <[_; 2]>::try_from(pending.leases.clone()).unwrap();
    let theirs = netboot::lease::Lease { client: vec![2, 9].into(), ..second };
    world.machine.book_mut().clock_set(YEARS);
    pending.clock_set(YEARS, HandedOver::Yes);
    world.machine.on_written(pending, Ok(&[Written::Yes, Written::Taken(Box::new(theirs.clone()))]));
    let record = |lease: &netboot::lease::Lease| match lease.address {
        std::net::IpAddr::V6(address) => world.machine.book().lease(address).cloned(),
        std::net::IpAddr::V4(_) => None,
    };
    assert_eq!(record(&first), Some(first.clone().moved(YEARS)));
    assert_eq!(record(&theirs), Some(theirs.clone()));
    assert_eq!(world.machine.book_mut().to_write_again(10, |_| false), [first.moved(YEARS)]);
}
