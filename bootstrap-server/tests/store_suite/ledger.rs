//! What an authority issued and revoked, and what it may issue beside that.

use std::sync::Arc;

use authority::ManufacturerParty;
use bootstrap_server::{
    audit::{self, Event, LedgerEvent},
    domain::{
        AuthorityName, CertificateProfile,
        ledger::{
            CertificateId, Holder, IssueRefused, IssuedCertificate, LedgerFilter, LedgerStanding, Occasion,
            RevokeRefused,
        },
    },
    retention,
    store::{Batch, Ledger, Page, Place, Store, StoreError},
};
use pki::{digest::sha256, identity::SerialNumber, revocation::Reason, time::Timestamp};

use super::{Home, transfer::exported};
use crate::support::{device_id, serial};

fn authority() -> AuthorityName {
    AuthorityName::new("devices").unwrap()
}

/// A certificate for a key of its own, as the answer to the request with this content.
fn certificate(maker: &ManufacturerParty, holder: Holder, request: Option<&str>) -> IssuedCertificate {
    let number = holder.serial_number().cloned().unwrap_or_else(|| SerialNumber::new("nobody").unwrap());
    let (_, chain) = maker.device("Model", &number, crate::support::now()).unwrap();
    IssuedCertificate {
        authority: authority(),
        profile: CertificateProfile::new("idevid").unwrap(),
        holder,
        request: request.map(|request| sha256(request.as_bytes())),
        certificate: chain.into_iter().next().unwrap(),
    }
}

fn made(text: &str) -> Holder {
    Holder::Made(serial(text))
}

fn issue(issued: &IssuedCertificate, occasion: Occasion) -> Batch {
    Event::Ledger(LedgerEvent::CertificateIssued { issued: Box::new(issued.clone()), occasion }).into()
}

fn revoke(certificate: CertificateId, reason: Reason) -> Batch {
    Event::Ledger(LedgerEvent::CertificateRevoked { certificate, reason, because: "lost".to_owned() }).into()
}

fn because(text: &str) -> Occasion {
    Occasion::Another { because: text.to_owned() }
}

fn refused(outcome: Result<audit_log::LogIndex, StoreError>) -> IssueRefused {
    match outcome {
        Err(StoreError::NotIssued(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

pub async fn a_certificate_that_was_issued_is_found_by_all_it_is_known_by(home: &Home) {
    let (maker, store) = (&home.site.maker, home.open().await);
    let one = certificate(maker, made("SN-1"), Some("request"));
    let leaf = store.commit(issue(&one, Occasion::First)).await.unwrap();
    let other = certificate(maker, Holder::NoDevice, None);
    store.commit(issue(&other, Occasion::First)).await.unwrap();
    store.close().await;

    let store = home.open().await;
    let entry = store.issued(&one.id()).await.unwrap().unwrap();
    assert_eq!((&entry.issued, entry.leaf, entry.revoked), (&one, leaf, None));
    assert_eq!(store.answering(&authority(), sha256(b"request")).await.unwrap().unwrap(), entry);
    assert_eq!(store.answering(&AuthorityName::new("others").unwrap(), sha256(b"request")).await.unwrap(), None);
    let key = |of: &IssuedCertificate| Some(of.certificate.public_key().spki_sha256());
    let found = async |filter: LedgerFilter| {
        let page = store.certificates(&filter, Page { after: None, limit: 10 }).await.unwrap();
        page.into_iter().map(|entry| entry.issued).collect::<Vec<_>>()
    };
    assert_eq!(found(LedgerFilter { key: key(&one), ..LedgerFilter::default() }).await, std::slice::from_ref(&one));
    assert_eq!(found(LedgerFilter { key: key(&other), ..LedgerFilter::default() }).await, [other]);
    let serial_number = Some(serial("SN-1"));
    assert_eq!(found(LedgerFilter { serial_number, ..LedgerFilter::default() }).await, std::slice::from_ref(&one));
    let serial_prefix = Some("SN-".to_owned());
    assert_eq!(found(LedgerFilter { serial_prefix, ..LedgerFilter::default() }).await, [one]);
    let profile = Some(CertificateProfile::new("owner").unwrap());
    assert_eq!(found(LedgerFilter { profile, ..LedgerFilter::default() }).await, []);
    let expiring_before = Some(Timestamp::from_unix(0));
    assert_eq!(found(LedgerFilter { expiring_before, ..LedgerFilter::default() }).await, []);
    assert_eq!(audit::verify(&store, home.key.verifier(), &[]).await.unwrap().leaves, 2);
    store.close().await;
}

pub async fn a_request_is_answered_once_however_often_it_comes(home: &Home) {
    let (maker, store) = (&home.site.maker, Arc::new(home.open().await));
    // Sixteen servers made a certificate each before any of them knew of another.
    let all: Vec<_> = (0..16).map(|_| certificate(maker, made("SN-1"), Some("request"))).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for one in &all {
        let (store, batch) = (Arc::clone(&store), issue(one, Occasion::First));
        tasks.spawn(async move { store.commit(batch).await });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let kept = store.answering(&authority(), sha256(b"request")).await.unwrap().unwrap();
    assert!(all.contains(&kept.issued));
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refused(outcome), IssueRefused::IssuedBefore(kept.issued.id()));
    }
    // With another reason too.
    let again = issue(&certificate(maker, made("SN-1"), Some("request")), because("lost"));
    assert_eq!(refused(store.commit(again).await), IssueRefused::IssuedBefore(kept.issued.id()));
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn a_second_certificate_needs_a_reason(home: &Home) {
    let (maker, store) = (&home.site.maker, home.open().await);
    let one = certificate(maker, made("SN-1"), None);
    store.commit(issue(&one, Occasion::First)).await.unwrap();
    let two = certificate(maker, made("SN-1"), None);
    let until = one.certificate.not_after();
    assert_eq!(
        refused(store.commit(issue(&two, Occasion::First)).await),
        IssueRefused::HolderHasOne { which: one.id(), until }
    );
    // In one batch as well, where the first is not stored yet.
    let both = issue(&certificate(maker, made("SN-2"), None), Occasion::First);
    let twin = LedgerEvent::CertificateIssued {
        issued: Box::new(certificate(maker, made("SN-2"), None)),
        occasion: Occasion::First,
    };
    assert!(matches!(refused(store.commit(both.and(Event::Ledger(twin))).await), IssueRefused::HolderHasOne { .. }));
    store.commit(issue(&two, because("board replaced"))).await.unwrap();
    // Other makers' devices, and owners' ones, are other devices.
    let owned = certificate(maker, Holder::Owned(device_id("SN-1")), None);
    home.site.register(&store, &[]).await;
    store.commit(issue(&owned, Occasion::First)).await.unwrap();
    // When none holds any more, the next is a first one again.
    for gone in [&one, &two] {
        store.commit(revoke(gone.id(), Reason::Superseded)).await.unwrap();
    }
    store.commit(issue(&certificate(maker, made("SN-1"), None), Occasion::First)).await.unwrap();
    let records = store.records(super::START, 100).await.unwrap();
    let bodies = records.into_iter().map(|it| String::from_utf8(it.opening.unwrap().1).unwrap()).collect::<Vec<_>>();
    let said = bodies.iter().filter(|body| body.contains("\"because\":\"board replaced\"")).count();
    assert_eq!(said, 1, "{bodies:?}");
    store.close().await;
}

pub async fn a_key_is_one_device(home: &Home) {
    let (maker, store) = (&home.site.maker, home.open().await);
    let one = certificate(maker, made("SN-1"), None);
    store.commit(issue(&one, Occasion::First)).await.unwrap();
    // The same certificate cannot be issued again, whatever is said about it.
    let taken = IssuedCertificate { holder: made("SN-2"), ..one.clone() };
    assert_eq!(refused(store.commit(issue(&taken, because("x"))).await), IssueRefused::SerialTaken(one.id()));
    // Another one with its key would make two devices of one, under this authority or another.
    let elsewhere = AuthorityName::new("elsewhere").unwrap();
    let shared = IssuedCertificate { authority: elsewhere.clone(), holder: made("SN-2"), ..one.clone() };
    assert_eq!(refused(store.commit(issue(&shared, Occasion::First)).await), IssueRefused::KeyInUse(one.id()));
    let same = IssuedCertificate { authority: elsewhere, ..one.clone() };
    store.commit(issue(&same, Occasion::First)).await.unwrap();
    store.close().await;
}

pub async fn est_05_a_renewal_goes_on_from_a_certificate_of_the_same_holder_that_still_holds(home: &Home) {
    let (maker, store) = (&home.site.maker, home.open().await);
    let one = certificate(maker, made("SN-1"), None);
    store.commit(issue(&one, Occasion::First)).await.unwrap();
    let of = |before: &IssuedCertificate| Occasion::Renewal { of: before.id().serial };
    let others = certificate(maker, made("SN-2"), None);
    assert_eq!(refused(store.commit(issue(&others, of(&one))).await), IssueRefused::NothingToRenew(one.id()));
    let two = certificate(maker, made("SN-1"), None);
    assert_eq!(refused(store.commit(issue(&two, of(&two))).await), IssueRefused::NothingToRenew(two.id()));
    store.commit(issue(&two, of(&one))).await.unwrap();
    store.commit(revoke(two.id(), Reason::KeyCompromise)).await.unwrap();
    let three = certificate(maker, made("SN-1"), None);
    assert_eq!(refused(store.commit(issue(&three, of(&two))).await), IssueRefused::NothingToRenew(two.id()));
    store.close().await;
}

pub async fn what_is_revoked_stays_so_and_is_listed(home: &Home) {
    let (maker, store) = (&home.site.maker, home.open().await);
    let all: Vec<_> = (0..5).map(|number| certificate(maker, made(&format!("SN-{number}")), None)).collect();
    for one in &all {
        store.commit(issue(one, Occasion::First)).await.unwrap();
    }
    let not_revoked = |outcome: Result<_, StoreError>| match outcome {
        Err(StoreError::NotRevoked(refused)) => refused,
        other => panic!("{other:?}"),
    };
    let nobody = CertificateId { authority: authority(), serial: vec![1] };
    let unknown = store.commit(revoke(nobody.clone(), Reason::Superseded)).await;
    assert_eq!(not_revoked(unknown), RevokeRefused::NotIssued(nobody));
    store.commit(revoke(all[0].id(), Reason::CertificateHold)).await.unwrap();
    store.commit(revoke(all[0].id(), Reason::KeyCompromise)).await.unwrap();
    store.commit(revoke(all[1].id(), Reason::Superseded)).await.unwrap();
    for reason in [Reason::CertificateHold, Reason::Unspecified] {
        let again = not_revoked(store.commit(revoke(all[0].id(), reason)).await);
        assert_eq!(again, RevokeRefused::RevokedBefore { which: all[0].id(), reason: Reason::KeyCompromise });
    }
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = Page { after: after.take(), limit: 1 };
        let page = store.revocations(&authority(), Timestamp::from_unix(0), page).await.unwrap();
        let Some(entry) = page.into_iter().next() else { break };
        after = Some(entry.serial.clone());
        listed.push((entry.serial, entry.revoked.reason));
    }
    let mut expected = vec![(all[0].id().serial, Reason::KeyCompromise), (all[1].id().serial, Reason::Superseded)];
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(listed, expected);
    let standing = |standing| LedgerFilter { standing: Some(standing), ..LedgerFilter::default() };
    let count = async |filter| store.certificates(&filter, Page { after: None, limit: 9 }).await.unwrap().len();
    assert_eq!(count(standing(LedgerStanding::Revoked)).await, 2);
    assert_eq!(count(standing(LedgerStanding::Standing)).await, 3);
    store.close().await;
}

pub async fn sec_22_a_forgotten_device_keeps_no_certificate_and_what_was_revoked_is_listed_still(home: &Home) {
    let (maker, store) = (&home.site.maker, home.with(&["SN-1"]).await);
    let device = device_id("SN-1");
    let one = certificate(maker, Holder::Owned(device.clone()), Some("request"));
    store.commit(issue(&one, Occasion::First)).await.unwrap();
    let history = store.history(&device, Place::FIRST, 10).await.unwrap();
    let body = String::from_utf8(history.last().unwrap().opening.clone().unwrap().1).unwrap();
    assert!(body.contains("certificate-issued") && body.contains(&one.certificate.sha256().to_string()), "{body}");
    store.commit(revoke(one.id(), Reason::CessationOfOperation)).await.unwrap();
    let erased = Event::DeviceErased { device: device.clone(), because: "on request".to_owned() };
    let at = store.commit(erased.into()).await.unwrap();
    let end = Place { log: store.log(), position: audit_log::LogIndex(at.0 + 1) };
    retention::finish(&store, &device, end, "on request", None).await.unwrap();
    assert_eq!(store.issued(&one.id()).await.unwrap(), None);
    let listed =
        store.revocations(&authority(), Timestamp::from_unix(0), Page { after: None, limit: 9 }).await.unwrap();
    assert_eq!(listed.into_iter().map(|entry| entry.serial).collect::<Vec<_>>(), [one.id().serial]);
    let rows = exported(&store).await;
    assert!(!rows.iter().any(|row| format!("{row:?}").contains("SN-1")), "in no table");
    audit::verify(&store, home.key.verifier(), &[]).await.unwrap();
    store.close().await;
}
