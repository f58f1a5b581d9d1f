//! Certificate revocation lists (RFC 5280 §5), parsed once.

use const_oid::db::rfc5280 as oid;
use der::{
    AnyRef, Decode, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged,
    asn1::{ContextSpecific, Int},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    ext::{
        Extension, Extensions,
        pkix::{
            CrlReason,
            name::{GeneralName, GeneralNames},
        },
    },
    name::Name,
    time::Time,
};

use super::{
    EvidenceError, Period, Reason, Revocation, Statement,
    scope::Scope,
    signed::{SignedBody, check_extensions},
};
use crate::{
    certificate::{Certificate, DistributionPoint, same_name},
    digest::{Digest, sha256},
    time::Timestamp,
};

/// A revocation list, as received: whose it is and that it is authentic shows only when a path is checked.
///
/// One that amends another (a delta CRL, §5.2.4) clears nobody without it. One that names other CAs' certificates (an indirect
/// CRL, §5.2.5) speaks about those whose CA said so in the certificate.
#[derive(Clone)]
pub struct Crl {
    der: Vec<u8>,
    signed: SignedBody,
    issuer: Name,
    period: Period,
    entries: Vec<Entry>,
    /// CAs that entries belong to, other than the list's issuer.
    issuers: Vec<Vec<Name>>,
    scope: Scope,
    number: Option<CrlNumber>,
    /// In a delta CRL: the oldest list that it amends.
    base: Option<CrlNumber>,
}

#[derive(Clone)]
struct Entry {
    /// Whose certificate: a place in [`Crl::issuers`], or the list's issuer's.
    issuer: Option<usize>,
    serial: Int,
    revocation: Revocation,
}

/// CRLNumber (RFC 5280 §5.2.3), of up to 20 octets: compared by length and then by octets, without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CrlNumber(usize, Vec<u8>);

impl CrlNumber {
    fn read(extensions: &Extensions, id: const_oid::ObjectIdentifier) -> Result<Option<Self>, EvidenceError> {
        let Some(value) = find(extensions, id) else { return Ok(None) };
        let number = Int::from_der(value)?;
        let octets: Vec<_> = number.as_bytes().iter().copied().skip_while(|octet| *octet == 0).collect();
        Ok(Some(Self(octets.len(), octets)))
    }
}

/// TBSCertList (RFC 5280 §5.1.2), its entries not looked at yet.
struct TbsCertList<'a> {
    version: Option<u8>,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    period: Period,
    entries: Option<&'a [u8]>,
    extensions: Option<Extensions>,
}

impl<'a> TbsCertList<'a> {
    fn read(der: &'a [u8]) -> Result<Self, EvidenceError> {
        let sequence = AnyRef::from_der(der)?;
        sequence.tag().assert_eq(Tag::Sequence)?;
        let mut reader = SliceReader::new(sequence.value())?;
        let version = Option::decode(&mut reader)?;
        let signature = AlgorithmIdentifierOwned::decode(&mut reader)?;
        let issuer = Name::decode(&mut reader)?;
        let this_update = timestamp(Time::decode(&mut reader)?);
        let next_update = Option::<Time>::decode(&mut reader)?.map(timestamp);
        let has_entries = !reader.is_finished() && Tag::peek(&reader)? == Tag::Sequence;
        let entries = if has_entries { Some(AnyRef::decode(&mut reader)?.value()) } else { None };
        let extensions = ContextSpecific::decode_explicit(&mut reader, TagNumber(0))?.map(|it| it.value);
        reader.finish()?;
        let period = Period { this_update, next_update };
        Ok(Self { version, signature, issuer, period, entries, extensions })
    }
}

#[derive(Sequence)]
struct RevokedCertificate {
    serial: Int,
    revocation_date: Time,
    extensions: Option<Extensions>,
}

impl Crl {
    /// Longest list that is read, in octets.
    pub const MAX_DER: usize = 1024 * 1024;
    /// Most entries that a list may have.
    pub const MAX_ENTRIES: usize = 32_768;

    /// Reads a file that holds one list, PEM or DER.
    ///
    /// # Errors
    /// [`EvidenceError::Pem`] when there is armour and no list in it, otherwise as [`Crl::from_der`].
    pub fn from_file(bytes: &[u8]) -> Result<Self, EvidenceError> {
        use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject};
        const ARMOUR: &[u8] = b"-----BEGIN ";
        if !bytes.windows(ARMOUR.len()).any(|window| window == ARMOUR) {
            return Self::from_der(bytes);
        }
        let der = CertificateRevocationListDer::from_pem_slice(bytes).map_err(|_| EvidenceError::Pem)?;
        Self::from_der(&der)
    }

    /// Reads one DER CertificateList; trailing bytes are refused. No signature is looked at.
    ///
    /// # Errors
    /// [`EvidenceError`] when it is none, too large, or of a kind that cannot be used.
    pub fn from_der(der: &[u8]) -> Result<Self, EvidenceError> {
        if der.len() > Self::MAX_DER {
            return Err(EvidenceError::TooLarge);
        }
        let (signed, rest) = SignedBody::read(der)?;
        if !rest.is_empty() {
            return Err(EvidenceError::TrailingData);
        }
        let tbs = TbsCertList::read(&signed.body)?;
        // RFC 5280 §5.1.1.2: the two algorithm fields must agree.
        if tbs.signature != signed.algorithm {
            return Err(EvidenceError::AlgorithmFieldsDiffer);
        }
        let extensions = match (tbs.version, tbs.extensions) {
            (Some(1), Some(extensions)) => extensions,
            (Some(1) | None, None) => Extensions::new(),
            // RFC 5280 §5.1.2.1: extensions make it version 2, and there is no version above.
            _ => return Err(EvidenceError::Version),
        };
        check_extensions(&extensions, &[oid::ID_CE_ISSUING_DISTRIBUTION_POINT, oid::ID_CE_DELTA_CRL_INDICATOR])?;
        let (issuer, period) = (tbs.issuer, tbs.period);
        let scope = Scope::read(&extensions, &issuer)?;
        let number = CrlNumber::read(&extensions, oid::ID_CE_CRL_NUMBER)?;
        let base = CrlNumber::read(&extensions, oid::ID_CE_DELTA_CRL_INDICATOR)?;
        let mut entries = Entries { indirect: scope.indirect, list: Vec::new(), issuers: Vec::new() };
        entries.read(tbs.entries.unwrap_or_default())?;
        let Entries { list: entries, issuers, .. } = entries;
        Ok(Self { der: der.to_vec(), signed, issuer, period, entries, issuers, scope, number, base })
    }

    /// The exact bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 over the exact bytes.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        sha256(&self.der)
    }

    /// Who is said to have issued it.
    #[must_use]
    pub const fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// From when until when it holds.
    #[must_use]
    pub const fn period(&self) -> Period {
        self.period
    }

    /// Number of certificates that it names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it names no certificate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it may be `issuer`'s, as far as can be told without looking at the signature.
    pub(super) fn names_issuer(&self, issuer: &Certificate) -> bool {
        same_name(&self.issuer, issuer.subject())
    }

    /// RFC 5280 §6.3.3 (f), (g): the key of `signer` made the signature, and may.
    pub(super) fn is_signed_by(&self, signer: &Certificate) -> bool {
        signer.extensions().key_usage.is_none_or(|usage| usage.crl_sign)
            && self.signed.verify(signer.public_key()).is_ok()
    }

    /// Whether it amends another list.
    pub(super) const fn is_delta(&self) -> bool {
        self.base.is_some()
    }

    /// RFC 5280 §5.2.4, §6.3.3 (c): whether this delta amends `list`.
    pub(super) fn amends(&self, list: &Self) -> bool {
        let (Some(base), Some(number)) = (&self.base, &self.number) else { return false };
        let in_time = list.number.as_ref().is_some_and(|of_list| base <= of_list && of_list < number);
        !list.is_delta() && in_time && self.scope == list.scope && same_name(&self.issuer, &list.issuer)
    }

    /// What the list says about a certificate; `None` when that is beyond its scope, or when it is a delta without news.
    pub(super) fn statement(&self, certificate: &Certificate, points: &[DistributionPoint]) -> Option<Statement> {
        if !self.scope.is_entitled(&self.issuer, certificate, points) {
            return None;
        }
        // A certificate that is named is revoked, whatever the scope says: only what is left out needs it.
        if let Some(entry) = self.entries.iter().find(|entry| self.is_about(entry, certificate)) {
            return match entry.revocation.reason {
                // RFC 5280 §5.3.1: taken back, in deltas only.
                Some(Reason::RemoveFromCrl) if self.is_delta() => Some(Statement::Removed),
                _ => Some(Statement::Revoked(entry.revocation)),
            };
        }
        let reasons = self.scope.covers(&self.issuer, certificate, points);
        (!self.is_delta() && reasons != super::ReasonSet::NONE).then_some(Statement::Good(reasons))
    }

    fn is_about(&self, entry: &Entry, certificate: &Certificate) -> bool {
        let is_issuers = |names: &[Name]| names.iter().any(|name| same_name(name, certificate.issuer()));
        entry.serial.as_bytes() == certificate.certificate_serial()
            && match entry.issuer {
                None => same_name(&self.issuer, certificate.issuer()),
                Some(place) => self.issuers.get(place).is_some_and(|names| is_issuers(names)),
            }
    }
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crl({}, {}, {} entries)", self.issuer, self.period, self.entries.len())
    }
}

/// The entries of a list, as far as they are read.
struct Entries {
    indirect: bool,
    list: Vec<Entry>,
    issuers: Vec<Vec<Name>>,
}

impl Entries {
    fn read(&mut self, list: &[u8]) -> Result<(), EvidenceError> {
        let mut reader = SliceReader::new(list)?;
        while !reader.is_finished() {
            if self.list.len() >= Crl::MAX_ENTRIES {
                return Err(EvidenceError::TooManyEntries);
            }
            let RevokedCertificate { serial, revocation_date, extensions } = RevokedCertificate::decode(&mut reader)?;
            let extensions = extensions.unwrap_or_default();
            check_extensions(&extensions, &[oid::ID_CE_CRL_REASONS, oid::ID_CE_CERTIFICATE_ISSUER])?;
            if let Some(names) = find(&extensions, oid::ID_CE_CERTIFICATE_ISSUER) {
                // RFC 5280 §5.3.3: only where the list says that it is such a one.
                if !self.indirect {
                    return Err(EvidenceError::ForeignEntry);
                }
                let names = GeneralNames::from_der(names)?.into_iter();
                let directory = names.filter_map(|name| match name {
                    GeneralName::DirectoryName(name) => Some(name),
                    _ => None,
                });
                self.issuers.push(directory.collect());
            }
            // RFC 5280 §5.3.3: it holds for those that follow, too.
            let issuer = self.issuers.len().checked_sub(1);
            // A reason that cannot be read takes nothing from the fact.
            let reason = find(&extensions, oid::ID_CE_CRL_REASONS).and_then(|value| CrlReason::from_der(value).ok());
            let revocation = Revocation { when: timestamp(revocation_date), reason: reason.map(Into::into) };
            self.list.push(Entry { issuer, serial, revocation });
        }
        Ok(())
    }
}

fn find(extensions: &[Extension], id: const_oid::ObjectIdentifier) -> Option<&[u8]> {
    extensions.iter().find(|extension| extension.extn_id == id).map(|extension| extension.extn_value.as_bytes())
}

fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}
