//! `report-progress` (SRV-11 to SRV-17, RCF-14).

use bootstrap_server::{audit::ReportedKey, domain::State};
use conveyed_info::rpc::{ProgressType, YANG_DATA_JSON, YANG_DATA_XML};

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
