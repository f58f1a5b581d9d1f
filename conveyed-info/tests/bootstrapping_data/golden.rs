//! Documents and bodies octet by octet, in both encodings: the same model, nothing but the writing differs.

use std::fmt::Debug;

use conveyed_info::{
    BootstrappingData, ConveyedInformation, DocumentError, Encoding, OwnerCertificate, OwnershipVoucher, Unverified,
    information::{
        BootImage, BootstrapServer, Configuration, ConfigurationHandling, Information, OnboardingInformation,
        RedirectInformation, Script,
    },
    rpc::{
        BootstrappingAnswer, BootstrappingRequest, ErrorTag, ProgressReport, ProgressType, ReportingLevel,
        RestconfError, SshHostKey,
    },
    voucher::Nonce,
};
use pki::digest::Digest;

const INFORMATION: &str = "urn:ietf:params:xml:ns:yang:ietf-sztp-conveyed-info";
const SERVER: &str = "urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server";

fn both<T: Debug + PartialEq>(
    model: &T,
    encode: impl Fn(&T, Encoding) -> Vec<u8>,
    decode: impl Fn(&[u8], Encoding) -> Result<T, DocumentError>,
    json: &str,
    xml: &str,
) {
    for (encoding, expected) in [(Encoding::Json, json), (Encoding::Xml, xml)] {
        assert_eq!(String::from_utf8(encode(model, encoding)).unwrap(), expected);
        assert_eq!(decode(expected.as_bytes(), encoding).as_ref(), Ok(model));
        // ART-08: what we write can be told apart.
        assert_eq!(Encoding::detect(expected.as_bytes()), Some(encoding));
    }
}

fn information(model: &Information, json: &str, xml: &str) {
    both(model, Information::encode, Information::decode, json, xml);
}

#[test]
fn art_02_redirect_information() {
    let server = |address: &str, port| BootstrapServer { address: address.into(), port, trust_anchor: None };
    let model = RedirectInformation::new(vec![server("sztp1.example.net", 8443), server("2001:db8::1", 443)]).unwrap();
    information(
        &model.into(),
        concat!(
            r#"{"ietf-sztp-conveyed-info:redirect-information":{"bootstrap-server":["#,
            r#"{"address":"sztp1.example.net","port":8443},{"address":"2001:db8::1"}]}}"#
        ),
        &format!(
            "<redirect-information xmlns=\"{INFORMATION}\"><bootstrap-server><address>sztp1.example.net</address>\
             <port>8443</port></bootstrap-server><bootstrap-server><address>2001:db8::1</address></bootstrap-server>\
             </redirect-information>"
        ),
    );
}

#[test]
fn art_02_onboarding_information() {
    let model = OnboardingInformation {
        boot_image: Some(BootImage {
            os_name: Some("AcmeOS".into()),
            os_version: Some("2.1.0".into()),
            download_uris: vec!["https://img.example.net/a?b=1&c=2".into()],
            sha256: Some(Digest([0x2d; 32])),
        }),
        pre_configuration_script: Some(Script(b"#!/bin/sh\nexit 0\n".to_vec())),
        configuration: Some(Configuration { handling: ConfigurationHandling::Merge, content: b"<config/>".to_vec() }),
        post_configuration_script: Some(Script(Vec::new())),
    };
    let hash = ["2d"; 32].join(":");
    information(
        &model.into(),
        &format!(
            r#"{{"ietf-sztp-conveyed-info:onboarding-information":{{"boot-image":{{"os-name":"AcmeOS","os-version":"2.1.0","download-uri":["https://img.example.net/a?b=1&c=2"],"image-verification":[{{"hash-algorithm":"ietf-sztp-conveyed-info:sha-256","hash-value":"{hash}"}}]}},"configuration-handling":"merge","pre-configuration-script":"IyEvYmluL3NoCmV4aXQgMAo=","configuration":"PGNvbmZpZy8+","post-configuration-script":""}}}}"#
        ),
        &format!(
            "<onboarding-information xmlns=\"{INFORMATION}\"><boot-image><os-name>AcmeOS</os-name>\
             <os-version>2.1.0</os-version><download-uri>https://img.example.net/a?b=1&amp;c=2</download-uri>\
             <image-verification><hash-algorithm xmlns:i=\"{INFORMATION}\">i:sha-256</hash-algorithm>\
             <hash-value>{hash}</hash-value></image-verification></boot-image>\
             <configuration-handling>merge</configuration-handling>\
             <pre-configuration-script>IyEvYmluL3NoCmV4aXQgMAo=</pre-configuration-script>\
             <configuration>PGNvbmZpZy8+</configuration><post-configuration-script></post-configuration-script>\
             </onboarding-information>"
        ),
    );
    let empty = Information::from(OnboardingInformation::default());
    information(
        &empty,
        r#"{"ietf-sztp-conveyed-info:onboarding-information":{}}"#,
        &format!("<onboarding-information xmlns=\"{INFORMATION}\"></onboarding-information>"),
    );
}

#[test]
fn rcf_15_a_request() {
    let model = BootstrappingRequest {
        signed_data_preferred: true,
        hw_model: Some("m-1".into()),
        os_name: Some("AcmeOS".into()),
        os_version: Some("2.0 <beta>".into()),
        nonce: Nonce::for_request(vec![0; 16]),
        csr: None,
    };
    both(
        &model,
        BootstrappingRequest::encode,
        BootstrappingRequest::decode,
        concat!(
            r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null],"hw-model":"m-1","#,
            r#""os-name":"AcmeOS","os-version":"2.0 <beta>","nonce":"AAAAAAAAAAAAAAAAAAAAAA=="}}"#
        ),
        &format!(
            "<input xmlns=\"{SERVER}\"><signed-data-preferred></signed-data-preferred><hw-model>m-1</hw-model>\
             <os-name>AcmeOS</os-name><os-version>2.0 &lt;beta&gt;</os-version>\
             <nonce>AAAAAAAAAAAAAAAAAAAAAA==</nonce></input>"
        ),
    );
}

#[test]
fn rcf_15_an_answer() {
    let data = BootstrappingData::Signed {
        conveyed_information: ConveyedInformation::from_der([0x30, 0]).unwrap(),
        owner_certificate: OwnerCertificate::from_der([0x30, 1]).unwrap(),
        ownership_voucher: OwnershipVoucher::from_der([0x30, 2]).unwrap(),
    };
    let model = BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data: data.clone() };
    let read = BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data: Unverified::new(data) };
    both(
        &read,
        |_, encoding| model.encode(encoding),
        BootstrappingAnswer::decode,
        concat!(
            r#"{"ietf-sztp-bootstrap-server:output":{"reporting-level":"verbose","conveyed-information":"MAA=","#,
            r#""owner-certificate":"MAE=","ownership-voucher":"MAI="}}"#
        ),
        &format!(
            "<output xmlns=\"{SERVER}\"><reporting-level>verbose</reporting-level>\
             <conveyed-information>MAA=</conveyed-information><owner-certificate>MAE=</owner-certificate>\
             <ownership-voucher>MAI=</ownership-voucher></output>"
        ),
    );
}

#[test]
fn srv_12_a_report_with_keys() {
    let key = |octet| SshHostKey { algorithm: "ssh-ed25519".into(), key_data: vec![octet] };
    let model = ProgressReport {
        ssh_host_keys: vec![key(0), key(1)],
        ..ProgressReport::new(ProgressType::BootstrapComplete).with_message("ok")
    };
    both(
        &model,
        ProgressReport::encode,
        ProgressReport::decode,
        concat!(
            r#"{"ietf-sztp-bootstrap-server:input":{"progress-type":"bootstrap-complete","message":"ok","#,
            r#""ssh-host-keys":{"ssh-host-key":[{"algorithm":"ssh-ed25519","key-data":"AA=="},"#,
            r#"{"algorithm":"ssh-ed25519","key-data":"AQ=="}]}}}"#
        ),
        &format!(
            "<input xmlns=\"{SERVER}\"><progress-type>bootstrap-complete</progress-type><message>ok</message>\
             <ssh-host-keys><ssh-host-key><algorithm>ssh-ed25519</algorithm><key-data>AA==</key-data></ssh-host-key>\
             <ssh-host-key><algorithm>ssh-ed25519</algorithm><key-data>AQ==</key-data></ssh-host-key></ssh-host-keys>\
             </input>"
        ),
    );
}

/// What XML alone can get wrong, or right in another way.
#[test]
fn xml_that_others_write() {
    let read = |inner: &str| {
        let document = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- by hand -->\n<s:input xmlns:s=\"{SERVER}\">{inner}</s:input>\n"
        );
        let request = BootstrappingRequest::decode(document.as_bytes(), Encoding::Xml);
        request.map_err(|error| RestconfError::from(&error).tag)
    };
    let request = read(
        "\n  <s:nonce>\n AAAAAAAAAAAA\n AAAAAAAAAA== </s:nonce>\n  <s:os-name><![CDATA[A&B]]></s:os-name>\n  <s:signed-data-preferred/>\n",
    )
    .unwrap();
    // RCF-26: base64 may be wrapped; RFC 7950 §7.14.4 wants an order of the sender, readers need none.
    assert_eq!(request.nonce, Nonce::for_request(vec![0; 16]));
    assert_eq!((request.os_name.as_deref(), request.signed_data_preferred), (Some("A&B"), true));
    for (inner, tag) in [
        ("<s:signed-data-preferred>true</s:signed-data-preferred>", ErrorTag::InvalidValue),
        ("<s:os-name>a</s:os-name><s:os-name>b</s:os-name>", ErrorTag::InvalidValue),
        ("<s:os-name><s:b/></s:os-name>", ErrorTag::InvalidValue),
        ("<s:nonce></s:nonce>", ErrorTag::InvalidValue),
        ("<os-name>a</os-name>", ErrorTag::UnknownElement),
        ("<os-name xmlns=\"urn:ietf:params:xml:ns:yang:other\">a</os-name>", ErrorTag::UnknownElement),
        ("<os-name xmlns=\"ietf-sztp-bootstrap-server\">a</os-name>", ErrorTag::UnknownElement),
        ("<s:OS-name>a</s:OS-name>", ErrorTag::UnknownElement),
        ("<s:os-name xml:lang=\"en\">a</s:os-name>", ErrorTag::MalformedMessage),
        ("text", ErrorTag::InvalidValue),
        ("text<s:os-name>a</s:os-name>", ErrorTag::MalformedMessage),
        ("<s:os-name>&bomb;</s:os-name>", ErrorTag::MalformedMessage),
    ] {
        assert_eq!(read(inner).unwrap_err(), tag, "{inner}");
    }
    let other = BootstrappingRequest::decode(b"<input xmlns=\"urn:x\"/>", Encoding::Xml).unwrap_err();
    assert_eq!(RestconfError::from(&other).tag, ErrorTag::UnknownElement);
}

#[test]
fn art_02_xml_holds_exactly_one_kind() {
    for (document, is_read) in [
        (format!("<onboarding-information xmlns='{INFORMATION}'/>"), true),
        (format!("<redirect-information xmlns='{INFORMATION}'/>"), false),
        (
            format!("<conveyed-information xmlns='{INFORMATION}'><onboarding-information/></conveyed-information>"),
            false,
        ),
        ("<onboarding-information/>".to_owned(), false),
        ("<onboarding-information xmlns='urn:x'/>".to_owned(), false),
        (
            format!("<onboarding-information xmlns='{INFORMATION}'/><onboarding-information xmlns='{INFORMATION}'/>"),
            false,
        ),
        (
            format!(
                "<onboarding-information xmlns='{INFORMATION}'><boot-image><image-verification/></boot-image></onboarding-information>"
            ),
            false,
        ),
        (
            format!(
                "<onboarding-information xmlns='{INFORMATION}'><boot-image/><boot-image/></onboarding-information>"
            ),
            false,
        ),
        (
            format!(
                "<onboarding-information xmlns='{INFORMATION}'><configuration>eA==</configuration></onboarding-information>"
            ),
            false,
        ),
    ] {
        assert_eq!(Information::decode(document.as_bytes(), Encoding::Xml).is_ok(), is_read, "{document}");
    }
}

#[test]
fn art_09_the_encoding_is_what_it_is_said_to_be() {
    let model = Information::from(OnboardingInformation::default());
    for (written, read) in [(Encoding::Json, Encoding::Xml), (Encoding::Xml, Encoding::Json)] {
        let refused = Information::decode(&model.encode(written), read);
        assert!(matches!(refused, Err(DocumentError::Malformed { encoding, .. }) if encoding == read));
    }
}
