//! Somebody sets the clock while a server runs.

use std::sync::Arc;

use dhcp::v4::MessageType;
use netboot::{
    io::Services,
    lease::{ClientKey, Lease, LeaseStore, LeaseStoreError, MemoryLeases, Version, Written},
    moment::Moment,
};
use tokio::time::{Instant, sleep};

use crate::{
    clients::{Clients4, server4},
    stage::{Desk, SOON, ToldTime},
};

/// A machine without a battery begins here.
const BEGAN: u64 = 30;
const TODAY: u64 = 1_800_000_000;

/// A server starts in 1970 and is set right. Another one, whose clock was right all the time, shares its store.
#[tokio::test]
async fn a_lease_of_1970_is_its_clients_when_the_clock_is_right() {
    let store = Arc::new(MemoryLeases::default());
    let services =
        |time: &Arc<ToldTime>| Services { leases: store.clone(), time: time.clone(), ..Services::in_memory() };
    let (time, right) = (ToldTime::at(BEGAN), ToldTime::at(TODAY));
    let server = server4(51, 1, services(&time));
    let clients = Clients4::of(51, &server).await;
    clients.selects(1, 100).await;
    assert_eq!(clients.hears().await, (1, MessageType::Ack, 100));
    let written = store.after(Version(0), 9).await.unwrap();
    assert_eq!(written.last().unwrap().lease.since, Moment(BEGAN));

    time.pass(600);
    time.set(TODAY);
    let deadline = Instant::now() + SOON;
    let lease = loop {
        // It stands by that while time passes.
        time.pass(1);
        let lease = store.after(Version(0), 9).await.unwrap().pop().unwrap().lease;
        if lease.since > Moment(BEGAN) {
            break lease;
        }
        assert!(Instant::now() < deadline, "it was not written again");
        sleep(std::time::Duration::from_millis(200)).await;
    };
    assert_eq!((lease.since.until(lease.expires), lease.client), (3600, written[0].lease.client.clone()));
    assert_eq!(lease.expires, Moment(TODAY + 3000), "600 s have passed");
    // The store's cleaning leaves it where it is.
    assert_eq!(store.forget(Moment(TODAY), 10).await, Ok(0));

    // The other server knows whose it is, and so does this one.
    let other = server4(51, 2, services(&right));
    let elsewhere = Clients4::of(51, &other).await;
    elsewhere.renews(2, 100).await;
    assert_eq!(elsewhere.hears().await, (2, MessageType::Nak, 0));
    elsewhere.renews(1, 100).await;
    assert_eq!(elsewhere.hears().await, (1, MessageType::Ack, 100));
    clients.renews(2, 100).await;
    assert_eq!(clients.hears().await, (2, MessageType::Nak, 0));
    clients.renews(1, 100).await;
    assert_eq!(clients.hears().await, (1, MessageType::Ack, 100));
    other.shutdown().await.unwrap();
    server.shutdown().await.unwrap();
}

/// Its record is with the store when the clock is set: the client is answered as usual, and the record is written again with the right time.
#[tokio::test]
async fn a_record_that_the_store_has_in_hand_is_written_again() {
    let time = ToldTime::at(TODAY);
    let (mut desk, services) = Desk::open(&time);
    let server = server4(53, 1, services);
    desk.nothing_new(1).await;
    let clients = Clients4::of(53, &server).await;
    clients.selects(1, 100).await;
    let (leases, answer) = desk.write().await;
    assert_eq!(leases[0].since, Moment(TODAY));
    time.set(1000);
    desk.nothing_new(2).await;
    time.pass(5);
    desk.nothing_new(2).await;
    answer.send(Ok(vec![Written::Yes])).unwrap();
    assert_eq!(clients.hears().await, (1, MessageType::Ack, 100));
    let (again, answer) = desk.write().await;
    let expected = Lease { since: Moment(1000), expires: Moment(4600), ..leases[0].clone() };
    assert_eq!(again, [expected]);
    answer.send(Ok(vec![Written::Yes])).unwrap();
    // And that was all.
    desk.nothing_new(3).await;
    server.shutdown().await.unwrap();
}

/// A store that fails loses nothing: it is tried again, about once a second, and clients are served beside.
#[tokio::test]
async fn what_cannot_be_written_again_is_tried_later_and_another_client_that_won_is_believed() {
    let time = ToldTime::at(BEGAN);
    let (mut desk, services) = Desk::open(&time);
    let server = server4(54, 1, services);
    desk.nothing_new(1).await;
    let clients = Clients4::of(54, &server).await;
    clients.selects(1, 100).await;
    let (leases, answer) = desk.write().await;
    answer.send(Ok(vec![Written::Yes])).unwrap();
    clients.hears().await;
    time.set(TODAY);
    desk.nothing_new(2).await;
    time.pass(5);
    for _ in 0..2 {
        let (again, answer) = desk.write().await;
        assert_eq!(
            again.iter().map(|it| (it.address, it.since)).collect::<Vec<_>>(),
            [(leases[0].address, Moment(TODAY))]
        );
        answer.send(Err(LeaseStoreError { because: "the disk is full".to_owned() })).unwrap();
        // Not before the second is over.
        desk.nothing_new(1).await;
    }
    let (again, answer) = desk.write().await;
    let theirs = Lease { client: ClientKey::from(vec![0, 1, 9]), since: Moment(TODAY), ..again[0].clone() };
    answer.send(Ok(vec![Written::Taken(Box::new(theirs))])).unwrap();
    desk.nothing_new(2).await;
    clients.renews(1, 100).await;
    assert_eq!(clients.hears().await, (1, MessageType::Nak, 0));
    server.shutdown().await.unwrap();
}
