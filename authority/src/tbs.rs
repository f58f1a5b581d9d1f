//! What a CA writes and signs, on `der` alone.
//!
//! Issuing needs what a builder hides: the octets before they are signed, to look at them once more, and names as they came. rcgen
//! builds, signs and encodes in one go; the builder of `x509-cert` wants keys of its own traits.

use der::{
    AnyRef, Decode, Encode, Sequence,
    asn1::{BitStringRef, GeneralizedTime, Int, UtcTime},
};
use pki::{
    algorithm::SignatureAlgorithm,
    key::{SignError, Signer},
    time::Timestamp,
};
use x509_cert::{
    ext::Extension,
    time::{Time, Validity},
};

/// TBSCertificate (RFC 5280 §4.1.2), version 3.
#[derive(Sequence)]
pub(crate) struct Tbs<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(crate) version: u8,
    pub(crate) serial: Int,
    pub(crate) algorithm: AnyRef<'a>,
    pub(crate) issuer: AnyRef<'a>,
    pub(crate) validity: Validity,
    pub(crate) subject: AnyRef<'a>,
    pub(crate) key: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    pub(crate) extensions: Vec<Extension>,
}

/// What certificates, lists and OCSP responses have in common: something signed, the algorithm, the signature (RFC 5280
/// §4.1.1).
#[derive(Sequence)]
struct Signed<'a> {
    body: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

/// Signs `body`, a DER SEQUENCE, and puts algorithm and signature behind it.
pub(crate) fn sign(body: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SigningError> {
    let signature = signer.sign(body)?;
    let algorithm = algorithm_der(signer.algorithm())?;
    let signed = Signed {
        body: AnyRef::from_der(body)?,
        algorithm: AnyRef::from_der(&algorithm)?,
        signature: BitStringRef::from_bytes(&signature)?,
    };
    Ok(signed.to_der()?)
}

/// Something could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] SignError),
    /// What is to be signed cannot be written.
    #[error("it cannot be written in DER: {0}")]
    Der(#[from] der::Error),
}

/// The AlgorithmIdentifier, DER.
pub(crate) fn algorithm_der(algorithm: SignatureAlgorithm) -> Result<Vec<u8>, der::Error> {
    algorithm.identifier().to_der()
}

/// A date as certificates and lists write it (RFC 5280 §4.1.2.5): UTCTime through 2049, then GeneralizedTime.
pub(crate) fn time(moment: Timestamp) -> Result<Time, der::Error> {
    let moment = generalized(moment)?;
    Ok(UtcTime::from_date_time(moment.to_date_time()).map_or(Time::GeneralTime(moment), Time::UtcTime))
}

/// A date as OCSP responses write it (RFC 6960 §4.2.2.1).
pub(crate) fn generalized(moment: Timestamp) -> Result<GeneralizedTime, der::Error> {
    // Dates before 1970 are nobody's.
    let seconds = u64::try_from(moment.unix()).unwrap_or_default();
    GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds))
}
