use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

pub(super) const NOW: Moment = Moment(1_000);

pub(super) fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

/// 10, 12 and 13 may be given, 11 is kept for somebody.
pub(super) fn book() -> Book<Ipv4Addr> {
    book_with(0)
}

fn book_with(for_known: u128) -> Book<Ipv4Addr> {
    Book::new(vec![Space {
        subnet: address(0)..=address(255),
        pools: vec![address(10)..=address(11), address(12)..=address(13)],
        kept_back: BTreeSet::from([address(11)]),
        for_known,
    }])
}

pub(super) fn client(number: u8) -> ClientKey {
    vec![0, 1, number].into()
}

pub(super) fn lease(who: u8, last: u8, since: Moment, seconds: u32) -> Lease {
    Lease {
        address: IpAddr::V4(address(last)),
        client: client(who),
        mac: None,
        host_name: None,
        standing: Standing::Lent,
        since,
        expires: since.plus(seconds),
    }
}

pub(super) fn lend(book: &mut Book<Ipv4Addr>, who: u8, last: u8, now: Moment, seconds: u32) -> Lent {
    let lent = book.may_have(0, &client(who), address(last), now);
    if lent == Lent::Yes {
        book.record(lease(who, last, now, seconds));
    }
    lent
}

#[test]
fn reserved_addresses_are_never_offered_and_the_pool_ends() {
    let mut book = book();
    let mut offered: Vec<_> = (1..=4).map(|who| book.offer(0, &client(who), Some(address(11)), false, NOW)).collect();
    assert_eq!(offered.pop(), Some(None));
    offered.sort();
    assert_eq!(offered, [Some(address(10)), Some(address(12)), Some(address(13))]);
    assert_eq!(lend(&mut book, 9, 11, NOW, 60), Lent::NotOurs);
}

#[test]
fn an_offer_not_taken_is_free_after_a_minute() {
    let mut book = book();
    let first = book.offer(0, &client(1), None, false, NOW);
    for who in 2..=3 {
        book.offer(0, &client(who), None, false, NOW.plus(1));
    }
    assert_eq!(book.offer(0, &client(4), None, false, NOW.plus(59)), None);
    assert_eq!(book.offer(0, &client(4), None, false, NOW.plus(60)), first);
    assert_eq!(book.address_of(&client(1)), None);
}

#[test]
fn a_client_gets_its_address_again_even_after_expiry() {
    let mut book = book();
    assert_eq!(book.offer(0, &client(1), Some(address(13)), false, NOW), Some(address(13)));
    assert_eq!(lend(&mut book, 1, 13, NOW, 100), Lent::Yes);
    assert_eq!(lend(&mut book, 2, 13, NOW, 100), Lent::Taken);
    assert_eq!(book.offer(0, &client(1), Some(address(10)), false, NOW.plus(5000)), Some(address(13)));
}

#[test]
fn an_offer_does_not_shorten_a_running_lease() {
    let mut book = book();
    lend(&mut book, 1, 10, NOW, 3600);
    book.offer(0, &client(1), None, false, NOW);
    assert_eq!(lend(&mut book, 2, 10, NOW.plus(120), 3600), Lent::Taken);
}

#[test]
fn taking_another_address_frees_the_former() {
    let mut book = book();
    lend(&mut book, 1, 10, NOW, 3600);
    lend(&mut book, 1, 12, NOW, 3600);
    assert_eq!(lend(&mut book, 2, 10, NOW, 3600), Lent::Yes);
    assert_eq!(book.address_of(&client(1)), Some(address(12)));
}

#[test]
fn an_offer_in_another_network_hides_nothing_that_the_client_has() {
    let half = |from: u8, to: u8| Space {
        subnet: address(from)..=address(to),
        pools: vec![address(from + 10)..=address(from + 20)],
        kept_back: BTreeSet::new(),
        for_known: 0,
    };
    let mut book = Book::new(vec![half(0, 127), half(128, 255)]);
    let here = book.offer(0, &client(1), Some(address(12)), false, NOW).unwrap();
    book.record(lease(1, 12, NOW, 3600));
    let there = book.offer(1, &client(1), None, false, NOW).unwrap();
    assert_eq!((here, there > address(128)), (address(12), true));
    // It was carried there and back before it took anything.
    assert_eq!(book.address_of(&client(1)), Some(here));
    assert_eq!(book.offer(0, &client(1), None, false, NOW), Some(here));
    assert_eq!(book.offer(1, &client(1), None, false, NOW), Some(there), "what waits for it waits");
    book.withdraw_offer(&client(1));
    assert_eq!((book.address_of(&client(1)), book.lease(here).is_some()), (Some(here), true));
    // Once it takes what it is offered, the former is free.
    book.offer(1, &client(1), Some(there), false, NOW);
    book.record(Lease { address: there.into(), ..lease(1, 0, NOW.plus(9), 3600) });
    assert_eq!(book.address_of(&client(1)), Some(there));
    assert!(!book.lease(here).unwrap().holds(NOW.plus(9)));
}

#[test]
fn what_could_not_be_written_is_as_if_it_had_not_been() {
    let mut book = book();
    lend(&mut book, 1, 10, NOW, 100);
    let later = NOW.plus(200);
    let before = book.record(lease(2, 10, later, 100)).unwrap();
    assert_eq!(book.address_of(&client(1)), None);
    book.undo(before);
    assert_eq!(book.address_of(&client(1)), Some(address(10)));
    let before = book.record(lease(3, 12, NOW, 100)).unwrap();
    book.undo(before);
    assert_eq!((book.address_of(&client(3)), book.lease(address(12))), (None, None));
}

#[test]
fn an_address_in_conflict_is_nobodys_for_an_hour() {
    let mut book = book();
    lend(&mut book, 1, 10, NOW, 3600);
    let conflict = Lease { client: ClientKey::nobody(), standing: Standing::Conflict, ..lease(1, 10, NOW, 3600) };
    book.record(conflict);
    for who in [1, 2] {
        assert_eq!(lend(&mut book, who, 10, NOW.plus(3599), 60), Lent::Taken);
    }
    assert_eq!(book.address_of(&client(1)), None);
    assert_eq!(lend(&mut book, 2, 10, NOW.plus(3600), 60), Lent::Yes);
}

#[test]
fn the_owners_devices_go_before_strangers() {
    let mut book = book_with(1);
    let strangers: Vec<_> = (1..=3).filter_map(|who| book.offer(0, &client(who), None, false, NOW)).collect();
    // One of the three is left for a device that is known; the reserved address counts among the four.
    assert_eq!(strangers.len(), 3);
    assert_eq!(book.offer(0, &client(4), None, false, NOW), None);
    assert!(
        strangers.contains(&book.offer(0, &client(5), None, true, NOW).unwrap()),
        "an offer to a stranger gives way"
    );
}

#[test]
fn leases_of_reserved_addresses_take_nothing_from_the_pools() {
    let mut book = book();
    for last in [11, 20, 21, 22] {
        book.record(lease(last, last, NOW, 60));
    }
    assert_eq!((1..=4).filter_map(|who| book.offer(0, &client(who), None, false, NOW)).count(), 3);
}

#[test]
fn what_was_forgotten_is_found_again() {
    let mut book = book();
    for (who, last) in [(1, 10), (2, 12), (3, 13)] {
        lend(&mut book, who, last, NOW, 10);
    }
    assert_eq!(book.offer(0, &client(4), None, false, NOW), None);
    assert_eq!(book.forget(NOW, NOW.plus(20), 2), 2);
    assert_eq!(book.usage(0), (1, 4));
    assert!(book.offer(0, &client(4), None, false, NOW).is_some());
    assert!(book.offer(0, &client(5), None, false, NOW).is_some());
    assert_eq!(book.offer(0, &client(6), None, false, NOW), None);
}

#[test]
fn two_servers_offer_a_client_the_same_address() {
    let space = || Space {
        subnet: address(0)..=address(255),
        pools: vec![address(1)..=address(254)],
        kept_back: BTreeSet::new(),
        for_known: 0,
    };
    let (mut one, mut other) = (Book::new(vec![space()]), Book::new(vec![space()]));
    // What one has offered meanwhile moves nobody else, as long as there is room.
    for who in 0..20 {
        one.offer(0, &client(who), None, false, NOW);
    }
    let same = (0..20)
        .filter(|who| other.offer(0, &client(*who), None, false, NOW) == one.offer(0, &client(*who), None, false, NOW));
    assert!(same.count() >= 18);
}

#[test]
fn a_pool_of_a_whole_v6_subnet_is_bounded_by_what_is_remembered() {
    let net: Ipv6Addr = "2001:db8::".parse().unwrap();
    let last: Ipv6Addr = "2001:db8::ffff:ffff:ffff:ffff".parse().unwrap();
    let space = Space { subnet: net..=last, pools: vec![net..=last], kept_back: BTreeSet::new(), for_known: 0 };
    let mut book = Book::new(vec![space]);
    for number in 0..u32::try_from(Book::<Ipv6Addr>::OFFERS + 100).unwrap() {
        assert!(book.offer(0, &ClientKey::v6(b"duid", number), None, false, NOW.plus(number)).is_some());
    }
    assert_eq!(book.shelves[0].offers.len(), Book::<Ipv6Addr>::OFFERS);
    assert_eq!(book.address_of(&ClientKey::v6(b"duid", 0)), None, "the oldest offer gave way");
}

proptest! {
    #[test]
    fn the_indexes_agree_after_a_crowd(steps in prop::collection::vec((0..6_u8, 0..7_u8, 9..15_u8, 0..40_u32), 1..200)) {
        let mut book = book();
        let mut now = NOW;
        for (what, who, last, seconds) in steps {
            now = now.plus(seconds);
            match what {
                0 | 1 => { book.offer(0, &client(who), Some(address(last)), who == 0, now); }
                2 => { lend(&mut book, who, last, now, 40); }
                3 => book.withdraw_offer(&client(who)),
                4 => { book.forget(now, now, 3); }
                _ => if let Some(before) = book.record(lease(who, last, now, 40)) { book.undo(before) },
            }
            let shelf = &book.shelves[0];
            prop_assert_eq!(shelf.entries.len(), shelf.by_expiry.len() + shelf.offers.len());
            for (client, address) in book.by_client.iter().chain(&book.offered) {
                prop_assert_eq!(shelf.client_of(*address), Some(client));
            }
            prop_assert!(book.by_client.len() <= shelf.by_expiry.len() && book.offered.len() <= shelf.offers.len());
            let from_pools = shelf.entries.keys().filter(|address| shelf.space.gives(**address)).count();
            prop_assert_eq!(shelf.from_pools, u128::try_from(from_pools).unwrap());
        }
    }
}
