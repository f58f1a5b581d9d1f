//! Certificates in the middle of an onboarding (RFC 9646): yanglint judges what a server really answers, and one CSR is answered with
//! one certificate, whichever server it reaches and whatever becomes of that.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![allow(dead_code, reason = "the modules of yanglint are shared with another program")]

#[path = "yang/modules.rs"]
mod modules;

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::store::Location;
use conveyed_info::{
    Encoding,
    cms::{ContentInfo, ContentType, SignedData},
    information::Information,
    rpc::{BootstrappingRequest, Csr, CsrFormat, CsrInput, CsrSupport, KeyAlgorithm, YANG_DATA_JSON, YANG_DATA_XML},
};
use interop_tests::{
    enrolling::Enrolling,
    lab::Server,
    need,
    postgres::Cluster,
    site::{Answer, DATA, connect_to, connector, exchange, request},
    skip,
};
use modules::{Kind, Yang, published};
use pki::{
    certificate::Certificate,
    key::{FileKey, Signer},
    new_request::{self, DeviceNames},
};

/// A device, and the new key that it wants certified.
struct Device {
    idevid: (FileKey, Vec<Certificate>),
    key: FileKey,
    csr: CsrInput,
}

impl Device {
    fn new(at: &Enrolling, serial: &str) -> Self {
        let key = FileKey::generate_p256().unwrap();
        let names = DeviceNames::new(interop_tests::site::serial(serial));
        let der = new_request::sign(&names, &key).unwrap();
        let csr = CsrInput::Csr(Csr::from_der(CsrFormat::P10, der).unwrap());
        Self { idevid: at.site.device(serial), key, csr }
    }

    /// What it says that it can do.
    fn support(&self) -> CsrInput {
        let algorithm = KeyAlgorithm::of(self.key.public_key()).unwrap();
        CsrInput::Support(CsrSupport::new(Some(vec![algorithm]), vec![CsrFormat::P10]).unwrap())
    }

    /// Sends a request and reads its answer.
    async fn ask(&self, server: SocketAddr, csr: &CsrInput, encoding: Encoding) -> std::io::Result<Answer> {
        let (key, chain) = (&self.idevid.0, &self.idevid.1[..]);
        let mut stream = connect_to(server, &connector(Some((key, chain)))).await?;
        exchange(&mut stream, &posted(csr, encoding)).await
    }

    /// Sends its CSR; the certificate in the answer is for its key.
    async fn certified(&self, server: SocketAddr) -> Certificate {
        let certificate = certificate(&self.ask(server, &self.csr, Encoding::Json).await.unwrap());
        assert_eq!(certificate.public_key(), self.key.public_key());
        // As the authority's profile `ldevid` has it.
        assert!(certificate.subject().to_string().contains("O=Example Owner"), "{}", certificate.subject());
        certificate
    }
}

fn posted(csr: &CsrInput, encoding: Encoding) -> Vec<u8> {
    let input = BootstrappingRequest { csr: Some(csr.clone()), ..BootstrappingRequest::default() };
    let body = String::from_utf8(input.encode(encoding)).unwrap();
    let media = if encoding == Encoding::Json { YANG_DATA_JSON } else { YANG_DATA_XML };
    request("POST", DATA, &format!("content-type: {media}\r\naccept: {media}\r\n"), &body)
}

/// The document in an answer, as it is and as it is read.
fn information(answer: &Answer, encoding: Encoding) -> (Vec<u8>, Information) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let artifact = match encoding {
        Encoding::Json => {
            answer.json()["ietf-sztp-bootstrap-server:output"]["conveyed-information"].as_str().unwrap().to_owned()
        }
        Encoding::Xml => element(&answer.body, "conveyed-information"),
    };
    let artifact = STANDARD.decode(artifact).unwrap();
    let info = ContentInfo::from_der(&artifact).unwrap();
    let document = match info.content_type() {
        ContentType::SignedData => SignedData::from_content_info(&info).unwrap().unverified_content().unwrap().to_vec(),
        _ => info.octets().unwrap().to_vec(),
    };
    let information = Information::decode(&document, Encoding::detect(&document).unwrap()).unwrap();
    (document, information)
}

/// The certificate in the script of an answer.
fn certificate(answer: &Answer) -> Certificate {
    let (_, information) = information(answer, Encoding::Json);
    let Information::Onboarding(information) = information else { panic!("{answer:?}") };
    Certificate::chain_from_pem(&information.post_configuration_script.unwrap().0).unwrap().remove(0)
}

/// What stands in the only element of this name.
fn element(document: &[u8], name: &str) -> String {
    let text = str::from_utf8(document).unwrap();
    let (_, inner) = text.split_once(&format!("<{name}>")).unwrap();
    inner.split_once(&format!("</{name}>")).unwrap().0.to_owned()
}

/// What stands in the `error-info` of the only error.
fn error_info(document: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Json => {
            let document: serde_json::Value = serde_json::from_slice(document).unwrap();
            document["ietf-restconf:errors"]["error"][0]["error-info"].to_string()
        }
        Encoding::Xml => element(document, "error-info"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csr_01_csr_02_csr_06_csr_13_yanglint_judges_each_body_of_an_exchange() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let at = Enrolling::new();
    at.register(&["SN-1"]).await;
    let server = bootstrap_server::start(at.site.config()).await.unwrap();
    let address = server.device_address().unwrap();
    for encoding in [Encoding::Json, Encoding::Xml] {
        let device = Device::new(&at, "SN-1");
        for csr in [device.support(), device.csr.clone()] {
            let input = BootstrappingRequest { csr: Some(csr), ..BootstrappingRequest::default() };
            assert_eq!(yang.validate(Kind::Request, &input.encode(encoding), encoding), Ok(()));
        }
        let asked = device.ask(address, &device.support(), encoding).await.unwrap();
        assert!(asked.status == 400 && String::from_utf8_lossy(&asked.body).contains("missing-attribute"), "{asked:?}");
        assert_eq!(yang.validate(Kind::Errors, &asked.body, encoding), Ok(()));
        let wanted = error_info(&asked.body, encoding);
        assert_eq!(yang.validate(Kind::CsrRequest, wanted.as_bytes(), encoding), Ok(()));
        // The judge can say no.
        let unknown = wanted.replace("p10-csr", "p11-csr");
        yang.validate(Kind::CsrRequest, unknown.as_bytes(), encoding).unwrap_err();

        let answer = device.ask(address, &device.csr, encoding).await.unwrap();
        assert_eq!(yang.validate(Kind::Answer, &answer.body, encoding), Ok(()));
        let (document, _) = information(&answer, encoding);
        let inner = Encoding::detect(&document).unwrap();
        assert_eq!(yang.validate(Kind::Information, &document, inner), Ok(()));
        // A CSR of nobody's is an error like any other.
        let broken = CsrInput::Csr(Csr::from_der(CsrFormat::P10, vec![0x30, 0]).unwrap());
        let refused = device.ask(address, &broken, encoding).await.unwrap();
        assert_eq!(refused.status, 400);
        assert_eq!(yang.validate(Kind::Errors, &refused.body, encoding), Ok(()));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csr_13_two_servers_of_one_postgresql_answer_one_csr_with_one_certificate() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let at = Enrolling::new();
    let Location::Postgres(url) = cluster.database() else { panic!("an address") };
    at.site.edit("database = 'sztp.sqlite3'", &format!("database = '{url}'"));
    at.register(&["SN-1"]).await;
    let one = bootstrap_server::start(at.site.config()).await.unwrap();
    let other = bootstrap_server::start(at.site.config()).await.unwrap();
    let (here, there) = (one.device_address().unwrap(), other.device_address().unwrap());
    for round in 1..=8 {
        let device = Device::new(&at, "SN-1");
        // Asked by one of them, it may reach either with its CSR, or both at once.
        device.ask(here, &device.support(), Encoding::Json).await.unwrap();
        let (first, second, third) =
            tokio::join!(device.certified(there), device.certified(here), device.certified(there));
        assert!(first == second && second == third, "round {round}");
        assert_eq!(device.certified(here).await, first);
        assert_eq!(at.issued("SN-1").await.len(), round, "one certificate each time");
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csr_13_a_server_that_is_killed_answers_the_same_csr_with_the_same_certificate() {
    let at = Enrolling::new();
    at.register(&["SN-1", "SN-2"]).await;
    let config = at.site.path("sztp.toml");
    let server = Server::start(&config);
    let device = Device::new(&at, "SN-1");
    device.ask(server.address(), &device.support(), Encoding::Json).await.unwrap();
    let first = device.certified(server.address()).await;
    server.kill();
    let mut server = Server::start(&config);
    assert_eq!(device.certified(server.address()).await, first);
    assert_eq!(at.issued("SN-1").await.len(), 1);

    // Killed somewhere between the request and its answer, a little later each time.
    for round in 1..=6 {
        let device = Device::new(&at, "SN-2");
        let asked = device.ask(server.address(), &device.csr, Encoding::Json);
        let answered = tokio::time::timeout(std::time::Duration::from_millis(round * 4), asked).await;
        server.kill();
        server = Server::start(&config);
        let certified = device.certified(server.address()).await;
        if let Ok(Ok(answer)) = answered {
            assert_eq!(certificate(&answer), certified, "what was given stands");
        }
        assert_eq!(u64::try_from(at.issued("SN-2").await.len()).unwrap(), round, "nothing twice, nothing lost");
    }
    server.kill();
    interop_tests::lab::verified_leaves(&config);
}
