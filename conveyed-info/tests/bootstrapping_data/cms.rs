//! Artifacts as bytes, and signatures over them (RFC 8572 §3, RFC 5652).

use base64::{Engine, engine::general_purpose::STANDARD};
use const_oid::db::rfc5911;
use conveyed_info::{
    ArtifactError, ConveyedInformation, Encoding,
    cms::{
        CmsError, ContentInfo, ContentType, Draft, MAX_CERTIFICATES, SignCmsError, SignedData, bare, certificates_only,
    },
    information::{BootstrapServer, Information, RedirectInformation},
};
use der::asn1::OctetString;
use pki::{
    algorithm::AlgorithmError,
    key::{FileKey, Signer},
};

use crate::support::{Naming, Party, Structure, World, attribute, bag_in_order, ca, end_entity, standard_attributes};

/// The smallest conveyed information there is, 114 octets; built by hand from RFC 5652 §3 and RFC 8572 §6.3.
const SMALLEST: &str = "MHAGCyqGSIb3DQEJEAEroGEEX3siaWV0Zi1zenRwLWNvbnZleWVkLWluZm86cmVkaXJlY3QtaW5mb3JtYXRpb24iOnsi\
                        Ym9vdHN0cmFwLXNlcnZlciI6W3siYWRkcmVzcyI6IjE5Mi4wLjIuMSJ9XX19";

fn smallest() -> Information {
    let server = BootstrapServer { address: "192.0.2.1".into(), port: 443, trust_anchor: None };
    RedirectInformation::new(vec![server]).unwrap().into()
}

#[test]
fn art_03_art_10_the_smallest_artifact_is_read_and_written_octet_for_octet() {
    let golden = STANDARD.decode(SMALLEST).unwrap();
    assert_eq!(golden.len(), 114);
    let info = ContentInfo::from_der(&golden).unwrap();
    assert_eq!(info.content_type(), ContentType::ConveyedInfoJson);
    assert_eq!(Information::decode(info.octets().unwrap(), Encoding::Json).unwrap(), smallest());
    assert_eq!(bare(ContentType::ConveyedInfoJson, &smallest().encode(Encoding::Json)).unwrap(), golden);
}

#[test]
fn art_13_the_owner_certificate_artifact_is_degenerate() {
    let root = Party::root(ca("root"));
    let owner = root.issue(end_entity("owner"));
    let certificates = [owner.certificate, root.certificate];
    let der = certificates_only(&certificates).unwrap();
    let read = SignedData::from_der(&der).unwrap();
    assert_eq!((read.content_type(), read.unverified_content()), (ContentType::Data, None));
    assert!(certificates.iter().all(|it| read.certificates().contains(it)));
    assert_eq!(read.certificates().len(), 2);
    assert_eq!(read.verify_signer().unwrap_err(), CmsError::Signers(0));
    // Version 1, no digest algorithms, id-data without content: RFC 5652 §5.1.
    let mut sorted = [&certificates[0], &certificates[1]];
    sorted.sort_by_key(|it| it.der());
    assert_eq!(der, bag_in_order(&sorted));
}

#[test]
fn what_is_signed_verifies_and_gives_the_content_back() {
    let content = smallest().encode(Encoding::Json);
    let p256 = Party::root(end_entity("p-256"));
    for content_type in [ContentType::ConveyedInfoJson, ContentType::AnimaJsonVoucher, ContentType::Data] {
        let der = p256.sign(content_type, &content);
        let signed = SignedData::from_der(&der).unwrap();
        let signer = signed.verify_signer().unwrap();
        assert_eq!((signed.content_type(), signer.content), (content_type, &content[..]));
        assert_eq!(signer.certificate, &p256.certificate);
        assert!(signed.names_signer(&p256.certificate));
        // ART-28: version 1 with id-data, 3 with anything else. It is the first INTEGER behind three headers.
        let version = der.windows(3).find(|octets| octets[..2] == [2, 1]).unwrap()[2];
        assert_eq!(version, if content_type == ContentType::Data { 1 } else { 3 });
    }
}

#[test]
fn a_signature_by_another_key_is_noticed_when_it_is_made() {
    let party = Party::root(end_entity("owner"));
    let chain = std::slice::from_ref(&party.certificate);
    let stranger = FileKey::generate_p256().unwrap();
    let refused = Draft::sign(ContentType::Data, b"x", &stranger, chain).unwrap_err();
    assert_eq!(refused, SignCmsError::Cms(CmsError::Signature(AlgorithmError::BadSignature)));
    let ed25519 = FileKey::generate_ed25519().unwrap();
    let refused = Draft::sign(ContentType::Data, b"x", &ed25519, chain).unwrap_err();
    assert_eq!(refused, SignCmsError::Cms(CmsError::Signature(AlgorithmError::KeyMismatch)));
    let refused = Draft::prepare(ContentType::Data, b"x", party.key.algorithm(), &[]).unwrap_err();
    assert_eq!(refused, CmsError::SignerCertificateMissing);
}

#[test]
fn the_two_steps_of_signing_may_happen_in_different_places() {
    let party = Party::root(end_entity("owner"));
    let chain = std::slice::from_ref(&party.certificate);
    let (draft, to_be_signed) = Draft::prepare(ContentType::Data, b"content", party.key.algorithm(), chain).unwrap();
    assert_eq!(to_be_signed.octets()[0], 0x31, "the attributes are signed as a SET OF (RFC 5652 §5.4)");
    let signature = party.key.sign(to_be_signed.octets()).unwrap();
    let der = draft.finish(&signature).unwrap();
    assert_eq!(SignedData::from_der(&der).unwrap().verify_signer().unwrap().content, b"content");
}

#[test]
fn art_29_a_signer_named_by_its_key_identifier() {
    let party = Party::root(ca("owner"));
    let mut structure = Structure::new(ContentType::ConveyedInfoJson, b"{}", &party);
    structure.naming = Naming::KeyIdentifier;
    let signed = SignedData::from_der(&structure.encode()).unwrap();
    assert_eq!(signed.verify_signer().unwrap().certificate, &party.certificate);
    let other = Party::root(ca("owner")).certificate;
    assert!(!signed.names_signer(&other));
    assert_eq!(signed.verify_signer_as(&other).unwrap_err(), CmsError::SignerCertificateMissing);
}

/// One test for each structure whose signer must not be believed.
macro_rules! refused {
    ($($name:ident: $change:expr => $error:pat,)*) => {
        $(#[test]
        fn $name() {
            let (party, second) = (Party::root(end_entity("signer")), Party::root(end_entity("second")));
            let mut structure = Structure::new(ContentType::ConveyedInfoJson, b"{}", &party);
            let change: for<'a> fn(&mut Structure<'a>, &'a Party) = $change;
            change(&mut structure, &second);
            let signed = SignedData::from_der(&structure.encode()).unwrap();
            let error = signed.verify_signer().unwrap_err();
            assert!(matches!(error, $error), "{error:?}");
        })*
    };
}

refused! {
    two_signers: |structure, second| {
        structure.signers.push(second);
        structure.certificates.push(&second.certificate);
    } => CmsError::Signers(2),
    vch_17_no_signer: |structure, _| structure.signers.clear() => CmsError::Signers(0),
    no_certificate_of_the_signer: |structure, second| structure.certificates = vec![&second.certificate]
        => CmsError::SignerCertificateMissing,
    art_26_no_signed_attributes: |structure, _| structure.attributes = None => CmsError::AttributesMissing,
    art_26_no_content_type_attribute: |structure, _| drop(structure.attributes.as_mut().unwrap().remove(0))
        => CmsError::Attribute(rfc5911::ID_CONTENT_TYPE),
    art_26_no_message_digest_attribute: |structure, _| drop(structure.attributes.as_mut().unwrap().remove(1))
        => CmsError::Attribute(rfc5911::ID_MESSAGE_DIGEST),
    art_27_another_content_type_attribute: |structure, _| {
        structure.attributes.as_mut().unwrap()[0] = attribute(rfc5911::ID_CONTENT_TYPE, &ContentType::Data.oid());
    } => CmsError::ContentTypeAttribute,
    art_27_another_content_type: |structure, _| structure.content_type = ContentType::ConveyedInfoXml
        => CmsError::ContentTypeAttribute,
    art_27_another_content: |structure, _| structure.content = Some(b"{ }") => CmsError::MessageDigest,
    art_27_another_message_digest: |structure, second| {
        structure.attributes = Some(standard_attributes(ContentType::ConveyedInfoJson, b"other", second));
    } => CmsError::MessageDigest,
    a_content_type_attribute_that_is_no_identifier: |structure, _| {
        let value = OctetString::new([1, 2, 3]).unwrap();
        structure.attributes.as_mut().unwrap()[0] = attribute(rfc5911::ID_CONTENT_TYPE, &value);
    } => CmsError::Der(_),
    no_content: |structure, _| structure.content = None => CmsError::NoContent,
    art_30_another_digest_algorithm: |structure, _| structure.digest = pki::digest::HashAlgorithm::Sha384
        => CmsError::Signature(AlgorithmError::DigestMismatch),
}

#[test]
fn art_27_every_changed_octet_of_the_message_digest_is_noticed() {
    let party = Party::root(end_entity("signer"));
    let content = b"{}";
    let der = party.sign(ContentType::ConveyedInfoJson, content);
    let digest = pki::digest::sha256(content).0;
    let start = der.windows(digest.len()).position(|window| window == digest).unwrap();
    for place in start..start + digest.len() {
        let mut changed = der.clone();
        changed[place] ^= 1;
        let signed = SignedData::from_der(&changed).unwrap();
        assert_eq!(signed.verify_signer().unwrap_err(), CmsError::MessageDigest);
    }
}

/// The place of the last `needle`.
fn last(der: &[u8], needle: &[u8]) -> usize {
    der.windows(needle.len()).rposition(|window| window == needle).unwrap()
}

#[test]
fn art_28_structures_of_every_version_are_read() {
    // RFC 5652 §5.1 says which version follows from what is inside; makers in the field write 1 for everything.
    let party = Party::root(end_entity("signer"));
    for content_type in [ContentType::Data, ContentType::AnimaJsonVoucher] {
        let mut der = party.sign(content_type, b"{}");
        let version = der.windows(2).position(|octets| octets == [2, 1]).unwrap() + 2;
        for number in 0..=5 {
            der[version] = number;
            assert_eq!(SignedData::from_der(&der).unwrap().verify_signer().unwrap().content, b"{}", "{number}");
        }
        der[version] = 6;
        assert!(matches!(SignedData::from_der(&der), Err(CmsError::Der(_))));
    }
}

#[test]
fn art_30_a_signer_of_an_unknown_version_or_algorithm_is_a_clean_error() {
    const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let der = Party::root(end_entity("signer")).sign(ContentType::Data, b"{}");
    let judge = |place: usize, octet: u8| {
        let mut changed = der.clone();
        changed[place] = octet;
        SignedData::from_der(&changed).unwrap().verify_signer().unwrap_err()
    };
    // The version stands before the SEQUENCE of issuer and serial number.
    let version = last(&der, &[2, 1, 1, 0x30]) + 2;
    assert!(matches!(judge(version, 9), CmsError::Der(_)));
    let algorithm = last(&der, &ECDSA_WITH_SHA256) + 7;
    assert!(matches!(judge(algorithm, 0x7f), CmsError::Signature(AlgorithmError::Unknown(_))));
}

#[test]
fn sec_20_at_most_16_certificates() {
    let world = World::new();
    let many = vec![world.owner.certificate; MAX_CERTIFICATES + 1];
    let bag = |count: usize| bag_in_order(&many.iter().take(count).collect::<Vec<_>>());
    assert_eq!(SignedData::from_der(&bag(MAX_CERTIFICATES)).unwrap().certificates().len(), MAX_CERTIFICATES);
    assert_eq!(SignedData::from_der(&bag(MAX_CERTIFICATES + 1)).unwrap_err(), CmsError::TooManyCertificates);
}

#[test]
fn sec_20_artifacts_are_bounded_and_not_empty() {
    assert_eq!(ConveyedInformation::from_der([]), Err(ArtifactError::Empty));
    assert!(ConveyedInformation::from_der(vec![0; 512 * 1024]).is_ok());
    assert_eq!(ConveyedInformation::from_der(vec![0; 512 * 1024 + 1]), Err(ArtifactError::TooLarge));
    let shown = format!("{:?}", ConveyedInformation::from_der(b"secret".to_vec()).unwrap());
    assert!(shown.starts_with("ConveyedInformation(6 octets, ") && !shown.contains("secret"), "{shown}");
}
