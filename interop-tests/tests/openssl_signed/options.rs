//! What else `openssl cms` can be told: what of it a device accepts, and what it refuses on purpose.

use conveyed_info::{Encoding, cms::ContentType, verify::Accepted};
use interop_tests::{
    matrix,
    matrix::{Direction, Form},
    need,
    openssl::{KeyKind, Role},
    parties::{ID_DATA, JSON_TYPE, Parties, VOUCHER_TYPE, onboarding, onboarding_document},
};
use verdict::ReasonCode;

/// A device's judgement about conveyed information by `owner` and about a voucher by any signer, each with good
/// companions.
struct Device {
    parties: Parties,
    information: Vec<u8>,
    voucher: Vec<u8>,
    bag: Vec<u8>,
}

impl Device {
    fn new(parties: Parties) -> Self {
        let document = onboarding_document(Encoding::Json);
        let information = parties.signed_by_us(ContentType::ConveyedInfoJson, &document, &["owner"]);
        let voucher = parties.signed_by_us(ContentType::AnimaJsonVoucher, &parties.voucher().to_json(), &["masa"]);
        let bag = parties.bag_by_openssl(&["owner-ca", "owner"]);
        Self { parties, information, voucher, bag }
    }

    fn judge(&self, information: Option<&[u8]>, voucher: Option<&[u8]>) -> Result<Accepted, ReasonCode> {
        let information = information.unwrap_or(&self.information);
        let voucher = voucher.unwrap_or(&self.voucher);
        self.parties.judge(information, &self.bag, voucher).map_err(|refusal| refusal.reason)
    }

    /// Conveyed information by `openssl cms -sign` with these options.
    fn information(&self, options: &[&str]) -> Result<Accepted, ReasonCode> {
        let document = onboarding_document(Encoding::Json);
        let made = self.parties.signed_by_openssl(&document, "owner", options).unwrap();
        self.judge(Some(&made), None)
    }

    /// A voucher by `openssl cms -sign` with these options.
    fn voucher(&self, signer: &str, options: &[&str]) -> Result<Accepted, ReasonCode> {
        let document = self.parties.voucher().to_json();
        let made = self.parties.signed_by_openssl(&document, signer, options).unwrap();
        self.judge(None, Some(&made))
    }
}

#[test]
fn art_26_a_device_accepts_the_usual_options_of_openssl() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    let device = Device::new(Parties::new(openssl, KeyKind::P256));
    let chain = ["-certfile", "owner-ca.pem"];
    for (words, form, content_type, options) in [
        ("-noattr", Form::SignedData, ID_DATA, &["-noattr"][..]),
        ("-cades", Form::SignedJson, JSON_TYPE, &["-cades"]),
        ("-nosmimecap", Form::SignedJson, JSON_TYPE, &["-nosmimecap"]),
        ("-nocerts", Form::SignedJson, JSON_TYPE, &["-nocerts"]),
        ("-certfile with the chain", Form::SignedJson, JSON_TYPE, &chain),
    ] {
        let accepted = device.information(&[content_type, options].concat());
        assert_eq!(accepted, Ok(Accepted::Onboarding(onboarding())), "{words}");
        matrix.proved(form, &format!("with option {words}"), Direction::OpensslToUs);
    }
    let chain = ["-certfile", "masa-root.pem"];
    for (words, form, content_type, options) in [
        ("-noattr", Form::VoucherData, ID_DATA, &["-noattr"][..]),
        ("-cades", Form::Voucher, VOUCHER_TYPE, &["-cades"]),
        ("-nosmimecap", Form::Voucher, VOUCHER_TYPE, &["-nosmimecap"]),
        ("-certfile with the chain", Form::Voucher, VOUCHER_TYPE, &chain),
    ] {
        let accepted = device.voucher("masa", &[content_type, options].concat());
        assert_eq!(accepted, Ok(Accepted::Onboarding(onboarding())), "{words}");
        matrix.proved(form, &format!("with option {words}"), Direction::OpensslToUs);
    }
}

#[test]
fn art_26_a_device_refuses_what_signs_nothing_or_other_content() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    let device = Device::new(Parties::new(openssl, KeyKind::P256));
    let refused = |words: &str, judged: Result<Accepted, ReasonCode>, reason| {
        assert_eq!(judged, Err(reason), "{words}");
        matrix.proved(Form::Refused, words, Direction::OpensslToUs);
    };
    let reason = ReasonCode::SignedAttributesInvalid;
    let typed = [JSON_TYPE, &["-noattr"]].concat();
    refused("conveyed information of its own type with -noattr", device.information(&typed), reason);
    let typed = [VOUCHER_TYPE, &["-noattr"]].concat();
    refused("voucher of its own type with -noattr", device.voucher("masa", &typed), reason);
    let uncertified = [VOUCHER_TYPE, &["-nocerts"]].concat();
    refused("voucher with -nocerts", device.voucher("masa", &uncertified), ReasonCode::VoucherSignerUntrusted);

    let parties = &device.parties;
    let content = parties.file("content", &onboarding_document(Encoding::Json));
    let by_openssl = |options: &[&str]| {
        let fixed = ["cms", "-binary", "-in", &content, "-outform", "DER"];
        parties.workshop.openssl(&[&fixed[..], options].concat()).unwrap()
    };
    let detached = by_openssl(&[&["-sign", "-signer", "owner.pem", "-inkey", "owner.key"], JSON_TYPE].concat());
    refused("detached signature", device.judge(Some(&detached), None), ReasonCode::ArtifactMalformed);
    let digested = by_openssl(&["-digest_create", "-md", "sha256"]);
    refused("DigestedData", device.judge(Some(&digested), None), ReasonCode::ContentTypeUnexpected);
}

#[test]
fn weak_algorithms_of_openssl_are_refused() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    for (kind, words, digests) in [
        (KeyKind::P256, "ECDSA", &["sha1", "sha224"][..]),
        (KeyKind::Rsa2048, "RSA PKCS#1", &["md5", "sha1", "sha224"]),
    ] {
        let device = Device::new(Parties::new(openssl.clone(), kind));
        for digest in digests {
            let row = format!("{words} with {digest}");
            let options = ["-md", digest];
            let reason = Err(ReasonCode::AlgorithmNotAllowed);
            assert_eq!(device.information(&[JSON_TYPE, &options].concat()), reason, "{row}");
            assert_eq!(device.voucher("masa", &[VOUCHER_TYPE, &options].concat()), reason, "{row}");
            matrix.proved(Form::Refused, &row, Direction::OpensslToUs);
        }
    }
}

#[test]
fn weak_keys_of_openssl_are_refused() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    let device = Device::new(Parties::new(openssl, KeyKind::P256));
    let (weak, unread) = (ReasonCode::AlgorithmNotAllowed, ReasonCode::VoucherSignerUntrusted);
    for (row, name, reason, make) in [
        (
            "RSA key of 1024 bits",
            "short",
            weak,
            &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"][..],
        ),
        // A certificate whose key is of no known kind is passed over, and the signer's is then missing.
        ("ECDSA P-224", "p224", unread, &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"]),
        ("ECDSA secp256k1", "k1", unread, &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
        ("DSA", "dsa", unread, &["dsaparam", "-genkey", "1024"]),
    ] {
        let workshop = &device.parties.workshop;
        workshop.write(&format!("{name}.key"), &workshop.openssl(make).unwrap()).unwrap();
        workshop.certify_key("masa-root", name, Role::EndEntity).unwrap();
        assert_eq!(device.voucher(name, &[VOUCHER_TYPE, &["-md", "sha256"]].concat()), Err(reason), "{row}");
        matrix.proved(Form::Refused, row, Direction::OpensslToUs);
    }
}
