//! The messages of RFC 9646 in both encodings, and the checks that need nobody else.

use conveyed_info::{
    DocumentError, Encoding,
    rpc::{
        BootstrappingRequest, CertReqInfo, Csr, CsrFormat, CsrInput, CsrRequest, CsrRequestError, CsrSupport, ErrorTag,
        KeyAlgorithm, RestconfError,
    },
};
use der::{Decode, Encode};
use pki::{
    algorithm::AlgorithmError,
    key::Signer,
    request::{CertificationRequest, CertificationRequestError},
};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::{Value, json};
use x509_cert::request::CertReq;

use crate::support::{Party, ca};

/// EC P-256, EC P-384 and Ed25519 as DER in base64.
const P256: &str = "MBMGByqGSM49AgEGCCqGSM49AwEH";
const P384: &str = "MBAGByqGSM49AgEGBSuBBAAi";
const ED25519: &str = "MAUGAytlcA==";
const P10: &str = "ietf-ztp-types:p10-csr";

fn algorithm(base64: &str) -> KeyAlgorithm {
    use base64::{Engine, engine::general_purpose::STANDARD};
    KeyAlgorithm::from_der(&STANDARD.decode(base64).unwrap()).unwrap()
}

fn support() -> CsrSupport {
    CsrSupport::new(Some(vec![algorithm(P256), algorithm(ED25519)]), vec![CsrFormat::P10, CsrFormat::Cmp]).unwrap()
}

fn request(csr: CsrInput) -> BootstrappingRequest {
    BootstrappingRequest { hw_model: Some("m-1".into()), csr: Some(csr), ..BootstrappingRequest::default() }
}

fn read(members: &Value) -> Result<BootstrappingRequest, DocumentError> {
    let body = json!({"ietf-sztp-bootstrap-server:input": members}).to_string();
    BootstrappingRequest::decode(body.as_bytes(), Encoding::Json)
}

fn support_of(key_generation: Value, formats: Value) -> Value {
    json!({"ietf-sztp-csr:csr-support": {"key-generation": key_generation,
        "csr-generation": {"supported-formats": {"format-identifier": formats}}}})
}

/// A PKCS#10 request of a fresh key.
fn pkcs10(pair: &KeyPair, name: &str) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serialize_request(pair).unwrap().der().to_vec()
}

#[test]
fn csr_01_csr_03_what_a_device_supports_in_both_encodings() {
    let model = request(CsrInput::Support(support()));
    let json = concat!(
        r#"{"ietf-sztp-bootstrap-server:input":{"hw-model":"m-1","ietf-sztp-csr:csr-support":{"key-generation":"#,
        r#"{"supported-algorithms":{"algorithm-identifier":["MBMGByqGSM49AgEGCCqGSM49AwEH","MAUGAytlcA=="]}},"#,
        r#""csr-generation":{"supported-formats":{"format-identifier":["ietf-ztp-types:p10-csr","ietf-ztp-types:cmp-csr"]}}}}}"#
    );
    let xml = concat!(
        r#"<input xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server"><hw-model>m-1</hw-model>"#,
        r#"<csr-support xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-csr"><key-generation><supported-algorithms>"#,
        "<algorithm-identifier>MBMGByqGSM49AgEGCCqGSM49AwEH</algorithm-identifier>",
        "<algorithm-identifier>MAUGAytlcA==</algorithm-identifier></supported-algorithms></key-generation>",
        "<csr-generation><supported-formats>",
        r#"<format-identifier xmlns:i="urn:ietf:params:xml:ns:yang:ietf-ztp-types">i:p10-csr</format-identifier>"#,
        r#"<format-identifier xmlns:i="urn:ietf:params:xml:ns:yang:ietf-ztp-types">i:cmp-csr</format-identifier>"#,
        "</supported-formats></csr-generation></csr-support></input>"
    );
    for (encoding, text) in [(Encoding::Json, json), (Encoding::Xml, xml)] {
        assert_eq!(String::from_utf8(model.encode(encoding)).unwrap(), text);
        assert_eq!(BootstrappingRequest::decode(text.as_bytes(), encoding).as_ref(), Ok(&model));
    }
}

#[test]
fn csr_05_without_key_generation_there_is_only_the_key_of_the_identity() {
    let support = CsrSupport::new(None, vec![CsrFormat::Cmc]).unwrap();
    let model = request(CsrInput::Support(support.clone()));
    for encoding in [Encoding::Json, Encoding::Xml] {
        let written = model.encode(encoding);
        assert!(!String::from_utf8_lossy(&written).contains("key-generation"));
        assert_eq!(BootstrappingRequest::decode(&written, encoding).as_ref(), Ok(&model));
    }
    assert_eq!((support.key_generation(), support.formats()), (None, &[CsrFormat::Cmc][..]));
}

#[test]
fn csr_02_csr_12_each_form_of_csr_is_a_member_of_the_augmenting_module() {
    for (format, name) in [(CsrFormat::P10, "p10-csr"), (CsrFormat::Cmc, "cmc-csr"), (CsrFormat::Cmp, "cmp-csr")] {
        let model = request(CsrInput::Csr(Csr::from_der(format, vec![0x30, 0]).unwrap()));
        let json =
            format!(r#"{{"ietf-sztp-bootstrap-server:input":{{"hw-model":"m-1","ietf-sztp-csr:{name}":"MAA="}}}}"#);
        let xml = format!(
            "<input xmlns=\"urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server\"><hw-model>m-1</hw-model>\
             <{name} xmlns=\"urn:ietf:params:xml:ns:yang:ietf-sztp-csr\">MAA=</{name}></input>"
        );
        for (encoding, text) in [(Encoding::Json, json), (Encoding::Xml, xml)] {
            assert_eq!(String::from_utf8(model.encode(encoding)).unwrap(), text);
            assert_eq!(BootstrappingRequest::decode(text.as_bytes(), encoding).as_ref(), Ok(&model));
        }
    }
}

#[test]
fn csr_01_one_thing_or_the_other() {
    let support = &support_of(json!({"supported-algorithms": {"algorithm-identifier": [P256]}}), json!([P10]))["ietf-sztp-csr:csr-support"];
    for both in [
        json!({"ietf-sztp-csr:csr-support": support, "ietf-sztp-csr:p10-csr": "MAA="}),
        json!({"ietf-sztp-csr:p10-csr": "MAA=", "ietf-sztp-csr:cmp-csr": "MAA="}),
    ] {
        let error = read(&both).unwrap_err();
        assert!(matches!(error, DocumentError::Conflict { .. }), "{error}");
        assert_eq!(RestconfError::from(&error).tag, ErrorTag::BadElement);
    }
}

#[test]
fn what_no_module_allows_is_refused() {
    let algorithms = |list: Value| json!({"supported-algorithms": {"algorithm-identifier": list}});
    for (members, tag) in [
        // CSR-03: lists are not empty, and there are formats.
        (support_of(algorithms(json!([])), json!([P10])), ErrorTag::InvalidValue),
        (support_of(json!({}), json!([P10])), ErrorTag::MissingElement),
        (support_of(algorithms(json!([P256])), json!([])), ErrorTag::InvalidValue),
        (json!({"ietf-sztp-csr:csr-support": {}}), ErrorTag::MissingElement),
        (json!({"ietf-sztp-csr:csr-support": {"csr-generation": {}}}), ErrorTag::MissingElement),
        // CSR-02: the prefix is not left out, and is the right one.
        (support_of(algorithms(json!([P256])), json!(["p10-csr"])), ErrorTag::InvalidValue),
        (support_of(algorithms(json!([P256])), json!(["ietf-sztp-csr:p10-csr"])), ErrorTag::InvalidValue),
        (support_of(algorithms(json!([P256])), json!(["ietf-ztp-types:p12"])), ErrorTag::InvalidValue),
        (json!({"csr-support": {}}), ErrorTag::UnknownElement),
        (json!({"ietf-ztp-types:p10-csr": "MAA="}), ErrorTag::UnknownElement),
        (json!({"csr": {"p10-csr": "MAA="}}), ErrorTag::UnknownElement),
        // CSR-04: algorithms are DER.
        (support_of(algorithms(json!(["AAAA"])), json!([P10])), ErrorTag::InvalidValue),
        (support_of(algorithms(json!(vec![P256; 33])), json!([P10])), ErrorTag::InvalidValue),
        (json!({"ietf-sztp-csr:p10-csr": "AAAA"}), ErrorTag::InvalidValue),
    ] {
        assert_eq!(RestconfError::from(&read(&members).unwrap_err()).tag, tag, "{members}");
    }
    for der in [&b""[..], b"\x30", b"\x30\x01", b"\x30\x00\x00", b"\x31\x00", b"\x30\x80\x00\x00", b"\x04\x00"] {
        assert_eq!(Csr::from_der(CsrFormat::Cmc, der.to_vec()), None);
    }
}

#[test]
fn csr_03_an_empty_list_is_named_where_it_stands() {
    let none = json!({"supported-algorithms": {"algorithm-identifier": []}});
    let error = RestconfError::from(&read(&support_of(none, json!([P10]))).unwrap_err());
    let expected = concat!(
        "ietf-sztp-bootstrap-server:input/ietf-sztp-csr:csr-support/key-generation/supported-algorithms/",
        "algorithm-identifier"
    );
    assert_eq!(error.path.as_deref(), Some(expected));
}

#[test]
fn csr_06_a_server_asks_for_a_csr_in_both_encodings() {
    let wanted =
        CsrRequest { selected_algorithm: Some(algorithm(P256)), selected_format: CsrFormat::P10, cert_req_info: None };
    let error = RestconfError::csr_wanted(wanted, "CSR wanted");
    let json = concat!(
        r#"{"ietf-restconf:errors":{"error":[{"error-type":"application","error-tag":"missing-attribute","#,
        r#""error-message":"CSR wanted","error-info":{"ietf-sztp-csr:csr-request":{"#,
        r#""key-generation":{"selected-algorithm":{"algorithm-identifier":"MBMGByqGSM49AgEGCCqGSM49AwEH"}},"#,
        r#""csr-generation":{"selected-format":{"format-identifier":"ietf-ztp-types:p10-csr"}}}}}]}}"#
    );
    let xml = concat!(
        r#"<errors xmlns="urn:ietf:params:xml:ns:yang:ietf-restconf"><error><error-type>application</error-type>"#,
        "<error-tag>missing-attribute</error-tag><error-message>CSR wanted</error-message><error-info>",
        r#"<csr-request xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-csr"><key-generation><selected-algorithm>"#,
        "<algorithm-identifier>MBMGByqGSM49AgEGCCqGSM49AwEH</algorithm-identifier></selected-algorithm>",
        "</key-generation><csr-generation><selected-format>",
        r#"<format-identifier xmlns:i="urn:ietf:params:xml:ns:yang:ietf-ztp-types">i:p10-csr</format-identifier>"#,
        "</selected-format></csr-generation></csr-request></error-info></error></errors>"
    );
    for (encoding, text) in [(Encoding::Json, json), (Encoding::Xml, xml)] {
        assert_eq!(String::from_utf8(error.encode(encoding)).unwrap(), text);
        assert_eq!(RestconfError::decode(text.as_bytes(), encoding).as_ref(), Some(&error));
    }
    assert_eq!(error.tag.statuses(), [400]);
}

#[test]
fn csr_07_csr_08_a_server_chooses_among_what_was_offered() {
    let request = |selected: Option<&str>, selected_format| CsrRequest {
        selected_algorithm: selected.map(algorithm),
        selected_format,
        cert_req_info: None,
    };
    let offered = support();
    for good in [Some(P256), Some(ED25519), None] {
        assert_eq!(request(good, CsrFormat::Cmp).check(&offered), Ok(()));
    }
    let refused = request(Some(P384), CsrFormat::P10).check(&offered);
    assert_eq!(refused, Err(CsrRequestError::AlgorithmNotOffered { selected: algorithm(P384) }));
    let refused = request(Some(P256), CsrFormat::Cmc).check(&offered);
    assert_eq!(refused, Err(CsrRequestError::FormatNotOffered { selected: CsrFormat::Cmc }));
    let identity_only = CsrSupport::new(None, vec![CsrFormat::P10]).unwrap();
    let refused = request(Some(P256), CsrFormat::P10).check(&identity_only);
    assert_eq!(refused, Err(CsrRequestError::KeyGenerationNotOffered));
}

#[test]
fn csr_09_csr_11_what_the_csr_is_to_say_has_a_key_of_the_selected_algorithm() {
    let der = CertReq::from_der(&pkcs10(&KeyPair::generate().unwrap(), "SN-0001")).unwrap().info.to_der().unwrap();
    let info = CertReqInfo::from_der(&der).unwrap();
    assert_eq!((info.subject().to_string().as_str(), info.der()), ("CN=SN-0001", &der[..]));
    let wanted = CsrRequest {
        selected_algorithm: Some(algorithm(P256)),
        selected_format: CsrFormat::P10,
        cert_req_info: Some(info),
    };
    assert_eq!(wanted.check(&support()), Ok(()));
    for encoding in [Encoding::Json, Encoding::Xml] {
        let error = RestconfError::csr_wanted(wanted.clone(), "");
        assert_eq!(RestconfError::decode(&error.encode(encoding), encoding), Some(error));
    }
    let other = CsrRequest { selected_algorithm: Some(algorithm(ED25519)), ..wanted };
    let refused = other.check(&support());
    assert_eq!(
        refused,
        Err(CsrRequestError::AlgorithmMismatch { selected: algorithm(ED25519), found: algorithm(P256) })
    );
    assert!(CertReqInfo::from_der(b"\x30\x00").is_none() && CertReqInfo::from_der(&[der, vec![0]].concat()).is_none());
}

#[test]
fn csr_19_a_pkcs10_request_proves_possession_of_its_key() {
    let pair = KeyPair::generate().unwrap();
    let der = pkcs10(&pair, "SN-0001");
    let request = CertificationRequest::from_der(&der).unwrap();
    assert_eq!((request.subject().to_string().as_str(), request.der()), ("CN=SN-0001", &der[..]));
    let party = Party::root(ca("other"));
    assert_ne!(request.public_key(), party.key.public_key());
    assert_eq!(request.info().public_key.to_der().unwrap(), request.public_key().spki_der());

    // Another subject under the same signature, another signature, another key.
    let mut forged = CertReq::from_der(&der).unwrap();
    forged.info.subject = CertReq::from_der(&pkcs10(&pair, "SN-0002")).unwrap().info.subject;
    let bad = CertificationRequestError::Signature(AlgorithmError::BadSignature);
    assert_eq!(CertificationRequest::from_der(&forged.to_der().unwrap()).unwrap_err(), bad);
    let mut forged = CertReq::from_der(&der).unwrap();
    forged.info.public_key =
        CertReq::from_der(&pkcs10(&KeyPair::generate().unwrap(), "SN-0001")).unwrap().info.public_key;
    assert_eq!(CertificationRequest::from_der(&forged.to_der().unwrap()).unwrap_err(), bad);

    for der in [&b""[..], b"\x30\x00", &der[..der.len() - 1], &[&der[..], b"\0"].concat()] {
        assert!(matches!(CertificationRequest::from_der(der), Err(CertificationRequestError::Der(_))));
    }
    let long = CertificationRequest::from_der(&vec![0x30; 70_000]);
    assert_eq!(long.unwrap_err(), CertificationRequestError::TooLarge);
}
