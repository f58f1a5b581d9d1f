//! Policies that would let devices do more wait for an admin (RFC 8572 §9.10).

use bootstrap_server::config::Acceptance;
use serde_json::json;

use crate::world::{JSON, World};

/// A server that only redirects, started again with a file that lets it onboard.
async fn widened() -> World {
    let world = World::new(&["SN-1"]).await;
    world.site.edit("database =", "roles = ['redirect-server']\ndatabase =");
    let world = world.restarted().await;
    let shown = world.get("/v1/policies").await.json();
    assert_eq!(shown["in-force"]["roles"], json!(["redirect-server"]), "stricter is in force at once");
    assert!(shown["proposed"].is_null());
    world.site.edit("roles = ['redirect-server']\n", "");
    world.restarted().await
}

async fn metrics(world: &World) -> String {
    String::from_utf8(world.get("/metrics").await.body).unwrap()
}

#[tokio::test]
async fn srv_21_a_redirect_server_begins_to_onboard_when_an_admin_says_so_and_not_before() {
    let world = widened().await;
    let shown = world.get("/v1/policies").await.json();
    assert_eq!(shown["in-force"]["roles"], json!(["redirect-server"]));
    let difference = &shown["proposed"]["differences"][0];
    assert_eq!(difference, r#"roles: ["redirect-server"] becomes ["redirect-server","onboarding-server"]"#);
    let status = world.get("/v1/status").await.json();
    assert_eq!(status["alarms"][0]["reason"], "policy-pending");
    assert!(metrics(&world).await.contains("sztp_alarms{reason=\"policy-pending\"} 1"));

    // Starting it again changes nothing: a service that is restarted does what it did.
    let world = world.restarted().await;
    let shown = world.get("/v1/policies").await.json();
    let body = json!({"sha256": shown["proposed"]["sha256"]}).to_string();
    let accept = |user: &'static str, query: &'static str, body: String| {
        let world = &world;
        async move { world.ask(user, "POST", &format!("/v1/policies/accept{query}"), JSON, &body).await }
    };
    assert_eq!(accept("otto", "", body.clone()).await.status, 403, "an operator may not");
    let other = json!({"sha256": "0".repeat(64)}).to_string();
    assert_eq!(accept("ada", "", other).await.status, 404, "nobody accepts what was not looked at");
    assert_eq!(accept("ada", "?dry-run=true", body.clone()).await.status, 204);
    assert!(!world.get("/v1/policies").await.json()["proposed"].is_null());

    let accepted = accept("ada", "", body.clone()).await;
    assert_eq!(accepted.status, 200);
    assert_eq!(accepted.json()["in-force"]["roles"], json!(["redirect-server", "onboarding-server"]));
    assert_eq!(accept("ada", "", body).await.status, 404, "once");
    assert_eq!(world.get("/v1/status").await.json()["alarms"], json!([]));
    assert!(!metrics(&world).await.contains("policy-pending"));

    // On record: that it was proposed, and who accepted it, with old and new.
    let leaves = world.leaves().await;
    let records = world.get(&format!("/v1/audit/records?limit=100&after={}", leaves - 6)).await.json();
    let bodies: Vec<_> = records["records"].as_array().unwrap().iter().map(|record| record["body"].clone()).collect();
    let applied = bodies.iter().find(|body| body["event"] == "policies-applied").unwrap();
    assert_eq!(applied["by"]["user"], "ada");
    assert_eq!(applied["before"]["roles"], json!(["redirect-server"]));
    assert_eq!(applied["policies"]["roles"], json!(["redirect-server", "onboarding-server"]));
    assert!(bodies.iter().any(|body| body["event"] == "policies-proposed"));

    let world = world.restarted().await;
    assert_eq!(world.get("/v1/status").await.json()["alarms"], json!([]), "it was accepted for good");
    world.server.stop().await;
}

#[tokio::test]
async fn srv_21_whoever_starts_the_server_may_accept_at_once() {
    let World { site, server, .. } = widened().await;
    server.stop().await;
    let mut config = site.config();
    config.acceptance = Acceptance::AtStart;
    let server = bootstrap_server::start(config).await.unwrap();
    let policies = server.store().policies().await.unwrap().unwrap();
    assert!(policies.roles.onboards());
    server.stop().await;
}
