//! CMP and CMC requests as RFC 9646 §3.2 profiles them, made by hand, and one fault at a time.

use conveyed_info::{
    cms::{CmsError, ContentType},
    rpc::{Csr, CsrFormat, EnrolmentRequest, EnrolmentRequestError as Error, Origin},
};
use der::Encode;
use pki::{algorithm::AlgorithmError, key::Signer, request::CertificationRequestError};
use proptest::prelude::*;
use rcgen::{CertificateParams, DistinguishedName, DnType};

use crate::support::{Naming, Party, Structure, ca, end_entity, tlv};

/// A device with its first key, and a new one that certifies itself, so that it can sign.
struct World {
    idevid: Party,
    fresh: Party,
}

impl World {
    fn new() -> Self {
        let manufacturer = Party::root(ca("Manufacturer"));
        Self { idevid: manufacturer.issue(end_entity("SN-1")), fresh: Party::root(end_entity("fresh")) }
    }
}

/// A PKCS#10 request for `subject`, which asks for a name too.
fn pkcs10(party: &Party, subject: &str) -> Vec<u8> {
    let mut params = CertificateParams::new(vec!["bmc-1.example.com".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    let pair = rcgen::KeyPair::try_from(party.key.pkcs8_der()).unwrap();
    params.serialize_request(&pair).unwrap().der().to_vec()
}

fn read(format: CsrFormat, der: &[u8], world: &World) -> Result<EnrolmentRequest, Error> {
    EnrolmentRequest::read(&Csr::from_der(format, der.to_vec()).unwrap(), Some(&world.idevid.certificate))
}

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn bits(signature: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], signature].concat())
}

const ONE: &[u8] = &[2, 1, 1];
const EMPTY: &[u8] = &[0x30, 0];

/// A PKIMessage in the making.
struct Message<'a> {
    version: u8,
    sender: Vec<u8>,
    body: Vec<u8>,
    protector: Option<&'a Party>,
    extra: Vec<&'a Party>,
}

impl<'a> Message<'a> {
    fn new(world: &'a World, body: Vec<u8>) -> Self {
        let idevid = &world.idevid;
        let sender = idevid.certificate.subject().to_der().unwrap();
        Self { version: 2, sender, body, protector: Some(idevid), extra: vec![idevid] }
    }

    fn encode(&self) -> Vec<u8> {
        let algorithm = self.protector.map(|it| tlv(0xa1, &it.key.algorithm().identifier().to_der().unwrap()));
        let (sender, recipient) = (tlv(0xa4, &self.sender), tlv(0xa4, EMPTY));
        let transaction = tlv(0xa4, &[4, 2, 7, 7]);
        let header = seq(&[&[2, 1, self.version], &sender, &recipient, &algorithm.unwrap_or_default(), &transaction]);
        let protection = self.protector.map(|it| {
            let signature = it.key.sign(&seq(&[&header, &self.body])).unwrap();
            tlv(0xa0, &bits(&signature))
        });
        let extra: Vec<u8> = self.extra.iter().flat_map(|it| it.certificate.der()).copied().collect();
        let extra = if extra.is_empty() { extra } else { tlv(0xa1, &tlv(0x30, &extra)) };
        seq(&[&header, &self.body, &protection.unwrap_or_default(), &extra])
    }
}

/// A CertReqMsg for a key, signed by `prover`.
fn certificate_message(key: &Party, prover: Option<&Party>, controls: &[u8]) -> Vec<u8> {
    let subject = tlv(0xa5, &key.certificate.subject().to_der().unwrap());
    let mut public = key.certificate.public_key().spki_der().to_vec();
    public[0] = 0xa6;
    let request = seq(&[&[2, 1, 0], &seq(&[&subject, &public]), controls]);
    let proof = prover.map(|it| {
        let algorithm = it.key.algorithm().identifier().to_der().unwrap();
        tlv(0xa1, &[algorithm, bits(&it.key.sign(&request).unwrap())].concat())
    });
    seq(&[&request, &proof.unwrap_or_default()])
}

fn p10cr(world: &World) -> Vec<u8> {
    tlv(0xa4, &pkcs10(&world.fresh, "SN-1"))
}

#[test]
fn csr_18_a_new_key_in_any_of_the_four_bodies_protected_by_the_idevid() {
    let world = World::new();
    let messages = || tlv(0x30, &certificate_message(&world.fresh, Some(&world.fresh), &[]));
    for (body, subject) in [
        (p10cr(&world), "CN=SN-1"),
        (tlv(0xa0, &messages()), "CN=fresh"),
        (tlv(0xa2, &messages()), "CN=fresh"),
        (tlv(0xa7, &messages()), "CN=fresh"),
    ] {
        let request = read(CsrFormat::Cmp, &Message::new(&world, body).encode(), &world).unwrap();
        assert_eq!(request.key(), world.fresh.certificate.public_key());
        assert_eq!(request.subject().to_string(), subject);
        assert_eq!(request.origin(), &Origin::SignedBy(Box::new(world.idevid.certificate.clone())));
        assert_eq!((request.format(), request.extensions().len()), (CsrFormat::Cmp, usize::from(subject == "CN=SN-1")));
    }
    // Without extraCerts, which there SHOULD be, the certificate is the one shown in TLS.
    let bare = Message { extra: vec![], ..Message::new(&world, p10cr(&world)) }.encode();
    read(CsrFormat::Cmp, &bare, &world).unwrap();
    let csr = Csr::from_der(CsrFormat::Cmp, bare).unwrap();
    assert_eq!(EnrolmentRequest::read(&csr, None).unwrap_err(), Error::ProtectorMissing);
}

#[test]
fn csr_18_the_existing_key_goes_without_protection_and_says_nothing_of_origin() {
    let world = World::new();
    let body = tlv(0xa4, &pkcs10(&world.idevid, "SN-1"));
    let request =
        read(CsrFormat::Cmp, &Message { protector: None, ..Message::new(&world, body) }.encode(), &world).unwrap();
    assert_eq!((request.key(), request.origin()), (world.idevid.certificate.public_key(), &Origin::Unsigned));
}

#[test]
fn csr_18_a_message_beyond_the_profile_is_refused_by_name() {
    let world = World::new();
    let message = || Message::new(&world, p10cr(&world));
    let refused = |message: Message<'_>| read(CsrFormat::Cmp, &message.encode(), &world).unwrap_err();
    assert_eq!(refused(Message { version: 3, ..message() }), Error::Version(3));
    let stranger = || world.fresh.certificate.subject().to_der().unwrap();
    assert_eq!(refused(Message { sender: stranger(), protector: None, ..message() }), Error::Sender);
    assert_eq!(refused(Message { sender: stranger(), ..message() }), Error::ProtectorMissing);
    // An ip, a p10cr that is none, and two requests in one.
    assert_eq!(refused(Message { body: tlv(0xa1, EMPTY), ..message() }), Error::Body);
    assert!(matches!(refused(Message { body: tlv(0xa4, EMPTY), ..message() }), Error::Pkcs10(_)));
    let one = certificate_message(&world.fresh, Some(&world.fresh), &[]);
    let two = tlv(0xa0, &tlv(0x30, &[one.clone(), one].concat()));
    assert_eq!(refused(Message { body: two, ..message() }), Error::Requests { found: 2 });
    assert_eq!(refused(Message { body: tlv(0xa0, EMPTY), ..message() }), Error::Requests { found: 0 });
    let crowd = vec![&world.idevid; 17];
    assert_eq!(refused(Message { extra: crowd, ..message() }), Error::TooManyCertificates);
    // A control that is not understood might change what is asked for: an authenticator, say.
    let control = seq(&[&seq(&[&[6, 9, 0x2b, 6, 1, 5, 5, 7, 5, 1, 2], &[5, 0]])]);
    let asks = tlv(0xa0, &tlv(0x30, &certificate_message(&world.fresh, Some(&world.fresh), &control)));
    assert!(matches!(refused(Message { body: asks, ..message() }), Error::Control(_)));
}

#[test]
fn csr_19_csr_20_neither_possession_nor_origin_is_believed_without_its_signature() {
    let world = World::new();
    let body = |message: Vec<u8>| tlv(0xa0, &tlv(0x30, &message));
    let refused = |body| read(CsrFormat::Cmp, &Message::new(&world, body).encode(), &world).unwrap_err();
    let by_another = certificate_message(&world.fresh, Some(&world.idevid), &[]);
    assert_eq!(refused(body(by_another)), Error::Proof(AlgorithmError::BadSignature));
    assert_eq!(refused(body(certificate_message(&world.fresh, None, &[]))), Error::ProofMissing);
    let mut broken = pkcs10(&world.fresh, "SN-1");
    *broken.last_mut().unwrap() ^= 1;
    assert!(matches!(refused(tlv(0xa4, &broken)), Error::Pkcs10(CertificationRequestError::Signature(_))));
    // Somebody else protected it, or it was changed afterwards.
    let forged = Message { protector: Some(&world.fresh), ..Message::new(&world, p10cr(&world)) }.encode();
    let refused = read(CsrFormat::Cmp, &forged, &world).unwrap_err();
    assert_eq!(refused, Error::Protection(AlgorithmError::BadSignature));
    let honest = Message::new(&world, p10cr(&world)).encode();
    let transaction = honest.windows(4).position(|it| it == [4, 2, 7, 7]).unwrap();
    let changed = [&honest[..transaction + 3], &[8], &honest[transaction + 4..]].concat();
    let refused = read(CsrFormat::Cmp, &changed, &world).unwrap_err();
    assert_eq!(refused, Error::Protection(AlgorithmError::BadSignature));
}

/// A PKIData (RFC 5272 §3.2.1).
fn pki_data(controls: &[u8], requests: &[u8], inner: &[u8], other: &[u8]) -> Vec<u8> {
    seq(&[&tlv(0x30, controls), &tlv(0x30, requests), &tlv(0x30, inner), &tlv(0x30, other)])
}

fn tcr(request: &[u8]) -> Vec<u8> {
    tlv(0xa0, &[ONE, request].concat())
}

fn signed(signer: &Party, content: &[u8]) -> Vec<u8> {
    Structure::new(ContentType::PkiData, content, signer).encode()
}

/// Signed by a key that has no certificate: it is named by its identifier, and nothing is in the bag.
fn signed_by_key(signer: &Party, content: &[u8]) -> Vec<u8> {
    let structure = Structure::new(ContentType::PkiData, content, signer);
    Structure { naming: Naming::KeyIdentifier, certificates: vec![], ..structure }.encode()
}

fn nested(inner: &[u8]) -> Vec<u8> {
    pki_data(&[], &[], &seq(&[ONE, inner]), &[])
}

#[test]
fn csr_17_the_existing_key_as_tcr_and_a_new_one_inside_a_structure_of_its_own() {
    let world = World::new();
    let origin = Origin::SignedBy(Box::new(world.idevid.certificate.clone()));
    // transactionId, which changes nothing.
    let transaction = seq(&[ONE, &[6, 8, 0x2b, 6, 1, 5, 5, 7, 7, 5], &[0x31, 3, 2, 1, 5]]);
    let existing = signed(&world.idevid, &pki_data(&transaction, &tcr(&pkcs10(&world.idevid, "SN-1")), &[], &[]));
    let request = read(CsrFormat::Cmc, &existing, &world).unwrap();
    assert_eq!((request.key(), request.origin()), (world.idevid.certificate.public_key(), &origin));

    let data = pki_data(&[], &tcr(&pkcs10(&world.fresh, "SN-1")), &[], &[]);
    for inner in [signed_by_key(&world.fresh, &data), signed(&world.idevid, &data)] {
        for outer in [signed(&world.idevid, &nested(&inner)), signed_by_key(&world.idevid, &nested(&inner))] {
            let request = read(CsrFormat::Cmc, &outer, &world).unwrap();
            assert_eq!((request.key(), request.origin()), (world.fresh.certificate.public_key(), &origin));
            assert_eq!((request.subject().to_string(), request.format()), ("CN=SN-1".to_owned(), CsrFormat::Cmc));
        }
    }
}

#[test]
fn csr_17_both_signatures_are_verified() {
    let world = World::new();
    let data = pki_data(&[], &tcr(&pkcs10(&world.fresh, "SN-1")), &[], &[]);
    let refused = |der: &[u8]| read(CsrFormat::Cmc, der, &world).unwrap_err();
    // The inner one by somebody else, or by nobody.
    let third = Party::root(end_entity("third"));
    let inner = signed_by_key(&third, &data);
    let bad = Error::Cms(CmsError::Signature(AlgorithmError::BadSignature));
    assert_eq!(refused(&signed(&world.idevid, &nested(&inner))), bad);
    let unsigned = Structure { signers: vec![], ..Structure::new(ContentType::PkiData, &data, &world.fresh) }.encode();
    assert_eq!(refused(&signed(&world.idevid, &nested(&unsigned))), Error::Cms(CmsError::Signers(0)));
    // The outer one by a key that says it is the device's.
    let inner = signed_by_key(&world.fresh, &data);
    let mut forged = signed_by_key(&world.idevid, &nested(&inner));
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&forged), bad);
    // By a key that is not at hand.
    let absent = Error::Cms(CmsError::SignerCertificateMissing);
    assert_eq!(refused(&signed_by_key(&third, &nested(&inner))), absent);
    let mut broken = pkcs10(&world.fresh, "SN-1");
    *broken.last_mut().unwrap() ^= 1;
    let broken = signed(&world.idevid, &pki_data(&[], &tcr(&broken), &[], &[]));
    assert!(matches!(refused(&broken), Error::Pkcs10(CertificationRequestError::Signature(_))));
}

#[test]
fn csr_17_a_request_beyond_the_profile_is_refused_by_name() {
    let world = World::new();
    let request = tcr(&pkcs10(&world.fresh, "SN-1"));
    let refused = |data: &[u8]| read(CsrFormat::Cmc, &signed(&world.idevid, data), &world).unwrap_err();
    let two = [request.clone(), request.clone()].concat();
    assert_eq!(refused(&pki_data(&[], &two, &[], &[])), Error::Requests { found: 2 });
    assert_eq!(refused(&pki_data(&[], &[], &[], &[])), Error::Requests { found: 0 });
    assert_eq!(refused(&pki_data(&[], &request, &[], &request)), Error::Requests { found: 2 });
    let crm = tlv(0xa1, &certificate_message(&world.fresh, Some(&world.fresh), &[]));
    assert_eq!(refused(&pki_data(&[], &crm, &[], &[])), Error::NotPkcs10);
    // identityProof: a shared secret.
    let proof = seq(&[ONE, &[6, 8, 0x2b, 6, 1, 5, 5, 7, 7, 3], &[0x31, 2, 5, 0]]);
    assert!(matches!(refused(&pki_data(&proof, &request, &[], &[])), Error::Control(_)));
    // A request in a request in a request.
    let twice = nested(&signed(&world.idevid, &nested(&signed(&world.idevid, &pki_data(&[], &request, &[], &[])))));
    assert_eq!(refused(&twice), Error::Requests { found: 0 });
    let information = world.idevid.certificate.der();
    let other = Structure::new(ContentType::Data, information, &world.idevid).encode();
    assert!(matches!(read(CsrFormat::Cmc, &other, &world), Err(Error::Cms(CmsError::ContentType(_)))));
}

#[test]
fn an_extension_asked_for_twice_is_refused() {
    let world = World::new();
    let mut params = CertificateParams::new(vec!["bmc-1.example.com".to_owned()]).unwrap();
    let again = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 3, 0x82, 1, b'x']);
    params.custom_extensions.push(again);
    let pair = rcgen::KeyPair::try_from(world.fresh.key.pkcs8_der()).unwrap();
    let twice = params.serialize_request(&pair).unwrap().der().to_vec();
    assert!(matches!(read(CsrFormat::P10, &twice, &world), Err(Error::Pkcs10(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn csr_19_no_octet_can_be_changed_unnoticed(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let world = World::new();
        let inner = signed_by_key(&world.fresh, &pki_data(&[], &tcr(&pkcs10(&world.fresh, "SN-1")), &[], &[]));
        let forms = [
            (CsrFormat::Cmp, Message { extra: vec![], ..Message::new(&world, p10cr(&world)) }.encode()),
            (CsrFormat::Cmc, signed(&world.idevid, &nested(&inner))),
        ];
        for (format, honest) in forms {
            let mut der = honest.clone();
            let at = at.index(der.len());
            der[at] = to;
            let Some(csr) = Csr::from_der(format, der.clone()) else { continue };
            // What is still taken says the same: the certificates in a CMC request, and names of signers, are not signed.
            if let Ok(read) = EnrolmentRequest::read(&csr, Some(&world.idevid.certificate)) {
                prop_assert_eq!(read.key(), world.fresh.certificate.public_key());
                prop_assert_eq!(read.subject().to_string(), "CN=SN-1");
            }
        }
    }
}
