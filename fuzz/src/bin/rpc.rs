//! The messages of both operations, and RESTCONF errors: JSON and XML say the same, and what is read can be written.
#![no_main]

use conveyed_info::{
    BootstrappingData,
    cms::certificates_only,
    make,
    rpc::{
        BootstrappingAnswer, BootstrappingRequest, ErrorTag, ProgressReport, ProgressType, ReportingLevel,
        RestconfError, SshHostKey,
    },
};
use fuzz::{
    Seed,
    agree::{ENCODINGS, both_encodings_agree},
    world::WORLD,
};

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    let request = BootstrappingRequest {
        signed_data_preferred: true,
        hw_model: Some("model-x".into()),
        os_name: Some("ExampleOS".into()),
        os_version: Some("17.3R2.1".into()),
        nonce: Some(WORLD.nonce.clone()),
        ..BootstrappingRequest::default()
    };
    let unsigned =
        make::unsigned_conveyed_information(&WORLD.redirect, make::Style::default()).expect("conveyed information");
    let answer =
        BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data: BootstrappingData::Unsigned(unsigned) };
    let mut report = ProgressReport::new(ProgressType::BootstrapComplete).with_message("done");
    report.ssh_host_keys = vec![SshHostKey { algorithm: "ssh-ed25519".into(), key_data: vec![1; 51] }];
    report.trust_anchor_certs = vec![certificates_only(&WORLD.owner_chain[1..]).expect("a bag")];
    let mut error = RestconfError::new(ErrorTag::InvalidValue, "voucher-expired: it is too late");
    error.path = Some("ietf-sztp-bootstrap-server:input/nonce".into());
    ENCODINGS
        .into_iter()
        .flat_map(|encoding| {
            [request.encode(encoding), answer.encode(encoding), report.encode(encoding), error.encode(encoding)]
        })
        .collect()
}

fn check(bytes: &[u8]) {
    both_encodings_agree(bytes, BootstrappingRequest::decode, BootstrappingRequest::encode);
    both_encodings_agree(bytes, ProgressReport::decode, ProgressReport::encode);
    for encoding in ENCODINGS {
        // What is in an answer is out of reach until it is verified; that it arrives unchanged is shown by `verify`.
        drop(BootstrappingAnswer::decode(bytes, encoding));
        // What others' servers answer is read leniently; what we make of it must still be writable.
        if let Some(error) = RestconfError::decode(bytes, encoding) {
            drop(ENCODINGS.map(|encoding| error.encode(encoding)));
        }
    }
}
