//! Finding the right server, and none but the right one (RFC 8572 §5.3 to §5.5).

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use conveyed_info::{rpc::ReportingLevel, voucher::Freshness};
use pki::time::Clock;
use verdict::ReasonCode;

use super::world::{World, empty, give, giving, nonce, nothing, plan, redirect, server, unsigned};
use crate::{
    OutcomeState,
    machine::{Action, Discovery, Event, Machine, Moment, Offer, Origin, Request, WellKnownServer},
};

const A: &str = "192.0.2.1:443";
const B: &str = "192.0.2.2:443";

/// Appendix B of RFC 8572: a signed redirect to the server itself, with an anchor, then the data over a trusted
/// connection.
fn appendix_b(world: &World, address: &str) -> impl FnMut(&Request) -> crate::machine::Answer + Send + 'static {
    let redirect = world.signed(redirect(&[(address, Some(world.anchor()))]));
    let onboarding = unsigned(plan());
    move |request| match request {
        Request::HostMeta => empty(404),
        Request::BootstrappingData { input, .. } if input.signed_data_preferred => {
            give(redirect.clone(), ReportingLevel::Minimal)
        }
        Request::BootstrappingData { .. } => give(onboarding.clone(), ReportingLevel::Minimal),
        Request::Progress { .. } => empty(204),
    }
}

fn inputs(world: &World) -> Vec<conveyed_info::rpc::BootstrappingRequest> {
    let input = |request: &Request| match request {
        Request::BootstrappingData { input, .. } => Some(input.clone()),
        _ => None,
    };
    world.sim.requests.iter().filter_map(|(_, request)| input(request)).collect()
}

#[test]
fn srv_04_a_server_becomes_trusted_by_a_signed_redirect_to_itself() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let answer = appendix_b(&world, A);
    world.serve(A, answer);
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped, "{outcome:?}");
    assert_eq!(world.sim.done.as_ref().unwrap().place, server(A).into());
    assert_eq!(
        world.sim.events,
        [
            "discover 0",
            "connect 192.0.2.1:443",
            "host-meta",
            "ask",
            "connect 192.0.2.1:443",
            "host-meta",
            "ask",
            "report bootstrap-initiated",
            "roll back",
            "run pre-script",
            "commit",
            "run post-script",
            "report bootstrap-complete",
            "done",
        ]
    );
    // CLI-20 to CLI-22: the first question tells nothing, the second one what a trusted server may know.
    let inputs = inputs(&world);
    assert!(inputs[0].signed_data_preferred && inputs[0].hw_model.is_none() && inputs[0].os_name.is_none());
    assert!(!inputs[1].signed_data_preferred);
    assert_eq!((inputs[1].hw_model.as_deref(), inputs[1].os_version.as_deref()), (Some("m-1"), Some("1")));
}

#[test]
fn cli_15_a_rogue_with_unsigned_onboarding_is_passed_over_unheard() {
    let mut world = World::new(Origin::Untrusted, &[A, B]);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
    let answer = appendix_b(&world, B);
    world.serve(B, answer);
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped);
    let passed = &outcome.passed_over[0];
    assert_eq!((&passed.place, passed.reason), (&server(A).into(), ReasonCode::UnsignedOnboardingUntrusted));
    let to_rogue = world.sim.requests.iter().filter(|(address, _)| address.to_string() == A);
    assert!(to_rogue.clone().all(|(_, request)| !matches!(request, Request::Progress { .. })));
    assert_eq!(to_rogue.count(), 2);
}

#[test]
fn cli_43_a_server_that_does_not_validate_to_the_anchor_gets_no_request() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let data = world.signed(redirect(&[(B, Some(world.anchor()))]));
    world.serve(A, giving(data, ReportingLevel::Minimal));
    let impostor = super::world::Party::root("impostor").issue_server("192.0.2.2").certificate;
    world.serve_with(B, vec![impostor], giving(unsigned(plan()), ReportingLevel::Minimal));
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::Refused, Some(ReasonCode::ServerUntrusted)));
    assert!(world.sim.requests.iter().all(|(address, _)| address.to_string() == A));
}

#[test]
fn cli_43_a_server_with_another_name_gets_no_request() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let data = world.signed(redirect(&[(B, Some(world.anchor()))]));
    world.serve(A, giving(data, ReportingLevel::Minimal));
    let other = world.tls.issue_server("192.0.2.77").certificate;
    world.serve_with(B, vec![other], giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::ServerNameMismatch));
    assert!(world.sim.requests.iter().all(|(address, _)| address.to_string() == A));
}

#[test]
fn art_33_a_sibling_under_the_same_root_is_not_the_anchor() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let (named, sibling) = (world.tls.issue_ca("named"), world.tls.issue_ca("sibling"));
    let chain = [named.certificate.clone(), world.tls.certificate.clone()];
    let anchor = conveyed_info::information::TrustAnchor::new(&chain).unwrap();
    let data = world.signed(redirect(&[(B, Some(anchor))]));
    world.serve(A, giving(data, ReportingLevel::Minimal));
    let chain = vec![sibling.issue_server("192.0.2.2").certificate, sibling.certificate.clone()];
    world.serve_with(B, chain, giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::ServerUntrusted));
    let chain = vec![named.issue_server("192.0.2.2").certificate];
    world.serve_with(B, chain, giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
}

#[test]
fn cli_44_without_an_anchor_even_a_signed_redirect_leads_to_a_provisional_connection() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let data = world.signed(redirect(&[(B, None)]));
    world.serve(A, giving(data, ReportingLevel::Minimal));
    world.serve(B, giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::UnsignedOnboardingUntrusted));
    assert!(inputs(&world).iter().all(|input| input.signed_data_preferred));
}

/// Verbose or not, trusted or not: of a redirect nobody hears.
#[test]
fn cli_47_a_redirect_is_not_reported_even_to_a_trusted_server() {
    let mut world = World::trusting(A);
    let anchor = world.anchor();
    world.serve(A, giving(unsigned(redirect(&[(B, Some(anchor))])), ReportingLevel::Verbose));
    world.serve(B, giving(unsigned(plan()), ReportingLevel::Verbose));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let heard = |text: &str| {
        let address = text.parse().unwrap();
        let reports = world.sim.requests.iter().filter(|(to, _)| *to == address);
        reports.filter(|(_, request)| matches!(request, Request::Progress { .. })).count()
    };
    assert_eq!(heard(A), 0);
    assert!(heard(B) > 2);
}

#[test]
fn cli_45_anchors_of_an_unsigned_redirect_are_worth_nothing() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let anchor = world.anchor();
    world.serve(A, giving(unsigned(redirect(&[(B, Some(anchor))])), ReportingLevel::Minimal));
    world.serve(B, giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::UnsignedOnboardingUntrusted));
}

#[test]
fn cli_14_the_eleventh_redirect_is_not_followed() {
    let mut world = World::new(Origin::Untrusted, &["192.0.2.100:443"]);
    for hop in 100..115 {
        let target = format!("192.0.2.{}:443", hop + 1);
        let data = unsigned(redirect(&[(target.as_str(), None)]));
        world.serve(&format!("192.0.2.{hop}:443"), giving(data, ReportingLevel::Minimal));
    }
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::Refused, Some(ReasonCode::RedirectLimit)));
    let asked = world.sim.events.iter().filter(|event| *event == "ask").count();
    assert_eq!(asked, 11, "the first server and ten redirects");
}

#[test]
fn cli_14_a_loop_ends_at_once() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.serve(A, giving(unsigned(redirect(&[(B, None)])), ReportingLevel::Minimal));
    world.serve(B, giving(unsigned(redirect(&[(A, None)])), ReportingLevel::Minimal));
    let outcome = world.run();
    assert_eq!(outcome.reason, Some(ReasonCode::RedirectLoop));
    assert_eq!(inputs(&world).len(), 2);
}

#[test]
fn cli_17_an_error_leads_back_to_the_enclosing_list() {
    let mut world = World::new(Origin::Untrusted, &[A, B]);
    let inner = [("192.0.2.8:443", None), ("192.0.2.9:443", None)];
    world.serve(A, giving(unsigned(redirect(&inner)), ReportingLevel::Minimal));
    world.serve("192.0.2.8:443", |request| if *request == Request::HostMeta { empty(404) } else { nothing() });
    let answer = appendix_b(&world, B);
    world.serve(B, answer);
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped);
    let reasons: Vec<_> = outcome.passed_over.iter().map(|it| (it.place.to_string(), it.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("192.0.2.8:443".to_owned(), ReasonCode::NothingForThisDevice),
            ("192.0.2.9:443".to_owned(), ReasonCode::ServerUnreachable),
        ]
    );
}

#[test]
fn cli_09_trust_of_a_failed_branch_does_not_reach_the_next_server() {
    let mut world = World::trusting(A);
    world.sim.sources[0].as_mut().unwrap().offers.push(Offer::Server(server(B), Origin::Untrusted));
    world.serve(A, giving(unsigned(redirect(&[("192.0.2.9:443", None)])), ReportingLevel::Minimal));
    world.serve(B, giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::UnsignedOnboardingUntrusted));
}

#[test]
fn cli_42_every_address_of_a_name_is_tried() {
    let mut world = World::new(Origin::Untrusted, &["sztp.example:443"]);
    let addresses = [1, 2, 3].map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
    world.sim.names.insert("sztp.example".to_owned(), addresses.to_vec());
    let data = world.signed(plan());
    world.serve(B, giving(data, ReportingLevel::Minimal));
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped);
    let connects = world.sim.events.iter().filter(|event| event.starts_with("connect")).count();
    assert_eq!(connects, 2, "the third address was not needed");
}

/// A rogue that answers first, names servers without end and lets each exchange last as long as it may.
#[test]
fn sec_09_a_rogue_source_costs_minutes_and_not_hours() {
    let names: Vec<_> = (0..16).map(|number| format!("rogue{number}.example:443")).collect();
    let listed: Vec<_> = names.iter().map(String::as_str).collect();
    let mut world = World::new(Origin::Untrusted, &listed);
    world.sim.latency = Duration::from_secs(30);
    let addresses: Vec<_> = (1..=8).map(|last| IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))).collect();
    for address in &addresses {
        let targets: Vec<_> = listed.iter().map(|name| (*name, None)).collect();
        let answer = giving(unsigned(redirect(&targets)), ReportingLevel::Minimal);
        world.serve(&format!("{address}:443"), answer);
    }
    for name in &names {
        world.sim.names.insert(server(name).host().to_owned(), addresses.clone());
    }
    world.policy.sources.push("second".to_owned());
    let factory = Discovery::of_servers(vec![server(A)], Origin::Factory);
    world.sim.sources.push(Ok(factory));
    let data = world.signed(plan());
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert!(world.sim.monotonic < Duration::from_secs(600), "{:?}", world.sim.monotonic);
    let left = world.sim.records.iter().filter(|record| record.step == "servers-left-untried");
    assert_eq!(left.count(), 1);
}

#[test]
fn sec_09_further_addresses_of_a_rogue_are_not_tried_when_time_is_over() {
    let mut world = World::new(Origin::Untrusted, &["rogue.example:443"]);
    world.sim.latency = Duration::from_secs(100);
    let addresses: Vec<_> = (1..=8).map(|last| IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))).collect();
    for address in &addresses {
        world.serve(&format!("{address}:443"), |_| empty(500));
    }
    world.sim.names.insert("rogue.example".to_owned(), addresses);
    assert_eq!(world.run().state, OutcomeState::Refused);
    assert_eq!(world.sim.monotonic, Duration::from_secs(400), "two addresses, a connection and an exchange each");
}

#[test]
fn sec_09_what_the_owner_names_is_tried_however_late_it_is() {
    let mut world = World::new(Origin::Untrusted, &[A, "192.0.2.9:443"]);
    world.sim.latency = Duration::from_secs(200);
    let data = world.signed(redirect(&[(B, Some(world.anchor()))]));
    world.serve(A, giving(data, ReportingLevel::Minimal));
    world.serve(B, giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
}

#[test]
fn sec_09_a_list_that_nobody_vouches_for_is_cut() {
    let names: Vec<_> = (1..=20).map(|last| format!("198.51.100.{last}:443")).collect();
    let listed: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(World::new(Origin::Untrusted, &listed).run().passed_over.len(), 16);
    assert_eq!(World::new(Origin::Factory, &listed).run().passed_over.len(), 20);
}

#[test]
fn cli_09_a_target_blocked_for_a_stranger_is_not_blocked_for_the_owner() {
    let inner = "127.0.0.1:443";
    let mut world = World::new(Origin::Untrusted, &[inner, A]);
    let (signed_redirect, data) = (world.signed(redirect(&[(inner, None)])), world.signed(plan()));
    world.serve(A, giving(signed_redirect, ReportingLevel::Minimal));
    world.serve(inner, giving(data, ReportingLevel::Minimal));
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped, "{outcome:?}");
    assert_eq!(outcome.passed_over[0].reason, ReasonCode::RedirectTargetBlocked);
}

#[test]
fn sec_10_an_untrusted_source_cannot_lead_to_this_host_unless_allowed() {
    for inner in ["127.0.0.1:443", "169.254.0.1:443"] {
        let mut world = World::new(Origin::Untrusted, &[inner]);
        assert_eq!(world.run().reason, Some(ReasonCode::RedirectTargetBlocked));
        assert_eq!(world.sim.events, ["discover 0"]);
    }
    let mut world = World::new(Origin::Untrusted, &["127.0.0.1:443"]);
    world.policy.allowed_targets.0.push("127.0.0.0/8".parse().unwrap());
    let data = world.signed(plan());
    world.serve("127.0.0.1:443", giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
}

#[test]
fn cli_07_a_well_known_server_is_trusted_only_when_path_and_name_validate() {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let other = world.tls.issue_server("192.0.2.77").certificate;
    world.serve_with(A, vec![other], giving(unsigned(plan()), ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::UnsignedOnboardingUntrusted));
}

#[test]
fn cli_08_data_that_does_not_validate_is_void_even_from_a_trusted_server() {
    let mut world = World::trusting(A);
    let sibling = super::world::Party::root("other owner");
    let data = world.signed_by(&sibling, &plan().into());
    world.serve(A, giving(data, ReportingLevel::Minimal));
    let outcome = world.run();
    assert_eq!(outcome.reason, Some(ReasonCode::OwnerNotPinned), "{outcome:?}");
    assert!(!world.sim.events.iter().any(|event| event.starts_with("report") || event == "commit"));
}

#[test]
fn cli_02_the_next_source_is_asked_only_when_the_first_gave_nothing() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.policy.sources.push("second".to_owned());
    let factory = Discovery::of_servers(vec![server(B)], Origin::Factory);
    world.sim.sources.push(Ok(factory));
    let data = world.signed(plan());
    world.serve(B, giving(data.clone(), ReportingLevel::Minimal));
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::Bootstrapped);
    assert_eq!(outcome.passed_over[0].reason, ReasonCode::ServerUnreachable);
    world.serve(A, giving(data, ReportingLevel::Minimal));
    world.run();
    assert!(!world.sim.events.contains(&"discover 1".to_owned()));
}

#[test]
fn no_source_and_nobody_there_are_told_apart() {
    let mut world = World::new(Origin::Untrusted, &[]);
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::Unreachable, Some(ReasonCode::NoSource)));
    let mut world = World::new(Origin::Untrusted, &[A]);
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::Unreachable, Some(ReasonCode::ServerUnreachable)));
}

#[test]
fn cli_24_without_a_trusted_clock_the_voucher_must_answer_the_nonce() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.sim.clock = Clock::Untrusted { at_least: super::world::now().plus_seconds(-86_400 * 365) };
    world.situation.nonce = Some(nonce());
    let fresh = world.signed_with(&world.owner, &plan().into(), Freshness::Nonce(nonce()));
    world.serve(A, giving(fresh.clone(), ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(inputs(&world)[0].nonce, Some(nonce()));
    // Replayed to a device that sent another one.
    world.situation.nonce = conveyed_info::voucher::Nonce::for_request(vec![6; 32]);
    assert_eq!(world.run().reason, Some(ReasonCode::VoucherNonceMismatch));
}

#[test]
fn an_answer_of_another_kind_costs_one_server_only() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    for status in [200, 301, 400, 404, 500] {
        world.serve(A, move |request| if *request == Request::HostMeta { empty(404) } else { empty(status) });
        assert_eq!(world.run().state, OutcomeState::Refused, "{status}");
    }
    world.serve(A, |_| empty(301));
    assert_eq!(world.run().reason, Some(ReasonCode::ServerAnswerInvalid));
}

#[test]
fn an_event_that_answers_nothing_does_not_stop_the_machine() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.policy.well_known.push(WellKnownServer { server: server(B), anchors: Vec::new() });
    let mut machine = Machine::new(std::sync::Arc::new(world.policy.clone()), world.situation.clone());
    let now = Moment { clock: world.sim.clock, monotonic: Duration::ZERO };
    let mut step = machine.start(now);
    for _ in 0..10 {
        if let Action::Finish(outcome) = step.action {
            assert_eq!(outcome.reason, Some(ReasonCode::NoSource));
            return;
        }
        step = machine.on(now, Event::Done);
    }
    panic!("no end");
}
