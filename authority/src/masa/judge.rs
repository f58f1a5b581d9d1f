//! Whether a registrar gets a voucher for a device: records and policy, and nothing that moves.

use conveyed_info::{
    Verified,
    verify::{Prior, Proximity, RegistrarRequest},
    voucher::{Assertion, Freshness, Voucher},
};
use pki::{certificate::Certificate, path::Path, time::Timestamp};
use verdict::{Input, ReasonCode, Refusal, Trace};

use super::{
    approval::{Approval, Grant, Proposal, Proposer},
    device::{DeviceClock, KnownDevice},
    domain::{Domain, Owner, Owners},
    ownership::Ownership,
    policy::{Approvals, Bound, Claims, Clockless, MasaPolicy, Nonceless},
    refusal::ClaimRefusal,
    renewal::renew,
};

/// What is on record, and what is known of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// All owners.
    pub owners: &'a Owners,
    /// Every device that was made with the serial number that is asked for.
    pub devices: &'a [KnownDevice],
    /// How whoever sent the request authenticated.
    pub authentication: Authentication<'a>,
    /// The approval on record for this claim, if there is one.
    pub approval: Option<&'a Approval>,
    /// The rules.
    pub policy: &'a MasaPolicy,
    /// The present.
    pub now: Timestamp,
}

/// How whoever sent a request authenticated to the MASA.
#[derive(Clone, Copy, Debug)]
pub enum Authentication<'a> {
    /// Not at all: the signature on the request is all there is.
    Anonymous,
    /// By TLS, with a certificate that validated along this path to one of [`Owners::registrar_anchors`].
    Tls(&'a Path),
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A voucher is issued: [`crate::Masa::sign`].
    Issue(Box<Grant>),
    /// Somebody must agree first: 202, with a Retry-After of so many seconds, at most 60 (RFC 8995 §5.6; MAS-11).
    Pending {
        /// What they have to agree to.
        proposal: Box<Proposal>,
        /// When to ask again.
        retry_after: u32,
    },
    /// No voucher.
    Refused(Box<ClaimRefusal>),
}

/// Decides about a request that was verified.
#[must_use]
pub fn judge(request: Verified<RegistrarRequest>, known: &Known<'_>) -> Decision {
    let (request, trace) = request.into_parts();
    match decide(&request, known, trace) {
        Ok(decision) => decision,
        Err(refusal) => Decision::Refused(Box::new(refusal.into())),
    }
}

fn decide(request: &RegistrarRequest, known: &Known<'_>, trace: Trace) -> Result<Decision, Refusal> {
    let inputs = [Input { name: "voucher-request", sha256: request.sha256() }];
    let claim = Claim { request, known, inputs: &inputs };
    let trace = claim.check_age(trace)?;
    let (owner, domain, trace) = claim.owner(trace)?;
    let trace = claim.check_connection(owner, trace)?;
    let (device, trace) = claim.device(trace)?;
    let (assertion, trace) = claim.ownership(owner, device, trace)?;
    let (voucher, trace) = claim.voucher(owner, domain, device, assertion, trace)?;
    let grant = Grant::new(voucher, Some(owner.name.clone()), trace);
    if known.policy.approvals == Approvals::None {
        return Ok(Decision::Issue(Box::new(grant)));
    }
    let proposal = Proposal::new(grant, Proposer::Registrar(owner.name.clone()));
    // A word that was given for this claim, and not so long ago that it may have been for another occasion.
    let oldest = known.now.plus_seconds(known.policy.request_age.saturating_neg());
    match known.approval.filter(|it| it.claim == proposal.claim() && it.at >= oldest) {
        Some(approval) => match proposal.clone().grant(approval) {
            Ok(grant) => Ok(Decision::Issue(Box::new(grant))),
            Err(error) => Err(Refusal::new(ReasonCode::SecondPersonRequired, error.to_string())),
        },
        None => Ok(Decision::Pending { proposal: Box::new(proposal), retry_after: known.policy.bounded_retry() }),
    }
}

struct Claim<'a> {
    request: &'a RegistrarRequest,
    known: &'a Known<'a>,
    inputs: &'a [Input],
}

impl<'a> Claim<'a> {
    /// RFC 8995 §5.6: a stale request is refused.
    fn check_age(&self, mut trace: Trace) -> Result<Trace, Refusal> {
        const CHECK: &str = "voucher-request-age";
        const SECTION: &str = "RFC 8995 §5.6";
        let (now, policy) = (self.known.now, self.known.policy);
        let Some(created_on) = self.request.document().created_on else {
            trace.skipped(CHECK, SECTION, "the request does not say when it was made");
            return Ok(trace);
        };
        let oldest = now.plus_seconds(policy.request_age.saturating_neg());
        if created_on < oldest || created_on > now.plus_seconds(MasaPolicy::CLOCK_SKEW) {
            let detail = format!("made on {created_on}, and it is {now} here");
            return Err(trace.refused(CHECK, ReasonCode::VoucherRequestStale, self.inputs, detail));
        }
        trace.passed(CHECK, SECTION, self.inputs);
        Ok(trace)
    }

    /// Whose registrar it is.
    fn owner(&self, mut trace: Trace) -> Result<(&'a Owner, &'a Domain, Trace), Refusal> {
        const CHECK: &str = "registrar-owner";
        let anchor = self.request.registrar().certificates().last();
        let Some((owner, domain)) = anchor.and_then(|anchor| self.known.owners.by_anchor(anchor)) else {
            let detail = "the registrar's domain is nobody's on record";
            return Err(trace.refused(CHECK, ReasonCode::RegistrarUntrusted, self.inputs, detail));
        };
        trace.passed_with(CHECK, "RFC 8995 §5.5.2", self.inputs, owner.name.as_str());
        Ok((owner, domain, trace))
    }

    /// RFC 8995 §5.5.4 (MAS-05): a request without a nonce can be played again, so that whoever sends it must be the one who
    /// signed it. And nobody sends another owner's.
    fn check_connection(&self, owner: &Owner, mut trace: Trace) -> Result<Trace, Refusal> {
        const CHECK: &str = "registrar-authentication";
        const SECTION: &str = "RFC 8995 §5.5.4";
        let refused = |trace: Trace, detail: String| {
            trace.refused(CHECK, ReasonCode::RegistrarUnauthenticated, self.inputs, detail)
        };
        match self.known.authentication {
            Authentication::Tls(path) => {
                let sender = path.certificates().last().and_then(|anchor| self.known.owners.by_anchor(anchor));
                match sender {
                    Some((sender, _)) if sender.name == owner.name => {
                        trace.passed(CHECK, SECTION, self.inputs);
                        Ok(trace)
                    }
                    _ => Err(refused(trace, format!("signed by a registrar of {}, sent by somebody else", owner.name))),
                }
            }
            Authentication::Anonymous if self.request.document().nonce().is_some() => {
                trace.skipped(CHECK, SECTION, "the nonce is of use to one device only");
                Ok(trace)
            }
            Authentication::Anonymous => {
                Err(refused(trace, "a voucher without a nonce goes to registrars that authenticate by TLS".to_owned()))
            }
        }
    }

    /// RFC 8995 §5.6; RFC 8366 §5.3 (VCH-09): which device is meant.
    fn device(&self, mut trace: Trace) -> Result<(&'a KnownDevice, Trace), Refusal> {
        const CHECK: &str = "voucher-device";
        let document = self.request.document();
        let of_certificate = match self.request.prior() {
            Prior::Device { idevid, .. } => conveyed_info::voucher::idevid_issuer(idevid),
            Prior::Voucher(voucher) => voucher.idevid_issuer.clone(),
            Prior::Absent => None,
        };
        let named = [of_certificate.as_deref(), document.idevid_issuer.as_deref()];
        let mut fitting = self.known.devices.iter().filter(|device| {
            device.serial_number == document.serial_number
                && named.iter().flatten().all(|named| device.line.serial_numbers.fits(named))
        });
        let (reason, detail) = match (fitting.next(), fitting.next()) {
            (Some(device), None) => {
                trace.passed_with(CHECK, "RFC 8995 §5.6", self.inputs, device.line.name.as_str());
                return Ok((device, trace));
            }
            (None, _) => (ReasonCode::SerialNumberUnknown, "there is no device"),
            (Some(_), Some(_)) => (ReasonCode::SerialNumberAmbiguous, "there are several devices"),
        };
        let detail = format!("{detail} {} of the issuer that is named", document.serial_number);
        Err(trace.refused(CHECK, reason, self.inputs, detail))
    }

    /// The manufacturer's rule on who may claim what: never whoever comes first.
    fn ownership(&self, owner: &Owner, device: &KnownDevice, mut trace: Trace) -> Result<(Assertion, Trace), Refusal> {
        const CHECK: &str = "voucher-ownership";
        const SECTION: &str = "RFC 8995 §5.5";
        let (reason, detail) = match (&device.ownership, self.known.policy.claims) {
            (Ownership::Owned { by, since }, _) if *by == owner.name => {
                trace.passed_with(CHECK, SECTION, self.inputs, format!("{by} since {since}"));
                // RFC 8366 §5.3: ownership was verified, by the record of the sale.
                return Ok((Assertion::Verified, trace));
            }
            // Whose it is, is none of the registrar's business.
            (Ownership::Owned { .. }, _) => {
                (ReasonCode::OwnershipElsewhere, format!("{} is not the owner on record", owner.name))
            }
            (Ownership::Released { to, .. }, _) if *to == owner.name => {
                (ReasonCode::OwnershipInTransfer, format!("released to {to}, who has not accepted it"))
            }
            (Ownership::Released { from, .. }, _) if *from == owner.name => {
                (ReasonCode::OwnershipInTransfer, format!("released by {from}"))
            }
            (Ownership::Released { .. }, _) => {
                (ReasonCode::OwnershipElsewhere, format!("{} is not the owner on record", owner.name))
            }
            (Ownership::Unsold, Claims::AnyKnownOwner) => {
                let assertion = match self.request.prior() {
                    Prior::Device { proximity: Proximity::Proven, .. } => Assertion::Proximity,
                    _ => Assertion::Logged,
                };
                let note = format!("nobody's on record; policy gives {assertion} vouchers to every known owner");
                trace.passed_with(CHECK, SECTION, self.inputs, note);
                return Ok((assertion, trace));
            }
            (Ownership::Unsold, Claims::RecordedOwner) => {
                (ReasonCode::OwnershipUnrecorded, "the device was never sold, say the records".to_owned())
            }
        };
        Err(trace.refused(CHECK, reason, self.inputs, detail))
    }

    fn voucher(
        &self,
        owner: &Owner,
        domain: &Domain,
        device: &KnownDevice,
        assertion: Assertion,
        mut trace: Trace,
    ) -> Result<(Voucher, Trace), Refusal> {
        const CHECK: &str = "voucher-freshness";
        const SECTION: &str = "RFC 8366 §5.3";
        let Known { policy, now, .. } = *self.known;
        // RFC 8995 §5.5.1 (BIS-10).
        if let (Prior::Voucher(previous), None) = (self.request.prior(), self.request.document().nonce()) {
            return match renew(previous, device, owner, policy, self.request.evidence_until(), now) {
                Ok(voucher) => {
                    trace.passed(CHECK, "RFC 8366 §6.1", self.inputs);
                    Ok((voucher, trace))
                }
                Err(error) => {
                    Err(trace.refused(CHECK, ReasonCode::VoucherNotRenewable, self.inputs, error.to_string()))
                }
            };
        }
        let freshness = match self.freshness(&domain.pinned, device) {
            Ok(freshness) => freshness,
            Err((reason, detail)) => return Err(trace.refused(CHECK, reason, self.inputs, detail)),
        };
        trace.passed(CHECK, SECTION, self.inputs);
        let voucher = Voucher {
            created_on: Some(now),
            freshness,
            assertion,
            serial_number: device.serial_number.clone(),
            idevid_issuer: device.line.serial_numbers.idevid_issuer().map(<[u8]>::to_vec),
            pinned_domain_cert: domain.pinned.clone(),
            domain_cert_revocation_checks: policy.revocation_checks,
        };
        Ok((voucher, trace))
    }

    /// How the voucher is bound in time.
    fn freshness(&self, pinned: &Certificate, device: &KnownDevice) -> Result<Freshness, (ReasonCode, String)> {
        let Known { policy, now, .. } = *self.known;
        let refused = |detail: &str| Err((ReasonCode::VoucherKindRefused, detail.to_owned()));
        // RFC 8366 §5.3: whatever binds the voucher, its pin must be good for something.
        if pinned.not_after() <= now {
            let detail = format!("the domain certificate expired on {}, and it is {now}", pinned.not_after());
            return Err((ReasonCode::CertificateExpired, detail));
        }
        let wish = match &self.request.document().freshness {
            // RFC 8995 §5.5.6 (MAS-06): the nonce that was sent, and no date beside it.
            Freshness::Nonce(nonce) => return Ok(Freshness::Nonce(nonce.clone())),
            Freshness::ExpiresOn { expires_on, .. } => *expires_on,
            Freshness::Unlimited => Timestamp::INFINITY,
        };
        if policy.nonceless == Nonceless::Refused {
            return refused("vouchers are issued for nonces only");
        }
        match (device.line.clock, policy.clockless) {
            (DeviceClock::Kept, _) => {}
            // RFC 8366 §7.1, §9.1 (VCH-23, VCH-26).
            (DeviceClock::Absent, Clockless::Unlimited) => return Ok(Freshness::Unlimited),
            (DeviceClock::Absent, Clockless::NonceOnly) => {
                return refused("the device has no clock, so that no voucher may expire for it");
            }
        }
        let evidence = self.request.evidence_until().filter(|_| policy.bound == Bound::Evidence);
        // RFC 8366 §5.3 (VCH-05); RFC 8995 §5.6 (MAS-08): the earliest of all.
        let bounds = [Some(wish), Some(now.plus_seconds(policy.lifetime)), Some(pinned.not_after()), evidence];
        let expires_on = bounds.into_iter().flatten().min().unwrap_or(now);
        if expires_on <= now {
            let detail = format!("the voucher would expire on {expires_on}, and it is {now}");
            return Err((ReasonCode::CertificateExpired, detail));
        }
        // A promise that ends before the voucher does is none.
        let last_renewal_date = policy.renewable.map(|it| now.plus_seconds(it)).filter(|it| *it > expires_on);
        Ok(Freshness::ExpiresOn { expires_on, last_renewal_date })
    }
}
