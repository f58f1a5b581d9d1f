//! Certificates of the owner's in the middle of an onboarding (RFC 9646), from csr-support to the certificate in the
//! configuration.

use authority::CertificateAuthority;
use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{
    Encoding,
    information::{Information, OnboardingInformation},
    rpc::{
        BootstrappingRequest, Csr, CsrFormat, CsrInput, CsrRequest, CsrSupport, ErrorTag, KeyAlgorithm, YANG_DATA_JSON,
        YANG_DATA_XML,
    },
};
use pki::{
    certificate::Certificate,
    key::{FileKey, Signer, random},
    path::{self, Policy, Purpose},
    time::Clock,
};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use crate::{
    Talk, document, error, log_of, output,
    support::{self, Answer, Site, connect, connector},
};

/// A site with an authority for its devices.
fn site() -> (Site, Certificate) {
    let site = Site::new();
    let key = FileKey::generate_p256().unwrap();
    site.write("ldevid.key", key.to_pem().as_bytes());
    let serial = || authority::CertificateSerial(random().unwrap());
    let root = FileKey::generate_p256().unwrap();
    let root = CertificateAuthority::new_root("Owner Device Root", Box::new(root), serial(), support::now()).unwrap();
    let ca = root.new_issuing_ca("Owner Device CA", Box::new(key), serial(), support::now()).unwrap();
    site.write("ldevid.pem", support::pem(ca.chain()).as_bytes());
    let text = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    let section = "[[authority]]\nname = 'devices'\ncertificate = 'ldevid.pem'\nkey = 'ldevid.key'\n";
    site.write("sztp.toml", format!("{text}{section}").as_bytes());
    (site, root.chain()[0].clone())
}

const PROFILE: &str = "post-configuration-script = '{{ldevid.certificate}}'\n\
    [configuration]\nhandling = 'merge'\ncontent = '{\"a\": 1}'\n[ldevid]\nauthority = 'devices'\nkeystore = 'ldevid'\n";

async fn talk_with(profile: &str) -> (Talk, Certificate) {
    let (site, root) = site();
    let server = site.start(&["SN-1", "SN-2"]).await;
    let (key, chain) = site.device("SN-1");
    let stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let talk = Talk { site, server, stream };
    talk.apply(profile).await;
    (talk, root)
}

fn algorithm(key: &FileKey) -> KeyAlgorithm {
    KeyAlgorithm::of(key.public_key()).unwrap()
}

fn support(keys: &[FileKey], formats: &[CsrFormat]) -> CsrInput {
    CsrInput::Support(CsrSupport::new(Some(keys.iter().map(algorithm).collect()), formats.to_vec()).unwrap())
}

fn p10(key: &FileKey, serial: &str) -> CsrInput {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
    let pair = KeyPair::try_from(key.pkcs8_der()).unwrap();
    let der = params.serialize_request(&pair).unwrap().der().to_vec();
    CsrInput::Csr(Csr::from_der(CsrFormat::P10, der).unwrap())
}

async fn ask(talk: &mut Talk, csr: Option<CsrInput>, encoding: Encoding) -> Answer {
    let request = BootstrappingRequest { csr, ..BootstrappingRequest::default() };
    let body = String::from_utf8(request.encode(encoding)).unwrap();
    let media = if encoding == Encoding::Json { YANG_DATA_JSON } else { YANG_DATA_XML };
    talk.post(support::DATA, media, media, &body).await
}

fn wanted(answer: &Answer) -> CsrRequest {
    let error = error(answer);
    assert_eq!((answer.status, error.tag), (400, ErrorTag::MissingAttribute), "{answer:?}");
    assert!(error.message.starts_with("csr-"), "{}", error.message);
    *error.csr_request.unwrap()
}

fn information(answer: &Answer) -> OnboardingInformation {
    let (_, document) = document(answer);
    let encoding = Encoding::detect(&document).unwrap();
    let Ok(Information::Onboarding(information)) = Information::decode(&document, encoding) else {
        panic!("{answer:?}")
    };
    information
}

/// The certificate where the script has it, which must be the one in the keystore.
fn certificate(answer: &Answer) -> Certificate {
    let information = information(answer);
    let pem = information.post_configuration_script.unwrap().0;
    let certificate = Certificate::chain_from_pem(&pem).unwrap().remove(0);
    let json: serde_json::Value = serde_json::from_slice(&information.configuration.unwrap().content).unwrap();
    let key = &json["ietf-keystore:keystore"]["asymmetric-keys"]["asymmetric-key"][0];
    assert_eq!(json["a"], 1);
    assert_eq!(key["public-key"], STANDARD.encode(certificate.public_key().spki_der()));
    let cms = STANDARD.decode(key["certificates"]["certificate"][0]["cert-data"].as_str().unwrap()).unwrap();
    assert!(conveyed_info::cms::SignedData::from_der(&cms).unwrap().certificates().contains(&certificate));
    certificate
}

#[tokio::test]
async fn csr_06_csr_07_csr_08_csr_13_csr_15_from_an_offer_to_a_certificate_in_both_encodings() {
    for encoding in [Encoding::Json, Encoding::Xml] {
        let (mut talk, root) = talk_with(PROFILE).await;
        let key = FileKey::generate_p384().unwrap();
        let offered = support(std::slice::from_ref(&key), &[CsrFormat::Cmp, CsrFormat::P10]);
        let asked = wanted(&ask(&mut talk, Some(offered), encoding).await);
        let expected = CsrRequest {
            selected_algorithm: Some(algorithm(&key)),
            selected_format: CsrFormat::P10,
            cert_req_info: None,
        };
        assert_eq!(asked, expected);
        let answer = ask(&mut talk, Some(p10(&key, "SN-1")), encoding).await;
        let issued = certificate(&answer);
        assert_eq!(issued.public_key(), key.public_key());
        assert_eq!(pki::identity::SerialNumber::from_certificate(&issued).unwrap().as_str(), "SN-1");
        let chain = Certificate::chain_from_pem(&std::fs::read(talk.site.path("ldevid.pem")).unwrap()).unwrap();
        let policy = Policy::new(Clock::Trusted(support::now()), Purpose::DeviceIdentity);
        path::validate(&issued, &chain, &[root], &policy).unwrap();
        // The device verifies what it got: it is signed afresh, with the certificate in it.
        talk.verified(&answer);

        let bodies = talk.logged().await;
        let issued = bodies.iter().filter(|body| body.contains("\"certificate-issued\"")).count();
        assert!(issued == 1 && bodies.iter().any(|body| body.contains("csr-wanted")), "{bodies:#?}");
    }
}

#[tokio::test]
async fn the_same_csr_is_answered_with_the_same_certificate_after_a_restart_too() {
    let (mut talk, _) = talk_with(PROFILE).await;
    let key = FileKey::generate_p256().unwrap();
    let csr = p10(&key, "SN-1");
    let first = certificate(&ask(&mut talk, Some(csr.clone()), Encoding::Json).await);
    assert_eq!(certificate(&ask(&mut talk, Some(csr.clone()), Encoding::Xml).await), first);
    let Talk { site, server, stream } = talk;
    drop(stream);
    server.stop().await;
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let (idevid, chain) = site.device("SN-1");
    let stream = connect(&server, &connector(Some((&idevid, &chain)))).await.unwrap();
    let mut talk = Talk { site, server, stream };
    assert_eq!(certificate(&ask(&mut talk, Some(csr.clone()), Encoding::Json).await), first);
    // Another key is another certificate, although the device has one.
    let other = FileKey::generate_p256().unwrap();
    let second = certificate(&ask(&mut talk, Some(p10(&other, "SN-1")), Encoding::Json).await);
    assert_ne!(second, first);
    // Nobody else gets one for what this device sent.
    let (other_key, other_chain) = talk.site.device("SN-2");
    talk.stream = connect(&talk.server, &connector(Some((&other_key, &other_chain)))).await.unwrap();
    assert_eq!(ask(&mut talk, Some(csr), Encoding::Json).await.status, 400);
    let without_name = p10_without_name(&key);
    let stolen = ask(&mut talk, Some(without_name), Encoding::Json).await;
    assert_eq!(stolen.status, 400, "the key is another device's: {stolen:?}");
    let bodies = talk.logged().await;
    let of = |kind: &str| bodies.iter().filter(|body| body.contains(kind)).count();
    assert_eq!(of("\"certificate-issued\""), 2, "{bodies:#?}");
}

fn p10_without_name(key: &FileKey) -> CsrInput {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let pair = KeyPair::try_from(key.pkcs8_der()).unwrap();
    let der = params.serialize_request(&pair).unwrap().der().to_vec();
    CsrInput::Csr(Csr::from_der(CsrFormat::P10, der).unwrap())
}

#[tokio::test]
async fn csr_14_csr_29_another_csr_is_asked_for_three_times_at_most() {
    let (mut talk, _) = talk_with(PROFILE).await;
    let (idevid, _chain) = {
        let (key, chain) = talk.site.device("SN-1");
        // The device in this talk has a key of its own; take the connection that shows this one.
        talk.stream = connect(&talk.server, &connector(Some((&key, &chain)))).await.unwrap();
        (key, chain)
    };
    let fresh = FileKey::generate_p256().unwrap();
    let offer = support(std::slice::from_ref(&fresh), &[CsrFormat::P10]);
    let asked = wanted(&ask(&mut talk, Some(offer), Encoding::Json).await);
    // It sends one for the key that it has: RFC 9646 §4.1.3 wants a new one.
    let existing = p10(&idevid, "SN-1");
    for _ in 0..2 {
        assert_eq!(wanted(&ask(&mut talk, Some(existing.clone()), Encoding::Json).await), asked);
    }
    let ended = ask(&mut talk, Some(existing), Encoding::Json).await;
    let (status, ended) = (ended.status, error(&ended));
    assert_eq!((status, ended.tag, ended.csr_request), (400, ErrorTag::InvalidValue, None));
    assert!(ended.message.starts_with("csr-rounds-exceeded"), "{}", ended.message);
    // It begins again, and does better.
    wanted(&ask(&mut talk, Some(support(std::slice::from_ref(&fresh), &[CsrFormat::P10])), Encoding::Json).await);
    certificate(&ask(&mut talk, Some(p10(&fresh, "SN-1")), Encoding::Json).await);
}

#[tokio::test]
async fn csr_16_csr_19_csr_20_what_proves_nothing_gets_an_error_and_leaves_no_certificate() {
    let (mut talk, _) = talk_with(PROFILE).await;
    let key = FileKey::generate_p256().unwrap();
    let CsrInput::Csr(honest) = p10(&key, "SN-1") else { unreachable!() };
    let mut der = honest.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let broken = CsrInput::Csr(Csr::from_der(CsrFormat::P10, der).unwrap());
    for (csr, code) in [(broken, "csr-invalid"), (p10(&key, "SN-2"), "csr-invalid")] {
        let answer = ask(&mut talk, Some(csr), Encoding::Json).await;
        assert_eq!(answer.status, 400);
        assert!(error(&answer).message.starts_with(code), "{answer:?}");
    }
    // P-256 or P-384 is what is taken; CMP is offered alone.
    let ed25519 = FileKey::generate_ed25519().unwrap();
    let offer = support(std::slice::from_ref(&ed25519), &[CsrFormat::P10]);
    let answer = ask(&mut talk, Some(offer), Encoding::Json).await;
    assert!(answer.status == 400 && error(&answer).message.starts_with("csr-unsuitable"), "{answer:?}");
    // Neither offer nor CSR.
    let answer = ask(&mut talk, None, Encoding::Json).await;
    assert!(answer.status == 404 && error(&answer).message.starts_with("csr-support-missing"), "{answer:?}");
    // Over a link that it does not trust (CSR-24), a device is sent here again and asked for nothing.
    let request = BootstrappingRequest { signed_data_preferred: true, ..BootstrappingRequest::default() };
    let body = String::from_utf8(request.encode(Encoding::Json)).unwrap();
    let answer = talk.post(support::DATA, YANG_DATA_JSON, YANG_DATA_JSON, &body).await;
    output(&answer);
    assert!(!talk.logged().await.iter().any(|body| body.contains("certificate-issued")));
}

#[tokio::test]
async fn csr_05_csr_16_an_offer_is_left_aside_where_the_certificate_is_not_required() {
    let (mut talk, _) = talk_with(&format!("{PROFILE}required = false\n")).await;
    let answer = ask(&mut talk, None, Encoding::Json).await;
    let without = information(&answer);
    assert_eq!(without.post_configuration_script.unwrap().0, b"");
    assert_eq!(without.configuration.unwrap().content, b"{\"a\": 1}");
    let ed25519 = FileKey::generate_ed25519().unwrap();
    let offer = support(std::slice::from_ref(&ed25519), &[CsrFormat::P10]);
    output(&ask(&mut talk, Some(offer), Encoding::Json).await);
    let fresh = FileKey::generate_p256().unwrap();
    wanted(&ask(&mut talk, Some(support(std::slice::from_ref(&fresh), &[CsrFormat::P10])), Encoding::Json).await);
    drop(talk.stream);
    talk.server.stop().await;
    let bodies = log_of(&talk.site).await;
    assert!(!bodies.iter().any(|body| body.contains("certificate-issued")), "{bodies:#?}");
}

#[tokio::test]
async fn a_profile_that_names_no_authority_of_this_server_gives_nothing() {
    let (mut talk, _) = talk_with(&PROFILE.replace("'devices'", "'others'")).await;
    let fresh = FileKey::generate_p256().unwrap();
    let offer = support(std::slice::from_ref(&fresh), &[CsrFormat::P10]);
    let answer = ask(&mut talk, Some(offer), Encoding::Json).await;
    assert!(answer.status == 503 && error(&answer).message.starts_with("ldevid-unavailable"), "{answer:?}");
    let size = talk.server.store().growth().borrow().0;
    assert!(size > 0);
}
