//! What may be signed, and who agreed to it.

use std::fmt;

use conveyed_info::voucher::{AuditEvent, Freshness, Voucher};
use pki::{
    digest::{Digest, sha256},
    time::Timestamp,
};
use verdict::Trace;

use super::{
    domain::OwnerName,
    issue::{MasaError, VoucherRequest},
};

/// Somebody who works for the manufacturer, by the name with which they log in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person(String);

impl Person {
    /// Longest name, in octets.
    pub const MAX: usize = 128;

    /// Takes a name.
    ///
    /// # Errors
    /// [`PersonError`] when it is empty, longer than [`Person::MAX`] or holds control characters.
    pub fn new(name: impl Into<String>) -> Result<Self, PersonError> {
        let name = name.into();
        let fits = (1..=Self::MAX).contains(&name.len()) && !name.chars().any(char::is_control);
        if fits { Ok(Self(name)) } else { Err(PersonError) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be a person's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a person's name has 1 to {} octets and no control characters", Person::MAX)]
pub struct PersonError;

/// Names one claim, however often a registrar repeats it: the device, its nonce, and what would be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(pub Digest);

impl ClaimId {
    /// Of the claim that this voucher answers.
    #[must_use]
    pub fn of(voucher: &Voucher) -> Self {
        let (kind, nonce): (u8, &[u8]) = match &voucher.freshness {
            Freshness::Nonce(nonce) => (b'n', nonce.octets()),
            Freshness::ExpiresOn { .. } => (b'e', &[]),
            Freshness::Unlimited => (b'u', &[]),
        };
        let issuer = voucher.idevid_issuer.as_deref().unwrap_or_default();
        let serial_number = voucher.serial_number.as_str().as_bytes();
        let mut told_apart = b"voucher claim\0".to_vec();
        told_apart.push(kind);
        for part in [serial_number, issuer, nonce, &voucher.pinned_domain_cert.sha256().0] {
            told_apart.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            told_apart.extend(part);
        }
        Self(sha256(&told_apart))
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A voucher that may be signed: policy allows it, and whoever had to agree agreed. [`super::judge`] and [`Proposal::grant`]
/// make it, nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    voucher: Voucher,
    owner: Option<OwnerName>,
    trace: Trace,
}

impl Grant {
    pub(super) const fn new(voucher: Voucher, owner: Option<OwnerName>, trace: Trace) -> Self {
        Self { voucher, owner, trace }
    }

    /// What will be signed.
    #[must_use]
    pub const fn voucher(&self) -> &Voucher {
        &self.voucher
    }

    /// For whom, where that is on record.
    #[must_use]
    pub const fn owner(&self) -> Option<&OwnerName> {
        self.owner.as_ref()
    }

    /// Every check that was made.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The line in the log about this device that owners may read (RFC 8995 §5.6; MAS-09): every voucher has one, written
    /// down before the voucher leaves.
    #[must_use]
    pub fn audit_event(&self, date: Timestamp) -> AuditEvent {
        let Voucher { pinned_domain_cert, assertion, .. } = &self.voucher;
        AuditEvent::new(date, pinned_domain_cert, self.voucher.nonce(), assertion.clone())
    }

    /// The claim that it answers.
    #[must_use]
    pub fn claim(&self) -> ClaimId {
        ClaimId::of(&self.voucher)
    }
}

/// Who wants a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposer {
    /// A registrar of this owner.
    Registrar(OwnerName),
    /// Somebody at the manufacturer's.
    Person(Person),
}

/// A voucher that policy allows and that a second person has to agree to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    grant: Grant,
    by: Proposer,
}

impl Proposal {
    pub(super) const fn new(grant: Grant, by: Proposer) -> Self {
        Self { grant, by }
    }

    /// A voucher that a person wants.
    ///
    /// # Errors
    /// [`MasaError`] when no such voucher can be made.
    pub fn by_person(person: Person, request: &VoucherRequest, now: Timestamp) -> Result<Self, MasaError> {
        let grant = Grant::new(request.voucher(now)?, None, Trace::new());
        Ok(Self::new(grant, Proposer::Person(person)))
    }

    /// What would be signed.
    #[must_use]
    pub const fn voucher(&self) -> &Voucher {
        self.grant.voucher()
    }

    /// Who wants it.
    #[must_use]
    pub const fn by(&self) -> &Proposer {
        &self.by
    }

    /// The claim, by which an approval finds it.
    #[must_use]
    pub fn claim(&self) -> ClaimId {
        self.grant.claim()
    }

    /// A person agrees.
    ///
    /// # Errors
    /// [`ApprovalError::SamePerson`] when it is the one who wants it.
    pub fn approve(&self, by: Person, at: Timestamp) -> Result<Approval, ApprovalError> {
        let approval = Approval { claim: self.claim(), by, at };
        self.admits(&approval)?;
        Ok(approval)
    }

    /// Goes on with an approval, however that was kept in between.
    ///
    /// # Errors
    /// [`ApprovalError`]: it was for another claim, or by the one who wants it.
    pub fn grant(self, approval: &Approval) -> Result<Grant, ApprovalError> {
        self.admits(approval)?;
        let Grant { voucher, owner, mut trace } = self.grant;
        let note = format!("approved by {} on {}", approval.by, approval.at);
        trace.passed_with("voucher-approval", "RFC 8366 §7.2", &[], note);
        Ok(Grant { voucher, owner, trace })
    }

    fn admits(&self, approval: &Approval) -> Result<(), ApprovalError> {
        match &self.by {
            Proposer::Person(person) if *person == approval.by => {
                Err(ApprovalError::SamePerson { person: person.clone() })
            }
            _ if approval.claim != self.claim() => Err(ApprovalError::OtherClaim),
            _ => Ok(()),
        }
    }
}

/// A person's word that a claim is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Which claim.
    pub claim: ClaimId,
    /// Whose word.
    pub by: Person,
    /// When it was given.
    pub at: Timestamp,
}

/// An approval that does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// Two persons are needed, and this is one.
    #[error("{person} asked for this voucher and cannot approve it too")]
    SamePerson {
        /// Who.
        person: Person,
    },
    /// It was given for something else.
    #[error("the approval is for another claim")]
    OtherClaim,
}

#[cfg(test)]
mod tests {
    use conveyed_info::voucher::Nonce;
    use pki::identity::SerialNumber;

    use super::*;
    use crate::{OwnerParty, masa::issue::Validity};

    fn now() -> Timestamp {
        Timestamp::from_unix(1_790_000_000)
    }

    fn person(name: &str) -> Person {
        Person::new(name).unwrap()
    }

    #[test]
    fn two_persons_are_two() {
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        let request = |serial: &str, validity: Validity| VoucherRequest {
            serial_number: SerialNumber::new(serial).unwrap(),
            pinned_domain_cert: owner.pinned().unwrap().clone(),
            idevid: None,
            validity,
        };
        let propose = |request: &VoucherRequest| Proposal::by_person(person("anna"), request, now()).unwrap();
        let proposal = propose(&request("SN-1", Validity::Unlimited));
        let same = ApprovalError::SamePerson { person: person("anna") };
        assert_eq!(proposal.approve(person("anna"), now()), Err(same.clone()));
        // Nor by way of the store.
        let forged = Approval { claim: proposal.claim(), by: person("anna"), at: now() };
        assert_eq!(proposal.clone().grant(&forged), Err(same));

        let approval = proposal.approve(person("bert"), now()).unwrap();
        let grant = proposal.grant(&approval).unwrap();
        assert_eq!(
            grant.trace().checks().last().unwrap().note.as_deref().unwrap(),
            format!("approved by bert on {}", now())
        );
        // An approval is for one device, one kind and one nonce.
        let nonce = |octet| Validity::Nonce(Nonce::for_request(vec![octet; 16]).unwrap());
        for other in
            [request("SN-2", Validity::Unlimited), request("SN-1", Validity::Until(None)), request("SN-1", nonce(1))]
        {
            assert_eq!(propose(&other).grant(&approval), Err(ApprovalError::OtherClaim));
        }
        assert_ne!(propose(&request("SN-1", nonce(1))).claim(), propose(&request("SN-1", nonce(2))).claim());
    }

    #[test]
    fn names_of_persons_can_be_shown() {
        for bad in ["", "a\nb", &"x".repeat(129)] {
            assert_eq!(Person::new(bad), Err(PersonError));
        }
    }
}
