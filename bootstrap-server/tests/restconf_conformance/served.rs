//! What one device gets and another does not: by what it says about itself, by its nonce, by its key; and what the audit log
//! says of why (SRV-06, SRV-08, ENC-13, SEC-16, SEC-21).

use authority::{CertificateAuthority, CertificateSerial, Kind, Profile, Subject, Validity, VoucherRequest};
use bootstrap_server::{
    RunningServer,
    audit::Event,
    domain::{Manufacturer, OnboardingProfile},
    store::{Batch, Store},
};
use conveyed_info::{
    OwnershipVoucher, Verified,
    cms::{AeadPolicy, ContentInfo, ContentType},
    information::OnboardingInformation,
    rpc::{YANG_DATA_JSON, YANG_DATA_XML},
    verify::{Accepted, Context, Decryption, verify},
    voucher::Nonce,
};
use pki::{
    certificate::Certificate,
    digest::sha256,
    key::{FileKey, Signer as _},
    time::Clock,
};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use verdict::Refusal;

use crate::{
    EMPTY, PREFERRED, Talk, artifact, error, member, output,
    support::{self, Answer, DATA, Site, connect, connector, device_id, exchange, post, serial},
};

const VARIANTS: &str = "
post-configuration-script = 'post'
configuration = { handling = 'merge', content = 'all' }
[boot-image]
os-name = 'AcmeOS'
os-version = '2.1'
download-uris = ['https://h/i']
sha256 = 'abababababababababababababababababababababababababababababababab'
[[variant]]
name = 'runs-it'
when = { os-name = 'AcmeOS', os-version = '2.1*' }
without = ['boot-image']
[[variant]]
name = 'big'
when = { hw-model = 'B-*' }
reporting-level = 'verbose'
configuration = { handling = 'replace', content = 'big' }
";

fn asks(members: &str) -> String {
    format!(r#"{{"ietf-sztp-bootstrap-server:input":{{{members}}}}}"#)
}

/// The bodies of the log's answers, oldest first.
fn answers(log: &[String]) -> Vec<Value> {
    let bodies = log.iter().map(|body| serde_json::from_str::<Value>(body).unwrap());
    bodies.filter(|body| body["event"] == "answered").collect()
}

fn onboarding(talk: &Talk, answer: &Answer) -> OnboardingInformation {
    let Accepted::Onboarding(information) = talk.verified(answer) else { panic!("{answer:?}") };
    information
}

fn configured(information: &OnboardingInformation) -> &str {
    std::str::from_utf8(&information.configuration.as_ref().unwrap().content).unwrap()
}

#[tokio::test]
async fn srv_06_what_a_device_says_about_itself_selects_what_it_gets() {
    let mut talk = Talk::new().await;
    talk.apply(VARIANTS).await;
    // Input, and what comes of it: whether there is an image, which configuration, which level.
    let cases = [
        ("", (true, "all", "minimal")),
        (r#""os-name":"AcmeOS","os-version":"2.0""#, (true, "all", "minimal")),
        (r#""os-name":"acmeos","os-version":"2.1""#, (true, "all", "minimal")),
        (r#""os-version":"2.1""#, (true, "all", "minimal")),
        (r#""os-name":"AcmeOS","os-version":"2.1.7""#, (false, "all", "minimal")),
        (r#""hw-model":"B-7""#, (true, "big", "verbose")),
        (r#""hw-model":"B-7","os-name":"AcmeOS","os-version":"2.1""#, (false, "all", "minimal")),
    ];
    for (said, expected) in cases {
        let answer = talk.send(&post(DATA, &asks(said))).await;
        let information = onboarding(&talk, &answer);
        let level = output(&answer).reporting_level.as_str();
        assert_eq!((information.boot_image.is_some(), configured(&information), level), expected, "{said}");
        assert_eq!(information.post_configuration_script.unwrap().0, b"post");
    }
    // RFC 8572 §7.1: the same in XML.
    let body =
        r#"<input xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server"><hw-model>B-1</hw-model></input>"#;
    let answer = talk.post(DATA, YANG_DATA_XML, YANG_DATA_JSON, body).await;
    assert_eq!(configured(&onboarding(&talk, &answer)), "big");
    // SEC-21: the variant stands with each answer, and its absence is the profile itself. What repeats the answer before it
    // leaves nothing.
    let log = talk.logged().await;
    let told: Vec<_> = answers(&log).iter().map(|body| body["basis"]["variant"].as_str().map(str::to_owned)).collect();
    let told: Vec<_> = told.iter().map(Option::as_deref).collect();
    assert_eq!(told, [None, Some("runs-it"), Some("big"), Some("runs-it"), Some("big")]);
}

#[tokio::test]
async fn sec_21_an_answer_names_the_document_that_it_was_made_from_and_how_the_device_showed_who_it_is() {
    let mut talk = Talk::new().await;
    talk.send(&post(DATA, EMPTY)).await;
    talk.apply(VARIANTS).await;
    talk.send(&post(DATA, EMPTY)).await;
    talk.send(&post(DATA, PREFERRED)).await;
    talk.send(&support::report("bootstrap-initiated")).await;
    let log = talk.logged().await;
    let applied: Vec<_> = log.iter().map(|body| serde_json::from_str::<Value>(body).unwrap()).collect();
    let applied: Vec<_> = applied.iter().filter(|body| body["event"] == "profile-applied").collect();
    let answers = answers(&log);
    assert_eq!((applied.len(), answers.len()), (2, 3));
    for (answer, applied) in answers.iter().zip([applied[0], applied[1], applied[1]]) {
        assert_eq!(answer["basis"]["profile"], "bmc");
        assert_eq!(answer["basis"]["document"], applied["document"], "the rule, to the octet");
        assert_eq!(answer["authentication"], "certificate");
        assert!(answer["basis"].get("encrypted").is_none());
    }
    assert_eq!(answers[1]["basis"]["document"], sha256(VARIANTS.as_bytes()).to_string());
    let report = log.iter().find(|body| body.contains("progress-reported")).unwrap();
    assert!(report.contains(r#""authentication":"certificate""#), "{report}");
}

const NONCE: &str = "AAECAwQFBgcICQoLDA0ODw==";
const OTHER: &str = "DwAODQwLCgkIBwYFBAMCAQ==";

fn nonce() -> Nonce {
    Nonce::for_request((0..16).collect::<Vec<u8>>()).unwrap()
}

async fn store_voucher(talk: &Talk, validity: Validity) -> OwnershipVoucher {
    let request = VoucherRequest {
        serial_number: serial("SN-1"),
        pinned_domain_cert: talk.site.owner.pinned().unwrap().clone(),
        idevid: None,
        validity,
    };
    let voucher = talk.site.maker.masa().issue(&request, support::now()).unwrap();
    let event = Event::VoucherStored { device: device_id("SN-1"), voucher: voucher.clone() };
    talk.server.store().commit(Batch::from(event)).await.unwrap();
    voucher
}

fn voucher_in(answer: &Answer) -> OwnershipVoucher {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = member(answer, "ownership-voucher").unwrap();
    OwnershipVoucher::from_der(base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap())
        .unwrap()
}

#[tokio::test]
async fn srv_08_a_nonceless_voucher_is_given_octet_for_octet_whatever_nonce_was_sent() {
    let mut talk = Talk::new().await;
    for validity in [Validity::Until(None), Validity::Unlimited] {
        let stored = store_voucher(&talk, validity).await;
        for said in [String::new(), format!(r#""nonce":"{NONCE}""#)] {
            let answer = talk.send(&post(DATA, &asks(&said))).await;
            assert_eq!(voucher_in(&answer), stored, "{said}");
        }
        let preferring = asks(&format!(r#""signed-data-preferred":[null],"nonce":"{OTHER}""#));
        assert_eq!(voucher_in(&talk.send(&post(DATA, &preferring)).await), stored);
    }
    talk.server.stop().await;
}

#[tokio::test]
async fn srv_08_a_voucher_with_a_nonce_is_for_the_request_that_sent_it_and_for_no_other() {
    let mut talk = Talk::new().await;
    let stored = store_voucher(&talk, Validity::Nonce(nonce())).await;
    for preference in ["", r#""signed-data-preferred":[null],"#] {
        let answer = talk.send(&post(DATA, &asks(&format!(r#"{preference}"nonce":"{NONCE}""#)))).await;
        assert_eq!(voucher_in(&answer), stored);
        let sent = nonce();
        let (number, anchors) = (serial("SN-1"), talk.site.maker.voucher_anchors());
        let context = Context { nonce: Some(&sent), ..Context::new(anchors, &number, Clock::Trusted(support::now())) };
        verify(output(&answer).data, &context).unwrap();
        let mut others = vec![format!(r#"{preference}"nonce":"{OTHER}""#)];
        // A longer one that begins the same.
        others.push(format!(r#"{preference}"nonce":"AAECAwQFBgcICQoLDA0ODwA=""#));
        others.push(preference.trim_end_matches(',').to_owned());
        for said in others {
            let answer = talk.send(&post(DATA, &asks(&said))).await;
            assert_eq!((answer.status, error(&answer).tag.as_str()), (404, "invalid-value"), "{said}");
            assert!(error(&answer).message.starts_with("voucher-nonce-mismatch"), "{said}");
        }
    }
    let log = talk.logged().await;
    let withheld = answers(&log).iter().filter(|body| body["answer"]["nothing"] == "voucher-nonce-mismatch").count();
    assert_eq!(withheld, 2, "once for each time that it was given something before");
}

const ENCRYPTED: &str = "encrypt-to-device = true\npost-configuration-script = 'secret'\n";

/// A device's connection, with a key that stays in hand.
struct Shown {
    key: FileKey,
    chain: Vec<Certificate>,
    stream: TlsStream<TcpStream>,
}

impl Shown {
    async fn new(site: &Site, server: &RunningServer) -> Self {
        let (key, chain) = site.device("SN-1");
        Self::with(server, key, chain).await
    }

    async fn with(server: &RunningServer, key: FileKey, chain: Vec<Certificate>) -> Self {
        let stream = connect(server, &connector(Some((&key, &chain)))).await.unwrap();
        Self { key, chain, stream }
    }

    async fn ask(&mut self, body: &str) -> Answer {
        exchange(&mut self.stream, &post(DATA, body)).await.unwrap()
    }
}

/// What whoever has this key makes of an answer.
fn judged(site: &Site, answer: &Answer, opener: Option<&Shown>) -> Result<Verified<Accepted>, Refusal> {
    let decryption = opener.map(|device| Decryption {
        key: &device.key,
        certificate: device.chain.first(),
        aead: AeadPolicy::Refuse,
    });
    let (number, clock) = (serial("SN-1"), Clock::Trusted(support::now()));
    let context = Context { decryption, ..Context::new(site.maker.voucher_anchors(), &number, clock) };
    verify(output(answer).data, &context)
}

async fn encrypting(server: &RunningServer) {
    let profile = OnboardingProfile::from_toml(support::profile().name, ENCRYPTED).unwrap();
    let event = Event::ProfileApplied { profile: Box::new(profile) };
    server.store().commit(Batch::from(event)).await.unwrap();
}

#[tokio::test]
async fn enc_13_sec_16_what_is_signed_is_encrypted_to_the_certificate_that_the_device_shows() {
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    encrypting(&server).await;
    let mut device = Shown::new(&site, &server).await;
    let mut another = Shown::new(&site, &server).await;
    for (body, redirected) in [(PREFERRED, true), (EMPTY, false), (EMPTY, false)] {
        let answer = device.ask(body).await;
        // ART-06: each of the three is an envelope, and what shows of it is no document.
        assert!(!artifact(&answer).windows(6).any(|window| window == b"secret" || window == b"c2Vjcm"));
        for name in ["conveyed-information", "owner-certificate", "ownership-voucher"] {
            let text = member(&answer, name).unwrap();
            let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
            assert_eq!(ContentInfo::from_der(&der).unwrap().content_type(), ContentType::EnvelopedData, "{name}");
        }
        // The device opens it and finds the owner's signature under it; without the key, or with another, nobody does.
        let verified = judged(&site, &answer, Some(&device)).unwrap();
        match verified.value() {
            Accepted::TrustedRedirect(_) => assert!(redirected),
            Accepted::Onboarding(information) => {
                assert!(!redirected);
                assert_eq!(information.post_configuration_script.as_ref().unwrap().0, b"secret");
            }
            other => panic!("{other:?}"),
        }
        let refused = judged(&site, &answer, None).unwrap_err();
        assert_eq!(refused.reason.as_str(), "decryption-key-missing");
        judged(&site, &answer, Some(&another)).unwrap_err();
    }
    // To another certificate of the same device: another recipient.
    let answer = another.ask(EMPTY).await;
    judged(&site, &answer, Some(&another)).unwrap();
    drop((device, another));
    server.stop().await;
    let log = crate::log_of(&site).await;
    let answers = answers(&log);
    assert_eq!(answers.len(), 3, "an envelope is another one each time, and what is in it is the same answer");
    assert!(answers.iter().all(|body| body["basis"]["encrypted"] == true), "{answers:?}");
    assert_eq!(answers[1]["answer"], answers[2]["answer"]);
}

#[tokio::test]
async fn enc_13_a_device_to_which_nothing_can_be_encrypted_gets_nothing_rather_than_plaintext() {
    let site = Site::new();
    // RFC 8572 §3.4 (ENC-06, ENC-07): a key that signs and receives nothing.
    let generate = || Box::new(FileKey::generate_p256().unwrap());
    let own = || CertificateSerial(pki::key::random().unwrap());
    let root = CertificateAuthority::new_root("Signing", generate(), own(), support::now()).unwrap();
    let key = FileKey::generate_p256().unwrap();
    let subject = Subject::device("Model", &serial("SN-1"));
    let certificate = root.issue(&Profile::of(Kind::Owner), &subject, key.public_key(), own(), support::now()).unwrap();
    let manufacturer = Manufacturer {
        voucher_anchors: site.maker.voucher_anchors().to_vec(),
        ..Manufacturer::new(device_id("x").manufacturer, [site.maker.device_anchors(), root.chain()].concat())
    };
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.commit(Batch::from(Event::ManufacturerAdded { manufacturer })).await.unwrap();
    store.close().await;
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let mut device = Shown::with(&server, key, vec![certificate]).await;
    assert_eq!(device.ask(EMPTY).await.status, 200, "signed alone, it gets it");
    encrypting(&server).await;
    for body in [EMPTY, PREFERRED, EMPTY] {
        let answer = device.ask(body).await;
        assert_eq!((answer.status, error(&answer).tag.as_str()), (404, "invalid-value"));
        assert!(error(&answer).message.starts_with("device-cannot-decrypt"), "{answer:?}");
    }
    drop(device);
    server.stop().await;
    let log = crate::log_of(&site).await;
    let refused = answers(&log).iter().filter(|body| body["answer"]["nothing"] == "device-cannot-decrypt").count();
    assert_eq!(refused, 1, "and the log says so once");
}

#[tokio::test]
async fn enc_13_nothing_is_encrypted_that_is_not_signed() {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &[]).await;
    crate::register(&store, "SN-1").await;
    store.close().await;
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let mut device = Shown::new(&site, &server).await;
    assert_eq!(device.ask(EMPTY).await.status, 200, "without a voucher it may have it unsigned");
    encrypting(&server).await;
    let answer = device.ask(EMPTY).await;
    assert_eq!(answer.status, 404);
    assert!(error(&answer).message.starts_with("signed-data-unavailable"));
    server.stop().await;
}
