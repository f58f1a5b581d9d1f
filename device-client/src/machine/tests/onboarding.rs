//! Scripts and configuration (RFC 8572 §5.6).

use conveyed_info::{
    Encoding,
    information::{Information, OnboardingInformation},
    rpc::ReportingLevel,
};
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
        assert!(outcome.detail.ends_with(&verdict.to_string()), "{}", outcome.detail);
        assert_eq!(
            work(&world),
            ["report bootstrap-initiated", "roll back", "run pre-script", "report pre-script-error"]
        );
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
    assert_eq!(
        work(&world),
        ["report bootstrap-initiated", "roll back", "run pre-script", "commit", "roll back", "report config-error"]
    );
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
            "roll back",
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
    let document = sha256(&Information::from(plan()).encode(Encoding::Json));
    for step in [OnboardingStep::PreScript, OnboardingStep::Configuration] {
        world.situation.history.add(Fact::Applied { document, step });
    }
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(work(&world), ["report bootstrap-initiated", "run post-script", "report bootstrap-complete", "done"]);
}

#[test]
fn a_configuration_committed_before_the_cut_is_rolled_back_when_the_post_script_fails_after_it() {
    let mut world = world();
    let document = sha256(&Information::from(plan()).encode(Encoding::Json));
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

/// A plan whose configuration has this content.
fn configured(content: &str) -> OnboardingInformation {
    let mut plan = plan();
    plan.configuration.as_mut().unwrap().content = content.as_bytes().to_vec();
    plan
}

fn committed(world: &World) -> Option<Vec<u8>> {
    world.sim.configuration.as_ref().map(|it| it.content.clone())
}

/// A world that applied the first plan and lost its power after so many actions; `None` when power lasted to the end.
fn cut_off(first: OnboardingInformation, prepare: impl Fn(&mut World), actions: usize) -> Option<World> {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(first), ReportingLevel::Minimal));
    prepare(&mut world);
    world.sim.power = Some(actions);
    world.run();
    let lasted = world.sim.power != Some(0);
    world.sim.power = None;
    world.sim.commit = None;
    world.sim.scripts.clear();
    (!lasted).then_some(world)
}

/// Every moment at which power can be cut while the first plan is applied.
fn every_cut(first: &OnboardingInformation, prepare: impl Fn(&mut World), check: impl Fn(World, usize)) {
    for actions in 1.. {
        let Some(world) = cut_off(first.clone(), &prepare, actions) else {
            assert!(actions > 8, "{actions}");
            return;
        };
        if world.sim.done.is_none() {
            check(world, actions);
        }
    }
}

fn bootstrap_with(world: &mut World, plan: OnboardingInformation) {
    world.serve(A, giving(unsigned(plan), ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
}

#[test]
fn cli_81_power_cut_at_any_moment_of_a_failure_never_ends_without_the_configuration() {
    let fail_post: fn(&mut World) = |world| ends(world, OnboardingStep::PostScript, ScriptVerdict::Failed(2));
    let fail_commit: fn(&mut World) =
        |world| world.sim.commit = Some(Refusal::new(ReasonCode::ConfigurationFailed, "line 4"));
    for prepare in [fail_post, fail_commit, |_| {}] {
        every_cut(&configured("1"), prepare, |mut world, actions| {
            bootstrap_with(&mut world, configured("1"));
            assert_eq!(committed(&world).as_deref(), Some(&b"1"[..]), "{actions}");
        });
    }
}

#[test]
fn a_document_cut_off_after_its_commit_leaves_nothing_in_the_next_document() {
    let without = OnboardingInformation { configuration: None, ..plan() };
    every_cut(
        &configured("1"),
        |_| {},
        |mut world, actions| {
            bootstrap_with(&mut world, without.clone());
            assert_eq!(committed(&world), None, "{actions}");
        },
    );
}

#[test]
fn a_document_that_another_one_overwrote_is_committed_again() {
    let second_fails: [fn(&mut World); 3] = [
        |world| ends(world, OnboardingStep::PreScript, ScriptVerdict::Failed(2)),
        |world| ends(world, OnboardingStep::PostScript, ScriptVerdict::Failed(2)),
        |world| world.sim.commit = Some(Refusal::new(ReasonCode::ConfigurationFailed, "line 4")),
    ];
    for fail in second_fails {
        every_cut(
            &configured("1"),
            |_| {},
            |mut world, actions| {
                world.serve(A, giving(unsigned(configured("2")), ReportingLevel::Minimal));
                fail(&mut world);
                assert_eq!(world.run().state, OutcomeState::ApplyFailed);
                assert_eq!(committed(&world), None, "{actions}");
                world.sim.commit = None;
                world.sim.scripts.clear();
                bootstrap_with(&mut world, configured("1"));
                assert_eq!(committed(&world).as_deref(), Some(&b"1"[..]), "{actions}");
            },
        );
    }
    // The second document itself is cut off, at any moment, and the first comes again.
    every_cut(
        &configured("2"),
        |world| {
            let document = sha256(&Information::from(configured("1")).encode(Encoding::Json));
            for step in [OnboardingStep::PreScript, OnboardingStep::Configuration] {
                world.situation.history.add(Fact::Applied { document, step });
            }
            world.sim.configuration = configured("1").configuration;
        },
        |mut world, actions| {
            bootstrap_with(&mut world, configured("1"));
            assert_eq!(committed(&world).as_deref(), Some(&b"1"[..]), "{actions}");
        },
    );
}

#[test]
fn cli_81_a_commit_that_failed_half_way_is_rolled_back() {
    let mut world = world();
    world.sim.commit = Some(Refusal::new(ReasonCode::ConfigurationFailed, "line 4"));
    assert_eq!(world.run().reason, Some(ReasonCode::ConfigurationFailed));
    assert_eq!(committed(&world), None);
}
