//! Enrolment over Secure Transport, over real TLS (RFC 7030).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod support;

use authority::{CertificateAuthority, CertificateSerial};
use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{
    RunningServer,
    audit::Event,
    domain::{OnboardingProfile, ProfileName},
    store::Batch,
};
use conveyed_info::cms::SignedData;
use pki::{
    certificate::Certificate,
    key::{FileKey, random},
};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
use support::{Answer, Site, connect_to, connector, device_id, exchange, request};

const PROFILE: &str = "post-configuration-script = '{{ldevid.certificate}}'\n[ldevid]\nauthority = 'devices'\n\
    names = ['{serial-number}.bmc.example.com']\n";

struct World {
    site: Site,
    server: RunningServer,
    ca: Vec<Certificate>,
}

impl World {
    async fn new() -> Self {
        Self::with("").await
    }

    /// With more in `sztp.toml`.
    async fn with(more: &str) -> Self {
        let site = Site::new();
        let serial = || CertificateSerial(random().unwrap());
        let (root, key) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
        site.write("ldevid.key", key.to_pem().as_bytes());
        let root = CertificateAuthority::new_root("Root", Box::new(root), serial(), support::now()).unwrap();
        let ca = root.new_issuing_ca("Device CA", Box::new(key), serial(), support::now()).unwrap().chain().to_vec();
        site.write("ldevid.pem", support::pem(&ca).as_bytes());
        let text = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
        let sections = "[[authority]]\nname = 'devices'\ncertificate = 'ldevid.pem'\nkey = 'ldevid.key'\n\
            [est]\nauthority = 'devices'\n\
            [authority-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n";
        site.write("sztp.toml", format!("{text}{sections}{more}").as_bytes());
        let server = site.start(&["SN-1", "SN-2"]).await;
        let profile = OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), PROFILE).unwrap();
        server.store().commit(Batch::from(Event::ProfileApplied { profile: Box::new(profile) })).await.unwrap();
        Self { site, server, ca }
    }

    /// One request by whoever has this key and certificate.
    async fn ask(&self, shown: Option<(&FileKey, &[Certificate])>, octets: &[u8]) -> Answer {
        let mut stream = connect_to(self.server.authority_address().unwrap(), &connector(shown)).await.unwrap();
        exchange(&mut stream, octets).await.unwrap()
    }

    async fn enroll(&self, shown: (&FileKey, &[Certificate]), operation: &str, csr: &[u8]) -> Answer {
        let path = format!("/.well-known/est/{operation}");
        let body = STANDARD.encode(csr);
        self.ask(Some(shown), &request("POST", &path, "content-type: application/pkcs10\r\n", &body)).await
    }
}

fn get(path: &str) -> Vec<u8> {
    request("GET", path, "", "")
}

/// A request of this key that says what certificates of the device say.
fn csr(key: &FileKey, serial: &str, names: &[&str]) -> Vec<u8> {
    let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, serial);
    let number = DnValue::PrintableString(serial.try_into().unwrap());
    params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), number);
    params.serialize_request(&KeyPair::try_from(key.pkcs8_der()).unwrap()).unwrap().der().to_vec()
}

fn certificates(answer: &Answer) -> Vec<Certificate> {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{text}");
    assert!(answer.head.contains("content-type: application/pkcs7-mime; smime-type=certs-only"), "{}", answer.head);
    let der = STANDARD.decode(&answer.body).unwrap();
    SignedData::from_der(&der).unwrap().certificates().to_vec()
}

fn refused(answer: &Answer, status: u16, code: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    assert!(answer.status == status && text.starts_with(code), "{} {text}", answer.status);
}

#[tokio::test]
async fn est_01_est_02_what_everybody_may_read() {
    let world = World::new().await;
    for path in ["/.well-known/est/cacerts", "/.well-known/est/devices/cacerts"] {
        let held = certificates(&world.ask(None, &get(path)).await);
        assert!(world.ca.iter().all(|it| held.contains(it)) && held.len() == world.ca.len());
    }
    for path in ["/.well-known/est/others/cacerts", "/.well-known/est/serverkeygen", "/"] {
        assert_eq!(world.ask(None, &get(path)).await.status, 404, "{path}");
    }
    assert_eq!(world.ask(None, &get("/.well-known/est/simpleenroll")).await.status, 405);
    assert_eq!(world.ask(None, &get("/.well-known/est/csrattrs")).await.status, 204);
    let (key, chain) = world.site.device("SN-1");
    let attributes = world.ask(Some((&key, &chain)), &get("/.well-known/est/csrattrs")).await;
    assert!(attributes.status == 200 && attributes.head.contains("application/csrattrs"), "{attributes:?}");
    assert!(STANDARD.decode(&attributes.body).is_ok());
}

#[tokio::test]
async fn est_02_est_05_from_the_idevid_to_a_certificate_to_its_renewal() {
    let world = World::new().await;
    let (idevid, chain) = world.site.device("SN-1");
    let key = FileKey::generate_p256().unwrap();
    let name = "sn-1.bmc.example.com";
    let request = csr(&key, "SN-1", &[]);
    let first = certificates(&world.enroll((&idevid, &chain), "simpleenroll", &request).await).remove(0);
    let held = first.extensions().subject_alt_name.as_ref().unwrap();
    assert!(format!("{held:?}").contains(name));
    // The answer was lost.
    let again = certificates(&world.enroll((&idevid, &chain), "devices/simpleenroll", &request).await).remove(0);
    assert_eq!(again, first);

    // By the certificate itself: a new key, or the same.
    let own = [first.clone(), world.ca[0].clone()];
    let next = FileKey::generate_p256().unwrap();
    let renewal = csr(&next, "SN-1", &[name]);
    let second = certificates(&world.enroll((&key, &own), "simplereenroll", &renewal).await).remove(0);
    assert_eq!(
        (second.subject(), &second.extensions().subject_alt_name),
        (first.subject(), &first.extensions().subject_alt_name)
    );
    assert_eq!(certificates(&world.enroll((&key, &own), "simplereenroll", &renewal).await).remove(0), second);
    let same_key = csr(&next, "SN-1", &[name]);
    let third = world.enroll((&next, std::slice::from_ref(&second)), "simplereenroll", &same_key).await;
    if same_key == renewal {
        refused(&third, 400, "csr-");
    } else {
        assert_eq!(certificates(&third)[0].public_key(), second.public_key());
    }

    // Another name, another subject, and who has nothing to renew.
    let other = FileKey::generate_p256().unwrap();
    for (serial, names) in [("SN-1", &["evil.example.com"][..]), ("SN-1", &[]), ("SN-2", &[name])] {
        refused(
            &world.enroll((&key, &own), "simplereenroll", &csr(&other, serial, names)).await,
            400,
            "renewal-differs",
        );
    }
    refused(
        &world.enroll((&idevid, &chain), "simplereenroll", &csr(&other, "SN-1", &[])).await,
        403,
        "csr-origin-unproved",
    );
    refused(&world.enroll((&key, &own), "simpleenroll", &csr(&other, "SN-1", &[])).await, 403, "csr-not-wanted");
}

#[tokio::test]
async fn est_03_est_04_who_may_not_and_who_has_to_wait() {
    let world = World::new().await;
    let key = FileKey::generate_p256().unwrap();
    let path = "/.well-known/est/simpleenroll";
    let body = STANDARD.encode(csr(&key, "SN-1", &[]));
    let pkcs10 = "content-type: application/pkcs10\r\n";
    refused(&world.ask(None, &request("POST", path, pkcs10, &body)).await, 403, "idevid-missing");
    // A stranger's certificate.
    let stranger = Site::new();
    let (other, chain) = stranger.device("SN-1");
    refused(&world.enroll((&other, &chain), "simpleenroll", &csr(&key, "SN-1", &[])).await, 403, "idevid-untrusted");
    // For another device; with a broken signature; in another form; too long.
    let (idevid, chain) = world.site.device("SN-1");
    let shown = (&idevid, &chain[..]);
    refused(&world.enroll(shown, "simpleenroll", &csr(&key, "SN-2", &[])).await, 400, "csr-invalid");
    let mut broken = csr(&key, "SN-1", &[]);
    *broken.last_mut().unwrap() ^= 1;
    refused(&world.enroll(shown, "simpleenroll", &broken).await, 400, "csr-invalid");
    refused(&world.enroll(shown, "simpleenroll", &csr(&idevid, "SN-1", &[])).await, 400, "csr-not-as-wanted");
    let plain = request("POST", path, "content-type: text/plain\r\n", &body);
    assert_eq!(world.ask(Some(shown), &plain).await.status, 415);
    assert_eq!(world.ask(Some(shown), &request("POST", path, pkcs10, "???")).await.status, 400);
    assert_eq!(world.ask(Some(shown), &request("POST", path, pkcs10, &"A".repeat(200_000))).await.status, 413);
    // Genuine, and on no list; held; retired.
    let (unknown, chain) = world.site.device("SN-9");
    let request = csr(&key, "SN-9", &[]);
    refused(&world.enroll((&unknown, &chain), "simpleenroll", &request).await, 403, "device-unknown");
    let (device, source) = (device_id("SN-9"), [127, 0, 0, 1].into());
    let held = Event::DeviceHeld { device, source, reason: verdict::ReasonCode::DeviceUnknown };
    world.server.store().commit(Batch::from(held)).await.unwrap();
    let pending = world.enroll((&unknown, &chain), "simpleenroll", &request).await;
    refused(&pending, 202, "device-unknown");
    assert!(pending.head.contains("\r\nretry-after: 600"), "{}", pending.head);
    let retired = Event::DeviceRetired { device: device_id("SN-1"), because: "lost".to_owned() };
    world.server.store().commit(Batch::from(retired)).await.unwrap();
    refused(&world.enroll(shown, "simpleenroll", &csr(&key, "SN-1", &[])).await, 403, "device-retired");
}

#[tokio::test]
async fn rcf_23_a_device_gets_as_many_certificates_as_a_day_has_room_for() {
    let world = World::with("[limits]\nstored-octets-per-day-per-device = 40000\n").await;
    let (idevid, chain) = world.site.device("SN-1");
    let mut issued = 0;
    let refused = loop {
        let request = csr(&FileKey::generate_p256().unwrap(), "SN-1", &[]);
        let answer = world.enroll((&idevid, &chain), "simpleenroll", &request).await;
        if answer.status != 200 {
            break answer;
        }
        issued += 1;
        assert!(issued < 20, "there is no end");
    };
    assert!(issued > 1, "{issued}");
    assert!(refused.status == 503 && refused.head.contains("retry-after: "), "{refused:?}");
    assert!(refused.body.starts_with(b"server-busy"), "{refused:?}");
    // Its neighbour has its own.
    let (other, chain) = world.site.device("SN-2");
    let request = csr(&FileKey::generate_p256().unwrap(), "SN-2", &[]);
    assert_eq!(world.enroll((&other, &chain), "simpleenroll", &request).await.status, 200);
    world.server.stop().await;
}
