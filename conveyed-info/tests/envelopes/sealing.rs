//! What is sealed here, and what is refused to be.

use cms::{
    content_info::CmsVersion,
    enveloped_data::{EnvelopedData, RecipientInfo},
};
use conveyed_info::cms::{
    AeadPolicy, CertificateNaming, CmsError, ContentCipher, ContentType, DeclaredType, Draft, EnvelopeLeniency,
    KeyUsageRule, MAX_RECIPIENTS, NeededUsage, RecipientKind, SealError, SealOptions, certificates_only, seal,
};
use der::Decode;
use pki::key::{DecryptError, FileKey, KeyType, Signer, SystemEntropy};

use crate::support::{
    DOCUMENT, Elsewhere, Party, Recorded, certificate, certificate_v1, document, read, rsa_public_key,
};

const DIGITAL_SIGNATURE: [u8; 2] = [7, 0x80];
const KEY_ENCIPHERMENT: [u8; 2] = [5, 0x20];
const KEY_AGREEMENT: [u8; 2] = [3, 0x08];

fn raw(envelope: &[u8]) -> EnvelopedData {
    cms::content_info::ContentInfo::from_der(envelope).unwrap().content.decode_as().unwrap()
}

#[test]
fn enc_07_what_is_sealed_to_any_curve_opens_with_its_key_alone() {
    let parties = Party::on_each_curve();
    let ciphers = [ContentCipher::Aes128Cbc, ContentCipher::Aes192Cbc, ContentCipher::Aes256Cbc];
    for party in &parties {
        for cipher in ciphers {
            for naming in [CertificateNaming::IssuerAndSerialNumber, CertificateNaming::SubjectKeyIdentifier] {
                let options = SealOptions { cipher, naming, ..SealOptions::default() };
                let recipient = std::slice::from_ref(&party.certificate);
                let envelope = seal(&document(), recipient, options, &mut SystemEntropy).unwrap();
                let opened = party.open(&envelope).unwrap();
                assert_eq!(opened.clear_form(), document());
                assert_eq!((opened.content_type(), opened.leniencies()), (ContentType::ConveyedInfoJson, &[][..]));
                assert_eq!(read(&envelope).unwrap().cipher(), cipher);
                let other = Party::new(FileKey::generate_p256().unwrap(), 1);
                let refused = read(&envelope).unwrap().open(&other.key, None, AeadPolicy::Refuse).unwrap_err();
                assert_eq!(refused, conveyed_info::cms::OpenError::Failed);
            }
        }
    }
}

#[test]
fn enc_06_what_is_sealed_to_rsa_opens_with_the_content_key() {
    let certificate = certificate(&rsa_public_key(), 7, Some(KEY_ENCIPHERMENT));
    let mut entropy = Recorded::default();
    let envelope = seal(&document(), std::slice::from_ref(&certificate), SealOptions::default(), &mut entropy).unwrap();
    let key = Elsewhere { public_key: rsa_public_key(), answer: Ok(entropy.0[0].clone()) };
    let opened = read(&envelope).unwrap().open(&key, Some(&certificate), AeadPolicy::Refuse).unwrap();
    assert_eq!((opened.clear_form(), opened.leniencies()), (&document()[..], &[][..]));
}

#[test]
fn art_04_art_06_art_18_art_21_every_clear_form_comes_back_as_it_was() {
    let (party, owner) = (Party::p256(), Party::p256());
    let recipient = std::slice::from_ref(&party.certificate);
    let chain = std::slice::from_ref(&owner.certificate);
    let signed = |content_type| Draft::sign(content_type, DOCUMENT, &owner.key, chain).unwrap();
    let bare = |content_type| conveyed_info::cms::bare(content_type, DOCUMENT).unwrap();
    for (clear, content_type) in [
        (bare(ContentType::ConveyedInfoJson), ContentType::ConveyedInfoJson),
        (bare(ContentType::ConveyedInfoXml), ContentType::ConveyedInfoXml),
        (bare(ContentType::Data), ContentType::Data),
        (signed(ContentType::ConveyedInfoJson), ContentType::SignedData),
        (signed(ContentType::AnimaJsonVoucher), ContentType::SignedData),
        (certificates_only(chain).unwrap(), ContentType::SignedData),
    ] {
        for declared in [DeclaredType::OfContent, DeclaredType::Data] {
            let options = SealOptions { declared, ..SealOptions::default() };
            let envelope = seal(&clear, recipient, options, &mut SystemEntropy).unwrap();
            let opened = party.open(&envelope).unwrap();
            assert_eq!((opened.clear_form(), opened.content_type()), (&clear[..], content_type));
            // ART-04, ART-06: the outside tells what is inside, unless it is asked not to; ENC-11 notices that.
            let said = raw(&envelope).encrypted_content.content_type;
            match declared {
                DeclaredType::OfContent => assert_eq!((said, opened.leniencies()), (content_type.oid(), &[][..])),
                DeclaredType::Data => {
                    assert_eq!(said, ContentType::Data.oid());
                    assert_eq!(opened.leniencies(), [EnvelopeLeniency::DeclaredAsData]);
                }
            }
        }
    }
}

#[test]
fn enc_02_only_clear_forms_are_sealed() {
    let party = Party::p256();
    let recipient = std::slice::from_ref(&party.certificate);
    let seal = |clear: &[u8]| seal(clear, recipient, SealOptions::default(), &mut SystemEntropy);
    let envelope = seal(&document()).unwrap();
    assert_eq!(seal(&envelope), Err(SealError::NotAClearForm(ContentType::EnvelopedData)));
    let voucher = conveyed_info::cms::bare(ContentType::AnimaJsonVoucher, b"{}").unwrap();
    assert_eq!(seal(&voucher), Err(SealError::NotAClearForm(ContentType::AnimaJsonVoucher)));
    assert!(matches!(seal(b"{}"), Err(SealError::Cms(CmsError::Der(_)))));
}

#[test]
fn enc_06_enc_07_key_usage_is_obeyed_unless_it_is_overridden() {
    let ec = Party::p256();
    let try_to = |certificate, key_usage| {
        let options = SealOptions { key_usage, ..SealOptions::default() };
        seal(&document(), &[certificate], options, &mut SystemEntropy)
    };
    for (key, good, needed) in [
        (rsa_public_key(), KEY_ENCIPHERMENT, NeededUsage::KeyEncipherment),
        (ec.public_key().clone(), KEY_AGREEMENT, NeededUsage::KeyAgreement),
    ] {
        for usage in [DIGITAL_SIGNATURE, KEY_ENCIPHERMENT, KEY_AGREEMENT] {
            let made = try_to(certificate(&key, 1, Some(usage)), KeyUsageRule::Enforce);
            match usage == good {
                true => drop(made.unwrap()),
                false => assert_eq!(made, Err(SealError::KeyUsage(needed))),
            }
            try_to(certificate(&key, 1, Some(usage)), KeyUsageRule::Ignore).unwrap();
        }
        // No KeyUsage at all allows everything (RFC 5280 §4.2.1.3).
        try_to(certificate(&key, 1, None), KeyUsageRule::Enforce).unwrap();
    }
}

#[test]
fn recipients_that_cannot_be_are_refused() {
    let party = Party::p256();
    let seal_to = |recipients: &[_]| seal(&document(), recipients, SealOptions::default(), &mut SystemEntropy);
    assert_eq!(seal_to(&[]), Err(SealError::Recipients(0)));
    let many = vec![party.certificate.clone(); MAX_RECIPIENTS + 1];
    assert_eq!(seal_to(&many), Err(SealError::Recipients(MAX_RECIPIENTS + 1)));
    assert_eq!(read(&seal_to(&many[1..]).unwrap()).unwrap().recipients().len(), MAX_RECIPIENTS);
    let ed25519 = FileKey::generate_ed25519().unwrap();
    let refused = seal_to(&[certificate(Signer::public_key(&ed25519), 1, None)]);
    assert_eq!(refused, Err(SealError::KeyType(KeyType::Ed25519)));
    let options = SealOptions { naming: CertificateNaming::SubjectKeyIdentifier, ..SealOptions::default() };
    let nameless = seal(&document(), &[certificate_v1(party.public_key())], options, &mut SystemEntropy);
    assert_eq!(nameless, Err(SealError::Cms(CmsError::SubjectKeyIdentifierMissing)));
}

#[test]
fn versions_are_those_of_rfc_5652_section_6() {
    let (ec, rsa) = (Party::p256().certificate, certificate(&rsa_public_key(), 7, None));
    let by_key = CertificateNaming::SubjectKeyIdentifier;
    for (recipients, naming, version, of_recipient) in [
        (vec![rsa.clone()], CertificateNaming::default(), CmsVersion::V0, CmsVersion::V0),
        (vec![rsa.clone()], by_key, CmsVersion::V2, CmsVersion::V2),
        (vec![ec.clone()], CertificateNaming::default(), CmsVersion::V2, CmsVersion::V3),
        (vec![ec.clone()], by_key, CmsVersion::V2, CmsVersion::V3),
    ] {
        let options = SealOptions { naming, ..SealOptions::default() };
        let made = raw(&seal(&document(), &recipients, options, &mut SystemEntropy).unwrap());
        let info = made.recip_infos.0.get(0).unwrap();
        let seen = match info {
            RecipientInfo::Ktri(info) => info.version,
            RecipientInfo::Kari(info) => info.version,
            other => panic!("{other:?}"),
        };
        assert_eq!((made.version, seen), (version, of_recipient));
    }
    let both = raw(&seal(&document(), &[rsa, ec], SealOptions::default(), &mut SystemEntropy).unwrap());
    assert_eq!(both.version, CmsVersion::V2);
}

#[test]
fn enc_03_enc_08_recipients_are_named_by_their_certificate() {
    let (ec, rsa) = (Party::p256().certificate, certificate(&rsa_public_key(), 7, None));
    for naming in [CertificateNaming::IssuerAndSerialNumber, CertificateNaming::SubjectKeyIdentifier] {
        let options = SealOptions { naming, ..SealOptions::default() };
        let envelope = seal(&document(), &[ec.clone(), rsa.clone()], options, &mut SystemEntropy).unwrap();
        let envelope = read(&envelope).unwrap();
        for (certificate, kind) in [(&ec, RecipientKind::KeyAgreement), (&rsa, RecipientKind::KeyTransport)] {
            let found = envelope.recipients().iter().find(|it| it.id().unwrap().names(certificate)).unwrap();
            assert_eq!(found.kind(), kind);
        }
    }
}

#[test]
fn without_randomness_nothing_is_sealed() {
    struct Nothing(usize);
    impl pki::key::Entropy for Nothing {
        fn fill(&mut self, octets: &mut [u8]) -> Result<(), pki::key::NoEntropy> {
            self.0 = self.0.checked_sub(1).ok_or(pki::key::NoEntropy)?;
            SystemEntropy.fill(octets)
        }
    }
    for certificate in [Party::p256().certificate, certificate(&rsa_public_key(), 7, None)] {
        for draws in 0..3 {
            let made =
                seal(&document(), std::slice::from_ref(&certificate), SealOptions::default(), &mut Nothing(draws));
            assert!(matches!(made, Err(SealError::NoEntropy(_) | SealError::Key(_))), "{draws} {made:?}");
        }
    }
}

#[test]
fn enc_09_gcm_makes_another_structure_that_is_refused_unless_allowed() {
    let party = Party::p256();
    for (cipher, clear) in [
        (ContentCipher::Aes128Gcm, document()),
        (ContentCipher::Aes256Gcm, conveyed_info::cms::bare(ContentType::Data, DOCUMENT).unwrap()),
    ] {
        let options = SealOptions { cipher, ..SealOptions::default() };
        let envelope = seal(&clear, std::slice::from_ref(&party.certificate), options, &mut SystemEntropy).unwrap();
        assert_eq!(party.open(&envelope), Err(conveyed_info::cms::OpenError::AeadNotAllowed));
        let opened = read(&envelope).unwrap().open(&party.key, None, AeadPolicy::Allow).unwrap();
        assert_eq!(
            (opened.clear_form(), opened.leniencies()),
            (&clear[..], &[EnvelopeLeniency::AuthEnvelopedData][..])
        );
    }
}

#[test]
fn a_key_elsewhere_that_fails_is_a_failure_like_any() {
    let certificate = certificate(&rsa_public_key(), 7, None);
    let envelope = seal(&document(), &[certificate], SealOptions::default(), &mut SystemEntropy).unwrap();
    for error in [DecryptError::Failed, DecryptError::KeyMismatch] {
        let key = Elsewhere { public_key: rsa_public_key(), answer: Err(error) };
        let refused = read(&envelope).unwrap().open(&key, None, AeadPolicy::Refuse).unwrap_err();
        assert_eq!(refused, conveyed_info::cms::OpenError::Failed);
    }
}
