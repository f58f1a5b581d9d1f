//! Making SignedData in two steps, so that the key may live anywhere; and the two forms that need no key.

use cms::{content_info::CmsVersion, signed_data::EncapsulatedContentInfo};
use const_oid::db::rfc5911;
use der::{Any, Decode, asn1::SetOfVec};
use pki::{
    algorithm::SignatureAlgorithm,
    certificate::Certificate,
    key::{self, SignError},
    revocation::Evidence,
    time::Timestamp,
};

use super::{CmsError, ContentInfo, ContentType, Frame, MAX_CERTIFICATES, revocation, signed_data::RawSignedData};

/// The octets that a signer must sign: the signed attributes as a DER SET OF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToBeSigned(pub(super) Vec<u8>);

impl ToBeSigned {
    /// The message for [`key::Signer::sign`].
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// How a certificate is named, a signer's or a recipient's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateNaming {
    /// By issuer and serial number.
    #[default]
    IssuerAndSerialNumber,
    /// By its SubjectKeyIdentifier, which it must have (ART-29).
    SubjectKeyIdentifier,
}

/// How a signature is made, where there is a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignOptions {
    /// How the signer is named.
    pub naming: CertificateNaming,
    /// The signing-time attribute (RFC 5652 §11.3), which some verifiers want. Nothing here believes it.
    pub signing_time: Option<Timestamp>,
}

/// SignedData that lacks only its signature.
#[derive(Clone, Debug)]
pub struct Draft {
    frame: Frame,
    content: Vec<u8>,
    to_be_signed: ToBeSigned,
}

impl Draft {
    /// Prepares `content` for a signature by the key of `chain`'s first certificate. The whole chain is embedded.
    ///
    /// # Errors
    /// [`CmsError::SignerCertificateMissing`] when the chain is empty, [`CmsError::TooManyCertificates`] when it is longer
    /// than [`MAX_CERTIFICATES`], [`CmsError::ContentType`] for an envelope (ENC-02),
    /// [`CmsError::Der`] when something cannot be encoded.
    pub fn prepare(
        content_type: ContentType,
        content: &[u8],
        algorithm: SignatureAlgorithm,
        chain: &[Certificate],
    ) -> Result<(Self, ToBeSigned), CmsError> {
        Self::prepare_with(content_type, content, algorithm, chain, SignOptions::default())
    }

    /// As [`Draft::prepare`], with choices.
    ///
    /// # Errors
    /// As [`Draft::prepare`], and [`CmsError::SubjectKeyIdentifierMissing`].
    pub fn prepare_with(
        content_type: ContentType,
        content: &[u8],
        algorithm: SignatureAlgorithm,
        chain: &[Certificate],
        options: SignOptions,
    ) -> Result<(Self, ToBeSigned), CmsError> {
        // Whatever cannot be made is noticed before a key is asked to sign.
        let frame = Frame::new(content_type, algorithm, chain, options)?;
        let to_be_signed = frame.to_be_signed(content);
        Ok((Self { frame, content: content.to_vec(), to_be_signed: to_be_signed.clone() }, to_be_signed))
    }

    /// Completes the structure with the signature over what [`Draft::prepare`] gave out.
    ///
    /// # Errors
    /// [`CmsError::Signature`] when the signature does not verify with the chain's first certificate: a wrong key is
    /// noticed here and not on ten thousand devices.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, CmsError> {
        self.frame.finish_checked(&self.content, self.to_be_signed, signature)
    }

    /// Both steps at once, with a key that is at hand.
    ///
    /// # Errors
    /// As [`Draft::prepare`] and [`Draft::finish`], and [`SignCmsError::Key`] when the key does not sign.
    pub fn sign(
        content_type: ContentType,
        content: &[u8],
        signer: &dyn key::Signer,
        chain: &[Certificate],
    ) -> Result<Vec<u8>, SignCmsError> {
        Self::sign_with(content_type, content, signer, chain, SignOptions::default())
    }

    /// As [`Draft::sign`], with choices.
    ///
    /// # Errors
    /// As [`Draft::sign`], and [`CmsError::SubjectKeyIdentifierMissing`].
    pub fn sign_with(
        content_type: ContentType,
        content: &[u8],
        signer: &dyn key::Signer,
        chain: &[Certificate],
        options: SignOptions,
    ) -> Result<Vec<u8>, SignCmsError> {
        let (draft, to_be_signed) = Self::prepare_with(content_type, content, signer.algorithm(), chain, options)?;
        let signature = signer.sign(to_be_signed.octets())?;
        Ok(draft.finish(&signature)?)
    }
}

/// Signing failed, in the structure or in the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignCmsError {
    /// The structure could not be made.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] SignError),
}

/// The degenerate SignedData that carries certificates and nothing else (RFC 5652 §5.2; ART-13): an owner certificate,
/// or the trust anchor in redirect information.
///
/// # Errors
/// [`CmsError::TooManyCertificates`], [`CmsError::Der`] when it cannot be encoded.
pub fn certificates_only(certificates: &[Certificate]) -> Result<Vec<u8>, CmsError> {
    certificates_with_evidence(certificates, Evidence::none())
}

/// As [`certificates_only`], with revocation lists and OCSP responses stapled to the certificates (RFC 8572 §3.2; ART-16,
/// ART-17).
///
/// # Errors
/// As [`certificates_only`], and [`CmsError::TooManyRevocationInfos`].
pub fn certificates_with_evidence(certificates: &[Certificate], evidence: &Evidence) -> Result<Vec<u8>, CmsError> {
    check_number(certificates)?;
    let signed = RawSignedData {
        // RFC 5652 §5.1 (ART-28): 5 as soon as there is another format than plain revocation lists.
        version: if evidence.ocsp_responses().len() == 0 { CmsVersion::V1 } else { CmsVersion::V5 },
        digest_algorithms: SetOfVec::default(),
        encap_content_info: EncapsulatedContentInfo { econtent_type: rfc5911::ID_DATA, econtent: None },
        certificates: Some(certificate_set(certificates)?),
        crls: revocation::write(evidence)?,
        signer_infos: SetOfVec::default(),
    };
    ContentInfo::encode(ContentType::SignedData, &signed)
}

/// Unsigned content: an OCTET STRING under its content type (RFC 8572 §3.1; ART-03, ART-10).
///
/// # Errors
/// [`CmsError::Der`] when it cannot be encoded.
pub fn bare(content_type: ContentType, octets: &[u8]) -> Result<Vec<u8>, CmsError> {
    ContentInfo::encode_octets(content_type, octets)
}

/// What would be refused when it is read is not made.
pub(super) fn check_number(certificates: &[Certificate]) -> Result<(), CmsError> {
    if certificates.len() > MAX_CERTIFICATES { Err(CmsError::TooManyCertificates) } else { Ok(()) }
}

pub(super) fn certificate_set(certificates: &[Certificate]) -> Result<SetOfVec<Any>, CmsError> {
    let encoded = certificates.iter().map(|it| Any::from_der(it.der())).collect::<Result<Vec<_>, _>>()?;
    Ok(SetOfVec::try_from(encoded)?)
}

#[cfg(test)]
mod tests {
    use pki::key::FileKey;
    use rcgen::{CertificateParams, IsCa, KeyPair};

    use super::*;
    use crate::cms::SignedData;
    use cms::signed_data::{SignerIdentifier, SignerInfo};

    /// With a key identifier, which rcgen writes for whatever is said to be a CA or not.
    fn party(is_ca: IsCa) -> (FileKey, Certificate) {
        let (mut params, pair) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.is_ca = is_ca;
        let certificate = Certificate::from_der(params.self_signed(&pair).unwrap().der()).unwrap();
        (FileKey::from_pkcs8_der(&pair.serialize_der()).unwrap(), certificate)
    }

    fn raw(der: &[u8]) -> RawSignedData {
        RawSignedData::from_der(&ContentInfo::from_der(der).unwrap().content_der().unwrap()).unwrap()
    }

    fn sign(content_type: ContentType, options: SignOptions) -> Vec<u8> {
        let (key, certificate) = party(IsCa::ExplicitNoCa);
        Draft::sign_with(content_type, b"{}", &key, &[certificate], options).unwrap()
    }

    #[test]
    fn art_28_art_29_versions_follow_the_content_and_the_signers_name() {
        let by_key = CertificateNaming::SubjectKeyIdentifier;
        for (content_type, naming, version, of_signer) in [
            (ContentType::Data, CertificateNaming::IssuerAndSerialNumber, CmsVersion::V1, CmsVersion::V1),
            (ContentType::Data, by_key, CmsVersion::V3, CmsVersion::V3),
            (ContentType::ConveyedInfoJson, CertificateNaming::IssuerAndSerialNumber, CmsVersion::V3, CmsVersion::V1),
            (ContentType::ConveyedInfoJson, by_key, CmsVersion::V3, CmsVersion::V3),
        ] {
            let der = sign(content_type, SignOptions { naming, ..SignOptions::default() });
            let made = raw(&der);
            let info: SignerInfo = made.signer_infos.get(0).unwrap().decode_as().unwrap();
            assert_eq!((made.version, info.version), (version, of_signer));
            assert_eq!(matches!(info.sid, SignerIdentifier::SubjectKeyIdentifier(_)), naming == by_key);
            SignedData::from_der(&der).unwrap().verify_signer().unwrap();
        }
    }

    #[test]
    fn a_signer_without_a_key_identifier_is_not_named_by_it() {
        let (key, certificate) = party(IsCa::NoCa);
        assert_eq!(certificate.extensions().subject_key_identifier, None);
        let options = SignOptions { naming: CertificateNaming::SubjectKeyIdentifier, ..SignOptions::default() };
        let refused = Draft::sign_with(ContentType::Data, b"{}", &key, &[certificate], options).unwrap_err();
        assert_eq!(refused, CmsError::SubjectKeyIdentifierMissing.into());
    }

    #[test]
    fn the_signing_time_is_utc_time_until_2049_and_is_signed() {
        // RFC 5652 §11.3.
        for (text, expected) in [
            ("2026-06-01T00:00:00Z", &b"\x17\x0d260601000000Z"[..]),
            ("2049-12-31T23:59:59Z", b"\x17\x0d491231235959Z"),
            ("2050-01-01T00:00:00Z", b"\x18\x0f20500101000000Z"),
        ] {
            let time = Timestamp::parse_rfc3339(text).unwrap();
            let options = SignOptions { signing_time: Some(time), ..SignOptions::default() };
            let mut der = sign(ContentType::ConveyedInfoJson, options);
            SignedData::from_der(&der).unwrap().verify_signer().unwrap();
            // The certificate's own dates are others.
            let at = der.windows(expected.len()).position(|window| window == expected).unwrap();
            der[at + expected.len() - 2] ^= 1;
            SignedData::from_der(&der).unwrap().verify_signer().unwrap_err();
        }
        let (key, certificate) = party(IsCa::NoCa);
        let options = SignOptions { signing_time: Some(Timestamp::from_unix(-1)), ..SignOptions::default() };
        Draft::sign_with(ContentType::Data, b"{}", &key, &[certificate], options).unwrap_err();
    }
}
