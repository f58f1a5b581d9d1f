//! Every failure behind the choice of the recipient looks the same (RFC 8572 §9.14; ENC-12).

use cms::enveloped_data::{EnvelopedData, RecipientInfo};
use conveyed_info::cms::{
    AeadPolicy, CmsError, ContentCipher, ContentType, DeclaredType, Draft, OpenError, SealOptions, SignedData, bare,
    seal,
};
use der::{Any, Decode, Encode, asn1::OctetString};
use pki::key::{DecryptError, SystemEntropy};

use crate::support::{Elsewhere, Party, Recorded, certificate, document, read, rsa_public_key, tlv};

fn parts(envelope: &[u8]) -> EnvelopedData {
    cms::content_info::ContentInfo::from_der(envelope).unwrap().content.decode_as().unwrap()
}

fn whole(parts: &EnvelopedData) -> Vec<u8> {
    let content = Any::encode_from(parts).unwrap();
    cms::content_info::ContentInfo { content_type: ContentType::EnvelopedData.oid(), content }.to_der().unwrap()
}

fn sealed(party: &Party, clear: &[u8]) -> EnvelopedData {
    let recipient = std::slice::from_ref(&party.certificate);
    parts(&seal(clear, recipient, SealOptions::default(), &mut SystemEntropy).unwrap())
}

#[test]
fn enc_12_wrong_wrap_wrong_padding_and_wrong_plaintext_are_one_error() {
    let party = Party::p256();
    let good = sealed(&party, &document());
    party.open(&whole(&good)).unwrap();

    let mut wrap = good.clone();
    let mut infos = wrap.recip_infos.0.clone().into_vec();
    let RecipientInfo::Kari(info) = &mut infos[0] else { panic!() };
    let mut key = info.recipient_enc_keys[0].enc_key.as_bytes().to_vec();
    key[3] ^= 1;
    info.recipient_enc_keys[0].enc_key = OctetString::new(key).unwrap();
    wrap.recip_infos = infos.try_into().unwrap();

    let change = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = good.clone();
        let mut octets = changed.encrypted_content.encrypted_content.unwrap().into_bytes().into_vec();
        change(&mut octets);
        changed.encrypted_content.encrypted_content = Some(OctetString::new(octets).unwrap());
        changed
    };
    let padding = change(&|octets| *octets.last_mut().unwrap() ^= 0x80);
    let ragged = change(&|octets| octets.truncate(17));
    let nothing = change(&Vec::clear);
    // The padding is right, and inside is no SignedData as it is said to be.
    let mut plaintext = good.clone();
    plaintext.encrypted_content.content_type = ContentType::SignedData.oid();
    for (what, changed) in
        [("wrap", wrap), ("padding", padding), ("ragged", ragged), ("nothing", nothing), ("plaintext", plaintext)]
    {
        assert_eq!(party.open(&whole(&changed)), Err(OpenError::Failed), "{what}");
    }
}

#[test]
fn enc_12_a_content_key_of_any_length_is_one_error() {
    // RFC 3218 §2.3: what a wrong PKCS#1 padding gives is some octets of some length, or an error from older keys.
    let certificate = certificate(&rsa_public_key(), 7, None);
    let mut entropy = Recorded::default();
    let envelope = seal(&document(), &[certificate], SealOptions::default(), &mut entropy).unwrap();
    let right = entropy.0[0].clone();
    let open = |answer| {
        let key = Elsewhere { public_key: rsa_public_key(), answer };
        read(&envelope).unwrap().open(&key, None, AeadPolicy::Refuse)
    };
    open(Ok(right.clone())).unwrap();
    for length in [0, 1, 16, 24, 31, 33, 64, 245] {
        let answer = right.iter().copied().cycle().take(length).collect();
        assert_eq!(open(Ok(answer)), Err(OpenError::Failed), "{length}");
    }
    assert_eq!(open(Err(DecryptError::Failed)), Err(OpenError::Failed));
}

#[test]
fn enc_02_an_envelope_inside_is_refused_by_name_outside_and_like_any_failure_inside() {
    let party = Party::p256();
    let inner = whole(&sealed(&party, &document()));
    // As its declared type: nothing needs to be decrypted to see it.
    for nested in [ContentType::EnvelopedData, ContentType::AuthEnvelopedData] {
        let mut outer = sealed(&party, &document());
        outer.encrypted_content.content_type = nested.oid();
        assert_eq!(party.open(&whole(&outer)), Err(OpenError::Nested));
    }
    // As plaintext, a ContentInfo under id-data, and as the content of SignedData.
    let signed = signed_around(&inner, &party);
    for inside in [inner, signed.clone()] {
        let smuggled = bare(ContentType::Data, &inside).unwrap();
        assert_eq!(party.open(&whole(&sealed(&party, &smuggled))), Err(OpenError::Failed));
    }
    let refused = SignedData::from_der(&signed).unwrap_err();
    assert_eq!(refused, CmsError::ContentType(ContentType::EnvelopedData.oid()));
}

/// SignedData that is said to hold EnvelopedData, otherwise well-formed.
fn signed_around(content: &[u8], party: &Party) -> Vec<u8> {
    let chain = std::slice::from_ref(&party.certificate);
    let refused = Draft::sign(ContentType::EnvelopedData, content, &party.key, chain).unwrap_err();
    assert_eq!(refused, CmsError::ContentType(ContentType::EnvelopedData.oid()).into());
    let mut signed = Draft::sign(ContentType::Data, content, &party.key, chain).unwrap();
    let data = ContentType::Data.oid();
    let at = signed.windows(9).position(|window| window == data.as_bytes()).unwrap();
    signed[at + 8] = 3;
    signed
}

#[test]
fn art_21_a_voucher_without_signed_data_around_it_is_refused() {
    let party = Party::p256();
    let mut envelope = sealed(&party, &document());
    envelope.encrypted_content.content_type = ContentType::AnimaJsonVoucher.oid();
    assert!(matches!(party.open(&whole(&envelope)), Err(OpenError::Cms(_))));
}

#[test]
fn the_authenticated_attributes_are_authenticated() {
    let party = Party::p256();
    let options = SealOptions { cipher: ContentCipher::Aes256Gcm, ..SealOptions::default() };
    let recipient = std::slice::from_ref(&party.certificate);
    let envelope = seal(&document(), recipient, options, &mut SystemEntropy).unwrap();
    let open = |envelope: &[u8]| read(envelope)?.open(&party.key, None, AeadPolicy::Allow);
    open(&envelope).unwrap();
    // The content type stands twice, in the structure and in the attribute: changed in one of them the two differ,
    // changed in both the tag does not fit.
    let json = tlv(6, &[ContentType::ConveyedInfoJson.oid().as_bytes()]);
    let places: Vec<_> =
        (0..envelope.len()).filter(|at| envelope[*at..].starts_with(&json)).map(|at| at + json.len() - 1).collect();
    assert_eq!(places.len(), 2);
    let mut both = envelope.clone();
    for at in places {
        let mut one = envelope.clone();
        one[at] = 0x2a;
        both[at] = 0x2a;
        assert_eq!(open(&one), Err(OpenError::Cms(CmsError::ContentTypeAttribute)));
    }
    assert_eq!(open(&both), Err(OpenError::Failed));
}

#[test]
fn what_an_authenticated_envelope_says_that_it_holds_is_authenticated_unless_it_is_id_data() {
    // RFC 5083 §2.1. Made as id-data, without attributes; then said to be something else, which no tag covers.
    let party = Party::p256();
    let clear = Draft::sign(ContentType::Data, b"{}", &party.key, std::slice::from_ref(&party.certificate)).unwrap();
    let (cipher, declared) = (ContentCipher::Aes256Gcm, DeclaredType::Data);
    let options = SealOptions { cipher, declared, ..SealOptions::default() };
    let mut envelope = seal(&clear, std::slice::from_ref(&party.certificate), options, &mut SystemEntropy).unwrap();
    let open = |envelope: &[u8]| read(envelope)?.open(&party.key, None, AeadPolicy::Allow);
    assert_eq!(open(&envelope).unwrap().clear_form(), clear);
    let data = tlv(6, &[ContentType::Data.oid().as_bytes()]);
    let at = (0..envelope.len()).find(|at| envelope[*at..].starts_with(&data)).unwrap();
    envelope[at + data.len() - 1] = 2;
    assert_eq!(read(&envelope).unwrap_err(), OpenError::Cms(CmsError::AttributesMissing));
}
