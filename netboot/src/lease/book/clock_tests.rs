use std::{collections::BTreeMap, net::Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::lease::{
    ClientKey, Lent,
    book::tests::{NOW, address, book, client, lease, lend},
};

/// 1970: a machine without a battery.
const BEGAN: Moment = Moment(40);
const TODAY: i64 = 1_800_000_000;

fn ends(book: &Book<Ipv4Addr>, last: u8) -> Option<Moment> {
    book.lease(address(last)).map(|lease| lease.expires)
}

/// What is to be written again, which is durable then.
fn written_again(book: &mut Book<Ipv4Addr>) -> Vec<Lease> {
    let leases = book.to_write_again(10, |_| false);
    leases.iter().for_each(|lease| book.durable(lease));
    assert!(book.to_write_again(10, |_| false).is_empty() && !book.has_moved());
    leases
}

#[test]
fn what_this_server_dated_keeps_its_seconds_and_what_others_dated_stays() {
    let mut book = book();
    let theirs = lease(3, 13, Moment(0).moved(TODAY), 3600);
    book.follow(theirs.clone());
    assert_eq!(lend(&mut book, 1, 10, BEGAN, 3600), Lent::Yes);
    let now = BEGAN.plus(600);
    assert_eq!(book.offer(0, &client(2), None, false, now), Some(address(12)));

    assert_eq!(book.clock_set(TODAY), 1);
    let now = now.moved(TODAY);
    assert_eq!((ends(&book, 10), ends(&book, 13)), (Some(now.plus(3000)), Some(theirs.expires)));
    // The offer holds for what is left of its minute, and nobody else gets the lease.
    assert_eq!(book.may_have(0, &client(4), address(12), now.plus(59)), Lent::Taken);
    assert_eq!(book.may_have(0, &client(4), address(12), now.plus(60)), Lent::Yes);
    assert_eq!(book.may_have(0, &client(4), address(10), now.plus(2999)), Lent::Taken);
    assert_eq!(book.forget(now, now, 10), 0, "what was dated in 1970 is not forgotten as if it were old");
    assert_eq!(written_again(&mut book), [lease(1, 10, BEGAN, 3600).moved(TODAY)]);
}

#[test]
fn a_clock_that_goes_back_leaves_no_lease_for_decades() {
    let mut book = book();
    let then = Moment(0).moved(TODAY);
    assert_eq!(lend(&mut book, 1, 10, then, 600), Lent::Yes);
    let conflict = Lease { client: ClientKey::nobody(), standing: Standing::Conflict, ..lease(2, 12, then, 3600) };
    book.record(conflict.clone());
    book.clock_set(-TODAY);
    assert_eq!((ends(&book, 10), ends(&book, 12)), (Some(Moment(600)), Some(Moment(3600))));
    assert_eq!(lend(&mut book, 4, 10, Moment(600), 600), Lent::Yes);
    // Nobody else can have got an address that seemed to be in conflict for decades: that is written again, too.
    assert_eq!(book.to_write_again(10, |it| it == address(10)), [conflict.moved(-TODAY)]);
}

/// By the store's rule a conflict is written over any lease, and another server may have lent the address when it seemed over.
#[test]
fn a_conflict_that_seemed_over_to_others_is_not_written_over_their_leases() {
    let mut book = book();
    book.record(Lease { client: ClientKey::nobody(), standing: Standing::Conflict, ..lease(2, 12, BEGAN, 3600) });
    book.clock_set(TODAY);
    assert_eq!(ends(&book, 12), Some(BEGAN.plus(3600).moved(TODAY)));
    assert_eq!(written_again(&mut book), []);
}

/// The store still has the record that an offer was put over: with moments of a clock that was ahead, nobody could be lent the address.
#[test]
fn a_record_under_an_offer_is_written_again() {
    let mut book = book();
    let then = Moment(0).moved(TODAY);
    let one = [(1, 10), (2, 12), (3, 13)];
    for (who, last) in one {
        lend(&mut book, who, last, then, 10);
    }
    assert_eq!(book.offer(0, &client(4), None, false, then.plus(10)), Some(address(10)));
    assert_eq!(book.clock_set(-TODAY), 3);
    // What the store has is known as one's own, and does not end the offer.
    book.follow(lease(1, 10, then, 10));
    assert_eq!(book.may_have(0, &client(5), address(10), Moment(20)), Lent::Taken);
    assert_eq!(written_again(&mut book), one.map(|(who, last)| lease(who, last, Moment(0), 10)));
}

#[test]
fn ones_own_record_comes_back_as_ones_own_by_either_clock() {
    let mut book = book();
    lend(&mut book, 1, 10, BEGAN, 3600);
    book.follow(lease(1, 10, BEGAN, 3600));
    book.clock_set(TODAY);
    // A page that was read before.
    book.follow(lease(1, 10, BEGAN, 3600));
    let now = lease(1, 10, BEGAN, 3600).moved(TODAY);
    assert_eq!(book.lease(address(10)), Some(&now));
    assert_eq!(written_again(&mut book), std::slice::from_ref(&now));
    book.follow(now.clone());
    book.clock_set(-600);
    assert_eq!(written_again(&mut book), [now.moved(-600)], "it was its own all the time");
    // Another server that lent it to the same client is believed.
    let theirs = lease(1, 10, Moment(0).moved(TODAY), 7200);
    book.follow(theirs.clone());
    book.clock_set(1000);
    assert_eq!((book.lease(address(10)), book.has_moved()), (Some(&theirs), false));
}

#[test]
fn a_clock_that_is_set_while_a_record_is_written_is_not_missed() {
    let mut book = book();
    lend(&mut book, 1, 10, BEGAN, 3600);
    book.clock_set(100);
    let in_flight = book.to_write_again(10, |_| false);
    book.clock_set(1000);
    book.durable(&in_flight[0]);
    assert_eq!(written_again(&mut book), [lease(1, 10, BEGAN, 3600).moved(1100)]);
    // There and back.
    book.clock_set(5);
    book.clock_set(-5);
    assert_eq!(written_again(&mut book), []);
}

/// A store, whose rule is that of all stores.
#[derive(Default)]
struct Shelf(BTreeMap<std::net::IpAddr, Lease>);

impl Shelf {
    fn write(&mut self, lease: &Lease) -> Option<Lease> {
        match self.0.get(&lease.address) {
            Some(before) if !before.gives_way_to(lease) => Some(before.clone()),
            _ => {
                self.0.insert(lease.address, lease.clone());
                None
            }
        }
    }
}

/// What became of records.
fn wrote(store: &mut Shelf, book: &mut Book<Ipv4Addr>, leases: &[Lease]) {
    for lease in leases {
        match store.write(lease) {
            Some(theirs) => book.follow(theirs),
            None => book.durable(lease),
        }
    }
}

proptest! {
    /// However often and whenever somebody sets the clock: what is left of leases is left of them, what others dated stays, and in the end the
    /// store has what the book has.
    #[test]
    fn however_often_the_clock_is_set(
        steps in prop::collection::vec((0..7_u8, 0..7_u8, 9..15_u8, 0..40_u32, -100_000_i64..100_000), 1..150)
    ) {
        let mut book = book();
        let mut store = Shelf::default();
        // The true time, and by how much the clock is ahead of it.
        let (mut wall, mut ahead) = (NOW.plus(1_000_000_000), 0_i64);
        for (what, who, last, seconds, by) in steps {
            wall = wall.plus(seconds);
            let now = wall.moved(ahead);
            match what {
                0 => { book.offer(0, &client(who), Some(address(last)), false, now); }
                1 | 2 => {
                    // It may be set while the record is on its way, handed over or not.
                    let pending = lease(who, last, now, 40);
                    if lend(&mut book, who, last, now, 40) == Lent::Yes {
                        if by % 3 == 0 {
                            book.clock_set(by);
                            ahead += by;
                        }
                        wrote(&mut store, &mut book, &[pending]);
                    }
                }
                3 => {
                    let theirs = lease(who, last, wall, 40);
                    if store.write(&theirs).is_none() {
                        book.follow(theirs);
                    }
                }
                4 => {
                    let before: Vec<_> = book.shelves[0].entries.clone().into_iter().collect();
                    book.clock_set(by);
                    ahead += by;
                    for (address, entry) in before {
                        let later = book.shelves[0].entries[&address].ends().later_than(entry.ends());
                        let dated_here = !matches!(entry, Entry::Recorded { dated: Dated::Elsewhere, .. });
                        prop_assert_eq!(later, if dated_here { by } else { 0 });
                    }
                }
                5 => {
                    let leases = book.to_write_again(2, |it| it == address(last));
                    prop_assert!(leases.iter().all(|it| it.address != std::net::IpAddr::V4(address(last))));
                    wrote(&mut store, &mut book, &leases);
                }
                _ => { book.forget(now, now, 3); }
            }
            let shelf = &book.shelves[0];
            prop_assert_eq!(shelf.entries.len(), shelf.by_expiry.len() + shelf.offers.len());
            for (ends, address) in shelf.by_expiry.iter().chain(&shelf.offers) {
                prop_assert_eq!(shelf.entries[address].ends(), *ends);
            }
        }
        let leases = book.to_write_again(10, |_| false);
        wrote(&mut store, &mut book, &leases);
        prop_assert_eq!(book.to_write_again(10, |_| false), []);
        for (address, entry) in &book.shelves[0].entries {
            if let Some(own) = entry.own() {
                let kept = &store.0[&std::net::IpAddr::V4(*address)];
                prop_assert_eq!(kept.since, own.since);
            }
        }
    }
}
