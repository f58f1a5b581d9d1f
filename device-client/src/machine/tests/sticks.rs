//! Data that lies on removable storage (RFC 8572 §4.1).

use conveyed_info::{
    BootstrappingData, Unverified,
    information::{BootImage, OnboardingInformation},
    rpc::ReportingLevel,
};
use pki::digest::sha256;
use verdict::ReasonCode;

use super::world::{World, giving, plan, redirect, unsigned};
use crate::{
    OutcomeState, Place,
    machine::{Discovery, ImageSignature, Offer, Origin},
};

const STICK: &str = "/media/usb0/sztp/SN-42";
const A: &str = "192.0.2.1:443";

fn stick() -> Place {
    Place::Folder(STICK.to_owned())
}

/// A world whose only source is a stick with this data.
fn lying(world: &mut World, data: BootstrappingData) {
    let offers = vec![Offer::Data(stick(), Unverified::new(data))];
    world.sim.sources = vec![Ok(Discovery { offers, ignored: Vec::new() })];
}

fn imaged(uris: &[&str]) -> OnboardingInformation {
    let boot_image = BootImage {
        os_name: Some("os".into()),
        os_version: Some("2".into()),
        download_uris: uris.iter().map(ToString::to_string).collect(),
        sha256: Some(sha256(b"image")),
    };
    OnboardingInformation { boot_image: Some(boot_image), ..plan() }
}

fn downloads(world: &World) -> Vec<&str> {
    world.sim.events.iter().filter_map(|event| event.strip_prefix("download ")).collect()
}

#[test]
fn usb_02_signed_onboarding_information_is_applied_and_nobody_is_told() {
    let mut world = World::new(Origin::Untrusted, &[]);
    let data = world.signed(plan());
    lying(&mut world, data);
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.detail.as_str()), (OutcomeState::Bootstrapped, STICK));
    assert_eq!(world.sim.done.as_ref().unwrap().place, stick());
    assert!(world.sim.requests.is_empty());
}

#[test]
fn usb_02_unsigned_onboarding_information_is_refused() {
    let mut world = World::new(Origin::Untrusted, &[]);
    lying(&mut world, unsigned(plan()));
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.reason), (OutcomeState::Refused, Some(ReasonCode::UnsignedOnboardingUntrusted)));
    assert_eq!(outcome.passed_over[0].place, stick());
    assert!(world.sim.done.is_none() && world.sim.configuration.is_none());
}

#[test]
fn usb_02_an_unsigned_redirect_is_followed_without_trust() {
    let mut world = World::new(Origin::Untrusted, &[]);
    // The anchor that it brings counts for nothing: only what is signed does.
    let to = redirect(&[(A, Some(world.anchor()))]);
    lying(&mut world, unsigned(to));
    world.serve(A, giving(unsigned(plan()), ReportingLevel::Verbose));
    let outcome = world.run();
    assert_eq!(outcome.reason, Some(ReasonCode::UnsignedOnboardingUntrusted), "{outcome:?}");
    let data = world.signed(plan());
    world.serve(A, giving(data, ReportingLevel::Verbose));
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    assert!(!world.sim.events.iter().any(|event| event.starts_with("report")), "{:?}", world.sim.events);
}

#[test]
fn usb_02_broken_data_leads_on_to_the_next_folder() {
    let mut world = World::new(Origin::Untrusted, &[]);
    let (stranger, good) = (World::new(Origin::Untrusted, &[]).signed(plan()), world.signed(plan()));
    let other = Place::Folder("/mnt/sztp/SN-42".to_owned());
    let offers = vec![Offer::Data(stick(), Unverified::new(stranger)), Offer::Data(other, Unverified::new(good))];
    world.sim.sources = vec![Ok(Discovery { offers, ignored: Vec::new() })];
    let outcome = world.run();
    assert_eq!((outcome.state, outcome.detail.as_str()), (OutcomeState::Bootstrapped, "/mnt/sztp/SN-42"));
    assert_eq!(outcome.passed_over[0].place, stick());
}

#[test]
fn usb_07_an_image_is_taken_from_the_stick_that_names_it() {
    for uri in ["file:///images/os.itb", "file:///disk2:/images/os.itb"] {
        let mut world = World::new(Origin::Untrusted, &[]);
        world.policy.image_signature = ImageSignature::NotConfigured;
        let data = world.signed(imaged(&["file:///images/../os.itb", uri]));
        lying(&mut world, data);
        world.sim.images.insert("images/os.itb on the same storage".to_owned(), b"image".to_vec());
        assert_eq!(world.run().state, OutcomeState::RebootWanted);
        assert_eq!(downloads(&world), ["images/os.itb on the same storage"], "what leads out of the stick is left");
        assert_eq!(world.sim.installed.as_ref().unwrap().sha256, sha256(b"image"));
        let refused: Vec<_> = world.sim.records.iter().filter_map(|record| record.reason).collect();
        assert_eq!(refused, [ReasonCode::RemovableStorageInvalid]);
    }
}

#[test]
fn usb_07_an_image_may_lie_elsewhere_than_the_document() {
    let mut world = World::new(Origin::Untrusted, &[]);
    let data = world.signed(imaged(&["https://img.example/os.itb"]));
    lying(&mut world, data);
    world.sim.images.insert("https://img.example/os.itb".to_owned(), b"image".to_vec());
    assert_eq!(world.run().state, OutcomeState::RebootWanted);
}

/// SEC-11: a server, however much it is trusted, names no files of the device; nor does a stick that only led to it.
#[test]
fn sec_11_no_server_names_a_file() {
    for uris in [&["file:///etc/shadow"][..], &["file:///etc/shadow", "https://img.example/os.itb"]] {
        let mut world = World::trusting(A);
        world.serve(A, giving(unsigned(imaged(uris)), ReportingLevel::Verbose));
        world.sim.images.insert("etc/shadow on the same storage".to_owned(), b"image".to_vec());
        let outcome = world.run();
        assert_eq!(outcome.reason, Some(ReasonCode::ImageUnreachable));
        assert_eq!(downloads(&world), uris[1..]);
        // The server hears why each of them was left.
        let told = world.sim.events.iter().filter(|event| event.contains("boot-image-warning")).count();
        assert_eq!(told, uris.len() - 1);
        assert!(world.sim.events.iter().any(|event| event == "report boot-image-error"), "{:?}", world.sim.events);
    }
    let mut world = World::new(Origin::Untrusted, &[]);
    lying(&mut world, unsigned(redirect(&[(A, None)])));
    let data = world.signed(imaged(&["file:///images/os.itb"]));
    world.serve(A, giving(data, ReportingLevel::Minimal));
    assert_eq!(world.run().reason, Some(ReasonCode::ImageUnreachable));
    assert!(downloads(&world).is_empty());
}
