//! Whether a device's CSR is answered with a certificate (RFC 9646).

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use authority::{
    ManufacturerParty,
    ldevid::{Applicant, CsrRefused, Exchange, Judgement, KeyWish, LinkRule, MAX_ROUNDS, Wish},
};
use conveyed_info::rpc::{Csr, CsrFormat, CsrSupport, KeyAlgorithm};
use pki::{
    certificate::Certificate,
    digest::sha256,
    identity::SerialNumber,
    key::{FileKey, Signer},
    time::Timestamp,
};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use verdict::ReasonCode;

const SN: &str = "SN-1";

struct World {
    serial_number: SerialNumber,
    key: FileKey,
    idevid: Certificate,
    other: Certificate,
}

impl World {
    fn new() -> Self {
        let now = Timestamp::from_unix(1_790_000_000);
        let manufacturer = ManufacturerParty::new("Acme", now).unwrap();
        let serial_number = SerialNumber::new(SN).unwrap();
        let (key, mut chain) = manufacturer.device("Model 1", &serial_number, now).unwrap();
        let (_, mut others) = manufacturer.device("Model 1", &SerialNumber::new("SN-2").unwrap(), now).unwrap();
        Self { serial_number, key, idevid: chain.swap_remove(0), other: others.swap_remove(0) }
    }

    fn shown(&self) -> Applicant<'_> {
        Applicant { serial_number: &self.serial_number, certificate: Some(&self.idevid) }
    }

    fn by_code(&self) -> Applicant<'_> {
        Applicant { serial_number: &self.serial_number, certificate: None }
    }
}

fn algorithm(key: &FileKey) -> KeyAlgorithm {
    KeyAlgorithm::of(key.public_key()).unwrap()
}

fn p256() -> KeyAlgorithm {
    algorithm(&FileKey::generate_p256().unwrap())
}

fn p384() -> KeyAlgorithm {
    algorithm(&FileKey::generate_p384().unwrap())
}

fn wish() -> Wish {
    let (key, link) = (KeyWish::New, LinkRule::Certificate);
    Wish { algorithms: vec![p256(), p384()], formats: vec![CsrFormat::P10, CsrFormat::Cmc], key, link }
}

fn support(keys: Option<Vec<KeyAlgorithm>>, formats: &[CsrFormat]) -> CsrSupport {
    CsrSupport::new(keys, formats.to_vec()).unwrap()
}

/// A PKCS#10 request of this key, for the device with this serial number.
fn p10(key: &FileKey, serials: &[&str]) -> Csr {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Model 1");
    for serial in serials {
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), *serial);
    }
    let pair = KeyPair::try_from(key.pkcs8_der()).unwrap();
    Csr::from_der(CsrFormat::P10, params.serialize_request(&pair).unwrap().der().to_vec()).unwrap()
}

fn refused(judgement: Judgement) -> CsrRefused {
    let Judgement::Refuse(refused) = judgement else { panic!("{judgement:?}") };
    refused
}

#[test]
fn csr_07_csr_08_the_first_of_the_owners_wishes_that_the_device_offers() {
    let world = World::new();
    let offered = support(Some(vec![p384(), p256()]), &[CsrFormat::Cmp, CsrFormat::Cmc, CsrFormat::P10]);
    let asked = wish().choose(&offered, &world.shown()).unwrap();
    assert_eq!((asked.selected_algorithm.clone(), asked.selected_format), (Some(p256()), CsrFormat::P10));
    asked.check(&offered).unwrap();
    // Only P-384: that, or an error; only CMP, which is not wanted: an error.
    let offered = support(Some(vec![p384()]), &[CsrFormat::Cmc]);
    let asked = wish().choose(&offered, &world.shown()).unwrap();
    assert_eq!((asked.selected_algorithm.clone(), asked.selected_format), (Some(p384()), CsrFormat::Cmc));
    let only_p256 = Wish { algorithms: vec![p256()], ..wish() };
    assert_eq!(only_p256.choose(&offered, &world.shown()), Err(CsrRefused::NoAlgorithm));
    let offered = support(Some(vec![p256()]), &[CsrFormat::Cmp]);
    assert_eq!(wish().choose(&offered, &world.shown()), Err(CsrRefused::NoFormat));
    assert_eq!(CsrRefused::NoFormat.reason(), ReasonCode::CsrUnsuitable);
}

#[test]
fn csr_05_a_device_that_makes_no_key_is_asked_for_none() {
    let world = World::new();
    let offered = support(None, &[CsrFormat::P10]);
    assert_eq!(wish().choose(&offered, &world.shown()), Err(CsrRefused::NoKeyGeneration));
    for key in [KeyWish::NewIfPossible, KeyWish::Existing] {
        let asked = Wish { key, ..wish() }.choose(&offered, &world.shown()).unwrap();
        assert_eq!(asked.selected_algorithm, None);
        asked.check(&offered).unwrap();
    }
    // It can make none that is wanted, and has one that is.
    let ed25519 = algorithm(&FileKey::generate_ed25519().unwrap());
    let offered = support(Some(vec![ed25519]), &[CsrFormat::P10]);
    let asked = Wish { key: KeyWish::NewIfPossible, ..wish() }.choose(&offered, &world.shown()).unwrap();
    assert_eq!(asked.selected_algorithm, None);
    // Nor has it.
    let only_p384 = Wish { key: KeyWish::Existing, algorithms: vec![p384()], ..wish() };
    assert_eq!(only_p384.choose(&offered, &world.shown()), Err(CsrRefused::NoAlgorithm));
}

#[test]
fn csr_16_without_a_certificate_shown_there_is_neither_request_nor_certificate() {
    let world = World::new();
    let (offered, csr) =
        (support(Some(vec![p256()]), &[CsrFormat::P10]), p10(&FileKey::generate_p256().unwrap(), &[SN]));
    assert_eq!(wish().choose(&offered, &world.by_code()), Err(CsrRefused::OriginUnproved));
    let refused = refused(wish().judge(&csr, &world.by_code(), Exchange::default()));
    assert_eq!((refused.reason(), refused), (ReasonCode::CsrOriginUnproved, CsrRefused::OriginUnproved));
    let lax = Wish { link: LinkRule::CodeSuffices, ..wish() };
    lax.choose(&offered, &world.by_code()).unwrap();
    assert!(matches!(lax.judge(&csr, &world.by_code(), Exchange::default()), Judgement::Accept(_)));
}

#[test]
fn csr_20_a_new_key_of_the_device_that_the_connection_proved_is_accepted() {
    let world = World::new();
    let key = FileKey::generate_p256().unwrap();
    for serials in [&[SN][..], &[]] {
        let csr = p10(&key, serials);
        let Judgement::Accept(order) = wish().judge(&csr, &world.shown(), Exchange::default()) else { panic!() };
        assert_eq!((order.key(), order.serial_number()), (key.public_key(), &world.serial_number));
        assert_eq!(order.request(), sha256(csr.der()));
    }
}

#[test]
fn csr_19_csr_20_broken_or_foreign_requests_are_refused() {
    let world = World::new();
    let key = FileKey::generate_p256().unwrap();
    let judge = |csr: &Csr, device: &Applicant<'_>| refused(wish().judge(csr, device, Exchange::default()));
    assert_eq!(judge(&p10(&key, &["SN-2"]), &world.shown()), CsrRefused::SerialForeign);
    let mut der = p10(&key, &[SN]).der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let broken = judge(&Csr::from_der(CsrFormat::P10, der).unwrap(), &world.shown());
    assert!(matches!(broken, CsrRefused::Request(_)));
    assert_eq!(broken.reason(), ReasonCode::CsrInvalid);
    // Another device's certificate says SN-2, and so may its request; this one's may not.
    let other = Applicant { certificate: Some(&world.other), ..world.shown() };
    assert!(matches!(wish().judge(&p10(&key, &["SN-2"]), &other, Exchange::default()), Judgement::Accept(_)));
}

#[test]
fn csr_14_csr_29_what_was_not_asked_for_is_asked_for_again_and_not_for_ever() {
    let world = World::new();
    let offered = support(Some(vec![p256()]), &[CsrFormat::P10]);
    let existing = p10(&world.key, &[SN]);
    let (mut rounds, mut last) = (1, None);
    let end = loop {
        match wish().judge(&existing, &world.shown(), Exchange { offered: Some(&offered), rounds }) {
            Judgement::AskAgain(again, why) => {
                again.check(&offered).unwrap();
                assert_eq!((again.selected_algorithm, why.reason()), (Some(p256()), ReasonCode::CsrNotAsWanted));
                last = Some(why);
                rounds += 1;
            }
            end => break refused(end),
        }
    };
    assert_eq!((rounds, last, end), (MAX_ROUNDS, Some(CsrRefused::KeyNotNew), CsrRefused::Rounds));
    // Whoever remembers nothing of the device's offer says what is wrong.
    assert_eq!(refused(wish().judge(&existing, &world.shown(), Exchange::default())), CsrRefused::KeyNotNew);
    // Other ways to make something else.
    let judge = |wish: &Wish, key: &FileKey| refused(wish.judge(&p10(key, &[SN]), &world.shown(), Exchange::default()));
    let fresh = FileKey::generate_p256().unwrap();
    let kept = Wish { key: KeyWish::Existing, ..wish() };
    assert_eq!(judge(&kept, &fresh), CsrRefused::KeyNotExisting);
    assert_eq!(judge(&Wish { formats: vec![CsrFormat::Cmp], ..wish() }, &fresh), CsrRefused::Format);
    let other = judge(&Wish { algorithms: vec![p384()], ..wish() }, &fresh);
    assert_eq!(other, CsrRefused::Algorithm { found: p256() });
}
