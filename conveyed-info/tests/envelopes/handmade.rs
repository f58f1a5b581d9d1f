//! Envelopes that no program at hand makes, written with the types of the `cms` crate: originators with certificates, user
//! keying material, recipients of other kinds, too many of them (RFC 5652 §6.2).

use aes::cipher::{BlockModeEncrypt, KeyInit, KeyIvInit, block_padding::Pkcs7};
use aes_kw::AesKw;
use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::CmsVersion,
    enveloped_data::{
        EncryptedContentInfo, EnvelopedData, KekIdentifier, KekRecipientInfo, KeyAgreeRecipientIdentifier,
        KeyAgreeRecipientInfo, OriginatorIdentifierOrKey, OriginatorInfo, OriginatorPublicKey, OtherRecipientInfo,
        PasswordRecipientInfo, RecipientEncryptedKey, RecipientInfo, RecipientKeyIdentifier,
    },
    signed_data::CertificateSet,
};
use const_oid::ObjectIdentifier;
use conveyed_info::cms::{Algorithm, CmsError, ContentType, MAX_RECIPIENTS, OpenError, RecipientKind, bare};
use der::{
    Any, Encode,
    asn1::{BitString, OctetString},
};
use pki::{
    certificate::Certificate,
    digest::HashAlgorithm,
    key::{Decryptor, FileKey},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use crate::support::{DOCUMENT, Party, certificate_v1, read, tlv};

const SHA256_KDF: &str = "1.3.132.1.11.1";
const AES128_WRAP: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 5];
const KEY: [u8; 16] = [0x42; 16];
const IV: [u8; 16] = [0x17; 16];

fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

fn algorithm(text: &str, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: oid(text), parameters }
}

fn octets(octets: &[u8]) -> OctetString {
    OctetString::new(octets).unwrap()
}

fn issuer_and_serial(certificate: &Certificate) -> IssuerAndSerialNumber {
    let tbs = certificate.as_x509().tbs_certificate();
    IssuerAndSerialNumber { issuer: tbs.issuer().clone(), serial_number: tbs.serial_number().clone() }
}

fn key_identifier(certificate: &Certificate) -> SubjectKeyIdentifier {
    SubjectKeyIdentifier(octets(certificate.extensions().subject_key_identifier.as_ref().unwrap()))
}

/// The document under [`KEY`], to these recipients.
fn envelope(recipients: Vec<RecipientInfo>, originator_info: Option<OriginatorInfo>) -> Vec<u8> {
    let mut encrypted = [DOCUMENT, &[0; 16]].concat();
    let cipher = cbc::Encryptor::<aes::Aes128>::new(&KEY.into(), &IV.into());
    let encrypted = cipher.encrypt_padded::<Pkcs7>(&mut encrypted, DOCUMENT.len()).unwrap();
    let content = EnvelopedData {
        version: CmsVersion::V2,
        originator_info,
        recip_infos: recipients.try_into().unwrap(),
        encrypted_content: EncryptedContentInfo {
            content_type: ContentType::ConveyedInfoJson.oid(),
            content_enc_alg: algorithm("2.16.840.1.101.3.4.1.2", Some(Any::encode_from(&octets(&IV)).unwrap())),
            encrypted_content: Some(octets(encrypted)),
        },
        unprotected_attrs: None,
    };
    let content = Any::encode_from(&content).unwrap();
    cms::content_info::ContentInfo { content_type: ContentType::EnvelopedData.oid(), content }.to_der().unwrap()
}

/// [`KEY`] wrapped for `recipient` by `originator`, computed a second time here: X9.63 with SHA-256 over the shared secret
/// and the ECC-CMS-SharedInfo, AES-128 key wrap (RFC 5753 §7.2).
fn wrapped(originator: &FileKey, recipient: &Party, ukm: Option<&[u8]>, null: bool) -> Vec<u8> {
    let secret = originator.agree(recipient.public_key()).unwrap();
    let wrap = tlv(0x30, &[&tlv(6, &[AES128_WRAP]), if null { &[5, 0] } else { &[] }]);
    let ukm = ukm.map(|ukm| tlv(0xa0, &[&tlv(4, &[ukm])])).unwrap_or_default();
    let info = tlv(0x30, &[&wrap, &ukm, &[0xa2, 6, 4, 4, 0, 0, 0, 0x80]]);
    let kek = HashAlgorithm::Sha256.digest(&[&secret, &[0, 0, 0, 1][..], &info].concat());
    let mut wrapped = [0; 24];
    AesKw::<aes::Aes128>::new_from_slice(&kek[..16]).unwrap().wrap_key(&KEY, &mut wrapped).unwrap();
    wrapped.to_vec()
}

fn agreement(
    originator: OriginatorIdentifierOrKey,
    ukm: Option<&[u8]>,
    scheme: &str,
    null: bool,
    keys: Vec<RecipientEncryptedKey>,
) -> RecipientInfo {
    let wrap = AlgorithmIdentifierOwned {
        oid: ObjectIdentifier::from_bytes(AES128_WRAP).unwrap(),
        parameters: null.then(Any::null),
    };
    RecipientInfo::Kari(KeyAgreeRecipientInfo {
        version: CmsVersion::V3,
        originator,
        ukm: ukm.map(octets),
        key_enc_alg: algorithm(scheme, Some(Any::encode_from(&wrap).unwrap())),
        recipient_enc_keys: keys,
    })
}

fn for_party(party: &Party, wrapped: &[u8]) -> RecipientEncryptedKey {
    let rid = KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(issuer_and_serial(&party.certificate));
    RecipientEncryptedKey { rid, enc_key: octets(wrapped) }
}

fn public_key(key: &FileKey, parameters: Option<Any>) -> OriginatorIdentifierOrKey {
    let point = Decryptor::public_key(key).subject_public_key();
    OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
        algorithm: algorithm("1.2.840.10045.2.1", parameters),
        public_key: BitString::from_bytes(point).unwrap(),
    })
}

fn bag(certificates: &[&Certificate]) -> Option<OriginatorInfo> {
    let certificates =
        certificates.iter().map(|it| CertificateChoices::Certificate(it.as_x509().clone())).collect::<Vec<_>>();
    Some(OriginatorInfo { certs: Some(CertificateSet(certificates.try_into().unwrap())), crls: None })
}

#[test]
fn enc_07_all_three_originator_forms_open_with_and_without_keying_material() {
    let (recipient, originator) = (Party::p256(), Party::new(FileKey::generate_p256().unwrap(), 2));
    let curve = Any::from(&oid("1.2.840.10045.3.1.7"));
    for ukm in [None, Some(&b"some material"[..])] {
        for form in [
            OriginatorIdentifierOrKey::IssuerAndSerialNumber(issuer_and_serial(&originator.certificate)),
            OriginatorIdentifierOrKey::SubjectKeyIdentifier(key_identifier(&originator.certificate)),
            // RFC 5753 §3.1.1: absent, NULL or the curve.
            public_key(&originator.key, None),
            public_key(&originator.key, Some(Any::null())),
            public_key(&originator.key, Some(curve.clone())),
        ] {
            // RFC 5753 §7.2: the wrap's parameters count as they stand, absent or NULL.
            for null in [false, true] {
                let key = wrapped(&originator.key, &recipient, ukm, null);
                let info = agreement(form.clone(), ukm, SHA256_KDF, null, vec![for_party(&recipient, &key)]);
                let made = envelope(vec![info], bag(&[&recipient.certificate, &originator.certificate]));
                let opened = recipient.open(&made).unwrap();
                assert_eq!(opened.clear_form(), bare(ContentType::ConveyedInfoJson, DOCUMENT).unwrap());
                assert!(opened.leniencies().is_empty());
            }
        }
    }
}

#[test]
fn enc_07_keying_material_that_differs_opens_nothing() {
    let (recipient, originator) = (Party::p256(), FileKey::generate_p256().unwrap());
    let key = wrapped(&originator, &recipient, Some(b"one"), false);
    for ukm in [None, Some(&b"two"[..])] {
        let keys = vec![for_party(&recipient, &key)];
        let made = envelope(vec![agreement(public_key(&originator, None), ukm, SHA256_KDF, false, keys)], None);
        assert_eq!(recipient.open(&made), Err(OpenError::Failed));
    }
}

#[test]
fn enc_08_several_keys_in_one_agreement_are_several_recipients() {
    let (first, second, originator) =
        (Party::p256(), Party::new(FileKey::generate_p256().unwrap(), 2), FileKey::generate_p256().unwrap());
    let by_key = |party: &Party| RecipientEncryptedKey {
        rid: KeyAgreeRecipientIdentifier::RKeyId(RecipientKeyIdentifier {
            subject_key_identifier: key_identifier(&party.certificate),
            date: None,
            other: None,
        }),
        enc_key: octets(&wrapped(&originator, party, None, false)),
    };
    let keys = vec![for_party(&first, &wrapped(&originator, &first, None, false)), by_key(&second)];
    let made = envelope(vec![agreement(public_key(&originator, None), None, SHA256_KDF, false, keys)], None);
    assert_eq!(read(&made).unwrap().recipients().len(), 2);
    first.open(&made).unwrap();
    second.open(&made).unwrap();
}

#[test]
fn an_originator_that_is_missing_off_its_curve_or_of_another_kind_opens_nothing() {
    let (recipient, originator) = (Party::p256(), Party::new(FileKey::generate_p256().unwrap(), 2));
    let key = wrapped(&originator.key, &recipient, None, false);
    let open = |form, info| {
        let keys = vec![for_party(&recipient, &key)];
        recipient.open(&envelope(vec![agreement(form, None, SHA256_KDF, false, keys)], info)).unwrap_err()
    };
    let named = OriginatorIdentifierOrKey::IssuerAndSerialNumber(issuer_and_serial(&originator.certificate));
    assert_eq!(open(named.clone(), None), OpenError::OriginatorUnknown);
    assert_eq!(open(named.clone(), bag(&[&recipient.certificate])), OpenError::OriginatorUnknown);
    let nameless = certificate_v1(originator.public_key());
    assert_eq!(open(named, bag(&[&nameless])), OpenError::OriginatorUnknown);

    let OriginatorIdentifierOrKey::OriginatorKey(key) = public_key(&originator.key, None) else { panic!() };
    let mut point = key.public_key.as_bytes().unwrap().to_vec();
    *point.last_mut().unwrap() ^= 1;
    let off = OriginatorPublicKey { public_key: BitString::from_bytes(&point).unwrap(), ..key.clone() };
    assert_eq!(open(OriginatorIdentifierOrKey::OriginatorKey(off), None), OpenError::Failed);
    let rsa = OriginatorPublicKey { algorithm: algorithm("1.2.840.113549.1.1.1", None), ..key };
    assert_eq!(open(OriginatorIdentifierOrKey::OriginatorKey(rsa), None), OpenError::OriginatorKey);
    // A curve that is not the recipient's: the key refuses to work, which is a failure like any.
    let p384 = public_key(&FileKey::generate_p384().unwrap(), Some(Any::from(&oid("1.3.132.0.34"))));
    assert_eq!(open(p384, None), OpenError::Failed);
}

#[test]
fn cofactor_agreement_and_other_wraps_are_refused_by_name() {
    let (recipient, originator) = (Party::p256(), FileKey::generate_p256().unwrap());
    let cofactor = "1.3.132.1.14.1";
    let keys = vec![for_party(&recipient, &[0; 24])];
    let made = envelope(vec![agreement(public_key(&originator, None), None, cofactor, false, keys)], None);
    assert_eq!(recipient.open(&made), Err(OpenError::KeyEncryption(Algorithm(oid(cofactor)))));
}

#[test]
fn enc_08_recipients_of_other_kinds_are_listed_and_passed_over() {
    let (recipient, originator) = (Party::p256(), FileKey::generate_p256().unwrap());
    let others = vec![
        RecipientInfo::Kekri(KekRecipientInfo {
            version: CmsVersion::V4,
            kek_id: KekIdentifier { kek_identifier: octets(b"kek"), date: None, other: None },
            key_enc_alg: algorithm("2.16.840.1.101.3.4.1.5", None),
            encrypted_key: octets(&[0; 24]),
        }),
        RecipientInfo::Pwri(PasswordRecipientInfo {
            version: CmsVersion::V0,
            key_derivation_alg: None,
            key_enc_alg: algorithm("1.2.840.113549.1.9.16.3.9", None),
            enc_key: octets(&[0; 24]),
        }),
        RecipientInfo::Ori(OtherRecipientInfo { ori_type: oid("1.2.3.4"), ori_value: Any::null() }),
    ];
    let keys = vec![for_party(&recipient, &wrapped(&originator, &recipient, None, false))];
    let own = agreement(public_key(&originator, None), None, SHA256_KDF, false, keys);
    let made = envelope([others.clone(), vec![own]].concat(), None);
    let kinds: Vec<_> = read(&made).unwrap().recipients().iter().map(|it| it.kind()).collect();
    for kind in
        [RecipientKind::KeyAgreement, RecipientKind::KeyEncryptionKey, RecipientKind::Password, RecipientKind::Other]
    {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    recipient.open(&made).unwrap();
    assert_eq!(recipient.open(&envelope(others, None)), Err(OpenError::NotARecipient));
}

#[test]
fn recipients_are_counted_before_anything_is_tried() {
    let (recipient, originator) = (Party::p256(), FileKey::generate_p256().unwrap());
    let key = wrapped(&originator, &recipient, None, false);
    let made = |count| {
        let keys = vec![for_party(&recipient, &key); count];
        envelope(vec![agreement(public_key(&originator, None), None, SHA256_KDF, false, keys)], None)
    };
    recipient.open(&made(MAX_RECIPIENTS)).unwrap();
    assert_eq!(recipient.open(&made(MAX_RECIPIENTS + 1)), Err(OpenError::Recipients(MAX_RECIPIENTS + 1)));
    // Were what thousands of keys share copied for each of them, this would take gigabytes.
    let (ukm, keys) = (vec![0; 250_000], vec![for_party(&recipient, &key); 2_000]);
    let info = agreement(public_key(&originator, None), Some(&ukm), SHA256_KDF, false, keys);
    assert_eq!(recipient.open(&envelope(vec![info], None)), Err(OpenError::Recipients(2_000)));
    assert_eq!(recipient.open(&envelope(Vec::new(), None)), Err(OpenError::Recipients(0)));
}

#[test]
fn certificates_of_originators_are_capped() {
    let (recipient, originator) = (Party::p256(), FileKey::generate_p256().unwrap());
    let keys = vec![for_party(&recipient, &wrapped(&originator, &recipient, None, false))];
    let info = agreement(public_key(&originator, None), None, SHA256_KDF, false, keys);
    let many = bag(&[&recipient.certificate; 17]);
    assert_eq!(recipient.open(&envelope(vec![info], many)), Err(OpenError::Cms(CmsError::TooManyCertificates)));
}
