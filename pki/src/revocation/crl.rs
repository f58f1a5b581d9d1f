//! Certificate revocation lists (RFC 5280 §5), parsed once.

use const_oid::db::rfc5280 as oid;
use der::{
    AnyRef, Decode, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged,
    asn1::{ContextSpecific, Int},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    ext::{
        Extensions,
        pkix::{
            CrlReason,
            crl::IssuingDistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
    name::Name,
    time::Time,
};

use super::{
    EvidenceError, Period, Revocation, Statement,
    signed::{SignedBody, check_extensions},
};
use crate::{
    certificate::Certificate,
    digest::{Digest, sha256},
    time::Timestamp,
};

/// A full revocation list, as received: whose it is and that it is authentic shows only when a path is checked.
///
/// Delta CRLs and indirect CRLs are refused: without their base, or their foreign entries, they prove nothing, and no
/// bootstrapping needs them.
#[derive(Clone)]
pub struct Crl {
    der: Vec<u8>,
    signed: SignedBody,
    issuer: Name,
    period: Period,
    entries: Vec<Entry>,
    scope: Scope,
}

#[derive(Clone)]
struct Entry {
    serial: Int,
    revocation: Revocation,
}

/// Which certificates a list that does not name them speaks about (RFC 5280 §5.2.5).
#[derive(Clone, Default)]
struct Scope {
    /// A list for some reasons only clears nobody of the others.
    some_reasons_only: bool,
    /// Kinds of certificates that it leaves out.
    without_ca: bool,
    without_end_entities: bool,
    /// The distribution point's names: it speaks about certificates that name one of them. `None` means all.
    names: Option<Vec<GeneralName>>,
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
        let scope = match (tbs.version, &tbs.extensions) {
            (Some(1), Some(extensions)) => Scope::read(extensions)?,
            (Some(1) | None, None) => Scope::default(),
            // RFC 5280 §5.1.2.1: extensions make it version 2, and there is no version above.
            _ => return Err(EvidenceError::Version),
        };
        let entries = tbs.entries.map_or_else(|| Ok(Vec::new()), read_entries)?;
        let (issuer, period) = (tbs.issuer, tbs.period);
        Ok(Self { der: der.to_vec(), signed, issuer, period, entries, scope })
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
        self.issuer == *issuer.subject()
    }

    /// RFC 5280 §6.3.3 (f), (g): the CA that issued the certificate signed the list, with the same key, and may.
    pub(super) fn is_authentic(&self, issuer: &Certificate) -> bool {
        issuer.extensions().key_usage.is_none_or(|usage| usage.crl_sign)
            && self.signed.verify(issuer.public_key()).is_ok()
    }

    /// What the list says about a certificate of its issuer; `None` when that is beyond its scope.
    pub(super) fn statement(&self, certificate: &Certificate) -> Option<Statement> {
        // A certificate that is named is revoked, whatever the scope says: only what is left out needs it.
        let named = self.entries.iter().find(|entry| entry.serial.as_bytes() == certificate.certificate_serial());
        match named {
            Some(entry) => Some(Statement::Revoked(entry.revocation)),
            None => self.scope.covers(certificate).then_some(Statement::Good),
        }
    }
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crl({}, {}, {} entries)", self.issuer, self.period, self.entries.len())
    }
}

impl Scope {
    fn read(extensions: &Extensions) -> Result<Self, EvidenceError> {
        check_extensions(extensions, &[oid::ID_CE_ISSUING_DISTRIBUTION_POINT, oid::ID_CE_DELTA_CRL_INDICATOR])?;
        let mut scope = Self::default();
        for extension in extensions {
            match extension.extn_id {
                // RFC 5280 §5.2.4: what is missing in it says nothing without the list that it amends.
                oid::ID_CE_DELTA_CRL_INDICATOR => return Err(EvidenceError::Delta),
                oid::ID_CE_ISSUING_DISTRIBUTION_POINT => {
                    let point = IssuingDistributionPoint::from_der(extension.extn_value.as_bytes())?;
                    // RFC 5280 §5.2.5, §5.3.3: the entries of an indirect CRL are other CAs' certificates, and those of a
                    // list of attribute certificates are none at all: their serial numbers mean something else.
                    if point.indirect_crl || point.only_contains_attribute_certs {
                        return Err(EvidenceError::Indirect);
                    }
                    scope.some_reasons_only = point.only_some_reasons.is_some();
                    scope.without_ca = point.only_contains_user_certs;
                    scope.without_end_entities = point.only_contains_ca_certs;
                    scope.names = point.distribution_point.map(|name| match name {
                        DistributionPointName::FullName(names) => names,
                        // Relative names are in nobody's use; no certificate matches.
                        DistributionPointName::NameRelativeToCRLIssuer(_) => Vec::new(),
                    });
                }
                _ => {}
            }
        }
        if scope.names.as_ref().is_some_and(|names| names.len() > Certificate::MAX_DISTRIBUTION_POINT_NAMES) {
            return Err(EvidenceError::TooManyEntries);
        }
        Ok(scope)
    }

    /// RFC 5280 §6.3.3 (b): whether silence about `certificate` means that it is not revoked.
    fn covers(&self, certificate: &Certificate) -> bool {
        let left_out = if certificate.extensions().is_ca() { self.without_ca } else { self.without_end_entities };
        let in_point = self
            .names
            .as_ref()
            .is_none_or(|names| certificate.crl_distribution_point_names().iter().any(|name| names.contains(name)));
        !self.some_reasons_only && !left_out && in_point
    }
}

fn read_entries(list: &[u8]) -> Result<Vec<Entry>, EvidenceError> {
    let mut reader = SliceReader::new(list)?;
    let mut entries = Vec::new();
    while !reader.is_finished() {
        if entries.len() >= Crl::MAX_ENTRIES {
            return Err(EvidenceError::TooManyEntries);
        }
        let RevokedCertificate { serial, revocation_date, extensions } = RevokedCertificate::decode(&mut reader)?;
        let extensions = extensions.unwrap_or_default();
        // RFC 5280 §5.3: certificateIssuer among them, which would make the entry another CA's.
        check_extensions(&extensions, &[oid::ID_CE_CRL_REASONS])?;
        let reason = extensions.iter().find(|extension| extension.extn_id == oid::ID_CE_CRL_REASONS);
        // A reason that cannot be read takes nothing from the fact.
        let reason = reason.and_then(|extension| CrlReason::from_der(extension.extn_value.as_bytes()).ok());
        let revocation = Revocation { when: timestamp(revocation_date), reason: reason.map(Into::into) };
        entries.push(Entry { serial, revocation });
    }
    Ok(entries)
}

fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}
