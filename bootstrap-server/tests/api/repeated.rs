//! Requests that come twice because an answer was lost.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bootstrap_server::domain::UserName;
use serde_json::json;

use crate::{
    support::{now, serial},
    world::{JSON, World},
};

fn keyed(key: &str) -> String {
    format!("{JSON}idempotency-key: {key}\r\n")
}

#[tokio::test]
async fn a_request_sent_again_with_its_key_is_answered_and_not_repeated() {
    let world = World::new(&[]).await;
    let body = json!({"manufacturer": "maker", "serial-number": "SN-1", "profile": "bmc"}).to_string();
    let first = world.ask("otto", "POST", "/v1/devices", &keyed("k1"), &body).await;
    let leaves = world.leaves().await;
    let second = world.ask("otto", "POST", "/v1/devices", &keyed("k1"), &body).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.json(), second.json());
    assert_eq!(world.leaves().await, leaves, "it was carried out once");
    let without = world.ask("otto", "POST", "/v1/devices", JSON, &body).await;
    assert_eq!(without.status, 409);
    let world = world.restarted().await;
    let third = world.ask("otto", "POST", "/v1/devices", &keyed("k1"), &body).await;
    assert_eq!(third.status, 201, "the answer outlives the process");

    let other = body.replace("SN-1", "SN-2");
    let conflict = world.ask("otto", "POST", "/v1/devices", &keyed("k1"), &other).await;
    assert_eq!((conflict.status, conflict.reason().as_str()), (422, "idempotency-conflict"));
    let another_user = world.ask("ada", "POST", "/v1/devices", &keyed("k1"), &other).await;
    assert_eq!(another_user.status, 201, "keys belong to users");
    world.server.stop().await;
}

#[tokio::test]
async fn a_key_used_ten_times_at_once_makes_one_change() {
    let world = World::new(&["SN-1"]).await;
    let before = world.leaves().await;
    let body = json!({"reason": "sent back"}).to_string();
    let headers = keyed("k2");
    let asks = (0..10).map(|_| world.ask("otto", "POST", "/v1/devices/maker/SN-1/reprovision", &headers, &body));
    let replies = futures_util::future::join_all(asks).await;
    assert!(replies.iter().any(|reply| reply.status == 200));
    for reply in &replies {
        assert!(reply.status == 200 || reply.reason() == "idempotency-conflict", "{reply:?}");
    }
    assert_eq!(world.leaves().await, before + 1);
    world.server.stop().await;
}

#[tokio::test]
async fn a_repetition_that_overtakes_the_answer_is_not_told_that_somebody_else_was_faster() {
    let world = World::new(&[]).await;
    let body = json!({"manufacturer": "maker", "serial-number": "SN-1", "profile": "bmc"}).to_string();
    let headers = keyed("k5");
    let asks = (0..10).map(|_| world.ask("otto", "POST", "/v1/devices", &headers, &body));
    for reply in futures_util::future::join_all(asks).await {
        assert!(reply.status == 201 || reply.reason() == "idempotency-conflict", "{reply:?}");
    }
    world.server.stop().await;
}

/// What is kept of an answer for a day holds no serial number: a device may have to be forgotten meanwhile (SEC-22).
#[tokio::test]
async fn sec_22_a_voucher_sent_again_gets_the_first_answer_of_which_nothing_was_kept() {
    let world = World::new(&["SN-1"]).await;
    let number = serial("SN-KEPT-NOWHERE");
    let voucher = world.site.maker.voucher(&number, world.site.owner.pinned().unwrap(), now()).unwrap();
    let body = json!({"voucher": STANDARD.encode(voucher.der())}).to_string();
    let first = world.ask("otto", "POST", "/v1/vouchers", &keyed("k6"), &body).await;
    assert_eq!((first.status, &first.json()["serial-number"]), (201, &json!("SN-KEPT-NOWHERE")), "{first:?}");
    let leaves = world.leaves().await;
    let again = world.ask("otto", "POST", "/v1/vouchers", &keyed("k6"), &body).await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(world.leaves().await, leaves, "it was stored once");
    let kept = world.server.store().kept_answer(&UserName::new("otto").unwrap(), "k6").await.unwrap().unwrap();
    assert_eq!(String::from_utf8(kept.body).unwrap(), "maker");
    world.server.stop().await;
}

#[tokio::test]
async fn a_secret_is_shown_once_and_never_kept() {
    let world = World::new(&["SN-1"]).await;
    let first = world.ask("vera", "POST", "/v1/tokens", &keyed("k3"), "{\"days\":1}").await;
    assert_eq!(first.status, 201, "{first:?}");
    let secret = first.json()["secret"].as_str().unwrap().to_owned();
    let second = world.ask("vera", "POST", "/v1/tokens", &keyed("k3"), "{\"days\":1}").await;
    assert_eq!((second.status, second.reason().as_str()), (409, "secret-shown-before"));
    assert!(second.json()["detail"].as_str().unwrap().contains(first.json()["id"].as_str().unwrap()));
    let code = "/v1/devices/maker/SN-1/activation-code";
    let first = world.ask("otto", "POST", code, "idempotency-key: k4\r\n", "").await;
    let shown = first.json()["activation-code"].as_str().unwrap().to_owned();
    let second = world.ask("otto", "POST", code, "idempotency-key: k4\r\n", "").await;
    assert_eq!((second.status, second.reason().as_str()), (409, "secret-shown-before"));
    let folder = world.site.folder.path().to_owned();
    world.server.stop().await;
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let octets = std::fs::read(&file).unwrap();
        for text in [&secret, &shown] {
            let found = octets.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{} holds a secret", file.display());
        }
    }
}
