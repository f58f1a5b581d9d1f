//! Whose envelope it is, and the two steps of opening it.

use conveyed_info::cms::{
    AeadPolicy, CertificateNaming, CmsError, ContentInfo, ContentType, Enveloped, KeyWork, OpenError, SealOptions, seal,
};
use pki::key::{FileKey, RsaPadding, Signer, SystemEntropy};

use crate::support::{DOCUMENT, Elsewhere, Party, Recorded, certificate, document, read, rsa_public_key};

#[test]
fn enc_08_the_own_recipient_is_found_among_several() {
    let parties = Party::on_each_curve();
    let certificates = parties.each_ref().map(|party| party.certificate.clone());
    for naming in [CertificateNaming::IssuerAndSerialNumber, CertificateNaming::SubjectKeyIdentifier] {
        let options = SealOptions { naming, ..SealOptions::default() };
        let envelope = seal(&document(), &certificates, options, &mut SystemEntropy).unwrap();
        for party in &parties {
            assert_eq!(party.open(&envelope).unwrap().clear_form(), document());
            let tried = read(&envelope).unwrap().open(&party.key, None, AeadPolicy::Refuse).unwrap();
            assert_eq!(tried.clear_form(), document());
        }
        // Neither kind of name is the stranger's.
        let stranger = Party::new(FileKey::generate_p256().unwrap(), 77);
        assert_eq!(stranger.open(&envelope), Err(OpenError::NotARecipient));
    }
}

#[test]
fn enc_08_without_a_certificate_every_recipient_of_the_keys_kind_is_tried() {
    let keys = [(); 4].map(|()| FileKey::generate_p256().unwrap());
    let parties: Vec<_> = (1..).zip(keys).map(|(number, key)| Party::new(key, number)).collect();
    let mut certificates: Vec<_> = parties.iter().map(|party| party.certificate.clone()).collect();
    certificates.push(certificate(&rsa_public_key(), 9, None));
    let envelope = seal(&document(), &certificates, SealOptions::default(), &mut SystemEntropy).unwrap();
    let read = read(&envelope).unwrap();
    for party in &parties {
        assert_eq!(read.prepare(party.public_key(), None, AeadPolicy::Refuse).unwrap().len(), 4);
        assert_eq!(read.open(&party.key, None, AeadPolicy::Refuse).unwrap().clear_form(), document());
    }
    let ed25519 = FileKey::generate_ed25519().unwrap();
    let refused = read.prepare(Signer::public_key(&ed25519), None, AeadPolicy::Refuse).unwrap_err();
    assert_eq!(refused, OpenError::NotARecipient);
}

#[test]
fn a_certificate_that_is_not_the_keys_is_noticed() {
    let (party, other) = (Party::p256(), Party::p256());
    let recipient = std::slice::from_ref(&party.certificate);
    let envelope = seal(&document(), recipient, SealOptions::default(), &mut SystemEntropy).unwrap();
    let refused = read(&envelope).unwrap().open(&other.key, Some(&party.certificate), AeadPolicy::Refuse);
    assert_eq!(refused, Err(OpenError::KeyIsNotTheCertificates));
}

#[test]
fn enc_05_the_two_steps_ask_the_key_for_one_thing_and_go_on_with_the_result() {
    let (party, rsa) = (Party::p256(), certificate(&rsa_public_key(), 7, None));
    let recipients = [party.certificate.clone(), rsa.clone()];
    let mut entropy = Recorded::default();
    let envelope = seal(&document(), &recipients, SealOptions::default(), &mut entropy).unwrap();
    let envelope = read(&envelope).unwrap();

    let pending = envelope.prepare(party.public_key(), Some(&party.certificate), AeadPolicy::Refuse).unwrap();
    let [pending] = <[_; 1]>::try_from(pending).unwrap();
    assert!(matches!(pending.work(), KeyWork::Agree { peer } if peer.key_type() == pki::key::KeyType::P256));
    let done = pending.work().perform(&party.key);
    assert_eq!(pending.finish(done).unwrap().clear_form(), document());

    let pending = envelope.prepare(&rsa_public_key(), Some(&rsa), AeadPolicy::Refuse).unwrap();
    let [pending] = <[_; 1]>::try_from(pending).unwrap();
    let KeyWork::DecryptRsa { padding: RsaPadding::Oaep { .. }, ciphertext } = pending.work() else { panic!() };
    assert_eq!(ciphertext.len(), 256);
    let elsewhere = Elsewhere { public_key: rsa_public_key(), answer: Ok(entropy.0[0].clone()) };
    let done = pending.work().perform(&elsewhere);
    assert_eq!(pending.finish(done).unwrap().clear_form(), document());
}

#[test]
fn what_is_no_envelope_is_no_envelope() {
    let bare = ContentInfo::from_der(&document()).unwrap();
    let refused = Enveloped::from_content_info(&bare).unwrap_err();
    assert_eq!(refused, OpenError::Cms(CmsError::ContentType(ContentType::ConveyedInfoJson.oid())));
}

#[test]
fn enc_12_debug_shows_nothing_of_the_content() {
    let party = Party::p256();
    let recipient = std::slice::from_ref(&party.certificate);
    let envelope = seal(&document(), recipient, SealOptions::default(), &mut SystemEntropy).unwrap();
    let shown = format!("{:?}", party.open(&envelope).unwrap());
    assert!(shown.len() < 100 && !shown.contains(&format!("{:?}", &DOCUMENT[..4])), "{shown}");
}
