//! What the server counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;

use support::{DATA, Site, connect, connector, exchange, metric, post, report, request, until_metric};

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;

/// The series of an OpenMetrics text, and the kind of each metric. Panics on what is none.
fn parse(text: &str) -> (BTreeMap<String, f64>, BTreeMap<String, String>) {
    let (mut series, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    let body = text.strip_suffix("# EOF\n").expect("the end is marked");
    for line in body.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let metric = name.split('{').next().unwrap();
            assert!(metric.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            assert!(name == metric || (name[metric.len()..].starts_with('{') && name.ends_with('}')), "{line}");
            assert!(series.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{name} twice");
        }
    }
    (series, kinds)
}

#[tokio::test]
async fn what_happened_can_be_read_from_the_metrics() {
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
    for progress in ["bootstrap-initiated", "bootstrap-complete"] {
        assert_eq!(exchange(&mut stream, &report(progress)).await.unwrap().status, 204);
    }
    let path = format!("/images/{}", pki::digest::sha256(&[7; 200_000]));
    assert_eq!(exchange(&mut stream, &request("GET", &path, "", "")).await.unwrap().status, 200);
    assert_eq!(exchange(&mut stream, &request("GET", "/nowhere", "", "")).await.unwrap().status, 404);
    assert_eq!(exchange(&mut stream, &post(DATA, "{}")).await.unwrap().status, 400);
    until_metric(&server, "sztp_images_sent_total", 1).await;
    assert_eq!(metric(&server, "sztp_image_octets_total"), 200_000);

    let (series, kinds) = parse(&server.metrics().encode());
    for (name, value) in [
        ("sztp_connections{listener=\"device\"}", 1.0),
        ("sztp_handshakes_total{listener=\"device\",outcome=\"full\",version=\"1.3\"}", 1.0),
        ("sztp_requests_total{operation=\"get-bootstrapping-data\",status=\"200\"}", 1.0),
        ("sztp_requests_total{operation=\"report-progress\",status=\"204\"}", 2.0),
        ("sztp_requests_total{operation=\"image\",status=\"200\"}", 1.0),
        ("sztp_requests_total{operation=\"other\",status=\"404\"}", 1.0),
        ("sztp_request_seconds_count{operation=\"report-progress\"}", 2.0),
        ("sztp_requests_under_way", 0.0),
        ("sztp_refusals_total{reason=\"request-malformed\"}", 1.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name}: {series:#?}");
    }
    // The start, the answer and two reports; refusals may have come with them.
    assert!(series["sztp_commit_seconds_count"] >= 4.0 && series["sztp_commit_batches_sum"] >= 4.0, "{series:#?}");
    // Each histogram adds up: its last bucket is its count, and none is larger than the next.
    for (name, _) in kinds.iter().filter(|(_, kind)| *kind == "histogram") {
        let last = series.iter().filter(|(it, _)| it.starts_with(&format!("{name}_bucket{{le=\"+Inf\"")));
        let counts = series.iter().filter(|(it, _)| it.starts_with(&format!("{name}_count")));
        assert_eq!(last.map(|(_, it)| *it).sum::<f64>(), counts.map(|(_, it)| *it).sum::<f64>(), "{name}");
    }
    drop(stream);
    let closed = async {
        while metric(&server, "sztp_connections{listener=\"device\"}") > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), closed).await.expect("the gauge goes back");
    server.stop().await;
}
