//! RESTCONF over real TLS: what devices get, and what everybody else gets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{
    audit::{Event, ReportedKey},
    domain::State,
    store::{Batch, Store},
};
use serde_json::json;
use support::{Answer, DATA, REPORT, Site, connect, connector, device_id, exchange, post, report, request};
use tokio::io::AsyncWriteExt;

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
const PREFERRED: &str = r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#;

async fn ask(site: &Site, server: &bootstrap_server::RunningServer, serial: &str, request: &[u8]) -> Answer {
    let (key, chain) = site.device(serial);
    let mut stream = connect(server, &connector(Some((&key, &chain)))).await.unwrap();
    exchange(&mut stream, request).await.unwrap()
}

#[tokio::test]
async fn a_device_gets_a_redirect_then_onboarding_information_then_reports() {
    // SRV-03, SRV-04, SRV-16, SRV-17.
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let state = async || server.store().dossier(&device_id("SN-1")).await.unwrap().device.unwrap().state;

    let answer = exchange(&mut stream, &post(DATA, PREFERRED)).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    let output = &answer.json()["ietf-sztp-bootstrap-server:output"];
    assert!(output["owner-certificate"].is_string() && output["ownership-voucher"].is_string());
    assert_eq!(state().await, State::Redirected);

    let answer = exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap();
    assert_eq!(answer.json()["ietf-sztp-bootstrap-server:output"]["reporting-level"], "verbose");
    assert_eq!(state().await, State::Onboarding(None));

    let answer = exchange(&mut stream, &report("bootstrap-complete")).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert!(answer.head.contains("cache-control: no-store"), "RCF-19: {}", answer.head);
    assert_eq!(state().await, State::Bootstrapped);
    server.stop().await;
    support::verify_log(&site.path("sztp.toml")).await;
}

#[tokio::test]
async fn artifacts_are_made_once_and_polling_does_not_grow_the_log() {
    let site = Site::new();
    let server = site.start(&["SN-1", "SN-2"]).await;
    let conveyed = |answer: &Answer| answer.json()["ietf-sztp-bootstrap-server:output"]["conveyed-information"].clone();
    let first = conveyed(&ask(&site, &server, "SN-1", &post(DATA, PREFERRED)).await);
    assert_eq!(conveyed(&ask(&site, &server, "SN-2", &post(DATA, PREFERRED)).await), first);
    let leaves = async || server.store().records(audit_log::LogIndex(0), 1000).await.unwrap().len();
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(conveyed(&exchange(&mut stream, &post(DATA, PREFERRED)).await.unwrap()), first);
    let before = leaves().await;
    for _ in 0..20 {
        assert_eq!(conveyed(&exchange(&mut stream, &post(DATA, PREFERRED)).await.unwrap()), first);
    }
    assert_eq!(leaves().await, before);
    server.stop().await;
}

#[tokio::test]
async fn without_a_certificate_nothing_but_discovery() {
    // RCF-02, RCF-06.
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let mut stream = connect(&server, &connector(None)).await.unwrap();
    let answer = exchange(&mut stream, &request("GET", "/.well-known/host-meta", "", "")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(String::from_utf8_lossy(&answer.body).matches("rel='restconf'").count(), 1);
    for request in [post(DATA, EMPTY), report("bootstrap-complete"), request("GET", "/restconf", "", "")] {
        let answer = exchange(&mut stream, &request).await.unwrap();
        assert_eq!(answer.status, 401);
        let (tag, message) = answer.error();
        assert_eq!(tag, "access-denied");
        assert!(message.starts_with("idevid-missing"), "{message}");
    }
    server.stop().await;
    assert!(logged(&site).await.iter().any(|body| body.contains("idevid-missing")));
}

/// The bodies in a stopped server's log.
async fn logged(site: &Site) -> Vec<String> {
    let store = site.store().await;
    let records = store.records(audit_log::LogIndex(0), 100_000).await.unwrap();
    store.close().await;
    records.into_iter().map(|record| String::from_utf8(record.opening.unwrap().1).unwrap()).collect()
}

#[tokio::test]
async fn a_copied_identity_ends_the_handshake_and_is_logged() {
    // RCF-05; DEV-10: the names are right in every letter, the signature is not the maker's.
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let impostor = authority::ManufacturerParty::new("Maker", support::now()).unwrap();
    let (key, chain) = impostor.device("Model", &support::serial("SN-1"), support::now()).unwrap();
    let refused = async {
        let mut stream = connect(&server, &connector(Some((&key, &chain)))).await?;
        exchange(&mut stream, &post(DATA, EMPTY)).await
    };
    refused.await.expect_err("the connection must not survive");
    server.stop().await;
    let log = logged(&site).await;
    let entry = log.iter().find(|body| body.contains("idevid-untrusted")).expect("an audit entry");
    assert!(entry.contains("SN-1") && entry.contains("127.0.0.1"), "{entry}");
}

#[tokio::test]
async fn a_genuine_device_that_nobody_registered_is_held_until_somebody_does() {
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let state = async || server.store().dossier(&device_id("SN-9")).await.unwrap().device.unwrap().state;
    let leaves = async || server.store().records(audit_log::LogIndex(0), 1000).await.unwrap().len();
    // Whatever it does, it is held, and only the first sight of it is logged.
    let mut after_first = None;
    for request in [post(DATA, EMPTY), post(DATA, PREFERRED), report("bootstrap-complete"), post(DATA, EMPTY)] {
        let answer = ask(&site, &server, "SN-9", &request).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (404, "invalid-value"));
        assert!(answer.error().1.starts_with("device-unknown"));
        assert_eq!(state().await.as_str(), "held");
        assert_eq!(leaves().await, *after_first.get_or_insert(leaves().await));
    }
    assert_eq!(server.store().reports(&device_id("SN-9")).await.unwrap(), [], "it is given nothing and not heard");
    let registered = Event::DeviceRegistered {
        device: device_id("SN-9"),
        profile: support::profile().name,
        particulars: Box::default(),
    };
    server.store().commit(Batch::from(registered)).await.unwrap();
    assert_eq!(ask(&site, &server, "SN-9", &post(DATA, EMPTY)).await.status, 200);
    assert_eq!(state().await, State::Onboarding(None));
    server.stop().await;
}

#[tokio::test]
async fn keys_reported_at_the_end_are_kept_and_their_digests_logged() {
    // SRV-12, SRV-13.
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
    // RFC 4253 §6.6: two strings, each after its length.
    let host_key = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[7; 32]].concat();
    let encoded = STANDARD.encode(&host_key);
    let complete = json!({"ietf-sztp-bootstrap-server:input": {"progress-type": "bootstrap-complete",
        "ssh-host-keys": {"ssh-host-key": [{"algorithm": "ssh-ed25519", "key-data": encoded}]}}});
    assert_eq!(exchange(&mut stream, &post(REPORT, &complete.to_string())).await.unwrap().status, 204);
    let stored = server.store().reports(&device_id("SN-1")).await.unwrap();
    let expected = ReportedKey { kind: "ssh-ed25519".to_owned(), data: host_key.clone() };
    assert_eq!(stored[0].keys, [expected]);
    server.stop().await;
    let digest = pki::digest::sha256(&host_key).to_string();
    assert!(logged(&site).await.iter().any(|body| body.contains(&digest)));
}

#[tokio::test]
async fn another_certificate_for_a_known_serial_number_never_goes_unlogged() {
    // SEC-21.
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let leaves = async || server.store().records(audit_log::LogIndex(0), 1000).await.unwrap().len();
    // Every call of `ask` makes a new key and certificate for the same serial number.
    assert_eq!(ask(&site, &server, "SN-1", &post(DATA, PREFERRED)).await.status, 200);
    let before = leaves().await;
    assert_eq!(ask(&site, &server, "SN-1", &post(DATA, PREFERRED)).await.status, 200);
    // The answer, and the alarm about it.
    assert_eq!(leaves().await, before + 2);
    server.stop().await;
    assert!(logged(&site).await.iter().any(|body| body.contains("certificate-changed")));
}

#[tokio::test]
async fn a_long_message_keeps_its_end() {
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let message = format!("{}why it failed", "ü".repeat(20_000));
    let body =
        format!(r#"{{"ietf-sztp-bootstrap-server:input":{{"progress-type":"informational","message":"{message}"}}}}"#);
    assert_eq!(exchange(&mut stream, &post(REPORT, &body)).await.unwrap().status, 204);
    let kept = server.store().reports(&device_id("SN-1")).await.unwrap().remove(0).message.unwrap();
    assert!(kept.len() <= 16 * 1024 && kept.ends_with("why it failed"), "{} octets", kept.len());
    server.stop().await;
}

#[tokio::test]
async fn errors_have_status_tag_and_media_type_of_rfc_8040() {
    // RCF-12, RCF-16, RCF-17, RCF-20, RCF-21, RCF-24, RCF-27, SRV-11, SRV-14, CLI-23.
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let json = "content-type: application/yang-data+json\r\n";
    let input = |members: &str| format!(r#"{{"ietf-sztp-bootstrap-server:input":{{{members}}}}}"#);
    let cases = [
        (request("GET", DATA, "", ""), 405, "operation-not-supported"),
        (request("POST", DATA, "content-type: text/plain\r\n", EMPTY), 415, "invalid-value"),
        (request("POST", DATA, "", EMPTY), 415, "invalid-value"),
        (request("POST", DATA, &format!("{json}accept: text/html\r\n"), EMPTY), 406, "invalid-value"),
        (post(DATA, "{"), 400, "malformed-message"),
        (post(DATA, "\0\u{1}"), 400, "malformed-message"),
        (post(DATA, &"[".repeat(20_000)), 400, "malformed-message"),
        (post(DATA, &input(r#""colour":"red""#)), 400, "unknown-element"),
        (post(DATA, &input(r#""ietf-sztp-bootstrap-server:hw-model":"x""#)), 400, "unknown-element"),
        (post(DATA, &input(r#""hw-model":"a","hw-model":"b""#)), 400, "malformed-message"),
        (post(DATA, &input(r#""nonce":"AAAA""#)), 400, "invalid-value"),
        (post(DATA, &input(r#""signed-data-preferred":true"#)), 400, "invalid-value"),
        (post(REPORT, ""), 400, "malformed-message"),
        (post(REPORT, EMPTY), 400, "missing-element"),
        (post(REPORT, &input(r#""progress-type":"nearly-done""#)), 400, "invalid-value"),
        (post(REPORT, &input(r#""progress-type":"config-complete","ssh-host-keys":{}"#)), 400, "unknown-element"),
        (request("GET", "/", "", ""), 404, "invalid-value"),
        (request("POST", "/restconf/operations/ietf-system:system-restart", json, EMPTY), 404, "invalid-value"),
        (request("GET", "/images/..%2fserver.key", "", ""), 404, "invalid-value"),
    ];
    for (request, status, tag) in cases {
        let text = String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
        let answer = exchange(&mut stream, &request).await.unwrap();
        assert_eq!((answer.status, answer.error().0.as_str()), (status, tag), "{text}");
        assert!(answer.head.contains("content-type: application/yang-data+json"), "{text}");
        assert!(answer.head.contains("cache-control: "), "{text}");
    }
    // After all of that the connection still serves.
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn srv_03_without_a_voucher_a_device_that_prefers_signed_data_gets_nothing() {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &[]).await;
    let registered = Event::DeviceRegistered {
        device: device_id("SN-1"),
        profile: support::profile().name,
        particulars: Box::default(),
    };
    store.commit(Batch::from(registered)).await.unwrap();
    store.close().await;
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let answer = ask(&site, &server, "SN-1", &post(DATA, PREFERRED)).await;
    assert_eq!(answer.status, 404);
    assert!(answer.error().1.starts_with("signed-data-unavailable"));
    // One that trusts us already may have it unsigned.
    let output = ask(&site, &server, "SN-1", &post(DATA, EMPTY)).await.json();
    let output = &output["ietf-sztp-bootstrap-server:output"];
    assert!(output["conveyed-information"].is_string() && output["ownership-voucher"].is_null());
    server.stop().await;
}

#[tokio::test]
async fn rcf_18_the_media_type_of_the_rfcs_examples_is_understood_and_not_copied() {
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let dotted = "content-type: application/yang.data+json; charset=utf-8\r\naccept: application/yang.data+json\r\n";
    let answer = ask(&site, &server, "SN-1", &request("POST", DATA, dotted, EMPTY)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: application/yang-data+json"), "{}", answer.head);
    server.stop().await;
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    // RCF-23: announced or chunked, ten megabytes never arrive.
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let connector = connector(Some((&key, &chain)));
    let head = "POST /restconf/operations/ietf-sztp-bootstrap-server:report-progress HTTP/1.1\r\nhost: x\r\n\
                content-type: application/yang-data+json\r\n";
    let mut stream = connect(&server, &connector).await.unwrap();
    let announced = format!("{head}content-length: 10000000\r\n\r\n");
    let answer = exchange(&mut stream, announced.as_bytes()).await.unwrap();
    assert_eq!((answer.status, answer.error().0.as_str()), (413, "too-big"));

    let mut stream = connect(&server, &connector).await.unwrap();
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(chunked.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    stream.write_all(chunk.as_bytes()).await.unwrap();
    let answer = exchange(&mut stream, chunk.as_bytes()).await.unwrap();
    assert_eq!((answer.status, answer.error().0.as_str()), (413, "too-big"));
    server.stop().await;
}

#[tokio::test]
async fn half_a_handshake_blocks_nobody_and_is_logged() {
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    // A TLS record header that promises a hello and never delivers it; then plain HTTP on the TLS port.
    let mut half = tokio::net::TcpStream::connect(server.device_address().unwrap()).await.unwrap();
    half.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
    let mut plain = tokio::net::TcpStream::connect(server.device_address().unwrap()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut answer);
    tokio::time::timeout(Duration::from_secs(5), read).await.expect("the server must hang up").unwrap();
    assert!(!answer.starts_with(b"HTTP"), "RCF-01: nothing in clear");
    assert_eq!(ask(&site, &server, "SN-1", &post(DATA, EMPTY)).await.status, 200);
    drop(half);
    server.stop().await;
    assert!(logged(&site).await.iter().any(|body| body.contains("handshake-failed")));
}

#[tokio::test]
async fn an_image_comes_whole_or_from_an_offset() {
    let site = Site::new();
    let server = site.start(&[]).await;
    let image = vec![7; 200_000];
    let path = format!("/images/{}", pki::digest::sha256(&image));
    let mut stream = connect(&server, &connector(None)).await.unwrap();
    let whole = exchange(&mut stream, &request("GET", &path, "", "")).await.unwrap();
    assert_eq!((whole.status, whole.body == image), (200, true));
    let rest = exchange(&mut stream, &request("GET", &path, "range: bytes=150000-\r\n", "")).await.unwrap();
    assert_eq!((rest.status, rest.body.len()), (206, 50_000));
    assert!(rest.head.contains("content-range: bytes 150000-199999/200000"), "{}", rest.head);
    server.stop().await;
}
