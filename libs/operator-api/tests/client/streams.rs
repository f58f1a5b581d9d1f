//! Lists that go up while the answer comes down, and records as they come.

use std::time::Duration;

use operator_api::{
    ImportUpdate,
    client::{ClientError, Existing, Heard, ImportFormat, Intent, Timeouts},
};
use tokio::io::AsyncWriteExt;

use crate::server::{FakeServer, Http, Reply};

const NDJSON: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";
const PROGRESS: &str = "{\"kind\":\"progress\",\"read\":1,\"registered\":1}\n";
const DONE: &str =
    "{\"kind\":\"done\",\"read\":1,\"registered\":1,\"unchanged\":0,\"updated\":0,\"different\":0,\"faults\":0}\n";
const GONE: &str = r#"{"type":"urn:sztp:reason:token-invalid","title":"no","status":401,"reason":"token-invalid",
    "section":"RFC 6750 §3.1","remedy":"make another"}"#;

#[tokio::test]
async fn progress_is_told_while_the_list_is_still_being_sent() {
    for http in [Http::One, Http::Two] {
        let server = FakeServer::start(http, [Reply::Echo(PROGRESS, DONE)]).await;
        let client = server.client(Timeouts::default());
        let (mut writer, list) = tokio::io::duplex(64);
        writer.write_all(b"first").await.unwrap();
        let mut updates = client.import_devices(ImportFormat::Csv, list, Existing::Leave, Intent::Make).await.unwrap();
        // The list is not at its end: were the answer waited for until then, this would wait for ever.
        assert!(matches!(updates.next().await.unwrap(), Some(ImportUpdate::Progress(_))), "{http:?}");
        writer.write_all(b"second").await.unwrap();
        assert!(matches!(updates.next().await.unwrap(), Some(ImportUpdate::Progress(_))), "{http:?}");
        drop(writer);
        assert!(matches!(updates.next().await.unwrap(), Some(ImportUpdate::Done(_))), "{http:?}");
        assert!(updates.next().await.unwrap().is_none());
        assert_eq!(server.seen()[0].header("content-type"), Some("text/csv"));
    }
}

#[tokio::test]
async fn an_answer_without_its_last_line_is_no_success() {
    let cases = [vec![Some(PROGRESS)], vec![Some(PROGRESS), None], vec![Some(&DONE[..20])], vec![]];
    for pieces in cases {
        let server = FakeServer::start(Http::Two, [Reply::Stream(NDJSON, pieces.clone())]).await;
        let client = server.client(Timeouts::default());
        let mut updates =
            client.import_devices(ImportFormat::Json, &b"[]"[..], Existing::Leave, Intent::Make).await.unwrap();
        let error = loop {
            match updates.next().await {
                Ok(Some(update)) => assert!(matches!(update, ImportUpdate::Progress(_))),
                Ok(None) => panic!("{pieces:?} was taken for complete"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ClientError::CutShort { .. } | ClientError::Connection { .. }), "{error}");
    }
}

#[tokio::test]
async fn lines_are_the_same_wherever_the_pieces_end() {
    let pieces = vec![Some(&PROGRESS[..7]), Some(&PROGRESS[7..]), Some("\n"), Some(DONE)];
    let server = FakeServer::start(Http::One, [Reply::Stream(NDJSON, pieces)]).await;
    let client = server.client(Timeouts::default());
    let mut updates =
        client.import_devices(ImportFormat::JsonLines, &b""[..], Existing::Update, Intent::Rehearse).await.unwrap();
    let mut count = 0;
    while updates.next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 2);
    assert!(server.seen()[0].target.ends_with("?dry-run=true&update=true"));
}

/// The positions of the records up to `last`, and how often the stream was interrupted.
async fn follow(server: &FakeServer, after: Option<u64>, last: u64) -> (Vec<u64>, usize) {
    let client = server.client(Timeouts::default());
    let mut events = client.events(after).await.unwrap();
    let (mut leaves, mut interruptions) = (Vec::new(), 0);
    tokio::time::timeout(Duration::from_secs(60), async {
        while leaves.last() != Some(&last) {
            match events.next().await.unwrap() {
                Heard::Record(record) => leaves.push(record.leaf),
                Heard::Interrupted { .. } => interruptions += 1,
            }
        }
    })
    .await
    .unwrap();
    (leaves, interruptions)
}

macro_rules! event {
    ($leaf:literal) => {
        concat!(
            "id: 1f2e3d4c-",
            $leaf,
            "\nevent: answered\ndata: {\"leaf\":",
            $leaf,
            ",\"at\":\"2026-01-01T00:00:00.000Z\",\"kind\":7,\"body\":{}}\n\n"
        )
    };
}

#[tokio::test]
async fn a_stream_that_breaks_goes_on_behind_the_last_record_that_was_seen() {
    let replies = [
        Reply::Stream(
            EVENTS,
            vec![Some(": hello\n\n"), Some(event!(4)), Some(event!(5)), Some("id: 6\ndata: {"), None],
        ),
        Reply::HangUp,
        // It repeats what it is not sure of having sent.
        Reply::Stream(EVENTS, vec![Some(event!(5)), Some(event!(6)), Some(event!(8))]),
    ];
    let server = FakeServer::start(Http::One, replies).await;
    let (leaves, interruptions) = follow(&server, Some(3), 8).await;
    assert_eq!(leaves, [4, 5, 6, 8]);
    assert_eq!(interruptions, 2);
    let seen = server.seen();
    let behind: Vec<_> = seen.iter().map(|it| it.header("last-event-id")).collect();
    assert_eq!(behind, [None, Some("1f2e3d4c-5"), Some("1f2e3d4c-5")], "as the server named it");
    assert!(seen[0].target.ends_with("?after=3"), "{}", seen[0].target);
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_first_record_loses_none() {
    let replies = [
        Reply::Stream(EVENTS, vec![Some(": hello\nid: 1f2e3d4c-41\n\n"), Some("id: 42\ndata: {"), None]),
        Reply::Stream(EVENTS, vec![Some(event!(42))]),
    ];
    let server = FakeServer::start(Http::One, replies).await;
    assert_eq!(follow(&server, None, 42).await, (vec![42], 1));
    assert_eq!(server.seen()[0].header("last-event-id"), None);
    assert_eq!(server.seen()[1].header("last-event-id").unwrap(), "1f2e3d4c-41");
}

#[tokio::test]
async fn a_stream_ends_when_the_server_will_not_go_on() {
    let replies = [Reply::Stream(EVENTS, vec![Some(event!(1))]), Reply::Say(401, "application/problem+json", GONE)];
    let server = FakeServer::start(Http::One, replies).await;
    let client = server.client(Timeouts::default());
    let mut events = client.events(None).await.unwrap();
    assert!(matches!(events.next().await.unwrap(), Heard::Record(record) if record.leaf == 1));
    assert!(matches!(events.next().await.unwrap(), Heard::Interrupted { .. }));
    let error = events.next().await.unwrap_err();
    assert_eq!(error.problem().map(|problem| problem.status), Some(401));
    assert_eq!(server.seen()[0].header("last-event-id"), None);
}

#[tokio::test]
async fn other_calls_go_on_beside_a_stream() {
    for http in [Http::One, Http::Two] {
        let users = Reply::Say(200, crate::JSON, r#"{"users":[]}"#);
        let server = FakeServer::start(http, [Reply::Stream(EVENTS, vec![Some(event!(1))]), users]).await;
        let client = server.client(Timeouts::default());
        let mut events = client.events(None).await.unwrap();
        assert!(client.users().await.unwrap().users.is_empty(), "{http:?}");
        assert!(matches!(events.next().await.unwrap(), Heard::Record(_)), "{http:?}");
    }
}
