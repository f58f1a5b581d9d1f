//! How each class of devices is spoken with, by the name of its wire profile.

use conveyed_info::{
    Encoding,
    cms::ContentType,
    information::Information,
    rpc::{YANG_DATA_JSON, YANG_DATA_XML},
    verify::Accepted,
};

use crate::{
    EMPTY, PREFERRED, Talk, XML_EMPTY, document, encoding, error, member, output,
    support::{DATA, REPORT, Site, post},
};

const IMAGE: &str = "\n[boot-image]\nos-name = 'AcmeOS'\nos-version = '2.1'\ndownload-uris = ['https://h/i']\n\
    sha256 = 'abababababababababababababababababababababababababababababababab'\n";

/// The profile of a class, with everything that a device may be told.
fn profile(wire_profile: &str) -> String {
    format!("wire-profile = '{wire_profile}'\nreporting-level = 'verbose'\n{IMAGE}")
}

/// What the OPI agent sends: an empty nonce at first, then hollow containers with every report, text for a chain at last.
const OPI: [(&str, &str, &str); 4] = [
    (
        DATA,
        r#"{"ietf-sztp-bootstrap-server:input":{"hw-model":"m","os-name":"o","os-version":"1","nonce":""}}"#,
        "empty-nonce",
    ),
    (
        REPORT,
        r#"{"ietf-sztp-bootstrap-server:input":{"progress-type":"bootstrap-initiated","message":"m",
            "ssh-host-keys":{"ssh-host-key":[]},"trust-anchor-certs":{"trust-anchor-cert":[]}}}"#,
        "empty-key-containers",
    ),
    (
        REPORT,
        r#"{"ietf-sztp-bootstrap-server:input":{"progress-type":"config-complete","ssh-host-keys":{},"trust-anchor-certs":{}}}"#,
        "empty-key-containers",
    ),
    (
        REPORT,
        r#"{"ietf-sztp-bootstrap-server:input":{"progress-type":"bootstrap-complete",
            "ssh-host-keys":{"ssh-host-key":[{"algorithm":"ssh-rsa","key-data":"AAAAB3NzaC1yc2EAAAABAw=="}]},
            "trust-anchor-certs":{"trust-anchor-cert":["anVuaw=="]}}}"#,
        "opaque-trust-anchor",
    ),
];

#[tokio::test]
async fn srv_22_rfc8572_refuses_what_the_opi_agent_sends() {
    let mut talk = Talk::new().await;
    for (path, body, _) in OPI {
        let answer = talk.send(&post(path, body)).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(["invalid-value", "unknown-element"].contains(&error(&answer).tag.as_str()));
    }
    let log = talk.logged().await;
    assert!(!log.iter().any(|body| body.contains("departures") || body.contains("progress-reported")));
}

#[tokio::test]
async fn srv_22_opi_agent_passes_over_what_it_must_and_says_so_in_the_log() {
    let mut talk = Talk::new().await;
    talk.apply(&profile("opi-agent")).await;
    for (path, body, _) in OPI {
        let answer = talk.send(&post(path, body)).await;
        assert_eq!(answer.status, if path == DATA { 200 } else { 204 }, "{body}");
    }
    // Lenient in what it names, and in nothing else.
    let nonce = r#"{"ietf-sztp-bootstrap-server:input":{"nonce":"AAAA"}}"#;
    assert_eq!(talk.send(&post(DATA, nonce)).await.status, 400);
    let colour = r#"{"ietf-sztp-bootstrap-server:input":{"colour":"red"}}"#;
    assert_eq!(talk.send(&post(DATA, colour)).await.status, 400);
    let log = talk.logged().await;
    let departed: Vec<_> = log.iter().filter(|body| body.contains("\"departures\"")).collect();
    assert_eq!(departed.len(), OPI.len());
    for (body, (_, _, leniency)) in departed.into_iter().zip(OPI) {
        assert!(body.contains("opi-agent") && body.contains(leniency), "{leniency}: {body}");
    }
}

#[tokio::test]
async fn opi_agent_gets_bare_json_without_a_member_that_it_does_not_know() {
    let mut talk = Talk::new().await;
    talk.apply(&profile("opi-agent")).await;
    let answer = talk.send(&post(DATA, EMPTY)).await;
    let output = answer.json()["ietf-sztp-bootstrap-server:output"].clone();
    assert_eq!(output.as_object().unwrap().keys().collect::<Vec<_>>(), ["conveyed-information"]);
    let (said, inside) = document(&answer);
    assert_eq!(said, ContentType::ConveyedInfoJson);
    let inside: serde_json::Value = serde_json::from_slice(&inside).unwrap();
    let image = inside["ietf-sztp-conveyed-info:onboarding-information"]["boot-image"].clone();
    assert_eq!(image.as_object().unwrap().keys().collect::<Vec<_>>(), ["download-uri", "image-verification"]);
    // SRV-03: also from such a class, whoever prefers signed data is not given unsigned onboarding information.
    let answer = talk.send(&post(DATA, PREFERRED)).await;
    assert_eq!(answer.status, 404);
    assert!(error(&answer).message.starts_with("signed-data-unavailable"));
    talk.server.stop().await;
}

#[tokio::test]
async fn cisco_ios_xe_asks_in_xml_and_reads_signed_json_inside() {
    let mut talk = Talk::new().await;
    talk.apply(&profile("cisco-ios-xe")).await;
    let answer = talk.post(DATA, YANG_DATA_XML, YANG_DATA_XML, XML_EMPTY).await;
    assert_eq!(encoding(&answer), Encoding::Xml);
    let (said, inside) = document(&answer);
    assert_eq!((said, Encoding::detect(&inside)), (ContentType::ConveyedInfoJson, Some(Encoding::Json)));
    assert!(member(&answer, "owner-certificate").is_some() && member(&answer, "ownership-voucher").is_some());
    assert!(matches!(talk.verified(&answer), Accepted::Onboarding(_)));
    let log = talk.logged().await;
    assert!(log.iter().any(|body| body.contains("answered") && body.contains("cisco-ios-xe")));
}

#[tokio::test]
async fn cisco_ios_xe_without_a_voucher_gets_nothing_rather_than_unsigned_data() {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &[]).await;
    crate::register(&store, "SN-1").await;
    store.close().await;
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let mut talk = Talk::with(site, server).await;
    assert_eq!(talk.send(&post(DATA, EMPTY)).await.status, 200, "to the letter, a device that trusts us may have it");
    talk.apply(&profile("cisco-ios-xe")).await;
    let answer = talk.send(&post(DATA, EMPTY)).await;
    assert_eq!(answer.status, 404);
    assert!(error(&answer).message.starts_with("signed-data-unavailable"));
    talk.server.stop().await;
}

#[tokio::test]
async fn id_data_labels_what_is_signed_as_data_and_stays_verifiable() {
    let mut talk = Talk::new().await;
    talk.apply(&profile("id-data")).await;
    for (accept, expected) in [(YANG_DATA_JSON, Encoding::Json), (YANG_DATA_XML, Encoding::Xml)] {
        let answer = talk.post(DATA, YANG_DATA_JSON, accept, EMPTY).await;
        let (said, inside) = document(&answer);
        assert_eq!((said, Encoding::detect(&inside)), (ContentType::Data, Some(expected)));
        assert!(matches!(talk.verified(&answer), Accepted::Onboarding(_)));
    }
    talk.server.stop().await;
}

#[tokio::test]
async fn rfc8572_sends_every_member_and_no_departure_is_logged() {
    let mut talk = Talk::new().await;
    talk.apply(&profile("rfc8572")).await;
    let answer = talk.send(&post(DATA, EMPTY)).await;
    assert_eq!(output(&answer).reporting_level.as_str(), "verbose", "SRV-02");
    let Ok(Information::Onboarding(told)) = Information::decode(&document(&answer).1, Encoding::Json) else { panic!() };
    assert_eq!(told.boot_image.unwrap().os_name.as_deref(), Some("AcmeOS"));
    assert!(!talk.logged().await.iter().any(|body| body.contains("departures")));
}
