//! What a MASA keeps: whose devices are, and what was issued.

use std::sync::Arc;

use authority::{
    ManufacturerParty, OwnerParty, Validity, VoucherRequest,
    masa::{
        Approval, ClaimId, Deed, DeedError, DeviceClock, Domain, LineName, Owner, OwnerName, Ownership, Person,
        ProductLine, Proposer, SerialNumbers,
    },
};
use bootstrap_server::{
    audit::{self, Event, MasaEvent},
    backup,
    domain::{
        Actor,
        masa::{Claim, MadeDevice, MasaRefused, Standing, VoucherIssue},
    },
    store::{Batch, MasaRecords, Page, SqlStore, Store, StoreError},
};
use conveyed_info::voucher::{DomainId, Nonce};
use pki::digest::sha256;

use super::Home;
use crate::support::{now, serial};

fn owner_name(text: &str) -> OwnerName {
    OwnerName::new(text).unwrap()
}

fn line_name(text: &str) -> LineName {
    LineName::new(text).unwrap()
}

fn person(text: &str) -> Person {
    Person::new(text).unwrap()
}

fn made(text: &str) -> MadeDevice {
    MadeDevice { serial_number: serial(text), line: line_name("Model") }
}

fn owner(name: &str, party: &OwnerParty) -> Owner {
    let domain = Domain { pinned: party.pinned().unwrap().clone(), above: Vec::new(), registrar_cas: Vec::new() };
    Owner { name: owner_name(name), contact: "noc@example.net".to_owned(), domains: vec![domain] }
}

fn line(name: &str, serial_numbers: SerialNumbers) -> Batch {
    let line = ProductLine { name: line_name(name), clock: DeviceClock::Kept, serial_numbers };
    Event::Masa(MasaEvent::LineRecorded { line: Box::new(line) }).into()
}

fn recorded(owner: Owner) -> Batch {
    Event::Masa(MasaEvent::OwnerRecorded { owner: Box::new(owner) }).into()
}

fn device_made(device: MadeDevice) -> Batch {
    Event::Masa(MasaEvent::DeviceMade { device }).into()
}

fn deed(device: &str, deed: Deed) -> Batch {
    Event::Masa(MasaEvent::OwnershipChanged { device: made(device), deed }).into()
}

fn sold(device: &str, to: &str) -> Batch {
    deed(device, Deed::Sold { to: owner_name(to) })
}

fn issue(maker: &ManufacturerParty, party: &OwnerParty, standing: &Standing, validity: Validity) -> VoucherIssue {
    let request = VoucherRequest {
        serial_number: serial("SN-1"),
        pinned_domain_cert: party.pinned().unwrap().clone(),
        idevid: None,
        validity,
    };
    VoucherIssue {
        artifact: maker.masa().issue(&request, now()).unwrap(),
        voucher: request.voucher(now()).unwrap(),
        owner: Some(owner_name("one")),
        request: Some(sha256(b"request")),
        standing: standing.clone(),
        approval: None,
    }
}

fn issued(issue: VoucherIssue) -> Batch {
    Event::Masa(MasaEvent::VoucherIssued { issue: Box::new(issue) }).into()
}

fn nonce() -> Nonce {
    Nonce::for_request(vec![7; 16]).unwrap()
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> MasaRefused {
    match outcome {
        Err(StoreError::Masa(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

async fn standing(store: &dyn MasaRecords) -> Standing {
    let entry = store.made(&[serial("SN-1")]).await.unwrap().remove(0);
    Standing::Listed { line: entry.device.line, ownership: entry.ownership }
}

/// With the owners *one* and *other*, and the device SN-1 of *one*.
async fn with_device(home: &Home, parties: [&OwnerParty; 2]) -> SqlStore {
    let store = home.open().await;
    store.commit(recorded(owner("one", parties[0]))).await.unwrap();
    store.commit(recorded(owner("other", parties[1]))).await.unwrap();
    store.commit(line("Model", SerialNumbers::Unique)).await.unwrap();
    store.commit(device_made(made("SN-1"))).await.unwrap();
    store.commit(sold("SN-1", "one")).await.unwrap();
    store
}

fn parties() -> [OwnerParty; 2] {
    ["one", "other"].map(|name| OwnerParty::new(name, &[], now()).unwrap())
}

async fn back_up(home: &Home, store: &Arc<SqlStore>) -> Vec<u8> {
    let (shared, key): (Arc<dyn Store>, _) = (store.clone(), Arc::clone(&home.key));
    let mut taking = backup::Taking::begin(shared, key, Actor::Console, now()).await.unwrap();
    let mut octets = Vec::new();
    while let Some(piece) = taking.piece().await.unwrap() {
        octets.extend(piece);
    }
    octets
}

pub async fn mas_09_whatever_a_masa_does_is_on_record_and_comes_back(home: &Home) {
    let [one, other] = parties();
    let store = with_device(home, [&one, &other]).await;
    let standing = standing(&store).await;
    let nonced = issue(&home.site.maker, &one, &standing, Validity::Nonce(nonce()));
    store.commit(issued(nonced.clone())).await.unwrap();
    let expiring = issue(&home.site.maker, &one, &standing, Validity::Until(None));
    let leaf = store.commit(issued(expiring.clone())).await.unwrap();
    store.commit(deed("SN-1", Deed::Released { by: owner_name("one"), to: owner_name("other") })).await.unwrap();
    let version = store.owners_version().await.unwrap();
    store.close().await;

    let store = home.open().await;
    assert_eq!(store.owners().await.unwrap(), [owner("one", &one), owner("other", &other)]);
    assert_eq!((store.owners_version().await.unwrap(), version.count), (version, 2));
    let vouchers = store.issued_vouchers(&[serial("SN-1"), serial("SN-2")]).await.unwrap();
    assert_eq!(vouchers.iter().map(|it| &it.artifact).collect::<Vec<_>>(), [&nonced.artifact, &expiring.artifact]);
    let entry = &vouchers[1];
    assert_eq!((entry.claim, entry.leaf, &entry.owner), (expiring.claim(), leaf, &expiring.owner));
    assert_eq!((&entry.line, entry.request), (&Some(line_name("Model")), expiring.request));
    let conveyed_info::voucher::Freshness::ExpiresOn { expires_on, .. } = expiring.voucher.freshness else { panic!() };
    assert_eq!(entry.expires_on, Some(expires_on));
    // RFC 8995 §5.8.1.
    let event = &vouchers[0].event;
    assert_eq!(event.domain_id, DomainId::of(one.pinned().unwrap()));
    assert_eq!(event.nonce.as_deref(), Some("BwcHBwcHBwcHBwcHBwcHBw=="));
    assert_eq!((event.assertion.as_str(), vouchers[1].event.nonce.as_deref()), ("verified", None));

    let deeds = store.deeds(&made("SN-1")).await.unwrap();
    assert_eq!(deeds.len(), 2);
    assert_eq!(deeds[0].deed, Deed::Sold { to: owner_name("one") });
    let first = Page { after: None, limit: 10 };
    let owned = store.made_page(Some(&owner_name("one")), first).await.unwrap();
    assert!(matches!(&owned[0].ownership, Ownership::Released { to, .. } if to.as_str() == "other"));
    let beyond = Page { after: Some(made("SN-1")), limit: 10 };
    assert_eq!(store.made_page(None, beyond).await.unwrap(), []);

    assert_eq!(audit::verify(&store, home.key.verifier(), &[]).await.unwrap().leaves, 8);
    // The log says date (of the leaf), domain, nonce or null, and assertion.
    let record = store.records(leaf, 1).await.unwrap().remove(0);
    let body: serde_json::Value = serde_json::from_slice(&record.opening.as_ref().unwrap().1).unwrap();
    assert_eq!((&body["event"], &body["nonce"]), (&"voucher-issued".into(), &serde_json::Value::Null));
    assert_eq!((&body["assertion"], &body["serial-number"]), (&"verified".into(), &"SN-1".into()));
    assert_eq!(record.leaf().unwrap().kind().0, 38);

    // A backup explains each of these rows, and is refused when one says something else.
    let rows = super::exported(&store).await;
    for table in ["masa_owner", "masa_line", "made_device", "made_device_deed", "issued_voucher"] {
        assert!(rows.iter().any(|row| row.table == table), "{table}");
    }
    let store = Arc::new(store);
    backup::verify(back_up(home, &store).await.as_slice(), Some(home.key.verifier())).unwrap();
    for (forgery, back) in [
        ("UPDATE made_device SET owner = 'other'", "UPDATE made_device SET owner = 'one'"),
        ("UPDATE issued_voucher SET owner = 'other'", "UPDATE issued_voucher SET owner = 'one'"),
        ("UPDATE issued_voucher SET assertion = 'logged'", "UPDATE issued_voucher SET assertion = 'verified'"),
        ("UPDATE masa_line SET document = '{}'", ""),
    ] {
        (home.execute)(&home.location, forgery);
        let why = backup::verify(back_up(home, &store).await.as_slice(), Some(home.key.verifier())).unwrap_err();
        assert!(why.to_string().contains("SN-1") || why.to_string().contains("Model"), "{why}");
        if !back.is_empty() {
            (home.execute)(&home.location, back);
        }
    }
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn a_transfer_and_a_voucher_cannot_pass_each_other(home: &Home) {
    let [one, other] = parties();
    let store = with_device(home, [&one, &other]).await;
    let before = standing(&store).await;
    // It was decided that *one* may have a voucher; then, before it was on record, the device went to *other*.
    let late = issued(issue(&home.site.maker, &one, &before, Validity::Unlimited));
    let overridden =
        Deed::Overridden { to: Some(owner_name("other")), by: person("anna"), reason: "one is gone".to_owned() };
    let (moved, issued) = tokio::join!(store.commit(deed("SN-1", overridden)), store.commit(late));
    moved.unwrap();
    assert_eq!(refused(issued), MasaRefused::Moved(serial("SN-1")));
    assert_eq!(store.issued_vouchers(&[serial("SN-1")]).await.unwrap(), []);
    // Nor does somebody with the key alone get around the records.
    let unlisted = self::issued(issue(&home.site.maker, &one, &Standing::Unlisted, Validity::Unlimited));
    assert_eq!(refused(store.commit(unlisted).await), MasaRefused::Moved(serial("SN-1")));
    assert!(matches!(
        refused(store.commit(sold("SN-1", "one")).await),
        MasaRefused::Deed { why: DeedError::AlreadySold { .. }, .. }
    ));
    assert_eq!(refused(store.commit(sold("SN-9", "one")).await), MasaRefused::NoDevice(made("SN-9")));
    assert_eq!(refused(store.commit(sold("SN-1", "nobody")).await), MasaRefused::NoOwner(owner_name("nobody")));
    store.close().await;
}

pub async fn mas_06_one_nonce_is_answered_once_however_many_servers_are_asked(home: &Home) {
    let [one, other] = parties();
    let store = Arc::new(with_device(home, [&one, &other]).await);
    let standing = standing(store.as_ref()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let one = issued(issue(&home.site.maker, &one, &standing, Validity::Nonce(nonce())));
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.commit(one).await });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let kept = store.issued_vouchers(&[serial("SN-1")]).await.unwrap();
    assert_eq!(kept.len(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refused(outcome), MasaRefused::IssuedBefore(kept[0].claim));
    }
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn vch_09_a_serial_number_is_taken_twice_only_when_vouchers_can_tell(home: &Home) {
    let store = home.open().await;
    let shared = |octet| SerialNumbers::Shared { idevid_issuer: vec![octet; 24] };
    for batch in
        [line("Model", SerialNumbers::Unique), line("A", shared(1)), line("B", shared(2)), line("C", shared(1))]
    {
        store.commit(batch).await.unwrap();
    }
    let make = |name: &str| device_made(MadeDevice { serial_number: serial("SN-1"), line: line_name(name) });
    store.commit(make("A")).await.unwrap();
    store.commit(make("B")).await.unwrap();
    assert!(matches!(refused(store.commit(make("A")).await), MasaRefused::DeviceExists(_)));
    for name in ["C", "Model"] {
        assert!(matches!(refused(store.commit(make(name)).await), MasaRefused::SerialTaken { .. }), "{name}");
    }
    assert_eq!(refused(store.commit(make("D")).await), MasaRefused::NoLine(line_name("D")));
    assert_eq!(store.made(&[serial("SN-1")]).await.unwrap().len(), 2);
    assert_eq!(store.lines().await.unwrap().len(), 4);
    store.close().await;
}

pub async fn a_claim_takes_two_persons(home: &Home) {
    let [one, other] = parties();
    let store = with_device(home, [&one, &other]).await;
    let standing = standing(&store).await;
    let mut wanted = issue(&home.site.maker, &one, &standing, Validity::Unlimited);
    let claim = |by: Proposer| Claim {
        id: wanted.claim(),
        serial_number: serial("SN-1"),
        pinned: one.pinned().unwrap().sha256(),
        by,
        at: now(),
        approval: None,
    };
    let approve =
        |claim: ClaimId, by: &str| -> Batch { Event::Masa(MasaEvent::ClaimApproved { claim, by: person(by) }).into() };
    assert_eq!(refused(store.commit(approve(wanted.claim(), "bert")).await), MasaRefused::NoClaim(wanted.claim()));
    let asked = claim(Proposer::Person(person("anna")));
    let event = Event::Masa(MasaEvent::VoucherClaimed { claim: Box::new(asked.clone()) });
    store.commit(event.into()).await.unwrap();
    assert_eq!(store.claims_waiting(10).await.unwrap(), [asked]);
    assert!(matches!(refused(store.commit(approve(wanted.claim(), "anna")).await), MasaRefused::Approval(_)));
    // An approval that nobody gave.
    let forged = Approval { claim: wanted.claim(), by: person("bert"), at: now() };
    wanted.approval = Some(forged);
    assert!(matches!(refused(store.commit(issued(wanted.clone())).await), MasaRefused::Approval(_)));
    store.commit(approve(wanted.claim(), "bert")).await.unwrap();
    assert_eq!(store.claims_waiting(10).await.unwrap(), []);
    wanted.approval = store.voucher_claim(&wanted.claim()).await.unwrap().unwrap().approval;
    store.commit(issued(wanted)).await.unwrap();
    let store = Arc::new(store);
    backup::verify(back_up(home, &store).await.as_slice(), Some(home.key.verifier())).unwrap();
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn owners_that_could_not_be_told_apart_are_refused(home: &Home) {
    let [one, other] = parties();
    let store = with_device(home, [&one, &other]).await;
    assert!(matches!(refused(store.commit(recorded(owner("third", &one))).await), MasaRefused::Owners(_)));
    let nothing = Owner { domains: Vec::new(), ..owner("third", &one) };
    assert!(matches!(refused(store.commit(recorded(nothing)).await), MasaRefused::Owners(_)));
    // Its own record may be replaced.
    let version = store.owners_version().await.unwrap();
    let moved = Owner { contact: "else@example.net".to_owned(), ..owner("one", &one) };
    store.commit(recorded(moved.clone())).await.unwrap();
    assert_eq!(store.owners().await.unwrap()[0], moved);
    assert_ne!(store.owners_version().await.unwrap(), version);
    store.close().await;
}
