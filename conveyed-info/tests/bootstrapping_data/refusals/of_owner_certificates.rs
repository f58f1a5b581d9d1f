//! Refusals of the owner certificate: RFC 8572 §5.4, step 2.

use rcgen::{CustomExtension, KeyUsagePurpose, date_time_ymd};
use verdict::ReasonCode;

use super::{Case, run, with_weak_algorithm};
use crate::support::{Party, World, ca, end_entity};

/// The owner certificate comes from `owner`, under the pinned CA or not.
fn become_owner(world: &mut World, owner: Party) {
    world.bag = vec![owner.certificate.clone()];
    world.owner = owner;
}

#[test]
fn of_the_owner_certificates_form() {
    const CHECK: &str = "owner-certificate-form";
    run(&[
        Case(
            "not DER",
            |world| world.instead.owner_certificate = Some(vec![0x30, 0x03, 0x02]),
            ReasonCode::ArtifactMalformed,
            CHECK,
        ),
        Case(
            "a certificate without its envelope",
            |world| world.instead.owner_certificate = Some(world.owner.certificate.der().to_vec()),
            ReasonCode::ArtifactMalformed,
            CHECK,
        ),
        Case("an empty bag", |world| world.bag.clear(), ReasonCode::ArtifactMalformed, CHECK),
    ]);
}

#[test]
fn of_the_owner_certificates_path() {
    const CHECK: &str = "owner-certificate-path";
    run(&[
        Case(
            "CLI-37: another owner",
            |world| {
                let stranger = Party::root(ca("other ca")).issue(end_entity("stranger"));
                become_owner(world, stranger);
            },
            ReasonCode::OwnerNotPinned,
            CHECK,
        ),
        Case(
            "CLI-37: an impostor under the pinned name",
            |world| {
                let stranger = Party::root(ca("owner ca")).issue(end_entity("owner"));
                become_owner(world, stranger);
            },
            ReasonCode::OwnerNotPinned,
            CHECK,
        ),
        Case(
            "CLI-37: the impostor's CA in the bag is no anchor",
            |world| {
                let impostor = Party::root(ca("owner ca"));
                let stranger = impostor.issue(end_entity("owner"));
                become_owner(world, stranger);
                world.bag.push(impostor.certificate);
            },
            ReasonCode::OwnerNotPinned,
            CHECK,
        ),
        Case(
            "ART-14: the intermediate is missing",
            |world| {
                let owner = world.owner_ca.issue(ca("intermediate")).issue(end_entity("owner"));
                become_owner(world, owner);
            },
            ReasonCode::OwnerNotPinned,
            CHECK,
        ),
        Case(
            "the intermediate is no CA",
            |world| {
                let intermediate = world.owner_ca.issue(end_entity("intermediate"));
                let owner = intermediate.issue(end_entity("owner"));
                become_owner(world, owner);
                world.bag.push(intermediate.certificate);
            },
            ReasonCode::OwnerNotPinned,
            CHECK,
        ),
        Case(
            "ART-11: only for encryption",
            |world| {
                let mut params = end_entity("owner");
                params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
                let owner = world.owner_ca.issue(params);
                become_owner(world, owner);
            },
            ReasonCode::OwnerCertificateUnusable,
            CHECK,
        ),
        Case(
            "DEV-14: expired",
            |world| {
                let mut params = end_entity("owner");
                params.not_after = date_time_ymd(2026, 5, 31);
                let owner = world.owner_ca.issue(params);
                become_owner(world, owner);
            },
            ReasonCode::CertificateExpired,
            CHECK,
        ),
        Case(
            "DEV-14: not valid yet",
            |world| {
                let mut params = end_entity("owner");
                params.not_before = date_time_ymd(2026, 6, 2);
                let owner = world.owner_ca.issue(params);
                become_owner(world, owner);
            },
            ReasonCode::CertificateExpired,
            CHECK,
        ),
        Case(
            "ART-30: certified with SHA-224",
            |world| {
                world.owner.certificate = with_weak_algorithm(&world.owner.certificate);
                world.bag = vec![world.owner.certificate.clone()];
            },
            ReasonCode::AlgorithmNotAllowed,
            CHECK,
        ),
        Case(
            "an unknown critical extension",
            |world| {
                let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
                extension.set_criticality(true);
                let mut params = end_entity("owner");
                params.custom_extensions = vec![extension];
                let owner = world.owner_ca.issue(params);
                become_owner(world, owner);
            },
            ReasonCode::CertificateMalformed,
            CHECK,
        ),
    ]);
}

#[test]
fn of_revocation_that_is_demanded_and_cannot_be_checked() {
    // CLI-38, SEC-04: fail closed.
    run(&[Case(
        "domain-cert-revocation-checks",
        |world| world.voucher.domain_cert_revocation_checks = Some(true),
        ReasonCode::RevocationUnchecked,
        "owner-certificate-revocation",
    )]);
}
