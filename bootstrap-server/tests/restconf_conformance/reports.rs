//! `report-progress` (SRV-11 to SRV-17, RCF-14).

use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{audit::ReportedKey, domain::State};
use conveyed_info::{
    information::TrustAnchor,
    rpc::{ProgressType, YANG_DATA_JSON, YANG_DATA_XML},
};

use crate::{
    EMPTY, Talk, error,
    support::{DATA, REPORT, device_id, post, report},
};

#[tokio::test]
async fn srv_11_srv_16_srv_17_all_27_types_are_stored_in_order_and_a_28th_is_not() {
    let mut talk = Talk::new().await;
    assert_eq!(ProgressType::ALL.len(), 27);
    assert_eq!(talk.send(&post(DATA, EMPTY)).await.status, 200);
    for (index, progress_type) in ProgressType::ALL.iter().enumerate() {
        let answer = if index % 2 == 0 {
            talk.send(&report(progress_type.as_str())).await
        } else {
            let namespace = "urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server";
            let body = format!(r#"<input xmlns="{namespace}"><progress-type>{progress_type}</progress-type></input>"#);
            talk.post(REPORT, YANG_DATA_XML, YANG_DATA_XML, &body).await
        };
        // RCF-14: nothing at all in the body.
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{progress_type}");
        assert!(!answer.head.contains("content-type") && answer.head.contains("cache-control: no-store"));
    }
    let answer = talk.send(&report("nearly-complete")).await;
    assert_eq!((answer.status, error(&answer).tag.as_str()), (400, "invalid-value"));
    let stored = talk.server.store().reports(&device_id("SN-1")).await.unwrap();
    let types: Vec<_> = stored.iter().map(|report| report.progress_type).collect();
    assert_eq!(types, ProgressType::ALL);
    talk.server.stop().await;
}

#[tokio::test]
async fn srv_12_srv_13_srv_15_keys_are_kept_as_they_came_duplicates_included() {
    let mut talk = Talk::new().await;
    assert_eq!(talk.send(&post(DATA, EMPTY)).await.status, 200);
    let key = r#"{"algorithm":"ssh-ed25519","key-data":"AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    let body = format!(
        r#"{{"ietf-sztp-bootstrap-server:input":{{"progress-type":"bootstrap-complete",
            "ssh-host-keys":{{"ssh-host-key":[{key},{key}]}}}}}}"#
    );
    assert_eq!(talk.post(REPORT, YANG_DATA_JSON, "*/*", &body).await.status, 204);
    let device = device_id("SN-1");
    let stored = talk.server.store().reports(&device).await.unwrap();
    let [ReportedKey { kind, data }, second] = &stored[0].keys[..] else { panic!("{stored:?}") };
    assert_eq!((kind.as_str(), &data[..4], data.len()), ("ssh-ed25519", &[0, 0, 0, 11][..], 51));
    assert_eq!((kind, data), (&second.kind, &second.data));
    let state = talk.server.store().dossier(&device).await.unwrap().device.unwrap().state;
    assert_eq!(state, State::Bootstrapped, "SRV-17: the attempt is over");
    talk.server.stop().await;
}

/// A report of `bootstrap-complete` with these members beside it.
fn complete(members: &str) -> Vec<u8> {
    let start = r#"{"ietf-sztp-bootstrap-server:input":{"progress-type":"bootstrap-complete""#;
    post(REPORT, &format!("{start},{members}}}}}"))
}

fn with_chain(der: &[u8]) -> Vec<u8> {
    complete(&format!(r#""trust-anchor-certs":{{"trust-anchor-cert":["{}"]}}"#, STANDARD.encode(der)))
}

#[tokio::test]
async fn srv_13_art_35_a_trust_anchor_cert_is_one_chain_to_its_root_or_the_report_is_refused() {
    let mut talk = Talk::new().await;
    assert_eq!(talk.send(&post(DATA, EMPTY)).await.status, 200);
    let chain = talk.site.owner.tls_anchor().to_vec();
    let good = TrustAnchor::new(&chain).unwrap().der().to_vec();
    let certificates = |chain: &[pki::certificate::Certificate]| conveyed_info::cms::certificates_only(chain).unwrap();
    let (_, idevid) = talk.site.device("SN-1");
    let two_chains = [&chain[..], talk.site.maker.device_anchors()].concat();
    let voucher = talk.server.store().dossier(&device_id("SN-1")).await.unwrap().vouchers.remove(0);
    for (bad, what) in [
        (b"junk".to_vec(), "no CMS"),
        (good[..good.len() - 1].to_vec(), "cut short"),
        (certificates(&idevid[..1]), "a chain without its root"),
        (certificates(&two_chains), "two chains"),
        (voucher.der().to_vec(), "signed data with a content"),
    ] {
        let answer = talk.send(&with_chain(&bad)).await;
        assert_eq!((answer.status, error(&answer).tag.as_str()), (400, "invalid-value"), "{what}");
        assert!(error(&answer).path.unwrap().contains("trust-anchor-cert"), "{what}");
    }
    let device = device_id("SN-1");
    assert_eq!(talk.server.store().reports(&device).await.unwrap(), [], "nothing is kept of a refused report");
    assert_eq!(talk.send(&with_chain(&good)).await.status, 204);
    let stored = talk.server.store().reports(&device).await.unwrap();
    assert_eq!(stored[0].keys, [ReportedKey { kind: "trust-anchor-cert".to_owned(), data: good }], "octet for octet");
    talk.server.stop().await;
}

#[tokio::test]
async fn srv_15_an_ssh_host_key_is_of_the_algorithm_that_it_is_said_to_be_or_the_report_is_refused() {
    let mut talk = Talk::new().await;
    assert_eq!(talk.send(&post(DATA, EMPTY)).await.status, 200);
    let wire = |name: &str| [&[0, 0, 0, u8::try_from(name.len()).unwrap()], name.as_bytes(), &[0, 0, 0, 1, 7]].concat();
    let key = |algorithm: &str, data: &[u8]| {
        format!(r#"{{"algorithm":"{algorithm}","key-data":"{}"}}"#, STANDARD.encode(data))
    };
    let report = |keys: &[String]| complete(&format!(r#""ssh-host-keys":{{"ssh-host-key":[{}]}}"#, keys.join(",")));
    let good = key("ssh-ed25519", &wire("ssh-ed25519"));
    for bad in [
        key("ssh-ed25519", &wire("ssh-rsa")),
        key("ecdsa-sha2-nistp256", &wire("ecdsa-sha2-nistp384")),
        key("ssh-ed25519", b"AAAA"),
        key("ssh-ed25519", &[]),
        key("ssh-ed25519", &[255; 4]),
        key("ssh-ed25519", &wire("ssh-ed25519")[..15]),
    ] {
        let answer = talk.send(&report(&[good.clone(), bad.clone()])).await;
        assert_eq!((answer.status, error(&answer).tag.as_str()), (400, "invalid-value"), "{bad}");
        let error = error(&answer);
        assert!(error.message.starts_with("ssh-host-key-mismatch: host key 2 "), "{}", error.message);
        assert!(error.path.unwrap().ends_with("ssh-host-key/key-data"));
    }
    let device = device_id("SN-1");
    assert_eq!(talk.server.store().reports(&device).await.unwrap(), [], "nothing is kept of a refused report");
    // RFC 8332 §3: keys of format ssh-rsa sign by these algorithms too.
    let keys = [good, key("rsa-sha2-256", &wire("ssh-rsa")), key("ssh-rsa", &wire("ssh-rsa"))];
    assert_eq!(talk.send(&report(&keys)).await.status, 204);
    assert_eq!(talk.server.store().reports(&device).await.unwrap()[0].keys.len(), 3);
    talk.server.stop().await;
}

#[tokio::test]
async fn srv_19_a_report_of_a_device_that_was_never_served_is_stored_and_moves_nothing() {
    let mut talk = Talk::new().await;
    assert_eq!(talk.send(&report("bootstrap-complete")).await.status, 204);
    let device = device_id("SN-1");
    assert_eq!(talk.server.store().reports(&device).await.unwrap().len(), 1);
    let device = talk.server.store().dossier(&device).await.unwrap().device.unwrap();
    assert_ne!(device.state, State::Bootstrapped);
    let alarm = device.alarm.map(|alarm| alarm.reason.as_str());
    assert_eq!(alarm, Some("report-without-onboarding"), "somebody ought to look");
    talk.server.stop().await;
}
