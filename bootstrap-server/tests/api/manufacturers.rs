//! What operators say of manufacturers counts at once, for those who are connected too.

use pki::certificate::Certificate;
use serde_json::json;

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
