//! A bootstrap server of one thread, and the files of one device.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding,
    cms::{self, ContentType},
    information::{BootImage, Configuration, ConfigurationHandling, Information, OnboardingInformation, Script},
    rpc::{BootstrappingAnswer, ProgressReport, ReportingLevel},
};
use pki::digest::sha256;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// Where the scripts write.
pub(crate) const OUTPUT: &str = "output";

const IMAGE: &[u8] = b"an image";

#[derive(Default)]
struct Log {
    reports: Mutex<Vec<String>>,
    requests: AtomicUsize,
}

/// The bench: a running server, and a folder with everything the device needs.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    log: Arc<Log>,
}

fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl Bench {
    /// A server that the device trusts, and what becomes of a reboot.
    pub(crate) fn new(reboot: &str) -> Self {
        Self::with_key(reboot, |genuine| genuine)
    }

    /// A server that shows a genuine certificate without holding its key.
    pub(crate) fn impostor() -> Self {
        Self::with_key("exit", |_| KeyPair::generate().unwrap())
    }

    fn with_key(reboot: &str, key_of: impl FnOnce(KeyPair) -> KeyPair) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();

        let tls = ca("tls");
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &tls).unwrap();
        let key = key_of(key);

        let manufacturer = ca("manufacturer");
        let device_key = KeyPair::generate().unwrap();
        let mut device = CertificateParams::new(Vec::new()).unwrap();
        device.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), "SN-1");
        let device = device.signed_by(&device_key, &manufacturer).unwrap();

        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("idevid.pem", device.pem());
        write("idevid.key", device_key.serialize_pem());
        fs::set_permissions(folder.path().join("idevid.key"), fs::Permissions::from_mode(0o600)).unwrap();
        write("anchor.pem", tls.pem());
        write("running.json", "{\"kept\":true}".to_owned());
        write(
            "device.toml",
            format!(
                "idevid-certificate = 'idevid.pem'\nidevid-key = 'idevid.key'\nos-name = 'os'\nos-version = '1'\n\
                 reboot = '{reboot}'\n[[well-known]]\naddress = '127.0.0.1'\nport = {port}\nanchors = ['anchor.pem']\n\
                 [[sources]]\nkind = 'well-known'\n[configuration]\nfile = 'running.json'\n"
            ),
        );

        let plan = plan(&folder.path().join(OUTPUT).display().to_string(), port);
        let artifact =
            cms::bare(ContentType::ConveyedInfoJson, &Information::from(plan).encode(Encoding::Json)).unwrap();
        let data = BootstrappingData::Unsigned(ConveyedInformation::from_der(artifact).unwrap());
        let answer = BootstrappingAnswer { reporting_level: ReportingLevel::Minimal, data }.encode(Encoding::Json);
        let log = Arc::new(Log::default());
        let config = Arc::new(server_config(certificate.der().clone(), &key));
        let server_log = Arc::clone(&log);
        // Ends with the process that runs the tests.
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                let (log, answer) = (Arc::clone(&server_log), answer.clone());
                thread::spawn(move || converse(StreamOwned::new(session, socket), &log, &answer));
            }
        });
        Self { folder, log }
    }

    pub(crate) fn root(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }

    pub(crate) fn configuration(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.folder.path().join("running.json")).unwrap()).unwrap()
    }

    pub(crate) fn reports(&self) -> Vec<String> {
        self.log.reports.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.log.requests.load(Ordering::SeqCst)
    }
}

fn plan(output: &str, port: u16) -> OnboardingInformation {
    let script = |word: &str| Some(Script(format!("#!/bin/sh\necho {word} >> {output}\n").into_bytes()));
    OnboardingInformation {
        boot_image: Some(BootImage {
            os_name: Some("os".into()),
            os_version: Some("2".into()),
            download_uris: vec![format!("https://127.0.0.1:{port}/image")],
            sha256: Some(sha256(IMAGE)),
        }),
        pre_configuration_script: script("pre"),
        configuration: Some(Configuration {
            handling: ConfigurationHandling::Merge,
            content: br#"{"hostname":"leaf-1"}"#.to_vec(),
        }),
        post_configuration_script: script("post"),
    }
}

fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider.key_provider.load_private_key(key).unwrap();
    // Certificate and key are put together unchecked, so that an impostor can be played.
    let certified = Arc::new(rustls::sign::CertifiedKey::new(vec![certificate], key));
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)))
}

/// Answers requests until the device closes. Closes the connection after every second answer without announcing it, so
/// that the device has to notice and open it again.
fn converse(mut stream: impl Read + Write, log: &Log, answer: &[u8]) {
    let mut exchanges = 0;
    while let Some((target, body)) = request(&mut stream) {
        log.requests.fetch_add(1, Ordering::SeqCst);
        exchanges += 1;
        let (status, kind, body): (_, _, &[u8]) = if target.ends_with("host-meta") {
            ("200 OK", "application/xrd+xml", b"<XRD><Link rel='restconf' href='/restconf'/></XRD>")
        } else if target.ends_with("get-bootstrapping-data") {
            ("200 OK", "application/yang-data+json", answer)
        } else if target == "/image" {
            ("200 OK", "application/octet-stream", IMAGE)
        } else {
            let report = ProgressReport::decode(&body, Encoding::Json).unwrap();
            log.reports.lock().unwrap().push(report.progress_type.to_string());
            ("204 No Content", "text/plain", b"")
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_err()
            || stream.flush().is_err()
            || exchanges == 2
        {
            return;
        }
    }
}

fn request(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(0, |digits| digits.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let target = head.split(' ').nth(1)?.to_owned();
                return Some((target, bytes[end + 4..].to_vec()));
            }
        }
        match stream.read(&mut piece) {
            Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
            _ => return None,
        }
    }
}
