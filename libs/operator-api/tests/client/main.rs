//! The client against a server that answers as it is told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod server;
mod streams;

use std::time::Duration;

use operator_api::{
    Because, NewToken,
    client::{Client, ClientError, DeviceKey, Intent, Timeouts},
};
use server::{FakeServer, Http, Reply};

pub(crate) const JSON: &str = "application/json";
const USERS: Reply = Reply::Say(200, JSON, r#"{"users":[{"name":"anna","role":"operator"}]}"#);
const DEVICE: &str = r#"{"manufacturer":"m","serial-number":"s","profile":null,"state":"retired","detail":null,
    "since":"2026-01-01T00:00:00.000Z","vouched":false,"waiting":null,"proof":null,"alarm":null,"version":"1f2e3d4c-7"}"#;
const PROBLEM: &str = r#"{"type":"urn:sztp:reason:role-insufficient","title":"no","status":403,
    "reason":"role-insufficient","section":"RFC 6750 §3.1","remedy":"ask an admin"}"#;

fn key() -> DeviceKey {
    DeviceKey { manufacturer: "m".to_owned(), serial_number: "s/1".to_owned() }
}

fn because() -> Because {
    Because { reason: "sold".to_owned() }
}

#[tokio::test]
async fn a_call_carries_the_token_and_connections_are_kept_in_both_versions_of_http() {
    for http in [Http::One, Http::Two] {
        let server = FakeServer::start(http, [USERS, USERS]).await;
        let client = server.client(Timeouts::default());
        for _ in 0..2 {
            assert_eq!(client.users().await.unwrap().users[0].name, "anna");
        }
        let seen = server.seen();
        assert_eq!(seen.iter().map(|it| it.connection).collect::<Vec<_>>(), [1, 1], "{http:?}");
        assert_eq!(seen[0].header("authorization"), Some("Bearer sztp_secret"));
        assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("GET", "/v1/users"));
        assert!(!format!("{client:?}").contains("sztp_secret"));
    }
}

#[tokio::test]
async fn a_change_that_a_broken_connection_swallowed_is_sent_again_under_the_same_key() {
    let replies = [USERS, Reply::HangUp, Reply::Say(200, JSON, DEVICE)];
    let server = FakeServer::start(Http::One, replies).await;
    let client = server.client(Timeouts::default());
    client.users().await.unwrap();
    let retired = client.retire_device(&key(), &because(), Intent::Make).await.unwrap().unwrap();
    assert_eq!(retired.state, "retired");
    let seen = server.seen();
    assert_eq!(seen[2].target, "/v1/devices/m/s%2F1/retire");
    assert_eq!(seen[2].body, br#"{"reason":"sold"}"#);
    assert!(seen[1].header("idempotency-key").is_some());
    assert_eq!(seen[1].header("idempotency-key"), seen[2].header("idempotency-key"));
}

#[tokio::test]
async fn what_cannot_be_recognised_is_not_sent_again() {
    let server = FakeServer::start(Http::One, [USERS, Reply::HangUp]).await;
    let client = server.client(Timeouts::default());
    client.users().await.unwrap();
    let error = client.create_token(&NewToken::default(), Intent::Make).await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { .. }), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_rehearsal_says_so_and_gives_nothing() {
    let server = FakeServer::start(Http::Two, [Reply::Say(204, JSON, "")]).await;
    let client = server.client(Timeouts::default());
    assert_eq!(client.retire_device(&key(), &because(), Intent::Rehearse).await.unwrap(), None);
    assert!(server.seen()[0].target.ends_with("/retire?dry-run=true"));
}

#[tokio::test]
async fn what_the_server_says_against_a_request_is_told_with_its_remedy() {
    let replies = [
        Reply::Say(403, "application/problem+json", PROBLEM),
        Reply::Say(502, "text/html", "<p>proxy"),
        Reply::Say(200, JSON, "{"),
    ];
    let server = FakeServer::start(Http::One, replies).await;
    let client = server.client(Timeouts::default());
    let error = client.users().await.unwrap_err();
    assert_eq!(error.problem().map(|problem| problem.reason.as_str()), Some("role-insufficient"));
    assert!(error.to_string().contains("ask an admin") && !error.is_unreachable());
    let error = client.users().await.unwrap_err();
    assert!(matches!(error, ClientError::Unexpected { status: 502, .. }), "{error}");
    let error = client.users().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
    assert_eq!(server.seen()[1].connection, 1, "a refusal leaves the connection in order");
}

#[tokio::test]
async fn a_server_is_trusted_by_its_file_and_by_nothing_else() {
    let server = FakeServer::start(Http::One, [USERS]).await;
    let other = FakeServer::start(Http::One, []).await;
    let url = || format!("https://{}", server.address).parse().unwrap();
    let client =
        |ca: &str, of: &FakeServer| Client::new(url(), &of.path(ca), &server.path("token"), Timeouts::default());

    let error = client("ca.pem", &other).unwrap().users().await.unwrap_err();
    assert!(matches!(error, ClientError::NotTrusted { .. }) && error.is_unreachable(), "{error}");
    assert!(error.to_string().contains(&other.path("ca.pem").display().to_string()), "{error}");

    // The right authority, but a name that is not in the certificate.
    let by_name = format!("https://localhost:{}", server.address.port()).parse().unwrap();
    let by_name = Client::new(by_name, &server.path("ca.pem"), &server.path("token"), Timeouts::default()).unwrap();
    let error = by_name.users().await.unwrap_err();
    assert!(matches!(error, ClientError::NotTrusted { .. }), "{error}");

    assert!(matches!(client("none.pem", &server), Err(ClientError::CaFile { .. })));
    assert!(matches!(client("token", &server), Err(ClientError::NoCa { .. })));
    assert_eq!(server.seen().len(), 0, "nothing was sent to a server that is not trusted");
    client("ca.pem", &server).unwrap().users().await.unwrap();
}

#[tokio::test]
async fn a_file_without_one_token_is_named() {
    let server = FakeServer::start(Http::One, []).await;
    for text in ["", "two tokens", "a\nb", "sz\u{7f}tp"] {
        std::fs::write(server.path("odd"), text).unwrap();
        let url = format!("https://{}", server.address).parse().unwrap();
        let error = Client::new(url, &server.path("ca.pem"), &server.path("odd"), Timeouts::default()).unwrap_err();
        assert!(matches!(error, ClientError::NoToken { .. }), "{text:?}: {error}");
        assert!(error.to_string().contains("odd"));
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_told_apart() {
    let server = FakeServer::start(Http::One, [Reply::Silence]).await;
    let short = Timeouts { answer: Duration::from_millis(50), ..Timeouts::default() };
    let error = server.client(short).users().await.unwrap_err();
    assert!(matches!(error, ClientError::Silent { .. }) && error.is_unreachable(), "{error}");

    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", unused.local_addr().unwrap()).parse().unwrap();
    drop(unused);
    let client = Client::new(url, &server.path("ca.pem"), &server.path("token"), Timeouts::default()).unwrap();
    let error = client.users().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }) && error.is_unreachable(), "{error}");
}

#[tokio::test]
async fn what_speaks_no_tls_is_not_reached() {
    let server = FakeServer::start(Http::One, []).await;
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap()).parse().unwrap();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let client = Client::new(url, &server.path("ca.pem"), &server.path("token"), Timeouts::default()).unwrap();
    let error = client.users().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    answering.await.unwrap();
}
