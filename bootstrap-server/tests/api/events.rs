//! The event stream: nothing lost, nothing twice, across reconnects and restarts.

use std::time::Duration;

use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;

use crate::world::{JSON, World, dechunked, parsed, receive, send};

struct Follower {
    stream: TlsStream<TcpStream>,
    octets: Vec<u8>,
}

impl Follower {
    async fn new(world: &World, path: &str, headers: &str) -> Self {
        let mut stream = world.connection().await;
        let headers = format!("authorization: Bearer {}\r\n{headers}", world.secret("vera"));
        send(&mut stream, "GET", path, &headers, "").await;
        Self { stream, octets: Vec::new() }
    }

    /// The ids and names of the events that came, once there are as many; what is open is not yet read to its end.
    async fn events(&mut self, count: usize) -> Vec<(u64, String)> {
        timeout(Duration::from_secs(30), async {
            loop {
                if let Some(end) = self.octets.windows(4).position(|window| window == b"\r\n\r\n") {
                    let text = String::from_utf8(dechunked(&self.octets[end + 4..])).unwrap();
                    let events: Vec<_> = text.split("\n\n").filter_map(event).collect();
                    if events.len() >= count {
                        return events;
                    }
                }
                assert_ne!(self.stream.read_buf(&mut self.octets).await.unwrap(), 0, "the stream ended");
            }
        })
        .await
        .unwrap()
    }
}

impl Follower {
    /// The names of the events that came until the server ended the stream.
    async fn until_the_end(mut self) -> Vec<String> {
        let reading = self.stream.read_to_end(&mut self.octets);
        let _end = timeout(Duration::from_secs(30), reading).await.expect("the stream goes on");
        let reply = parsed(&self.octets);
        let text = String::from_utf8(reply.body).unwrap();
        text.split("\n\n").filter_map(event).map(|(_, name)| name).collect()
    }
}

fn event(text: &str) -> Option<(u64, String)> {
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let id = line("id: ")?.rsplit('-').next().unwrap().parse().unwrap();
    let data: serde_json::Value = serde_json::from_str(line("data: ")?).unwrap();
    assert_eq!(data["leaf"], json!(id));
    Some((id, line("event: ")?.to_owned()))
}

#[tokio::test]
async fn a_follower_that_comes_back_gets_every_record_once() {
    let world = World::new(&["SN-1"]).await;
    let mut follower = Follower::new(&world, "/v1/events?after=0", "").await;
    let past = follower.events(3).await;
    assert!(
        past.iter().map(|(id, _)| *id).eq(1..=past.last().unwrap().0),
        "from the one behind `after`, in order: {past:?}"
    );
    drop(follower);
    world.send("POST", "/v1/devices/maker/SN-1/retire", json!({"reason": "x"})).await;
    let world = world.restarted().await;
    let last = past.last().unwrap().0;
    let id = format!("{}-{last}", log_name(&world).await);
    let mut follower = Follower::new(&world, "/v1/events?after=0", &format!("last-event-id: {id}\r\n")).await;
    let missed = follower.events(2).await;
    assert_eq!(missed[0].0, last + 1, "where it left off, whatever the address says");
    let retired = missed.iter().position(|(_, name)| name == "device-retired");
    let before = follower.events(missed.len()).await.len();
    world.send("POST", "/v1/devices/maker/SN-1/reprovision", json!({"reason": "x"})).await;
    let events = follower.events(before + 1).await;
    assert!(retired.is_some() || events.iter().any(|(_, name)| name == "device-retired"));
    assert!(events.iter().any(|(_, name)| name == "device-reprovisioned"));
    assert!(events.iter().map(|(id, _)| *id).eq(last + 1..=events.last().unwrap().0), "{events:?}");
    world.server.stop().await;
}

#[tokio::test]
async fn streams_are_bounded_and_end_when_the_server_stops() {
    let world = World::new(&[]).await;
    let mut followers = Vec::new();
    for _ in 0..64 {
        let mut follower = Follower::new(&world, "/v1/events?after=0", "").await;
        follower.events(1).await;
        followers.push(follower);
    }
    let mut stream = world.connection().await;
    let headers = format!("authorization: Bearer {}\r\n", world.secret("vera"));
    send(&mut stream, "GET", "/v1/events", &headers, "").await;
    let refused = receive(stream).await;
    assert_eq!((refused.status, refused.reason().as_str()), (503, "streams-exhausted"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        world.ask("ada", "POST", "/v1/backup", "", "").await.status,
        200,
        "viewers do not keep an admin from it"
    );
    timeout(Duration::from_secs(30), world.server.stop()).await.expect("streams end with the server");
    let mut last = followers.pop().unwrap();
    let _end = last.stream.read_to_end(&mut last.octets).await;
    assert_eq!(parsed(&last.octets).header("content-type"), Some("text/event-stream"));
}

#[tokio::test]
async fn a_stream_says_where_it_begins_and_does_not_wait_for_what_may_never_come() {
    let world = World::new(&[]).await;
    let log = log_name(&world).await;
    let last = world.leaves().await - 1;
    let mut follower = Follower::new(&world, "/v1/events", "").await;
    timeout(Duration::from_secs(30), async {
        while !follower.octets.ends_with(b"\n\n\r\n") {
            assert_ne!(follower.stream.read_buf(&mut follower.octets).await.unwrap(), 0);
        }
    })
    .await
    .unwrap();
    let head = String::from_utf8(follower.octets).unwrap();
    assert!(head.contains(&format!("\nid: {log}-{last}\n\n")), "{head}");
    let beyond = world.get(&format!("/v1/events?after={}", last + 1)).await;
    assert_eq!((beyond.status, beyond.reason().as_str()), (400, "query-invalid"));
    let beyond = world.ask("vera", "GET", "/v1/events", &format!("last-event-id: {log}-5000\r\n"), "").await;
    assert_eq!((beyond.status, beyond.reason().as_str()), (400, "header-invalid"));
    world.server.stop().await;
}

#[tokio::test]
async fn a_place_in_the_log_is_a_number() {
    let world = World::new(&[]).await;
    let wrong = world.ask("vera", "GET", "/v1/events", "last-event-id: x\r\n", "").await;
    assert_eq!((wrong.status, wrong.reason().as_str()), (400, "header-invalid"));
    assert_eq!(world.get("/v1/events?after=x").await.reason(), "query-invalid");
    world.server.stop().await;
}

/// What stands in front of every id.
async fn log_name(world: &World) -> String {
    let version = world.ask("otto", "POST", "/v1/devices", JSON, DEVICE).await.json()["version"].clone();
    version.as_str().unwrap().split_once('-').unwrap().0.to_owned()
}

const DEVICE: &str = r#"{"manufacturer":"maker","serial-number":"SN-LOG","profile":"bmc"}"#;

#[tokio::test]
async fn whoever_comes_back_after_a_restoration_is_told_and_skips_nothing_unknowingly() {
    let world = World::new(&["SN-1"]).await;
    let mut follower = Follower::new(&world, "/v1/events?after=0", "").await;
    let last = follower.events(3).await.last().unwrap().0;
    let tag = world.get("/v1/devices/maker/SN-1").await.header("etag").unwrap().to_owned();
    let log = tag.trim_start_matches('"').split_once('-').unwrap().0.to_owned();
    let backup = world.ask("ada", "POST", "/v1/backup", "", "").await.body;
    let world = world.restored(&backup).await;
    // The new log grows past that position: what stands there now is something else.
    for number in 0..last {
        let body = json!({"reason": format!("{number}")});
        world.send("POST", "/v1/devices/maker/SN-1/reprovision", body).await;
    }
    for stale in [format!("{log}-{last}"), last.to_string()] {
        let reply = world.ask("vera", "GET", "/v1/events", &format!("last-event-id: {stale}\r\n"), "").await;
        assert_eq!((reply.status, reply.reason().as_str()), (410, "log-begun-anew"), "{stale}: {reply:?}");
    }
    let mut follower = Follower::new(&world, "/v1/events?after=0", "").await;
    follower.events(2).await;
    let headers = format!("{JSON}if-match: {tag}\r\n");
    let change = json!({"particulars": {"rack": "R2"}}).to_string();
    let reply = world.ask("otto", "PATCH", "/v1/devices/maker/SN-1", &headers, &change).await;
    assert_eq!((reply.status, reply.reason().as_str()), (412, "version-changed"));
    assert!(reply.json()["detail"].as_str().unwrap().contains("restoration"), "{reply:?}");
    world.server.stop().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_reads_nothing_more() {
    let world = World::new(&["SN-1"]).await;
    let mut follower = Follower::new(&world, "/v1/events?after=0", "").await;
    follower.events(1).await;
    let revoked = world.ask("ada", "DELETE", "/v1/tokens/t-vera", "", "").await;
    assert_eq!(revoked.status, 204);
    world.send("POST", "/v1/devices/maker/SN-1/retire", json!({"reason": "x"})).await;
    let names = follower.until_the_end().await;
    assert!(!names.iter().any(|name| ["token-revoked", "device-retired"].contains(&name.as_str())), "{names:?}");
    world.server.stop().await;
}
