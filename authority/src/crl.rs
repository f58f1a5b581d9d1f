//! Revocation lists (RFC 5280 §5), one for all certificates of a CA or one for each shard.

use std::cmp::Ordering;

use const_oid::{AssociatedOid, db::rfc5280 as oid};
use der::{
    AnyRef, Decode, Encode, Sequence,
    asn1::{Int, OctetString},
};
use pki::{
    revocation::{Crl, EvidenceError, Reason, Revocation},
    time::Timestamp,
};
use x509_cert::{
    ext::{
        Extension,
        pkix::{
            AuthorityKeyIdentifier, CrlNumber, CrlReason, crl::IssuingDistributionPoint, name::DistributionPointName,
        },
    },
    time::Time,
};

use crate::{
    AuthorityError, CertificateAuthority, CrlLocation, SigningError,
    extensions::{critical, plain, uri},
    tbs,
};

/// A certificate that its CA revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number, as the octets of the DER INTEGER.
    pub serial: Vec<u8>,
    /// When and why.
    pub revocation: Revocation,
}

/// A revocation list that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct CrlPlan<'a> {
    /// Where it will be, and which shard it is; `None` for one list of all certificates that says nothing about places.
    pub place: Option<(&'a CrlLocation, u16)>,
    /// Its number, larger than that of each list before it (RFC 5280 §5.2.3).
    pub number: u64,
    /// When it is made.
    pub this_update: Timestamp,
    /// When the next one will be there at the latest (RFC 5280 §5.1.2.5).
    pub next_update: Timestamp,
}

impl CrlPlan<'_> {
    /// So many certificates of ours fit on one list, whatever their reasons: devices read [`Crl::MAX_DER`] octets. To be kept in
    /// mind when the number of shards is chosen, which certificates carry for life.
    pub const ENTRIES_THAT_FIT: usize = 20_000;
}

/// TBSCertList (RFC 5280 §5.1.2), version 2.
#[derive(Sequence)]
struct TbsList<'a> {
    version: u8,
    algorithm: AnyRef<'a>,
    issuer: AnyRef<'a>,
    this_update: Time,
    next_update: Time,
    /// RFC 5280 §5.1.2.6: absent when nothing is revoked.
    revoked: Option<Vec<Entry>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Entry {
    serial: Int,
    when: Time,
    extensions: Option<Vec<Extension>>,
}

impl CertificateAuthority {
    /// Makes the list that the plan describes of `revoked`, and leaves out what belongs on other shards.
    ///
    /// The octets depend on nothing but what is given: entries are sorted by serial number, and of two about one certificate the
    /// earlier revocation counts.
    ///
    /// # Errors
    /// [`CrlError::TooMany`] when devices would refuse the list for its length: there must be more shards. [`CrlError`] otherwise
    /// when it cannot be made.
    pub fn revocation_list<'r>(
        &self,
        plan: &CrlPlan<'_>,
        revoked: impl IntoIterator<Item = &'r RevokedCertificate>,
    ) -> Result<Crl, CrlError> {
        if plan.next_update <= plan.this_update {
            return Err(CrlError::Dates);
        }
        // RFC 5280 §4.2.1.3.
        if self.certificate()?.extensions().key_usage.is_some_and(|usage| !usage.crl_sign) {
            return Err(CrlError::MayNot);
        }
        let is_here = |it: &&RevokedCertificate| {
            plan.place.is_none_or(|(location, shard)| location.shards().of(&it.serial) == shard)
        };
        let mut revoked: Vec<_> = revoked.into_iter().filter(is_here).collect();
        revoked.sort_by(|one, other| in_order(one, other));
        revoked.dedup_by(|later, earlier| later.serial == earlier.serial);
        // What devices take (`Crl::from_der`) is what is made.
        let count = revoked.len();
        if count > Crl::MAX_ENTRIES {
            return Err(CrlError::TooMany(count));
        }
        let entries = revoked.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let parts = self.issuer_parts();
        let list = TbsList {
            version: 1,
            algorithm: AnyRef::from_der(&parts.algorithm)?,
            issuer: AnyRef::from_der(&parts.name)?,
            this_update: tbs::time(plan.this_update)?,
            next_update: tbs::time(plan.next_update)?,
            revoked: (!entries.is_empty()).then_some(entries),
            extensions: extensions(plan, &parts.key_id)?,
        };
        let list = list.to_der()?;
        // Before it is signed: what is around the list takes less than this.
        if list.len().saturating_add(1024) > Crl::MAX_DER {
            return Err(CrlError::TooMany(count));
        }
        Ok(Crl::from_der(&tbs::sign(&list, self.signer())?)?)
    }
}

/// By number, and of one number by time: leading zeros are no part of a DER INTEGER but for the sign.
fn in_order(one: &RevokedCertificate, other: &RevokedCertificate) -> Ordering {
    let key = |it: &RevokedCertificate| (it.serial.len(), it.serial.clone(), it.revocation.when);
    key(one).cmp(&key(other))
}

fn entry(revoked: &RevokedCertificate) -> Result<Entry, CrlError> {
    let reason = match revoked.revocation.reason {
        // RFC 5280 §5.3.1: absent rather than unspecified.
        None | Some(Reason::Unspecified) => None,
        // RFC 5280 §5.3.1: in delta CRLs only.
        Some(Reason::RemoveFromCrl) => return Err(CrlError::Reason(Reason::RemoveFromCrl)),
        Some(reason) => Some(vec![plain(oid::ID_CE_CRL_REASONS, &crl_reason(reason))?]),
    };
    Ok(Entry { serial: Int::new(&revoked.serial)?, when: tbs::time(revoked.revocation.when)?, extensions: reason })
}

/// The reason as it is written.
pub(crate) const fn crl_reason(reason: Reason) -> CrlReason {
    match reason {
        Reason::KeyCompromise => CrlReason::KeyCompromise,
        Reason::CaCompromise => CrlReason::CaCompromise,
        Reason::AffiliationChanged => CrlReason::AffiliationChanged,
        Reason::Superseded => CrlReason::Superseded,
        Reason::CessationOfOperation => CrlReason::CessationOfOperation,
        Reason::CertificateHold => CrlReason::CertificateHold,
        Reason::RemoveFromCrl => CrlReason::RemoveFromCRL,
        Reason::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
        Reason::AaCompromise => CrlReason::AaCompromise,
        _ => CrlReason::Unspecified,
    }
}

fn extensions(plan: &CrlPlan<'_>, key_id: &[u8]) -> Result<Vec<Extension>, der::Error> {
    let authority = AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(key_id)?), ..Default::default() };
    let mut made = vec![
        plain(AuthorityKeyIdentifier::OID, &authority)?,
        plain(CrlNumber::OID, &CrlNumber::try_from(plan.number)?)?,
    ];
    // RFC 5280 §5.2.5: a list of all certificates needs no scope, and old devices refuse critical extensions that they do not know.
    if let Some((location, shard)) = plan.place.filter(|(location, _)| location.shards().count() > 1) {
        let point = IssuingDistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![uri(&location.url(shard))?])),
            only_contains_user_certs: false,
            only_contains_ca_certs: false,
            only_some_reasons: None,
            indirect_crl: false,
            only_contains_attribute_certs: false,
        };
        made.push(critical(oid::ID_CE_ISSUING_DISTRIBUTION_POINT, &point)?);
    }
    Ok(made)
}

/// A revocation list could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// More entries than devices take; how many.
    #[error("{0} certificates are on one list, which is more than devices read: more shards are needed")]
    TooMany(usize),
    /// The next list would be due before this one.
    #[error("the next list must be due after this one")]
    Dates,
    /// The CA's certificate does not allow it.
    #[error("the CA's certificate does not allow it to sign revocation lists")]
    MayNot,
    /// A reason that means nothing on a full list.
    #[error("`{}` is no reason on a full list", .0.as_str())]
    Reason(Reason),
    /// It cannot be written.
    #[error("the list cannot be written: {0}")]
    Der(#[from] der::Error),
    /// The key did not sign.
    #[error("the list could not be signed: {0}")]
    Signing(#[from] SigningError),
    /// What was made cannot be read back: nothing is handed out.
    #[error("the list made is not readable: {0}")]
    Unreadable(#[from] EvidenceError),
    /// The CA has no certificate.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}
