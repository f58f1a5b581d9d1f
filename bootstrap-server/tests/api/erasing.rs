//! Devices that are to be forgotten (SEC-22).

use serde_json::json;

use crate::{
    support::{DATA, connect_to, connector, exchange, post, verify_log},
    world::{JSON, World},
};

const ERASE: &str = "/v1/devices/maker/SN-1/erase";

fn because(reason: &str) -> String {
    json!({ "reason": reason }).to_string()
}

#[tokio::test]
async fn sec_22_an_admin_has_a_device_forgotten_and_the_log_says_that_and_not_which() {
    let world = World::new(&["SN-1", "SN-2"]).await;
    for user in ["vera", "otto"] {
        assert_eq!(world.ask(user, "POST", ERASE, JSON, &because("x")).await.status, 403, "{user}");
    }
    for (path, headers, body, status, reason) in [
        (ERASE, JSON, json!({}).to_string(), 422, "body-invalid"),
        (ERASE, JSON, because(""), 422, "body-invalid"),
        // The reason stays, so what is forgotten must not be in it.
        (ERASE, JSON, because("the buyer of SN-1 asked"), 422, "body-invalid"),
        (ERASE, JSON, because("the buyer of sn-1 asked"), 422, "body-invalid"),
        (ERASE, "content-type: application/json\r\nif-match: \"00000000-9\"\r\n", because("x"), 412, "version-changed"),
        ("/v1/devices/maker/SN-9/erase", JSON, because("x"), 404, "resource-missing"),
    ] {
        let reply = world.ask("ada", "POST", path, headers, &body).await;
        assert_eq!((reply.status, reply.reason().as_str()), (status, reason), "{body}");
    }
    let before = world.leaves().await;
    assert_eq!(world.ask("ada", "POST", &format!("{ERASE}?dry-run=true"), JSON, &because("x")).await.status, 204);
    assert_eq!(world.leaves().await, before);

    let erased = world.ask("ada", "POST", ERASE, JSON, &because("request 4711")).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    // That it was registered, its voucher, and that it is to be forgotten.
    assert_eq!(erased.json(), json!({"records": 3}));
    for path in ["/v1/devices/maker/SN-1", "/v1/devices/maker/SN-1/story", "/v1/devices/maker/SN-1/reports"] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.get("/v1/devices/maker/SN-2").await.status, 200);
    let records = world.get("/v1/audit/records?limit=1000").await;
    assert!(!String::from_utf8_lossy(&records.body).contains("SN-1"));
    let records = records.json();
    let last = records["records"].as_array().unwrap().last().unwrap();
    let body = &last["body"];
    assert_eq!((&body["event"], &body["by"]["user"]), (&json!("records-erased"), &json!("ada")), "{last:#}");
    assert_eq!((&body["because"], &body["records"]), (&json!("request 4711"), &json!(3)), "{last:#}");
    assert_eq!(world.ask("ada", "POST", ERASE, JSON, &because("x")).await.status, 404, "nothing is left");
    let config = world.site.path("sztp.toml");
    world.server.stop().await;
    assert!(verify_log(&config).await.leaves > before);
}

#[tokio::test]
async fn sec_22_an_erasure_that_is_asked_for_again_takes_nothing_of_a_new_life() {
    let world = World::new(&["SN-1"]).await;
    let headers = format!("{JSON}idempotency-key: forget-1\r\n");
    let first = world.ask("ada", "POST", ERASE, &headers, &because("request 4711")).await;
    assert_eq!((first.status, first.json()), (200, json!({"records": 3})));
    let again = world.ask("ada", "POST", ERASE, &headers, &because("request 4711")).await;
    assert_eq!((again.status, again.json()), (200, json!({"records": 0})), "it was carried out, and nothing was left");
    let device = json!({"manufacturer": "maker", "serial-number": "SN-1", "profile": "bmc"});
    assert_eq!(world.send("POST", "/v1/devices", device).await.status, 201);
    let again = world.ask("ada", "POST", ERASE, &headers, &because("request 4711")).await;
    assert_eq!((again.status, again.json()), (200, json!({"records": 0})));
    let story = world.get("/v1/devices/maker/SN-1/story").await.json();
    assert_eq!(story["steps"].as_array().unwrap().len(), 1, "{story:#}");
    let other = world.ask("ada", "POST", ERASE, &headers, &because("another request")).await;
    assert_eq!((other.status, other.reason().as_str()), (422, "idempotency-conflict"));
    world.server.stop().await;
}

#[tokio::test]
async fn sec_22_a_device_that_is_being_onboarded_is_not_forgotten_under_way() {
    let world = World::new(&["SN-1"]).await;
    let (key, chain) = world.site.device("SN-1");
    let mut stream =
        connect_to(world.server.device_address().unwrap(), &connector(Some((&key, &chain)))).await.unwrap();
    let input = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
    assert_eq!(exchange(&mut stream, &post(DATA, input)).await.unwrap().status, 200);
    let refused = world.ask("ada", "POST", ERASE, JSON, &because("x")).await;
    assert_eq!((refused.status, refused.reason().as_str()), (409, "state-forbids"));
    let retire = world.send("POST", "/v1/devices/maker/SN-1/retire", json!({"reason": "sold"})).await;
    assert_eq!(retire.status, 200);
    assert_eq!(world.ask("ada", "POST", ERASE, JSON, &because("x")).await.status, 200);
    world.server.stop().await;
}
