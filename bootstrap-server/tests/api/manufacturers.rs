//! What operators say of manufacturers counts at once, for those who are connected too.

use pki::certificate::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use serde_json::{Value, json};

use crate::{
    support::{DATA, connect, connector, exchange, post, until_metric},
    world::{JSON, World},
};

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;

async fn put(world: &World, anchors: &[Certificate]) {
    let pem: String = anchors.iter().map(Certificate::to_pem).collect();
    let body = json!({ "anchors": pem }).to_string();
    assert_eq!(world.ask("ada", "PUT", "/v1/manufacturers/maker", JSON, &body).await.status, 200);
}

#[tokio::test]
async fn srv_06_a_change_of_anchors_counts_with_its_answer_and_ends_connections_that_hold_no_more() {
    let world = World::new(&["SN-1"]).await;
    let (key, chain) = world.site.device("SN-1");
    let device = connector(Some((&key, &chain)));
    let mut open = connect(&world.server, &device).await.unwrap();
    assert_eq!(exchange(&mut open, &post(DATA, EMPTY)).await.unwrap().status, 200);
    let mut nobody = connect(&world.server, &connector(None)).await.unwrap();

    put(&world, world.site.owner.tls_anchor()).await;
    let again = async { exchange(&mut connect(&world.server, &device).await?, &post(DATA, EMPTY)).await };
    again.await.expect_err("nobody vouches for it any more");
    until_metric(&world.server, "sztp_connections_cut_total{reason=\"distrusted\"}", 1).await;
    exchange(&mut open, &post(DATA, EMPTY)).await.expect_err("nor for a connection of before");
    // Who has not shown a certificate has nothing to lose.
    assert_eq!(exchange(&mut nobody, &post("/x", "")).await.unwrap().status, 404);

    put(&world, world.site.maker.device_anchors()).await;
    let mut back = connect(&world.server, &device).await.unwrap();
    assert_eq!(exchange(&mut back, &post(DATA, EMPTY)).await.unwrap().status, 200);
    world.server.stop().await;
}

/// A list of some CA, made at the beginning of one year and good until that of another.
fn list(key: &KeyPair, made: i32, until: i32) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Maker CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(made, 1, 1),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(&Issuer::from_params(&params, key)).unwrap().pem().unwrap()
}

#[tokio::test]
async fn revocation_lists_are_stored_by_an_admin_and_never_go_back() {
    let world = World::new(&["SN-1"]).await;
    let key = KeyPair::generate().unwrap();
    let put = async |name: &str, lists: String| {
        let path = format!("/v1/manufacturers/{name}/revocation-lists");
        world.ask("ada", "PUT", &path, JSON, &json!({ "lists": lists }).to_string()).await
    };
    assert_eq!(put("maker", list(&key, 2022, 2090)).await.status, 200);
    let shown = async || world.get("/v1/manufacturers/maker").await.json()["revocation-lists"].clone();
    let first = shown().await;
    assert!(
        first[0]["issuer"].as_str().unwrap().contains("Maker CA") && first.as_array().unwrap().len() == 1,
        "{first}"
    );
    // An older one, and what is none.
    for wrong in [list(&key, 2021, 2090), "none".to_owned(), "x".repeat(2 * 1024 * 1024)] {
        assert_eq!(put("maker", wrong).await.status, 422);
    }
    assert_eq!(shown().await, first);
    assert_ne!(put("nobody", list(&key, 2023, 2090)).await.status, 200);
    // One that should have been replaced is told of.
    let alarms = async || world.get("/v1/status").await.json()["alarms"].to_string();
    assert!(!alarms().await.contains("revocation-list-stale"));
    assert_eq!(put("maker", list(&key, 2023, 2024)).await.status, 200);
    assert!(alarms().await.contains("revocation-list-stale"));
    let metrics = world.get("/metrics").await;
    assert!(
        String::from_utf8_lossy(&metrics.body).contains("sztp_revocation_list_left_seconds{manufacturer=\"maker\"} -")
    );
    assert_eq!(put("maker", String::new()).await.status, 200);
    assert_eq!(shown().await, json!([]));
    let stored = async || -> Vec<Value> {
        let records = world.get("/v1/audit/records?limit=1000").await.json()["records"].as_array().unwrap().clone();
        records.into_iter().filter(|record| record.to_string().contains("revocation-lists-stored")).collect()
    };
    assert_eq!(stored().await.len(), 3);
    world.server.stop().await;
}

#[tokio::test]
async fn dev_10_what_a_manufacturers_certificates_are_like_is_kept_and_shown() {
    let world = World::new(&[]).await;
    let pem: String = world.site.maker.device_anchors().iter().map(Certificate::to_pem).collect();
    let put = async |body: &Value| world.ask("ada", "PUT", "/v1/manufacturers/other", JSON, &body.to_string()).await;
    let body = json!({"legacy-anchors": pem, "intermediates": pem, "critical-extensions": ["2.5.29.9"],
        "extended-key-usages": ["2.23.133.8.3"], "serial-number-rules": ["product-and-serial", "CN=bmc-{serial}"]});
    assert_eq!(put(&body).await.status, 200);
    let shown = world.get("/v1/manufacturers/other").await.json();
    let sha256 = world.site.maker.device_anchors()[0].sha256().to_string();
    for member in ["critical-extensions", "extended-key-usages", "serial-number-rules"] {
        assert_eq!(shown[member], body[member], "{member}");
    }
    assert_eq!((&shown["legacy-anchors"][0], &shown["intermediates"][0]), (&json!(sha256), &json!(sha256)));
    assert_eq!((&shown["anchors"], &shown["certificates"][0]["sha256"]), (&json!([]), &json!(sha256)));
    for wrong in [
        json!({"serial-number-rules": ["attribute"]}),
        json!({"anchors": pem, "serial-number-rules": ["CN=bmc"]}),
        json!({"anchors": pem, "serial-number-rules": ["attribute", "attribute"]}),
        json!({"anchors": pem, "critical-extensions": ["2.5.29.19"]}),
        json!({"anchors": pem, "extended-key-usages": ["clientAuth"]}),
        json!({"anchors": pem, "intermediates": "none"}),
    ] {
        assert_eq!(put(&wrong).await.status, 422, "{wrong}");
    }
    world.server.stop().await;
}
