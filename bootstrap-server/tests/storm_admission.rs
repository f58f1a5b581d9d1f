//! Who is let in when more come than can be served (RCF-23).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{num::NonZeroU32, time::Duration};

use bootstrap_server::{RunningServer, config::Limits};
use support::{
    DATA, Site, connect, connect_from, connector, exchange, metric, post, report, request, secured, until_metric,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::client::TlsStream;

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
const OPEN: &str = "sztp_connections{listener=\"device\"}";

async fn start(site: &Site, limits: Limits, serials: &[&str]) -> RunningServer {
    let store = site.store().await;
    site.register(&store, serials).await;
    store.close().await;
    let mut config = site.config();
    config.limits = limits;
    bootstrap_server::start(config).await.unwrap()
}

/// Whether the server has ended this connection, which it must do if it does at all before this is asked.
async fn is_reset(mut stream: TcpStream) -> bool {
    let mut octet = [0];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut octet));
    matches!(read.await.expect("the server must hang up"), Err(_) | Ok(0))
}

/// A request whose body stops halfway: it is under way until the deadline for bodies.
async fn hold_request(site: &Site, server: &RunningServer, serial: &str) -> TlsStream<TcpStream> {
    let (key, chain) = site.device(serial);
    let mut stream = connect(server, &connector(Some((&key, &chain)))).await.unwrap();
    let head = format!(
        "POST {DATA} HTTP/1.1\r\nhost: x\r\ncontent-type: application/yang-data+json\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

#[tokio::test]
async fn rcf_23_a_greedy_source_is_reset_and_another_is_served() {
    let site = Site::new();
    let limits = Limits { connections: 8, requests_per_device: 100, ..Limits::default() };
    let server = start(&site, limits, &["SN-1"]).await;
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(connect_from([127, 0, 0, 2], server.device_address().unwrap()).await.unwrap());
    }
    until_metric(&server, OPEN, 6).await;
    // Three quarters are taken; what is left is not for the one who has them.
    assert!(is_reset(connect_from([127, 0, 0, 2], server.device_address().unwrap()).await.unwrap()).await);
    assert_eq!(metric(&server, "sztp_shed_total{reason=\"connection-share\"}"), 1);
    let (key, chain) = site.device("SN-1");
    let mut other = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut other, &post(DATA, EMPTY)).await.unwrap().status, 200);
    // All are taken: nobody else comes in, from wherever. Who knocks waits, and is served as soon as somebody leaves.
    let last = connect_from([127, 0, 0, 4], server.device_address().unwrap()).await.unwrap();
    until_metric(&server, OPEN, 8).await;
    let mut patient = JoinSet::new();
    for source in 5..25 {
        let (address, connector) = (server.device_address().unwrap(), connector(Some((&key, &chain))));
        patient.spawn(async move {
            let stream = connect_from([127, 0, 0, source], address).await.unwrap();
            let mut stream = secured(stream, &connector).await.unwrap();
            exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status
        });
    }
    tokio::task::yield_now().await;
    assert_eq!(exchange(&mut other, &post(DATA, EMPTY)).await.unwrap().status, 200);
    assert_eq!(metric(&server, OPEN), 8);
    drop((held, last, other));
    assert_eq!(patient.join_all().await, [200; 20]);
    server.stop().await;
    let log = logged(&site).await;
    assert_eq!(log.iter().filter(|body| body.contains("server-busy")).count(), 1, "one for the greedy source");
}

#[tokio::test]
async fn rcf_23_who_left_before_its_turn_costs_no_handshake() {
    let site = Site::new();
    let limits = Limits { handshakes: 1, handshake: Duration::from_secs(60), ..Limits::default() };
    let server = start(&site, limits, &[]).await;
    // The beginning of a hello: the only turn is taken until it goes away.
    let mut slow = connect_from([127, 0, 0, 2], server.device_address().unwrap()).await.unwrap();
    slow.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
    until_metric(&server, OPEN, 1).await;
    let mut gone = connect_from([127, 0, 0, 3], server.device_address().unwrap()).await.unwrap();
    gone.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
    until_metric(&server, OPEN, 2).await;
    drop((gone, slow));
    until_metric(&server, "sztp_handshakes_total{listener=\"device\",outcome=\"failed\",version=\"none\"}", 2).await;
    server.stop().await;
    assert_eq!(logged(&site).await.iter().filter(|body| body.contains("left before its turn")).count(), 1);
}

#[tokio::test]
async fn rcf_23_images_that_one_source_does_not_read_leave_room_for_another() {
    let site = Site::new();
    let image = vec![5; 8_000_000];
    site.write("image.bin", &image);
    let server = start(&site, Limits { images: 4, ..Limits::default() }, &[]).await;
    let wanted = request("GET", &format!("/images/{}", pki::digest::sha256(&image)), "", "");
    let mut held = Vec::new();
    for _ in 0..3 {
        let stream = connect_from([127, 0, 0, 2], server.device_address().unwrap()).await.unwrap();
        let mut stream = secured(stream, &connector(None)).await.unwrap();
        stream.write_all(&wanted).await.unwrap();
        stream.flush().await.unwrap();
        stream.read_exact(&mut [0; 1000]).await.unwrap();
        held.push(stream);
    }
    let stream = connect_from([127, 0, 0, 2], server.device_address().unwrap()).await.unwrap();
    let mut greedy = secured(stream, &connector(None)).await.unwrap();
    assert_eq!(exchange(&mut greedy, &wanted).await.unwrap().status, 503);
    assert_eq!(metric(&server, "sztp_shed_total{reason=\"images\"}"), 1);
    let mut other = connect(&server, &connector(None)).await.unwrap();
    assert_eq!(exchange(&mut other, &wanted).await.unwrap().status, 200);
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_new_devices_are_told_when_to_come_and_reports_go_on() {
    let site = Site::new();
    let limits = Limits { requests: 8, body: Duration::from_secs(60), ..Limits::default() };
    let server = start(&site, limits, &["SN-1", "SN-2", "SN-3"]).await;
    let mut held = Vec::new();
    for serial in ["SN-10", "SN-11", "SN-12", "SN-13"] {
        held.push(hold_request(&site, &server, serial).await);
    }
    until_metric(&server, "sztp_requests_under_way", 4).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let later = exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap();
    assert_eq!((later.status, later.error().0.as_str()), (503, "operation-failed"), "{}", later.head);
    assert!(later.error().1.starts_with("server-busy: "), "{:?}", later.error());
    let seconds = later.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    assert!((1..=3).contains(&seconds.parse::<u32>().unwrap()), "{seconds}");
    assert!(later.head.contains("cache-control: no-store"), "{}", later.head);
    assert_eq!(metric(&server, "sztp_shed_total{reason=\"requests\"}"), 1);
    // One that comes back goes before one that has just come; a report is never new.
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
    let (key, chain) = site.device("SN-2");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut stream, &report("bootstrap-initiated")).await.unwrap().status, 204);
    let (key, chain) = site.device("SN-3");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    // RCF-20: in the encoding that it takes.
    let xml =
        format!("POST {DATA} HTTP/1.1\r\nhost: x\r\naccept: application/yang-data+xml\r\ncontent-length: 0\r\n\r\n");
    let later = exchange(&mut stream, xml.as_bytes()).await.unwrap();
    assert_eq!(later.status, 503);
    assert!(later.head.contains("content-type: application/yang-data+xml"), "{}", later.head);
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_looking_around_earns_no_place_before_others() {
    let site = Site::new();
    let limits = Limits { requests: 8, body: Duration::from_secs(60), ..Limits::default() };
    let server = start(&site, limits, &["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let discovery = request("GET", "/.well-known/host-meta", "", "");
    assert_eq!(exchange(&mut stream, &discovery).await.unwrap().status, 200);
    let mut held = Vec::new();
    for serial in ["SN-10", "SN-11", "SN-12", "SN-13"] {
        held.push(hold_request(&site, &server, serial).await);
    }
    until_metric(&server, "sztp_requests_under_way", 4).await;
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 503, "it is new as it was before");
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_one_device_has_a_pace_of_its_own() {
    let site = Site::new();
    let once = NonZeroU32::MIN;
    let limits = Limits { requests_per_device: 1, requests_per_second_per_device: once, ..Limits::default() };
    let server = start(&site, limits, &["SN-1", "SN-2"]).await;
    let held = hold_request(&site, &server, "SN-1").await;
    until_metric(&server, "sztp_requests_under_way", 1).await;
    let (key, chain) = site.device("SN-1");
    let mut again = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut again, &post(DATA, EMPTY)).await.unwrap().status, 503);
    assert_eq!(metric(&server, "sztp_shed_total{reason=\"device-at-once\"}"), 1);
    drop(held);
    // Another device is not touched; when it asks without end, it is told to wait.
    let (key, chain) = site.device("SN-2");
    let mut other = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let mut served = 0;
    while exchange(&mut other, &report("informational")).await.unwrap().status == 204 {
        served += 1;
        assert!(served < 1000);
    }
    assert!(served >= 5, "{served}");
    assert_eq!(metric(&server, "sztp_shed_total{reason=\"device-rate\"}"), 1);
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_a_device_that_reports_without_end_cannot_fill_the_disk() {
    let site = Site::new();
    let fast = NonZeroU32::new(100_000).unwrap();
    let day = NonZeroU32::new(256 * 1024).unwrap();
    let limits =
        Limits { requests_per_second_per_device: fast, stored_octets_per_day_per_device: day, ..Limits::default() };
    let server = start(&site, limits, &["SN-1", "SN-2"]).await;
    let (key, chain) = site.device("SN-1");
    let mut hostile = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut hostile, &post(DATA, EMPTY)).await.unwrap().status, 200);
    let mut served = 0;
    let refused = loop {
        let answer = exchange(&mut hostile, &report("informational")).await.unwrap();
        if answer.status != 204 {
            break answer;
        }
        served += 1;
        assert!(served < 1000);
    };
    // A quarter of a day at once, of which a quarter is kept; a record is more than 1 KiB.
    assert!((10..48).contains(&served), "{served}");
    assert_eq!(refused.status, 503);
    let retry_after = refused.head.lines().find_map(|line| line.strip_prefix("retry-after: ")?.parse::<u64>().ok());
    assert!(retry_after.is_some_and(|seconds| seconds >= 1), "{}", refused.head);
    let (_, message) = refused.error();
    assert!(message.contains("stored-octets-per-day-per-device"), "{message}");
    assert_eq!(metric(&server, "sztp_shed_total{reason=\"device-writes\"}"), 1);
    // Its last word is heard, what repeats costs nothing, and nobody else notices.
    assert_eq!(exchange(&mut hostile, &report("post-script-error")).await.unwrap().status, 204);
    for _ in 0..200 {
        assert_eq!(exchange(&mut hostile, &post(DATA, EMPTY)).await.unwrap().status, 200);
    }
    assert_eq!(exchange(&mut hostile, &report("bootstrap-complete")).await.unwrap().status, 204);
    let (key, chain) = site.device("SN-2");
    let mut other = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut other, &report("informational")).await.unwrap().status, 204);
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_a_storm_from_behind_one_address_is_served_whole() {
    let site = std::sync::Arc::new(Site::new());
    let limits = Limits { connections: 16, handshakes: 4, requests: 8, ..Limits::default() };
    let server = start(&site, limits, &["SN-1"]).await;
    let address = server.device_address().unwrap();
    let mut devices = JoinSet::new();
    for number in 0..100 {
        let site = std::sync::Arc::clone(&site);
        devices.spawn(async move {
            let (key, chain) = site.device(&format!("SN-{number}"));
            let connector = connector(Some((&key, &chain)));
            // Reset or told to wait, it comes again: 404 is the answer to a genuine device that nobody registered.
            for attempt in 0..2000_u32 {
                let served = async {
                    let stream = TcpStream::connect(address).await?;
                    exchange(&mut secured(stream, &connector).await?, &post(DATA, EMPTY)).await
                };
                match served.await {
                    Ok(answer) if answer.status != 503 => return (answer.status, attempt),
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
            panic!("never served")
        });
    }
    let mut most = 0;
    while let Some(served) = devices.join_next().await {
        assert!([200, 404].contains(&served.unwrap().0));
        most = most.max(metric(&server, OPEN));
    }
    assert!(most <= 12, "{most} connections of one source");
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_the_caps_hold_in_every_phase_where_a_peer_can_stand_still() {
    let site = Site::new();
    let server = start(&site, Limits { connections: 12, ..Limits::default() }, &["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let config = support::client_config(rustls::ALL_VERSIONS, Some((&key, &chain)));
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    // Nothing said; half a hello; a handshake and nothing more; half a header; half a body.
    let mut held: Vec<Box<dyn std::any::Any>> = Vec::new();
    for phase in [&b""[..], &[0x16, 3, 1, 2, 0]] {
        let mut stream = connect_from([127, 0, 0, 2], server.device_address().unwrap()).await.unwrap();
        stream.write_all(phase).await.unwrap();
        held.push(Box::new(stream));
    }
    let half = post(DATA, EMPTY);
    for phase in [&b""[..], b"GET /restconf HT", &half[..half.len() - 10]] {
        let stream = connect_from([127, 0, 0, 2], server.device_address().unwrap()).await.unwrap();
        let mut stream = secured(stream, &connector).await.unwrap();
        stream.write_all(phase).await.unwrap();
        stream.flush().await.unwrap();
        held.push(Box::new(stream));
    }
    until_metric(&server, OPEN, 5).await;
    for _ in 0..200 {
        held.push(Box::new(connect_from([127, 0, 0, 2], server.device_address().unwrap()).await));
    }
    until_metric(&server, "sztp_shed_total{reason=\"connection-share\"}", 196).await;
    assert_eq!(metric(&server, OPEN), 9);
    let mut other = connect(&server, &connector).await.unwrap();
    assert_eq!(exchange(&mut other, &post(DATA, EMPTY)).await.unwrap().status, 200);
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn rcf_23_a_request_half_sent_delays_nobody() {
    let site = Site::new();
    let server = start(&site, Limits { body: Duration::from_secs(600), ..Limits::default() }, &["SN-1", "SN-2"]).await;
    let mut held = hold_request(&site, &server, "SN-1").await;
    until_metric(&server, "sztp_requests_under_way", 1).await;
    // Everybody else is served from beginning to end while it is under way, and it is under way still.
    let (key, chain) = site.device("SN-2");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
    assert_eq!(exchange(&mut stream, &report("bootstrap-initiated")).await.unwrap().status, 204);
    assert_eq!(exchange(&mut stream, &report("bootstrap-complete")).await.unwrap().status, 204);
    assert_eq!(metric(&server, "sztp_requests_under_way"), 1);
    // The rest of it comes, and it is answered: what it says is no JSON.
    let answer = exchange(&mut held, &[b'{'; 99]).await.unwrap();
    assert_eq!(answer.status, 400);
    server.stop().await;
}

/// The bodies in a stopped server's log.
async fn logged(site: &Site) -> Vec<String> {
    use bootstrap_server::store::Store;
    let store = site.store().await;
    let records = store.records(audit_log::LogIndex(0), 100_000).await.unwrap();
    store.close().await;
    records.into_iter().map(|record| String::from_utf8(record.opening.unwrap().1).unwrap()).collect()
}
