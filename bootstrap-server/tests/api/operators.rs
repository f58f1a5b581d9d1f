//! Users, tokens, profiles, manufacturers, vouchers.

use audit_log::UnixMillis;
use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{
    api::TokenSecret,
    audit::Event,
    domain::UserName,
    store::{Batch, MAX_TOKENS},
};
use pki::key::SystemEntropy;
use serde_json::json;

use crate::{
    support::{now, pem, serial},
    world::{JSON, World, token},
};

#[tokio::test]
async fn somebody_is_always_left_to_administer_the_server() {
    let world = World::new(&[]).await;
    let put = async |name: &str, role: &str| {
        let body = json!({"role": role}).to_string();
        world.ask("ada", "PUT", &format!("/v1/users/{name}"), JSON, &body).await
    };
    for reply in [put("ada", "viewer").await, world.ask("ada", "DELETE", "/v1/users/ada", "", "").await] {
        assert_eq!((reply.status, reply.reason().as_str()), (409, "last-admin"));
    }
    assert_eq!(put("otto", "admin").await.status, 200);
    assert_eq!(put("ada", "viewer").await.status, 200);
    assert_eq!(world.ask("ada", "GET", "/v1/users", "", "").await.status, 403, "a role counts at once");
    assert_eq!(world.ask("otto", "DELETE", "/v1/users/ada", "", "").await.status, 204);
    assert_eq!(world.ask("ada", "GET", "/v1/status", "", "").await.status, 401, "tokens go with their user");
    assert_eq!(world.ask("otto", "DELETE", "/v1/users/ada", "", "").await.status, 404);
    world.server.stop().await;
}

#[tokio::test]
async fn everybody_sees_and_revokes_their_own_tokens_and_an_admin_all() {
    let world = World::new(&[]).await;
    let ids = async |user: &str| {
        let tokens = world.ask(user, "GET", "/v1/tokens", "", "").await.json();
        let tokens = tokens["tokens"].as_array().unwrap().clone();
        tokens.iter().map(|token| token["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("vera").await, ["t-vera"]);
    assert_eq!(ids("ada").await, ["t-ada", "t-otto", "t-vera"]);
    let foreign = world.ask("vera", "POST", "/v1/tokens", JSON, "{\"user\":\"ada\"}").await;
    assert_eq!((foreign.status, foreign.reason().as_str()), (403, "role-insufficient"));
    assert_eq!(world.ask("vera", "DELETE", "/v1/tokens/t-ada", "", "").await.status, 404);
    let made = world.ask("ada", "POST", "/v1/tokens", JSON, "{\"user\":\"vera\",\"days\":3}").await.json();
    let bearer = format!("authorization: Bearer {}\r\n", made["secret"].as_str().unwrap());
    assert_eq!(world.ask_with("GET", "/v1/status", &bearer, "").await.status, 200);
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(world.ask("vera", "DELETE", &path, "", "").await.status, 204);
    assert_eq!(world.ask_with("GET", "/v1/status", &bearer, "").await.status, 401, "revoked means revoked at once");
    for days in ["0", "3661", "-1", "\"x\""] {
        let body = format!("{{\"days\":{days}}}");
        assert_eq!(world.ask("vera", "POST", "/v1/tokens", JSON, &body).await.status, 422, "{days}");
    }
    let stranger = world.ask("ada", "POST", "/v1/tokens", JSON, "{\"user\":\"nobody\"}").await;
    assert_eq!((stranger.status, stranger.reason().as_str()), (422, "reference-unknown"));
    world.server.stop().await;
}

#[tokio::test]
async fn a_token_makes_none_that_outlives_it() {
    let world = World::new(&[]).await;
    let made = world.ask("ada", "POST", "/v1/tokens", JSON, "{\"user\":\"vera\",\"days\":3}").await.json();
    let until = made["expires"].as_str().unwrap();
    let headers = format!("{JSON}authorization: Bearer {}\r\n", made["secret"].as_str().unwrap());
    let make = async |body: &str| world.ask_with("POST", "/v1/tokens", &headers, body).await;
    let longer = make("{\"days\":4}").await;
    assert_eq!((longer.status, longer.reason().as_str()), (403, "token-outlives-maker"));
    assert!(longer.json()["detail"].as_str().unwrap().contains(until), "{longer:?}");
    assert_eq!(make("{\"days\":2}").await.status, 201);
    assert_eq!(make("{}").await.json()["expires"], until, "without days it ends with the one that made it");
    let lasting = world.ask("vera", "POST", "/v1/tokens", JSON, "{}").await.json();
    assert!(lasting["expires"].is_null(), "one that does not expire may make others: {lasting}");
    world.server.stop().await;
}

#[tokio::test]
async fn a_user_has_so_many_tokens_and_expired_ones_make_room() {
    let world = World::new(&[]).await;
    let vera = UserName::new("vera").unwrap();
    let secret = || TokenSecret::generate(&mut SystemEntropy).unwrap();
    let mut made = (1..MAX_TOKENS).map(|number| {
        let expires = (number <= 2).then_some(UnixMillis(1));
        Event::TokenCreated { token: token(&format!("t-{number}"), &vera, &secret(), expires) }
    });
    let first = Batch::from(made.next().unwrap());
    let store = world.server.store();
    store.commit(made.fold(first, Batch::and)).await.unwrap();
    let make = async || world.ask("vera", "POST", "/v1/tokens", JSON, "{}").await;
    assert_eq!(make().await.status, 201, "the expired ones go");
    let ids: Vec<_> = store.tokens().await.unwrap().into_iter().map(|token| token.id.to_string()).collect();
    assert!(!ids.contains(&"t-1".to_owned()) && !ids.contains(&"t-2".to_owned()) && ids.contains(&"t-3".to_owned()));
    assert_eq!(make().await.status, 201);
    let full = make().await;
    assert_eq!((full.status, full.reason().as_str()), (409, "too-many-tokens"));
    assert!(full.json()["detail"].as_str().unwrap().contains("vera"), "{full:?}");
    let other = world.ask("ada", "POST", "/v1/tokens", JSON, "{}").await;
    assert_eq!(other.status, 201, "nobody else has fewer for it");
    assert_eq!(world.ask("vera", "DELETE", "/v1/tokens/t-3", "", "").await.status, 204);
    assert_eq!(make().await.status, 201);
    world.server.stop().await;
}

#[tokio::test]
async fn whoever_may_only_look_does_not_see_what_is_in_a_profile() {
    let world = World::new(&[]).await;
    let document =
        "post-configuration-script = 'password hunter2'\n[configuration]\nhandling = 'merge'\ncontent = 'x'\n";
    let applied = world.send("PUT", "/v1/profiles/dpu", json!({"document": document})).await;
    assert_eq!(applied.status, 200);
    let list = world.get("/v1/profiles").await.json();
    let dpu = list["profiles"].as_array().unwrap().iter().find(|profile| profile["name"] == "dpu").unwrap();
    assert_eq!(dpu["members"], json!(["configuration", "post-configuration-script"]));
    let shown = world.get("/v1/profiles/dpu").await;
    assert_eq!((shown.status, shown.reason().as_str()), (403, "role-insufficient"));
    assert_eq!(world.ask("otto", "GET", "/v1/profiles/dpu", "", "").await.json()["document"], document);
    // Nor anywhere else; and the digest is that which the audit log has.
    let records = world.get("/v1/audit/records?limit=1000").await.json();
    let applied = records["records"].as_array().unwrap().iter().find(|record| record["body"]["profile"] == "dpu");
    assert_eq!(applied.unwrap()["body"]["document"], dpu["digest"]);
    assert!(!format!("{list}{records}").contains("hunter2"));
    world.server.stop().await;
}

#[tokio::test]
async fn a_profile_is_judged_before_it_is_applied_and_kept_while_devices_have_it() {
    let world = World::new(&["SN-1"]).await;
    let document = "[configuration]\nhandling = 'merge'\ncontent = '{}'\n";
    let applied = world.send("PUT", "/v1/profiles/dpu", json!({"document": document})).await;
    assert_eq!((applied.status, applied.json()["name"].as_str()), (200, Some("dpu")));
    let wrong = world.send("PUT", "/v1/profiles/dpu", json!({"document": "colour = 1"})).await;
    assert_eq!((wrong.status, wrong.reason().as_str()), (422, "body-invalid"));
    let show = async || world.ask("otto", "GET", "/v1/profiles/dpu", "", "").await;
    assert_eq!(show().await.json()["document"], document);
    assert_eq!(world.ask("otto", "DELETE", "/v1/profiles/dpu", "", "").await.status, 204);
    assert_eq!(show().await.status, 404);
    let used = world.ask("otto", "DELETE", "/v1/profiles/bmc", "", "").await;
    assert_eq!((used.status, used.reason().as_str()), (409, "still-in-use"));
    world.server.stop().await;
}

#[tokio::test]
async fn a_voucher_that_devices_would_refuse_is_not_stored() {
    let world = World::new(&[]).await;
    let send =
        async |voucher: &[u8]| world.send("POST", "/v1/vouchers", json!({"voucher": STANDARD.encode(voucher)})).await;
    let site = &world.site;
    let good = site.maker.voucher(&serial("SN-1"), site.owner.pinned().unwrap(), now()).unwrap();
    let stored = send(good.der()).await;
    assert_eq!((stored.status, stored.json()["serial-number"].as_str()), (201, Some("SN-1")), "{stored:?}");
    let other_owner = authority::OwnerParty::new("Other", &["127.0.0.1".to_owned()], now()).unwrap();
    let foreign = site.maker.voucher(&serial("SN-1"), other_owner.pinned().unwrap(), now()).unwrap();
    let reply = send(foreign.der()).await;
    assert_eq!((reply.status, reply.reason().as_str()), (422, "owner-not-pinned"));
    let other_maker = authority::ManufacturerParty::new("Other", now()).unwrap();
    let unknown = other_maker.voucher(&serial("SN-1"), site.owner.pinned().unwrap(), now()).unwrap();
    let reply = send(unknown.der()).await;
    assert_eq!((reply.status, reply.reason().as_str()), (422, "voucher-signer-untrusted"));
    assert_eq!(send(b"no voucher").await.status, 422);
    assert_eq!(world.send("POST", "/v1/vouchers", json!({"voucher": "***"})).await.status, 422);
    world.server.stop().await;
}

#[tokio::test]
async fn a_manufacturer_is_added_by_an_admin_with_anchors_that_can_be_read() {
    let world = World::new(&[]).await;
    let party = authority::ManufacturerParty::new("Other", now()).unwrap();
    let body = json!({"anchors": pem(party.device_anchors()), "voucher-anchors": pem(party.voucher_anchors()),
        "serial-number-rules": ["product-and-serial"]});
    let put = async |body: serde_json::Value| {
        world.ask("ada", "PUT", "/v1/manufacturers/other", JSON, &body.to_string()).await
    };
    assert_eq!(put(body.clone()).await.status, 200);
    let shown = world.get("/v1/manufacturers/other").await.json();
    assert_eq!(shown["serial-number-rules"], json!(["product-and-serial"]));
    assert_eq!(shown["anchors"][0], party.device_anchors()[0].sha256().to_string());
    assert_eq!(put(json!({"anchors": "none"})).await.status, 422);
    assert_eq!(put(json!({"anchors": pem(party.device_anchors()), "serial-number-rules": ["x"]})).await.status, 422);
    world.server.stop().await;
}
