//! Refusals of the conveyed information: RFC 8572 §5.4, step 3, and §5.3 where it is not signed.

use const_oid::db::rfc5911;
use conveyed_info::{
    Encoding,
    cms::{ContentType, bare, certificates_only},
    verify::Source,
};
use der::asn1::OctetString;
use pki::digest::HashAlgorithm;
use verdict::ReasonCode;

use super::{Case, assert_refused, last_octet_flipped, run};
use crate::support::{Party, Structure, World, attribute, end_entity};

/// Signs the conveyed information in another way.
fn odd_information(world: &mut World, change: fn(&mut Structure<'_>)) {
    let document = world.information.encode(Encoding::Json);
    let mut structure = Structure::new(ContentType::ConveyedInfoJson, &document, &world.owner);
    change(&mut structure);
    let der = structure.encode();
    world.instead.conveyed_information = Some(der);
}

#[test]
fn of_the_conveyed_informations_signature() {
    const CHECK: &str = "conveyed-information-signature";
    run(&[
        Case(
            "CLI-39: signed by a sibling under the same pinned CA",
            |world| {
                let sibling = world.owner_ca.issue(end_entity("sibling"));
                let der = sibling.sign(ContentType::ConveyedInfoJson, &world.information.encode(Encoding::Json));
                world.instead.conveyed_information = Some(der);
            },
            ReasonCode::ConveyedInformationSignerNotOwner,
            CHECK,
        ),
        Case(
            "CLI-39: signed by a stranger",
            |world| {
                let stranger = Party::root(end_entity("owner"));
                let der = stranger.sign(ContentType::ConveyedInfoJson, &world.information.encode(Encoding::Json));
                world.instead.conveyed_information = Some(der);
            },
            ReasonCode::ConveyedInformationSignerNotOwner,
            CHECK,
        ),
        Case(
            "the signature is changed",
            |world| world.instead.conveyed_information = Some(last_octet_flipped(world.signed_information())),
            ReasonCode::ConveyedInformationSignatureInvalid,
            CHECK,
        ),
        Case(
            "ART-27: the document is another one",
            |world| odd_information(world, |structure| structure.content = Some(b"{}")),
            ReasonCode::SignedAttributesInvalid,
            CHECK,
        ),
        Case(
            "ART-26: no signed attributes",
            |world| odd_information(world, |structure| structure.attributes = None),
            ReasonCode::SignedAttributesInvalid,
            CHECK,
        ),
        Case(
            "RFC 5652 §11: an attribute twice",
            |world| {
                odd_information(world, |structure| {
                    let digest = OctetString::new([0; 32]).unwrap();
                    let second = attribute(rfc5911::ID_MESSAGE_DIGEST, &digest);
                    structure.attributes.as_mut().unwrap().push(second);
                });
            },
            ReasonCode::SignedAttributesInvalid,
            CHECK,
        ),
        Case(
            "ART-30: the digest does not go with the signature",
            |world| odd_information(world, |structure| structure.digest = HashAlgorithm::Sha512),
            ReasonCode::AlgorithmNotAllowed,
            CHECK,
        ),
        Case(
            "no signer",
            |world| odd_information(world, |structure| structure.signers.clear()),
            ReasonCode::ArtifactMalformed,
            CHECK,
        ),
    ]);
}

#[test]
fn of_the_conveyed_informations_form_and_document() {
    run(&[
        Case(
            "not DER",
            |world| world.instead.conveyed_information = Some(b"{}".to_vec()),
            ReasonCode::ArtifactMalformed,
            "conveyed-information-form",
        ),
        Case(
            "ART-24: unsigned beside owner certificate and voucher",
            |world| {
                let der = bare(ContentType::ConveyedInfoJson, &world.information.encode(Encoding::Json));
                world.instead.conveyed_information = der.ok();
            },
            ReasonCode::UnsignedOnboardingUntrusted,
            "unsigned-data-source",
        ),
        Case(
            "ART-05: a voucher's content type",
            |world| {
                let der = world.owner.sign(ContentType::AnimaJsonVoucher, &world.information.encode(Encoding::Json));
                world.instead.conveyed_information = Some(der);
            },
            ReasonCode::ContentTypeUnexpected,
            "conveyed-information-form",
        ),
        Case(
            "ART-09: JSON that calls itself XML",
            |world| {
                let der = world.owner.sign(ContentType::ConveyedInfoXml, &world.information.encode(Encoding::Json));
                world.instead.conveyed_information = Some(der);
            },
            ReasonCode::DocumentInvalid,
            "conveyed-information-form",
        ),
        Case(
            "ART-09: XML that calls itself JSON",
            |world| {
                let der = world.owner.sign(ContentType::ConveyedInfoJson, b" <onboarding-information/>");
                world.instead.conveyed_information = Some(der);
            },
            ReasonCode::DocumentInvalid,
            "conveyed-information-form",
        ),
        Case(
            "ART-08: id-data that is neither",
            |world| {
                let der = world.owner.sign(ContentType::Data, &[0, 1, 2, 3]);
                world.instead.conveyed_information = Some(der);
            },
            ReasonCode::DocumentInvalid,
            "conveyed-information-form",
        ),
        Case(
            "ART-02: neither redirect nor onboarding",
            |world| world.instead.conveyed_information = Some(world.owner.sign(ContentType::ConveyedInfoJson, b"{}")),
            ReasonCode::DocumentInvalid,
            "conveyed-information-document",
        ),
    ]);
}

#[test]
fn a_trusted_server_does_not_make_bad_signed_data_good() {
    // CLI-08, CLI-30: signed data is validated whoever gave it.
    let mut world = World::new();
    world.source = Source::TrustedServer;
    world.instead.conveyed_information = Some(last_octet_flipped(world.signed_information()));
    let refusal = world.verify().unwrap_err();
    let reason = ReasonCode::ConveyedInformationSignatureInvalid;
    assert_refused("trusted", &refusal, reason, "conveyed-information-signature");
}

#[test]
fn signed_information_without_its_companions_is_invalid() {
    // ART-22, CLI-31: also from a trusted server.
    let mut world = World::new();
    for source in [Source::Untrusted, Source::TrustedServer] {
        world.source = source;
        let refusal = world.verify_alone(world.signed_information()).unwrap_err();
        assert_refused("alone", &refusal, ReasonCode::GroupingIllegal, "grouping");
    }
}

#[test]
fn unsigned_onboarding_information_from_an_untrusted_source_is_refused() {
    // CLI-15, SEC-05.
    let world = World::new();
    let der = bare(ContentType::ConveyedInfoJson, &world.information.encode(Encoding::Json)).unwrap();
    let refusal = world.verify_alone(der).unwrap_err();
    assert_refused("unsigned", &refusal, ReasonCode::UnsignedOnboardingUntrusted, "unsigned-data-source");
}

#[test]
fn unsigned_information_of_another_content_type_is_refused() {
    // ART-03: three types and no fourth.
    let mut world = World::new();
    world.source = Source::TrustedServer;
    let document = world.information.encode(Encoding::Json);
    for (content_type, reason, check) in [
        (ContentType::AnimaJsonVoucher, ReasonCode::ContentTypeUnexpected, "conveyed-information-form"),
        (ContentType::ConveyedInfoXml, ReasonCode::DocumentInvalid, "conveyed-information-form"),
        (ContentType::EnvelopedData, ReasonCode::ArtifactMalformed, "conveyed-information-decryption"),
    ] {
        let refusal = world.verify_alone(bare(content_type, &document).unwrap()).unwrap_err();
        assert_refused("content type", &refusal, reason, check);
    }
    let mut unknown = bare(ContentType::ConveyedInfoJson, &document).unwrap();
    let arc = unknown.iter().position(|&octet| octet == 0x2b).unwrap();
    unknown[arc] = 0x63;
    let refusal = world.verify_alone(unknown).unwrap_err();
    assert_refused("unknown type", &refusal, ReasonCode::ContentTypeUnexpected, "conveyed-information-form");
    let refusal = world.verify_alone(certificates_only(&[]).unwrap()).unwrap_err();
    assert_refused("no content at all", &refusal, ReasonCode::GroupingIllegal, "grouping");
}
