//! Somebody sets the clock.

use std::net::Ipv4Addr;

use dhcp::v4::MessageType;
use netboot::{
    action::{Action, HandedOver, Pending},
    dhcp4::{Datagram, Dhcp4Machine},
    lease::{LeaseStore as _, MemoryLeases, Written},
    moment::Moment,
    note::{Event, Ignored},
    policy::Directory,
};

use crate::bench::*;

/// A machine without a battery begins here.
const BEGAN: Moment = Moment(30);
const YEARS: i64 = 1_700_000_000;
/// How long a lease that ended is remembered.
const KEPT: u32 = 30 * 86_400;

fn says(machine: &mut Dhcp4Machine, now: Moment, request: &dhcp::v4::Message) -> (Option<MessageType>, Vec<Event>) {
    let (reply, events) = exchange(machine, now, UNNUMBERED, request);
    (reply.map(|(_, message)| kind(&message)), events)
}

/// The clock was 1970 when a lease was given, and is set right.
#[test]
fn a_lease_of_1970_is_renewed_when_the_clock_is_right() {
    let mut machine = whole();
    assert_eq!(says(&mut machine, BEGAN, &selecting(1, host(100))).0, Some(MessageType::Ack));
    let now = BEGAN.plus(1000);
    assert_eq!(machine.book_mut().clock_set(YEARS), 1);
    let now = now.moved(YEARS);
    machine.on_tick(now, KEPT);
    // Nobody else gets it, not even when the pool is full but for it.
    assert_eq!(says(&mut machine, now, &selecting(2, host(101))).0, Some(MessageType::Ack));
    assert_eq!(
        says(&mut machine, now, &from_client(3, MessageType::Discover)).1,
        [Event::Ignored(Ignored::PoolExhausted)]
    );
    assert_eq!(says(&mut machine, now, &selecting(3, host(100))).0, Some(MessageType::Nak));
    // The client renews it and it lasts as long as any.
    assert_eq!(says(&mut machine, now, &renewing(1, host(100))).0, Some(MessageType::Ack));
    assert_eq!(machine.book().lease(host(100)).unwrap().expires, now.plus(3600));
}

#[test]
fn a_lease_of_1970_ends_when_it_would_have_and_is_remembered() {
    let mut machine = whole();
    says(&mut machine, BEGAN, &selecting(1, host(100)));
    machine.book_mut().clock_set(YEARS);
    let end = BEGAN.moved(YEARS).plus(3600);
    assert_eq!(says(&mut machine, Moment(end.0 - 1), &selecting(2, host(100))).0, Some(MessageType::Nak));
    machine.on_tick(end.plus(KEPT), KEPT);
    assert!(machine.book().lease(host(100)).is_some());
    machine.on_tick(end.plus(KEPT + 1), KEPT);
    assert!(machine.book().lease(host(100)).is_none());
}

/// The clock was decades ahead: the pool is not full until then.
#[test]
fn a_pool_is_not_full_for_decades_when_the_clock_goes_back() {
    let mut machine = whole();
    let ahead = NOW.moved(YEARS);
    for who in 1..=2 {
        assert_eq!(says(&mut machine, ahead, &selecting(who, host(99 + who))).0, Some(MessageType::Ack));
    }
    machine.book_mut().clock_set(-YEARS);
    assert_eq!(says(&mut machine, NOW.plus(3599), &from_client(3, MessageType::Discover)).0, None);
    assert_eq!(says(&mut machine, NOW.plus(3600), &from_client(3, MessageType::Discover)).0, Some(MessageType::Offer));
}

/// What another server wrote was dated by its clock.
#[tokio::test]
async fn what_other_servers_wrote_stays_and_what_this_one_wrote_is_written_again() {
    let (mut machine, store) = (whole(), MemoryLeases::default());
    let written = pending_at(&mut machine, BEGAN, &selecting(1, host(100)));
    let theirs = netboot::lease::Lease {
        address: host(101).into(),
        client: vec![0, 1, 9].into(),
        since: NOW,
        expires: NOW.plus(3600),
        ..written.leases[0].clone()
    };
    store.write(written.leases.clone()).await.unwrap();
    store.write(vec![theirs.clone()]).await.unwrap();
    machine.on_written(written, Ok(&[Written::Yes]));
    machine.on_followed([theirs.clone()]);

    let by = i64::try_from(NOW.0 - BEGAN.0).unwrap();
    machine.book_mut().clock_set(by);
    assert_eq!(machine.book().lease(host(101)), Some(&theirs));
    let again = machine.book_mut().to_write_again(10, |_| false);
    assert_eq!(again.iter().map(|lease| (lease.address, lease.since)).collect::<Vec<_>>(), [(host(100).into(), NOW)]);
    assert_eq!(store.write(again.clone()).await, Ok(vec![Written::Yes]));
    machine.book_mut().durable(&again[0]);
    assert!(machine.book_mut().to_write_again(10, |_| false).is_empty());
    // Now the store keeps it as long as any other.
    assert_eq!(store.forget(NOW, 10).await, Ok(0));
}

/// Requests whose records were on their way when the clock was set.
#[test]
fn records_on_their_way_are_dated_by_the_clock_that_was_set() {
    let mut machine = whole();
    let [mut waiting, mut in_flight] =
        [100, 101].map(|last| pending_at(&mut machine, BEGAN, &selecting(last, host(last))));
    machine.book_mut().clock_set(YEARS);
    waiting.clock_set(YEARS, HandedOver::NotYet);
    in_flight.clock_set(YEARS, HandedOver::Yes);
    assert_eq!((waiting.leases[0].since, in_flight.leases[0].since), (BEGAN.moved(YEARS), BEGAN));
    for pending in [waiting, in_flight] {
        let actions = machine.on_written(pending, Ok(&[Written::Yes]));
        assert!(matches!(actions.first(), Some(Action::Send(_))), "the client hears of it as usual");
    }
    // What the store got with the time of the wrong clock is written again, the other is right already.
    let again = machine.book_mut().to_write_again(10, |_| false);
    assert_eq!(again.iter().map(|lease| lease.address).collect::<Vec<_>>(), [host(101)]);
    assert_eq!(again[0].expires, BEGAN.moved(YEARS).plus(3600));
}

/// The store fails while the clock is set: what is put back is what was known, by the clock that was set.
#[test]
fn what_is_put_back_is_dated_by_the_clock_that_was_set() {
    let mut machine = whole();
    says(&mut machine, BEGAN, &selecting(1, host(100)));
    let mut renewed = pending_at(&mut machine, BEGAN.plus(600), &renewing(1, host(100)));
    machine.book_mut().clock_set(YEARS);
    renewed.clock_set(YEARS, HandedOver::Yes);
    machine.on_written(renewed, Err("the disk is full".to_owned()));
    let kept = BEGAN.moved(YEARS).plus(3600);
    assert_eq!(machine.book().lease(host(100)).unwrap().expires, kept);
    assert_eq!(machine.book_mut().to_write_again(10, |_| false)[0].expires, kept);
}

fn pending_at(machine: &mut Dhcp4Machine, now: Moment, request: &dhcp::v4::Message) -> Pending<Ipv4Addr> {
    let bytes = request.encode();
    let datagram = Datagram { source: UNNUMBERED, arrival: HERE, bytes: &bytes };
    match machine.on_datagram(now, &datagram, &Directory::default()).pop() {
        Some(Action::Write(pending)) => *pending,
        other => panic!("{other:?}"),
    }
}
