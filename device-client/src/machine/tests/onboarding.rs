//! Scripts and configuration (RFC 8572 §5.6).

use conveyed_info::rpc::ReportingLevel;
use pki::digest::sha256;
use verdict::{ReasonCode, Refusal};

use super::world::{World, giving, plan, unsigned};
use crate::{
    OutcomeState,
    machine::{Fact, OnboardingStep, ScriptEnd, ScriptVerdict},
};

const A: &str = "192.0.2.1:443";

fn world() -> World {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Minimal));
    world
}

fn ends(world: &mut World, step: OnboardingStep, verdict: ScriptVerdict) {
    world.sim.scripts.insert(step, ScriptEnd { verdict, output: "what it said".to_owned() });
}

/// Everything the device did after it was told what to do.
fn work(world: &World) -> Vec<&str> {
    let work = world.sim.events.iter().map(String::as_str);
    work.skip_while(|event| *event != "report bootstrap-initiated").collect()
}

#[test]
fn cli_71_an_error_in_the_pre_script_stops_before_the_configuration() {
    for verdict in [ScriptVerdict::Failed(1), ScriptVerdict::Killed, ScriptVerdict::TimedOut] {
        let mut world = world();
        ends(&mut world, OnboardingStep::PreScript, verdict);
        let outcome = world.run();
        assert_eq!((outcome.state, outcome.reason), (OutcomeState::ApplyFailed, Some(ReasonCode::PreScriptFailed)));
        assert!(outcome.detail.contains("what it said"), "{}", outcome.detail);
        assert_eq!(work(&world), ["report bootstrap-initiated", "run pre-script", "report pre-script-error"]);
    }
}

#[test]
fn cli_69_a_warning_is_reported_and_bootstrapping_goes_on() {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
    ends(&mut world, OnboardingStep::PreScript, ScriptVerdict::Warning);
    ends(&mut world, OnboardingStep::PostScript, ScriptVerdict::Warning);
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let work = work(&world);
    assert!(work.contains(&"report pre-script-warning") && work.contains(&"report post-script-warning"));
    assert!(!work.contains(&"report pre-script-complete"));
}

#[test]
fn cli_75_a_configuration_that_cannot_be_committed_stops_before_the_post_script() {
    let mut world = world();
    world.sim.commit = Some(Refusal::new(ReasonCode::ConfigurationFailed, "line 4"));
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::ApplyFailed, Some(ReasonCode::ConfigurationFailed)));
    assert_eq!(work(&world), ["report bootstrap-initiated", "run pre-script", "commit", "report config-error"]);
}

#[test]
fn cli_76_cli_81_an_error_in_the_post_script_rolls_the_configuration_back() {
    let mut world = world();
    ends(&mut world, OnboardingStep::PostScript, ScriptVerdict::Failed(2));
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::ApplyFailed, Some(ReasonCode::PostScriptFailed)));
    assert_eq!(
        work(&world),
        [
            "report bootstrap-initiated",
            "run pre-script",
            "commit",
            "run post-script",
            "roll back",
            "report post-script-error",
        ]
    );
    // CLI-80: the next attempt starts from the first step.
    world.sim.scripts.clear();
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert!(work(&world).contains(&"run pre-script"));
}

#[test]
fn an_attempt_that_was_cut_off_goes_on_with_the_first_step_that_is_missing() {
    let mut world = world();
    let document = sha256(&conveyed_info::information::Information::from(plan()).to_json());
    for step in [OnboardingStep::PreScript, OnboardingStep::Configuration] {
        world.situation.history.add(Fact::Applied { document, step });
    }
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(work(&world), ["report bootstrap-initiated", "run post-script", "report bootstrap-complete", "done"]);
}

#[test]
fn a_configuration_committed_before_the_cut_is_rolled_back_when_the_post_script_fails_after_it() {
    let mut world = world();
    let document = sha256(&conveyed_info::information::Information::from(plan()).to_json());
    world.situation.history.add(Fact::Applied { document, step: OnboardingStep::Configuration });
    ends(&mut world, OnboardingStep::PostScript, ScriptVerdict::Failed(2));
    world.run();
    assert!(work(&world).contains(&"roll back"));
    assert!(!world.situation.history.is_applied(&document, OnboardingStep::Configuration));
}

#[test]
fn another_document_is_applied_from_its_first_step() {
    let mut world = world();
    let other = sha256(b"another document");
    world.situation.history.add(Fact::Applied { document: other, step: OnboardingStep::PreScript });
    world.run();
    assert!(work(&world).contains(&"run pre-script"));
}

#[test]
fn every_step_is_in_the_journal_before_the_next_begins() {
    let mut world = world();
    world.run();
    let document = world.sim.done.as_ref().unwrap().document;
    for step in [OnboardingStep::PreScript, OnboardingStep::Configuration, OnboardingStep::PostScript] {
        assert!(world.situation.history.is_applied(&document, step), "{step}");
    }
}
