//! The real device against the real server, which encrypts to it all that it gives (RFC 8572 §3.4; ENC-01, ENC-13, SEC-16).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;

use interop_tests::lab::Lab;

const PROFILE: &str = "encrypt-to-device = true\n\
    [configuration]\nhandling = 'replace'\ncontent = '{\"password\":\"correct horse\"}'\n\
    [[variant]]\nname = 'elsewhere'\nwhen = { hw-model = 'another' }\n\
    configuration = { handling = 'replace', content = '{}' }\n";

#[test]
fn enc_13_sec_16_dev_09_a_device_is_onboarded_by_what_is_encrypted_to_it() {
    let lab = Lab::build(1);
    lab.replace_profile(PROFILE);
    let server = lab.serve();
    let root = lab.fresh_root("encrypted");
    let run = lab.run_device(&root);
    drop(server);
    assert_eq!(run.code, Some(0), "{:#?}", run.trace);
    // The device opened all three artifacts of the redirect, which it could not trust otherwise, and of its onboarding
    // information.
    let trace = serde_json::to_string(&run.trace).unwrap();
    for check in ["conveyed-information-decryption", "owner-certificate-decryption", "voucher-decryption"] {
        assert!(trace.contains(check), "{check}: {trace}");
    }
    let configuration: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(lab.running_config()).unwrap()).unwrap();
    assert_eq!(configuration["password"], "correct horse");
    let reported: Vec<_> = lab.reports().into_iter().map(|(report, _)| report).collect();
    assert!(reported.ends_with(&["bootstrap-complete".to_owned()]), "{reported:?}");
    lab.verified_leaves();
}
