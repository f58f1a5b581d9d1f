//! Every error that a body can earn, in both encodings (RCF-20, RCF-21, RCF-24, RCF-25, RCF-27, CLI-23).

use conveyed_info::{
    Encoding,
    rpc::{RestconfError, YANG_DATA_JSON, YANG_DATA_XML},
};

use crate::{
    EMPTY, Talk, encoding, error,
    support::{self, Answer, DATA, REPORT, request},
};

/// Path, body, and what comes of it: status, error-tag, error-type, and what ends the error-path.
struct Case(&'static str, Body, u16, &'static str, &'static str, Option<&'static str>);

enum Body {
    /// Members of an input.
    Json(&'static str),
    /// Elements of an input.
    Xml(&'static str),
    /// A body as it is.
    Raw(&'static str, Vec<u8>),
}

use Body::{Json, Raw, Xml};

impl Body {
    fn written(&self) -> (&'static str, String) {
        match self {
            Json(members) => (YANG_DATA_JSON, format!(r#"{{"ietf-sztp-bootstrap-server:input":{{{members}}}}}"#)),
            Xml(elements) => {
                let namespace = "urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server";
                (YANG_DATA_XML, format!(r#"<input xmlns="{namespace}">{elements}</input>"#))
            }
            Raw(media_type, octets) => (media_type, String::from_utf8(octets.clone()).unwrap()),
        }
    }
}

fn cases() -> Vec<Case> {
    let (malformed, unknown, missing) = ("malformed-message", "unknown-element", "missing-element");
    let (invalid, bad) = ("invalid-value", "bad-element");
    let raw_json = |text: &str| Raw(YANG_DATA_JSON, text.into());
    let raw_xml = |text: &str| Raw(YANG_DATA_XML, text.into());
    let support = r#""ietf-sztp-csr:csr-support":{"csr-generation":{"supported-formats":{"format-identifier":["ietf-ztp-types:p10-csr"]}}}"#;
    let support: &'static str = support;
    vec![
        // Not a document at all.
        Case(DATA, raw_json("{"), 400, malformed, "rpc", None),
        Case(DATA, raw_json("\0\u{1}"), 400, malformed, "rpc", None),
        Case(DATA, Raw(YANG_DATA_JSON, b"[".repeat(20_000)), 400, malformed, "rpc", None),
        Case(DATA, raw_json("{}{}"), 400, malformed, "rpc", None),
        Case(DATA, Json(r#""hw-model":"a","hw-model":"b""#), 400, malformed, "rpc", None),
        Case(DATA, raw_xml("<input"), 400, malformed, "rpc", None),
        Case(DATA, raw_xml("<!DOCTYPE input [<!ENTITY a 'aaa'>]><input/>"), 400, malformed, "rpc", None),
        Case(DATA, Xml("&a;"), 400, malformed, "rpc", None),
        Case(DATA, Raw(YANG_DATA_XML, b"<a>".repeat(20_000)), 400, malformed, "rpc", None),
        Case(DATA, Xml("<hw-model>a</hw-model><hw-model>b</hw-model>"), 400, invalid, "application", Some("hw-model")),
        // One encoding, said to be the other.
        Case(DATA, raw_xml(EMPTY), 400, malformed, "rpc", None),
        Case(DATA, raw_json("<input/>"), 400, malformed, "rpc", None),
        Case(REPORT, raw_json(""), 400, malformed, "rpc", None),
        Case(REPORT, raw_xml(""), 400, malformed, "rpc", None),
        // What no module defines (RFC 7950 §8.3.1), a wrong prefix included (RCF-24).
        Case(DATA, Json(r#""colour":"red""#), 400, unknown, "application", Some("input/colour")),
        Case(DATA, Xml("<colour>red</colour>"), 400, unknown, "application", Some("input/p0:colour")),
        Case(DATA, Json(r#""ietf-sztp-bootstrap-server:hw-model":"x""#), 400, unknown, "application", Some("hw-model")),
        Case(DATA, Xml(r#"<hw-model xmlns="urn:x">m</hw-model>"#), 400, unknown, "application", None),
        Case(DATA, raw_json(r#"{"input":{}}"#), 400, unknown, "application", None),
        Case(DATA, raw_xml("<input/>"), 400, unknown, "application", None),
        // What the module demands.
        Case(REPORT, Json(""), 400, missing, "application", Some("progress-type")),
        Case(REPORT, Xml("<message>m</message>"), 400, missing, "application", Some("progress-type")),
        Case(
            REPORT,
            Json(r#""progress-type":"bootstrap-complete","ssh-host-keys":{"ssh-host-key":[{"algorithm":"x"}]}"#),
            400,
            missing,
            "application",
            Some("key-data"),
        ),
        // Values (RCF-25).
        Case(DATA, Json(r#""nonce":"AAAA""#), 400, invalid, "application", Some("nonce")),
        Case(DATA, Xml("<nonce>AAAA</nonce>"), 400, invalid, "application", Some("nonce")),
        Case(DATA, Json(r#""nonce":"not base64 at all, is it""#), 400, invalid, "application", Some("nonce")),
        Case(DATA, Json(r#""signed-data-preferred":true"#), 400, invalid, "application", Some("signed-data-preferred")),
        Case(DATA, Xml("<signed-data-preferred>x</signed-data-preferred>"), 400, invalid, "application", None),
        Case(DATA, Json(r#""hw-model":7"#), 400, invalid, "application", Some("hw-model")),
        Case(REPORT, Json(r#""progress-type":"nearly-done""#), 400, invalid, "application", Some("progress-type")),
        Case(REPORT, Xml("<progress-type>nearly-done</progress-type>"), 400, invalid, "application", None),
        // Keys of another report than the last one: their `when` is false (SRV-14).
        Case(
            REPORT,
            Json(r#""progress-type":"config-complete","ssh-host-keys":{}"#),
            400,
            unknown,
            "application",
            Some("ssh-host-keys"),
        ),
        Case(
            REPORT,
            Xml("<progress-type>config-complete</progress-type><trust-anchor-certs/>"),
            400,
            unknown,
            "application",
            Some("trust-anchor-certs"),
        ),
        // Both sides of a choice (RFC 7950 §8.3.2).
        Case(
            DATA,
            raw_json(&format!(
                r#"{{"ietf-sztp-bootstrap-server:input":{{{support},"ietf-sztp-csr:p10-csr":"MAA="}}}}"#
            )),
            400,
            bad,
            "application",
            Some("p10-csr"),
        ),
        // A feature that is off (RFC 9646 §2.2).
        Case(DATA, Json(r#""ietf-sztp-csr:p10-csr":"MAA=""#), 501, "operation-not-supported", "protocol", None),
    ]
}

/// What the error in an answer says: tag, type, path.
fn said(answer: &Answer) -> (String, String, Option<String>) {
    match encoding(answer) {
        Encoding::Json => {
            let json = answer.json();
            let error = &json["ietf-restconf:errors"]["error"][0];
            let text = |name: &str| error[name].as_str().map(ToOwned::to_owned);
            (text("error-tag").unwrap(), text("error-type").unwrap(), text("error-path"))
        }
        Encoding::Xml => {
            let text = str::from_utf8(&answer.body).unwrap();
            let of = |name: &str| {
                let (_, rest) = text.split_once(&format!("<{name}"))?;
                let (_, rest) = rest.split_once('>')?;
                Some(rest.split_once("</")?.0.to_owned())
            };
            (of("error-tag").unwrap(), of("error-type").unwrap(), of("error-path"))
        }
    }
}

#[tokio::test]
async fn rcf_20_rcf_21_rcf_27_every_error_of_a_body_in_both_encodings() {
    let mut talk = Talk::new().await;
    for Case(path, body, status, tag, error_type, error_path) in cases() {
        let (content_type, body) = body.written();
        let shown: String = body.chars().take(200).collect();
        for (accept, expected) in [(YANG_DATA_JSON, Encoding::Json), (YANG_DATA_XML, Encoding::Xml)] {
            let answer = talk.post(path, content_type, accept, &body).await;
            assert_eq!((answer.status, encoding(&answer)), (status, expected), "{shown}");
            let (said_tag, said_type, said_path) = said(&answer);
            assert_eq!((said_tag.as_str(), said_type.as_str()), (tag, error_type), "{shown}");
            if let Some(end) = error_path {
                let said_path = said_path.unwrap_or_default();
                let end = if expected == Encoding::Json { end.replace("p0:", "") } else { end.to_owned() };
                let end = end.rsplit('/').next().unwrap().to_owned();
                assert!(said_path.starts_with('/') && said_path.ends_with(&end), "{said_path}: {shown}");
            }
            assert!(answer.head.contains("cache-control: no-store"), "RCF-19: {}", answer.head);
            let RestconfError { message, tag, .. } = error(&answer);
            assert!(tag.statuses().contains(&status), "RCF-21: {shown}");
            assert!(message.starts_with("request-malformed: ") || status == 501, "{message}");
        }
    }
    // After all of that the connection still serves, and nothing was stored.
    assert_eq!(talk.send(&support::post(DATA, EMPTY)).await.status, 200);
    let log = talk.logged().await;
    assert!(log.iter().all(|body| !body.contains("progress-reported")));
}

#[tokio::test]
async fn rcf_21_what_is_not_there_is_404_in_the_encoding_that_was_asked_for() {
    let mut talk = Talk::new().await;
    for path in [
        "/",
        "/restconf/",
        "/restconf/operations/ietf-system:system-restart",
        "/restconf/data/ietf-system:system",
        "/a%00b",
    ] {
        for (accept, expected) in [(YANG_DATA_JSON, Encoding::Json), (YANG_DATA_XML, Encoding::Xml)] {
            for method in ["GET", "POST"] {
                let answer = talk.send(&request(method, path, &format!("accept: {accept}\r\n"), "")).await;
                assert_eq!((answer.status, encoding(&answer)), (404, expected), "{method} {path}");
                assert_eq!(said(&answer).0, "invalid-value");
            }
        }
    }
    talk.server.stop().await;
}

/// RFC 9646 §2.2: what a device can do is an offer; a server that wants no CSR answers with the data.
#[tokio::test]
async fn an_offer_to_make_a_csr_is_left_aside_and_a_csr_that_nobody_wants_is_refused() {
    let mut talk = Talk::new().await;
    let support = r#"{"ietf-sztp-bootstrap-server:input":{"ietf-sztp-csr:csr-support":
        {"csr-generation":{"supported-formats":{"format-identifier":["ietf-ztp-types:p10-csr"]}}}}}"#;
    assert_eq!(talk.send(&support::post(DATA, support)).await.status, 200);
    let csr = r#"{"ietf-sztp-bootstrap-server:input":{"ietf-sztp-csr:p10-csr":"MAA="}}"#;
    let answer = talk.send(&support::post(DATA, csr)).await;
    assert_eq!(answer.status, 501);
    assert!(error(&answer).message.starts_with("csr-not-wanted: "), "{}", error(&answer).message);
    talk.server.stop().await;
}

/// RFC 9112 §11.2: the connection ends where two readers could disagree on what comes next.
#[tokio::test]
async fn rcf_23_a_header_that_can_be_read_in_two_ways_is_refused_and_the_connection_ends() {
    let mut talk = Talk::new().await;
    let json = "content-type: application/yang-data+json\r\n";
    let chunked = format!("{:x}\r\n{EMPTY}\r\n0\r\n\r\n", EMPTY.len());
    for (headers, body, status) in [
        ("transfer-encoding: chunked\r\n", chunked.clone(), 200),
        // RFC 9112 §6.3: Transfer-Encoding overrides. hyper drops the length before we see it, so nobody behind us can
        // believe it.
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", chunked.clone(), 200),
        ("transfer-encoding: gzip, chunked\r\n", chunked.clone(), 400),
        ("transfer-encoding: chunked, chunked\r\n", chunked.clone(), 400),
        ("transfer-encoding: xchunked\r\n", chunked.clone(), 400),
        ("content-length: 39\r\ncontent-length: 40\r\n", EMPTY.to_owned(), 400),
        ("content-length: +39\r\n", EMPTY.to_owned(), 400),
        ("content-length: 39,39\r\n", EMPTY.to_owned(), 400),
        ("transfer-encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n".to_owned(), 400),
    ] {
        talk = talk.reconnect().await;
        let request = format!("POST {DATA} HTTP/1.1\r\nhost: x\r\n{json}{headers}\r\n{body}");
        let answer = talk.send(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{headers}{body}");
        if status == 400 {
            let mut rest = Vec::new();
            // Whatever was pipelined is not read as a request: the server hangs up.
            let closed = tokio::io::AsyncReadExt::read_to_end(&mut talk.stream, &mut rest);
            let ended = tokio::time::timeout(std::time::Duration::from_secs(20), closed).await;
            assert!(ended.is_ok() && !String::from_utf8_lossy(&rest).contains("HTTP/1.1 200"), "{headers}");
        }
    }
    talk.server.stop().await;
}

/// RCF-23, with the octet that makes the difference.
#[tokio::test]
async fn rcf_23_sixty_four_kibibytes_are_read_and_one_octet_more_is_413() {
    let mut talk = Talk::new().await;
    let of = |length: usize| format!("{EMPTY}{}", " ".repeat(length - EMPTY.len()));
    assert_eq!(talk.send(&support::post(DATA, &of(64 * 1024))).await.status, 200);
    let answer = talk.post(DATA, YANG_DATA_JSON, YANG_DATA_XML, &of(64 * 1024 + 1)).await;
    assert_eq!((answer.status, error(&answer).tag.as_str(), encoding(&answer)), (413, "too-big", Encoding::Xml));
    talk.server.stop().await;
}
