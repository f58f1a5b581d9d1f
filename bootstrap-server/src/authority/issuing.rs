//! The one way from a judged request to a certificate that is on record.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use authority::{Approved, AuthorityError, CertificateSerial, ldevid::Order};
use pki::{digest::Digest, key::random, time::Timestamp};

use super::Authority;
use crate::{
    admission::Writes,
    audit::{Event, LedgerEvent},
    domain::{
        Actor, CertificateProfile, DeviceId, Dossier, Ldevid,
        ledger::{Holder, IssueRefused, IssuedCertificate, LedgerEntry, Occasion},
    },
    store::{Batch, Ledger, StoreError, Urgency},
};

/// How often a certificate is made anew because others were faster, or a serial number was taken.
pub(crate) const TRIES: usize = 4;

/// A certificate that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The request, judged.
    pub judged: Judged<'a>,
    /// The name of the profile that it was judged by.
    pub profile: CertificateProfile,
    /// Whom it will speak for.
    pub holder: Holder,
    /// What for.
    pub occasion: Occasion,
}

/// A request that nothing speaks against but the ledger.
#[derive(Clone, Debug)]
pub enum Judged<'a> {
    /// Judged by a profile, which says what of its names stays.
    Request(Box<Approved<'a>>),
    /// Judged by what the owner wishes for its devices (RFC 9646): the names are the owner's, whatever the request says.
    Device {
        /// The key.
        order: &'a Order,
        /// The device's model.
        model: String,
        /// By what it is reached.
        names: Vec<String>,
    },
}

impl<'a> Judged<'a> {
    /// For a device of which this is known.
    pub(crate) fn of_device(order: &'a Order, ldevid: &Ldevid, dossier: &Dossier) -> Self {
        let serial_number = &dossier.id.serial_number;
        let model = dossier.device.as_ref().and_then(|device| device.particulars.model.clone());
        let model = model.unwrap_or_else(|| serial_number.as_str().to_owned());
        Self::Device { order, model, names: ldevid.names(serial_number) }
    }

    /// SHA-256 of the request as it came.
    fn request(&self) -> Digest {
        match self {
            Self::Request(approved) => approved.request(),
            Self::Device { order, .. } => order.request(),
        }
    }
}

impl<'a> Wanted<'a> {
    /// One of a device's own, by whichever way it asks.
    pub(crate) fn of_device(judged: Judged<'a>, device: DeviceId, occasion: Occasion) -> Self {
        Self { judged, profile: CertificateProfile::ldevid(), holder: Holder::Owned(device), occasion }
    }
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
        let certificate = match &wanted.judged {
            Judged::Request(approved) => self.ca.enrol(approved, serial, now),
            Judged::Device { order, model, names } => {
                order.certify((&self.ca, &self.ldevids()), (model, names), serial, now)
            }
        };
        let certificate = certificate.map_err(Box::new)?;
        Ok(IssuedCertificate {
            authority: self.name.clone(),
            profile: wanted.profile.clone(),
            holder: wanted.holder.clone(),
            request: Some(wanted.judged.request()),
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
        if let Before::Holds(entry) = self.answered(ledger, wanted.judged.request(), &wanted.holder).await? {
            return Ok(Issued::Before(entry));
        }
        let issued = Box::new(self.certify(&wanted)?);
        self.record(ledger, issued, &wanted.occasion, (by, urgency)).await
    }

    /// The same for a device that asks for itself, within what one device may add in a day. One that has a certificate gets
    /// another, for the reason `anew`; one whose certificate for this request holds no longer has to make a new key.
    ///
    /// # Errors
    /// [`DeviceFault`]; nothing was issued then.
    pub(crate) async fn issue_to_device(
        &self,
        ledger: &dyn Ledger,
        mut wanted: Wanted<'_>,
        (writes, device): (&Writes, &DeviceId),
        anew: &str,
    ) -> Result<IssuedCertificate, DeviceFault> {
        for _ in 0..TRIES {
            match self.answered(ledger, wanted.judged.request(), &wanted.holder).await? {
                Before::Nothing => {}
                Before::Holds(entry) => return Ok(entry.issued),
                Before::Ended => return Err(DeviceFault::Ended),
            }
            let issued = Box::new(self.certify(&wanted)?);
            let occasion = wanted.occasion.clone();
            let event = Event::Ledger(LedgerEvent::CertificateIssued { issued: issued.clone(), occasion });
            writes.take(Instant::now(), device, &event).map_err(DeviceFault::Spent)?;
            match ledger.commit(Batch::from(event)).await {
                Ok(_) => return Ok(*issued),
                Err(StoreError::NotIssued(refused)) => wanted.occasion = refused.retried(wanted.occasion, anew)?,
                Err(error) => return Err(IssueFault::Store(error).into()),
            }
        }
        Err(DeviceFault::Contended)
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
                Some(request) => match self.answered(ledger, request, &issued.holder).await? {
                    Before::Holds(entry) => Ok(Issued::Before(entry)),
                    Before::Nothing | Before::Ended => Err(IssueFault::Refused(IssueRefused::IssuedBefore(which))),
                },
                None => Err(IssueFault::Refused(IssueRefused::IssuedBefore(which))),
            },
            Err(StoreError::NotIssued(refused)) => Err(IssueFault::Refused(refused)),
            Err(error) => Err(IssueFault::Store(error)),
        }
    }

    /// What the same request was answered with. It is for whoever it was for then, and for nobody else.
    ///
    /// # Errors
    /// [`IssueFault::Refused`] when somebody else holds it, [`IssueFault::Store`].
    pub async fn answered(&self, ledger: &dyn Ledger, request: Digest, holder: &Holder) -> Result<Before, IssueFault> {
        let now = Timestamp::from_system(SystemTime::now());
        let entry = ledger.answering(&self.name, request).await.map_err(IssueFault::Store)?;
        match entry {
            None => Ok(Before::Nothing),
            Some(entry) if entry.revoked.is_some() || !entry.issued.brief().is_live(now) => Ok(Before::Ended),
            Some(entry) if entry.issued.holder != *holder => {
                Err(IssueFault::Refused(IssueRefused::KeyInUse(entry.issued.id())))
            }
            Some(entry) => Ok(Before::Holds(Box::new(entry))),
        }
    }
}

/// What became of a request before.
#[derive(Clone, Debug)]
pub enum Before {
    /// It is new.
    Nothing,
    /// It was answered with this certificate, which still holds.
    Holds(Box<LedgerEntry>),
    /// It was answered with one that expired or was revoked.
    Ended,
}

impl IssueRefused {
    /// For what a certificate is to be had, when the ledger refused it and whoever asks is a device: whoever was faster, or had
    /// the same number drawn, is no reason to give up.
    pub(crate) fn retried(self, occasion: Occasion, anew: &str) -> Result<Occasion, IssueFault> {
        match self {
            Self::HolderHasOne { .. } => Ok(Occasion::Another { because: anew.to_owned() }),
            Self::IssuedBefore(_) | Self::SerialTaken(_) => Ok(occasion),
            refused @ (Self::KeyInUse(_) | Self::NothingToRenew(_)) => Err(IssueFault::Refused(refused)),
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

/// Nothing was issued to a device that asked for itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeviceFault {
    /// The request was answered with a certificate that holds no longer.
    #[error("the certificate for this request was revoked, or has expired: make a new key")]
    Ended,
    /// The device has used up what it may add, and there is room again after this time.
    #[error("this device has asked for so much that nothing more is kept for now")]
    Spent(Duration),
    /// Others were faster, again and again.
    #[error("others were faster, again and again")]
    Contended,
    /// As for everybody.
    #[error(transparent)]
    Issue(#[from] IssueFault),
}
