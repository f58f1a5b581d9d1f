//! What DNS gives: data under the device's name, and servers for every device (RFC 8572 §4.2).

use conveyed_info::{
    BootstrappingData, Unverified,
    rpc::{BootstrappingRequest, ReportingLevel},
};
use verdict::ReasonCode;

use super::world::{World, giving, plan, server, unsigned};
use crate::{
    OutcomeState, Place,
    machine::{Discovery, Offer, Origin, Request},
};

const A: &str = "192.0.2.1:443";
const B: &str = "192.0.2.2:8443";

fn name() -> Place {
    Place::Name("SN-42._sztp.example.net. at 192.0.2.53".to_owned())
}

/// A world in which the four questions of DNS find this, one after the other.
fn world(found: impl IntoIterator<Item = Vec<Offer>>) -> World {
    let mut world = World::new(Origin::Untrusted, &[]);
    let discovery = |offers: Vec<Offer>| match offers.len() {
        0 => Err(verdict::Refusal::new(ReasonCode::NoSource, "no such record")),
        _ => Ok(Discovery { offers, ignored: Vec::new() }),
    };
    world.sim.sources = found.into_iter().map(discovery).collect();
    world.policy.sources = (0..world.sim.sources.len()).map(|index| format!("question {index}")).collect();
    world
}

fn data(data: BootstrappingData) -> Offer {
    Offer::Data(name(), Unverified::new(data))
}

fn asked(world: &World) -> Vec<&str> {
    world.sim.events.iter().map(String::as_str).filter(|event| event.starts_with("discover")).collect()
}

fn inputs(world: &World) -> Vec<&BootstrappingRequest> {
    let requests = world.sim.requests.iter().map(|(_, request)| request);
    requests
        .filter_map(|request| match request {
            Request::BootstrappingData { input, .. } => Some(input),
            _ => None,
        })
        .collect()
}

/// DNS-02, DNS-03: what comes later is asked only because what came before did not lead to a successful bootstrap, be it
/// that nothing was there or that it could not be believed.
#[test]
fn dns_02_a_question_is_asked_only_when_those_before_it_led_nowhere() {
    let mut owned = world([Vec::new(), vec![data(unsigned(plan()))], Vec::new(), Vec::new()]);
    owned.sim.sources[2] = Ok(Discovery { offers: vec![data(owned.signed(plan()))], ignored: Vec::new() });
    assert_eq!(owned.run().state, OutcomeState::Bootstrapped);
    assert_eq!(asked(&owned), ["discover 0", "discover 1", "discover 2"]);
}

/// DNS-01: DNSSEC or not, what is not signed by the owner is no onboarding information.
#[test]
fn dns_01_unsigned_onboarding_information_is_refused_and_signed_is_applied_unreported() {
    let mut unowned = world([vec![data(unsigned(plan()))]]);
    let outcome = unowned.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::Refused, Some(ReasonCode::UnsignedOnboardingUntrusted)));
    assert_eq!(outcome.passed_over[0].place, name());
    assert!(unowned.sim.done.is_none() && unowned.sim.configuration.is_none());

    let signed = data(unowned.signed(plan()));
    unowned.sim.sources = vec![Ok(Discovery { offers: vec![signed], ignored: Vec::new() })];
    assert_eq!(unowned.run().state, OutcomeState::Bootstrapped);
    assert!(unowned.sim.requests.is_empty(), "{:?}", unowned.sim.requests);
}

/// DNS-13, DNS-17: a server that an SRV record names is provisional, whatever its certificate chains to. It hears that
/// signed data is wanted, and nothing of how it went.
#[test]
fn dns_17_a_server_named_by_dns_is_provisional_and_hears_no_reports() {
    let servers = [A, B].map(|text| Offer::Server(server(text), Origin::Untrusted)).to_vec();
    let mut world = world([servers]);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
    let data = world.signed(plan());
    world.serve(B, giving(data, ReportingLevel::Verbose));
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped);
    // DNS-14: in the order given, the next only when the one before led nowhere.
    assert_eq!(outcome.passed_over[0].place, Place::Server(server(A)));
    assert_eq!(outcome.passed_over[0].reason, ReasonCode::UnsignedOnboardingUntrusted);
    assert_eq!(inputs(&world).len(), 2);
    assert!(inputs(&world).iter().all(|input| input.signed_data_preferred));
    assert!(!world.sim.events.iter().any(|event| event.starts_with("report")), "{:?}", world.sim.events);
}
