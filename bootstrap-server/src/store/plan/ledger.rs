//! The part of a plan that is about what an authority issued.

use std::collections::BTreeSet;

use audit_log::{LogIndex, UnixMillis};
use pki::{digest::Digest, time::Timestamp};

use super::Situation;
use crate::{
    audit::LedgerEvent,
    domain::{
        AuthorityName, DeviceId,
        ledger::{self, Brief, CertificateId, Holder, Index, IssuedCertificate, Occasion, Revoked},
    },
    store::StoreError,
};

/// What must be known of the ledger before events about it can be planned.
#[derive(Debug, Default)]
pub(crate) struct LedgerNeeds {
    /// These certificates.
    pub(crate) certificates: BTreeSet<CertificateId>,
    /// Those that answer these requests.
    pub(crate) requests: BTreeSet<(AuthorityName, Digest)>,
    /// Those with these keys.
    pub(crate) keys: BTreeSet<Digest>,
    /// Those of these holders.
    pub(crate) holders: BTreeSet<(AuthorityName, Holder)>,
}

impl LedgerNeeds {
    /// Adds what `event` asks for.
    pub(super) fn extend(&mut self, event: &LedgerEvent) {
        match event {
            LedgerEvent::CertificateIssued { issued, occasion } => {
                let Brief { id, holder, key, request, .. } = issued.brief();
                let authority = id.authority.clone();
                if let Occasion::Renewal { of } = occasion {
                    self.certificates.insert(CertificateId { authority: authority.clone(), serial: of.clone() });
                }
                self.certificates.insert(id);
                self.requests.extend(request.map(|request| (authority.clone(), request)));
                self.keys.insert(key);
                if holder != Holder::NoDevice {
                    self.holders.insert((authority, holder));
                }
            }
            LedgerEvent::CertificateRevoked { certificate, .. } => drop(self.certificates.insert(certificate.clone())),
        }
    }
}

/// What a planned group changes in the ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct LedgerChanges {
    /// What later events of the group are held against.
    index: Index,
    /// Certificates to write.
    pub(crate) issued: Vec<IssuedRow>,
    /// Revocations to write.
    pub(crate) revoked: Vec<RevokedRow>,
    /// Devices whose certificates are forgotten. What was revoked of them stays: lists must name it (SEC-22).
    pub(crate) forgotten: Vec<DeviceId>,
}

/// A certificate that was issued.
#[derive(Clone, Debug)]
pub(crate) struct IssuedRow {
    /// The leaf that says so.
    pub(crate) leaf: LogIndex,
    /// When.
    pub(crate) at: UnixMillis,
    /// What.
    pub(crate) issued: IssuedCertificate,
}

/// A certificate that was revoked.
#[derive(Clone, Debug)]
pub(crate) struct RevokedRow {
    /// Which.
    pub(crate) certificate: CertificateId,
    /// When and why.
    pub(crate) revoked: Revoked,
    /// Until when it would have been good.
    pub(crate) not_after: Timestamp,
}

impl LedgerChanges {
    /// Adds what came after.
    pub(super) fn merge(&mut self, later: Self) {
        self.index.merge(later.index);
        self.issued.extend(later.issued);
        self.revoked.extend(later.revoked);
        self.forgotten.extend(later.forgotten);
    }

    /// Makes the changes that `event` stands for, after those in `before`.
    pub(super) fn apply(
        &mut self,
        event: &LedgerEvent,
        before: &Self,
        situation: &Situation<'_>,
        leaf: LogIndex,
    ) -> Result<(), StoreError> {
        let known = [&self.index, &before.index, &situation.loaded.ledger];
        let at = situation.now;
        match event {
            LedgerEvent::CertificateIssued { issued, occasion } => {
                ledger::may_issue(issued, occasion, &known, moment(at)).map_err(StoreError::NotIssued)?;
                self.index.put(issued.brief());
                self.issued.push(IssuedRow { leaf, at, issued: issued.as_ref().clone() });
            }
            LedgerEvent::CertificateRevoked { certificate, reason, .. } => {
                let brief = ledger::may_revoke(certificate, *reason, &known).map_err(StoreError::NotRevoked)?;
                let (revoked, not_after) = (Revoked { at, reason: *reason }, brief.not_after);
                self.index.put(brief.revoked(revoked));
                self.revoked.push(RevokedRow { certificate: certificate.clone(), revoked, not_after });
            }
        }
        Ok(())
    }
}

fn moment(at: UnixMillis) -> Timestamp {
    Timestamp::from_unix(i64::try_from(at.0 / 1000).unwrap_or(i64::MAX))
}
