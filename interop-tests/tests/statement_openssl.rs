//! What a device swears to at the end of its onboarding, judged by OpenSSL from what stands in the audit log: the manufacturer's
//! anchor is all that is needed, and nobody who runs the server is asked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use interop_tests::{lab::Lab, need};

#[test]
fn a_completion_in_the_log_is_verified_with_openssl_and_cannot_be_invented() {
    let openssl = need!("openssl");
    let lab = Lab::build(1);
    let server = lab.serve();
    let root = lab.fresh_root("sworn");
    let run = lab.run_device(&root);
    drop(server);
    assert_eq!(run.code, Some(0), "{:#?}", run.trace);

    let message = lab.reports().into_iter().rev().find(|(report, _)| report == "bootstrap-complete").unwrap().1;
    let (told, statement) = message.split_once("\nonboarding-statement: ").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let der = STANDARD.decode(statement).unwrap();
    let anchor = lab.folder().join("manufacturer").join("device-root.pem");
    let anchor = anchor.to_str().unwrap();
    let verify = |der: &[u8]| {
        fs::write(folder.path().join("statement.der"), der).unwrap();
        let arguments =
            ["cms", "-verify", "-inform", "der", "-in", "statement.der", "-CAfile", anchor, "-purpose", "any"];
        openssl.run(folder.path(), &[&arguments[..], &["-partial_chain"]].concat())
    };
    let document: serde_json::Value = serde_json::from_slice(&verify(&der).unwrap()).unwrap();
    assert_eq!(document["kind"], "sztp-onboarding-statement-1");
    let applied = document["conveyed-information"].as_str().unwrap();
    assert!(told.contains(applied), "{told}");
    // It is the artifact that the server says it gave.
    assert!(lab.bodies().iter().any(|body| body["answer"]["onboarding"] == applied), "{applied}");

    // An insider who changes one digit of what was applied is found out.
    let changed = applied.replacen(&applied[..1], if applied.starts_with('0') { "1" } else { "0" }, 1);
    let at = der.windows(applied.len()).position(|window| window == applied.as_bytes()).unwrap();
    let mut forged = der.clone();
    forged[at..at + applied.len()].copy_from_slice(changed.as_bytes());
    assert!(verify(&forged).is_err());
}
