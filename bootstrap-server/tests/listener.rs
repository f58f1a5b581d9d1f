//! What a peer may cost, and what a configuration may claim.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{os::unix::fs::PermissionsExt, time::Duration};

use bootstrap_server::{
    RunningServer,
    audit::Event,
    config::{ConfigError, Limits, ServerConfig},
    domain::{Manufacturer, ManufacturerName},
    store::{Batch, Store},
};
use support::{DATA, REPORT, Site, connect, connector, exchange, post, request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
/// Longer than any deadline below: reached only when a deadline does not work.
const HANGS: Duration = Duration::from_secs(20);
/// Shorter than [`HANGS`] by so much that the one cannot be taken for the other.
const SOON: Duration = Duration::from_millis(200);

/// A site whose keys only their owner may read.
fn site() -> Site {
    let site = Site::new();
    for key in ["server.key", "owner.key", "audit.key"] {
        std::fs::set_permissions(site.path(key), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    site
}

async fn start(site: &Site, limits: Limits) -> RunningServer {
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.close().await;
    let mut config = site.config();
    config.limits = limits;
    bootstrap_server::start(config).await.unwrap()
}

async fn reads_to_end(mut stream: TlsStream<TcpStream>) -> Vec<u8> {
    let mut received = Vec::new();
    let end = tokio::time::timeout(HANGS, stream.read_to_end(&mut received)).await;
    // A connection cut without close_notify has ended too.
    let _cut = end.expect("the server must hang up");
    received
}

#[tokio::test]
async fn whoever_says_nothing_is_hung_up_on() {
    let site = site();
    let server = start(&site, Limits { header: SOON, ..Limits::default() }).await;
    for started in ["", "GET / HT", "PRI * HT"] {
        let mut stream = connect(&server, &connector(None)).await.unwrap();
        stream.write_all(started.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        reads_to_end(stream).await;
    }
    // After an answer, too: a connection may not idle longer than a header may take.
    let mut stream = connect(&server, &connector(None)).await.unwrap();
    assert_eq!(exchange(&mut stream, &request("GET", "/.well-known/host-meta", "", "")).await.unwrap().status, 200);
    reads_to_end(stream).await;
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let site = site();
    let server = start(&site, Limits { body: SOON, ..Limits::default() }).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let part = format!(
        "POST {REPORT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/yang-data+json\r\ncontent-length: 100\r\n\r\n{{"
    );
    let answer =
        tokio::time::timeout(HANGS, exchange(&mut stream, part.as_bytes())).await.expect("a deadline").unwrap();
    assert_eq!((answer.status, answer.error().0.as_str()), (408, "operation-failed"));
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    reads_to_end(stream).await;
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_too_old_finishes_what_is_under_way() {
    let site = site();
    let image = vec![5; 8_000_000];
    site.write("image.bin", &image);
    let limits = Limits { connection: Duration::from_secs(1), ..Limits::default() };
    let server = start(&site, limits).await;
    let mut stream = connect(&server, &connector(None)).await.unwrap();
    let path = format!("/images/{}", pki::digest::sha256(&image));
    stream.write_all(&request("GET", &path, "", "")).await.unwrap();
    stream.flush().await.unwrap();
    let mut received = vec![0; 1000];
    stream.read_exact(&mut received).await.unwrap();
    // Nothing is read until the limit has passed; more is under way than buffers hold. What follows still comes whole.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    received.extend(reads_to_end(stream).await);
    let body = received.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(received.len() - body, image.len());
    server.stop().await;
}

#[tokio::test]
async fn images_are_capped_and_ranges_checked() {
    let site = site();
    let image = vec![5; 8_000_000];
    site.write("image.bin", &image);
    let server = start(&site, Limits { images: 1, ..Limits::default() }).await;
    let path = format!("/images/{}", pki::digest::sha256(&image));
    let mut second = connect(&server, &connector(None)).await.unwrap();
    // RFC 9110 §15.5.17.
    for offset in [8_000_000, 8_000_001, u64::MAX] {
        let asked = request("GET", &path, &format!("range: bytes={offset}-\r\n"), "");
        let answer = exchange(&mut second, &asked).await.unwrap();
        assert_eq!(answer.status, 416);
        assert!(answer.head.contains("content-range: bytes */8000000"), "{}", answer.head);
    }
    let mut first = connect(&server, &connector(None)).await.unwrap();
    first.write_all(&request("GET", &path, "", "")).await.unwrap();
    first.flush().await.unwrap();
    first.read_exact(&mut [0; 1000]).await.unwrap();
    let answer = exchange(&mut second, &request("GET", &path, "", "")).await.unwrap();
    assert_eq!((answer.status, answer.error().0.as_str()), (503, "operation-failed"));
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    drop(first);
    server.stop().await;
}

#[tokio::test]
async fn discovery_speaks_rfc_8040() {
    // RCF-10, RCF-12, RCF-17, RCF-28.
    let site = site();
    let server = start(&site, Limits::default()).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    for (path, allow) in [
        ("/restconf", "allow: get, head, options"),
        ("/restconf/operations", "allow: get, head, options"),
        ("/restconf/yang-library-version", "allow: get, head, options"),
        (DATA, "allow: post, options"),
    ] {
        let answer = exchange(&mut stream, &request("OPTIONS", path, "", "")).await.unwrap();
        assert_eq!((answer.status, answer.head.contains(allow)), (200, true), "{path}: {}", answer.head);
    }
    let root = exchange(&mut stream, &request("GET", "/restconf", "", "")).await.unwrap().json();
    let leaf = exchange(&mut stream, &request("GET", "/restconf/yang-library-version", "", "")).await.unwrap().json();
    let version = &leaf["ietf-restconf:yang-library-version"];
    assert!(version.is_string());
    assert_eq!(*version, root["ietf-restconf:restconf"]["yang-library-version"]);

    let unacceptable =
        request("POST", DATA, "accept: application/yang-data+json;q=0, application/yang-data+xml;q=0, */*\r\n", "");
    assert_eq!(exchange(&mut stream, &unacceptable).await.unwrap().status, 406);
    let acceptable = request("POST", DATA, "accept: APPLICATION/*\r\n", "");
    assert_ne!(exchange(&mut stream, &acceptable).await.unwrap().status, 406);

    let wrong = exchange(&mut stream, &request("GET", DATA, "", "")).await.unwrap();
    assert_eq!(wrong.status, 405);
    assert!(wrong.head.contains("allow: post"), "{}", wrong.head);
    let wrong = exchange(&mut stream, &request("GET", "/images/%ff", "", "")).await.unwrap();
    assert_eq!((wrong.status, wrong.error().0.as_str()), (404, "invalid-value"));

    // HEAD last: its answer announces a body that does not come.
    stream.write_all(&request("HEAD", "/restconf", "connection: close\r\n", "")).await.unwrap();
    let head = String::from_utf8(reads_to_end(stream).await).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    server.stop().await;
}

#[tokio::test]
async fn a_device_of_two_manufacturers_is_nobodys() {
    let site = site();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    let name = ManufacturerName::new("other-maker").unwrap();
    let twin = Manufacturer::new(name, site.maker.device_anchors().to_vec());
    store.commit(Batch::from(Event::ManufacturerAdded { manufacturer: twin })).await.unwrap();
    store.close().await;
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let (key, chain) = site.device("SN-1");
    let refused = async {
        let mut stream = connect(&server, &connector(Some((&key, &chain)))).await?;
        exchange(&mut stream, &post(DATA, EMPTY)).await
    };
    refused.await.expect_err("the connection must not survive");
    server.stop().await;
    assert!(logged(&site).await.iter().any(|body| body.contains("ambiguous") && body.contains("other-maker")));
}

#[tokio::test]
async fn refusals_are_counted_to_the_last_and_kept_short() {
    // A name as no CA of ours makes it.
    use pki::{certificate::Certificate, key::FileKey};
    use rcgen::{CertificateParams, DnType, KeyPair};
    let site = site();
    let server = start(&site, Limits::default()).await;
    let pair = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "S".repeat(3000));
    let stranger = Certificate::from_der(params.self_signed(&pair).unwrap().der()).unwrap();
    let key = FileKey::from_pem(pair.serialize_pem().as_bytes()).unwrap();
    for _ in 0..5 {
        let refused = async {
            let mut stream = connect(&server, &connector(Some((&key, std::slice::from_ref(&stranger))))).await?;
            exchange(&mut stream, &post(DATA, EMPTY)).await
        };
        refused.await.expect_err("the connection must not survive");
    }
    server.stop().await;
    let log = logged(&site).await;
    let bodies = log.iter().filter(|body| body.contains("idevid-untrusted"));
    let bodies = bodies.map(|body| serde_json::from_str::<serde_json::Value>(body).unwrap()).collect::<Vec<_>>();
    assert_eq!(bodies.len(), 2, "the first at once, the rest as a sum when the server stops");
    assert_eq!(bodies.iter().map(|body| body["count"].as_u64().unwrap()).sum::<u64>(), 5);
    assert!(bodies.iter().all(|body| body["detail"].as_str().unwrap().chars().count() <= 256));
}

#[tokio::test]
async fn a_whole_server_never_says_that_it_failed() {
    let site = site();
    let mut server = start(&site, Limits::default()).await;
    assert!(tokio::time::timeout(SOON, server.failed()).await.is_err());
    server.stop().await;
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let site = site();
    site.config();
    let good = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    let other = authority::OwnerParty::new("Other", &["127.0.0.1".to_owned()], support::now()).unwrap();
    site.write("other.pem", support::pem(&other.tls_chain).as_bytes());
    site.write("other-anchor.pem", support::pem(other.tls_anchor()).as_bytes());
    site.write("open.key", &std::fs::read(site.path("server.key")).unwrap());
    std::fs::set_permissions(site.path("open.key"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        site.write("bad.toml", good.replace(from, to).as_bytes());
        ServerConfig::load(&site.path("bad.toml")).expect_err(to)
    };
    let names = "names = ['127.0.0.1']";
    assert!(matches!(refused(names, "names = []"), ConfigError::NoNames));
    let error = refused(names, "names = ['127.0.0.1', 'nowhere.example']");
    assert!(matches!(error, ConfigError::Name { .. }), "{error}");
    assert!(error.to_string().contains("server.pem") && error.to_string().contains("nowhere.example"), "{error}");
    let error = refused("'anchor.pem'", "'other-anchor.pem'");
    assert!(matches!(error, ConfigError::OtherAnchor { .. }), "{error}");
    let error = refused("'server.pem'", "'other.pem'");
    assert!(matches!(error, ConfigError::KeyMismatch { .. }), "{error}");
    let error = refused("'server.key'", "'open.key'");
    assert!(matches!(error, ConfigError::Key(pki::key::OpenError::Exposed { mode: 0o640, .. })), "{error}");
    assert!(error.to_string().contains("chmod 600"), "{error}");
    let error = refused("'sztp.sqlite3'", "'no/such/folder/sztp.sqlite3'");
    assert!(matches!(error, ConfigError::NoFolder { .. }), "{error}");
    let owner = "[owner]\ncertificate = 'owner.pem'\nkey = 'owner.key'\n";
    let error = refused(owner, "");
    assert!(matches!(error, ConfigError::HalfOnboarding { missing: "owner", .. }), "{error}");
    let listener = good.find("[device-listener]").unwrap()..good.find("[owner]").unwrap();
    let error = refused(&good[listener.clone()], "");
    assert!(matches!(error, ConfigError::HalfOnboarding { missing: "device-listener", .. }), "{error}");
    // Neither is fine: an authority onboards nobody.
    site.write("authority.toml", good.replace(owner, "").replace(&good[listener], "").as_bytes());
    assert!(ServerConfig::load(&site.path("authority.toml")).unwrap().onboarding.is_none());
    site.write("bad.toml", b"database = '\xff'");
    let error = ServerConfig::load(&site.path("bad.toml")).expect_err("not UTF-8");
    assert!(matches!(error, ConfigError::NotText { .. }), "{error}");
}

/// The bodies in a stopped server's log.
async fn logged(site: &Site) -> Vec<String> {
    let store = site.store().await;
    let records = store.records(audit_log::LogIndex(0), 100_000).await.unwrap();
    store.close().await;
    records.into_iter().map(|record| String::from_utf8(record.opening.unwrap().1).unwrap()).collect()
}
