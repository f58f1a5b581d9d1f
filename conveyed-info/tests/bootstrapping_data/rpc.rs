//! Bodies of the two operations (RFC 8572 §7.3) and of errors (RFC 8040 §7), both ways.

use conveyed_info::{
    BootstrappingData, ConveyedInformation, DocumentError, Encoding, OwnerCertificate, OwnershipVoucher, Unverified,
    cms::{ContentType, bare, certificates_only},
    information::TrustAnchor,
    rpc::{
        BootstrappingAnswer, BootstrappingRequest, ErrorTag, ProgressReport, ProgressType, ReportingLevel,
        RestconfError, SshHostKey, TrustAnchorCert,
    },
};
use serde_json::{Value, json};

use crate::support::{Party, ca};

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQ=";

fn request(members: &Value) -> Result<BootstrappingRequest, DocumentError> {
    let body = json!({"ietf-sztp-bootstrap-server:input": members});
    let read = BootstrappingRequest::decode(body.to_string().as_bytes(), Encoding::Json);
    if let Ok(request) = &read {
        for encoding in [Encoding::Json, Encoding::Xml] {
            assert_eq!(BootstrappingRequest::decode(&request.encode(encoding), encoding).as_ref(), Ok(request));
        }
    }
    read
}

fn report(members: &Value) -> Result<ProgressReport, DocumentError> {
    let body = json!({"ietf-sztp-bootstrap-server:input": members});
    let read = ProgressReport::decode(body.to_string().as_bytes(), Encoding::Json);
    if let Ok(report) = &read {
        for encoding in [Encoding::Json, Encoding::Xml] {
            assert_eq!(ProgressReport::decode(&report.encode(encoding), encoding).as_ref(), Ok(report));
        }
    }
    read
}

fn answer(members: &Value) -> Result<BootstrappingAnswer<Unverified<BootstrappingData>>, DocumentError> {
    let body = json!({"ietf-sztp-bootstrap-server:output": members});
    BootstrappingAnswer::decode(body.to_string().as_bytes(), Encoding::Json)
}

/// One test for each body that must be refused, with the RESTCONF error that says so.
macro_rules! refused {
    ($($name:ident: $result:expr => $tag:ident at $path:literal;)*) => {
        $(#[test]
        fn $name() {
            let error = RestconfError::from(&$result.unwrap_err());
            assert_eq!((error.tag, error.path.as_deref()), (ErrorTag::$tag, Some($path)), "{}", error.message);
        })*
    };
}

refused! {
    rcf_25_signed_data_preferred_as_boolean: request(&json!({"signed-data-preferred": true}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/signed-data-preferred";
    rcf_25_signed_data_preferred_as_null: request(&json!({"signed-data-preferred": null}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/signed-data-preferred";
    cli_23_a_nonce_of_8_octets: request(&json!({"nonce": "AAAAAAAAAAA="}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/nonce";
    cli_23_a_nonce_of_15_octets: request(&json!({"nonce": "AAAAAAAAAAAAAAAAAAAA"}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/nonce";
    cli_23_a_nonce_of_33_octets: request(&json!({"nonce": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/nonce";
    srv_22_an_empty_nonce: request(&json!({"nonce": ""})) => InvalidValue at "ietf-sztp-bootstrap-server:input/nonce";
    rcf_24_a_prefixed_member: request(&json!({"ietf-sztp-bootstrap-server:nonce": "AAAAAAAAAAAAAAAAAAAAAA=="}))
        => UnknownElement at "ietf-sztp-bootstrap-server:input/ietf-sztp-bootstrap-server:nonce";
    a_model_that_is_a_number: request(&json!({"hw-model": 1}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/hw-model";

    srv_11_no_progress_type: report(&json!({"message": "ok"}))
        => MissingElement at "ietf-sztp-bootstrap-server:input/progress-type";
    srv_11_a_28th_progress_type: report(&json!({"progress-type": "bootstrap-almost-complete"}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/progress-type";
    srv_11_a_progress_type_in_capitals: report(&json!({"progress-type": "Bootstrap-Complete"}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/progress-type";
    srv_14_cli_79_keys_with_config_complete:
        report(&json!({"progress-type": "config-complete", "ssh-host-keys": {"ssh-host-key": []}}))
        => UnknownElement at "ietf-sztp-bootstrap-server:input/ssh-host-keys";
    srv_14_cli_79_anchors_with_bootstrap_error:
        report(&json!({"progress-type": "bootstrap-error", "trust-anchor-certs": {}}))
        => UnknownElement at "ietf-sztp-bootstrap-server:input/trust-anchor-certs";
    srv_12_a_key_without_data:
        report(&json!({"progress-type": "bootstrap-complete", "ssh-host-keys": {"ssh-host-key": [{"algorithm": "ssh-rsa"}]}}))
        => MissingElement at "ietf-sztp-bootstrap-server:input/ssh-host-keys/ssh-host-key/key-data";
    art_35_a_trust_anchor_that_is_no_cms:
        report(&json!({"progress-type": "bootstrap-complete", "trust-anchor-certs": {"trust-anchor-cert": ["AAAA"]}}))
        => InvalidValue at "ietf-sztp-bootstrap-server:input/trust-anchor-certs/trust-anchor-cert";

    srv_02_no_conveyed_information: answer(&json!({"reporting-level": "minimal"}))
        => MissingElement at "ietf-sztp-bootstrap-server:output/conveyed-information";
    art_23_a_voucher_without_owner_certificate: answer(&json!({"conveyed-information": "MAA=", "ownership-voucher": "MAA="}))
        => MissingElement at "ietf-sztp-bootstrap-server:output/owner-certificate";
    art_23_an_owner_certificate_without_voucher: answer(&json!({"conveyed-information": "MAA=", "owner-certificate": "MAA="}))
        => MissingElement at "ietf-sztp-bootstrap-server:output/ownership-voucher";
    srv_02_a_reporting_level_loud: answer(&json!({"conveyed-information": "MAA=", "reporting-level": "loud"}))
        => InvalidValue at "ietf-sztp-bootstrap-server:output/reporting-level";
    empty_conveyed_information: answer(&json!({"conveyed-information": ""}))
        => InvalidValue at "ietf-sztp-bootstrap-server:output/conveyed-information";
    sec_20_an_artifact_beyond_bounds: answer(&json!({"conveyed-information": "A".repeat(720_000)}))
        => InvalidValue at "ietf-sztp-bootstrap-server:output/conveyed-information";
}

#[test]
fn rcf_13_a_request_may_be_empty_and_a_report_may_not() {
    assert_eq!(BootstrappingRequest::decode(b"", Encoding::Xml).unwrap(), BootstrappingRequest::default());
    assert_eq!(BootstrappingRequest::decode(b"", Encoding::Json).unwrap(), BootstrappingRequest::default());
    assert_eq!(request(&json!({})).unwrap(), BootstrappingRequest::default());
    let refused = |error: DocumentError| RestconfError::from(&error).tag;
    assert_eq!(refused(ProgressReport::decode(b"", Encoding::Json).unwrap_err()), ErrorTag::MalformedMessage);
    assert_eq!(refused(BootstrappingRequest::decode(b"{}", Encoding::Json).unwrap_err()), ErrorTag::MissingElement);
}

#[test]
fn srv_01_every_input_alone_and_all_at_once() {
    let all = json!({
        "signed-data-preferred": [null],
        "hw-model": "m-1",
        "os-name": "AcmeOS",
        "os-version": "2.0",
        "nonce": "AAAAAAAAAAAAAAAAAAAAAA==",
    });
    let read = request(&all).unwrap();
    assert!(read.signed_data_preferred);
    assert_eq!((read.hw_model.as_deref(), read.os_name.as_deref()), (Some("m-1"), Some("AcmeOS")));
    assert_eq!((read.os_version.as_deref(), read.nonce.unwrap().octets()), (Some("2.0"), &[0; 16][..]));
    for (name, value) in all.as_object().unwrap() {
        assert_ne!(request(&json!({name.as_str(): value})).unwrap(), BootstrappingRequest::default(), "{name}");
    }
}

#[test]
fn cli_20_cli_21_what_an_untrusted_server_gets_to_see() {
    let request = BootstrappingRequest { signed_data_preferred: true, ..BootstrappingRequest::default() };
    assert_eq!(
        request.encode(Encoding::Json),
        br#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#
    );
}

#[test]
fn srv_11_all_27_progress_types() {
    assert_eq!(ProgressType::ALL.len(), 27);
    for progress_type in ProgressType::ALL {
        let read = report(&json!({"progress-type": progress_type.as_str()})).unwrap();
        assert_eq!(read, ProgressReport::new(*progress_type));
        assert_eq!(progress_type.as_str().ends_with("-error"), progress_type.is_error(), "{progress_type}");
    }
    let ends = |it: &&ProgressType| it.is_terminal() && !it.is_error();
    let ends: Vec<_> = ProgressType::ALL.iter().filter(ends).map(|it| it.as_str()).collect();
    assert_eq!(ends, ["boot-image-installed-rebooting", "bootstrap-complete"]);
}

#[test]
fn srv_12_srv_13_the_last_report_may_carry_keys_and_anchors() {
    let root = Party::root(ca("root")).certificate;
    let anchor = TrustAnchor::new(&[root]).unwrap();
    let key = SshHostKey { algorithm: "ssh-ed25519".into(), key_data: vec![0, 0, 0, 11] };
    let complete = ProgressReport {
        // Equal entries are legal: the list has no key.
        ssh_host_keys: vec![key.clone(), key],
        trust_anchor_certs: vec![TrustAnchorCert::Chain(anchor)],
        ..ProgressReport::new(ProgressType::BootstrapComplete).with_message("ok")
    };
    assert_eq!(ProgressReport::decode(&complete.encode(Encoding::Json), Encoding::Json).unwrap(), complete);
    let read = report(&json!({
        "progress-type": "bootstrap-complete",
        "ssh-host-keys": {"ssh-host-key": [{"algorithm": "ssh-ed25519", "key-data": KEY}]},
        "trust-anchor-certs": {},
    }))
    .unwrap();
    assert_eq!(read.ssh_host_keys[0].key_data[..4], [0, 0, 0, 11]);
    assert!(read.trust_anchor_certs.is_empty());
    // What the module does not allow is not written either.
    let early = ProgressReport { progress_type: ProgressType::ConfigComplete, ..complete };
    assert_eq!(
        report(&json!({"progress-type": "config-complete", "message": "ok"})).unwrap().encode(Encoding::Json),
        early.encode(Encoding::Json)
    );
}

#[test]
fn answers_of_both_groupings_survive_the_wire() {
    let conveyed_information =
        ConveyedInformation::from_der(bare(ContentType::ConveyedInfoJson, b"{}").unwrap()).unwrap();
    let signed = BootstrappingData::Signed {
        conveyed_information: conveyed_information.clone(),
        owner_certificate: OwnerCertificate::from_der([0x30, 0]).unwrap(),
        ownership_voucher: OwnershipVoucher::from_der([0x30, 0]).unwrap(),
    };
    for data in [signed, BootstrappingData::Unsigned(conveyed_information)] {
        for reporting_level in [ReportingLevel::Minimal, ReportingLevel::Verbose] {
            let answer = BootstrappingAnswer { reporting_level, data: data.clone() };
            let expected = BootstrappingAnswer { reporting_level, data: Unverified::new(data.clone()) };
            for encoding in [Encoding::Json, Encoding::Xml] {
                assert_eq!(BootstrappingAnswer::decode(&answer.encode(encoding), encoding).unwrap(), expected);
            }
        }
    }
}

#[test]
fn the_default_reporting_level_is_not_written() {
    let conveyed_information = ConveyedInformation::from_der([0x30, 0]).unwrap();
    let answer = BootstrappingAnswer {
        reporting_level: ReportingLevel::Minimal,
        data: BootstrappingData::Unsigned(conveyed_information),
    };
    assert_eq!(
        answer.encode(Encoding::Json),
        br#"{"ietf-sztp-bootstrap-server:output":{"conveyed-information":"MAA="}}"#
    );
}

#[test]
fn srv_15_key_and_algorithm_belong_together() {
    let key = |algorithm: &str, data: &[u8]| SshHostKey { algorithm: algorithm.into(), key_data: data.to_vec() };
    let rsa = b"\0\0\0\x07ssh-rsa\0\0\0\x01\x03";
    for (key, format, consistent) in [
        (key("ssh-ed25519", b"\0\0\0\x0bssh-ed25519\0\0\0\x01\x01"), Some("ssh-ed25519"), true),
        (key("ssh-rsa", rsa), Some("ssh-rsa"), true),
        (key("rsa-sha2-512", rsa), Some("ssh-rsa"), true),
        (key("ssh-ed25519", rsa), Some("ssh-rsa"), false),
        (key("ssh-ed25519", b"\0\0\0\x0bssh-ed25519"), None, false),
        (key("ssh-ed25519", b"\xff\xff\xff\xffssh-ed25519"), None, false),
        (key("", b"\0\0\0\0\x01"), None, false),
        (key("ssh-ed25519", b""), None, false),
    ] {
        assert_eq!((key.format(), key.is_consistent()), (format, consistent), "{key:?}");
    }
}

#[test]
fn art_35_a_trust_anchor_cert_is_one_chain_up_to_its_root_and_nothing_else() {
    let root = Party::root(ca("root"));
    let lowest = root.issue(ca("lowest"));
    let chain = [lowest.certificate.clone(), root.certificate.clone()];
    let read = |der: &[u8]| {
        let report = ProgressReport {
            trust_anchor_certs: vec![TrustAnchorCert::Opaque(der.to_vec())],
            ..ProgressReport::new(ProgressType::BootstrapComplete)
        };
        ProgressReport::decode(&report.encode(Encoding::Xml), Encoding::Xml)
    };
    let good = read(&certificates_only(&chain).unwrap()).unwrap();
    let [TrustAnchorCert::Chain(anchor)] = good.trust_anchor_certs.as_slice() else { panic!("no chain") };
    assert_eq!(anchor.lowest(), Some(&lowest.certificate));
    let stranger = Party::root(ca("stranger"));
    for (name, der) in [
        ("no root", certificates_only(&chain[..1]).unwrap()),
        ("two roots", certificates_only(&[root.certificate.clone(), stranger.certificate.clone()]).unwrap()),
        ("nothing", certificates_only(&[]).unwrap()),
        ("signed content", root.sign(ContentType::Data, b"content")),
        ("bare content", bare(ContentType::Data, b"content").unwrap()),
        ("no CMS", b"dummy".to_vec()),
    ] {
        assert!(matches!(read(&der), Err(DocumentError::InvalidValue { .. })), "{name}");
    }
}
