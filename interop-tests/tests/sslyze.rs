//! The device listener as sslyze, a scanner of TLS servers, sees it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of a test")]

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use interop_tests::{need, peer::Peer, site::Site};
use serde_json::Value;

/// What is scanned for; certificate stores and HTTP headers are for browsers.
const SCANS: &[&str] = &[
    "--sslv2",
    "--sslv3",
    "--tlsv1",
    "--tlsv1_1",
    "--tlsv1_2",
    "--tlsv1_3",
    "--compression",
    "--early_data",
    "--fallback",
    "--heartbleed",
    "--openssl_ccs",
    "--reneg",
    "--resum",
    "--robot",
    "--ems",
];

/// Scans a listener; gives the results by name.
async fn scan(peer: Peer, site: &Site, listener: String) -> Value {
    let report: PathBuf = site.path("sslyze.json");
    let scanned = {
        let report = report.clone();
        // The scanner blocks; the server goes on beside it.
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(peer.path());
            command.args(["--quiet", "--mozilla_config=disable"]).args(SCANS);
            command.arg(format!("--json_out={}", report.display())).arg(listener).output().unwrap()
        })
        .await
        .unwrap()
    };
    let said = String::from_utf8_lossy(&scanned.stderr);
    let mut report: Value = serde_json::from_slice(&std::fs::read(report).expect(&said)).unwrap();
    let server = report["server_scan_results"][0].take();
    assert_eq!(server["connectivity_status"], "COMPLETED", "{}", server["connectivity_error_trace"]);
    assert_eq!(server["connectivity_result"]["client_auth_requirement"], "OPTIONAL");
    server["scan_result"].clone()
}

/// The names of the cipher suites that were accepted.
fn accepted(scan: &Value, version: &str) -> BTreeSet<String> {
    let found = &scan[format!("{version}_cipher_suites")];
    assert_eq!(found["status"], "COMPLETED", "{version}");
    let suites = found["result"]["accepted_cipher_suites"].as_array().unwrap();
    suites.iter().map(|suite| suite["cipher_suite"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rcf_01_sec_25_a_scanner_finds_modern_tls_and_nothing_else() {
    let peer = need!("sslyze");
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let found = scan(peer, &site, server.device_address().unwrap().to_string()).await;

    for old in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
        assert!(accepted(&found, old).is_empty(), "{old}: {:?}", accepted(&found, old));
    }
    let (twelve, thirteen) = (accepted(&found, "tls_1_2"), accepted(&found, "tls_1_3"));
    assert!(!twelve.is_empty() && !thirteen.is_empty(), "TLS 1.2: {twelve:?}, TLS 1.3: {thirteen:?}");
    for suite in &twelve {
        // RFC 9325 §4.2: forward secrecy and authenticated encryption.
        assert!(suite.starts_with("TLS_ECDHE_"), "{suite}");
        assert!(suite.contains("_GCM_") || suite.contains("_POLY1305_"), "{suite}");
    }

    let result = |name: &str| {
        assert_eq!(found[name]["status"], "COMPLETED", "{name}");
        found[name]["result"].clone()
    };
    assert_eq!(result("tls_1_3_early_data")["supports_early_data"], false);
    assert_eq!(result("tls_compression")["supports_compression"], false);
    assert_eq!(result("heartbleed")["is_vulnerable_to_heartbleed"], false);
    assert_eq!(result("openssl_ccs_injection")["is_vulnerable_to_ccs_injection"], false);
    assert_eq!(result("robot")["robot_result"], "NOT_VULNERABLE_RSA_NOT_SUPPORTED");
    assert_eq!(result("tls_fallback_scsv")["supports_fallback_scsv"], true);
    assert_eq!(result("tls_extended_master_secret")["supports_ems_extension"], true);
    let renegotiation = result("session_renegotiation");
    assert_eq!(renegotiation["is_vulnerable_to_client_renegotiation_dos"], false);
    assert_eq!(renegotiation["supports_secure_renegotiation"], true);
    assert_eq!(result("session_resumption")["session_id_resumption_result"], "FULLY_SUPPORTED");
    server.stop().await;
}
