//! Making artifacts: what owners and manufacturers do (RFC 8572 §3).
//!
//! Each function signs with a key that is at hand. The owner's document goes into JSON or XML; which, is a [`Style`]:
//!
//! ```
//! use conveyed_info::{Encoding, make::{self, Style}};
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let world = parties::parties();
//! # let (information, owner) = (world.information(), &world.owner);
//!
//! for encoding in [Encoding::Json, Encoding::Xml] {
//!     let style = Style { encoding, ..Style::default() };
//!     let signed = make::signed_conveyed_information(&information, style, &owner.key, &owner.chain)?;
//!     let bare = make::unsigned_conveyed_information(&information, style)?;
//!     assert!(signed.der().len() > bare.der().len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A key that lives elsewhere
//!
//! A key that answers over a network, or only when a person comes with a card, needs two steps: [`Draft::prepare`] gives the
//! octets to be signed, [`Draft::finish`] takes the signature. Those octets hold the digest of the document, not the document.
//! A signature that the certificate does not verify is noticed in the second step.
//!
//! ```
//! use conveyed_info::{ConveyedInformation, Encoding, cms::{ContentType, Draft}};
//! use pki::{algorithm::SignatureAlgorithm, key::Signer};
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let world = parties::parties();
//! # let (information, owner) = (world.information(), &world.owner);
//!
//! let document = information.encode(Encoding::Json);
//! let algorithm = SignatureAlgorithm::EcdsaSha256;
//! let (draft, to_be_signed) = Draft::prepare(ContentType::ConveyedInfoJson, &document, algorithm, &owner.chain)?;
//!
//! // Elsewhere, with nothing but these octets:
//! let signature = owner.key.sign(to_be_signed.octets())?;
//!
//! let conveyed_information = ConveyedInformation::from_der(draft.finish(&signature)?)?;
//! # let _ = conveyed_information;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Evidence that nothing was revoked
//!
//! A voucher may demand that the owner's certificates are checked for revocation. A device without a network cannot fetch
//! lists; the owner staples them to the owner certificate, for every certificate up to the pinned one:
//!
//! ```
//! use conveyed_info::{BootstrappingData, Unverified, make, verify::{self, Context}};
//! use pki::{revocation::{Crl, Evidence}, time::Clock};
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let world = parties::parties();
//! # let (owner, owner_ca, masa) = (&world.owner, &world.owner_ca, &world.masa);
//! # let (anchors, serial_number, now) = (world.anchors(), world.serial_number(), parties::now());
//! # let BootstrappingData::Signed { conveyed_information, .. } = world.data() else { unreachable!() };
//!
//! let mut voucher = world.voucher();
//! voucher.domain_cert_revocation_checks = Some(true);
//!
//! let mut evidence = Evidence::new();
//! evidence.add_crl(Crl::from_der(&owner_ca.revocation_list())?);
//!
//! let data = BootstrappingData::Signed {
//!     conveyed_information,
//!     owner_certificate: make::owner_certificate_with_evidence(&owner.chain, &evidence)?,
//!     ownership_voucher: make::ownership_voucher(&voucher, &masa.key, &masa.chain)?,
//! };
//! let context = Context::new(anchors, &serial_number, Clock::Trusted(now));
//! let verified = verify::verify(Unverified::new(data), &context)?;
//! let check = verified.trace().checks().iter().find(|it| it.check == "owner-certificate-revocation").expect("made");
//! assert!(check.note.as_deref().expect("said").starts_with("CN=Owner is not revoked, says the revocation list"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is made can be encrypted to devices afterwards, with [`ConveyedInformation::encrypted_to`] and its likes: sign first,
//! encrypt second (RFC 8572 §3.4). [`crate::cms`] shows it.

mod template;

pub use template::{VoucherDraft, VoucherTemplate};

use pki::{certificate::Certificate, key::Signer, path, revocation::Evidence};

use crate::{
    ArtifactError, ConveyedInformation, DocumentError, Encoding, OwnerCertificate, OwnershipVoucher,
    SignedVoucherRequest,
    cms::{self, CmsError, ContentType, Draft, SealError, SignCmsError, SignOptions},
    information::{Information, OnboardingInformation},
    voucher::{Voucher, VoucherRequestDocument},
};

/// How conveyed information is written down, where RFC 8572 §3.1 leaves a choice. The default is JSON, said to be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Encoding of the document.
    pub encoding: Encoding,
    /// What the content type says about it.
    pub label: Label,
    /// How the signature is made, if there is one.
    pub signing: SignOptions,
}

/// What the content type says about a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// The encoding: sztpConveyedInfoXML or sztpConveyedInfoJSON.
    #[default]
    Encoding,
    /// Nothing: id-data, for devices that expect it. The reader is told elsewhere, or looks at the first octet (ART-07).
    Data,
}

impl Default for Style {
    fn default() -> Self {
        Self { encoding: Encoding::Json, label: Label::Encoding, signing: SignOptions::default() }
    }
}

impl Style {
    /// The content type (ART-09).
    #[must_use]
    pub const fn content_type(self) -> ContentType {
        match (self.label, self.encoding) {
            (Label::Data, _) => ContentType::Data,
            (Label::Encoding, Encoding::Json) => ContentType::ConveyedInfoJson,
            (Label::Encoding, Encoding::Xml) => ContentType::ConveyedInfoXml,
        }
    }
}

/// Conveyed information without a signature: of use only from a server that the device trusts.
///
/// # Errors
/// [`MakeError`] when it cannot be encoded or is too large.
pub fn unsigned_conveyed_information(
    information: &Information,
    style: Style,
) -> Result<ConveyedInformation, MakeError> {
    let der = cms::bare(style.content_type(), &document(information, style.encoding)?)?;
    Ok(ConveyedInformation::from_der(der)?)
}

/// Conveyed information signed by the owner. `chain` starts with the owner certificate.
///
/// # Errors
/// [`MakeError`], also when the key is not the certificate's.
pub fn signed_conveyed_information(
    information: &Information,
    style: Style,
    signer: &dyn Signer,
    chain: &[Certificate],
) -> Result<ConveyedInformation, MakeError> {
    let document = document(information, style.encoding)?;
    let der = Draft::sign_with(style.content_type(), &document, signer, chain, style.signing)?;
    Ok(ConveyedInformation::from_der(der)?)
}

/// The document, when it says what was given and nothing else.
fn document(information: &Information, encoding: Encoding) -> Result<Vec<u8>, MakeError> {
    check(information)?;
    let document = information.encode(encoding);
    if Information::decode(&document, encoding)? == *information { Ok(document) } else { Err(MakeError::Lossy) }
}

/// Refuses what the types can express and the module cannot (RFC 8572 §6.3): it would be read here, and refused elsewhere.
/// The makers above ask it; so must whoever signs a document of other making.
///
/// # Errors
/// [`MakeError::NothingInside`], [`MakeError::UriTwice`].
pub fn check(information: &Information) -> Result<(), MakeError> {
    let Information::Onboarding(onboarding) = information else { return Ok(()) };
    if *onboarding == OnboardingInformation::default() {
        return Err(MakeError::NothingInside);
    }
    let uris = onboarding.boot_image.as_ref().map_or(&[][..], |image| &image.download_uris);
    // RFC 7950 §7.7: no value of a leaf-list stands twice.
    match uris.iter().enumerate().find(|(index, uri)| uris.iter().take(*index).any(|earlier| earlier == *uri)) {
        None => Ok(()),
        Some((_, uri)) => Err(MakeError::UriTwice(uri.clone())),
    }
}

/// The owner certificate artifact: the owner certificate and every intermediate up to the pinned one (ART-14), which
/// may be included too (ART-15).
///
/// # Errors
/// [`MakeError::OwnerCertificateUnusable`] when it may not sign (ART-11), [`MakeError`] when it cannot be
/// encoded.
pub fn owner_certificate(chain: &[Certificate]) -> Result<OwnerCertificate, MakeError> {
    owner_certificate_with_evidence(chain, Evidence::none())
}

/// As [`owner_certificate`], with revocation lists and OCSP responses stapled to it (ART-16): what a device without a
/// network needs when its voucher demands revocation checks.
///
/// # Errors
/// As [`owner_certificate`], and when there is more evidence than devices read.
pub fn owner_certificate_with_evidence(
    chain: &[Certificate],
    evidence: &Evidence,
) -> Result<OwnerCertificate, MakeError> {
    let owner = chain.first().ok_or(CmsError::SignerCertificateMissing)?;
    // What devices would refuse is not made.
    if !path::may_sign(owner) {
        return Err(MakeError::OwnerCertificateUnusable);
    }
    Ok(OwnerCertificate::from_der(cms::certificates_with_evidence(chain, evidence)?)?)
}

/// The ownership voucher artifact, with the signer's chain embedded (VCH-18).
///
/// # Errors
/// [`MakeError`], also when the key is not the certificate's, or devices would refuse the voucher for its form.
pub fn ownership_voucher(
    voucher: &Voucher,
    signer: &dyn Signer,
    chain: &[Certificate],
) -> Result<OwnershipVoucher, MakeError> {
    let document = voucher.to_json();
    if Voucher::from_json(&document)? != *voucher {
        return Err(MakeError::Lossy);
    }
    let der = Draft::sign(ContentType::AnimaJsonVoucher, &document, signer, chain)?;
    Ok(OwnershipVoucher::from_der(der)?)
}

/// A voucher request, signed by a registrar, or by the device itself (RFC 8995 §3, §5.5). The signer's chain is embedded.
///
/// # Errors
/// [`MakeError`], also when the key is not the certificate's, or a MASA would refuse the request for its form.
pub fn voucher_request(
    request: &VoucherRequestDocument,
    signer: &dyn Signer,
    chain: &[Certificate],
) -> Result<SignedVoucherRequest, MakeError> {
    let document = request.to_json();
    if VoucherRequestDocument::from_json(&document)? != *request {
        return Err(MakeError::Lossy);
    }
    let der = Draft::sign(ContentType::AnimaJsonVoucher, &document, signer, chain)?;
    Ok(SignedVoucherRequest::from_der(der)?)
}

/// An artifact could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MakeError {
    /// The structure could not be encoded, or the key is not the certificate's.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// Signing failed.
    #[error(transparent)]
    Sign(#[from] SignCmsError),
    /// Onboarding information without any member is none (RFC 8572 §6.3).
    #[error("onboarding information with nothing in it: give it an image, a configuration or a script")]
    NothingInside,
    /// A list of download URIs in which one stands twice.
    #[error("the download URI {0} stands twice")]
    UriTwice(String),
    /// The document would be refused by whoever reads it.
    #[error("what would be made cannot be read: {0}")]
    Document(#[from] DocumentError),
    /// The document would say something else than what was given.
    #[error("the document cannot say this: a hash without a download URI, or a character that no YANG string holds")]
    Lossy,
    /// Encrypting failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Too large or empty.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The owner certificate may not sign.
    #[error("the owner certificate may not sign: its KeyUsage lacks digitalSignature, or it is for TLS alone")]
    OwnerCertificateUnusable,
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

    use super::*;
    use crate::information::BootImage;

    fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        change(&mut params);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::from_der(made.der()).unwrap()
    }

    #[test]
    fn what_no_module_allows_is_not_made() {
        let make =
            |onboarding: OnboardingInformation| unsigned_conveyed_information(&onboarding.into(), Style::default());
        assert_eq!(make(OnboardingInformation::default()), Err(MakeError::NothingInside));
        let image = |uris: &[&str]| {
            let download_uris = uris.iter().map(|&uri| uri.to_owned()).collect();
            let boot_image = Some(BootImage { download_uris, ..BootImage::default() });
            OnboardingInformation { boot_image, ..OnboardingInformation::default() }
        };
        make(image(&["https://a.example", "https://b.example"])).unwrap();
        let twice = image(&["https://a.example", "https://b.example", "https://a.example"]);
        assert_eq!(make(twice), Err(MakeError::UriTwice("https://a.example".to_owned())));
    }

    /// What has no place in the document, or not in these characters, is not lost or replaced in silence.
    #[test]
    fn what_would_be_read_back_as_something_else_is_not_made() {
        let make = |boot_image: BootImage| {
            let onboarding = OnboardingInformation { boot_image: Some(boot_image), ..OnboardingInformation::default() };
            unsigned_conveyed_information(&onboarding.into(), Style::default())
        };
        let sha256 = Some(pki::digest::Digest([7; 32]));
        let uris = |count: usize| (0..count).map(|index| format!("https://{index}.example")).collect::<Vec<_>>();
        make(BootImage { sha256, download_uris: uris(BootImage::MAX_URIS), ..BootImage::default() }).unwrap();
        // A hash without anything to download.
        assert_eq!(make(BootImage { sha256, ..BootImage::default() }), Err(MakeError::Lossy));
        let os_name = Some("Acme\u{1b}OS".to_owned());
        assert_eq!(make(BootImage { os_name, ..BootImage::default() }), Err(MakeError::Lossy));
        let many = BootImage { download_uris: uris(BootImage::MAX_URIS + 1), ..BootImage::default() };
        assert!(matches!(make(many), Err(MakeError::Document(_))));
    }

    #[test]
    fn art_11_what_devices_would_refuse_is_not_made() {
        let good = self_signed(|params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
        owner_certificate(&[good]).unwrap();
        owner_certificate(&[self_signed(|_| ())]).unwrap();
        for bad in [
            self_signed(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            self_signed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ] {
            assert_eq!(owner_certificate(&[bad]), Err(MakeError::OwnerCertificateUnusable));
        }
    }
}
