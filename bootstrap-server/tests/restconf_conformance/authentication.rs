//! How a device shows who it is (RCF-02 to RCF-05, SEC-23).

use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{RunningServer, audit::Event, domain::ActivationCode, store::Batch};

use crate::{
    EMPTY, Talk,
    support::{Answer, DATA, REPORT, connect, connector, device_id, exchange, request},
};

fn basic(user: &str, code: &str) -> String {
    format!("authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{code}")))
}

fn ask(headers: &str) -> Vec<u8> {
    request("POST", DATA, &format!("content-type: application/yang-data+json\r\n{headers}"), EMPTY)
}

fn profile(authentication: &str) -> String {
    format!("authentication = '{authentication}'\n[configuration]\nhandling = 'merge'\ncontent = '{{}}'\n")
}

async fn set_code(server: &RunningServer, code: &str) {
    let event = Event::ActivationCodeSet { device: device_id("SN-1"), code: ActivationCode::of(code, [9; 16]) };
    server.store().commit(Batch::from(event)).await.unwrap();
}

#[track_caller]
fn refused(answer: &Answer, reason: &str) {
    assert_eq!((answer.status, answer.error().0.as_str()), (401, "access-denied"));
    assert!(answer.error().1.starts_with(reason), "{}", answer.error().1);
    // RFC 9110 §15.5.2: always with a way out.
    assert!(answer.head.contains("www-authenticate: basic realm="), "{}", answer.head);
}

#[tokio::test]
async fn rcf_03_certificate_alone_is_the_default_and_needs_no_code() {
    let mut talk = Talk::new().await;
    assert_eq!(talk.send(&ask("")).await.status, 200);
    // RCF-04: a user name that is given agrees, also where nobody asks for it.
    assert_eq!(talk.send(&ask(&basic("SN-1", "whatever"))).await.status, 200);
    refused(&talk.send(&ask(&basic("SN-2", "whatever"))).await, "credentials-mismatch");
    refused(&talk.send(&ask("authorization: Basic ???\r\n")).await, "credentials-refused");
    // A scheme that is none of ours says nothing.
    assert_eq!(talk.send(&ask("authorization: Bearer x\r\n")).await.status, 200);
    let log = talk.logged().await;
    assert!(log.iter().any(|body| body.contains("credentials-mismatch") && body.contains("SN-2")), "an audit entry");
}

#[tokio::test]
async fn rcf_03_rcf_04_certificate_and_basic_needs_both_and_both_agree() {
    let mut talk = Talk::new().await;
    talk.apply(&profile("certificate-and-basic")).await;
    refused(&talk.send(&ask("")).await, "credentials-missing");
    refused(&talk.send(&ask(&basic("SN-1", "secret"))).await, "credentials-refused");
    set_code(&talk.server, "secret").await;
    refused(&talk.send(&ask(&basic("SN-1", "wrong"))).await, "credentials-refused");
    refused(&talk.send(&ask(&basic("SN-2", "secret"))).await, "credentials-mismatch");
    assert_eq!(talk.send(&ask(&basic("SN-1", "secret"))).await.status, 200);
    // Reports, too, and another code puts an end to the one that was remembered.
    let body = r#"{"ietf-sztp-bootstrap-server:input":{"progress-type":"bootstrap-initiated"}}"#;
    let report = |credentials: &str| {
        request("POST", REPORT, &format!("content-type: application/yang-data+json\r\n{credentials}"), body)
    };
    refused(&talk.send(&report("")).await, "credentials-missing");
    assert_eq!(talk.send(&report(&basic("SN-1", "secret"))).await.status, 204);
    let event = Event::ActivationCodeSet { device: device_id("SN-1"), code: ActivationCode::of("fresh", [8; 16]) };
    talk.server.store().commit(Batch::from(event)).await.unwrap();
    refused(&talk.send(&ask(&basic("SN-1", "secret"))).await, "credentials-refused");
    assert_eq!(talk.send(&ask(&basic("SN-1", "fresh"))).await.status, 200);
    // The code alone does not do.
    let mut bare = connect(&talk.server, &connector(None)).await.unwrap();
    refused(&exchange(&mut bare, &ask(&basic("SN-1", "fresh"))).await.unwrap(), "credentials-refused");
    drop(bare);
    let log = talk.logged().await;
    assert!(log.iter().any(|body| body.contains("answered") && body.contains("certificate-and-basic")));
    for reason in ["credentials-missing", "credentials-refused", "credentials-mismatch"] {
        assert!(log.iter().any(|body| body.contains(reason)), "{reason}");
    }
    assert!(!log.iter().any(|body| body.contains("secret") || body.contains("fresh")), "no code is ever logged");
}

#[tokio::test]
async fn rcf_03_basic_alone_serves_a_device_without_a_certificate() {
    let talk = Talk::new().await;
    talk.apply(&profile("basic")).await;
    set_code(&talk.server, "secret").await;
    let mut bare = connect(&talk.server, &connector(None)).await.unwrap();
    refused(&exchange(&mut bare, &ask("")).await.unwrap(), "idevid-missing");
    refused(&exchange(&mut bare, &ask(&basic("SN-1", "wrong"))).await.unwrap(), "credentials-refused");
    assert_eq!(exchange(&mut bare, &ask(&basic("SN-1", "secret"))).await.unwrap().status, 200);
    let root = request("GET", "/restconf", &basic("SN-1", "secret"), "");
    assert_eq!(exchange(&mut bare, &root).await.unwrap().status, 200);
    drop(bare);
    let log = talk.logged().await;
    assert!(log.iter().any(|body| body.contains("answered") && body.contains("\"authentication\":\"basic\"")));
}

#[tokio::test]
async fn sec_23_whoever_is_not_authenticated_cannot_tell_which_serial_numbers_exist() {
    let talk = Talk::new().await;
    set_code(&talk.server, "secret").await;
    let mut bare = connect(&talk.server, &connector(None)).await.unwrap();
    let mut seen = Vec::new();
    // One that may not do without its certificate, one that may, and one that nobody knows.
    for (class, user) in
        [("certificate", "SN-1"), ("basic", "SN-1"), ("basic", "SN-404"), ("basic", "not a name\u{fffd}")]
    {
        talk.apply(&profile(class)).await;
        let answer = exchange(&mut bare, &ask(&basic(user, "guess"))).await.unwrap();
        let head: Vec<_> =
            answer.head.lines().filter(|line| !line.starts_with("date")).map(ToOwned::to_owned).collect();
        seen.push((answer.status, head, answer.body));
    }
    assert!(seen.iter().all(|answer| *answer == seen[0]), "{seen:?}");
    drop(bare);
    // The owner can tell.
    let log = talk.logged().await;
    assert!(log.iter().any(|body| body.contains("credentials-refused")));
}

#[tokio::test]
async fn rcf_05_no_input_gives_a_device_the_data_of_another() {
    let site = crate::support::Site::new();
    let server = site.start(&["SN-1", "SN-2"]).await;
    let mut talk = Talk::with(site, server).await;
    let vouchers = async |talk: &mut Talk, headers: &str, path: &str| {
        let body = r#"{"ietf-sztp-bootstrap-server:input":{"hw-model":"SN-2","os-name":"SN-2"}}"#;
        let headers = format!("content-type: application/yang-data+json\r\n{headers}");
        let answer = talk.send(&request("POST", path, &headers, body)).await;
        (answer.status, (answer.status == 200).then(|| crate::member(&answer, "ownership-voucher").unwrap()))
    };
    let (_, own) = vouchers(&mut talk, "", DATA).await;
    assert!(own.is_some());
    for (headers, path) in [
        (basic("SN-2", "x"), DATA.to_owned()),
        ("x-serial-number: SN-2\r\nserial-number: SN-2\r\nx-ssl-client-cert: SN-2\r\n".to_owned(), DATA.to_owned()),
        (String::new(), format!("{DATA}?serial-number=SN-2")),
        (String::new(), format!("{DATA}/SN-2")),
    ] {
        let (status, voucher) = vouchers(&mut talk, &headers, &path).await;
        assert!(voucher.is_none() || voucher == own, "{status} {headers} {path}");
    }
    talk.server.stop().await;
}
