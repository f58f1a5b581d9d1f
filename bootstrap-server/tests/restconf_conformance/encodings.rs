//! Both encodings, in and out (RCF-15 to RCF-18, SRV-10).

use conveyed_info::{
    Encoding,
    cms::ContentType,
    rpc::{YANG_DATA_JSON, YANG_DATA_XML},
    verify::Accepted,
};

use crate::{
    EMPTY, PREFERRED, Talk, XML_EMPTY, document, encoding, error, output,
    support::{DATA, REPORT, request},
};

const DOTTED_XML: &str = "application/yang.data+xml";

#[tokio::test]
async fn rcf_15_srv_10_each_encoding_is_read_and_written_and_goes_on_inside() {
    let mut talk = Talk::new().await;
    for (body, sent) in [(EMPTY, YANG_DATA_JSON), (XML_EMPTY, YANG_DATA_XML), (XML_EMPTY, DOTTED_XML)] {
        for (wanted, content_type) in
            [(YANG_DATA_JSON, ContentType::ConveyedInfoJson), (YANG_DATA_XML, ContentType::ConveyedInfoXml)]
        {
            let answer = talk.post(DATA, sent, wanted, body).await;
            assert!(answer.head.contains(&format!("content-type: {wanted}\r\n")), "{}", answer.head);
            let (said, inside) = document(&answer);
            assert_eq!(said, content_type, "{sent} {wanted}");
            assert_eq!(Encoding::detect(&inside), Some(encoding(&answer)));
            assert!(matches!(talk.verified(&answer), Accepted::Onboarding(_)));
        }
    }
    talk.server.stop().await;
}

#[tokio::test]
async fn rcf_17_without_accept_the_answer_is_in_the_syntax_of_the_request() {
    let mut talk = Talk::new().await;
    for (content_type, body, expected) in [
        (Some(YANG_DATA_XML), XML_EMPTY, Encoding::Xml),
        (Some(YANG_DATA_JSON), EMPTY, Encoding::Json),
        // RCF-13: no body at all, and nothing said about it.
        (None, "", Encoding::Json),
        (Some(YANG_DATA_XML), "", Encoding::Xml),
    ] {
        let headers = content_type.map(|it| format!("content-type: {it}\r\n")).unwrap_or_default();
        let answer = talk.send(&request("POST", DATA, &headers, body)).await;
        assert_eq!((answer.status, encoding(&answer)), (200, expected), "{content_type:?} {body}");
        assert_eq!(output(&answer).reporting_level.as_str(), "verbose");
        // Whatever is as welcome does not change that.
        let answer = talk.send(&request("POST", DATA, &format!("{headers}accept: */*\r\n"), body)).await;
        assert_eq!(encoding(&answer), expected);
    }
    // A request of no octets and no framing is one without a body, too.
    let answer = talk.send(format!("POST {DATA} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await;
    assert_eq!((answer.status, encoding(&answer)), (200, Encoding::Json));
    talk.server.stop().await;
}

#[tokio::test]
async fn rcf_17_weights_decide_and_what_is_not_acceptable_is_406() {
    let mut talk = Talk::new().await;
    for (accept, expected) in [
        ("application/yang-data+json;q=0.2, application/yang-data+xml;q=0.3", Encoding::Xml),
        ("application/yang-data+xml;q=0, */*", Encoding::Json),
        ("text/html, application/*;q=0.1", Encoding::Json),
        ("application/yang.data+xml", Encoding::Xml),
    ] {
        let answer = talk.post(DATA, YANG_DATA_JSON, accept, EMPTY).await;
        assert_eq!((answer.status, encoding(&answer)), (200, expected), "{accept}");
    }
    for path in [DATA, REPORT] {
        for accept in ["text/html", "application/json", "*/*;q=0"] {
            let answer = talk.post(path, YANG_DATA_XML, accept, XML_EMPTY).await;
            // When nothing is acceptable, it is said in JSON.
            assert_eq!((answer.status, encoding(&answer)), (406, Encoding::Json), "{accept}");
            assert_eq!(error(&answer).tag.as_str(), "invalid-value");
        }
    }
    talk.server.stop().await;
}

#[tokio::test]
async fn rcf_16_a_body_says_what_it_is_and_comes_unpacked() {
    let mut talk = Talk::new().await;
    for (headers, status) in [
        ("content-type: text/plain\r\n", 415),
        ("content-type: application/json\r\n", 415),
        ("content-type: application/yang-data+json; charset=utf-16\r\n", 415),
        ("", 415),
        ("content-type: application/yang-data+json\r\ncontent-encoding: gzip\r\n", 415),
        ("content-type: application/yang-data+json\r\ncontent-encoding: identity\r\n", 200),
        ("content-type: application/yang-data+json; charset=UTF-8\r\n", 200),
        ("content-type: application/yang-data+json\r\ncontent-type: application/yang-data+json\r\n", 400),
        ("content-type: application/yang-data+json\r\ncontent-type: application/yang-data+xml\r\n", 400),
    ] {
        // The 400s end the connection, so each case has its own.
        talk = talk.reconnect().await;
        let answer = talk.send(&request("POST", DATA, headers, EMPTY)).await;
        assert_eq!(answer.status, status, "{headers}");
        if status == 415 {
            assert!(answer.head.contains("\naccept: application/yang-data+json") || headers.contains("gzip"));
            assert_eq!(error(&answer).tag.as_str(), "invalid-value");
        }
    }
    talk.server.stop().await;
}

#[tokio::test]
async fn srv_03_srv_04_who_prefers_signed_data_gets_a_signed_redirect_in_its_own_encoding() {
    let mut talk = Talk::new().await;
    for (accept, content_type) in
        [(YANG_DATA_JSON, ContentType::ConveyedInfoJson), (YANG_DATA_XML, ContentType::ConveyedInfoXml)]
    {
        let answer = talk.post(DATA, YANG_DATA_JSON, accept, PREFERRED).await;
        assert_eq!(document(&answer).0, content_type);
        assert!(matches!(talk.verified(&answer), Accepted::TrustedRedirect(_)));
        assert_eq!(output(&answer).reporting_level.as_str(), "minimal", "SRV-02");
    }
    talk.server.stop().await;
}
