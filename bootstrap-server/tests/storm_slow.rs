//! Peers that are slow, half-open, or no peers at all: each ends by a deadline, and nothing is said in clear.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{sync::Arc, time::Duration};

use bootstrap_server::{RunningServer, config::Limits};
use support::{DATA, Site, connect, connector, exchange, metric, post, request, until_metric};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
const OPEN: &str = "sztp_connections{listener=\"device\"}";
/// Longer than any deadline below: reached only when a deadline does not work.
const HANGS: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(300);

async fn start(site: &Site, limits: Limits) -> RunningServer {
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.close().await;
    let mut config = site.config();
    config.limits = limits;
    bootstrap_server::start(config).await.unwrap()
}

/// What comes until the server hangs up.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut received = Vec::new();
    // A connection that is reset has ended too.
    let _reset = tokio::time::timeout(HANGS, stream.read_to_end(&mut received)).await.expect("the server must hang up");
    received
}

async fn device(site: &Site, server: &RunningServer) -> TlsStream<TcpStream> {
    let (key, chain) = site.device("SN-1");
    connect(server, &connector(Some((&key, &chain)))).await.unwrap()
}

#[tokio::test]
async fn an_image_that_is_not_read_makes_room_for_others() {
    let site = Site::new();
    let image = vec![5; 16_000_000];
    site.write("image.bin", &image);
    let server = start(&site, Limits { stall: SOON, images: 1, ..Limits::default() }).await;
    let path = format!("/images/{}", pki::digest::sha256(&image));
    let mut stream = connect(&server, &connector(None)).await.unwrap();
    stream.write_all(&request("GET", &path, "", "")).await.unwrap();
    stream.flush().await.unwrap();
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    until_metric(&server, "sztp_connections_cut_total{reason=\"stalled\"}", 1).await;
    until_metric(&server, "sztp_connections_accepted_total{listener=\"device\"}", 1).await;
    assert_eq!(metric(&server, "sztp_images_sent_total"), 0);
    // What was under way in buffers still comes; the rest does not.
    assert!(rest(&mut stream).await.len() < image.len() - 1000);
    // Its place is free, and a reader that reads gets it all.
    let mut stream = connect(&server, &connector(None)).await.unwrap();
    let whole = exchange(&mut stream, &request("GET", &path, "", "")).await.unwrap();
    assert_eq!((whole.status, whole.body.len()), (200, image.len()));
    until_metric(&server, "sztp_images_sent_total", 1).await;
    server.stop().await;
}

#[tokio::test]
async fn rcf_01_whatever_is_not_tls_is_answered_with_nothing() {
    let site = Site::new();
    let server = start(&site, Limits { handshake: SOON, ..Limits::default() }).await;
    for said in [
        &b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0",
        b"SSH-2.0-x\r\n",
        &[0x80, 0x2e, 1, 0, 2],
    ] {
        let mut stream = TcpStream::connect(server.device_address().unwrap()).await.unwrap();
        stream.write_all(said).await.unwrap();
        assert_eq!(rest(&mut stream).await, b"", "{said:?}");
    }
    until_metric(&server, "sztp_handshakes_total{listener=\"device\",outcome=\"failed\",version=\"none\"}", 5).await;
    // What begins like TLS gets an alert (RFC 8446 §6) or nothing, never HTTP.
    for said in [&[0x16, 3, 1, 0, 5, 0, 0, 0, 0, 0][..], &[0x16; 4096], &[0x16, 3, 1, 2, 0], b""] {
        let mut stream = TcpStream::connect(server.device_address().unwrap()).await.unwrap();
        stream.write_all(said).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with(&[21, 3]), "{said:?}: {answer:?}");
    }
    until_metric(&server, "sztp_handshakes_total{listener=\"device\",outcome=\"timed-out\",version=\"none\"}", 2).await;
    assert_eq!(exchange(&mut device(&site, &server).await, &post(DATA, EMPTY)).await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_protocol_that_is_not_spoken_here_ends_the_handshake() {
    // RFC 7301 §3.2.
    let site = Site::new();
    let server = start(&site, Limits::default()).await;
    let with = |protocols: &[&[u8]]| {
        let mut config = support::client_config(rustls::ALL_VERSIONS, None);
        config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    };
    let refused = connect(&server, &with(&[b"smtp", b"h3"])).await.expect_err("no common protocol");
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
    for (offered, agreed) in [
        (&[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[b"smtp", b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = connect(&server, &with(offered)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
    }
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_headers_beyond_measure_are_refused() {
    let site = Site::new();
    let server = start(&site, Limits { header: Duration::from_secs(2), ..Limits::default() }).await;
    let path = "/.well-known/host-meta";
    for (what, headers) in [
        ("many lines", "a: b\r\n".repeat(1000)),
        ("a long line", format!("a: {}\r\n", "b".repeat(100_000))),
        ("a line without end", "a".repeat(100_000)),
    ] {
        let mut stream = connect(&server, &connector(None)).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        // The server may hang up before all of it is sent.
        let _cut = stream.write_all(head.as_bytes()).await;
        let _cut = stream.flush().await;
        let answer = rest(&mut stream).await;
        let status = String::from_utf8_lossy(&answer).split(' ').nth(1).map(str::to_owned);
        assert!(status.as_deref().is_none_or(|status| status == "431" || status == "400"), "{what}: {status:?}");
    }
    // Sixty lines are a request like any other.
    let mut stream = connect(&server, &connector(None)).await.unwrap();
    let many: String = (0..60).map(|n| format!("x-{n}: {}\r\n", "v".repeat(100))).collect();
    assert_eq!(exchange(&mut stream, &request("GET", path, &many, "")).await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_one_octet_more_than_a_body_may_have_is_too_much() {
    let site = Site::new();
    let server = start(&site, Limits::default()).await;
    // RFC 8259 §2: white space around a document means nothing, but weighs.
    let body = |octets: usize| format!("{EMPTY}{}", " ".repeat(octets - EMPTY.len()));
    let just = exchange(&mut device(&site, &server).await, &post(DATA, &body(64 * 1024))).await.unwrap();
    assert_eq!(just.status, 200);
    let more = exchange(&mut device(&site, &server).await, &post(DATA, &body(64 * 1024 + 1))).await.unwrap();
    assert_eq!((more.status, more.error().0.as_str()), (413, "too-big"));
    server.stop().await;
}

#[tokio::test]
async fn a_second_request_that_never_ends_ends_the_connection() {
    let site = Site::new();
    let server = start(&site, Limits { header: SOON, ..Limits::default() }).await;
    let mut stream = device(&site, &server).await;
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
    stream.write_all(b"POST /restconf HTT").await.unwrap();
    stream.flush().await.unwrap();
    rest(&mut stream).await;
    until_metric(&server, "sztp_requests_total{operation=\"get-bootstrapping-data\",status=\"200\"}", 1).await;
    let gone = async {
        while metric(&server, OPEN) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(HANGS, gone).await.expect("nothing is left");
    server.stop().await;
}
