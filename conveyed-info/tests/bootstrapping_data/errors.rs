//! Errors of RESTCONF (RFC 8040 §7): written exactly, read for what can be understood.

use conveyed_info::{
    DocumentError, Encoding,
    rpc::{BootstrappingRequest, CsrFormat, CsrRequest, ErrorTag, ProgressReport, RestconfError},
};
use serde_json::{Value, json};

#[test]
fn rcf_20_errors_have_a_type_a_tag_a_path_and_a_message() {
    let error =
        RestconfError { path: Some("m:input/nonce".into()), ..RestconfError::new(ErrorTag::InvalidValue, "short") };
    let document: Value = serde_json::from_slice(&error.encode(Encoding::Json)).unwrap();
    let expected = json!({"error-type": "application", "error-tag": "invalid-value", "error-path": "/m:input/nonce",
        "error-message": "short"});
    assert_eq!(document, json!({"ietf-restconf:errors": {"error": [expected]}}));
    for (tag, error_type) in
        [(ErrorTag::MalformedMessage, "rpc"), (ErrorTag::TooBig, "rpc"), (ErrorTag::AccessDenied, "protocol")]
    {
        let document: Value = serde_json::from_slice(&RestconfError::new(tag, "").encode(Encoding::Json)).unwrap();
        assert_eq!(document["ietf-restconf:errors"]["error"][0]["error-type"], error_type);
    }
}

#[test]
fn errors_are_read_as_far_as_they_can_be() {
    let read = |error: Value| {
        RestconfError::decode(
            json!({"ietf-restconf:errors": {"error": [error]}}).to_string().as_bytes(),
            Encoding::Json,
        )
    };
    let known = read(json!({"error-type": "application", "error-tag": "access-denied", "error-message": "who?"}));
    assert_eq!(known, Some(RestconfError::new(ErrorTag::AccessDenied, "who?")));
    // Devices only want to know why: a wrong error-type does no harm, a missing or unknown tag tells nothing.
    assert!(read(json!({"error-type": "mystery", "error-tag": "too-big"})).is_some());
    assert_eq!(read(json!({"error-type": "application"})), None);
    assert_eq!(read(json!({"error-tag": "out-of-luck"})), None);
    assert_eq!(RestconfError::decode(b"Internal Server Error", Encoding::Json), None);
    assert_eq!(RestconfError::decode(br#"{"ietf-restconf:errors":{"error":[]}}"#, Encoding::Json), None);
}

#[test]
fn rcf_21_every_tag_has_the_statuses_of_the_table() {
    // RFC 8040 §7 with erratum 7311.
    for (tag, statuses) in [
        ("in-use", &[409][..]),
        ("lock-denied", &[409]),
        ("resource-denied", &[409]),
        ("data-exists", &[409]),
        ("data-missing", &[409]),
        ("invalid-value", &[400, 404, 406]),
        ("too-big", &[413, 400]),
        ("missing-attribute", &[400]),
        ("bad-attribute", &[400]),
        ("unknown-attribute", &[400]),
        ("missing-element", &[400]),
        ("bad-element", &[400]),
        ("unknown-element", &[400]),
        ("unknown-namespace", &[400]),
        ("access-denied", &[401, 403]),
        ("rollback-failed", &[500]),
        ("operation-not-supported", &[405, 501]),
        ("operation-failed", &[500, 412]),
        ("partial-operation", &[500]),
        ("malformed-message", &[400]),
    ] {
        let known = ErrorTag::ALL.iter().find(|known| known.as_str() == tag).unwrap();
        assert_eq!(known.statuses(), statuses, "{tag}");
        for encoding in [Encoding::Json, Encoding::Xml] {
            let error = RestconfError::new(*known, "why");
            assert_eq!(RestconfError::decode(&error.encode(encoding), encoding), Some(error));
        }
    }
    assert_eq!(ErrorTag::ALL.len(), 20);
}

#[test]
fn rcf_27_what_is_wrong_has_its_tag() {
    let tag = |members: Value| {
        let body = json!({"ietf-sztp-bootstrap-server:input": members}).to_string();
        let error = ProgressReport::decode(body.as_bytes(), Encoding::Json).unwrap_err();
        RestconfError::from(&error).tag
    };
    // RFC 7950 §8.3: a false `when` is an unknown element.
    assert_eq!(tag(json!({"progress-type": "config-error", "ssh-host-keys": {}})), ErrorTag::UnknownElement);
    assert_eq!(tag(json!({"progress-type": "nearly"})), ErrorTag::InvalidValue);
    assert_eq!(tag(json!({})), ErrorTag::MissingElement);
    let conflict = DocumentError::Conflict { path: "m:a".into() };
    assert_eq!(RestconfError::from(&conflict).tag, ErrorTag::BadElement);
}

#[test]
fn several_errors_are_written_and_read_in_order() {
    let errors = [
        RestconfError { path: Some("m:input/n:a/b".into()), ..RestconfError::new(ErrorTag::InvalidValue, "<&>") },
        RestconfError::csr_wanted(
            CsrRequest { selected_algorithm: None, selected_format: CsrFormat::Cmp, cert_req_info: None },
            "CSR wanted",
        ),
    ];
    let written = RestconfError::encode_all(&errors, Encoding::Json);
    assert_eq!(RestconfError::decode_all(&written, Encoding::Json), errors);
    assert_eq!(RestconfError::decode(&written, Encoding::Json).as_ref(), errors.first());
    let written = RestconfError::encode_all(&errors, Encoding::Xml);
    let read = RestconfError::decode_all(&written, Encoding::Xml);
    // The prefixes of the path are the document's own.
    assert_eq!(read[0].path.as_deref(), Some("p0:input/p1:a/p1:b"));
    assert_eq!((&read[0].message, &read[1]), (&errors[0].message, &errors[1]));
}

#[test]
fn rcf_20_the_path_in_xml_has_its_namespaces() {
    let error = RestconfError {
        path: Some("ietf-sztp-bootstrap-server:input/nonce".into()),
        ..RestconfError::new(ErrorTag::InvalidValue, "short")
    };
    let expected = concat!(
        r#"<errors xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf"><error><error-type>application</error-type>"#,
        "<error-tag>invalid-value</error-tag>",
        r#"<error-path xmlns:p0="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server">/p0:input/p0:nonce</error-path>"#,
        "<error-message>short</error-message></error></errors>"
    );
    assert_eq!(String::from_utf8(error.encode(Encoding::Xml)).unwrap(), expected);
}

/// RFC 7951 §6.11: a step has a prefix where the module changes, and nowhere else. Where there is no such path there is
/// no `error-path`, which could not be empty.
#[test]
fn rcf_20_a_path_in_json_is_an_instance_identifier_or_not_there() {
    for (body, tag, path) in [
        (
            r#"{"ietf-sztp-bootstrap-server:input":{"ietf-sztp-bootstrap-server:nonce":""}}"#,
            "unknown-element",
            Some("/ietf-sztp-bootstrap-server:input/nonce"),
        ),
        (r#"{"ietf-sztp-bootstrap-server:input":{},"more":1}"#, "unknown-element", None),
        ("[]", "malformed-message", None),
    ] {
        let error = RestconfError::from(&BootstrappingRequest::decode(body.as_bytes(), Encoding::Json).unwrap_err());
        let written: Value = serde_json::from_slice(&error.encode(Encoding::Json)).unwrap();
        let written = &written["ietf-restconf:errors"]["error"][0];
        assert_eq!((written["error-tag"].as_str(), written["error-path"].as_str()), (Some(tag), path), "{body}");
        let xml = String::from_utf8(error.encode(Encoding::Xml)).unwrap();
        assert_eq!(xml.contains("error-path"), path.is_some(), "{xml}");
    }
}

#[test]
fn errors_of_servers_in_the_field_are_understood_as_far_as_they_can_be() {
    const NS: &str = "urn:ietf:params:xml:ns:yang:ietf-restconf";
    let denied = RestconfError::new(ErrorTag::AccessDenied, "who?");
    for xml in [
        // Wrapped, in a namespace of its own or in none.
        format!(
            "<content-data xmlns='urn:x'><errors xmlns='{NS}'><error><error-tag>access-denied</error-tag><error-message>who?</error-message></error></errors></content-data>"
        ),
        format!(
            "<content-data>\n <r:errors xmlns:r='{NS}'>\n <r:error><r:error-tag>access-denied</r:error-tag><r:error-message xml:lang='en'>who?</r:error-message></r:error></r:errors></content-data>"
        ),
        // The first that is understood; whatever stands beside it and inside error-info does not matter.
        format!(
            "<errors xmlns='{NS}'><error><error-tag>out-of-luck</error-tag></error><error/><error><hint xmlns='urn:y'/>\
             <error-info><a xmlns='urn:z' b='c'><d/></a></error-info><error-tag>access-denied</error-tag>\
             <error-message>who?</error-message></error></errors>"
        ),
    ] {
        assert_eq!(RestconfError::decode(xml.as_bytes(), Encoding::Xml).as_ref(), Some(&denied), "{xml}");
    }
    for none in
        ["Internal Server Error", "", "<html><body>502</body></html>", "<errors><error/></errors>", "<content-data/>"]
    {
        assert_eq!(RestconfError::decode(none.as_bytes(), Encoding::Xml), None, "{none}");
    }
    let many = vec![json!({"error-tag": "in-use"}); 100];
    let body = json!({"ietf-restconf:errors": {"error": many}}).to_string();
    assert_eq!(RestconfError::decode_all(body.as_bytes(), Encoding::Json).len(), 100);
}

#[test]
fn csr_28_a_missing_attribute_without_a_csr_request_is_an_ordinary_error() {
    for info in [
        json!({}),
        json!({"ietf-sztp-csr:csr-request": {}}),
        json!({"ietf-sztp-csr:csr-request": {"csr-generation": {"selected-format": {"format-identifier": "p10-csr"}}}}),
        json!({"csr-request": {"csr-generation": {"selected-format": {"format-identifier": "ietf-ztp-types:p10-csr"}}}}),
        json!("text"),
    ] {
        let error = json!({"error-tag": "missing-attribute", "error-message": "CSR wanted", "error-info": info});
        let body = json!({"ietf-restconf:errors": {"error": [error]}}).to_string();
        let expected = RestconfError::new(ErrorTag::MissingAttribute, "CSR wanted");
        assert_eq!(RestconfError::decode(body.as_bytes(), Encoding::Json), Some(expected), "{info}");
    }
}
