//! A manufacturer, an owner and one device between them, all with keys and certificates by OpenSSL.

#![allow(missing_debug_implementations, clippy::unwrap_used, reason = "test support")]
#![allow(clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::must_use_candidate, reason = "test support")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::SystemTime,
};

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher, Unverified,
    cms::{ContentType, Draft},
    information::{Information, OnboardingInformation, Script},
    verify::{self, Accepted, Context, Decryption, Source},
    voucher::{Assertion, Freshness, Voucher},
};
use pki::{
    identity::SerialNumber,
    time::{Clock, Timestamp},
};
use verdict::Refusal;

use crate::{
    openssl::{KeyKind, Role, Workshop},
    peer::{Peer, PeerError},
};

/// Options of `openssl cms -sign` for the content type of a voucher (RFC 8366 §5.4).
pub const VOUCHER_TYPE: &[&str] = &["-econtent_type", "1.2.840.113549.1.9.16.1.40"];
/// As [`VOUCHER_TYPE`], for conveyed information in XML (RFC 8572 §10.3).
pub const XML_TYPE: &[&str] = &["-econtent_type", "1.2.840.113549.1.9.16.1.42"];
/// As [`VOUCHER_TYPE`], for conveyed information in JSON.
pub const JSON_TYPE: &[&str] = &["-econtent_type", "1.2.840.113549.1.9.16.1.43"];
/// As [`VOUCHER_TYPE`], for id-data, which needs no option.
pub const ID_DATA: &[&str] = &[];

/// The parties. Their files in the workshop: `masa-root` issued `masa`; `owner-root` issued `owner-ca`, which issued
/// `owner`.
pub struct Parties {
    /// Where their keys and certificates are.
    pub workshop: Workshop,
    /// When they were made.
    pub now: Timestamp,
    /// The device's.
    pub serial_number: SerialNumber,
}

impl Parties {
    /// Parties whose keys are all of one kind.
    pub fn new(openssl: Peer, kind: KeyKind) -> Self {
        let workshop = Workshop::new(openssl).unwrap();
        workshop.self_sign("masa-root", kind, Role::Ca).unwrap();
        workshop.issue("masa-root", "masa", kind, Role::EndEntity).unwrap();
        workshop.self_sign("owner-root", kind, Role::Ca).unwrap();
        workshop.issue("owner-root", "owner-ca", kind, Role::Ca).unwrap();
        workshop.issue("owner-ca", "owner", kind, Role::EndEntity).unwrap();
        let now = Timestamp::from_system(SystemTime::now());
        Self { workshop, now, serial_number: SerialNumber::new("SN-0001").unwrap() }
    }

    /// A voucher for the device that pins `owner-root`.
    pub fn voucher(&self) -> Voucher {
        Voucher {
            created_on: Some(self.now.plus_seconds(-60)),
            freshness: Freshness::ExpiresOn { expires_on: self.now.plus_seconds(3600), last_renewal_date: None },
            assertion: Assertion::Verified,
            serial_number: self.serial_number.clone(),
            idevid_issuer: None,
            pinned_domain_cert: self.workshop.certificate("owner-root").unwrap(),
            domain_cert_revocation_checks: None,
        }
    }

    /// Signed by us with the key of the chain's first certificate.
    pub fn signed_by_us(&self, content_type: ContentType, content: &[u8], chain: &[&str]) -> Vec<u8> {
        let key = self.workshop.key(chain[0]).unwrap();
        let chain: Vec<_> = chain.iter().map(|name| self.workshop.certificate(name).unwrap()).collect();
        Draft::sign(content_type, content, &key, &chain).unwrap()
    }

    /// Signed by `openssl cms`, in DER unless `options` hold `-stream`.
    pub fn signed_by_openssl(&self, content: &[u8], signer: &str, options: &[&str]) -> Result<Vec<u8>, PeerError> {
        let (content, signed) = (self.file("content", content), unused("signed"));
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let sign = ["cms", "-sign", "-binary", "-nodetach", "-in", &content, "-outform", "DER", "-out", &signed];
        let with = ["-signer", &certificate, "-inkey", &key];
        self.workshop.openssl(&[&sign[..], &with, options].concat())?;
        self.workshop.read(&signed)
    }

    /// Encrypted by `openssl cms` to this recipient, in DER unless `options` hold `-stream`.
    pub fn encrypted_by_openssl(&self, content: &[u8], recipient: &str, options: &[&str]) -> Vec<u8> {
        let (content, certificate) = (self.file("content", content), format!("{recipient}.pem"));
        let encrypt = ["cms", "-encrypt", "-binary", "-in", &content, "-outform", "DER", "-recip", &certificate];
        self.workshop.openssl(&[&encrypt[..], options].concat()).unwrap()
    }

    /// What OpenSSL finds in an envelope with the key of this recipient.
    pub fn decrypted_by_openssl(&self, envelope: &[u8], recipient: &str) -> Vec<u8> {
        let envelope = self.file("envelope", envelope);
        let (certificate, key) = (format!("{recipient}.pem"), format!("{recipient}.key"));
        let decrypt = ["cms", "-decrypt", "-binary", "-inform", "DER", "-in", &envelope];
        self.workshop.openssl(&[&decrypt[..], &["-recip", &certificate, "-inkey", &key]].concat()).unwrap()
    }

    /// Certificates in a degenerate structure, by `openssl crl2pkcs7`.
    pub fn bag_by_openssl(&self, names: &[&str]) -> Vec<u8> {
        let bag = unused("bag");
        let mut make = ["crl2pkcs7", "-nocrl", "-outform", "DER", "-out", &bag].map(str::to_owned).to_vec();
        make.extend(names.iter().flat_map(|name| ["-certfile".to_owned(), format!("{name}.pem")]));
        self.workshop.openssl(&make.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        self.workshop.read(&bag).unwrap()
    }

    /// The content, when OpenSSL believes the signature up to `root`.
    pub fn verified_by_openssl(&self, der: &[u8], root: &str) -> Result<Vec<u8>, PeerError> {
        let (signed, anchor) = (self.file("signed", der), format!("{root}.pem"));
        let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-in", &signed, "-CAfile", &anchor];
        // Without a purpose OpenSSL wants a certificate for e-mail.
        self.workshop.openssl(&[&verify[..], &["-purpose", "any"]].concat())
    }

    /// What OpenSSL sees in a structure, field by field.
    pub fn printed_by_openssl(&self, der: &[u8]) -> String {
        let file = self.file("printed", der);
        let print = ["cms", "-cmsout", "-print", "-inform", "DER", "-in", &file];
        String::from_utf8_lossy(&self.workshop.openssl(&print).unwrap()).into_owned()
    }

    /// A file of its own for these bytes, so that nothing is read that belongs to another step.
    pub fn file(&self, kind: &str, bytes: &[u8]) -> String {
        let name = unused(kind);
        self.workshop.write(&name, bytes).unwrap();
        name
    }

    /// What the device makes of three artifacts from an untrusted source, none of them encrypted.
    pub fn judge(&self, conveyed: &[u8], owner_certificate: &[u8], voucher: &[u8]) -> Result<Accepted, Refusal> {
        self.judge_data(grouping([conveyed, owner_certificate, voucher]), Source::Untrusted, None)
    }

    /// What the device makes of bootstrapping data, with this key for what is encrypted.
    pub fn judge_data(
        &self,
        data: BootstrappingData,
        source: Source,
        decryption: Option<Decryption<'_>>,
    ) -> Result<Accepted, Refusal> {
        let anchors = [self.workshop.certificate("masa-root").unwrap()];
        let clock = Clock::Trusted(Timestamp::from_system(SystemTime::now()));
        let context = Context { source, decryption, ..Context::new(&anchors, &self.serial_number, clock) };
        verify::verify(Unverified::new(data), &context).map(|verified| verified.into_parts().0)
    }
}

/// Conveyed information, owner certificate and voucher together.
pub fn grouping([conveyed, owner_certificate, voucher]: [&[u8]; 3]) -> BootstrappingData {
    BootstrappingData::Signed {
        conveyed_information: ConveyedInformation::from_der(conveyed).unwrap(),
        owner_certificate: OwnerCertificate::from_der(owner_certificate).unwrap(),
        ownership_voucher: OwnershipVoucher::from_der(voucher).unwrap(),
    }
}

/// A small document, with line ends that text modes would change.
pub fn onboarding() -> OnboardingInformation {
    let script = Some(Script(b"#!/bin/sh\r\nexit 0\n".to_vec()));
    OnboardingInformation { pre_configuration_script: script, ..OnboardingInformation::default() }
}

/// [`onboarding`] written down.
pub fn onboarding_document(encoding: Encoding) -> Vec<u8> {
    Information::from(onboarding()).encode(encoding)
}

/// The bytes with one bit of one octet changed.
pub fn changed(der: &[u8], place: usize) -> Vec<u8> {
    der.iter().enumerate().map(|(index, octet)| if index == place { octet ^ 1 } else { *octet }).collect()
}

fn unused(kind: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{kind}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
