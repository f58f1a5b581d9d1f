//! Imports: streamed both ways, row by row, durable as far as is said.

use std::{fmt::Write, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::world::{World, dechunked};

fn csv(rows: std::ops::Range<u32>) -> String {
    let mut text = "manufacturer,serial-number,profile,rack\n".to_owned();
    for row in rows {
        writeln!(text, "maker,SN-{row:05},bmc,R{}", row / 40).unwrap();
    }
    text
}

async fn import(world: &World, media_type: &str, query: &str, body: &str) -> Vec<Value> {
    let headers = format!("content-type: {media_type}\r\n");
    let reply = world.ask("otto", "POST", &format!("/v1/import/devices{query}"), &headers, body).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")), "{reply:?}");
    let text = String::from_utf8(reply.body).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn counts(updates: &[Value]) -> [u64; 4] {
    let done = updates.last().unwrap();
    assert_eq!(done["kind"], "done", "{done}");
    ["read", "registered", "unchanged", "faults"].map(|name| done[name].as_u64().unwrap())
}

#[tokio::test]
async fn faulty_rows_hurt_no_others_and_a_file_can_be_sent_again() {
    let world = World::new(&["SN-00003"]).await;
    let mut text = csv(0..1200);
    text = text.replace("SN-00007,bmc", "SN-00007,nobody").replace("maker,SN-00600", "nobody,SN-00600");
    text = text.replace("maker,SN-00601", ",SN-00601");
    let updates = import(&world, "text/csv", "", &text).await;
    assert_eq!(counts(&updates), [1200, 1196, 0, 3]);
    assert_eq!(updates.last().unwrap()["different"], 1, "SN-00003 is there, and in no rack");
    let faults: Vec<_> = updates.iter().filter(|update| update["kind"] == "fault").collect();
    let mut lines: Vec<_> = faults.iter().map(|fault| fault["line"].as_u64().unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines, [9, 602, 603], "{faults:?}");
    assert!(faults.iter().all(|fault| fault["remedy"].as_str().unwrap().ends_with('.')));
    assert!(updates.iter().filter(|update| update["kind"] == "progress").count() >= 3);
    let again = import(&world, "text/csv", "", &text).await;
    assert_eq!(counts(&again), [1200, 0, 1196, 3]);
    let lines = "{\"manufacturer\":\"maker\",\"serial-number\":\"J-1\",\"profile\":\"bmc\"}\n";
    assert_eq!(counts(&import(&world, "application/x-ndjson", "", lines).await), [1, 1, 0, 0]);
    let array = format!("[{}]", lines.replace("J-1", "J-2"));
    assert_eq!(counts(&import(&world, "application/json", "?dry-run=true", &array).await), [1, 1, 0, 0]);
    assert_eq!(world.get("/v1/devices/maker/J-1").await.status, 200);
    assert_eq!(world.get("/v1/devices/maker/J-2").await.status, 404, "a rehearsal changes nothing");
    let wrong = world.ask("otto", "POST", "/v1/import/devices", "content-type: text/html\r\n", "x").await;
    assert_eq!((wrong.status, wrong.reason().as_str()), (415, "media-type-unsupported"));
    world.server.stop().await;
}

#[tokio::test]
async fn a_row_that_says_otherwise_than_the_list_is_told_and_taken_over_when_asked() {
    let world = World::new(&[]).await;
    let head = "manufacturer,serial-number,profile,rack,host\n";
    let first = format!("{head}maker,SN-1,bmc,r7,'=h\nmaker,SN-2,bmc,r7,\n");
    assert_eq!(counts(&import(&world, "text/csv", "", &first).await), [2, 2, 0, 0]);
    let host = |device: &Value| device["host"].as_str().map(str::to_owned);
    assert_eq!(host(&world.get("/v1/devices/maker/SN-1").await.json()).as_deref(), Some("=h"), "no apostrophe");
    // Silent about the host, which stays; another rack, which is told.
    let second = format!("{head}maker,SN-1,bmc,r8,\nmaker,SN-2,bmc,r7,\n");
    let number = |updates: &[Value], name: &str| updates.last().unwrap()[name].as_u64().unwrap();
    let before = world.leaves().await;
    for query in ["", "?dry-run=true", "?dry-run=true&update=true"] {
        let updates = import(&world, "text/csv", query, &second).await;
        assert_eq!(counts(&updates), [2, 0, 1, 0], "{updates:?}");
        let rehearsed = u64::from(query.contains("update"));
        assert_eq!((number(&updates, "different"), number(&updates, "updated")), (1 - rehearsed, rehearsed));
        let told = updates.iter().find(|update| update["kind"] == "difference").unwrap();
        assert_eq!((&told["line"], &told["serial-number"]), (&2.into(), &"SN-1".into()));
        assert_eq!(told["members"], serde_json::json!([{"name": "rack", "listed": "r7", "row": "r8"}]));
    }
    assert_eq!(world.leaves().await, before, "told, and left as it was");
    let updates = import(&world, "text/csv", "?update=true", &second).await;
    assert_eq!((number(&updates, "different"), number(&updates, "updated")), (0, 1), "{updates:?}");
    let device = world.get("/v1/devices/maker/SN-1").await.json();
    assert_eq!((device["rack"].as_str(), host(&device).as_deref()), (Some("r8"), Some("=h")));
    let again = import(&world, "text/csv", "?update=true", &second).await;
    assert_eq!((counts(&again), number(&again, "updated")), ([2, 0, 2, 0], 0));
    let wrong = import(&world, "text/csv", "?update=true", &second.replace("SN-2,bmc", "SN-2,nobody")).await;
    assert_eq!((counts(&wrong), number(&wrong, "updated")), ([2, 0, 1, 1], 0), "no such profile: {wrong:?}");
    world.server.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_connection_that_is_cut() {
    let world = World::new(&[]).await;
    let mut stream = world.connection().await;
    let head = format!(
        "POST /v1/import/devices HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: text/csv\r\n\
         content-length: 10000000\r\n\r\n",
        world.secret("otto")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(csv(0..600).as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut octets = Vec::new();
    let acknowledged = timeout(Duration::from_secs(30), async {
        loop {
            assert_ne!(stream.read_buf(&mut octets).await.unwrap(), 0);
            let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let text = String::from_utf8(dechunked(&octets[end + 4..])).unwrap();
            let updates = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(count) = updates.filter_map(|update| update["registered"].as_u64()).max() {
                return count;
            }
        }
    })
    .await
    .expect("the answer comes while the body is being sent");
    assert!(acknowledged >= 500, "{acknowledged}");
    drop(stream);
    let world = world.restarted().await;
    let last = format!("/v1/devices/maker/SN-{:05}", acknowledged - 1);
    assert_eq!(world.get(&last).await.status, 200);
    world.server.stop().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_registers_nothing_more() {
    let world = World::new(&[]).await;
    let mut stream = world.connection().await;
    let head = format!(
        "POST /v1/import/devices HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: text/csv\r\ncontent-length: {}\r\n\r\n",
        world.secret("otto"),
        csv(0..600).len() + csv(600..1200).len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(csv(0..600).as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut octets = Vec::new();
    timeout(Duration::from_secs(30), async {
        while !octets.windows(12).any(|it| it == b"\"registered\"") {
            assert_ne!(stream.read_buf(&mut octets).await.unwrap(), 0);
        }
    })
    .await
    .expect("the first rows are registered");
    assert_eq!(world.ask("ada", "DELETE", "/v1/tokens/t-otto", "", "").await.status, 204);
    // The answer may end before all of this is taken.
    let _taken = stream.write_all(csv(600..1200).as_bytes()).await;
    let _end = timeout(Duration::from_secs(30), stream.read_to_end(&mut octets)).await.expect("the import goes on");
    let text = String::from_utf8(crate::world::parsed(&octets).body).unwrap();
    assert!(text.contains("token-invalid"), "{text}");
    assert_eq!(world.get("/v1/devices/maker/SN-00511").await.status, 200);
    assert_eq!(world.get("/v1/devices/maker/SN-00512").await.status, 404);
    world.server.stop().await;
}
