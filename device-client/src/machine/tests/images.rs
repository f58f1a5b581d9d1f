//! The boot image (RFC 8572 §5.6).

use conveyed_info::{
    information::{BootImage, OnboardingInformation},
    rpc::ReportingLevel,
};
use pki::digest::sha256;
use verdict::{ReasonCode, Refusal};

use super::world::{World, giving, plan, unsigned};
use crate::{
    OutcomeState,
    machine::{Fact, ImageSignature, RunningImage},
};

const A: &str = "192.0.2.1:443";
const FIRST: &str = "https://img.example/1.fit";
const SECOND: &str = "http://img.example/2.fit";

fn image() -> BootImage {
    BootImage {
        os_name: Some("os".into()),
        os_version: Some("2".into()),
        download_uris: vec![FIRST.to_owned(), SECOND.to_owned()],
        sha256: Some(sha256(b"image")),
    }
}

fn world(image: BootImage) -> World {
    let mut world = World::trusting(A);
    let plan = OnboardingInformation { boot_image: Some(image), ..plan() };
    world.serve(A, giving(unsigned(plan), ReportingLevel::Verbose));
    world
}

fn work(world: &World) -> Vec<&str> {
    let work = world.sim.events.iter().map(String::as_str);
    // What an earlier document left is taken back before anything else.
    work.skip_while(|event| *event != "roll back").skip(1).collect()
}

#[test]
fn cli_59_to_66_a_wrong_image_is_replaced_and_the_next_run_passes() {
    let mut world = world(image());
    world.sim.images.insert(SECOND.to_owned(), b"image".to_vec());
    let outcome = world.run();
    assert_eq!(outcome.state, OutcomeState::RebootWanted);
    // CLI-60: in the order given; CLI-65: the last report before the reboot.
    assert_eq!(
        work(&world),
        [
            "report boot-image-initiated",
            "report boot-image-mismatch",
            "download https://img.example/1.fit",
            "report boot-image-warning",
            "download http://img.example/2.fit",
            "verify image",
            "install image",
            "report boot-image-installed-rebooting",
            "reboot",
        ]
    );
    let installed = world.sim.installed.clone().unwrap();
    assert_eq!((installed.sha256, installed.os_version.as_deref()), (sha256(b"image"), Some("2")));
    assert_eq!(world.situation.history.installs(&installed.sha256), 1);
    assert!(world.sim.done.is_none());

    // The whole process again, now with the right image.
    world.situation.running =
        RunningImage { os_name: installed.os_name, os_version: installed.os_version, sha256: Some(installed.sha256) };
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert_eq!(work(&world)[..2], ["report boot-image-initiated", "report boot-image-complete"]);
    assert!(!work(&world).iter().any(|event| event.starts_with("download")));
}

#[test]
fn cli_67_an_image_with_another_hash_is_not_installed() {
    let mut world = world(image());
    world.sim.images.insert(FIRST.to_owned(), b"something else".to_vec());
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::ApplyFailed, Some(ReasonCode::ImageHashMismatch)));
    assert!(world.sim.installed.is_none());
    let work = work(&world);
    assert!(work.contains(&"discard image") && !work.contains(&"verify image"));
    assert_eq!(work.last(), Some(&"report boot-image-error"));
}

#[test]
fn an_image_that_the_boot_loader_would_refuse_is_not_installed() {
    let mut world = world(image());
    world.sim.images.insert(FIRST.to_owned(), b"image".to_vec());
    world.sim.image_signature = Err(Refusal::new(ReasonCode::FitSignatureInvalid, "no key"));
    assert_eq!(world.run().reason, Some(ReasonCode::FitSignatureInvalid));
    assert!(world.sim.installed.is_none());
    assert!(work(&world).contains(&"discard image"));
}

#[test]
fn cli_62_an_image_that_nothing_verifies_is_not_even_downloaded() {
    let mut world = world(BootImage { sha256: None, ..image() });
    world.policy.image_signature = ImageSignature::NotConfigured;
    assert_eq!(world.run().reason, Some(ReasonCode::ImageVerificationMissing));
    assert!(!work(&world).iter().any(|event| event.starts_with("download")));
    // With image keys the signature inside it is enough.
    world.policy.image_signature = ImageSignature::Required;
    world.sim.images.insert(FIRST.to_owned(), b"image".to_vec());
    assert_eq!(world.run().state, OutcomeState::RebootWanted);
    // And with a hash, no key is needed.
    let mut world = self::world(image());
    world.policy.image_signature = ImageSignature::NotConfigured;
    world.sim.images.insert(FIRST.to_owned(), b"image".to_vec());
    assert_eq!(world.run().state, OutcomeState::RebootWanted);
    assert!(!work(&world).contains(&"verify image"));
}

#[test]
fn after_two_installs_that_do_not_run_flash_is_left_alone() {
    let mut world = world(image());
    world.sim.images.insert(FIRST.to_owned(), b"image".to_vec());
    for _ in 0..2 {
        assert_eq!(world.run().state, OutcomeState::RebootWanted);
    }
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::ApplyFailed, Some(ReasonCode::ImageNotRunning)));
    assert_eq!(work(&world), ["report boot-image-error"]);
}

#[test]
fn an_installation_counts_before_it_is_made() {
    let mut world = world(image());
    world.sim.images.insert(FIRST.to_owned(), b"image".to_vec());
    world.run();
    let actions = 1 + world.sim.events.iter().position(|event| event == "install image").unwrap();
    // Power is cut in the middle of the installation: one action earlier at the latest, it is in the journal.
    let mut cut = self::world(image());
    cut.sim.images.insert(FIRST.to_owned(), b"image".to_vec());
    for power in 1.. {
        cut.sim.power = Some(power);
        cut.situation.history = crate::machine::History::default();
        cut.run();
        let is_installed = cut.sim.installed.take().is_some();
        let installs = cut.situation.history.installs(&sha256(b"image"));
        assert!(!is_installed || installs == 1, "{power}");
        if is_installed {
            assert!(power >= actions);
            break;
        }
    }
}

#[test]
fn an_image_that_is_installed_and_was_not_booted_is_not_downloaded_again() {
    let mut world = world(image());
    world.situation.installed = Some(sha256(b"image"));
    assert_eq!(world.run().state, OutcomeState::RebootWanted);
    assert!(!work(&world).iter().any(|event| event.starts_with("download")));
    assert_eq!(world.sim.installed.as_ref().unwrap().os_version.as_deref(), Some("2"));
    // It counts like any other installation.
    assert_eq!(world.situation.history.installs(&sha256(b"image")), 1);
}

#[test]
fn the_running_image_under_another_name_is_the_running_image() {
    let mut world = world(image());
    world.situation.running.sha256 = Some(sha256(b"image"));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert!(world.sim.installed.is_none());
}

#[test]
fn after_two_installs_an_image_without_a_named_hash_is_left_alone_too() {
    let mut world = world(BootImage { sha256: None, ..image() });
    world.sim.images.insert(FIRST.to_owned(), b"image".to_vec());
    for _ in 0..2 {
        world.situation.history.add(Fact::Installed { image: sha256(b"image") });
    }
    assert_eq!(world.run().reason, Some(ReasonCode::ImageNotRunning));
    assert!(world.sim.installed.is_none());
}

#[test]
fn an_image_that_is_wanted_and_cannot_be_had_is_an_error() {
    let mut world = world(BootImage { download_uris: Vec::new(), sha256: None, ..image() });
    assert_eq!(world.run().reason, Some(ReasonCode::ImageUnreachable));
    let mut world = self::world(image());
    let outcome = world.run();
    assert_eq!(outcome.reason, Some(ReasonCode::ImageUnreachable));
    assert_eq!(work(&world).last(), Some(&"report boot-image-error"));
}

#[test]
fn cli_58_criteria_are_compared_exactly_and_only_as_far_as_they_go() {
    for (name, version, downloads) in [
        (Some("os"), Some("1"), false),
        (Some("os"), None, false),
        (None, Some("1"), false),
        (None, None, false),
        (Some("OS"), Some("1"), true),
        (None, Some("1.0"), true),
    ] {
        let criteria = BootImage {
            os_name: name.map(str::to_owned),
            os_version: version.map(str::to_owned),
            sha256: None,
            ..image()
        };
        let mut world = world(criteria);
        world.run();
        let downloaded = work(&world).iter().any(|event| event.starts_with("download"));
        assert_eq!(downloaded, downloads, "{name:?} {version:?}");
    }
}
