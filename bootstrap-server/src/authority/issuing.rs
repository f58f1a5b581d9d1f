//! The one way from a judged request to a certificate that is on record.

use std::{sync::Arc, time::SystemTime};

use authority::{Approved, AuthorityError, CertificateSerial};
use pki::{digest::Digest, key::random, time::Timestamp};

use super::Authority;
use crate::{
    audit::{Event, LedgerEvent},
    domain::{
        Actor, CertificateProfile,
        ledger::{Holder, IssueRefused, IssuedCertificate, LedgerEntry, Occasion},
    },
    store::{Batch, Ledger, StoreError, Urgency},
};

/// A certificate that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The request, judged.
    pub approved: Approved<'a>,
    /// The name of the profile that it was judged by.
    pub profile: CertificateProfile,
    /// Whom it will speak for.
    pub holder: Holder,
    /// What for.
    pub occasion: Occasion,
}

/// A certificate that is on record.
#[derive(Clone, Debug)]
pub enum Issued {
    /// It was made now.
    Now(Box<IssuedCertificate>),
    /// The same request was answered with it before.
    Before(Box<LedgerEntry>),
}

impl Issued {
    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &IssuedCertificate {
        match self {
            Self::Now(issued) => issued,
            Self::Before(entry) => &entry.issued,
        }
    }
}

impl Authority {
    /// Signs a certificate, which is worth nothing before it is on record: [`Event::Ledger`] must be committed.
    ///
    /// # Errors
    /// [`IssueFault::Authority`] when the key does not sign, or the certificate would break a rule.
    pub fn certify(&self, wanted: &Wanted<'_>) -> Result<IssuedCertificate, IssueFault> {
        let serial = CertificateSerial(random().map_err(|_| IssueFault::NoEntropy)?);
        let now = Timestamp::from_system(SystemTime::now());
        let certificate = self.ca.enrol(&wanted.approved, serial, now).map_err(Box::new)?;
        Ok(IssuedCertificate {
            authority: self.name.clone(),
            profile: wanted.profile.clone(),
            holder: wanted.holder.clone(),
            request: Some(wanted.approved.request()),
            certificate,
        })
    }

    /// Issues what is wanted, durably and on record. A request that was answered before gets the same certificate again, as long
    /// as that one holds.
    ///
    /// # Errors
    /// [`IssueFault`]; nothing was issued then.
    pub async fn issue(
        self: &Arc<Self>,
        ledger: &dyn Ledger,
        wanted: Wanted<'_>,
        by: Option<&Actor>,
        urgency: Urgency,
    ) -> Result<Issued, IssueFault> {
        if let Some(before) = self.answered(ledger, wanted.approved.request(), &wanted.holder).await? {
            return Ok(before);
        }
        let issued = Box::new(self.certify(&wanted)?);
        self.record(ledger, issued, &wanted.occasion, (by, urgency)).await
    }

    /// Puts on record what [`Authority::certify`] made. Where the same request was answered before, that certificate counts and
    /// the new one is dropped.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub async fn record(
        &self,
        ledger: &dyn Ledger,
        issued: Box<IssuedCertificate>,
        occasion: &Occasion,
        (by, urgency): (Option<&Actor>, Urgency),
    ) -> Result<Issued, IssueFault> {
        let event = LedgerEvent::CertificateIssued { issued: issued.clone(), occasion: occasion.clone() };
        let mut batch = Batch::from(Event::Ledger(event));
        if let Some(by) = by {
            batch = batch.by(by.clone());
        }
        if urgency == Urgency::Bulk {
            batch = batch.bulk();
        }
        match ledger.commit(batch).await {
            Ok(_) => Ok(Issued::Now(issued)),
            Err(StoreError::NotIssued(IssueRefused::IssuedBefore(which))) => match issued.request {
                Some(request) => self.answered(ledger, request, &issued.holder).await?,
                None => None,
            }
            .ok_or(IssueFault::Refused(IssueRefused::IssuedBefore(which))),
            Err(StoreError::NotIssued(refused)) => Err(IssueFault::Refused(refused)),
            Err(error) => Err(IssueFault::Store(error)),
        }
    }

    /// What the same request was answered with, if that still holds. It is for whoever it was for then, and for nobody else.
    ///
    /// # Errors
    /// [`IssueFault::Refused`] when somebody else holds it, [`IssueFault::Store`].
    pub async fn answered(
        &self,
        ledger: &dyn Ledger,
        request: Digest,
        holder: &Holder,
    ) -> Result<Option<Issued>, IssueFault> {
        let now = Timestamp::from_system(SystemTime::now());
        let entry = ledger.answering(&self.name, request).await.map_err(IssueFault::Store)?;
        match entry.filter(|entry| entry.revoked.is_none() && entry.issued.brief().is_live(now)) {
            Some(entry) if entry.issued.holder != *holder => {
                Err(IssueFault::Refused(IssueRefused::KeyInUse(entry.issued.id())))
            }
            Some(entry) => Ok(Some(Issued::Before(Box::new(entry)))),
            None => Ok(None),
        }
    }
}

/// Nothing was issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueFault {
    /// What was issued before forbids it.
    #[error(transparent)]
    Refused(IssueRefused),
    /// The certificate could not be made.
    #[error(transparent)]
    Authority(#[from] Box<AuthorityError>),
    /// The operating system gave no randomness for a serial number.
    #[error("the operating system gave no randomness for a serial number")]
    NoEntropy,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}
