//! Servers that have no room now (RFC 9110 §10.2.3; RFC 8572 §5.3).

use conveyed_info::rpc::ReportingLevel;

use super::world::{World, empty, give, giving, later, plan, unsigned};
use crate::{
    OutcomeState,
    machine::{Origin, Request},
};

const A: &str = "192.0.2.1:443";
const B: &str = "192.0.2.2:443";

fn waits(world: &World) -> Vec<u64> {
    world.sim.events.iter().filter_map(|event| event.strip_prefix("wait ")?.parse().ok()).collect()
}

/// A server that has no room for so many requests of each kind, and says when it will.
fn busy(world: &mut World, server: &str, times: usize, seconds: u64) {
    let data = unsigned(plan());
    let (mut roots, mut asked) = (0, 0);
    world.serve(server, move |request| {
        let (count, answer) = match request {
            Request::HostMeta => (&mut roots, empty(404)),
            Request::BootstrappingData { .. } => (&mut asked, give(data.clone(), ReportingLevel::Minimal)),
            Request::Progress { .. } => return empty(204),
        };
        *count += 1;
        if *count <= times { later(seconds) } else { answer }
    });
}

#[test]
fn a_server_that_says_when_it_has_room_is_asked_again_then() {
    let mut world = World::trusting(A);
    busy(&mut world, A, 2, 7);
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(waits(&world), [7000; 4], "twice for its root, twice for the data");
}

#[test]
fn a_server_is_believed_for_three_minutes_and_eight_times() {
    let mut world = World::trusting(A);
    busy(&mut world, A, usize::MAX, u64::MAX);
    assert_ne!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(waits(&world), [180_000; 8]);
}

#[test]
fn while_another_server_can_be_asked_nobody_is_waited_for() {
    let mut world = World::new(Origin::Untrusted, &[A, B]);
    busy(&mut world, A, 1, 7);
    world.serve(B, giving(unsigned(plan()), ReportingLevel::Minimal));
    world.run();
    assert_eq!(waits(&world), [0; 0]);
    assert!(world.sim.requests.iter().any(|(address, _)| address.to_string() == B), "{:?}", world.sim.requests);
}

#[test]
fn sec_09_a_stranger_that_makes_the_device_wait_costs_no_more_than_its_time() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    busy(&mut world, A, usize::MAX, 100);
    world.run();
    assert_eq!(waits(&world), [100_000; 2], "five minutes are not over");
}

#[test]
fn what_is_said_with_another_status_is_about_something_else() {
    let mut world = World::trusting(A);
    world.serve(A, |_| crate::machine::Answer { status: 500, ..later(7) });
    world.run();
    assert_eq!(waits(&world), [0; 0]);
}

#[test]
fn cli_55_a_report_that_must_arrive_waits_as_long_as_it_is_told() {
    let mut world = World::trusting(A);
    let data = unsigned(plan());
    let mut turned_away = 0;
    world.serve(A, move |request| match request {
        Request::HostMeta => empty(404),
        Request::BootstrappingData { .. } => give(data.clone(), ReportingLevel::Minimal),
        Request::Progress { report, .. }
            if report.progress_type.as_str() == "bootstrap-complete" && turned_away < 2 =>
        {
            turned_away += 1;
            later(33)
        }
        Request::Progress { .. } => empty(204),
    });
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(waits(&world), [33_000; 2]);
}
