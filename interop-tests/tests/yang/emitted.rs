//! Everything we write, in both encodings.

use authority::{ManufacturerParty, OwnerParty, Validity, VoucherRequest};
use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher,
    cms::SignedData,
    information::{
        BootImage, BootstrapServer, Configuration, ConfigurationHandling, Information, OnboardingInformation,
        RedirectInformation, Script, TrustAnchor,
    },
    rpc::{
        ApiResource, BootstrappingAnswer, BootstrappingRequest, CertReqInfo, Csr, CsrFormat, CsrInput, CsrRequest,
        CsrSupport, ErrorTag, KeyAlgorithm, ProgressReport, ProgressType, ReportingLevel, RestconfError, Roles,
        SshHostKey, TrustAnchorCert,
    },
    voucher::{Assertion, Freshness, Nonce, Voucher, VoucherRequestDocument, idevid_issuer},
};
use interop_tests::{need, skip};
use pki::{certificate::Certificate, digest::Digest, identity::SerialNumber, time::Timestamp};

use crate::modules::{Kind, Yang, published};

const BOTH: [Encoding; 2] = [Encoding::Json, Encoding::Xml];

fn now() -> Timestamp {
    Timestamp::from_unix(1_790_000_000)
}

fn root() -> Certificate {
    OwnerParty::new("Owner", &[], now()).unwrap().pinned().unwrap().clone()
}

fn anchor() -> TrustAnchor {
    TrustAnchor::new(&[root()]).unwrap()
}

#[track_caller]
fn valid(yang: &Yang, kind: Kind, encode: impl Fn(Encoding) -> Vec<u8>) {
    for encoding in BOTH {
        let document = encode(encoding);
        let verdict = yang.validate(kind, &document, encoding);
        assert_eq!(verdict, Ok(()), "{kind:?} {encoding}: {}", String::from_utf8_lossy(&document));
    }
}

#[test]
fn art_02_redirect_information() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let server = |address: &str, port, trust_anchor| BootstrapServer { address: address.into(), port, trust_anchor };
    let servers = vec![
        server("sztp1.example.net", 8443, Some(anchor())),
        server("2001:db8::1", 443, None),
        server("192.0.2.1", 1, None),
        server("a_b.example.", 65535, None),
    ];
    let information = Information::from(RedirectInformation::new(servers).unwrap());
    valid(&yang, Kind::Information, |encoding| information.encode(encoding));
}

#[test]
fn art_02_onboarding_information() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let image = BootImage {
        os_name: Some("<Acme> & Sons' \"OS\"".into()),
        os_version: Some("2.1.0 é \t\r\n".into()),
        download_uris: vec!["https://img.example.net/a?b=1&c=2".into(), "file:///b".into()],
        sha256: Some(Digest([0xa0; 32])),
    };
    let all = OnboardingInformation {
        boot_image: Some(image.clone()),
        pre_configuration_script: Some(Script(b"#!/bin/sh\n".to_vec())),
        configuration: Some(Configuration { handling: ConfigurationHandling::Replace, content: Vec::new() }),
        post_configuration_script: Some(Script((0..=255).collect())),
    };
    let named = BootImage { download_uris: Vec::new(), sha256: None, ..image };
    for information in [
        all.clone(),
        OnboardingInformation { boot_image: Some(named), ..OnboardingInformation::default() },
        OnboardingInformation { boot_image: None, ..all },
    ] {
        let information = Information::from(information);
        valid(&yang, Kind::Information, |encoding| information.encode(encoding));
    }
}

#[test]
fn mas_02_voucher_requests() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let plain = VoucherRequestDocument::new(SerialNumber::new("SN-0001").unwrap(), now());
    let nonced = VoucherRequestDocument {
        freshness: Freshness::Nonce(Nonce::for_voucher(vec![7; 8]).unwrap()),
        assertion: Some(Assertion::Proximity),
        idevid_issuer: Some(vec![7; 24]),
        proximity_registrar_cert: Some(root()),
        prior_signed_voucher_request: Some(vec![0x30, 0]),
        ..plain.clone()
    };
    let expires = Freshness::ExpiresOn { expires_on: now(), last_renewal_date: None };
    let wish = VoucherRequestDocument { freshness: expires, created_on: None, ..plain.clone() };
    for document in [plain, nonced, wish] {
        let document = document.to_json();
        let verdict = yang.validate(Kind::VoucherRequest, &document, Encoding::Json);
        assert_eq!(verdict, Ok(()), "{}", String::from_utf8_lossy(&document));
    }
    // Both readers refuse what has no serial number.
    let nameless = br#"{"ietf-voucher-request:voucher":{"assertion":"logged"}}"#;
    VoucherRequestDocument::from_json(nameless).unwrap_err();
    yang.validate(Kind::VoucherRequest, nameless, Encoding::Json).unwrap_err();
}

#[test]
fn vch_01_vouchers() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let maker = ManufacturerParty::new("Maker", now()).unwrap();
    let serial_number = SerialNumber::new("SN-0001").unwrap();
    let (_, chain) = maker.device("Model", &serial_number, now()).unwrap();
    let idevid = chain.first().unwrap().clone();
    let full = Voucher {
        created_on: Some(now()),
        freshness: Freshness::ExpiresOn {
            expires_on: now().plus_seconds(60),
            last_renewal_date: Some(Timestamp::INFINITY),
        },
        assertion: Assertion::Proximity,
        serial_number: serial_number.clone(),
        idevid_issuer: idevid_issuer(&idevid),
        pinned_domain_cert: root(),
        domain_cert_revocation_checks: Some(false),
    };
    let short = Nonce::for_voucher(vec![7; 8]).unwrap();
    let mut documents = vec![
        Voucher { freshness: Freshness::Nonce(short), ..full.clone() }.to_json(),
        Voucher { freshness: Freshness::Unlimited, assertion: Assertion::Logged, ..full.clone() }.to_json(),
        full.to_json(),
    ];
    // What the MASA issues.
    for validity in
        [Validity::Until(None), Validity::Unlimited, Validity::Nonce(Nonce::for_request(vec![7; 32]).unwrap())]
    {
        let request = VoucherRequest {
            serial_number: serial_number.clone(),
            pinned_domain_cert: root(),
            idevid: Some(idevid.clone()),
            validity,
        };
        let artifact = maker.masa().issue(&request, now()).unwrap();
        documents.push(SignedData::from_der(artifact.der()).unwrap().unverified_content().unwrap().to_vec());
    }
    for document in documents {
        let shown = String::from_utf8_lossy(&document);
        assert_eq!(yang.validate(Kind::Voucher, &document, Encoding::Json), Ok(()), "{shown}");
        // BIS-01: our vouchers conform to the successor's module too.
        assert_eq!(yang.validate(Kind::LaterVoucher, &document, Encoding::Json), Ok(()), "{shown}");
    }
}

fn p256() -> KeyAlgorithm {
    KeyAlgorithm::of(root().public_key()).unwrap()
}

#[test]
fn srv_01_csr_01_requests() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let plain = BootstrappingRequest {
        signed_data_preferred: true,
        hw_model: Some("m-1".into()),
        os_name: Some("AcmeOS".into()),
        os_version: Some("2.0".into()),
        nonce: Nonce::for_request(vec![0; 16]),
        csr: None,
    };
    let support = |algorithms, formats| CsrInput::Support(CsrSupport::new(algorithms, formats).unwrap());
    let mut inputs = vec![
        None,
        Some(support(Some(vec![p256()]), CsrFormat::ALL.to_vec())),
        Some(support(None, vec![CsrFormat::P10])),
    ];
    inputs.extend(CsrFormat::ALL.map(|format| Some(CsrInput::Csr(Csr::from_der(format, vec![0x30, 0]).unwrap()))));
    for csr in inputs {
        let request = BootstrappingRequest { csr, ..plain.clone() };
        valid(&yang, Kind::Request, |encoding| request.encode(encoding));
    }
    valid(&yang, Kind::Request, |encoding| BootstrappingRequest::default().encode(encoding));
}

#[test]
fn srv_02_answers() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let conveyed_information = ConveyedInformation::from_der([0x30, 0]).unwrap();
    let signed = BootstrappingData::Signed {
        conveyed_information: conveyed_information.clone(),
        owner_certificate: OwnerCertificate::from_der([0x30, 0]).unwrap(),
        ownership_voucher: OwnershipVoucher::from_der([0x30, 0]).unwrap(),
    };
    for data in [signed, BootstrappingData::Unsigned(conveyed_information)] {
        for reporting_level in [ReportingLevel::Minimal, ReportingLevel::Verbose] {
            let answer = BootstrappingAnswer { reporting_level, data: data.clone() };
            valid(&yang, Kind::Answer, |encoding| answer.encode(encoding));
        }
    }
}

#[test]
fn srv_11_srv_12_reports_of_all_27_types_and_the_one_with_keys() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let key = SshHostKey { algorithm: "ssh-ed25519".into(), key_data: vec![0, 0, 0, 11] };
    let keys = ProgressReport {
        // Equal entries are legal: the list has no key.
        ssh_host_keys: vec![key.clone(), key],
        trust_anchor_certs: vec![TrustAnchorCert::Chain(anchor()); 2],
        ..ProgressReport::new(ProgressType::BootstrapComplete).with_message("line 4: <unknown> \u{1b}[2J")
    };
    for progress_type in ProgressType::ALL {
        let report = ProgressReport { progress_type: *progress_type, ..keys.clone() };
        valid(&yang, Kind::Report, |encoding| report.encode(encoding));
    }
}

#[test]
fn rcf_20_csr_06_errors() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let errors: Vec<_> = ErrorTag::ALL
        .iter()
        .map(|tag| RestconfError {
            path: Some("ietf-sztp-bootstrap-server:input/ietf-sztp-csr:csr-support".into()),
            ..RestconfError::new(*tag, "<why> & \u{7}")
        })
        .collect();
    valid(&yang, Kind::Errors, |encoding| RestconfError::encode_all(&errors, encoding));
    for (selected_algorithm, cert_req_info) in [(None, None), (Some(p256()), Some(cert_req_info()))] {
        for selected_format in CsrFormat::ALL {
            let (selected_algorithm, cert_req_info) = (selected_algorithm.clone(), cert_req_info.clone());
            let request = CsrRequest { selected_algorithm, selected_format, cert_req_info };
            let error = RestconfError::csr_wanted(request, "CSR wanted");
            valid(&yang, Kind::Errors, |encoding| error.encode(encoding));
            valid(&yang, Kind::CsrRequest, |encoding| error_info(&error.encode(encoding), encoding));
        }
    }
}

/// Version 1, no subject, a P-256 key, no attributes (RFC 2986 §4.1).
fn cert_req_info() -> CertReqInfo {
    let root = root();
    let key = root.public_key().spki_der();
    let content = [&[2, 1, 0, 0x30, 0][..], key, &[0xa0, 0]].concat();
    let der = [&[0x30, u8::try_from(content.len()).unwrap()], &content[..]].concat();
    CertReqInfo::from_der(&der).unwrap()
}

#[test]
fn rcf_08_the_api_resource() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    valid(&yang, Kind::Api, |encoding| ApiResource::Root.encode(Roles::default(), encoding));
}

#[test]
fn rcf_11_the_yang_library() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules.clone());
    // Both forms are mandatory by the module, so they are judged together.
    for roles in [Roles::RedirectAndOnboarding, Roles::RedirectOnly] {
        valid(&yang, Kind::Data, |encoding| ApiResource::Data.encode(roles, encoding));
    }
    // Every module that is listed is one that was published, at that revision.
    let library = ApiResource::ModulesState.encode(Roles::default(), Encoding::Json);
    let library: serde_json::Value = serde_json::from_slice(&library).unwrap();
    let listed = library["ietf-yang-library:modules-state"]["module"].as_array().unwrap();
    assert!(listed.len() > 5);
    for module in listed {
        let file = format!("{}@{}.yang", module["name"].as_str().unwrap(), module["revision"].as_str().unwrap());
        let text = std::fs::read_to_string(modules.join(&file)).unwrap_or_else(|_| panic!("{file} was not published"));
        assert!(text.contains(module["namespace"].as_str().unwrap()), "{file}");
    }
}

/// What stands in the `error-info` of the only error.
fn error_info(document: &[u8], encoding: Encoding) -> Vec<u8> {
    let text = str::from_utf8(document).unwrap();
    match encoding {
        Encoding::Json => {
            let document: serde_json::Value = serde_json::from_str(text).unwrap();
            document["ietf-restconf:errors"]["error"][0]["error-info"].to_string().into_bytes()
        }
        Encoding::Xml => {
            let (_, inner) = text.split_once("<error-info>").unwrap();
            inner.split_once("</error-info>").unwrap().0.as_bytes().to_vec()
        }
    }
}
