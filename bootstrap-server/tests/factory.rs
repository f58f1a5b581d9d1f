//! The factory line over real TLS, with units whose keys are files. Units with TPMs are in interop-tests.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;

use authority::{CertificateAuthority, CertificateSerial, Kind, Profile, Subject};
use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{
    RunningServer,
    audit::{Event, FactoryEvent, LedgerEvent},
    backup::Restorable,
    domain::{
        AuthorityName, CertificateKind,
        factory::{NewUnit, OrderName, OrderTerms, ProductionOrder, ProductionRefused},
        ledger::CertificateId,
    },
    store::{Batch, Factory, SqlStore, StoreError},
};
use pki::{
    certificate::Certificate,
    digest::sha256,
    identity::SerialNumber,
    key::{FileKey, Signer, random},
    new_request::{self, DeviceNames},
    revocation::Reason,
};
use serde_json::{Value, json};
use support::{Answer, Site, connect_to, connector, exchange, request, serial};

const JSON: &str = "content-type: application/json\r\n";

/// A server of a manufacturer, and the authority of its stations.
struct Line {
    site: Site,
    server: RunningServer,
    stations: CertificateAuthority,
}

/// A station's key and certificates.
struct Badge(FileKey, Vec<Certificate>);

fn number() -> CertificateSerial {
    CertificateSerial(random().unwrap())
}

fn root(name: &str) -> CertificateAuthority {
    CertificateAuthority::new_root(name, Box::new(FileKey::generate_p256().unwrap()), number(), support::now()).unwrap()
}

fn badge(ca: &CertificateAuthority, name: &str) -> Badge {
    let key = FileKey::generate_p256().unwrap();
    let profile = Profile::of(Kind::Operator);
    let own = ca.issue(&profile, &Subject::named(name), Signer::public_key(&key), number(), support::now()).unwrap();
    Badge(key, vec![own])
}

impl Line {
    async fn new() -> Self {
        let (site, stations, maker) = (Site::new(), root("Stations"), root("Maker"));
        let key = FileKey::generate_p256().unwrap();
        site.write("ca.key", key.to_pem().as_bytes());
        let ca = maker.new_issuing_ca("Device CA", Box::new(key), number(), support::now()).unwrap();
        site.write("ca.pem", support::pem(ca.chain()).as_bytes());
        site.write("stations.pem", support::pem(stations.chain()).as_bytes());
        let text = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
        let sections = "[[authority]]\nname = 'devices'\ncertificate = 'ca.pem'\nkey = 'ca.key'\n\
            [authority.profile.idevid]\n[factory]\nstation-anchors = 'stations.pem'\n\
            [authority-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n";
        site.write("sztp.toml", format!("{text}{sections}").as_bytes());
        let server = site.start(&[]).await;
        Self { site, server, stations }
    }

    async fn order(&self, terms: OrderTerms, units: &[&str]) {
        let units = units.iter().map(|text| NewUnit { serial_number: serial(text), endorsement_key: None }).collect();
        let (order, units) = ProductionOrder::new(terms, units).unwrap();
        let event = FactoryEvent::OrderMade { order: Box::new(order), units };
        self.commit(event).await.unwrap();
    }

    async fn commit(&self, event: FactoryEvent) -> Result<audit_log::LogIndex, StoreError> {
        self.server.store().commit(Batch::from(Event::Factory(event))).await
    }

    async fn ask(&self, badge: Option<&Badge>, order: &str, unit: &str, body: &Value) -> Answer {
        let shown = badge.map(|Badge(key, chain)| (key, chain.as_slice()));
        let mut stream = connect_to(self.server.authority_address().unwrap(), &connector(shown)).await.unwrap();
        let path = format!("/factory/v1/orders/{order}/units/{unit}/enrol");
        exchange(&mut stream, &request("POST", &path, JSON, &body.to_string())).await.unwrap()
    }
}

fn terms(name: &str) -> OrderTerms {
    OrderTerms {
        name: OrderName::new(name).unwrap(),
        authority: AuthorityName::new("devices").unwrap(),
        profile: CertificateKind::new("idevid").unwrap(),
        model: None,
        stations: Vec::new(),
        expires: support::now().plus_seconds(3600),
        endorsement_anchors: Vec::new(),
    }
}

fn csr(key: &FileKey, unit: &str) -> Value {
    let request = new_request::sign(&DeviceNames::new(SerialNumber::new(unit).unwrap()), key).unwrap();
    json!({"csr": STANDARD.encode(request)})
}

fn certificate(answer: &Answer) -> Certificate {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let said: Value = serde_json::from_slice(&answer.body).unwrap();
    Certificate::from_der(&STANDARD.decode(said["certificates"][0].as_str().unwrap()).unwrap()).unwrap()
}

fn refused(answer: &Answer, status: u16, reason: &str) {
    let said: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, said["reason"].as_str()), (status, Some(reason)), "{said}");
    assert!(said["remedy"].as_str().unwrap().len() > 20 && said["detail"].is_string(), "{said}");
}

#[tokio::test]
async fn a_unit_gets_one_certificate_and_another_one_for_a_reason() {
    let line = Line::new().await;
    line.order(terms("O-1"), &["SN-1", "SN-2"]).await;
    let (one, two) = (badge(&line.stations, "st-1"), badge(&line.stations, "st-2"));
    let key = FileKey::generate_p256().unwrap();
    let first = certificate(&line.ask(Some(&one), "O-1", "SN-1", &csr(&key, "SN-1")).await);
    assert_eq!(SerialNumber::from_certificate(&first).unwrap().as_str(), "SN-1");
    assert_eq!(first.public_key(), Signer::public_key(&key));

    // The answer was lost: another request for the same key, at whichever station.
    assert_eq!(certificate(&line.ask(Some(&one), "O-1", "SN-1", &csr(&key, "SN-1")).await), first);
    assert_eq!(certificate(&line.ask(Some(&two), "O-1", "SN-1", &csr(&key, "SN-1")).await), first);

    // Another unit with this serial number.
    let other = FileKey::generate_p256().unwrap();
    refused(&line.ask(Some(&two), "O-1", "SN-1", &csr(&other, "SN-1")).await, 409, "unit-certified");

    // One more, for a reason, once.
    let rework = |because: &str, certificate: &Certificate| FactoryEvent::ReworkAllowed {
        order: OrderName::new("O-1").unwrap(),
        serial_number: serial("SN-1"),
        certificate: Some(certificate.certificate_serial().to_vec()),
        because: because.to_owned(),
    };
    line.commit(rework("board changed", &first)).await.unwrap();
    let pending = line.commit(rework("again", &first)).await;
    assert!(matches!(pending, Err(StoreError::Production(ProductionRefused::ReworkPending { .. }))), "{pending:?}");
    let second = certificate(&line.ask(Some(&two), "O-1", "SN-1", &csr(&other, "SN-1")).await);
    assert_ne!(second, first);
    let third = FileKey::generate_p256().unwrap();
    refused(&line.ask(Some(&two), "O-1", "SN-1", &csr(&third, "SN-1")).await, 409, "unit-certified");
    let stale = line.commit(rework("for the first one", &first)).await;
    assert!(stale.is_err(), "the reason is for the certificate that the unit has");

    // The log has it all, and explains the rows.
    let backup = exported(&line).await;
    let text = String::from_utf8_lossy(&backup);
    assert!(text.contains("production_unit"), "{text}");
}

/// A backup of everything, checked.
async fn exported(line: &Line) -> Vec<u8> {
    let config = line.site.config();
    let reader = SqlStore::open_to_read(&config.database, config.checkpoint_key.verifier()).await.unwrap();
    let path = line.site.path("backup");
    bootstrap_server::backup::take(&reader, &config.checkpoint_key, &path).await.unwrap();
    Restorable::check(&path, Some(config.checkpoint_key.verifier()), None).unwrap();
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn two_stations_with_one_serial_number_at_once_one_wins_and_the_other_is_told() {
    let line = Line::new().await;
    line.order(terms("O-1"), &["SN-1"]).await;
    let (one, two) = (badge(&line.stations, "st-1"), badge(&line.stations, "st-2"));
    let (a, b) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
    let (a, b) = (csr(&a, "SN-1"), csr(&b, "SN-1"));
    let (left, right) = tokio::join!(line.ask(Some(&one), "O-1", "SN-1", &a), line.ask(Some(&two), "O-1", "SN-1", &b));
    let (winner, loser) = if left.status == 200 { (left, right) } else { (right, left) };
    certificate(&winner);
    refused(&loser, 409, "unit-certified");

    // One station whose first try was slow: both get the same.
    let key = FileKey::generate_p256().unwrap();
    line.order(terms("O-2"), &["SN-2"]).await;
    let same = csr(&key, "SN-2");
    let (left, right) =
        tokio::join!(line.ask(Some(&one), "O-2", "SN-2", &same), line.ask(Some(&one), "O-2", "SN-2", &same));
    assert_eq!(certificate(&left), certificate(&right));
}

#[tokio::test]
async fn who_is_no_station_and_what_no_order_has_is_refused() {
    let line = Line::new().await;
    let own = badge(&line.stations, "st-1");
    line.order(OrderTerms { model: Some("BMC-9".to_owned()), ..terms("O-1") }, &["SN-1"]).await;
    line.order(OrderTerms { stations: vec!["st-2".to_owned()], ..terms("of-another") }, &["SN-1"]).await;
    line.order(OrderTerms { expires: support::now().plus_seconds(-1), ..terms("expired") }, &["SN-1"]).await;
    line.order(OrderTerms { profile: CertificateKind::new("other").unwrap(), ..terms("unknown") }, &["SN-1"]).await;
    line.order(terms("closed"), &["SN-1"]).await;
    let name = OrderName::new("closed").unwrap();
    let store = line.server.store();
    let order = SqlStore::open_to_read(&line.site.config().database, line.site.config().checkpoint_key.verifier());
    let document = sha256(order.await.unwrap().order(&name).await.unwrap().unwrap().document().as_bytes());
    let close =
        |because: &str| FactoryEvent::OrderClosed { order: name.clone(), document, because: because.to_owned() };
    store.commit(Batch::from(Event::Factory(close("all built")))).await.unwrap();
    assert!(matches!(line.commit(close("twice")).await, Err(StoreError::Production(ProductionRefused::Closed { .. }))));

    let key = FileKey::generate_p256().unwrap();
    let body = csr(&key, "SN-1");
    let stranger = badge(&root("Stations"), "st-1");
    let nameless = badge(&line.stations, "station number one");
    for who in [None, Some(&stranger), Some(&nameless)] {
        refused(&line.ask(who, "O-1", "SN-1", &body).await, 401, "station-unknown");
    }
    for (order, unit, status, reason) in [
        ("nowhere", "SN-1", 404, "order-unknown"),
        ("O-1", "SN-9", 404, "unit-not-ordered"),
        ("of-another", "SN-1", 403, "station-not-allowed"),
        ("expired", "SN-1", 403, "order-expired"),
        ("closed", "SN-1", 403, "order-closed"),
        ("unknown", "SN-1", 409, "reference-unknown"),
    ] {
        refused(&line.ask(Some(&own), order, unit, &body).await, status, reason);
    }
    // A request for another unit, another model, and none at all.
    refused(&line.ask(Some(&own), "O-1", "SN-1", &csr(&key, "SN-2")).await, 403, "subject-foreign");
    let mut broken = STANDARD.decode(body["csr"].as_str().unwrap()).unwrap();
    *broken.last_mut().unwrap() ^= 1;
    let broken = json!({"csr": STANDARD.encode(broken)});
    refused(&line.ask(Some(&own), "O-1", "SN-1", &broken).await, 400, "possession-unproved");
    for hostile in [json!(null), json!([]), json!({}), json!({"csr": "?"}), json!({"csr": "AAAA", "more": 1})] {
        assert_eq!(line.ask(Some(&own), "O-1", "SN-1", &hostile).await.status, 400, "{hostile}");
    }
    let long = json!({"csr": "A".repeat(100_000)});
    refused(&line.ask(Some(&own), "O-1", "SN-1", &long).await, 413, "body-too-large");
    for hostile in ["..", "%2e%2e", "%00", "a%20b"] {
        let status = line.ask(Some(&own), hostile, "SN-1", &body).await.status;
        assert!((400..500).contains(&status), "{hostile}: {status}");
    }
    certificate(&line.ask(Some(&own), "O-1", "SN-1", &body).await);
}

#[tokio::test]
async fn a_unit_that_has_to_prove_its_tpm_gets_nothing_without() {
    let line = Line::new().await;
    let own = badge(&line.stations, "st-1");
    let unit = NewUnit { serial_number: serial("SN-1"), endorsement_key: Some(sha256(b"an endorsement key")) };
    let (order, units) = ProductionOrder::new(terms("guarded"), vec![unit]).unwrap();
    line.commit(FactoryEvent::OrderMade { order: Box::new(order), units }).await.unwrap();
    let maker = root("Maker of TPMs");
    line.order(OrderTerms { endorsement_anchors: maker.chain().to_vec(), ..terms("by-maker") }, &["SN-2"]).await;
    let key = FileKey::generate_p256().unwrap();
    refused(&line.ask(Some(&own), "guarded", "SN-1", &csr(&key, "SN-1")).await, 403, "tpm-proof-missing");
    refused(&line.ask(Some(&own), "by-maker", "SN-2", &csr(&key, "SN-2")).await, 403, "tpm-proof-missing");
    let mut answered = csr(&key, "SN-1");
    answered["answer"] = json!({"state": "AAAA", "expires": 1, "secret": "AAAA"});
    refused(&line.ask(Some(&own), "guarded", "SN-1", &answered).await, 403, "tpm-proof-missing");
}

#[tokio::test]
async fn a_serial_number_of_another_order_needs_a_reason_too() {
    let line = Line::new().await;
    let own = badge(&line.stations, "st-1");
    line.order(terms("O-1"), &["SN-1"]).await;
    line.order(terms("O-2"), &["SN-1"]).await;
    let (a, b) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
    certificate(&line.ask(Some(&own), "O-1", "SN-1", &csr(&a, "SN-1")).await);
    refused(&line.ask(Some(&own), "O-2", "SN-1", &csr(&b, "SN-1")).await, 409, "certificate-there");
    let because = "a new board".to_owned();
    let order = OrderName::new("O-2").unwrap();
    let allowed = FactoryEvent::ReworkAllowed { order, serial_number: serial("SN-1"), certificate: None, because };
    line.commit(allowed).await.unwrap();
    let second = certificate(&line.ask(Some(&own), "O-2", "SN-1", &csr(&b, "SN-1")).await);

    // One key is one unit.
    line.order(terms("O-3"), &["SN-3"]).await;
    refused(&line.ask(Some(&own), "O-3", "SN-3", &csr(&b, "SN-3")).await, 409, "key-in-use");

    // What was revoked is not given again.
    let certificate = CertificateId {
        authority: AuthorityName::new("devices").unwrap(),
        serial: second.certificate_serial().to_vec(),
    };
    let (reason, because) = (Reason::KeyCompromise, "stolen".to_owned());
    let revoked = LedgerEvent::CertificateRevoked { certificate, reason, because };
    line.server.store().commit(Batch::from(Event::Ledger(revoked))).await.unwrap();
    refused(&line.ask(Some(&own), "O-2", "SN-1", &csr(&b, "SN-1")).await, 409, "unit-certified");
}

#[test]
fn an_order_is_checked_before_it_is_made() {
    let unit = |text: &str| NewUnit { serial_number: serial(text), endorsement_key: None };
    let made = |terms: OrderTerms, units: Vec<NewUnit>| ProductionOrder::new(terms, units).map(|(order, _)| order);
    assert!(made(terms("O-1"), Vec::new()).is_err());
    assert!(made(terms("O-1"), vec![unit("SN-1"), unit("SN-1")]).is_err());
    assert!(made(OrderTerms { stations: vec!["a b".to_owned()], ..terms("O-1") }, vec![unit("SN-1")]).is_err());
    assert!(made(OrderTerms { model: Some("\u{7}".to_owned()), ..terms("O-1") }, vec![unit("SN-1")]).is_err());
    let order = made(terms("O-1"), vec![unit("SN-2"), unit("SN-1")]).unwrap();
    assert_eq!(order.document(), made(terms("O-1"), vec![unit("SN-1"), unit("SN-2")]).unwrap().document());
    let names: BTreeSet<_> = [order.document(), made(terms("O-1"), vec![unit("SN-1")]).unwrap().document()].into();
    assert_eq!(names.len(), 2, "the document commits to the units");
}
