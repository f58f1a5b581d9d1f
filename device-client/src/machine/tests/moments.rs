//! Every one of the 27 progress types, each at its moment (RFC 8572 §5.6, §7.3).

use std::collections::BTreeSet;

use conveyed_info::{
    BootstrappingData, ConveyedInformation,
    cms::{self, ContentType},
    information::{BootImage, OnboardingInformation, Script},
    rpc::{ProgressType, ReportingLevel},
};
use pki::digest::sha256;
use verdict::{ReasonCode, Refusal};

use super::world::{World, empty, give, giving, plan, unsigned};
use crate::machine::{Fact, OnboardingStep, Request, ScriptEnd, ScriptVerdict, Switch};

const A: &str = "192.0.2.1:443";
const GONE: &str = "https://img.example/1.fit";
const THERE: &str = "https://img.example/2.fit";

/// What a verbose server hears when `plan` meets a world that `change` has changed.
fn heard(plan: OnboardingInformation, change: impl FnOnce(&mut World)) -> Vec<&'static str> {
    let mut world = World::trusting(A);
    world.serve(A, giving(unsigned(plan), ReportingLevel::Verbose));
    change(&mut world);
    world.run();
    let name = |request: &Request| match request {
        Request::Progress { report, .. } => Some(report.progress_type.as_str()),
        _ => None,
    };
    world.sim.requests.iter().filter_map(|(_, request)| name(request)).collect()
}

fn with_image(os_version: &str, uris: &[&str]) -> OnboardingInformation {
    let boot_image = BootImage {
        os_name: Some("os".into()),
        os_version: Some(os_version.into()),
        download_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
        sha256: Some(sha256(b"image")),
    };
    OnboardingInformation { boot_image: Some(boot_image), ..plan() }
}

fn script(step: OnboardingStep, verdict: ScriptVerdict) -> impl FnOnce(&mut World) {
    move |world| drop(world.sim.scripts.insert(step, ScriptEnd { verdict, output: "said".to_owned() }))
}

fn failing() -> Refusal {
    Refusal::new(ReasonCode::ConfigurationFailed, "no")
}

#[test]
fn cli_52_every_progress_type_has_its_moment() {
    let odd = OnboardingInformation { post_configuration_script: Some(Script(b"echo".to_vec())), ..plan() };
    let runs = [
        ("all is well", heard(with_image("1", &[THERE]), |_| {}), "bootstrap-complete"),
        ("an odd document", heard(odd, |_| {}), "bootstrap-complete"),
        (
            "a document that cannot be read",
            heard(plan(), |world| {
                let document = br#"{"ietf-sztp-conveyed-info:onboarding-information":{"configuration":"***"}}"#;
                let artifact = cms::bare(ContentType::ConveyedInfoJson, document).unwrap();
                let data = BootstrappingData::Unsigned(ConveyedInformation::from_der(artifact).unwrap());
                world.serve(A, giving(data, ReportingLevel::Verbose));
            }),
            "parsing-error",
        ),
        (
            "another image",
            heard(with_image("2", &[GONE, THERE]), |world| {
                world.sim.images.insert(THERE.to_owned(), b"image".to_vec());
            }),
            "boot-image-installed-rebooting",
        ),
        ("an image that is nowhere", heard(with_image("2", &[GONE]), |_| {}), "boot-image-error"),
        (
            "a pre-script that warns",
            heard(plan(), script(OnboardingStep::PreScript, ScriptVerdict::Warning)),
            "bootstrap-complete",
        ),
        (
            "a pre-script that fails",
            heard(plan(), script(OnboardingStep::PreScript, ScriptVerdict::Failed(1))),
            "pre-script-error",
        ),
        (
            "a commit that warns",
            heard(plan(), |world| world.sim.commit_warning = Some("deprecated".to_owned())),
            "bootstrap-complete",
        ),
        ("a commit that fails", heard(plan(), |world| world.sim.commit = Some(failing())), "config-error"),
        (
            "a post-script that warns",
            heard(plan(), script(OnboardingStep::PostScript, ScriptVerdict::Warning)),
            "bootstrap-complete",
        ),
        (
            "a post-script that hangs",
            heard(plan(), script(OnboardingStep::PostScript, ScriptVerdict::TimedOut)),
            "post-script-error",
        ),
        (
            "a switch that is left on",
            heard(plan(), |world| world.policy.switch = Switch::Variable),
            "bootstrap-complete",
        ),
        (
            "an end that nobody acknowledges",
            heard(plan(), |world| {
                let data = unsigned(plan());
                world.serve(A, move |request| match request {
                    Request::HostMeta => empty(404),
                    Request::BootstrappingData { .. } => give(data.clone(), ReportingLevel::Verbose),
                    Request::Progress { report, .. } => {
                        empty(if report.progress_type == ProgressType::BootstrapComplete { 500 } else { 204 })
                    }
                });
            }),
            "bootstrap-error",
        ),
        (
            "a start after a cut",
            heard(plan(), |world| {
                world.run();
                let document = world.sim.done.take().unwrap().document;
                world.situation.history.add(Fact::Applied { document, step: OnboardingStep::PreScript });
            }),
            "bootstrap-complete",
        ),
    ];
    for (name, reports, last) in &runs {
        // CLI-51: the first, and exactly one last.
        assert_eq!(reports.first(), Some(&"bootstrap-initiated"), "{name}: {reports:?}");
        assert_eq!(reports.last(), Some(last), "{name}: {reports:?}");
        let is_terminal = |report: &&&str| report.ends_with("-error") || **report == "boot-image-installed-rebooting";
        let terminal = reports.iter().filter(is_terminal).count();
        assert_eq!(terminal, usize::from(*last != "bootstrap-complete"), "{name}: {reports:?}");
    }
    let all: BTreeSet<_> = runs.iter().flat_map(|(_, reports, _)| reports.iter().copied()).collect();
    let missing: Vec<_> = ProgressType::ALL.iter().map(|it| it.as_str()).filter(|name| !all.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(all.len(), 27);
}
