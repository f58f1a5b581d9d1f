//! Requests that nobody sends by mistake.

use bootstrap_server::{audit::Event, domain::Departures, store::Batch};
use conveyed_info::rpc::ProgressType;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use crate::{
    support::{device_id, exchange},
    world::{JSON, World},
};

/// Something in a path, a query or a body.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "[0-9]{1,30}",
        "\\PC{0,20}",
        Just("%00%ff%2e%2e%2f".to_owned()),
        Just("9".repeat(200)),
        Just("[".repeat(3000)),
    ]
}

fn encoded(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02X}")).collect()
}

fn request() -> impl Strategy<Value = (String, String, String)> {
    let method = prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("PATCH"), Just("DELETE")];
    let resource = prop_oneof![
        Just("devices"),
        Just("devices/maker/SN-1"),
        Just("devices/maker/SN-1/approve"),
        Just("devices/maker/SN-1/story"),
        Just("profiles/bmc"),
        Just("vouchers"),
        Just("manufacturers/x"),
        Just("tokens"),
        Just("audit/records"),
    ];
    let member =
        prop_oneof![Just("reason"), Just("document"), Just("voucher"), Just("limit"), Just("after"), Just("x")];
    (method, resource, member, text(), any::<bool>()).prop_map(|(method, resource, member, text, deep)| {
        let path = match (method, deep) {
            ("GET", _) => format!("/v1/{resource}?{member}={}", encoded(&text)),
            (_, true) => format!("/v1/{resource}/{}", encoded(&text)),
            (_, false) => format!("/v1/{resource}"),
        };
        let body = serde_json::json!({ member: text }).to_string();
        (method.to_owned(), path, if deep { text } else { body })
    })
}

/// An answer that is known before the body has come must reach whoever is still sending it, on a connection that goes on.
#[tokio::test]
async fn an_early_refusal_is_read_by_whoever_still_sends_and_the_connection_goes_on() {
    let world = World::new(&[]).await;
    let mut stream = world.connection().await;
    for _ in 0..3 {
        let body = " ".repeat(60_000);
        let head = format!("POST /v1/devices HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let (half, rest) = body.split_at(30_000);
        for part in [half, rest] {
            stream.write_all(part.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
        let answer = exchange(&mut stream, b"").await.unwrap();
        assert_eq!(answer.status, 401);
    }
    world.server.stop().await;
}

#[test]
fn no_request_makes_the_server_fail() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new(&["SN-1"]));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&request(), |(method, path, body)| {
        let reply = runtime.block_on(world.ask("otto", &method, &path, JSON, &body));
        prop_assert!(reply.status < 500, "{} {} {:?}: {:?}", method, path, body, reply);
        if reply.status >= 400 {
            prop_assert!(reply.json()["remedy"].is_string(), "{:?}", reply);
        }
        Ok(())
    });
    runtime.block_on(world.server.stop());
    outcome.unwrap();
}

#[tokio::test]
async fn pages_of_long_messages_stay_small_and_miss_nothing() {
    let world = World::new(&["SN-1"]).await;
    let message = Some("\n".repeat(16 * 1024));
    let event = Event::ProgressReported {
        device: device_id("SN-1"),
        source: [127, 0, 0, 1].into(),
        report: ProgressType::Informational,
        message,
        keys: Vec::new(),
        departures: Departures::default(),
    };
    let batch = (1..150).fold(Batch::from(event.clone()), |batch, _| batch.and(event.clone()));
    world.server.store().commit(batch).await.unwrap();
    for device in ["", "&manufacturer=maker&serial-number=SN-1"] {
        let (mut after, mut reports, mut pages) = (0, 0, 0);
        loop {
            let page = world.get(&format!("/v1/audit/records?limit=1000&after={after}{device}")).await;
            assert!(page.body.len() < 2 * 1024 * 1024, "{} octets", page.body.len());
            let page = page.json();
            let records = page["records"].as_array().unwrap();
            reports += records.iter().filter(|record| record["body"]["event"] == "progress-reported").count();
            pages += 1;
            match page["next"].as_u64() {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(reports, 150);
        assert!(pages > 3, "{pages}");
    }
    world.server.stop().await;
}
