//! The three artifacts together, each clear or encrypted, from the maker to the device's verdict (RFC 8572 §3.4, §3.5).

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding,
    cms::{AeadPolicy, ContentType, DeclaredType, SealOptions, bare, certificates_only, seal},
    verify::{Accepted, Decryption, Source},
};
use interop_tests::{
    matrix,
    matrix::{Direction, Form},
    need,
    openssl::{KeyKind, Role},
    parties::{JSON_TYPE, Parties, VOUCHER_TYPE, grouping, onboarding, onboarding_document},
    peer::Peer,
};
use pki::{
    certificate::Certificate,
    key::{FileKey, SystemEntropy},
};
use verdict::ReasonCode;

/// Kinds of keys that a device may have to open envelopes.
const DEVICES: &[KeyKind] = &[KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384, KeyKind::P521];

/// The artifacts, in the order in which they stand in a mix.
const NAMES: [&str; 3] = ["conveyed information", "owner certificate", "ownership voucher"];

/// The form of each when it is encrypted.
const ENCRYPTED: [Form; 3] =
    [Form::EncryptedConveyedInformation, Form::EncryptedOwnerCertificate, Form::EncryptedVoucher];

/// Which of the artifacts are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mix([bool; 3]);

impl Mix {
    /// All eight (ENC-01).
    fn all() -> impl Iterator<Item = Self> {
        (0..8).map(|number| Self([number & 1 != 0, number & 2 != 0, number & 4 != 0]))
    }

    fn has_envelopes(self) -> bool {
        self != Self([false; 3])
    }

    /// What travels of each artifact.
    fn choose<'a>(self, clear: &'a [Vec<u8>; 3], encrypted: &'a [Vec<u8>; 3]) -> [&'a [u8]; 3] {
        [0, 1, 2].map(|index| if self.0[index] { &encrypted[index][..] } else { &clear[index][..] })
    }

    /// Its row in the table.
    fn words(self) -> String {
        let encrypted: Vec<_> = NAMES.into_iter().zip(self.0).filter(|(_, is)| *is).map(|(name, _)| name).collect();
        let names = if encrypted.is_empty() { "nothing".to_owned() } else { encrypted.join(", ") };
        format!("encrypted: {names}")
    }
}

/// The parties, and two devices that may open envelopes.
struct Site {
    parties: Parties,
    device: (FileKey, Certificate),
    stranger: (FileKey, Certificate),
}

impl Site {
    fn new(openssl: Peer, device: KeyKind) -> Self {
        let parties = Parties::new(openssl, KeyKind::P256);
        let workshop = &parties.workshop;
        workshop.self_sign("device-root", KeyKind::P256, Role::Ca).unwrap();
        let make = |name: &str| {
            workshop.issue("device-root", name, device, Role::Recipient).unwrap();
            (workshop.key(name).unwrap(), workshop.certificate(name).unwrap())
        };
        let (device, stranger) = (make("device"), make("stranger"));
        Self { parties, device, stranger }
    }

    /// The device's judgement from an untrusted source; `key` opens what is encrypted.
    fn judge(&self, artifacts: [&[u8]; 3], key: &(FileKey, Certificate)) -> Result<Accepted, ReasonCode> {
        let judged = self.parties.judge_data(grouping(artifacts), Source::Untrusted, Some(decryption(key)));
        judged.map_err(|refusal| refusal.reason)
    }

    /// Clear artifacts by OpenSSL.
    fn by_openssl(&self, options: &[&str]) -> [Vec<u8>; 3] {
        let sign = |content: &[u8], signer, content_type: &[&str]| {
            self.parties.signed_by_openssl(content, signer, &[content_type, options].concat()).unwrap()
        };
        [
            sign(&onboarding_document(Encoding::Json), "owner", JSON_TYPE),
            self.parties.bag_by_openssl(&["owner", "owner-ca"]),
            sign(&self.parties.voucher().to_json(), "masa", VOUCHER_TYPE),
        ]
    }

    /// Clear artifacts by us.
    fn by_us(&self) -> [Vec<u8>; 3] {
        let certificates = ["owner", "owner-ca"].map(|name| self.parties.workshop.certificate(name).unwrap());
        let (document, voucher) = (onboarding_document(Encoding::Json), self.parties.voucher().to_json());
        [
            self.parties.signed_by_us(ContentType::ConveyedInfoJson, &document, &["owner", "owner-ca"]),
            certificates_only(&certificates).unwrap(),
            self.parties.signed_by_us(ContentType::AnimaJsonVoucher, &voucher, &["masa"]),
        ]
    }

    /// Encrypted by us to the device.
    fn sealed(&self, clear: &[u8], declared: DeclaredType) -> Vec<u8> {
        let options = SealOptions { declared, ..SealOptions::default() };
        seal(clear, std::slice::from_ref(&self.device.1), options, &mut SystemEntropy).unwrap()
    }
}

fn decryption((key, certificate): &(FileKey, Certificate)) -> Decryption<'_> {
    Decryption { key, certificate: Some(certificate), aead: AeadPolicy::Refuse }
}

#[test]
fn enc_01_a_device_accepts_each_mix_that_openssl_made_and_only_the_right_device() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    for (direction, stream) in [(Direction::OpensslToUs, &[][..]), (Direction::OpensslToUsAsBer, &["-stream"])] {
        let sites: Vec<_> = DEVICES.iter().map(|kind| Site::new(openssl.clone(), *kind)).collect();
        for (site, kind) in sites.iter().zip(DEVICES) {
            let clear = site.by_openssl(stream);
            let options = [&["-aes-256-cbc"], stream].concat();
            let encrypted = clear.each_ref().map(|it| site.parties.encrypted_by_openssl(it, "device", &options));
            for mix in Mix::all() {
                let artifacts = mix.choose(&clear, &encrypted);
                let accepted = site.judge(artifacts, &site.device);
                assert_eq!(accepted, Ok(Accepted::Onboarding(onboarding())), "{kind:?} {}", mix.words());
                if mix.has_envelopes() {
                    let refused = site.judge(artifacts, &site.stranger);
                    assert_eq!(refused, Err(ReasonCode::NotARecipient), "{kind:?} {}", mix.words());
                }
            }
        }
        for mix in Mix::all() {
            matrix.proved(Form::Grouping, &mix.words(), direction);
        }
        for form in ENCRYPTED {
            matrix.proved(form, "signed, declared as id-data", direction);
        }
    }
}

#[test]
fn enc_01_openssl_opens_and_verifies_each_mix_that_we_made_and_a_device_accepts_it() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    for kind in DEVICES {
        let site = Site::new(openssl.clone(), *kind);
        let clear = site.by_us();
        let encrypted = clear.each_ref().map(|it| site.sealed(it, DeclaredType::OfContent));
        let for_openssl = clear.each_ref().map(|it| site.sealed(it, DeclaredType::Data));
        // OpenSSL gives out what it finds: SignedData alone under its own type, which its `cms` does not read, and the
        // whole structure under id-data, which it verifies.
        for (clear, envelope) in clear.iter().zip(&encrypted) {
            let inside = site.parties.decrypted_by_openssl(envelope, "device");
            assert!(clear.ends_with(&inside) && clear.len() - inside.len() < 20, "{kind:?}");
        }
        let opened = for_openssl.each_ref().map(|it| site.parties.decrypted_by_openssl(it, "device"));
        let [information, bag, voucher] = &opened;
        let verified = |der: &[u8], root| site.parties.verified_by_openssl(der, root).unwrap();
        assert_eq!(verified(information, "owner-root"), onboarding_document(Encoding::Json));
        assert_eq!(verified(voucher, "masa-root"), site.parties.voucher().to_json());
        assert_eq!(bag, &site.parties.bag_by_openssl(&["owner", "owner-ca"]));

        for mix in Mix::all() {
            for encrypted in [&encrypted, &for_openssl] {
                let artifacts = mix.choose(&clear, encrypted);
                let accepted = site.judge(artifacts, &site.device);
                assert_eq!(accepted, Ok(Accepted::Onboarding(onboarding())), "{kind:?} {}", mix.words());
            }
        }
    }
    for mix in Mix::all() {
        matrix.proved(Form::Grouping, &mix.words(), Direction::UsToOpenssl);
    }
    for (form, declared) in ENCRYPTED.into_iter().flat_map(|form| [(form, "id-data"), (form, "id-signedData")]) {
        matrix.proved(form, &format!("signed, declared as {declared}"), Direction::UsToOpenssl);
    }
}

#[test]
fn art_04_unsigned_information_in_an_envelope_goes_both_ways() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    const ROW: &str = "unsigned, from a trusted server";
    for kind in DEVICES {
        let site = Site::new(openssl.clone(), *kind);
        let judge = |envelope: &[u8], source| {
            let data = BootstrappingData::Unsigned(ConveyedInformation::from_der(envelope).unwrap());
            let judged = site.parties.judge_data(data, source, Some(decryption(&site.device)));
            judged.map_err(|refusal| refusal.reason)
        };
        for encoding in [Encoding::Json, Encoding::Xml] {
            let document = onboarding_document(encoding);
            let content_type = match encoding {
                Encoding::Json => ContentType::ConveyedInfoJson,
                Encoding::Xml => ContentType::ConveyedInfoXml,
            };
            let theirs = site.parties.encrypted_by_openssl(&document, "device", &["-aes-256-cbc"]);
            let ours = site.sealed(&bare(content_type, &document).unwrap(), DeclaredType::OfContent);
            assert_eq!(site.parties.decrypted_by_openssl(&ours, "device"), document, "{kind:?}");
            for envelope in [&theirs, &ours] {
                let trusted = judge(envelope, Source::TrustedServer);
                assert_eq!(trusted, Ok(Accepted::Onboarding(onboarding())), "{kind:?} {encoding}");
                // RFC 8572 §5.3 (CLI-15): an envelope is no signature.
                let untrusted = judge(envelope, Source::Untrusted);
                assert_eq!(untrusted, Err(ReasonCode::UnsignedOnboardingUntrusted), "{kind:?} {encoding}");
            }
        }
    }
    matrix.proved(Form::EncryptedConveyedInformation, ROW, Direction::OpensslToUs);
    matrix.proved(Form::EncryptedConveyedInformation, ROW, Direction::UsToOpenssl);
}
