//! Making artifacts: what owners and manufacturers do (RFC 8572 §3).
//!
//! Each function signs with a key that is at hand. Where key and document live apart, [`crate::cms::Draft`] splits the
//! same work into two steps. What is made can be encrypted to devices afterwards, with
//! [`ConveyedInformation::encrypted_to`] and its likes: sign first, encrypt second (RFC 8572 §3.4).

use pki::{certificate::Certificate, key::Signer, path, revocation::Evidence};

use crate::{
    ArtifactError, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher,
    cms::{self, CmsError, ContentType, Draft, SealError, SignCmsError, SignOptions},
    information::Information,
    voucher::Voucher,
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
    let der = cms::bare(style.content_type(), &information.encode(style.encoding))?;
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
    let document = information.encode(style.encoding);
    let der = Draft::sign_with(style.content_type(), &document, signer, chain, style.signing)?;
    Ok(ConveyedInformation::from_der(der)?)
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
/// [`MakeError`], also when the key is not the certificate's.
pub fn ownership_voucher(
    voucher: &Voucher,
    signer: &dyn Signer,
    chain: &[Certificate],
) -> Result<OwnershipVoucher, MakeError> {
    let der = Draft::sign(ContentType::AnimaJsonVoucher, &voucher.to_json(), signer, chain)?;
    Ok(OwnershipVoucher::from_der(der)?)
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

    fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        change(&mut params);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::from_der(made.der()).unwrap()
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
