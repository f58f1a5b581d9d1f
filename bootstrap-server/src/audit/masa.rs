//! What a MASA does, as events.

use audit_log::Kind;
use authority::masa::{ClaimId, Deed, Owner, Person, ProductLine, Proposer};
use base64::{Engine, prelude::BASE64_STANDARD};
use conveyed_info::voucher::{DomainId, Freshness};
use pki::digest::sha256;
use serde_json::{Value, json};

use crate::domain::masa::{Claim, MadeDevice, Standing, VoucherIssue, deed_json, line_json, owner_json};

/// Something that a MASA did, or that somebody told it. Kinds 34 to 41.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MasaEvent {
    /// An owner was recorded, or its record replaced.
    OwnerRecorded {
        /// The owner.
        owner: Box<Owner>,
    },
    /// A product line was recorded, or its record replaced.
    LineRecorded {
        /// The line.
        line: Box<ProductLine>,
    },
    /// A device was made.
    DeviceMade {
        /// Which.
        device: MadeDevice,
    },
    /// Whose a device is has changed.
    OwnershipChanged {
        /// Which device.
        device: MadeDevice,
        /// What was done.
        deed: Deed,
    },
    /// A voucher was issued (RFC 8995 §5.6; MAS-09).
    VoucherIssued {
        /// The voucher.
        issue: Box<VoucherIssue>,
    },
    /// Somebody wants a voucher that a second person has to agree to.
    VoucherClaimed {
        /// The claim.
        claim: Box<Claim>,
    },
    /// A second person agreed.
    ClaimApproved {
        /// To which claim.
        claim: ClaimId,
        /// Who.
        by: Person,
    },
}

impl MasaEvent {
    /// The number that stands in the leaf.
    pub(super) const fn kind(&self) -> Kind {
        Kind(match self {
            Self::OwnerRecorded { .. } => 34,
            Self::LineRecorded { .. } => 35,
            Self::DeviceMade { .. } => 36,
            Self::OwnershipChanged { .. } => 37,
            Self::VoucherIssued { .. } => 38,
            Self::VoucherClaimed { .. } => 39,
            Self::ClaimApproved { .. } => 40,
        })
    }

    /// Its name, as its body has it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::OwnerRecorded { .. } => "owner-recorded",
            Self::LineRecorded { .. } => "line-recorded",
            Self::DeviceMade { .. } => "device-made",
            Self::OwnershipChanged { .. } => "ownership-changed",
            Self::VoucherIssued { .. } => "voucher-issued",
            Self::VoucherClaimed { .. } => "voucher-claimed",
            Self::ClaimApproved { .. } => "claim-approved",
        }
    }

    /// What the leaf commits to, but for what all bodies have.
    pub(super) fn body(&self) -> Value {
        match self {
            Self::OwnerRecorded { owner } => {
                let digest = sha256(owner_json(owner).to_string().as_bytes());
                let pinned = owner.domains.iter().map(|domain| domain.pinned.sha256().to_string());
                json!({"owner": owner.name.as_str(), "document": digest.to_string(),
                       "pinned": pinned.collect::<Vec<_>>()})
            }
            Self::LineRecorded { line } => json!({"line": line.name.as_str(), "says": line_json(line)}),
            Self::DeviceMade { device } => about(json!({}), device),
            Self::OwnershipChanged { device, deed } => about(json!({"deed": deed_json(deed)}), device),
            Self::VoucherIssued { issue } => issued(issue),
            Self::VoucherClaimed { claim } => {
                let (member, by) = match &claim.by {
                    Proposer::Registrar(owner) => ("registrar-of", owner.as_str()),
                    Proposer::Person(person) => ("person", person.as_str()),
                };
                json!({"claim": claim.id.to_string(), "serial-number": claim.serial_number.as_str(),
                       "pinned": claim.pinned.to_string(), member: by})
            }
            Self::ClaimApproved { claim, by } => json!({"claim": claim.to_string(), "approved-by": by.as_str()}),
        }
    }
}

fn about(mut body: Value, device: &MadeDevice) -> Value {
    body["serial-number"] = json!(device.serial_number.as_str());
    body["line"] = json!(device.line.as_str());
    body
}

/// RFC 8995 §5.6 (MAS-09): date, domain, nonce or null, and assertion; the date is the leaf's.
fn issued(issue: &VoucherIssue) -> Value {
    let voucher = &issue.voucher;
    let (nonce, expires_on) = match &voucher.freshness {
        Freshness::Nonce(nonce) => (Some(BASE64_STANDARD.encode(nonce.octets())), None),
        Freshness::ExpiresOn { expires_on, .. } => (None, Some(expires_on.to_string())),
        Freshness::Unlimited => (None, None),
    };
    let domain = DomainId::of(&voucher.pinned_domain_cert);
    json!({
        "serial-number": voucher.serial_number.as_str(),
        "line": issue.standing.line().map(authority::masa::LineName::as_str),
        "listed": matches!(issue.standing, Standing::Listed { .. }),
        "voucher": issue.artifact.sha256().to_string(),
        "claim": issue.claim().to_string(),
        "request": issue.request.map(|request| request.to_string()),
        "owner": issue.owner.as_ref().map(authority::masa::OwnerName::as_str),
        "pinned": voucher.pinned_domain_cert.sha256().to_string(),
        "domain-id": BASE64_STANDARD.encode(domain.octets()),
        "nonce": nonce,
        "expires-on": expires_on,
        "assertion": voucher.assertion.as_str(),
        "approved-by": issue.approval.as_ref().map(|approval| approval.by.as_str()),
    })
}
