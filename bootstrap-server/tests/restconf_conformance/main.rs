//! RESTCONF for devices to the letter: requirement by requirement, bytes in and bytes out, over real TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod authentication;
mod certificates;
mod encodings;
mod errors;
mod reports;
mod resources;
mod served;
#[path = "../support/mod.rs"]
mod support;
mod wire_profiles;

use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{
    RunningServer,
    audit::Event,
    domain::{OnboardingProfile, ProfileName},
    store::{Batch, Store},
};
use conveyed_info::{
    BootstrappingData, Encoding, Unverified,
    cms::{ContentInfo, ContentType, SignedData},
    rpc::{BootstrappingAnswer, RestconfError, YANG_DATA_JSON, YANG_DATA_XML},
    verify::{Accepted, Context, verify},
};
use pki::time::Clock;
use support::{Answer, Site, connect, connector, exchange};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

pub(crate) const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
pub(crate) const PREFERRED: &str = r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#;
pub(crate) const XML_EMPTY: &str = r#"<input xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server"/>"#;

/// A server that knows SN-1, and that device's connection to it.
pub(crate) struct Talk {
    pub(crate) site: Site,
    pub(crate) server: RunningServer,
    pub(crate) stream: TlsStream<TcpStream>,
}

impl Talk {
    /// With a voucher for the device.
    pub(crate) async fn new() -> Self {
        let site = Site::new();
        let server = site.start(&["SN-1"]).await;
        Self::with(site, server).await
    }

    /// The device connects again.
    pub(crate) async fn reconnect(self) -> Self {
        Self::with(self.site, self.server).await
    }

    pub(crate) async fn with(site: Site, server: RunningServer) -> Self {
        let (key, chain) = site.device("SN-1");
        let stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
        Self { site, server, stream }
    }

    /// Gives the device's class another profile.
    pub(crate) async fn apply(&self, document: &str) {
        let profile = OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), document).unwrap();
        let event = Event::ProfileApplied { profile: Box::new(profile) };
        self.server.store().commit(Batch::from(event)).await.unwrap();
    }

    pub(crate) async fn send(&mut self, request: &[u8]) -> Answer {
        exchange(&mut self.stream, request).await.unwrap()
    }

    /// A POST of this body, said to be of one media type, to be answered in another.
    pub(crate) async fn post(&mut self, path: &str, content_type: &str, accept: &str, body: &str) -> Answer {
        let headers = format!("content-type: {content_type}\r\naccept: {accept}\r\n");
        self.send(&support::request("POST", path, &headers, body)).await
    }

    /// The status line and header of the answer to a request that is answered without a body.
    pub(crate) async fn head(&mut self, path: &str, headers: &str) -> String {
        let request = format!("HEAD {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        while !received.ends_with(b"\r\n\r\n") {
            received.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(received).unwrap().to_ascii_lowercase()
    }

    /// What the device, which trusts its manufacturer's vouchers, finds out about an answer.
    pub(crate) fn verified(&self, answer: &Answer) -> Accepted {
        let serial_number = support::serial("SN-1");
        let context = Context::new(self.site.maker.voucher_anchors(), &serial_number, Clock::Trusted(support::now()));
        verify(output(answer).data, &context).unwrap().value().clone()
    }

    /// Stops the server and gives the bodies of its audit log.
    pub(crate) async fn logged(self) -> Vec<String> {
        drop(self.stream);
        self.server.stop().await;
        log_of(&self.site).await
    }
}

/// The bodies of the audit log of a site whose server is stopped.
pub(crate) async fn log_of(site: &Site) -> Vec<String> {
    let store = site.store().await;
    let records = store.records(audit_log::LogIndex(0), 100_000).await.unwrap();
    store.close().await;
    records.into_iter().map(|record| String::from_utf8(record.opening.unwrap().1).unwrap()).collect()
}

/// Puts a device onto the list, without a voucher.
pub(crate) async fn register(store: &dyn Store, serial: &str) {
    let device = support::device_id(serial);
    let (profile, particulars) = (support::profile().name, Box::default());
    store.commit(Batch::from(Event::DeviceRegistered { device, profile, particulars })).await.unwrap();
}

/// In which encoding an answer says that it is; its body must be in it.
pub(crate) fn encoding(answer: &Answer) -> Encoding {
    let of = |media_type: &str| answer.head.lines().any(|line| line == format!("content-type: {media_type}"));
    let said = match (of(YANG_DATA_JSON), of(YANG_DATA_XML)) {
        (true, false) => Encoding::Json,
        (false, true) => Encoding::Xml,
        _ => panic!("{}", answer.head),
    };
    assert_eq!(Encoding::detect(&answer.body), Some(said));
    said
}

/// The answer to get-bootstrapping-data, as a device reads it.
pub(crate) fn output(answer: &Answer) -> BootstrappingAnswer<Unverified<BootstrappingData>> {
    assert_eq!(answer.status, 200, "{answer:?}");
    BootstrappingAnswer::decode(&answer.body, encoding(answer)).unwrap()
}

/// The text of a member of that answer, by a reader as simple as can be.
pub(crate) fn member(answer: &Answer, name: &str) -> Option<String> {
    match encoding(answer) {
        Encoding::Json => answer.json()["ietf-sztp-bootstrap-server:output"][name].as_str().map(ToOwned::to_owned),
        Encoding::Xml => {
            let text = str::from_utf8(&answer.body).unwrap();
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>")).unwrap().0.to_owned())
        }
    }
}

/// The conveyed information artifact in an answer.
pub(crate) fn artifact(answer: &Answer) -> Vec<u8> {
    STANDARD.decode(member(answer, "conveyed-information").unwrap()).unwrap()
}

/// The document inside, and the content type that it is said to have.
pub(crate) fn document(answer: &Answer) -> (ContentType, Vec<u8>) {
    let artifact = artifact(answer);
    let info = ContentInfo::from_der(&artifact).unwrap();
    if info.content_type() == ContentType::SignedData {
        let signed = SignedData::from_content_info(&info).unwrap();
        return (signed.content_type(), signed.unverified_content().unwrap().to_vec());
    }
    (info.content_type(), info.octets().unwrap().to_vec())
}

/// The error in an answer.
pub(crate) fn error(answer: &Answer) -> RestconfError {
    RestconfError::decode(&answer.body, encoding(answer)).unwrap_or_else(|| panic!("no error in {answer:?}"))
}
