//! What a server learns from others while it writes itself.

use dhcp::v6::MessageType;
use netboot::{
    lease::{ClientKey, Lease, LeaseStoreError, Numbered, Standing, Version, Written},
    moment::Moment,
};

use crate::{
    clients::{Clients6, only, server6},
    stage::{Desk, ToldTime},
};

const NOW: u64 = 1_800_000_000;

/// What another server wrote about the only address, for a client that nobody here speaks for.
fn theirs(expires: u64) -> Lease {
    Lease {
        address: only().into(),
        client: ClientKey::v6(&[0, 3, 0, 1, 2, 0, 0, 0, 0, 77], 1),
        mac: None,
        host_name: None,
        standing: Standing::Lent,
        since: Moment(NOW - 100),
        expires: Moment(expires),
    }
}

fn page(lease: Lease) -> Vec<Numbered> {
    vec![Numbered { version: Version(1), lease }]
}

/// A page with an address's former record comes while its new one is being written.
#[tokio::test]
async fn a_page_from_before_does_not_free_an_address_that_is_being_written() {
    let (mut desk, services) = Desk::open(&ToldTime::at(NOW));
    let server = server6(services);
    desk.nothing_new(1).await;
    let clients = Clients6::of(&server).await;
    let (seen, former) = desk.after().await;
    clients.asks(1, MessageType::Request).await;
    let (_, done) = desk.write().await;
    former.send(Ok(page(theirs(NOW - 10)))).unwrap();
    // It is asked for again from the same place, because it says nothing of what is being written.
    let (again, former) = desk.after().await;
    assert_eq!(again, seen);
    clients.asks(2, MessageType::Solicit).await;
    assert_eq!(clients.hears().await, (2, None), "the address is about to be the first one's");
    former.send(Ok(page(theirs(NOW - 10)))).unwrap();
    done.send(Ok(vec![Written::Yes])).unwrap();
    assert_eq!(clients.hears().await, (1, Some(only())));
    server.shutdown().await.unwrap();
}

/// The same, but the record is durable before the page comes that was read earlier.
#[tokio::test]
async fn a_page_from_before_does_not_free_an_address_that_was_written_meanwhile() {
    let (mut desk, services) = Desk::open(&ToldTime::at(NOW));
    let server = server6(services);
    desk.nothing_new(1).await;
    let clients = Clients6::of(&server).await;
    let (seen, former) = desk.after().await;
    clients.asks(1, MessageType::Request).await;
    let (leases, done) = desk.write().await;
    done.send(Ok(vec![Written::Yes])).unwrap();
    assert_eq!(clients.hears().await, (1, Some(only())));
    former.send(Ok(page(theirs(NOW - 10)))).unwrap();
    let (again, after) = desk.after().await;
    assert_eq!(again, seen);
    clients.asks(2, MessageType::Solicit).await;
    assert_eq!(clients.hears().await, (2, None), "the address is the first one's");
    // What the store has now is believed, and not asked for again.
    after.send(Ok(vec![Numbered { version: Version(2), lease: leases[0].clone() }])).unwrap();
    assert_eq!(desk.after().await.0, Version(2));
    server.shutdown().await.unwrap();
}

/// What was passed over is not lost when the write fails.
#[tokio::test]
async fn a_record_that_was_passed_over_is_learnt_when_the_write_has_failed() {
    let (mut desk, services) = Desk::open(&ToldTime::at(NOW));
    let server = server6(services);
    desk.nothing_new(1).await;
    let clients = Clients6::of(&server).await;
    let (seen, others) = desk.after().await;
    clients.asks(1, MessageType::Request).await;
    let (_, done) = desk.write().await;
    others.send(Ok(page(theirs(NOW + 3600)))).unwrap();
    let (again, others) = desk.after().await;
    assert_eq!(again, seen);
    done.send(Err(LeaseStoreError { because: "the disk is full".to_owned() })).unwrap();
    // Both are known before the next page is asked for: what has failed, and in this one what another server wrote.
    others.send(Ok(Vec::new())).unwrap();
    let (again, others) = desk.after().await;
    assert_eq!(again, seen);
    others.send(Ok(page(theirs(NOW + 3600)))).unwrap();
    assert_eq!(desk.after().await.0, Version(1));
    clients.asks(2, MessageType::Solicit).await;
    assert_eq!(clients.hears().await, (2, None), "it is another client's");
    server.shutdown().await.unwrap();
}
