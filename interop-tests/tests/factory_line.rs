//! A factory line from end to end: units with TPMs are enrolled by `sztp-device identity enrol`, under production orders that
//! `sztp factory order` makes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "../../bootstrap-server/tests/support/mod.rs"]
mod site;

use std::process::Command;

use authority::{
    CertificateAuthority, CertificateSerial, Kind, Profile, Subject,
    factory::{Demand, Endorsement, FactoryRefused, Unit},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{
    RunningServer,
    api::TokenSecret,
    audit::{Event, FactoryEvent},
    domain::{
        Actor, AuthorityName, CertificateProfile, Role, Token, TokenId, User, UserName,
        factory::{NewUnit, OrderName, OrderTerms, ProductionOrder},
    },
    store::Batch,
};
use interop_tests::{lab::program, need_tpm, swtpm::SwTpm};
use pki::{
    certificate::Certificate,
    digest::Digest,
    identity::SerialNumber,
    key::{FileKey, Locator, Signer, SystemEntropy, TpmHandle, random},
    new_request::{self, DeviceNames},
    tpm::{
        EndorsementKind, Hierarchy, Secret, Template, Tpm, TpmAlgorithm, TpmKey,
        attestation::{Certification, Credential, enrolment_qualifier},
    },
};
use serde_json::{Value, json};
use site::{Site, connect_to, connector, exchange, now, pem, request, serial};

const JSON: &str = "content-type: application/json\r\n";

/// A manufacturer's server, and a station.
struct Line {
    site: Site,
    server: RunningServer,
    station: (FileKey, Vec<Certificate>),
}

fn number() -> CertificateSerial {
    CertificateSerial(random().unwrap())
}

fn root(name: &str) -> CertificateAuthority {
    CertificateAuthority::new_root(name, Box::new(FileKey::generate_p256().unwrap()), number(), now()).unwrap()
}

impl Line {
    async fn new() -> Self {
        let (site, stations) = (Site::new(), root("Stations"));
        let key = FileKey::generate_p256().unwrap();
        site.write("ca.key", key.to_pem().as_bytes());
        let ca = root("Maker").new_issuing_ca("Device CA", Box::new(key), number(), now()).unwrap();
        site.write("ca.pem", pem(ca.chain()).as_bytes());
        site.write("stations.pem", pem(stations.chain()).as_bytes());
        let badge = FileKey::generate_p256().unwrap();
        let (profile, name) = (Profile::of(Kind::Station), Subject::named("st-1"));
        let own = stations.issue(&profile, &name, Signer::public_key(&badge), number(), now()).unwrap();
        site.write("station.key", badge.to_pem().as_bytes());
        site.write("station.pem", own.to_pem().as_bytes());
        site.write("challenge.key", format!("{}\n", "5a".repeat(32)).as_bytes());
        let text = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
        let sections = "[[authority]]\nname = 'devices'\ncertificate = 'ca.pem'\nkey = 'ca.key'\n\
            [authority.profile.idevid]\n[factory]\nstation-anchors = 'stations.pem'\nchallenge-key = 'challenge.key'\n\
            [operator-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n\
            [authority-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n";
        site.write("sztp.toml", format!("{text}{sections}").as_bytes());
        let server = site.start(&[]).await;
        Self { site, server, station: (badge, vec![own]) }
    }

    async fn order(&self, name: &str, units: &[(&str, Option<Digest>)]) {
        let units = units.iter().map(|(text, key)| NewUnit { serial_number: serial(text), endorsement_key: *key });
        let terms = OrderTerms {
            name: OrderName::new(name).unwrap(),
            authority: AuthorityName::new("devices").unwrap(),
            profile: CertificateProfile::new("idevid").unwrap(),
            model: None,
            stations: vec!["st-1".to_owned()],
            expires: now().plus_seconds(3600),
            endorsement_anchors: Vec::new(),
        };
        let (order, units) = ProductionOrder::new(terms, units.collect()).unwrap();
        let event = Event::Factory(FactoryEvent::OrderMade { order: Box::new(order), units });
        self.server.store().commit(Batch::from(event)).await.unwrap();
    }

    /// What the server answers to a station that speaks for itself.
    async fn ask(&self, order: &str, unit: &str, body: &Value) -> (u16, Value) {
        let shown = Some((&self.station.0, self.station.1.as_slice()));
        let mut stream = connect_to(self.server.authority_address().unwrap(), &connector(shown)).await.unwrap();
        let path = format!("/factory/v1/orders/{order}/units/{unit}/enrol");
        let answer = exchange(&mut stream, &request("POST", &path, JSON, &body.to_string())).await.unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    /// `sztp-device identity …` on a unit: its exit code, and what it says.
    async fn unit(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(program("sztp-device"));
        command.arg("identity").args(arguments);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = [run.stdout, run.stderr].concat();
        (run.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    async fn enrol(&self, emulator: &SwTpm, order: &str, unit: &str) -> (Option<i32>, String) {
        let url = format!("https://{}", self.server.authority_address().unwrap());
        let file = |name: &str| self.site.path(name).display().to_string();
        let (key, to) = places(emulator);
        let station = ["--station-certificate", &file("station.pem"), "--station-key", &file("station.key")];
        let server = ["--station", &url, "--anchor", &file("anchor.pem"), "--order", order];
        let unit = ["--serial-number", unit, "--key", &key, "--to", &to];
        self.unit(&[&["enrol"], &server[..], &station, &unit].concat()).await
    }
}

/// The places of key and certificate in an emulator.
fn places(emulator: &SwTpm) -> (String, String) {
    let address = emulator.address();
    (format!("tpm2:0x81020000?tpm={address}"), format!("tpm2-nv:0x01c90000?tpm={address}"))
}

fn endorsement_key(emulator: &SwTpm, kind: EndorsementKind) -> Digest {
    Tpm::open(&emulator.address()).unwrap().endorsement_key(kind).unwrap().key().spki_sha256()
}

#[tokio::test]
async fn dev_03_dev_05_the_right_tpm_gets_its_idevid_and_the_device_is_content() {
    let (first, second, line) = (need_tpm!(), need_tpm!(), Line::new().await);
    let (one, two) =
        (endorsement_key(&first, EndorsementKind::P256), endorsement_key(&second, EndorsementKind::Rsa2048));
    // What the order goes by, the unit shows before it has anything.
    let (key, to) = places(&first);
    let (code, shown) = line.unit(&["show", "--key", &key, "--json"]).await;
    assert_eq!(code, Some(0), "{shown}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert!(shown["endorsement-keys"].as_array().unwrap().iter().any(|it| it["sha256"] == one.to_string()), "{shown}");
    line.order("O-1", &[("SN-0001", Some(one)), ("SN-0002", Some(two))]).await;

    let (code, said) = line.enrol(&first, "O-1", "SN-0001").await;
    assert_eq!(code, Some(0), "{said}");
    let check = ["check", "--key", &key, "--to", &to];
    let (code, found) = line.unit(&check).await;
    assert_eq!(code, Some(0), "{found}");
    let kept = Tpm::open(&first.address()).unwrap().certificates_at(0x01c9_0000).unwrap().unwrap();
    assert_eq!(SerialNumber::from_certificate(&kept[0]).unwrap().as_str(), "SN-0001");

    // Again, as after a cut of power; and after a TPM clear, which takes key and certificate away.
    assert_eq!(line.enrol(&first, "O-1", "SN-0001").await.0, Some(0));
    first.tool(&["tpm2_clear", "-c", "p"]).unwrap();
    assert_eq!(line.unit(&check).await.0, Some(1));
    let (code, said) = line.enrol(&first, "O-1", "SN-0001").await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(Tpm::open(&first.address()).unwrap().certificates_at(0x01c9_0000).unwrap().unwrap(), kept);

    // The other board under the same label, then under its own.
    let (code, said) = line.enrol(&second, "O-1", "SN-0001").await;
    assert!(code == Some(1) && said.contains("unit-certified"), "{said}");
    let (code, said) = line.enrol(&second, "O-1", "SN-0002").await;
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn a_unit_that_is_another_one_is_told_so_with_a_remedy() {
    let (right, wrong, line) = (need_tpm!(), need_tpm!(), Line::new().await);
    line.order("O-1", &[("SN-1", Some(endorsement_key(&right, EndorsementKind::P256)))]).await;
    let (code, said) = line.enrol(&wrong, "O-1", "SN-1").await;
    assert!(code == Some(1) && said.contains("endorsement-key-foreign") && said.contains("identity show"), "{said}");
    let (code, said) = line.enrol(&right, "O-1", "SN-2").await;
    assert!(code == Some(1) && said.contains("unit-not-ordered"), "{said}");
    let (code, said) = line.enrol(&right, "O-9", "SN-1").await;
    assert!(code == Some(1) && said.contains("order-unknown"), "{said}");
    // The server's certificate is judged before anything is sent.
    line.site.write("anchor.pem", pem(root("Somebody else").chain()).as_bytes());
    let (code, said) = line.enrol(&right, "O-1", "SN-1").await;
    assert!(code == Some(1) && said.contains("server-untrusted"), "{said}");
}

/// What a unit sends, by hand.
struct Proof {
    csr: Vec<u8>,
    certification: Certification,
    endorsement: pki::tpm::PublicArea,
}

impl Proof {
    fn new(emulator: &SwTpm, order: &str, unit: &str) -> Self {
        let (mut tpm, no) = (Tpm::open(&emulator.address()).unwrap(), Secret::empty());
        let template = Template::idevid(TpmAlgorithm::P256);
        tpm.keep_primary(Hierarchy::Endorsement, &template, TpmHandle::IDEVID, &no, &no).unwrap();
        // The emulator serves one at a time.
        drop(tpm);
        let Locator::Tpm(address) = places(emulator).0.parse().unwrap() else { panic!("it is in a TPM") };
        let key = TpmKey::open(&address, Secret::empty()).unwrap();
        let csr = new_request::sign(&DeviceNames::new(serial(unit)), &key).unwrap();
        drop(key);
        let mut tpm = Tpm::open(&emulator.address()).unwrap();
        let qualifier = enrolment_qualifier(order, &serial(unit), &csr);
        let attestation = Template::attestation(TpmAlgorithm::P256);
        let certification = tpm.certify(TpmHandle::IDEVID, &no, &attestation, &qualifier).unwrap();
        Self { csr, certification, endorsement: tpm.endorsement_key(EndorsementKind::P256).unwrap() }
    }

    fn body(&self) -> Value {
        let Certification { key, attestor, statement, signature } = &self.certification;
        json!({"csr": STANDARD.encode(&self.csr), "tpm": {
            "endorsement-key": STANDARD.encode(self.endorsement.octets()), "key": STANDARD.encode(key.octets()),
            "attestor": STANDARD.encode(attestor.octets()), "statement": STANDARD.encode(statement),
            "signature": STANDARD.encode(signature),
        }})
    }

    fn answered(&self, emulator: &SwTpm, said: &Value) -> Value {
        let challenge = &said["challenge"];
        let part = |name: &str| STANDARD.decode(challenge[name].as_str().unwrap()).unwrap();
        let credential = Credential::from_parts(&part("id-object"), &part("encrypted-secret")).unwrap();
        let attestation = Template::attestation(TpmAlgorithm::P256);
        let mut tpm = Tpm::open(&emulator.address()).unwrap();
        let secret = tpm.activate(EndorsementKind::P256, &attestation, &credential).unwrap();
        let mut body = self.body();
        let answer = json!({"state": challenge["state"], "expires": challenge["expires"],
            "secret": STANDARD.encode(secret.as_slice())});
        body["answer"] = answer;
        body
    }
}

fn is_refused(answer: &(u16, Value), reason: &str) {
    assert!(answer.0 == 403 && answer.1["reason"] == reason && answer.1["remedy"].is_string(), "{answer:?}");
}

#[tokio::test]
async fn a_proof_is_of_one_key_for_one_unit_of_one_order_and_for_a_while() {
    let (emulator, line) = (need_tpm!(), Line::new().await);
    let key = Some(endorsement_key(&emulator, EndorsementKind::P256));
    line.order("O-1", &[("SN-1", key), ("SN-2", key)]).await;
    line.order("O-2", &[("SN-1", key)]).await;
    let proof = Proof::new(&emulator, "O-1", "SN-1");

    // The key is not the one in the TPM: the request is for a key of software, or what the TPM says is about another one.
    let software = FileKey::generate_p256().unwrap();
    let mut foreign = proof.body();
    let csr = new_request::sign(&DeviceNames::new(serial("SN-1")), &software).unwrap();
    foreign["csr"] = json!(STANDARD.encode(csr));
    is_refused(&line.ask("O-1", "SN-1", &foreign).await, "tpm-proof-refused");
    // What was said for another unit, or under another order.
    is_refused(&line.ask("O-2", "SN-1", &proof.body()).await, "tpm-proof-refused");
    let mut damaged = proof.body();
    damaged["tpm"]["signature"] = json!("AAAA");
    is_refused(&line.ask("O-1", "SN-1", &damaged).await, "tpm-proof-refused");
    damaged["tpm"]["endorsement-key"] = json!("AAAA");
    assert_eq!(line.ask("O-1", "SN-1", &damaged).await.0, 400);

    let (status, said) = line.ask("O-1", "SN-1", &proof.body()).await;
    assert_eq!(status, 202, "{said}");
    let answered = proof.answered(&emulator, &said);
    // The answer of another challenge, one whose time was changed, and a wrong one.
    let (_, other) = line.ask("O-1", "SN-1", &proof.body()).await;
    let mut replayed = proof.answered(&emulator, &other);
    replayed["answer"]["state"] = said["challenge"]["state"].clone();
    is_refused(&line.ask("O-1", "SN-1", &replayed).await, "tpm-proof-refused");
    let mut later = answered.clone();
    later["answer"]["expires"] = json!(later["answer"]["expires"].as_i64().unwrap() + 3600);
    is_refused(&line.ask("O-1", "SN-1", &later).await, "tpm-proof-refused");
    later["answer"]["expires"] = json!(1);
    is_refused(&line.ask("O-1", "SN-1", &later).await, "tpm-proof-refused");
    // Another request with the answer of this one, and another unit.
    let second = Proof::new(&emulator, "O-1", "SN-2");
    let mut moved = second.body();
    moved["answer"] = answered["answer"].clone();
    is_refused(&line.ask("O-1", "SN-2", &moved).await, "tpm-proof-refused");

    // Another server with the same key takes it.
    let Line { site, server, station } = line;
    server.stop().await;
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let line = Line { site, server, station };
    let (status, given) = line.ask("O-1", "SN-1", &answered).await;
    assert_eq!(status, 200, "{given}");
    // Once more: the unit has it.
    assert_eq!(line.ask("O-1", "SN-1", &answered).await, (200, given));
}

/// An endorsement key with a certificate by a maker of TPMs: swtpm has none of its own in these tests.
#[tokio::test]
async fn an_order_may_go_by_the_makers_of_tpms() {
    let emulator = need_tpm!();
    let key = Tpm::open(&emulator.address()).unwrap().endorsement_key(EndorsementKind::P256).unwrap();
    let (maker, other) = (root("Maker of TPMs"), root("Another"));
    let unit = |anchors: &[Certificate]| Unit {
        serial_number: serial("SN-1"),
        model: None,
        demand: Demand::Maker(anchors.to_vec()),
    };
    let certified = |by: &CertificateAuthority, key: &pki::key::PublicKey| {
        let profile = Profile::of(Kind::Station);
        by.issue(&profile, &Subject::named("TPM"), key, number(), now()).unwrap()
    };
    let vouched = |chain: Vec<Certificate>| {
        let unit = unit(maker.chain());
        let authority::factory::Entrance::Guarded(guarded) = unit.entrance() else { panic!("it has to prove it") };
        guarded.vouch(&Endorsement { key: key.clone(), chain }, now())
    };
    vouched(vec![certified(&maker, key.key())]).unwrap();
    assert_eq!(vouched(Vec::new()), Err(FactoryRefused::NoMakersCertificate));
    assert!(matches!(vouched(vec![certified(&other, key.key())]), Err(FactoryRefused::MakersCertificate(_))));
    let software = FileKey::generate_p256().unwrap();
    let foreign = vouched(vec![certified(&maker, Signer::public_key(&software))]);
    assert_eq!(foreign, Err(FactoryRefused::MakersCertificateOfAnother));
}

#[tokio::test]
async fn operators_make_show_and_close_orders_and_allow_rework() {
    let line = Line::new().await;
    let store = line.server.store();
    let user = User { name: UserName::new("otto").unwrap(), role: Role::Operator };
    let secret = TokenSecret::generate(&mut SystemEntropy).unwrap();
    let token = Token {
        id: TokenId::new("t-otto").unwrap(),
        user: user.name.clone(),
        digest: secret.digest(),
        created: audit_log::UnixMillis(1_767_225_600_000),
        expires: None,
    };
    let batch = Batch::from(Event::UserChanged { user }).and(Event::TokenCreated { token });
    store.commit(batch.by(Actor::Console)).await.unwrap();
    line.site.write("operator.key", secret.reveal().as_bytes());
    line.site.write("units.csv", b"serial-number,endorsement-key\nSN-1,\nSN-2,\n");
    let server = format!("https://{}", line.server.operator_address().unwrap());
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(program("sztp"));
        command.current_dir(line.site.folder.path()).args(["factory", "order"]).args(arguments);
        command.env("SZTP_SERVER", &server).env("SZTP_TOKEN_FILE", "operator.key").env("SZTP_SERVER_CA", "anchor.pem");
        let run = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
        (run.status.code(), said)
    };
    let create = ["create", "O-1", "--authority", "devices", "--units", "units.csv", "--expires", "2099-01-01"];
    let (code, said) = run(&[&create[..], &["--dry-run"]].concat()).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["show", "O-1"]).await;
    assert_eq!(code, Some(4), "{said}");
    assert_eq!(run(&create).await.0, Some(0));
    let (code, said) = run(&create).await;
    assert!(code == Some(1) && said.contains("already"), "{said}");
    let (code, said) =
        run(&["create", "O-2", "--authority", "others", "--units", "units.csv", "--expires", "2099-01-01"]).await;
    assert!(code != Some(0) && said.contains("others"), "{said}");
    let (code, said) = run(&["rework", "O-1", "SN-1", "--because", "board changed"]).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["show", "O-1", "--units", "--output", "json"]).await;
    let units: Value = serde_json::from_str(&said).unwrap();
    assert!(code == Some(0) && units[0]["rework"] == "board changed" && units[1]["rework"].is_null(), "{said}");
    let (code, said) = run(&["rework", "O-1", "SN-9", "--because", "x"]).await;
    assert!(code == Some(4) && said.contains("SN-9"), "{said}");
    assert_eq!(run(&["close", "O-1", "--because", "all built"]).await.0, Some(0));
    let (_, said) = run(&["list", "--output", "json"]).await;
    let orders: Value = serde_json::from_str(&said).unwrap();
    assert!(orders[0]["closed"] == "all built" && orders[0]["units"] == 2 && orders[0]["certified"] == 0, "{said}");
}
