//! A server in a folder of its own, and a client that speaks to it byte by byte.
//!
//! Shared with interop-tests, which includes this file as its module `site`.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "test support: each program uses its own part")]
#![allow(missing_debug_implementations, clippy::unwrap_used, clippy::missing_panics_doc, reason = "as above")]
#![allow(clippy::missing_errors_doc, clippy::new_without_default, clippy::indexing_slicing, reason = "as above")]

pub mod masa;

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use authority::{ManufacturerParty, OwnerParty};
use bootstrap_server::{
    RunningServer,
    audit::Event,
    config::ServerConfig,
    domain::{DeviceId, Manufacturer, ManufacturerName, OnboardingProfile, ProfileName},
    store::{Batch, SqlStore, Store},
};
use pki::{certificate::Certificate, identity::SerialNumber, key::FileKey, time::Timestamp};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

pub fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

pub fn serial(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

pub fn device_id(text: &str) -> DeviceId {
    DeviceId { manufacturer: ManufacturerName::new("maker").unwrap(), serial_number: serial(text) }
}

pub fn profile() -> OnboardingProfile {
    let document = "reporting-level = 'verbose'\n[configuration]\nhandling = 'merge'\ncontent = '{}'\n";
    OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), document).unwrap()
}

/// Where its servers may be: the second one for tests in a network of their own, which add it.
pub const ADDRESSES: [&str; 2] = ["127.0.0.1", "10.77.0.1"];

/// Manufacturer, owner and the folder of their server.
pub struct Site {
    pub folder: tempfile::TempDir,
    pub maker: ManufacturerParty,
    pub owner: OwnerParty,
}

impl Site {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let maker = ManufacturerParty::new("Maker", now()).unwrap();
        let owner = OwnerParty::new("Owner", &ADDRESSES.map(str::to_owned), now()).unwrap();
        let site = Self { folder, maker, owner };
        site.write("server.key", site.owner.tls_key.to_pem().as_bytes());
        site.write("server.pem", pem(&site.owner.tls_chain).as_bytes());
        site.write("anchor.pem", pem(site.owner.tls_anchor()).as_bytes());
        site.write("owner.key", site.owner.key.to_pem().as_bytes());
        site.write("owner.pem", pem(&site.owner.chain).as_bytes());
        site.write("audit.key", FileKey::generate_ed25519().unwrap().to_pem().as_bytes());
        site.write("image.bin", &vec![7; 200_000]);
        let document = "database = 'sztp.sqlite3'\nimages = ['image.bin']\n\
            [device-listener]\nlisten = '127.0.0.1:0'\nnames = ['127.0.0.1']\ncertificate = 'server.pem'\n\
            key = 'server.key'\ntrust-anchor = 'anchor.pem'\n\
            [owner]\ncertificate = 'owner.pem'\nkey = 'owner.key'\n\
            [audit]\norigin = 'test.example/log'\nkey = 'audit.key'\n";
        site.write("sztp.toml", document.as_bytes());
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
        // Keys are for their owner only, or the configuration is refused.
        let mode = if name.ends_with(".key") { 0o600 } else { 0o644 };
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Replaces `old`, which must be there, in `sztp.toml`.
    pub fn edit(&self, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.path("sztp.toml")).unwrap();
        assert!(text.contains(old), "{old} is not in sztp.toml");
        self.write("sztp.toml", text.replace(old, new).as_bytes());
    }

    pub fn config(&self) -> ServerConfig {
        ServerConfig::load(&self.path("sztp.toml")).unwrap()
    }

    pub async fn store(&self) -> SqlStore {
        let config = self.config();
        SqlStore::create(&config.database, config.checkpoint_key).await.unwrap()
    }

    /// Registers the manufacturer, the profile and these devices with vouchers, and starts the server.
    pub async fn start(&self, serials: &[&str]) -> RunningServer {
        let store = self.store().await;
        self.register(&store, serials).await;
        store.close().await;
        bootstrap_server::start(self.config()).await.unwrap()
    }

    pub async fn register(&self, store: &dyn Store, serials: &[&str]) {
        let manufacturer = Manufacturer {
            voucher_anchors: self.maker.voucher_anchors().to_vec(),
            ..Manufacturer::new(device_id("x").manufacturer, self.maker.device_anchors().to_vec())
        };
        let first = Batch::from(Event::ManufacturerAdded { manufacturer });
        store.commit(first.and(Event::ProfileApplied { profile: Box::new(profile()) })).await.unwrap();
        for text in serials {
            let voucher = self.maker.voucher(&serial(text), self.owner.pinned().unwrap(), now()).unwrap();
            let device = device_id(text);
            let registered = Event::DeviceRegistered {
                device: device.clone(),
                profile: profile().name,
                particulars: Box::default(),
            };
            store.commit(Batch::from(registered).and(Event::VoucherStored { device, voucher })).await.unwrap();
        }
    }

    pub fn device(&self, text: &str) -> (FileKey, Vec<Certificate>) {
        self.maker.device("Model", &serial(text), now()).unwrap()
    }
}

pub fn pem(chain: &[Certificate]) -> String {
    chain.iter().map(Certificate::to_pem).collect()
}

/// Checks the log of a stopped server.
pub async fn verify_log(config: &Path) -> audit_log::Report {
    let config = ServerConfig::load(config).unwrap();
    let store = SqlStore::open_read_only(&config.database).await.unwrap();
    bootstrap_server::audit::verify(&store, config.checkpoint_key.verifier(), &[]).await.unwrap()
}

/// A TLS client that trusts any server, shows `identity`, and never resumes a session.
pub fn connector(identity: Option<(&FileKey, &[Certificate])>) -> TlsConnector {
    connector_with(aws_lc_rs::default_provider(), identity)
}

/// As [`connector`], with the cryptography of `provider` only.
pub fn connector_with(provider: CryptoProvider, identity: Option<(&FileKey, &[Certificate])>) -> TlsConnector {
    let mut config = client_config_with(provider, rustls::ALL_VERSIONS, identity);
    // Every connection proves the device's identity afresh.
    config.resumption = rustls::client::Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

/// What a client of these versions is configured with. It resumes sessions.
pub fn client_config(
    versions: &[&'static rustls::SupportedProtocolVersion],
    identity: Option<(&FileKey, &[Certificate])>,
) -> ClientConfig {
    client_config_with(aws_lc_rs::default_provider(), versions, identity)
}

/// As [`client_config`], with the cryptography of `provider` only.
pub fn client_config_with(
    provider: CryptoProvider,
    versions: &[&'static rustls::SupportedProtocolVersion],
    identity: Option<(&FileKey, &[Certificate])>,
) -> ClientConfig {
    let provider = Arc::new(provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(provider)));
    match identity {
        None => builder.with_no_client_auth(),
        Some((key, chain)) => {
            let chain = chain.iter().map(|it| CertificateDer::from(it.der().to_vec())).collect();
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

/// Connects from another address of this machine, which is another source.
pub async fn connect_from(address: [u8; 4], to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind((address, 0).into())?;
    socket.connect(to).await
}

/// TLS on a connection that is open.
pub async fn secured(stream: TcpStream, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// Waits until a metric has reached a value. What is waited for comes from other tasks, in no fixed time.
pub async fn until_metric(server: &RunningServer, line: &str, least: u64) {
    let reached = async {
        while metric(server, line) < least {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), reached).await;
    assert!(waited.is_ok(), "{line} never reached {least}:\n{}", server.metrics().encode());
}

/// The value of a metric by its name and labels; 0 when there is none.
pub fn metric(server: &RunningServer, line: &str) -> u64 {
    let text = server.metrics().encode();
    text.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' ')?.parse().ok()).unwrap_or(0)
}

pub async fn connect(server: &RunningServer, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    connect_to(server.device_address().unwrap(), connector).await
}

pub async fn connect_to(address: SocketAddr, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// An answer: status, header lines in lower case, body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The first error's tag and message.
    pub fn error(&self) -> (String, String) {
        let json = self.json();
        let error = &json["ietf-restconf:errors"]["error"][0];
        (error["error-tag"].as_str().unwrap().to_owned(), error["error-message"].as_str().unwrap().to_owned())
    }
}

/// Sends one request and reads one answer, on a connection that stays open.
pub async fn exchange(stream: &mut TlsStream<TcpStream>, request: &[u8]) -> std::io::Result<Answer> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut received = Vec::new();
    let (head, start) = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8(received[..end].to_vec()).unwrap().to_ascii_lowercase(), end + 4);
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    while received.len() < start + length {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Answer { status, head, body: received[start..].to_vec() })
}

pub const DATA: &str = "/restconf/operations/ietf-sztp-bootstrap-server:get-bootstrapping-data";
pub const REPORT: &str = "/restconf/operations/ietf-sztp-bootstrap-server:report-progress";

/// A POST with the right media types.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    request("POST", path, "content-type: application/yang-data+json\r\naccept: application/yang-data+json\r\n", body)
}

pub fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

pub fn report(progress_type: &str) -> Vec<u8> {
    post(REPORT, &format!(r#"{{"ietf-sztp-bootstrap-server:input":{{"progress-type":"{progress_type}"}}}}"#))
}

#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
