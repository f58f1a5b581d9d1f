//! Owner certificates whose status must be known (RFC 8572 §5.4), and owners that follow one another.

use std::net::IpAddr;

use conveyed_info::{rpc::ReportingLevel, voucher::Freshness};
use pki::{certificate::Certificate, time::Clock};
use verdict::ReasonCode;

use super::world::{Party, World, giving, now, plan, unsigned};
use crate::{
    Outcome, OutcomeState,
    machine::{Offer, Origin},
};

const A: &str = "192.0.2.1:443";
const B: &str = "192.0.2.2:443";
const LIST: &str = "http://192.0.2.80/owner.crl";
const SECOND_LIST: &str = "http://crl.example:8080/owner.crl";

/// A world whose voucher demands revocation checks, and whose owner certificate names these places.
fn demanding(places: &[&str]) -> World {
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.owner = world.owner_ca.issue_pointing("owner", places);
    world.revocation_checks = Some(true);
    world.sim.names.insert("crl.example".to_owned(), vec!["192.0.2.81".parse().unwrap()]);
    let data = world.signed(plan());
    world.serve(A, giving(data, ReportingLevel::Minimal));
    world
}

fn list(world: &World, revoked: &[&Certificate]) -> Vec<u8> {
    world.owner_ca.revocation_list(revoked)
}

fn fetched(world: &World) -> Vec<&str> {
    world.sim.events.iter().filter_map(|event| event.strip_prefix("fetch ")).collect()
}

fn ends(outcome: &Outcome) -> (OutcomeState, Option<ReasonCode>) {
    (outcome.state, outcome.reason)
}

#[test]
fn sec_04_a_list_that_is_missing_is_fetched_and_nothing_more() {
    let mut world = demanding(&[LIST, SECOND_LIST]);
    world.sim.evidence.insert(LIST.to_owned(), list(&world, &[]));
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped, "{outcome:?}");
    assert_eq!(fetched(&world), [LIST]);
}

#[test]
fn sec_04_further_places_are_asked_until_one_helps() {
    let mut world = demanding(&["https://192.0.2.80/tls", LIST, "http://192.0.2.82/damaged", SECOND_LIST]);
    world.sim.evidence.insert("http://192.0.2.82/damaged".to_owned(), b"no list".to_vec());
    world.sim.evidence.insert(SECOND_LIST.to_owned(), list(&world, &[]));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(fetched(&world), [LIST, "http://192.0.2.82/damaged", SECOND_LIST]);
}

#[test]
fn cli_38_without_an_answer_the_data_stays_refused() {
    let mut world = demanding(&[LIST]);
    assert_eq!(ends(&world.run()), (OutcomeState::Refused, Some(ReasonCode::RevocationUnchecked)));
    assert!(world.sim.done.is_none() && !world.sim.events.contains(&"commit".to_owned()));
    let mut world = demanding(&[]);
    assert_eq!(world.run().reason, Some(ReasonCode::RevocationUnchecked));
    // A list of somebody else tells nothing.
    let mut world = demanding(&[LIST]);
    world.sim.evidence.insert(LIST.to_owned(), Party::root("owner ca").revocation_list(&[]));
    assert_eq!(world.run().reason, Some(ReasonCode::RevocationUnchecked));
}

#[test]
fn cli_38_what_is_revoked_stays_so_whatever_others_say() {
    let mut world = demanding(&[LIST, SECOND_LIST]);
    let revoked = list(&world, &[&world.owner.certificate]);
    world.sim.evidence.insert(LIST.to_owned(), revoked);
    world.sim.evidence.insert(SECOND_LIST.to_owned(), list(&world, &[]));
    assert_eq!(world.run().reason, Some(ReasonCode::CertificateRevoked));
    assert_eq!(fetched(&world), [LIST]);
}

#[test]
fn sec_04_nothing_is_fetched_for_strangers() {
    // The voucher is another MASA's; or it demands nothing; or the clock could not judge what is fetched.
    let mut world = demanding(&[LIST]);
    world.policy.voucher_anchors = vec![Party::root("another masa").certificate];
    assert_eq!(world.run().reason, Some(ReasonCode::VoucherSignerUntrusted));
    assert_eq!(fetched(&world), [""; 0]);
    let mut world = demanding(&[LIST]);
    world.sim.clock = Clock::Untrusted { at_least: now() };
    assert_eq!(world.run().state, OutcomeState::Bootstrapped, "DEV-14");
    assert_eq!(fetched(&world), [""; 0]);
}

#[test]
fn sec_10_a_place_on_this_host_is_not_asked_unless_allowed() {
    let places = ["http://127.0.0.1/crl", "http://crl.example/crl", "http://[::1]/crl"];
    let mut world = demanding(&places);
    world.sim.names.insert("crl.example".to_owned(), vec!["169.254.169.254".parse::<IpAddr>().unwrap()]);
    for place in places {
        world.sim.evidence.insert(place.to_owned(), list(&world, &[]));
    }
    assert_eq!(world.run().reason, Some(ReasonCode::RevocationUnchecked));
    assert_eq!(fetched(&world), [""; 0]);
    world.policy.allowed_targets.0.push("127.0.0.0/8".parse().unwrap());
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
}

#[test]
fn sec_09_places_without_end_cost_no_more_than_the_time_of_a_stranger() {
    let places: Vec<_> = (0..200).map(|last| format!("http://192.0.2.{last}/")).collect();
    let places: Vec<_> = places.iter().map(String::as_str).collect();
    let mut world = demanding(&places);
    world.run();
    assert_eq!(fetched(&world).len(), 8);
    world.sim.latency = std::time::Duration::from_secs(90);
    world.run();
    assert!(fetched(&world).len() < 3, "{:?}", fetched(&world));
}

#[test]
fn sec_03_a_former_owner_does_not_get_the_device_back_with_an_old_voucher() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let data = world.signed(plan());
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let remembered = world.sim.newest_voucher.unwrap();
    assert_eq!(remembered.created_on, Some(now().plus_seconds(-3600)));

    // Another owner, a voucher from an hour before: refused, after a factory reset too.
    world.situation.history = crate::machine::History::default();
    (world.owner_ca, world.voucher_age) = (Party::root("former owner ca"), 7200);
    world.owner = world.owner_ca.issue("former owner");
    let data = world.signed(plan());
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::VoucherSuperseded));
    // The manufacturer says that the device is theirs again.
    world.voucher_age = 60;
    let data = world.signed(plan());
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(world.sim.newest_voucher.unwrap().created_on, Some(now().plus_seconds(-60)));
}

#[test]
fn sec_03_a_voucher_is_remembered_only_when_it_counts() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Minimal));
    world.run();
    let nonced = Freshness::Nonce(super::world::nonce());
    let data = world.signed_with(&world.owner, &plan().into(), nonced);
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::VoucherNonceMismatch));
    assert_eq!(world.sim.newest_voucher, None);
}

#[test]
fn cli_17_data_that_is_refused_for_want_of_a_list_costs_one_server() {
    let mut world = demanding(&[LIST]);
    world.sim.sources[0].as_mut().unwrap().offers.push(Offer::Server(super::world::server(B), Origin::Untrusted));
    world.revocation_checks = None;
    let data = world.signed(plan());
    world.serve(B, giving(data, ReportingLevel::Minimal));
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped);
    assert_eq!(outcome.passed_over[0].reason, ReasonCode::RevocationUnchecked);
}
