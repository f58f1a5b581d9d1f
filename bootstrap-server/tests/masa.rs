//! A MASA over real TLS (RFC 8995 §5.5, §5.6, §5.8).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod support;

use authority::masa::{Deed, Person};
use bootstrap_server::{
    RunningServer,
    audit::{Event, MasaEvent},
    store::{Batch, MasaRecords, SqlStore, Store},
};
use conveyed_info::{
    OwnershipVoucher, Unverified,
    profile::InputProfile,
    verify::{HolderContext, verify_voucher_as_holder},
    voucher::{Freshness, MEDIA_TYPE, MasaAuditLog, Nonce, VoucherRequestDocument},
};
use pki::{
    revocation::Evidence,
    time::{Clock, Timestamp},
};
use rcgen::ExtendedKeyUsagePurpose as Usage;
use support::{
    Answer, Site, connect_to, connector, exchange,
    masa::{Party, made, masa_site, owner_name},
    serial,
};

const VOUCHER: &str = "/.well-known/brski/requestvoucher";
const LOG: &str = "/.well-known/brski/requestauditlog";

fn now() -> Timestamp {
    Timestamp::from_system(std::time::SystemTime::now())
}

fn nonced(device: &str, octet: u8) -> VoucherRequestDocument {
    let freshness = Freshness::Nonce(Nonce::for_request(vec![octet; 16]).unwrap());
    VoucherRequestDocument { freshness, ..VoucherRequestDocument::new(serial(device), now()) }
}

struct World {
    site: Site,
    server: RunningServer,
    masa: Party,
    one: Party,
    other: Party,
}

impl World {
    /// *one* owns SN-1 and SN-2, *other* SN-3; SN-4 was never sold.
    async fn new(more: &str) -> Self {
        let masa = Party::new("MASA", Vec::new());
        let (one, other) = (Party::registrar("one"), Party::registrar("other"));
        let sold = [("SN-1", Some("one")), ("SN-2", Some("one")), ("SN-3", Some("other")), ("SN-4", None)];
        let site = masa_site(&masa, more, vec![one.owner("one"), other.owner("other")], &sold).await;
        let server = site.start(&[]).await;
        Self { site, server, masa, one, other }
    }

    async fn send(&self, shown: Option<&Party>, path: &str, headers: &str, body: &[u8]) -> Answer {
        let shown = shown.map(|party| (&party.key, party.chain.as_slice()));
        let mut stream = connect_to(self.server.authority_address().unwrap(), &connector(shown)).await.unwrap();
        let length = body.len();
        let mut octets =
            format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}content-length: {length}\r\n\r\n")
                .into_bytes();
        octets.extend_from_slice(body);
        exchange(&mut stream, &octets).await.unwrap()
    }

    async fn ask(&self, shown: Option<&Party>, path: &str, body: &[u8]) -> Answer {
        self.send(shown, path, &format!("content-type: {MEDIA_TYPE}\r\n"), body).await
    }

    fn voucher(&self, answer: &Answer) -> (OwnershipVoucher, conveyed_info::voucher::Voucher) {
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert!(answer.head.contains(&format!("content-type: {MEDIA_TYPE}")), "{}", answer.head);
        let artifact = OwnershipVoucher::from_der(answer.body.clone()).unwrap();
        let context = HolderContext {
            voucher_anchors: std::slice::from_ref(&self.masa.root),
            serial_number: None,
            idevid: None,
            clock: Clock::Trusted(now()),
            decryption: None,
            profile: InputProfile::Strict,
            revocation: Evidence::none(),
        };
        let verified = verify_voucher_as_holder(Unverified::new(artifact.clone()), &context).unwrap();
        (artifact, verified.into_parts().0)
    }

    async fn stop(self) -> (Site, SqlStore) {
        self.server.stop().await;
        let store = self.site.store().await;
        (self.site, store)
    }
}

fn refused(answer: &Answer, status: u16, code: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    assert!(answer.status == status && text.contains(code), "{} {text}", answer.status);
    assert!(answer.head.contains("content-type: text/plain"), "{}", answer.head);
}

#[tokio::test]
async fn mas_01_mas_06_mas_09_vch_20_a_nonced_voucher_is_issued_once_and_on_record() {
    let world = World::new("").await;
    let request = world.one.sign(&nonced("SN-1", 1));
    let (first, voucher) = world.voucher(&world.ask(Some(&world.one), VOUCHER, &request).await);
    assert_eq!(voucher.nonce().unwrap().octets(), [1; 16]);
    assert_eq!((voucher.serial_number.as_str(), &voucher.pinned_domain_cert), ("SN-1", &world.one.root));
    // The answer was lost: the same request, and another with the same nonce, get the same voucher.
    assert_eq!(world.voucher(&world.ask(None, VOUCHER, &request).await).0, first);
    let again = world.one.sign(&nonced("SN-1", 1));
    assert_eq!(world.voucher(&world.ask(Some(&world.one), VOUCHER, &again).await).0, first);
    let (second, _) = world.voucher(&world.ask(None, VOUCHER, &world.one.sign(&nonced("SN-1", 2))).await);
    assert_ne!(second, first);

    // RFC 8995 §5.8: one event for each voucher, newest first.
    let answer = world.ask(Some(&world.one), LOG, &request).await;
    assert!(answer.status == 200 && answer.head.contains("content-type: application/json"), "{answer:?}");
    let log = MasaAuditLog::from_json(&answer.body).unwrap();
    let nonces: Vec<_> = log.events.iter().map(|event| event.nonce.clone().unwrap()).collect();
    assert_eq!(nonces, ["AgICAgICAgICAgICAgICAg==", "AQEBAQEBAQEBAQEBAQEBAQ=="]);
    // Whose it is not may not read it.
    refused(
        &world.ask(Some(&world.other), LOG, &world.other.sign(&nonced("SN-1", 3))).await,
        403,
        "ownership-elsewhere",
    );
    let (_site, store) = world.stop().await;
    assert_eq!(store.issued_vouchers(&[serial("SN-1")]).await.unwrap().len(), 2);
    store.close().await;
}

#[tokio::test]
async fn mas_04_mas_05_mas_07_each_refusal_has_its_status_and_leaves_no_voucher() {
    let world = World::new("").await;
    let World { one, other, .. } = &world;
    let nonceless = |device: &str| VoucherRequestDocument::new(serial(device), now());
    // Whose it is not, whosesoever it is.
    refused(&world.ask(Some(other), VOUCHER, &other.sign(&nonced("SN-1", 1))).await, 403, "ownership-elsewhere");
    refused(&world.ask(Some(one), VOUCHER, &one.sign(&nonced("SN-4", 1))).await, 403, "ownership-unrecorded");
    refused(&world.ask(Some(one), VOUCHER, &one.sign(&nonced("SN-9", 1))).await, 404, "serial-number-unknown");
    // MAS-05: without a nonce, whoever sends must be whoever signed.
    refused(&world.ask(None, VOUCHER, &one.sign(&nonceless("SN-1"))).await, 403, "registrar-unauthenticated");
    refused(&world.ask(Some(other), VOUCHER, &one.sign(&nonceless("SN-1"))).await, 403, "registrar-unauthenticated");
    // MAS-04.
    let plain = Party::new("one", vec![Usage::ClientAuth]);
    let stranger = Party::registrar("stranger");
    for party in [&plain, &stranger] {
        refused(&world.ask(None, VOUCHER, &party.sign(&nonced("SN-1", 1))).await, 403, "registrar-");
    }
    let stale = VoucherRequestDocument { created_on: Some(now().plus_seconds(-200_000)), ..nonced("SN-1", 1) };
    refused(&world.ask(None, VOUCHER, &one.sign(&stale)).await, 403, "voucher-request-stale");
    let mut broken = one.sign(&nonced("SN-1", 1));
    *broken.last_mut().unwrap() ^= 1;
    assert!([400, 403].contains(&world.ask(None, VOUCHER, &broken).await.status));
    refused(&world.ask(None, VOUCHER, b"{}").await, 400, "voucher-request-malformed");
    let good = one.sign(&nonced("SN-1", 1));
    refused(&world.send(None, VOUCHER, "content-type: application/json\r\n", &good).await, 415, "media-type");
    refused(&world.send(None, VOUCHER, "", &good).await, 415, "media-type");
    let headers = format!("content-type: {MEDIA_TYPE}\r\naccept: application/voucher-cose+cbor\r\n");
    refused(&world.send(None, VOUCHER, &headers, &good).await, 406, "not-acceptable");
    assert_eq!(world.ask(None, VOUCHER, &vec![0x30; 70_000]).await.status, 413);
    assert_eq!(world.ask(None, "/.well-known/brski/others", &good).await.status, 404);
    let serials = ["SN-1", "SN-3", "SN-4", "SN-9"].map(serial);
    let (site, store) = world.stop().await;
    assert_eq!(store.issued_vouchers(&serials).await.unwrap(), []);
    // What was refused is on record, summed.
    let records = store.records(audit_log::LogIndex(0), 1000).await.unwrap();
    let bodies: Vec<_> = records.iter().map(|it| String::from_utf8(it.opening.clone().unwrap().1).unwrap()).collect();
    for reason in ["ownership-elsewhere", "serial-number-unknown", "registrar-unauthenticated", "voucher-request-stale"]
    {
        assert!(bodies.iter().any(|it| it.contains("connections-refused") && it.contains(reason)), "{reason}");
    }
    store.close().await;
    support::verify_log(&site.path("sztp.toml")).await;
}

#[tokio::test]
async fn mas_08_vch_21_a_voucher_without_a_nonce_ends_and_is_renewed_until_the_device_goes_elsewhere() {
    let world = World::new("lifetime = '20m'").await;
    let World { one, other, .. } = &world;
    let document = VoucherRequestDocument::new(serial("SN-2"), now());
    let request = one.sign(&document);
    let (first, voucher) = world.voucher(&world.ask(Some(one), VOUCHER, &request).await);
    let Freshness::ExpiresOn { expires_on, .. } = voucher.freshness else { panic!() };
    assert!((1190..=1200).contains(&(expires_on.unix() - now().unix())), "{expires_on}");
    assert_eq!(world.voucher(&world.ask(Some(one), VOUCHER, &request).await).0, first, "the answer was lost");
    let renewing = one.sign(&document.renewing(&first));
    let (_, renewed) = world.voucher(&world.ask(Some(one), VOUCHER, &renewing).await);
    assert_eq!(renewed.pinned_domain_cert, one.root);
    // Both sides, while the server runs: in between nobody gets vouchers, afterwards only the new owner.
    let deed = async |deed: Deed| {
        let event = MasaEvent::OwnershipChanged { device: made("SN-2"), deed };
        world.server.store().commit(Batch::from(Event::Masa(event))).await.unwrap();
    };
    deed(Deed::Released { by: owner_name("one"), to: owner_name("other") }).await;
    refused(&world.ask(Some(one), VOUCHER, &renewing).await, 403, "ownership-in-transfer");
    refused(&world.ask(Some(other), VOUCHER, &other.sign(&nonced("SN-2", 1))).await, 403, "ownership-in-transfer");
    deed(Deed::Accepted { by: owner_name("other") }).await;
    for request in [&request, &renewing] {
        refused(&world.ask(Some(one), VOUCHER, request).await, 403, "ownership-elsewhere");
    }
    let (_, new) = world.voucher(&world.ask(Some(other), VOUCHER, &other.sign(&nonced("SN-2", 1))).await);
    assert_eq!(new.pinned_domain_cert, other.root);
    // The new owner sees that there was another before.
    let answer = world.ask(Some(other), LOG, &other.sign(&nonced("SN-2", 1))).await;
    assert_eq!(MasaAuditLog::from_json(&answer.body).unwrap().events.len(), 3);
    world.server.stop().await;
}

#[tokio::test]
async fn mas_11_a_second_person_agrees_while_the_registrar_asks_again() {
    let world = World::new("second-person = true\nretry-after = 600").await;
    let request = world.one.sign(&nonced("SN-1", 1));
    for _ in 0..3 {
        let answer = world.ask(Some(&world.one), VOUCHER, &request).await;
        assert_eq!(answer.status, 202);
        assert!(answer.head.contains("retry-after: 60"), "{}", answer.head);
    }
    let store = SqlStore::open_read_only(world.site.config().database).await.unwrap();
    let waiting = store.claims_waiting(10).await.unwrap();
    assert_eq!(waiting.len(), 1, "one claim, however often it is asked for");
    let by = Person::new("bert").unwrap();
    let approved = MasaEvent::ClaimApproved { claim: waiting[0].id, by };
    world.server.store().commit(Batch::from(Event::Masa(approved))).await.unwrap();
    world.voucher(&world.ask(Some(&world.one), VOUCHER, &request).await);
    // Sixteen may wait; what waits already is no more of them.
    for octet in 2..=17 {
        assert_eq!(world.ask(Some(&world.one), VOUCHER, &world.one.sign(&nonced("SN-2", octet))).await.status, 202);
    }
    let one_more = world.one.sign(&nonced("SN-2", 18));
    refused(&world.ask(Some(&world.one), VOUCHER, &one_more).await, 403, "too-many-claims");
    assert_eq!(world.ask(Some(&world.one), VOUCHER, &world.one.sign(&nonced("SN-2", 9))).await.status, 202);
    // The word was for this nonce.
    let next = world.one.sign(&nonced("SN-1", 2));
    assert_eq!(world.ask(Some(&world.one), VOUCHER, &next).await.status, 202);
    store.close().await;
    world.server.stop().await;
}

#[tokio::test]
async fn an_owner_that_is_recorded_while_the_server_runs_is_known_at_once() {
    let world = World::new("").await;
    let third = Party::registrar("third");
    let request = third.sign(&nonced("SN-4", 1));
    refused(&world.ask(None, VOUCHER, &request).await, 403, "registrar-untrusted");
    let store = world.server.store();
    store.commit(Batch::from(Event::Masa(third.owner("third")))).await.unwrap();
    let sold = MasaEvent::OwnershipChanged { device: made("SN-4"), deed: Deed::Sold { to: owner_name("third") } };
    store.commit(Batch::from(Event::Masa(sold))).await.unwrap();
    world.voucher(&world.ask(None, VOUCHER, &request).await);
    world.server.stop().await;
}
