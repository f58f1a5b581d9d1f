//! Who may come in, and to what.

use std::time::Duration;

use audit_log::UnixMillis;
use bootstrap_server::{
    api::{TokenSecret, openapi},
    audit::Event,
    domain::UserName,
    store::Batch,
};
use pki::key::SystemEntropy;

use crate::{
    support::{self, connect_to, connector},
    world::{JSON, World, receive, send, token},
};

#[tokio::test]
async fn srv_20_what_devices_show_is_nothing_to_operators_and_the_other_way_round() {
    let world = World::new(&["SN-1"]).await;
    let (key, chain) = world.site.device("SN-1");
    let as_device = connector(Some((&key, &chain)));
    let mut stream = connect_to(world.server.operator_address().unwrap(), &as_device).await.unwrap();
    send(&mut stream, "GET", "/v1/status", "", "").await;
    let reply = receive(stream).await;
    assert_eq!((reply.status, reply.reason().as_str()), (401, "token-missing"));
    let mut stream = connect_to(world.server.operator_address().unwrap(), &as_device).await.unwrap();
    send(&mut stream, "POST", support::DATA, "", "").await;
    assert_eq!(receive(stream).await.status, 404);

    let mut stream = connect_to(world.server.device_address().unwrap(), &as_device).await.unwrap();
    let bearer = format!("authorization: Bearer {}\r\n", world.secret("ada"));
    send(&mut stream, "GET", "/v1/status", &bearer, "").await;
    assert_eq!(receive(stream).await.status, 404);
    world.server.stop().await;
}

#[tokio::test]
async fn whoever_has_no_token_a_wrong_one_or_an_old_one_is_told_which() {
    let world = World::new(&[]).await;
    let old = TokenSecret::generate(&mut SystemEntropy).unwrap();
    let vera = UserName::new("vera").unwrap();
    let token = token("t-old", &vera, &old, Some(UnixMillis(1)));
    world.server.store().commit(Batch::from(Event::TokenCreated { token })).await.unwrap();
    for (headers, reason, challenge) in [
        (String::new(), "token-missing", "bearer"),
        ("authorization: Basic YTpi\r\n".to_owned(), "token-missing", "bearer"),
        ("authorization: Bearer sztp_wrong\r\n".to_owned(), "token-invalid", "bearer error=\"invalid_token\""),
        (format!("authorization: Bearer {}\r\n", old.reveal()), "token-expired", "bearer error=\"invalid_token\""),
    ] {
        let reply = world.ask_with("GET", "/v1/devices", &headers, "").await;
        assert_eq!((reply.status, reply.reason().as_str()), (401, reason), "{headers}");
        assert_eq!(reply.header("www-authenticate"), Some(challenge));
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.json()["remedy"].as_str().unwrap().ends_with('.'));
    }
    assert_eq!(world.get("/v1/devices").await.status, 200);
    world.server.stop().await;
}

#[tokio::test]
async fn every_operation_refuses_roles_below_its_own_and_says_which_it_takes() {
    let world = World::new(&["SN-1"]).await;
    let document = serde_json::to_value(openapi()).unwrap();
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{manufacturer}", "maker").replace("{serial-number}", "SN-1");
            let path = path.replace("{profile}", "bmc").replace("{user}", "ada").replace("{token}", "t-ada");
            let users: &[&str] = match operation["x-role"].as_str().unwrap() {
                "anybody" => {
                    assert_ne!(world.ask_with(method, &path, "", "").await.status, 401, "{method} {path}");
                    continue;
                }
                "viewer" => &[],
                "operator" => &["vera"],
                "admin" => &["vera", "otto"],
                other => panic!("{other}"),
            };
            let method = method.to_ascii_uppercase();
            let reply = world.ask_with(&method, &path, JSON, "{}").await;
            assert_eq!(reply.status, 401, "{method} {path}");
            for user in users {
                let reply = world.ask(user, &method, &path, JSON, "{}").await;
                assert_eq!((reply.status, reply.reason().as_str()), (403, "role-insufficient"), "{method} {path}");
                refused += 1;
            }
        }
    }
    assert!(refused > 20, "only {refused}");
    world.server.stop().await;
}

#[tokio::test]
async fn guessing_is_slowed_down_summed_in_the_log_and_locks_out_nobody() {
    let world = World::new(&[]).await;
    assert_eq!(world.get("/v1/status").await.status, 200);
    let mut statuses = Vec::new();
    for number in 0..25 {
        let guess = format!("authorization: Bearer sztp_{number:043}\r\n");
        statuses.push(world.ask_with("GET", "/v1/status", &guess, "").await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 20, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 5, "{statuses:?}");
    assert_eq!(world.get("/v1/status").await.status, 200, "whoever was right before goes on");
    // The sums are written when the server stops.
    let world = world.restarted().await;
    let records = world.get("/v1/audit/records?limit=1000").await.json();
    let bodies = records["records"].as_array().unwrap().iter().map(|record| record["body"].clone());
    let refusals: Vec<_> =
        bodies.filter(|body| body["event"] == "connections-refused" && body["reason"] == "token-invalid").collect();
    let counted: u64 = refusals.iter().map(|body| body["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 20);
    assert!(refusals.len() <= 2, "one at once and the rest as a sum: {refusals:?}");
    world.server.stop().await;
}

#[tokio::test]
async fn paths_methods_and_media_types_that_are_not_there_are_problems_too() {
    let world = World::new(&["SN-1"]).await;
    for (method, path, headers, status, reason) in [
        ("GET", "/v1/elsewhere", "", 404, "resource-missing"),
        ("GET", "/", "", 404, "resource-missing"),
        ("DELETE", "/v1/devices", "", 405, "method-unsupported"),
        ("TRACE", "/v1/status", "", 405, "method-unsupported"),
        ("GET", "/v1/devices", "accept: text/html\r\n", 406, "not-acceptable"),
        ("POST", "/v1/devices", "content-type: text/plain\r\n", 415, "media-type-unsupported"),
        ("POST", "/v1/devices", "", 415, "media-type-unsupported"),
        ("GET", "/v1/devices?colour=red", "", 400, "query-invalid"),
        ("GET", "/v1/devices?limit=0", "", 400, "query-invalid"),
        ("GET", "/v1/devices?limit=1001", "", 400, "query-invalid"),
        ("GET", "/v1/devices?limit=1&limit=2", "", 400, "query-invalid"),
        ("GET", "/v1/devices?state=mislaid", "", 400, "query-invalid"),
        ("GET", "/v1/devices?rack=%00", "", 400, "query-invalid"),
        ("GET", "/v1/devices/maker/SN-2", "", 404, "resource-missing"),
        ("GET", "/v1/devices/maker/%FF", "", 404, "resource-missing"),
        ("GET", "/v1/devices/ma%20ker/SN-1", "", 404, "resource-missing"),
    ] {
        let reply = world.ask("otto", method, path, headers, "").await;
        assert_eq!((reply.status, reply.reason().as_str()), (status, reason), "{method} {path}");
    }
    let reply = world.ask("otto", "DELETE", "/v1/devices", "", "").await;
    assert_eq!(reply.header("allow"), Some("get, post, head"));
    assert!(reply_names(&world, "/v1/devices?colour=red", "colour").await);
    world.server.stop().await;
}

async fn reply_names(world: &World, path: &str, name: &str) -> bool {
    world.get(path).await.json()["detail"].as_str().is_some_and(|detail| detail.contains(name))
}

#[tokio::test]
async fn health_and_readiness_need_no_token() {
    let world = World::new(&[]).await;
    for path in ["/healthz", "/readyz", "/v1/openapi.json"] {
        assert_eq!(world.ask_with("GET", path, "", "").await.status, 200, "{path}");
    }
    let metrics = world.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(metrics.body.ends_with(b"# EOF\n"));
    world.server.stop().await;
}

#[tokio::test]
async fn the_status_says_how_many_are_connected_to_each_listener() {
    let world = World::new(&["SN-1"]).await;
    let connected = async |name: &str| {
        let status = world.get("/v1/status").await.json();
        let listeners = status["listeners"].as_array().unwrap();
        listeners.iter().find(|listener| listener["name"] == name).unwrap()["connections"].as_u64().unwrap()
    };
    assert_eq!(connected("devices").await, 0);
    let (key, chain) = world.site.device("SN-1");
    let device = connect_to(world.server.device_address().unwrap(), &connector(Some((&key, &chain)))).await.unwrap();
    let operator = world.connection().await;
    assert_eq!(connected("devices").await, 1);
    // This very request has a connection too; those before it may not all be gone yet.
    assert!(connected("operators").await >= 2);
    drop((device, operator));
    let gone = async { while connected("devices").await > 0 || connected("operators").await > 1 {} };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("they are counted when they go");
    world.server.stop().await;
}

#[tokio::test]
async fn a_connection_that_never_asks_ends() {
    let mut config_world = World::new(&[]).await;
    config_world.site.edit("[owner]", "[limits]\nheader = 1\n[owner]");
    config_world = config_world.restarted().await;
    let stream = config_world.connection().await;
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        use tokio::io::AsyncReadExt;
        let mut stream = stream;
        let _end = stream.read_to_end(&mut Vec::new()).await;
    });
    assert!(ended.await.is_ok(), "it is still open");
    config_world.server.stop().await;
}
