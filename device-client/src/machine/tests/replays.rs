//! Captures that are changed, or asked what would have been. That unchanged ones replay, every test here shows (`captured`).

use std::sync::{Arc, LazyLock};

use conveyed_info::{ConveyedInformation, cms::SealOptions, rpc::ReportingLevel};
use pki::key::{Decryptor, FileKey, SystemEntropy};
use proptest::prelude::*;
use verdict::ReasonCode;

use super::world::{World, giving, nothing, now, plan, unsigned};
use crate::{
    OutcomeState, Record,
    capture::{Changes, End, ReplayError, Replayed, replay},
    machine::{OnboardingStep, Origin, ScriptEnd, ScriptVerdict},
};

const A: &str = "192.0.2.1:443";
const B: &str = "192.0.2.2:443";

fn run(capture: &[u8], changes: &Changes) -> (Result<Replayed, ReplayError>, Vec<Record>) {
    let mut records = Vec::new();
    let result = replay(capture, changes, &mut |record| records.push(record.clone()));
    (result, records)
}

fn end(capture: &[u8], changes: &Changes) -> End {
    run(capture, changes).0.unwrap().end
}

fn steps(records: &[Record]) -> Vec<&'static str> {
    records.iter().map(|record| record.step).collect()
}

/// A device that a rogue has nothing for, and the owner's server onboards.
fn onboarded() -> World {
    let mut world = World::new(Origin::Untrusted, &[B, A]);
    world.serve(B, |_| nothing());
    world.serve(A, giving(world.signed(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    world
}

fn text(capture: &[u8]) -> String {
    String::from_utf8(capture.to_vec()).unwrap()
}

#[test]
fn a_decision_that_is_another_one_is_named() {
    let capture = text(&onboarded().capture);
    let changed = capture.replace("\"detail\":\"onboarding information\"", "\"detail\":\"nothing\"");
    assert_ne!(capture, changed);
    let End::Different { decision, captured, replayed } = end(changed.as_bytes(), &Changes::default()) else {
        panic!()
    };
    assert!(captured.contains("nothing") && replayed.contains("onboarding information"), "{captured} {replayed}");
    let (_, records) = run(changed.as_bytes(), &Changes::default());
    assert_eq!(records[decision - 1].step, "data-accepted");
    // The rest is replayed all the same: what was done is what was captured.
    assert_eq!(records.last().unwrap().step, "bootstrapped");
}

#[test]
fn a_replay_ends_where_the_device_would_have_done_something_else() {
    let world = onboarded();
    // The owner's answer is damaged: the device would have left the server where it onboarded.
    let capture = text(&world.capture);
    let answer = capture.lines().rfind(|line| line.contains("\"status\":200")).unwrap();
    let damaged = capture.replace(answer, &answer.replace("\"status\":200", "\"status\":500"));
    let (replayed, records) = run(damaged.as_bytes(), &Changes::default());
    assert!(matches!(replayed.unwrap().end, End::Different { .. }));
    assert!(!steps(&records).contains(&"data-accepted"), "{:?}", steps(&records));
}

#[test]
fn what_another_anchor_would_have_changed() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.serve(A, giving(world.signed(plan()), ReportingLevel::Minimal));
    world.policy.voucher_anchors.clear();
    assert_eq!(world.run().state, OutcomeState::Refused);
    let anchors = vec![world.masa.certificate.clone()];
    let changes = Changes { voucher_anchors: anchors, ..Changes::default() };
    let (replayed, records) = run(&world.capture, &changes);
    assert!(matches!(replayed.unwrap().end, End::Different { .. }));
    assert!(steps(&records).contains(&"data-accepted"), "{records:?}");
}

#[test]
fn what_another_clock_would_have_changed() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let expired =
        conveyed_info::voucher::Freshness::ExpiresOn { expires_on: now().plus_seconds(-60), last_renewal_date: None };
    let data = world.signed_with(&world.owner, &plan().into(), expired);
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::VoucherExpired));
    let at = |seconds| Changes { at: Some(now().plus_seconds(seconds)), ..Changes::default() };
    let (replayed, records) = run(&world.capture, &at(-120));
    assert!(matches!(replayed.unwrap().end, End::Different { .. }));
    assert!(steps(&records).contains(&"data-accepted"), "{records:?}");
    // A day later nothing is different, but the dates that it mentions.
    assert_eq!(end(&world.capture, &at(86_400)), End::Same);
}

#[test]
fn what_is_encrypted_needs_the_key_that_is_not_in_the_capture() {
    let mut world = World::trusting(A);
    let key = || FileKey::from_pkcs8_der(world.device.key.pkcs8_der()).unwrap();
    let key: Arc<dyn Decryptor> = Arc::new(key());
    world.policy.decryption_key = Some(Arc::clone(&key));
    let conveyed_info::BootstrappingData::Unsigned(clear) = unsigned(plan()) else { panic!() };
    let recipient = std::slice::from_ref(&world.device.certificate);
    let sealed: ConveyedInformation =
        clear.encrypted_to(recipient, SealOptions::default(), &mut SystemEntropy).unwrap();
    world.serve(A, giving(conveyed_info::BootstrappingData::Unsigned(sealed), ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let (replayed, records) = run(&world.capture, &Changes::default());
    let Ok(Replayed { end: End::KeyNeeded { decision }, .. }) = replayed else { panic!("{replayed:?}") };
    // As far as that, and no further.
    assert_eq!((decision, records.last().unwrap().step), (records.len() + 1, "asking"));
    assert_eq!(end(&world.capture, &Changes { decryption_key: Some(key), ..Changes::default() }), End::Same);
}

#[test]
fn sec_13_a_capture_holds_neither_what_programs_print_nor_a_private_key() {
    const CANARY: &str = "c4n4ry";
    let mut world = World::trusting(A);
    let ended = ScriptEnd { verdict: ScriptVerdict::Failed(1), output: CANARY.to_owned() };
    world.sim.scripts.insert(OnboardingStep::PreScript, ended);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
    world.run();
    let capture = text(&world.capture);
    assert!(capture.contains("\"failed\":1") && !capture.contains(CANARY));
    assert!(capture.lines().next().unwrap().contains("keep it as secret"));
    let key = world.device.key.pkcs8_der();
    let contains = |octets: &[u8]| {
        use base64::Engine;
        capture.contains(&base64::engine::general_purpose::STANDARD_NO_PAD.encode(octets))
    };
    // Not at any of the three offsets that base64 has.
    assert!((0..3).all(|offset| !contains(&key[offset..offset + 30])));
}

#[test]
fn a_capture_that_was_cut_off_anywhere_replays_as_far_as_it_goes() {
    let capture = onboarded().capture;
    for length in (0..capture.len()).step_by(97) {
        match run(&capture[..length], &Changes::default()).0 {
            Ok(replayed) => assert!(matches!(replayed.end, End::CutShort(_)), "{length}: {replayed:?}"),
            // Before there is a policy there is nothing to replay.
            Err(error) => assert!(matches!(error, ReplayError::Order { .. }), "{length}: {error}"),
        }
    }
    let later = text(&capture).replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(run(later.as_bytes(), &Changes::default()).0, Err(ReplayError::Version { version: 2 })));
}

#[test]
fn a_line_that_does_not_end_costs_no_memory() {
    let endless = std::io::BufReader::new(std::io::repeat(b'['));
    let error = replay(endless, &Changes::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, ReplayError::TooLong { line: 1 }), "{error}");
}

static CAPTURE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let capture = onboarded().capture;
    capture.split_inclusive(|octet| *octet == b'\n').map(<[u8]>::to_vec).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_a_file_says_makes_a_replay_panic(octets in proptest::collection::vec(any::<u8>(), 0..2000)) {
        drop(run(&octets, &Changes::default()));
        let head = CAPTURE[..3].concat();
        drop(run(&[head, octets].concat(), &Changes::default()));
    }

    #[test]
    fn lines_in_any_order_and_damaged_anywhere_end_a_replay_in_order(
        order in proptest::collection::vec(any::<prop::sample::Index>(), 1..40),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut file = CAPTURE[..3].concat();
        order.iter().for_each(|index| file.extend_from_slice(index.get::<Vec<u8>>(CAPTURE.as_slice())));
        drop(run(&file, &Changes::default()));
        let mut file = CAPTURE.concat();
        for (index, octet) in damage {
            let place = index.index(file.len());
            file[place] = octet;
        }
        drop(run(&file, &Changes::default()));
    }
}
