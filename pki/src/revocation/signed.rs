//! What CRLs and OCSP responses have in common: a signed body, dates, and extensions that may have to be understood.

use const_oid::ObjectIdentifier;
use der::{AnyRef, Decode, Reader, SliceReader, Tag, Tagged, asn1::BitStringRef};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extensions;

use super::EvidenceError;
use crate::{
    algorithm::{AlgorithmError, SignatureAlgorithm},
    key::PublicKey,
    time::{Clock, Timestamp},
};

/// SEQUENCE { body, AlgorithmIdentifier, BIT STRING, … }: the body as the exact bytes that were signed.
#[derive(Clone, Debug)]
pub(super) struct SignedBody {
    pub(super) body: Vec<u8>,
    pub(super) algorithm: AlgorithmIdentifierOwned,
    signature: Vec<u8>,
}

impl SignedBody {
    /// Reads the three parts, and gives what follows them (nothing in a CRL).
    pub(super) fn read(der: &[u8]) -> Result<(Self, &[u8]), EvidenceError> {
        let outer = AnyRef::from_der(der)?;
        outer.tag().assert_eq(Tag::Sequence)?;
        let mut reader = SliceReader::new(outer.value())?;
        let body = reader.tlv_bytes()?.to_vec();
        let algorithm = AlgorithmIdentifierOwned::decode(&mut reader)?;
        let signature = BitStringRef::decode(&mut reader)?.as_bytes().ok_or(EvidenceError::Signature)?.to_vec();
        let rest = if reader.is_finished() { &[][..] } else { reader.tlv_bytes()? };
        reader.finish()?;
        Ok((Self { body, algorithm, signature }, rest))
    }

    pub(super) fn verify(&self, key: &PublicKey) -> Result<(), AlgorithmError> {
        SignatureAlgorithm::from_identifier(&self.algorithm)?.verify(key, &self.body, &self.signature)
    }
}

/// From when until when a statement about revocation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// When the issuer knew this (thisUpdate).
    pub this_update: Timestamp,
    /// When the issuer will know more, at the latest (nextUpdate).
    pub next_update: Option<Timestamp>,
}

impl Period {
    /// Whether the statement is recent enough to show that a certificate is *not* revoked.
    ///
    /// Without nextUpdate it never is: RFC 5280 §5.1.2.5 demands it of CRLs, and an OCSP response without it tells that
    /// there is always something newer to be had (RFC 6960 §4.2.2.1), so that it is of no use once it is stored. A clock
    /// that may not be believed judges no dates (RFC 8572 §9.1).
    #[must_use]
    pub fn is_fresh(&self, clock: Clock) -> bool {
        let Some(now) = clock.now() else { return true };
        self.this_update <= now && self.next_update.is_some_and(|next| now <= next)
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.next_update {
            Some(next) => write!(f, "of {}, next due {next}", self.this_update),
            None => write!(f, "of {}, without the date of the next", self.this_update),
        }
    }
}

/// Most extensions of one list, entry, response or answer: they are compared with each other.
const MAX_EXTENSIONS: usize = 32;

/// RFC 5280 §5.2 and §5.3, RFC 6960 §4.4: what is critical and not understood makes the whole statement unusable, and
/// no extension stands twice.
pub(super) fn check_extensions(extensions: &Extensions, understood: &[ObjectIdentifier]) -> Result<(), EvidenceError> {
    if extensions.len() > MAX_EXTENSIONS {
        return Err(EvidenceError::TooManyEntries);
    }
    for (place, extension) in extensions.iter().enumerate() {
        let id = extension.extn_id;
        if extension.critical && !understood.contains(&id) {
            return Err(EvidenceError::CriticalExtension(id));
        }
        if extensions.iter().skip(place.saturating_add(1)).any(|other| other.extn_id == id) {
            return Err(EvidenceError::DuplicateExtension(id));
        }
    }
    Ok(())
}
