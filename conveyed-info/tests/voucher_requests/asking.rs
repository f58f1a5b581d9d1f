//! The registrar's side: what is asked, and what a MASA thinks of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{
    cms::{CertificateNaming, CmsError, ContentType, Draft, SignOptions},
    profile::InputProfile,
    voucher::{AskingError, Freshness, VoucherRequestDocument, idevid_issuer},
};
use pki::algorithm::AlgorithmError;

use crate::support::{Party, World, nonce, now, serial_number};

fn asking(world: &World) -> VoucherRequestDocument {
    VoucherRequestDocument::for_device(serial_number("SN-1"), world.device.certificate(), Some(nonce(7)), now())
}

#[test]
fn bis_08_a_request_names_the_issuer_of_the_device() {
    let world = World::new();
    let document = asking(&world);
    assert_eq!(document.idevid_issuer, idevid_issuer(world.device.certificate()));
    let request = world.registrar.sign(&document).unwrap();
    assert_eq!(*world.judge(&request).unwrap().value().document(), document);
}

#[test]
fn mas_03_mas_06_of_the_devices_request_the_nonce_is_taken_and_the_serial_number_is_not() {
    let world = World::new();
    let idevid = world.device.certificate();
    let forged = VoucherRequestDocument {
        serial_number: serial_number("SN-2"),
        freshness: Freshness::Nonce(nonce(9)),
        ..world.document()
    };
    let prior = world.device.sign(&forged).unwrap();
    let document = asking(&world).around(&prior, idevid, InputProfile::Strict).unwrap();
    assert_eq!((document.serial_number.as_str(), document.nonce()), ("SN-1", Some(&nonce(9))));
    // And the MASA, which is given both, sees it too.
    world.judge(&world.registrar.sign(&document).unwrap()).unwrap_err();

    // Another device's request is not passed on.
    let other = Party::ca("Devices").device("SN-1");
    let prior = other.sign(&world.document()).unwrap();
    let refused = asking(&world).around(&prior, idevid, InputProfile::Strict).unwrap_err();
    assert_eq!(refused, AskingError::Cms(CmsError::SignerCertificateMissing));
    let mut changed = world.device.sign(&world.document()).unwrap().der().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let changed = conveyed_info::SignedVoucherRequest::from_der(changed).unwrap();
    let refused = asking(&world).around(&changed, idevid, InputProfile::Strict).unwrap_err();
    assert_eq!(refused, AskingError::Cms(CmsError::Signature(AlgorithmError::BadSignature)));
}

/// The shapes that RFC 8995 Appendix C prints, with other values: id-data, a nonce of 32 hexadecimal digits, a date with
/// fractions, the device's request inside the registrar's.
#[test]
fn the_printed_shapes_are_read() {
    let world = World::new();
    let inner = r#"{"ietf-voucher-request:voucher":{"assertion":"proximity","created-on":"2026-05-31T18:00:00.000-05:00","serial-number":"SN-1","nonce":"62a2e7693d82fcda2624de58fb6722e5"}}"#;
    let sign = |party: &Party, document: &str| {
        let options = SignOptions { naming: CertificateNaming::IssuerAndSerialNumber, signing_time: Some(now()) };
        Draft::sign_with(ContentType::Data, document.as_bytes(), &party.key, &party.chain, options).unwrap()
    };
    let prior = STANDARD.encode(sign(&world.device, inner));
    let outer = format!(
        r#"{{"ietf-voucher-request:voucher":{{"assertion":"proximity","created-on":"2026-05-31T23:00:02Z","serial-number":"SN-1","nonce":"62a2e7693d82fcda2624de58fb6722e5","prior-signed-voucher-request":"{prior}"}}}}"#
    );
    let request = conveyed_info::SignedVoucherRequest::from_der(sign(&world.registrar, &outer)).unwrap();
    let verified = world.judge(&request).unwrap();
    let text = String::from_utf8(verified.value().document().to_json()).unwrap();
    assert!(text.contains(r#""nonce":"62a2e7693d82fcda2624de58fb6722e5""#), "{text}");
}
