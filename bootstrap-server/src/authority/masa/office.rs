//! One registrar's request, from its octets to a voucher that is on record.

use std::time::SystemTime;

use authority::masa::{
    Authentication, ClaimRefusal, Decision, Grant, Known, KnownDevice, Proposal, judge, may_read_log,
};
use conveyed_info::{
    OwnershipVoucher, SignedVoucherRequest, Unverified, Verified,
    profile::InputProfile,
    verify::{RegistrarContext, RegistrarRequest, verify_voucher_request},
    voucher::MasaAuditLog,
};
use pki::{
    certificate::Certificate,
    digest::Digest,
    identity::SerialNumber,
    path::{self, Path, Policy, Purpose},
    time::{Clock, Timestamp},
};
use verdict::{ReasonCode, Refusal};

use super::{Office, registers::Registers};
use crate::{
    audit::{Event, MasaEvent},
    domain::masa::{Claim, MadeEntry, MasaRefused, Standing, VoucherEntry, VoucherIssue},
    store::{Batch, MasaRecords, StoreError},
};

/// Vouchers for one device that may begin to wait for a second person while a request lives (`request-age`).
const MAX_WAITING: usize = 16;

/// How often a request is judged again because the records moved meanwhile.
const TRIES: usize = 4;

/// What a registrar is told.
#[derive(Debug)]
pub(super) enum Reply {
    /// A voucher, which is on record.
    Voucher(Box<OwnershipVoucher>),
    /// Nothing yet: ask again after so many seconds.
    Wait(u32),
}

/// Nothing.
#[derive(Debug)]
pub(super) enum Failed {
    /// By the rules.
    Refused(Box<ClaimRefusal>),
    /// By our own fault.
    Store(StoreError),
    /// By our own key.
    Sign(authority::MasaError),
    /// The records moved each time.
    Restless,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal.into()))
    }
}

/// What the request is held against.
struct Records {
    owners: std::sync::Arc<authority::masa::Owners>,
    devices: Vec<KnownDevice>,
    entries: Vec<MadeEntry>,
    issued: Vec<VoucherEntry>,
}

impl Office {
    /// Answers `requestvoucher` (RFC 8995 §5.5, §5.6): the same request, and the same nonce, get the same voucher.
    pub(super) async fn request_voucher(
        &self,
        records: &dyn MasaRecords,
        registers: &Registers,
        (octets, chain): (&[u8], &[Certificate]),
    ) -> Result<Reply, Failed> {
        for _ in 0..TRIES {
            let now = Timestamp::from_system(SystemTime::now());
            let request = self.verify(records, registers, octets, now).await?;
            let sha256 = request.value().sha256();
            let on_record = self.look_up(records, registers, &request.value().document().serial_number).await?;
            let path = self.authenticated(chain, &on_record, now);
            let decision = self.judge(records, request, &on_record, path.as_ref(), now).await?;
            let (grant, approval) = match decision {
                Decision::Refused(refusal) => return Err(Failed::Refused(refusal)),
                Decision::Pending { proposal, retry_after } => {
                    self.propose(records, *proposal, now).await?;
                    return Ok(Reply::Wait(retry_after));
                }
                Decision::Issue(grant) => {
                    let claim = records.voucher_claim(&grant.claim()).await?;
                    let needed = self.policy.approvals != authority::masa::Approvals::None;
                    (grant, claim.and_then(|claim| claim.approval).filter(|_| needed))
                }
            };
            if let Some(before) = answered(&grant, sha256, &on_record.issued, now) {
                return Ok(Reply::Voucher(Box::new(before)));
            }
            let artifact = self.masa.sign(&grant).map_err(Failed::Sign)?;
            let issue = VoucherIssue {
                artifact: artifact.clone(),
                voucher: grant.voucher().clone(),
                owner: grant.owner().cloned(),
                request: Some(sha256),
                standing: standing(&grant, &on_record),
                approval,
            };
            // MAS-09: on record before it leaves.
            match records.commit(Batch::from(Event::Masa(MasaEvent::VoucherIssued { issue: Box::new(issue) }))).await {
                Ok(_) => return Ok(Reply::Voucher(Box::new(artifact))),
                // Sold, transferred or answered since: look again.
                Err(StoreError::Masa(MasaRefused::Moved(_) | MasaRefused::IssuedBefore(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failed::Restless)
    }

    /// Answers `requestauditlog` (RFC 8995 §5.8; MAS-09).
    pub(super) async fn request_audit_log(
        &self,
        records: &dyn MasaRecords,
        registers: &Registers,
        (octets, chain): (&[u8], &[Certificate]),
    ) -> Result<Vec<u8>, Failed> {
        let now = Timestamp::from_system(SystemTime::now());
        let request = self.verify(records, registers, octets, now).await?;
        let on_record = self.look_up(records, registers, &request.value().document().serial_number).await?;
        let path = self.authenticated(chain, &on_record, now);
        let known = self.known(&on_record, path.as_ref(), None, now);
        may_read_log(request, &known).map_err(|refusal| Failed::Refused(Box::new(refusal)))?;
        let events = on_record.issued.into_iter().map(|entry| entry.event);
        Ok(MasaAuditLog::of(events, MasaAuditLog::MAX_EVENTS).to_json())
    }

    async fn verify(
        &self,
        records: &dyn MasaRecords,
        registers: &Registers,
        octets: &[u8],
        now: Timestamp,
    ) -> Result<Verified<RegistrarRequest>, Failed> {
        let request = SignedVoucherRequest::from_der(octets.to_vec())
            .map_err(|error| Failed::from(Refusal::new(ReasonCode::VoucherRequestMalformed, error.to_string())))?;
        let owners = registers.owners(records).await?;
        let context = RegistrarContext {
            registrar_anchors: owners.registrar_anchors(),
            device_anchors: &self.device_anchors,
            voucher_anchors: self.masa.chain(),
            clock: Clock::Trusted(now),
            profile: InputProfile::Strict,
            usage: self.usage,
            revocation: &self.revocation,
            demand: self.demand,
        };
        Ok(verify_voucher_request(Unverified::new(request), &context)?)
    }

    async fn look_up(
        &self,
        records: &dyn MasaRecords,
        registers: &Registers,
        serial_number: &SerialNumber,
    ) -> Result<Records, StoreError> {
        let serial_numbers = std::slice::from_ref(serial_number);
        let entries = records.made(serial_numbers).await?;
        let lines = records.lines().await?;
        let device = |entry: &MadeEntry| {
            let line = lines.iter().find(|line| line.name == entry.device.line)?.clone();
            Some(KnownDevice { serial_number: serial_number.clone(), line, ownership: entry.ownership.clone() })
        };
        Ok(Records {
            owners: registers.owners(records).await?,
            devices: entries.iter().filter_map(device).collect(),
            entries,
            issued: records.issued_vouchers(serial_numbers).await?,
        })
    }

    /// RFC 8995 §5.5.4 (MAS-05): the certificate that was shown in TLS, if it is one of an owner's.
    fn authenticated(&self, chain: &[Certificate], on_record: &Records, now: Timestamp) -> Option<Path> {
        let (own, rest) = chain.split_first()?;
        let policy = Policy::new(Clock::Trusted(now), Purpose::DeviceIdentity);
        let path = path::validate(own, rest, on_record.owners.registrar_anchors(), &policy).ok()?;
        pki::revocation::check(&path, &self.revocation, Clock::Trusted(now), self.demand).ok()?;
        Some(path)
    }

    fn known<'a>(
        &'a self,
        on_record: &'a Records,
        path: Option<&'a Path>,
        approval: Option<&'a authority::masa::Approval>,
        now: Timestamp,
    ) -> Known<'a> {
        Known {
            owners: &on_record.owners,
            devices: &on_record.devices,
            authentication: path.map_or(Authentication::Anonymous, Authentication::Tls),
            approval,
            revocation: &self.revocation,
            demand: self.demand,
            policy: &self.policy,
            now,
        }
    }

    async fn judge(
        &self,
        records: &dyn MasaRecords,
        request: Verified<RegistrarRequest>,
        on_record: &Records,
        path: Option<&Path>,
        now: Timestamp,
    ) -> Result<Decision, Failed> {
        let decision = judge(request.clone(), &self.known(on_record, path, None, now));
        let Decision::Pending { proposal, .. } = &decision else { return Ok(decision) };
        // Which claim it is, is known only now.
        let approval = records.voucher_claim(&proposal.claim()).await?.and_then(|claim| claim.approval);
        Ok(match approval {
            Some(approval) => judge(request, &self.known(on_record, path, Some(&approval), now)),
            None => decision,
        })
    }

    /// Puts a claim where a second person finds it, once.
    async fn propose(&self, records: &dyn MasaRecords, proposal: Proposal, now: Timestamp) -> Result<(), Failed> {
        let claim = claim_of(&proposal, now);
        let claims = records.claims_of(std::slice::from_ref(&claim.serial_number)).await?;
        let waiting = claims.iter().filter(|it| it.approval.is_none());
        if waiting.clone().any(|it| it.id == claim.id) {
            return Ok(());
        }
        // A device that asks again has a new nonce each time, and nobody may fill the records with what nobody decides.
        let age = |it: &Claim| now.unix().saturating_sub(it.at.unix());
        let mut recent = waiting.filter(|it| age(it) < self.policy.request_age);
        if recent.nth(MAX_WAITING.saturating_sub(1)).is_some() {
            let detail = format!("{MAX_WAITING} vouchers for {} wait already", claim.serial_number);
            return Err(Refusal::new(ReasonCode::TooManyClaims, detail).into());
        }
        let event = Event::Masa(MasaEvent::VoucherClaimed { claim: Box::new(claim) });
        records.commit(Batch::from(event)).await?;
        Ok(())
    }
}

/// The claim that waits for a second person.
pub(super) fn claim_of(proposal: &Proposal, now: Timestamp) -> Claim {
    Claim {
        id: proposal.claim(),
        serial_number: proposal.voucher().serial_number.clone(),
        pinned: proposal.voucher().pinned_domain_cert.sha256(),
        by: proposal.by().clone(),
        at: now,
        approval: None,
    }
}

/// The voucher that was given for the same request, or for the same nonce and domain: the answer was lost.
fn answered(grant: &Grant, request: Digest, issued: &[VoucherEntry], now: Timestamp) -> Option<OwnershipVoucher> {
    let claim = grant.claim();
    let is_alive = |entry: &&VoucherEntry| entry.expires_on.is_none_or(|end| end > now);
    let same = |entry: &&VoucherEntry| {
        entry.claim == claim && (grant.voucher().nonce().is_some() || entry.request == Some(request))
    };
    issued.iter().rev().filter(same).find(is_alive).map(|entry| entry.artifact.clone())
}

/// What the records said of the device that the grant is for.
fn standing(grant: &Grant, on_record: &Records) -> Standing {
    let issuer = grant.voucher().idevid_issuer.as_deref();
    let found = on_record.devices.iter().find(|device| device.line.serial_numbers.idevid_issuer() == issuer);
    let entry = found.and_then(|device| on_record.entries.iter().find(|entry| entry.device.line == device.line.name));
    entry.map_or(Standing::Unlisted, |entry| Standing::Listed {
        line: entry.device.line.clone(),
        ownership: entry.ownership.clone(),
    })
}
