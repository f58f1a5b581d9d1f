//! A certificate, on record before it is given out.

use std::time::SystemTime;

use authority::{AuthorityError, CertificateSerial};
use pki::{certificate::Certificate, digest::Digest, key::random, time::Timestamp};
use verdict::ReasonCode;

use super::{Est, Fault};
use crate::{
    audit::{Event, LedgerEvent},
    authority::LDEVID,
    domain::{
        AuthorityName, CertificateProfile,
        ledger::{Holder, IssueRefused, IssuedCertificate, Occasion},
    },
    store::{Batch, StoreError},
};

/// How often a certificate is made anew because others were faster, or a serial number was taken.
const TRIES: usize = 4;

/// Why a device gets another certificate although it has one.
const ANEW: &str = "the device enrolled anew with its IDevID, by EST";

/// The certificate for this request: the one that was issued for it, or what `make` makes, as soon as that is on record.
pub(super) async fn issue(
    est: &Est,
    authority: &AuthorityName,
    (holder, request, mut occasion): (Holder, Digest, Occasion),
    make: &(dyn Fn(CertificateSerial, Timestamp) -> Result<Certificate, AuthorityError> + Sync),
) -> Result<Certificate, Fault> {
    for _ in 0..TRIES {
        if let Some(entry) = est.ledger.answering(authority, request).await? {
            let good = entry.revoked.is_none() && entry.issued.brief().is_live(at()) && entry.issued.holder == holder;
            let why = "this request was answered before, with a certificate that holds no longer: make a new key";
            return if good { Ok(entry.issued.certificate) } else { Err(Fault::bad(ReasonCode::CsrNotAsWanted, why)) };
        }
        let serial = CertificateSerial(random().map_err(|error| Fault::internal(&error))?);
        let certificate = make(serial, at()).map_err(|error| match error {
            // The request's key, or a name, is not what such a certificate may have.
            AuthorityError::Unfit(findings) => Fault::bad(ReasonCode::CsrInvalid, &findings.to_string()),
            other => Fault::internal(&other),
        })?;
        let issued = IssuedCertificate {
            authority: authority.clone(),
            profile: CertificateProfile::new(LDEVID).map_err(|error| Fault::internal(&error))?,
            holder: holder.clone(),
            request: Some(request),
            certificate: certificate.clone(),
        };
        let event = LedgerEvent::CertificateIssued { issued: Box::new(issued), occasion: occasion.clone() };
        match est.ledger.commit(Batch::from(Event::Ledger(event))).await {
            Ok(_) => return Ok(certificate),
            Err(StoreError::NotIssued(IssueRefused::HolderHasOne { .. })) => {
                occasion = Occasion::Another { because: ANEW.to_owned() };
            }
            Err(StoreError::NotIssued(refused @ (IssueRefused::KeyInUse(_) | IssueRefused::NothingToRenew(_)))) => {
                return Err(Fault::bad(ReasonCode::CsrInvalid, &refused.to_string()));
            }
            // The same request came twice at once, or a number was drawn twice.
            Err(StoreError::NotIssued(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Fault::unavailable())
}

pub(super) fn at() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}
