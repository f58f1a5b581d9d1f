//! Encrypted artifacts as the engine sees them: decrypted first, judged like any other, and refused without telling more
//! than an attacker may learn.

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding,
    cms::{AeadPolicy, ContentCipher, ContentType, DeclaredType, KeyUsageRule, SealOptions, bare, seal},
    verify::{Accepted, Source},
};
use pki::{certificate::Certificate, key::SystemEntropy};
use verdict::{Outcome, ReasonCode, Refusal};

use crate::support::{Party, Structure, World, end_entity};

/// The certificates of these tests assert digitalSignature alone, as many IDevIDs do.
const OPTIONS: SealOptions = SealOptions {
    cipher: ContentCipher::Aes256Cbc,
    declared: DeclaredType::OfContent,
    naming: conveyed_info::cms::CertificateNaming::IssuerAndSerialNumber,
    key_usage: KeyUsageRule::Ignore,
};

fn encrypted(clear: &[u8], recipient: &Certificate, options: SealOptions) -> Vec<u8> {
    seal(clear, std::slice::from_ref(recipient), options, &mut SystemEntropy).unwrap()
}

/// A world whose device can decrypt.
fn world() -> World {
    let mut world = World::new();
    world.decryption = Some(AeadPolicy::Refuse);
    world
}

/// `data` with the artifacts encrypted whose bit is set: conveyed information, owner certificate, voucher.
fn mixed(world: &World, mix: u8, options: SealOptions) -> BootstrappingData {
    let BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } = world.signed()
    else {
        unreachable!("signed() makes all three")
    };
    let recipients = std::slice::from_ref(&world.idevid.certificate);
    macro_rules! sealed_if {
        ($bit:literal, $artifact:ident) => {
            if mix & $bit == 0 {
                $artifact
            } else {
                $artifact.encrypted_to(recipients, options, &mut SystemEntropy).unwrap()
            }
        };
    }
    BootstrappingData::Signed {
        conveyed_information: sealed_if!(1, conveyed_information),
        owner_certificate: sealed_if!(2, owner_certificate),
        ownership_voucher: sealed_if!(4, ownership_voucher),
    }
}

#[test]
fn enc_01_enc_04_each_of_the_three_may_be_encrypted_and_is_decrypted_first() {
    // ART-06, ART-18, ART-21; as RFC 8572 declares it, and as `openssl cms -encrypt` does (ENC-11).
    let world = world();
    let in_clear = world.verify().unwrap();
    for declared in [DeclaredType::OfContent, DeclaredType::Data] {
        for mix in 0..8_u8 {
            let verified = world.judge(mixed(&world, mix, SealOptions { declared, ..OPTIONS })).unwrap();
            assert_eq!(verified.value(), in_clear.value(), "mix {mix:03b}");
            let checks: Vec<_> = verified.trace().checks().iter().map(|check| check.check).collect();
            let decryptions = checks.iter().filter(|check| check.ends_with("-decryption")).count();
            assert_eq!(decryptions, usize::try_from(mix.count_ones()).unwrap());
            let first_other = checks.iter().position(|check| !check.ends_with("-decryption")).unwrap();
            assert_eq!(first_other, decryptions, "decryption comes before anything else: {checks:?}");
        }
    }
}

#[test]
fn art_04_unsigned_information_may_be_encrypted_in_every_type() {
    let mut world = world();
    world.source = Source::TrustedServer;
    for (content_type, encoding) in [
        (ContentType::ConveyedInfoJson, Encoding::Json),
        (ContentType::ConveyedInfoXml, Encoding::Xml),
        (ContentType::Data, Encoding::Json),
        (ContentType::Data, Encoding::Xml),
    ] {
        let clear = bare(content_type, &world.information.encode(encoding)).unwrap();
        for declared in [DeclaredType::OfContent, DeclaredType::Data] {
            let sealed = encrypted(&clear, &world.idevid.certificate, SealOptions { declared, ..OPTIONS });
            let verified = world.verify_alone(sealed).unwrap();
            assert_eq!(verified.value(), world.verify_alone(clear.clone()).unwrap().value());
        }
    }
}

#[test]
fn an_envelope_vouches_for_nothing() {
    // CLI-15: encrypted to this device by anybody, and from an untrusted source.
    let world = world();
    let clear = bare(ContentType::ConveyedInfoJson, &world.information.encode(Encoding::Json)).unwrap();
    let refusal = world.verify_alone(encrypted(&clear, &world.idevid.certificate, OPTIONS)).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::UnsignedOnboardingUntrusted);
}

#[test]
fn without_a_key_or_for_somebody_else_it_is_refused_by_name() {
    let mut world = world();
    let sealed = encrypted(&world.signed_information(), &world.idevid.certificate, OPTIONS);
    world.decryption = None;
    world.instead.conveyed_information = Some(sealed);
    assert_last(&world.verify().unwrap_err(), ReasonCode::DecryptionKeyMissing);
    world.decryption = Some(AeadPolicy::Refuse);
    world.verify().unwrap();
    let stranger = Party::root(end_entity("another device"));
    world.instead.conveyed_information = Some(encrypted(&world.signed_information(), &stranger.certificate, OPTIONS));
    assert_last(&world.verify().unwrap_err(), ReasonCode::NotARecipient);
}

#[test]
fn enc_09_authenticated_encryption_is_opened_only_where_it_is_allowed() {
    let mut world = world();
    let options = SealOptions { cipher: ContentCipher::Aes256Gcm, ..OPTIONS };
    let sealed = encrypted(&world.signed_information(), &world.idevid.certificate, options);
    world.instead.conveyed_information = Some(sealed);
    assert_last(&world.verify().unwrap_err(), ReasonCode::EncryptionNotAllowed);
    world.decryption = Some(AeadPolicy::Allow);
    let verified = world.verify().unwrap();
    let check = verified.trace().checks().iter().find(|it| it.check == "conveyed-information-decryption").unwrap();
    assert!(check.note.as_deref().unwrap().contains("AuthEnvelopedData"), "{check:?}");
}

#[test]
fn enc_02_an_envelope_in_an_envelope_or_under_a_signature_is_refused() {
    let mut world = world();
    let envelope = encrypted(&world.signed_information(), &world.idevid.certificate, OPTIONS);
    seal(&envelope, std::slice::from_ref(&world.idevid.certificate), OPTIONS, &mut SystemEntropy).unwrap_err();
    // Our own maker refuses to sign an envelope, so it is made by hand.
    let signed = Structure::new(ContentType::EnvelopedData, &envelope, &world.owner).encode();
    world.instead.conveyed_information = Some(signed);
    assert_last(&world.verify().unwrap_err(), ReasonCode::ContentTypeUnexpected);
}

#[test]
fn enc_12_what_went_wrong_behind_the_padding_is_never_told() {
    // A broken padding, a plaintext that is no document: one reason, one detail, one trace.
    let mut world = world();
    world.source = Source::TrustedServer;
    let certificate = world.idevid.certificate.clone();
    let documents: [&[u8]; 4] = [b"", b"not a document", br#"{"x":1}"#, b"<x/>"];
    let mut refusals: Vec<Refusal> = documents
        .iter()
        .map(|document| {
            let clear = bare(ContentType::ConveyedInfoJson, document).unwrap();
            world.verify_alone(encrypted(&clear, &certificate, OPTIONS)).unwrap_err()
        })
        .collect();
    let shown: Vec<_> = refusals.iter().map(|it| (it.reason, it.detail.clone(), it.trace.checks().len())).collect();
    assert!(shown.iter().all(|it| *it == shown[0]), "{shown:?}");

    let good = bare(ContentType::ConveyedInfoJson, &world.information.encode(Encoding::Json)).unwrap();
    let sealed = encrypted(&good, &certificate, OPTIONS);
    // Every octet of the last two blocks: the padding, and what stands before it.
    for place in sealed.len() - 32..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        refusals.extend(world.verify_alone(changed).err());
    }
    assert!(refusals.len() > 20);
    let first = shown_but_digests(&refusals[0]);
    for refusal in refusals {
        assert_eq!(shown_but_digests(&refusal), first);
        assert_last(&refusal, ReasonCode::DecryptionFailed);
        assert!(!refusal.detail.contains("os-name") && !refusal.detail.contains('{'), "{}", refusal.detail);
    }
}

#[test]
fn enc_12_in_every_artifact_a_wrong_plaintext_looks_like_a_wrong_padding() {
    // An envelope says what it holds, and nothing authenticates that: said to be id-data, whatever comes of changed
    // ciphertext is plaintext. Each artifact in turn, the others in order.
    let clear = bare(ContentType::Data, b"no artifact at all").unwrap();
    for place in 0..3 {
        let mut world = world();
        let good = encrypted(&clear, &world.idevid.certificate, OPTIONS);
        // The last octet of the block before the last: the length of the padding.
        let mut changed = good.clone();
        let last = changed.len() - 17;
        changed[last] ^= 0x80;
        let [plaintext, padding] = [good, changed].map(|artifact| {
            let instead = &mut world.instead;
            *[&mut instead.conveyed_information, &mut instead.owner_certificate, &mut instead.ownership_voucher]
                [place] = Some(artifact);
            world.verify().unwrap_err()
        });
        assert_last(&padding, ReasonCode::DecryptionFailed);
        assert_eq!(shown_but_digests(&plaintext), shown_but_digests(&padding));
    }
}

#[test]
fn art_24_companions_beside_unsigned_information_are_ignored() {
    // They are not even read: broken ones do no harm, good ones vouch for nothing.
    let mut world = World::new();
    let unsigned = bare(ContentType::ConveyedInfoJson, &world.information.encode(Encoding::Json)).unwrap();
    world.instead.conveyed_information = Some(unsigned);
    assert_last(&world.verify().unwrap_err(), ReasonCode::UnsignedOnboardingUntrusted);
    world.source = Source::TrustedServer;
    world.instead.ownership_voucher = Some(vec![0; 16]);
    let verified = world.verify().unwrap();
    assert!(matches!(verified.value(), Accepted::Onboarding(_)));
    let check = &verified.trace().checks()[0];
    assert_eq!((check.check, check.outcome), ("grouping", Outcome::Skipped));
}

#[test]
fn a_made_artifact_too_large_for_its_envelope_is_an_error() {
    let world = world();
    let document = vec![b' '; 512 * 1024 - 64];
    let clear = ConveyedInformation::from_der(bare(ContentType::Data, &document).unwrap()).unwrap();
    let recipients = std::slice::from_ref(&world.idevid.certificate);
    clear.encrypted_to(recipients, OPTIONS, &mut SystemEntropy).unwrap_err();
}

/// Everything that a refusal says, without the digests of what was received.
fn shown_but_digests(refusal: &Refusal) -> String {
    let checks = refusal.trace.checks().iter();
    let checks: Vec<_> = checks.map(|it| (it.check, it.section, it.outcome, it.inputs.len(), &it.note)).collect();
    format!("{} {} {checks:?}", refusal.reason, refusal.detail)
}

fn assert_last(refusal: &Refusal, reason: ReasonCode) {
    let last = refusal.trace.checks().last().unwrap();
    assert_eq!((refusal.reason, last.outcome), (reason, Outcome::Refused(reason)), "{refusal}");
}
