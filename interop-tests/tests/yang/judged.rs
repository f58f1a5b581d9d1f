//! Documents by hand: yanglint and our readers judge them alike.

use authority::OwnerParty;
use conveyed_info::{
    Encoding,
    information::Information,
    rpc::{BootstrappingAnswer, BootstrappingRequest, ProgressReport, RestconfError},
    voucher::{Assertion, Freshness, Voucher, VoucherRequestDocument},
};
use interop_tests::{need, skip};
use pki::{identity::SerialNumber, time::Timestamp};
use serde_json::{Value, json};

use crate::modules::{Kind, Yang, published};

const HASH: &str = "2d:71:16:42:b7:26:b0:44:01:62:7c:a9:fb:ac:32:f5:c8:53:0f:b1:90:3c:c4:db:02:25:87:17:92:1a:48:81";
const P256: &str = "MBMGByqGSM49AgEGCCqGSM49AwEH";

fn ours(kind: Kind, document: &[u8], encoding: Encoding) -> Result<(), String> {
    match kind {
        Kind::Information => Information::decode(document, encoding).map(drop),
        Kind::Voucher | Kind::LaterVoucher => Voucher::from_json(document).map(drop),
        Kind::VoucherRequest => {
            return VoucherRequestDocument::from_json(document).map(drop).map_err(|error| error.to_string());
        }
        Kind::Request => BootstrappingRequest::decode(document, encoding).map(drop),
        Kind::Answer => BootstrappingAnswer::decode(document, encoding).map(drop),
        Kind::Report => ProgressReport::decode(document, encoding).map(drop),
        Kind::Errors => {
            return RestconfError::decode(document, encoding).map(drop).ok_or_else(|| "no error".to_owned());
        }
        Kind::CsrRequest => return csr_request(document),
        Kind::Api | Kind::Data => unreachable!("we do not read it"),
    }
    .map_err(|error| error.to_string())
}

fn csr_request(document: &[u8]) -> Result<(), String> {
    let info: Value = serde_json::from_slice(document).unwrap();
    let error = json!({"error-type": "application", "error-tag": "missing-attribute", "error-info": info});
    let body = json!({"ietf-restconf:errors": {"error": [error]}}).to_string();
    let read = RestconfError::decode(body.as_bytes(), Encoding::Json).unwrap();
    read.csr_request.map(drop).ok_or_else(|| "no csr-request".to_owned())
}

fn voucher(change: Value) -> Value {
    let now = Timestamp::from_unix(1_790_000_000);
    let voucher = Voucher {
        created_on: Some(now),
        freshness: Freshness::Unlimited,
        assertion: Assertion::Verified,
        serial_number: SerialNumber::new("SN-0001").unwrap(),
        idevid_issuer: None,
        pinned_domain_cert: OwnerParty::new("Owner", &[], now).unwrap().pinned().unwrap().clone(),
        domain_cert_revocation_checks: None,
    };
    let mut document: Value = serde_json::from_slice(&voucher.to_json()).unwrap();
    for (name, value) in change.as_object().unwrap() {
        document["ietf-voucher:voucher"][name.as_str()] = value.clone();
    }
    document
}

fn onboarding(members: Value) -> (Kind, Value) {
    (Kind::Information, json!({"ietf-sztp-conveyed-info:onboarding-information": members}))
}

fn redirect(servers: Value) -> (Kind, Value) {
    (Kind::Information, json!({"ietf-sztp-conveyed-info:redirect-information": {"bootstrap-server": servers}}))
}

fn request(members: Value) -> (Kind, Value) {
    (Kind::Request, json!({"ietf-sztp-bootstrap-server:input": members}))
}

fn report(members: Value) -> (Kind, Value) {
    (Kind::Report, json!({"ietf-sztp-bootstrap-server:input": members}))
}

fn answer(members: Value) -> (Kind, Value) {
    (Kind::Answer, json!({"ietf-sztp-bootstrap-server:output": members}))
}

fn error(members: Value) -> (Kind, Value) {
    (Kind::Errors, json!({"ietf-restconf:errors": {"error": [members]}}))
}

fn verification(entries: Value) -> (Kind, Value) {
    onboarding(json!({"boot-image": {"download-uri": ["https://img.example.net/a"], "image-verification": entries}}))
}

fn support(algorithms: Value, formats: Value) -> Value {
    json!({"key-generation": {"supported-algorithms": {"algorithm-identifier": algorithms}},
        "csr-generation": {"supported-formats": {"format-identifier": formats}}})
}

fn csr(key_generation: Value, csr_generation: Value) -> (Kind, Value) {
    let mut members = json!({"key-generation": key_generation, "csr-generation": csr_generation});
    members.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    (Kind::CsrRequest, json!({"ietf-sztp-csr:csr-request": members}))
}

fn selected(format: &str) -> Value {
    json!({"selected-format": {"format-identifier": format}})
}

#[test]
fn what_the_modules_allow_both_accept() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    for (kind, document) in [
        redirect(json!([{"address": "sztp1.example.net", "port": 8443}, {"address": "2001:db8::1"}])),
        redirect(json!([{"port": 443, "address": "192.0.2.1"}])),
        onboarding(json!({"configuration": "PGNvbmZpZy8+", "configuration-handling": "merge"})),
        onboarding(json!({"boot-image": {"os-name": "AcmeOS"}})),
        // The leaf's own module may be left out (RFC 7951 §6.8); either case of hex digits.
        verification(json!([{"hash-algorithm": "sha-256", "hash-value": HASH.to_uppercase()}])),
        verification(json!([{"hash-algorithm": "ietf-sztp-conveyed-info:sha-256", "hash-value": HASH}])),
        request(json!({})),
        request(json!({"signed-data-preferred": [null], "nonce": "AAAAAAAAAAAAAAAAAAAAAA=="})),
        request(json!({"ietf-sztp-csr:csr-support": support(json!([P256]), json!(["ietf-ztp-types:p10-csr"]))})),
        request(json!({"hw-model": "m-1", "ietf-sztp-csr:p10-csr": "MAA="})),
        answer(json!({"conveyed-information": "MAA="})),
        answer(json!({"conveyed-information": "MAA=", "owner-certificate": "MAA=", "ownership-voucher": "MAA="})),
        report(json!({"progress-type": "config-error", "message": "line 4: unknown command"})),
        report(json!({"progress-type": "bootstrap-complete", "ssh-host-keys": {}, "trust-anchor-certs": {}})),
        error(json!({"error-type": "application", "error-tag": "access-denied", "error-message": "no"})),
        csr(Value::Null, selected("ietf-ztp-types:cmp-csr")),
        csr(json!({"selected-algorithm": {"algorithm-identifier": P256}}), selected("ietf-ztp-types:p10-csr")),
        (Kind::Voucher, voucher(json!({}))),
        (Kind::Voucher, voucher(json!({"created-on": "2026-11-20T00:00:00.25-04:00", "nonce": "AAAAAAAAAAA="}))),
        (
            Kind::Voucher,
            voucher(json!({"expires-on": "2026-12-20T00:00:00Z",
            "last-renewal-date": "2027-11-20T00:00:00+02:00", "domain-cert-revocation-checks": true})),
        ),
        (Kind::LaterVoucher, voucher(json!({"assertion": "agent-proximity", "est-domain": "https://est.example"}))),
        (Kind::LaterVoucher, voucher(json!({"pinned-domain-pubk-sha256": "AAAA", "manufacturer-private": "AAAA"}))),
    ] {
        let document = document.to_string();
        assert_eq!(yang.validate(kind, document.as_bytes(), Encoding::Json), Ok(()), "yanglint on {document}");
        assert_eq!(ours(kind, document.as_bytes(), Encoding::Json), Ok(()), "ours on {document}");
    }
}

#[test]
fn what_the_modules_do_not_allow_both_refuse() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let sha256 = |value: &str| json!([{"hash-algorithm": "ietf-sztp-conveyed-info:sha-256", "hash-value": value}]);
    let keys = json!({"ssh-host-key": [{"algorithm": "ssh-ed25519", "key-data": "AA=="}]});
    for (kind, document) in [
        // ART-23, SRV-02.
        answer(json!({"conveyed-information": "MAA=", "ownership-voucher": "MAA="})),
        answer(json!({"conveyed-information": "MAA=", "owner-certificate": "MAA="})),
        answer(json!({"owner-certificate": "MAA=", "ownership-voucher": "MAA="})),
        answer(json!({"conveyed-information": "MAA=", "reporting-level": "loud"})),
        answer(json!({"conveyed-information": "M?A="})),
        // CLI-23, RCF-24, RCF-25.
        request(json!({"nonce": "AAAAAAAAAAA="})),
        request(json!({"nonce": ""})),
        request(json!({"signed-data-preferred": true})),
        request(json!({"signed-data-preferred": null})),
        request(json!({"hw-model": 1})),
        request(json!({"serial-number": "SN-0001"})),
        // SRV-11, SRV-14, CLI-79.
        report(json!({"progress-type": "config-complete", "ssh-host-keys": keys})),
        report(json!({"progress-type": "bootstrap-complete", "ssh-host-keys": {"ssh-host-key": [{"algorithm": "a"}]}})),
        report(json!({"progress-type": "done"})),
        report(json!({"message": "ok"})),
        // CLI-46, CLI-64, CLI-73, ART-02.
        verification(sha256("abcd")),
        verification(json!([{"hash-value": HASH}])),
        verification(json!([{"hash-algorithm": "md5", "hash-value": HASH}, {"hash-algorithm": "sha-256"}])),
        onboarding(json!({"boot-image": {"image-verification": sha256(HASH)}})),
        onboarding(json!({"configuration": "PGNvbmZpZy8+"})),
        onboarding(json!({"configuration-handling": "merge"})),
        onboarding(json!({"configuration": "PGNvbmZpZy8+", "configuration-handling": "patch"})),
        onboarding(json!({"pre-configuration-script": "aGk"})),
        redirect(json!([])),
        redirect(json!([{"port": 443}])),
        redirect(json!([{"address": "a.example", "port": 65536}])),
        redirect(json!([{"address": "a.example", "port": "443"}])),
        redirect(json!([{"address": "a.example"}, {"address": "a.example", "port": 8443}])),
        (Kind::Information, json!({})),
        (
            Kind::Information,
            json!({
                "ietf-sztp-conveyed-info:onboarding-information": {"pre-configuration-script": "aGk="},
                "ietf-sztp-conveyed-info:redirect-information": {"bootstrap-server": [{"address": "192.0.2.1"}]},
            }),
        ),
        // VCH-01, VCH-02, VCH-03, VCH-13, VCH-14, VCH-16.
        (Kind::Voucher, json!({"ietf-voucher:voucher": {"serial-number": "SN-0001"}})),
        (Kind::Voucher, voucher(json!({"nonce": "AAAAAAAAAAA=", "expires-on": "2026-12-20T00:00:00Z"}))),
        (Kind::Voucher, voucher(json!({"domain-cert-revocation-checks": "false"}))),
        (Kind::Voucher, voucher(json!({"nonce": "AAAA"}))),
        (Kind::Voucher, voucher(json!({"created-on": "2026-11-20t00:00:00z"}))),
        (Kind::Voucher, voucher(json!({"created-on": "2026-11-20T00:00:00"}))),
        (Kind::Voucher, voucher(json!({"last-renewal-date": "2026-11-20T00:00:00Z"}))),
        (Kind::Voucher, voucher(json!({"serial-number": ["SN-0001"]}))),
        // CSR-01, CSR-02, CSR-03, CSR-08.
        request(json!({"ietf-sztp-csr:csr-support": support(json!([P256]), json!(["ietf-ztp-types:p10-csr"])),
            "ietf-sztp-csr:p10-csr": "MAA="})),
        request(json!({"ietf-sztp-csr:p10-csr": "MAA=", "ietf-sztp-csr:cmc-csr": "MAA="})),
        request(json!({"ietf-sztp-csr:csr-support": support(json!([P256]), json!(["p10-csr"]))})),
        request(json!({"ietf-sztp-csr:csr-support": support(json!([]), json!(["ietf-ztp-types:p10-csr"]))})),
        request(json!({"ietf-sztp-csr:csr-support": support(json!([P256]), json!([]))})),
        csr(json!({"selected-algorithm": {"algorithm-identifier": P256}}), Value::Null),
        csr(json!({"selected-algorithm": {}}), selected("ietf-ztp-types:p10-csr")),
        csr(Value::Null, selected("p10-csr")),
        // RCF-20.
        error(json!({"error-type": "application"})),
    ] {
        let document = document.to_string();
        assert!(yang.validate(kind, document.as_bytes(), Encoding::Json).is_err(), "yanglint accepts {document}");
        assert!(ours(kind, document.as_bytes(), Encoding::Json).is_err(), "ours accepts {document}");
    }
}

#[test]
fn what_the_modules_do_not_allow_both_refuse_in_xml() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let information = |inner: &str| {
        format!(
            "<onboarding-information xmlns=\"urn:ietf:params:xml:ns:yang:ietf-sztp-conveyed-info\">{inner}</onboarding-information>"
        )
    };
    let input = |inner: &str| {
        format!("<input xmlns=\"urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server\">{inner}</input>")
    };
    let hash = |identity: &str| {
        format!(
            "<boot-image><download-uri>https://a.example</download-uri><image-verification>\
             <hash-algorithm {identity}</hash-algorithm><hash-value>{HASH}</hash-value></image-verification></boot-image>"
        )
    };
    let module = "urn:ietf:params:xml:ns:yang:ietf-sztp-conveyed-info";
    let good = [
        (Kind::Information, information(&hash(&format!("xmlns:h='{module}'>h:sha-256")))),
        // RFC 7950 §9.10.3: without a prefix, the default namespace.
        (Kind::Information, information(&hash(">sha-256"))),
        (Kind::Request, input("<signed-data-preferred/><nonce>AAAAAAAAAAAAAAAAAAAAAA==</nonce>")),
        (Kind::Request, input("<!-- c --><os-name><![CDATA[<>]]></os-name>")),
        (Kind::Report, input("<progress-type>bootstrap-complete</progress-type><ssh-host-keys/>")),
    ];
    for (kind, document) in good {
        assert_eq!(yang.validate(kind, document.as_bytes(), Encoding::Xml), Ok(()), "yanglint on {document}");
        assert_eq!(ours(kind, document.as_bytes(), Encoding::Xml), Ok(()), "ours on {document}");
    }
    for (kind, document) in [
        (Kind::Information, information(&hash("xmlns:h='urn:x'>h:sha-256")).replace("sha-256", "sha:256")),
        (Kind::Information, information(&hash(">h:sha-256"))),
        (Kind::Information, information("<boot-image xmlns=''/>")),
        (Kind::Information, information("<configuration>PGNvbmZpZy8+</configuration>")),
        (Kind::Information, information("<pre-configuration-script>aGk</pre-configuration-script>")),
        (Kind::Request, input("<nonce>AAAAAAAAAAA=</nonce>")),
        (Kind::Request, input("<signed-data-preferred>true</signed-data-preferred>")),
        (Kind::Request, input("<serial-number xmlns='urn:x'>1</serial-number>")),
        (Kind::Request, input("<hw-model>a</hw-model><hw-model>b</hw-model>")),
        (
            Kind::Report,
            input(
                "<progress-type>config-complete</progress-type><trust-anchor-certs><trust-anchor-cert>AAAA</trust-anchor-cert></trust-anchor-certs>",
            ),
        ),
        (Kind::Report, input("<progress-type> bootstrap-complete</progress-type>")),
        (Kind::Report, input("<message>ok</message>")),
    ] {
        assert!(yang.validate(kind, document.as_bytes(), Encoding::Xml).is_err(), "yanglint accepts {document}");
        assert!(ours(kind, document.as_bytes(), Encoding::Xml).is_err(), "ours accepts {document}");
    }
}

/// Where our readers and yanglint differ, on purpose.
#[test]
fn where_we_and_the_modules_part() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let wrapped = "AAAAAAAAAAAA\nAAAAAAAAAA==";
    for (kind, document) in [
        // RFC 7950 §7.5.1: an empty container says nothing, so that the choice is not made. It is clear what is meant:
        // there is nothing to do.
        onboarding(json!({})),
        // Devices only want to know why.
        error(json!({"error-type": "mystery", "error-tag": "too-big"})),
        // RCF-26: base64 may have line ends, which yanglint does not know.
        request(json!({"nonce": wrapped})),
        // BIS-02: read, so that policy can refuse it by name.
        (Kind::Voucher, voucher(json!({"assertion": "agent-proximity"}))),
        // BIS-06: members of later revisions are tolerated.
        (Kind::Voucher, voucher(json!({"est-domain": "https://est.example"}))),
        // CLI-63: algorithms that nobody here knows are passed over.
        verification(json!([{"hash-algorithm": "example-hash:sha-512", "hash-value": "ab:cd"}])),
        // A mirror that stands twice does no harm.
        onboarding(json!({"boot-image": {"download-uri": ["https://a.example", "https://a.example"]}})),
        // RFC 7951 §6.1: it is the same number.
        redirect(json!([{"address": "a.example", "port": 443.0}])),
    ] {
        let document = document.to_string();
        assert!(yang.validate(kind, document.as_bytes(), Encoding::Json).is_err(), "yanglint accepts {document}");
        assert_eq!(ours(kind, document.as_bytes(), Encoding::Json), Ok(()), "ours on {document}");
    }
    for (kind, document) in [
        // ART-32, ART-35, CSR-04: octets that are not what they should be.
        redirect(json!([{"address": "a.example", "trust-anchor": "AAAA"}])),
        report(json!({"progress-type": "bootstrap-complete", "trust-anchor-certs": {"trust-anchor-cert": ["AAAA"]}})),
        request(json!({"ietf-sztp-csr:p10-csr": "AAAA"})),
        (Kind::Voucher, voucher(json!({"pinned-domain-cert": "AAAA"}))),
        // A hash of another length than its algorithm makes.
        verification(json!([{"hash-algorithm": "sha-256", "hash-value": "ab:cd"}])),
        // A zone means nothing on another host.
        redirect(json!([{"address": "fe80::1%eth0"}])),
        // Nobody has no serial number.
        (Kind::Voucher, voucher(json!({"serial-number": ""}))),
        // BIS-01, BIS-03: RFC 8366 is the profile here.
        (
            Kind::LaterVoucher,
            json!({"ietf-voucher:voucher": {"serial-number": "SN-0001", "pinned-domain-pubk": "AAAA"}}),
        ),
    ] {
        let document = document.to_string();
        assert_eq!(yang.validate(kind, document.as_bytes(), Encoding::Json), Ok(()), "yanglint on {document}");
        assert!(ours(kind, document.as_bytes(), Encoding::Json).is_err(), "ours accepts {document}");
    }
}
