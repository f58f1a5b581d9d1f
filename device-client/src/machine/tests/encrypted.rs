//! What is encrypted to the device, and how little anybody hears of what came out of it (RFC 8572 §3.4, §9.14).

use std::sync::Arc;

use conveyed_info::{
    BootstrappingData, ConveyedInformation,
    cms::{ContentType, SealOptions, bare, certificates_only},
    rpc::ReportingLevel,
};
use pki::key::{FileKey, SystemEntropy};
use verdict::ReasonCode;

use super::world::{World, giving, plan, unsigned};
use crate::{
    OutcomeState,
    machine::{History, Origin, Request},
};

const A: &str = "192.0.2.1:443";

fn with_key(mut world: World) -> World {
    let key = FileKey::from_pkcs8_der(world.device.key.pkcs8_der()).unwrap();
    world.policy.decryption_key = Some(Arc::new(key));
    world
}

macro_rules! sealed {
    ($world:expr, $artifact:expr) => {{
        let recipient = std::slice::from_ref(&$world.device.certificate);
        $artifact.encrypted_to(recipient, SealOptions::default(), &mut SystemEntropy).unwrap()
    }};
}

#[test]
fn enc_01_enc_04_signed_data_of_which_everything_is_encrypted() {
    let mut world = with_key(World::new(Origin::Untrusted, &[A]));
    let BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } = world.signed(plan())
    else {
        panic!("unsigned")
    };
    let data = BootstrappingData::Signed {
        conveyed_information: sealed!(world, conveyed_information),
        owner_certificate: sealed!(world, owner_certificate),
        ownership_voucher: sealed!(world, ownership_voucher),
    };
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    // And without the key.
    world.policy.decryption_key = None;
    world.situation.history = History::default();
    assert_eq!(world.run().reason, Some(ReasonCode::DecryptionKeyMissing));
}

#[test]
fn enc_12_a_trusted_server_hears_nothing_of_why_decryption_failed() {
    let mut world = with_key(World::trusting(A));
    let BootstrappingData::Unsigned(clear) = unsigned(plan()) else { panic!("signed") };
    let good = sealed!(world, clear).der().to_vec();
    // The content key, wrapped: 40 octets for a key of AES-256 (RFC 3394 §2.2.1).
    let key = good.windows(2).position(|octets| octets == [4, 40]).unwrap() + 2;
    let changed = |place: usize| {
        let mut changed = good.clone();
        changed[place] ^= 0x80;
        changed
    };
    let no_document = bare(ContentType::ConveyedInfoJson, b"*").unwrap();
    let no_document = sealed!(world, ConveyedInformation::from_der(no_document).unwrap()).der().to_vec();
    let mut seen = Vec::new();
    for artifact in [changed(key), changed(good.len() - 1), changed(good.len() - 17), no_document] {
        let data = BootstrappingData::Unsigned(ConveyedInformation::from_der(artifact).unwrap());
        world.serve(A, giving(data, ReportingLevel::Verbose));
        let outcome = world.run();
        let heard: Vec<_> = world.sim.requests.iter().map(|(_, request)| format!("{request:?}")).collect();
        assert!(!world.sim.requests.iter().any(|(_, request)| matches!(request, Request::Progress { .. })));
        seen.push((outcome.state, outcome.reason, heard));
    }
    assert_eq!(seen[0].1, Some(ReasonCode::DecryptionFailed));
    assert!(seen.iter().all(|it| it == &seen[0]), "{seen:#?}");

    let data = BootstrappingData::Unsigned(ConveyedInformation::from_der(good).unwrap());
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
}

#[test]
fn enc_12_what_was_encrypted_and_signed_badly_is_not_reported_either() {
    // In clear, a trusted server is told that its document cannot be read (CLI-57); of what was encrypted, it would learn
    // that decryption succeeded.
    for encrypted in [false, true] {
        let mut world = with_key(World::trusting(A));
        let BootstrappingData::Signed { owner_certificate, ownership_voucher, .. } = world.signed(plan()) else {
            panic!("unsigned")
        };
        let nobody_signed = ConveyedInformation::from_der(certificates_only(&[]).unwrap()).unwrap();
        let conveyed_information = if encrypted { sealed!(world, nobody_signed) } else { nobody_signed };
        let data = BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher };
        world.serve(A, giving(data, ReportingLevel::Verbose));
        assert_eq!(world.run().reason, Some(ReasonCode::ArtifactMalformed));
        let told = world.sim.requests.iter().any(|(_, request)| matches!(request, Request::Progress { .. }));
        assert_eq!(told, !encrypted);
    }
}
