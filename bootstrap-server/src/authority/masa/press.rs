//! Vouchers for a list of serial numbers, by the word of a person who has the MASA's key.

use std::collections::{BTreeMap, BTreeSet};

use authority::{
    MasaError, Validity, VoucherRequest,
    masa::{
        Approval, Approvals, ClaimId, DeviceClock, LineName, Owner, Ownership, Person, Press, ProductLine, Proposal,
    },
};
use conveyed_info::{
    OwnershipVoucher,
    voucher::{Freshness, Voucher},
};
use pki::{certificate::Certificate, identity::SerialNumber, time::Timestamp};
use verdict::{ReasonCode, Refusal};

use super::{Office, office::claim_of};
use crate::{
    audit::{Event, MasaEvent},
    domain::{
        Actor,
        masa::{Claim, MadeEntry, Standing, VoucherEntry, VoucherIssue},
    },
    store::{Batch, MasaRecords, StoreError},
};

/// What a person wants: one kind of voucher, for any number of devices.
#[derive(Clone, Debug)]
pub struct Order {
    /// What the vouchers pin.
    pub pinned: Certificate,
    /// How they are bound in time.
    pub validity: Validity,
    /// The line of the devices, where serial numbers alone do not name them.
    pub line: Option<LineName>,
    /// The IDevID of a device that is not on record, when its serial number alone does not name it.
    pub idevid: Option<Certificate>,
    /// Who wants it.
    pub person: Person,
    /// Who that is in the log.
    pub by: Actor,
}

/// What became of one serial number.
#[derive(Debug)]
pub struct Ordered {
    /// Which.
    pub serial_number: SerialNumber,
    /// The voucher, which is on record, and whether it was before; or why there is none.
    pub outcome: Result<(OwnershipVoucher, Found), OrderFault>,
}

/// Whether a voucher was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was made.
    Made,
    /// The same was made before, and is given again.
    Again,
}

/// No voucher.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderFault {
    /// By the rules.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It cannot be made.
    #[error(transparent)]
    Make(#[from] MasaError),
    /// It could not be put on record.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is on record of the devices of an order.
struct OnRecord {
    lines: Vec<ProductLine>,
    owners: Vec<Owner>,
    made: BTreeMap<SerialNumber, Vec<MadeEntry>>,
    issued: BTreeMap<SerialNumber, Vec<VoucherEntry>>,
    /// The claims that wait for, or have, a second person's word.
    claims: BTreeMap<ClaimId, Claim>,
}

/// What is done about one serial number.
enum Step {
    Again(OwnershipVoucher),
    Issue(Box<VoucherIssue>),
    /// Somebody must agree; the event puts it where they see it, unless it is there.
    Claim(Option<Box<Event>>, Refusal),
}

impl Office {
    /// Makes vouchers and puts them on record, all of them in one transaction. One that cannot be made hurts no other; what was
    /// made before for the same order is given again, so that an order can be repeated after whatever interrupted it.
    pub async fn issue_all(
        &self,
        records: &dyn MasaRecords,
        serial_numbers: &[SerialNumber],
        order: &Order,
        now: Timestamp,
    ) -> Vec<Ordered> {
        let on_record = match on_record(records, serial_numbers).await {
            Ok(on_record) => on_record,
            Err(error) => {
                let each = serial_numbers.iter().map(|serial_number| Ordered {
                    serial_number: serial_number.clone(),
                    outcome: Err(error.clone().into()),
                });
                return each.collect();
            }
        };
        let mut all = Vec::with_capacity(serial_numbers.len());
        let mut events = Vec::new();
        let mut seen = BTreeSet::new();
        let mut press = None;
        for serial_number in serial_numbers {
            let step = if seen.insert(serial_number) {
                self.one(serial_number, order, &on_record, &mut press, now)
            } else {
                let why = format!("{serial_number} stands twice in the list");
                Err(Refusal::new(ReasonCode::AlreadyThere, why).into())
            };
            let outcome = match step {
                Ok(Step::Again(artifact)) => Ok((artifact, Found::Again)),
                Ok(Step::Issue(issue)) => {
                    let artifact = issue.artifact.clone();
                    events.push((all.len(), Event::Masa(MasaEvent::VoucherIssued { issue })));
                    Ok((artifact, Found::Made))
                }
                Ok(Step::Claim(event, refusal)) => {
                    events.extend(event.map(|event| (all.len(), *event)));
                    Err(refusal.into())
                }
                Err(fault) => Err(fault),
            };
            all.push(Ordered { serial_number: serial_number.clone(), outcome });
        }
        self.record(records, events, order, &mut all).await;
        all
    }

    /// Commits; where the records of some moved meanwhile, the others do not suffer for it.
    async fn record(&self, records: &dyn MasaRecords, events: Vec<(usize, Event)>, order: &Order, all: &mut [Ordered]) {
        let batch = |event: &Event| Batch::from(event.clone()).by(order.by.clone());
        let Some((first, rest)) = events.split_first() else { return };
        let whole = rest.iter().fold(batch(&first.1), |batch, (_, event)| batch.and(event.clone()));
        match records.commit(whole).await {
            Ok(_) => {}
            Err(StoreError::Masa(_)) if !rest.is_empty() => {
                for (index, event) in &events {
                    if let Err(error) = records.commit(batch(event)).await
                        && let Some(ordered) = all.get_mut(*index)
                    {
                        ordered.outcome = Err(error.into());
                    }
                }
            }
            Err(error) => {
                for (index, _) in &events {
                    if let Some(ordered) = all.get_mut(*index) {
                        ordered.outcome = Err(error.clone().into());
                    }
                }
            }
        }
    }

    fn one<'a>(
        &'a self,
        serial_number: &SerialNumber,
        order: &Order,
        on_record: &OnRecord,
        press: &mut Option<(Voucher, Press<'a>)>,
        now: Timestamp,
    ) -> Result<Step, OrderFault> {
        let made = on_record.made.get(serial_number).map(Vec::as_slice).unwrap_or_default();
        let entry = the_one(serial_number, made, order.line.as_ref())?;
        let (owner, standing) = match entry {
            None => (on_record.owners.iter().find(|owner| owner.is_pinned_by(&order.pinned)), Standing::Unlisted),
            Some(entry) => {
                let owner = on_record.owner_of(entry, &order.pinned)?;
                let standing = Standing::Listed { line: entry.device.line.clone(), ownership: entry.ownership.clone() };
                (Some(owner), standing)
            }
        };
        let line = standing.line().and_then(|name| on_record.lines.iter().find(|line| line.name == *name));
        // RFC 8366 §7.1 (VCH-23): an expiring voucher is of no use to a device without a clock.
        if line.is_some_and(|line| line.clock == DeviceClock::Absent) && matches!(order.validity, Validity::Until(_)) {
            let why = "the device has no clock, so that no voucher may expire for it: give --nonce or --never-expires";
            return Err(Refusal::new(ReasonCode::VoucherKindRefused, why).into());
        }
        let request = VoucherRequest {
            serial_number: serial_number.clone(),
            pinned_domain_cert: order.pinned.clone(),
            idevid: order.idevid.clone(),
            validity: order.validity.clone(),
        };
        let mut voucher = request.voucher(now)?;
        voucher.domain_cert_revocation_checks = self.policy.revocation_checks;
        if let Some(issuer) = line.and_then(|line| line.serial_numbers.idevid_issuer()) {
            voucher.idevid_issuer = Some(issuer.to_vec());
        }
        let before = on_record.issued.get(serial_number).into_iter().flatten();
        if let Some(before) = before.rev().find(|entry| self.is_same(entry, &voucher, &order.validity, now)) {
            return Ok(Step::Again(before.artifact.clone()));
        }
        // RFC 8366 §7.2: somebody else must have agreed.
        let approval = match self.policy.approvals {
            Approvals::None => None,
            Approvals::SecondPerson => match on_record.approval(&voucher, self.policy.request_age, now) {
                Some(approval) => Some(approval),
                None => {
                    let proposal = Proposal::by_person(order.person.clone(), &request, now)?;
                    let claim = Claim { id: ClaimId::of(&voucher), ..claim_of(&proposal, now) };
                    let why = format!("the claim {} waits for somebody else's approval", claim.id);
                    let refusal = Refusal::new(ReasonCode::SecondPersonRequired, why);
                    let waits = on_record.claims.contains_key(&claim.id);
                    let claimed = MasaEvent::VoucherClaimed { claim: Box::new(claim) };
                    let event = (!waits).then(|| Box::new(Event::Masa(claimed)));
                    return Ok(Step::Claim(event, refusal));
                }
            },
        };
        Ok(Step::Issue(Box::new(VoucherIssue {
            artifact: self.signed(&voucher, press)?,
            owner: owner.map(|owner| owner.name.clone()),
            voucher,
            request: None,
            standing,
            approval,
        })))
    }

    /// Signs; vouchers that differ in their serial numbers alone come out of one press.
    fn signed<'a>(
        &'a self,
        voucher: &Voucher,
        press: &mut Option<(Voucher, Press<'a>)>,
    ) -> Result<OwnershipVoucher, MasaError> {
        if matches!(voucher.freshness, Freshness::Nonce(_)) {
            return self.masa.sign_voucher(voucher);
        }
        let alike =
            |first: &Voucher| Voucher { serial_number: first.serial_number.clone(), ..voucher.clone() } == *first;
        let (_, press) = match press {
            Some(it) if alike(&it.0) => it,
            other => other.insert((voucher.clone(), self.masa.press_like(voucher)?)),
        };
        press.press(&voucher.serial_number)
    }

    /// Whether a voucher that was issued is what is wanted.
    fn is_same(&self, entry: &VoucherEntry, wanted: &Voucher, validity: &Validity, now: Timestamp) -> bool {
        if entry.claim != ClaimId::of(wanted) {
            return false;
        }
        match (&wanted.freshness, validity) {
            // Where nobody named an end, neither one that ends soon will do, nor one that somebody once wanted for longer than is usual.
            (Freshness::ExpiresOn { expires_on, .. }, Validity::Until(None)) => {
                let soonest = now.plus_seconds(self.policy.lifetime / 2);
                entry.expires_on.is_some_and(|end| end >= soonest && end <= *expires_on)
            }
            (Freshness::ExpiresOn { expires_on, .. }, _) => entry.expires_on == Some(*expires_on),
            (Freshness::Nonce(_) | Freshness::Unlimited, _) => true,
        }
    }
}

async fn on_record(records: &dyn MasaRecords, serial_numbers: &[SerialNumber]) -> Result<OnRecord, StoreError> {
    let mut on_record = OnRecord {
        lines: records.lines().await?,
        owners: records.owners().await?,
        made: BTreeMap::new(),
        issued: BTreeMap::new(),
        claims: BTreeMap::new(),
    };
    for entry in records.made(serial_numbers).await? {
        on_record.made.entry(entry.device.serial_number.clone()).or_default().push(entry);
    }
    for entry in records.issued_vouchers(serial_numbers).await? {
        on_record.issued.entry(entry.serial_number.clone()).or_default().push(entry);
    }
    for claim in records.claims_of(serial_numbers).await? {
        on_record.claims.insert(claim.id, claim);
    }
    Ok(on_record)
}

impl OnRecord {
    /// Whose the device is, provided that the certificate speaks for them: never first come, and never who was it before.
    fn owner_of(&self, entry: &MadeEntry, pinned: &Certificate) -> Result<&Owner, Refusal> {
        let owner = match &entry.ownership {
            Ownership::Owned { by, .. } => self.owners.iter().find(|owner| owner.name == *by),
            Ownership::Released { from, to, .. } => {
                let why = format!("{from} released the device to {to}, who has not accepted it");
                return Err(Refusal::new(ReasonCode::OwnershipInTransfer, why));
            }
            Ownership::Unsold => {
                let why = format!("{} was never sold, say the records", entry.device);
                return Err(Refusal::new(ReasonCode::OwnershipUnrecorded, why));
            }
        };
        owner.filter(|owner| owner.is_pinned_by(pinned)).ok_or_else(|| {
            let why = format!("{} belongs to somebody whose certificate this is not", entry.device);
            Refusal::new(ReasonCode::OwnershipElsewhere, why)
        })
    }

    /// The second person's word, unless it is so old that it may have been for another occasion.
    fn approval(&self, voucher: &Voucher, age: i64, now: Timestamp) -> Option<Approval> {
        let oldest = now.plus_seconds(age.saturating_neg());
        self.claims.get(&ClaimId::of(voucher))?.approval.clone().filter(|approval| approval.at >= oldest)
    }
}

/// The device that is meant, if it is on record.
fn the_one<'a>(
    serial_number: &SerialNumber,
    made: &'a [MadeEntry],
    line: Option<&LineName>,
) -> Result<Option<&'a MadeEntry>, Refusal> {
    let mut fitting = made.iter().filter(|entry| line.is_none_or(|line| entry.device.line == *line));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(Some(one)),
        (Some(_), Some(_)) => {
            let why = format!("several lines have a device {serial_number}: say which with --line");
            Err(Refusal::new(ReasonCode::SerialNumberAmbiguous, why))
        }
        (None, _) if line.is_some() || !made.is_empty() => {
            let why = format!("there is no device {serial_number} of this line");
            Err(Refusal::new(ReasonCode::SerialNumberUnknown, why))
        }
        (None, _) => Ok(None),
    }
}
