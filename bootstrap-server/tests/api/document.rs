//! The OpenAPI document in `specs` is the one that the code gives.

use std::path::Path;

use bootstrap_server::api::openapi;

use crate::world::World;

#[test]
fn specs_openapi_json_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/openapi.json");
    let current = format!("{}\n", serde_json::to_string_pretty(&openapi()).unwrap());
    if std::env::var_os("SZTP_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "specs/openapi.json is behind the code: run `SZTP_WRITE_OPENAPI=1 cargo test -p bootstrap-server --test api \
         specs_openapi` and read the difference"
    );
}

#[tokio::test]
async fn the_server_serves_the_same_document() {
    let world = World::new(&[]).await;
    let served = world.ask_with("GET", "/v1/openapi.json", "", "").await.json();
    assert_eq!(served, serde_json::to_value(openapi()).unwrap());
    world.server.stop().await;
}
