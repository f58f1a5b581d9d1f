//! Who hears what, and when (RFC 8572 §5.6, §7.3).

use conveyed_info::{
    information::OnboardingInformation,
    rpc::{ProgressReport, ReportingLevel, SshHostKey},
};
use verdict::ReasonCode;

use super::world::{World, empty, give, giving, plan, unsigned};
use crate::{
    OutcomeState,
    machine::{FinalReport, OnboardingStep, Origin, Request, ScriptEnd, ScriptVerdict, Switch, SwitchPosition},
};

const A: &str = "192.0.2.1:443";

fn reports(world: &World) -> Vec<ProgressReport> {
    let report = |request: &Request| match request {
        Request::Progress { report, .. } => Some(report.clone()),
        _ => None,
    };
    world.sim.requests.iter().filter_map(|(_, request)| report(request)).collect()
}

fn names(world: &World) -> Vec<&'static str> {
    reports(world).iter().map(|report| report.progress_type.as_str()).collect()
}

/// A trusted server that answers the reports of one type with a status of its own.
fn answering(world: &mut World, level: ReportingLevel, wanted: &'static str, status: u16) {
    let data = unsigned(plan());
    world.serve(A, move |request| match request {
        Request::HostMeta => empty(404),
        Request::BootstrappingData { .. } => give(data.clone(), level),
        Request::Progress { report, .. } if report.progress_type.as_str() == wanted => empty(status),
        Request::Progress { .. } => empty(204),
    });
}

#[test]
fn cli_52_minimal_and_verbose_differ_as_the_rfc_says() {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Minimal));
    world.run();
    assert_eq!(names(&world), ["bootstrap-initiated", "bootstrap-complete"]);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
    world.situation.history = crate::machine::History::default();
    world.run();
    assert_eq!(
        names(&world),
        [
            "bootstrap-initiated",
            "parsing-initiated",
            "parsing-complete",
            "pre-script-initiated",
            "pre-script-complete",
            "config-initiated",
            "config-complete",
            "post-script-initiated",
            "post-script-complete",
            "bootstrap-complete",
        ]
    );
}

#[test]
fn cli_54_an_untrusted_server_hears_nothing_although_its_data_is_signed() {
    let mut world = World::new(Origin::Untrusted, &[A]);
    let data = world.signed(plan());
    world.serve(A, giving(data, ReportingLevel::Verbose));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert!(reports(&world).is_empty());
    assert!(world.sim.done.is_some());
    // Nor when something fails.
    world.situation.history = crate::machine::History::default();
    world.sim.commit = Some(verdict::Refusal::new(ReasonCode::ConfigurationFailed, "no"));
    assert_eq!(world.run().state, OutcomeState::ApplyFailed);
    assert!(reports(&world).is_empty());
}

#[test]
fn cli_55_bootstrap_initiated_must_be_acknowledged() {
    let mut world = World::trusting(A);
    answering(&mut world, ReportingLevel::Minimal, "bootstrap-initiated", 500);
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::ApplyFailed, Some(ReasonCode::ReportNotAcknowledged)));
    assert_eq!(names(&world).last(), Some(&"bootstrap-error"));
    let waits: Vec<_> = world.sim.events.iter().filter(|event| event.starts_with("wait")).collect();
    let pauses = ["wait 500", "wait 1000", "wait 2000", "wait 4000", "wait 8000", "wait 16000", "wait 32000"];
    assert_eq!(waits, pauses);
    assert!(!world.sim.events.contains(&"run pre-script".to_owned()));
}

#[test]
fn cli_55_bootstrap_complete_must_be_acknowledged_or_all_is_taken_back() {
    let mut world = World::trusting(A);
    // 200 is not 204.
    answering(&mut world, ReportingLevel::Minimal, "bootstrap-complete", 200);
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::ApplyFailed, Some(ReasonCode::ReportNotAcknowledged)));
    assert!(world.sim.events.contains(&"roll back".to_owned()));
    assert!(world.sim.done.is_none());
    assert_eq!(names(&world).last(), Some(&"bootstrap-error"));
}

#[test]
fn cli_56_other_reports_are_best_effort() {
    let mut world = World::trusting(A);
    // What a server refuses is not sent again.
    answering(&mut world, ReportingLevel::Verbose, "config-complete", 400);
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(names(&world).iter().filter(|name| **name == "config-complete").count(), 1);
    assert_eq!(names(&world).last(), Some(&"bootstrap-complete"));
}

#[test]
fn cli_56_a_report_that_did_not_arrive_goes_before_the_next_one() {
    let mut world = World::trusting(A);
    let data = unsigned(plan());
    let mut failures = 1;
    world.serve(A, move |request| match request {
        Request::HostMeta => empty(404),
        Request::BootstrappingData { .. } => give(data.clone(), ReportingLevel::Verbose),
        Request::Progress { report, .. } if report.progress_type.as_str() == "config-initiated" && failures > 0 => {
            failures -= 1;
            empty(503)
        }
        Request::Progress { .. } => empty(204),
    });
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let names = names(&world);
    let from = names.iter().position(|name| *name == "config-initiated").unwrap();
    assert_eq!(names[from..from + 3], ["config-initiated", "config-initiated", "config-complete"], "{names:?}");
}

/// One report that a server chokes on neither holds up the others nor is sent for ever.
#[test]
fn cli_56_a_report_that_never_arrives_is_given_up() {
    let mut world = World::trusting(A);
    answering(&mut world, ReportingLevel::Verbose, "config-complete", 500);
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let names = names(&world);
    assert_eq!(names.iter().filter(|name| **name == "config-complete").count(), 3, "{names:?}");
    assert!(names.ends_with(&["post-script-initiated", "post-script-complete", "bootstrap-complete"]), "{names:?}");
}

#[test]
fn cli_53_cli_77_a_switch_that_the_configuration_left_on_is_warned_of() {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Minimal));
    world.policy.switch = Switch::Variable;
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(names(&world), ["bootstrap-initiated", "bootstrap-warning", "bootstrap-complete"]);
    world.situation.history = crate::machine::History::default();
    world.sim.switch = SwitchPosition::Off;
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(names(&world), ["bootstrap-initiated", "bootstrap-complete"]);
}

#[test]
fn the_final_report_swears_to_what_was_applied_and_only_to_those_who_hear_it() {
    let mut world = World::trusting(A);
    world.policy.final_report = FinalReport::Signed;
    let data = unsigned(plan());
    let digest = data.conveyed_information().sha256().to_string();
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let message = reports(&world).pop().unwrap().message.unwrap();
    assert!(message.contains(super::world::SERIAL) && message.contains(&digest), "{message}");
    // A key that does not sign keeps nobody from being told.
    world.situation.history = crate::machine::History::default();
    world.sim.signature = Err(verdict::Refusal::new(ReasonCode::DeviceKeyFailed, "no TPM"));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(reports(&world).pop().unwrap().message, None);
    // Nobody hears: nothing is signed.
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.policy.final_report = FinalReport::Signed;
    world.sim.signature = Err(verdict::Refusal::new(ReasonCode::DeviceKeyFailed, "asked"));
    let data = world.signed(plan());
    world.serve(A, giving(data, ReportingLevel::Verbose));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert!(!world.sim.records.iter().any(|record| record.step == "statement"));
}

#[test]
fn cli_57_a_trusted_server_hears_that_its_document_cannot_be_read() {
    let mut world = World::trusting(A);
    let broken = conveyed_info::cms::bare(
        conveyed_info::cms::ContentType::ConveyedInfoJson,
        br#"{"ietf-sztp-conveyed-info:onboarding-information":{"configuration":"***"}}"#,
    );
    let artifact = conveyed_info::ConveyedInformation::from_der(broken.unwrap()).unwrap();
    let data = conveyed_info::BootstrappingData::Unsigned(artifact);
    world.serve(A, giving(data.clone(), ReportingLevel::Minimal));
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::Refused, Some(ReasonCode::DocumentInvalid)));
    assert_eq!(names(&world), ["bootstrap-initiated", "parsing-error"]);
    // An untrusted one does not.
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.serve(A, giving(data, ReportingLevel::Minimal));
    world.run();
    assert!(reports(&world).is_empty());
}

#[test]
fn cli_68_the_message_holds_what_the_script_printed_bounded() {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
    let output = format!("{}é", "x".repeat(16 * 1024 - 1));
    let end = ScriptEnd { verdict: ScriptVerdict::Complete, output };
    world.sim.scripts.insert(OnboardingStep::PreScript, end);
    world.run();
    let reports = reports(&world);
    let complete = reports.iter().find(|it| it.progress_type.as_str() == "pre-script-complete").unwrap();
    let message = complete.message.as_ref().unwrap();
    assert_eq!((message.len(), message.ends_with("xé")), (16 * 1024, true));
}

#[test]
fn cli_68_a_message_holds_text_only_and_is_no_longer_in_json() {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
    let output = format!("first\n{}a\0\u{1b}[2J\tb\r\nlast", "\"\u{7f}".repeat(20_000));
    let end = ScriptEnd { verdict: ScriptVerdict::Failed(1), output };
    world.sim.scripts.insert(OnboardingStep::PreScript, end);
    world.run();
    let reports = reports(&world);
    let message = reports.last().unwrap().message.as_ref().unwrap();
    assert!(message.starts_with("pre-script-failed: exit code 1\n\"") && message.ends_with("\"a[2J\tb\r\nlast"));
    let json = serde_json::to_string(message).unwrap().len() - 2;
    assert!((16 * 1024 - 1..=16 * 1024).contains(&json), "{json}");
}

/// The server that gave a script or a configuration hears what it printed, and nobody else.
#[test]
fn sec_13_what_programs_print_stays_out_of_trace_and_outcome() {
    const CANARY: &str = "c4n4ry";
    let verdicts = [ScriptVerdict::Complete, ScriptVerdict::Warning, ScriptVerdict::Failed(1), ScriptVerdict::Killed];
    let mut worlds: Vec<_> = verdicts
        .map(|verdict| {
            let mut world = World::trusting(A);
            let end = ScriptEnd { verdict, output: CANARY.to_owned() };
            world.sim.scripts.insert(OnboardingStep::PostScript, end);
            world
        })
        .into();
    let mut world = World::trusting(A);
    world.sim.commit = Some(verdict::Refusal::new(ReasonCode::ConfigurationFailed, "exit code 1"));
    world.sim.commit_output = CANARY.to_owned();
    worlds.push(world);
    for mut world in worlds {
        world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
        let outcome = serde_json::to_string(&world.run()).unwrap();
        let trace = serde_json::to_string(&world.sim.records).unwrap();
        assert!(!outcome.contains(CANARY) && !trace.contains(CANARY), "{outcome}\n{trace}");
        let heard = reports(&world).iter().any(|it| it.message.as_ref().is_some_and(|it| it.contains(CANARY)));
        assert!(heard, "{outcome}");
    }
}

#[test]
fn cli_79_host_keys_go_with_bootstrap_complete_only() {
    let mut world = World::trusting(A);
    let key = SshHostKey { algorithm: "ssh-ed25519".into(), key_data: vec![1, 2, 3] };
    world.policy.ssh_host_keys.push(key.clone());
    world.serve(A, giving(unsigned(OnboardingInformation::default()), ReportingLevel::Verbose));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let reports = reports(&world);
    let (last, others) = reports.split_last().unwrap();
    assert_eq!(last.ssh_host_keys, [key]);
    assert!(others.iter().all(|report| report.ssh_host_keys.is_empty()));
}
