//! The messages of both operations, and RESTCONF errors: JSON and XML say the same, and what is read can be written.
#![no_main]

use std::{fmt::Debug, sync::LazyLock};

use conveyed_info::{
    BootstrappingData, DocumentError,
    information::TrustAnchor,
    make,
    profile::{InputProfile, Lenient},
    rpc::{
        BootstrappingAnswer, BootstrappingRequest, CsrFormat, CsrInput, CsrRequest, CsrSupport, ErrorTag, KeyAlgorithm,
        ProgressReport, ProgressType, ReportingLevel, RestconfError, SshHostKey, TrustAnchorCert,
    },
};
use fuzz::{
    Seed,
    agree::{ENCODINGS, both_encodings_agree},
    world::WORLD,
};
use pki::{key::Signer, request::CertificationRequest};

fuzz::target!(seeds, check);

/// What the device of the seeds can do about CSRs.
static SUPPORT: LazyLock<CsrSupport> = LazyLock::new(|| {
    let algorithm = KeyAlgorithm::of(WORLD.owner_key.public_key()).expect("an algorithm");
    CsrSupport::new(Some(vec![algorithm]), vec![CsrFormat::P10, CsrFormat::Cmc]).expect("support")
});

fn seeds() -> Vec<Seed> {
    let request = BootstrappingRequest {
        signed_data_preferred: true,
        hw_model: Some("model-x".into()),
        os_name: Some("ExampleOS".into()),
        os_version: Some("17.3R2.1".into()),
        nonce: Some(WORLD.nonce.clone()),
        csr: Some(CsrInput::Support(SUPPORT.clone())),
    };
    let unsigned =
        make::unsigned_conveyed_information(&WORLD.redirect, make::Style::default()).expect("conveyed information");
    let answer =
        BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data: BootstrappingData::Unsigned(unsigned) };
    let mut report = ProgressReport::new(ProgressType::BootstrapComplete).with_message("done");
    report.ssh_host_keys = vec![SshHostKey { algorithm: "ssh-ed25519".into(), key_data: vec![1; 51] }];
    let anchor = TrustAnchor::new(&WORLD.owner_chain[1..]).expect("a trust anchor");
    report.trust_anchor_certs = vec![TrustAnchorCert::Chain(anchor)];
    let mut error = RestconfError::new(ErrorTag::InvalidValue, "voucher-expired: it is too late");
    error.path = Some("ietf-sztp-bootstrap-server:input/nonce".into());
    let wanted = CsrRequest {
        selected_algorithm: KeyAlgorithm::of(WORLD.owner_key.public_key()),
        selected_format: CsrFormat::P10,
        cert_req_info: None,
    };
    let csr_wanted = RestconfError::csr_wanted(wanted, "csr-wanted: a CSR, please");
    ENCODINGS
        .into_iter()
        .flat_map(|encoding| {
            [
                request.encode(encoding),
                answer.encode(encoding),
                report.encode(encoding),
                error.encode(encoding),
                csr_wanted.encode(encoding),
            ]
        })
        .collect()
}

fn check(bytes: &[u8]) {
    both_encodings_agree(bytes, BootstrappingRequest::decode, BootstrappingRequest::encode);
    both_encodings_agree(bytes, ProgressReport::decode, ProgressReport::encode);
    for encoding in ENCODINGS {
        for profile in InputProfile::ALL {
            let request = BootstrappingRequest::decode_with(bytes, encoding, profile);
            leniency_is_told(request, BootstrappingRequest::decode(bytes, encoding), profile);
            let report = ProgressReport::decode_with(bytes, encoding, profile);
            leniency_is_told(report, ProgressReport::decode(bytes, encoding), profile);
        }
        // What is in an answer is out of reach until it is verified; that it arrives unchanged is shown by `verify`.
        drop(BootstrappingAnswer::decode(bytes, encoding));
        // What others' servers answer is read leniently; what we make of it must still be writable.
        for error in RestconfError::decode_all(bytes, encoding) {
            for written in ENCODINGS {
                let again = RestconfError::decode(&error.encode(written), written).expect("an error is readable");
                assert_eq!(again.csr_request, error.csr_request);
                assert_eq!(again.tag, error.tag);
            }
            if let Some(request) = &error.csr_request
                && request.check(&SUPPORT).is_ok()
            {
                // CSR-07, CSR-08: only what was offered.
                assert!(SUPPORT.formats().contains(&request.selected_format));
            }
        }
    }
    if let Ok(request) = CertificationRequest::from_file(bytes)
        && bytes.starts_with(b"\x30")
    {
        assert_eq!(request.der(), bytes);
    }
}

/// A profile passes over what it says it passes over, and what needs none is read as ever.
fn leniency_is_told<T: Debug + PartialEq>(
    lenient: Result<Lenient<T>, DocumentError>,
    strict: Result<T, DocumentError>,
    profile: InputProfile,
) {
    match (lenient, strict) {
        (Ok(lenient), strict) => {
            assert!(lenient.leniencies.iter().all(|used| profile.leniencies().contains(used)));
            if lenient.leniencies.is_empty() {
                assert_eq!(Ok(lenient.value), strict, "a leniency in silence");
            }
        }
        (Err(lenient), Ok(strict)) => panic!("{profile:?} refuses {strict:?}: {lenient}"),
        (Err(_), Err(_)) => {}
    }
}
