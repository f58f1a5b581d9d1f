//! Frames of HTTP/2 (RFC 9113) made by hand, as no honest peer sends them. Each ends its own connection and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{sync::Arc, time::Duration};

use bootstrap_server::{RunningServer, config::Limits};
use support::{DATA, Site, connect, connector, exchange, metric, post, until_metric};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
const OPEN: &str = "sztp_connections{listener=\"device\"}";
/// Longer than any deadline below: reached only when the server does not hang up.
const HANGS: Duration = Duration::from_secs(20);

// RFC 9113 §6.
const DATA_FRAME: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block (RFC 7541 §6.2.2 with names of the static table): `GET https://x<path>`.
fn get(path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    [&[0x82, 0x87, 0x01, 1, b'x', 0x04, length], path.as_bytes()].concat()
}

/// A header line that no table holds.
fn line(name: &str, value: &str) -> Vec<u8> {
    let (name_length, value_length) = (u8::try_from(name.len()).unwrap(), u8::try_from(value.len()).unwrap());
    [&[0, name_length], name.as_bytes(), &[value_length], value.as_bytes()].concat()
}

struct Peer {
    reader: ReadHalf<TlsStream<TcpStream>>,
    writer: WriteHalf<TlsStream<TcpStream>>,
}

impl Peer {
    /// Connects and sends the preface with these settings.
    async fn connect(server: &RunningServer, settings: &[u8]) -> Self {
        let mut config = support::client_config(rustls::ALL_VERSIONS, None);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = connect(server, &TlsConnector::from(Arc::new(config))).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (reader, writer) = tokio::io::split(stream);
        let mut peer = Self { reader, writer };
        assert!(peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await);
        assert!(peer.send(&frame(SETTINGS, 0, 0, settings)).await);
        peer
    }

    /// Whether the connection still takes octets.
    async fn send(&mut self, octets: &[u8]) -> bool {
        self.writer.write_all(octets).await.is_ok() && self.writer.flush().await.is_ok()
    }

    /// The next frame, `None` at the end.
    async fn receive(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.reader.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.reader.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    /// Reads until the server hangs up. Gives the kinds of frames that came.
    async fn end(mut self) -> Vec<u8> {
        let all = async {
            let mut kinds = Vec::new();
            while let Some((kind, ..)) = self.receive().await {
                kinds.push(kind);
            }
            kinds
        };
        tokio::time::timeout(HANGS, all).await.expect("the server must hang up")
    }

    /// Sends `octets` again and again, reading whatever comes, until the server hangs up. Gives how many octets it took.
    async fn flood(self, octets: &[u8]) -> usize {
        let Self { mut reader, mut writer } = self;
        let drained = tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while reader.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        });
        let mut sent = 0;
        while !drained.is_finished() && writer.write_all(octets).await.is_ok() && writer.flush().await.is_ok() {
            sent += octets.len();
            assert!(sent < 64 * 1024 * 1024, "the server takes everything");
        }
        tokio::time::timeout(HANGS, drained).await.expect("the server must hang up").unwrap();
        sent
    }
}

async fn start(site: &Site, limits: Limits) -> RunningServer {
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.close().await;
    let mut config = site.config();
    config.limits = limits;
    bootstrap_server::start(config).await.unwrap()
}

/// Others are served as before.
async fn is_unharmed(site: &Site, server: &RunningServer) {
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_honest_request_by_hand_is_answered() {
    let site = Site::new();
    let server = start(&site, Limits::default()).await;
    let mut peer = Peer::connect(&server, &[]).await;
    assert!(peer.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &get("/.well-known/host-meta"))).await);
    let (mut kinds, mut body) = (Vec::new(), Vec::new());
    loop {
        let (kind, flags, payload) = peer.receive().await.unwrap();
        kinds.push(kind);
        if kind == DATA_FRAME {
            body.extend(payload);
            if flags & END_STREAM != 0 {
                break;
            }
        }
    }
    assert!(kinds.contains(&HEADERS), "{kinds:?}");
    assert!(String::from_utf8(body).unwrap().contains("restconf"));
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_requests_taken_back_at_once_end_the_connection() {
    // CVE-2023-44487.
    let site = Site::new();
    let server = start(&site, Limits::default()).await;
    let mut peer = Peer::connect(&server, &[]).await;
    let mut stream = 1;
    while stream < 200_000 {
        let request = frame(HEADERS, END_STREAM | END_HEADERS, stream, &get("/.well-known/host-meta"));
        let back = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        if !peer.send(&[request, back].concat()).await {
            break;
        }
        stream += 2;
        tokio::task::yield_now().await;
    }
    assert!(stream < 200_000, "all were taken");
    peer.end().await;
    until_metric(&server, "sztp_connections_accepted_total{listener=\"device\"}", 1).await;
    is_unharmed(&site, &server).await;
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_frames_that_ask_for_nothing_run_out() {
    let site = Site::new();
    let server = start(&site, Limits::default()).await;
    // A thousand at a time, in one record after another.
    for flood in [
        frame(PING, 0, 0, &[0; 8]),
        frame(SETTINGS, 0, 0, &[]),
        frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]),
        frame(DATA_FRAME, 0, 1, &[]),
        frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
        frame(0xfa, 0, 0, &[0; 100]),
    ] {
        let peer = Peer::connect(&server, &[]).await;
        let sent = peer.flood(&flood.repeat(1000)).await;
        // What the allowance is, and what was on its way.
        assert!(sent < 16 * 1024 * 1024, "{sent} octets of {flood:?}");
    }
    is_unharmed(&site, &server).await;
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_a_header_that_never_ends_is_cut() {
    // CVE-2024-27316: CONTINUATION without END_HEADERS.
    let site = Site::new();
    let server = start(&site, Limits { header: Duration::from_secs(1), ..Limits::default() }).await;
    let mut peer = Peer::connect(&server, &[]).await;
    assert!(peer.send(&frame(HEADERS, END_STREAM, 1, &get("/"))).await);
    let sent = peer.flood(&frame(CONTINUATION, 0, 1, &line("x", "y").repeat(2000))).await;
    assert!(sent < 4 * 1024 * 1024, "{sent} octets");
    // A header list larger than was allowed is not looked at, whether in one frame or in several.
    let mut peer = Peer::connect(&server, &[]).await;
    let large = [get("/.well-known/host-meta"), line("x-long", &"v".repeat(120)).repeat(120)].concat();
    assert!(peer.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &large)).await);
    let kinds = peer.end().await;
    assert!(!kinds.contains(&DATA_FRAME), "{kinds:?}");
    is_unharmed(&site, &server).await;
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_the_peer_opens_no_window_for_is_cut() {
    let site = Site::new();
    site.write("image.bin", &vec![5; 1_000_000]);
    let stall = Duration::from_millis(300);
    let server = start(&site, Limits { stall, ..Limits::default() }).await;
    let path = format!("/images/{}", pki::digest::sha256(&vec![5; 1_000_000]));
    // SETTINGS_INITIAL_WINDOW_SIZE = 0 (RFC 9113 §6.5.2); and one that opens a single octet at a time.
    for trickle in [0_u32, 1] {
        let mut peer = Peer::connect(&server, &[0, 4, 0, 0, 0, 0]).await;
        assert!(peer.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &get(&path))).await);
        let before = metric(&server, "sztp_connections_cut_total{reason=\"stalled\"}");
        let trickling = async {
            while trickle > 0 && peer.send(&frame(WINDOW_UPDATE, 0, 1, &trickle.to_be_bytes())).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            peer.end().await
        };
        let kinds = tokio::time::timeout(HANGS, trickling).await.expect("the server must hang up");
        assert!(kinds.contains(&HEADERS), "{kinds:?}");
        until_metric(&server, "sztp_connections_cut_total{reason=\"stalled\"}", before + 1).await;
    }
    is_unharmed(&site, &server).await;
    server.stop().await;
}

#[tokio::test]
async fn whoever_speaks_http_2_and_asks_for_nothing_is_let_go() {
    let site = Site::new();
    let server = start(&site, Limits { header: Duration::from_millis(200), ..Limits::default() }).await;
    let peer = Peer::connect(&server, &[]).await;
    let kinds = peer.end().await;
    assert!(kinds.contains(&GOAWAY), "{kinds:?}");
    // Half a header, and half a request whose body does not come, are no reason to wait longer.
    let mut peer = Peer::connect(&server, &[]).await;
    assert!(peer.send(&frame(HEADERS, 0, 1, &get("/"))).await);
    peer.end().await;
    until_metric(&server, "sztp_connections_cut_total{reason=\"no-request\"}", 2).await;
    assert_eq!(metric(&server, OPEN), 0);
    server.stop().await;
}
