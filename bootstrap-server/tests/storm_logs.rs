//! What the server says about its decisions. Alone in its program: whoever logs first in a process decides which lines
//! are wanted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    io,
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use bootstrap_server::config::Limits;
use support::{DATA, Site, connect, connector, exchange, post, until_metric};
use tracing_subscriber::fmt::MakeWriter;

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;

/// Where log lines are kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// All tasks of this runtime run on this thread, which alone has the subscriber.
#[tokio::test]
async fn each_decision_is_one_line_of_fields() {
    let lines = Lines::default();
    let filter = tracing_subscriber::EnvFilter::new("bootstrap_server=trace");
    let subscriber = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(lines.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);

    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.close().await;
    let mut config = site.config();
    config.limits = Limits { requests_per_second_per_device: NonZeroU32::MIN, ..Limits::default() };
    let server = bootstrap_server::start(config).await.unwrap();
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
    let canary =
        r#"{"ietf-sztp-bootstrap-server:input":{"progress-type":"informational","message":"canary-in-message"}}"#;
    while exchange(&mut stream, &post(support::REPORT, canary)).await.unwrap().status == 204 {}
    let other = authority::ManufacturerParty::new("Other", support::now()).unwrap();
    let (strange_key, strange_chain) = other.device("Model", &support::serial("SN-9"), support::now()).unwrap();
    let refused = async {
        let mut stream = connect(&server, &connector(Some((&strange_key, &strange_chain)))).await?;
        exchange(&mut stream, &post(DATA, EMPTY)).await
    };
    refused.await.expect_err("nobody's device");
    until_metric(&server, "sztp_refusals_total{reason=\"idevid-untrusted\"}", 1).await;
    server.stop().await;

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |message: &str| {
        let found: Vec<_> = lines.iter().map(|line| &line["fields"]).filter(|it| it["message"] == message).collect();
        assert!(!found.is_empty(), "no {message:?} in {text}");
        found[0].clone()
    };
    let answered = of("answered");
    assert_eq!((answered["device"].as_str(), answered["source"].as_str()), (Some("maker/SN-1"), Some("127.0.0.1")));
    let shed = of("shed");
    assert_eq!((shed["device"].as_str(), shed["reason"].as_str()), (Some("maker/SN-1"), Some("device-rate")));
    assert_eq!((shed["source"].as_str(), shed["operation"].as_str()), (Some("127.0.0.1"), Some("report-progress")));
    assert!(shed["retry_after"].as_u64().unwrap() > 0);
    assert_eq!(of("refused")["reason"], "idevid-untrusted");
    assert_eq!(of("connections refused")["reason"], "idevid-untrusted");
    // Nothing that a device said or was given.
    for secret in ["canary-in-message", "BEGIN", "conveyed-information\":", "merge"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
