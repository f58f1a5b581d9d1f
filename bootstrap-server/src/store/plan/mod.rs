//! What becomes of a group of batches: pure. What was loaded for them, the time and the salts come in; outcomes and the
//! rows to write come out.
//!
//! A batch that is refused leaves nothing behind: each works on a layer of its own, which is thrown away or merged.

mod changes;
mod factory;
mod known;
mod layer;
mod ledger;
mod masa;

pub(super) use changes::{Changes, EventRow, KeptRow, LeafRow, ReportRow, VoucherRow};
pub(super) use factory::{FactoryNeeds, Production};
pub(super) use known::{Directory, KnownDevice, Loaded, Needs};
pub(super) use ledger::{IssuedRow, LedgerChanges, LedgerNeeds, RevokedRow};
pub(super) use masa::{DeedRow, IssueRow, MasaChanges, MasaNeeds};

use audit_log::{CompactRange, Leaf, LogIndex, Salt, TreeSize, UnixMillis};

use super::{Batch, StoreError};
use crate::domain::{DeviceId, Proof};
use layer::Layer;

/// What became of one batch of a group: the position of its first leaf.
pub(super) type Outcome = Result<LogIndex, StoreError>;

/// Everything that a group is planned from.
pub(super) struct Situation<'a> {
    /// The small tables, as a whole.
    pub(super) directory: &'a Directory,
    /// What the database holds about whatever the group names.
    pub(super) loaded: &'a Loaded,
    /// How many leaves there are.
    pub(super) size: TreeSize,
    /// The time of every leaf of the group.
    pub(super) now: UnixMillis,
}

/// A planned group.
pub(super) struct Plan {
    /// What became of each batch, in order.
    pub(super) outcomes: Vec<Outcome>,
    /// What to write.
    pub(super) changes: Changes,
}

/// Plans `batches`, one after the other. `salt` is asked once for each leaf.
pub(super) fn plan(
    situation: &Situation<'_>,
    batches: &[&Batch],
    mut salt: impl FnMut() -> Result<Salt, StoreError>,
) -> Plan {
    let mut changes = Changes::default();
    let outcomes = batches
        .iter()
        .map(|batch| {
            let mut layer = Layer::new(situation, &changes);
            let first = apply(&mut layer, batch, situation.now, &mut salt)?;
            let own = layer.into_changes();
            changes.merge(own);
            Ok(first)
        })
        .collect();
    Plan { outcomes, changes }
}

fn apply(
    layer: &mut Layer<'_>,
    batch: &Batch,
    now: UnixMillis,
    salt: &mut impl FnMut() -> Result<Salt, StoreError>,
) -> Outcome {
    let first = layer.next_position();
    // First of all: a request that was carried out is not to be told why it cannot be carried out again.
    if let Some((user, key, answer)) = batch.answer() {
        layer.keep_answer(user, key, answer, now)?;
    }
    for (device, version) in batch.expectations() {
        let current = layer.device(device).ok_or_else(|| StoreError::NoDevice(device.clone()))?;
        if current.version != *version {
            return Err(StoreError::Changed(device.clone()));
        }
    }
    if let Some((webhook, next)) = batch.delivery() {
        layer.delivered(webhook, next);
    }
    for event in batch.events() {
        let body = event.body(batch.actor());
        let salt = salt()?;
        let leaf = Leaf::commit_to(now, event.kind(), &salt, &body);
        layer.apply(event, now)?;
        layer.append(LeafRow { leaf, salt, body }, event.device());
    }
    Ok(first)
}

/// Adds proofs of identity that changed nothing else. A device that is not on the list, or showed a newer one, is left
/// as it is; one from after `now` is none: the clock went back since.
pub(super) fn note_proofs(changes: &mut Changes, loaded: &Loaded, proofs: &[(DeviceId, Proof)], now: UnixMillis) {
    for (id, proof) in proofs {
        let stored = || loaded.devices.get(id).and_then(|it| it.device.clone());
        let Some(mut device) = changes.devices.get(id).cloned().unwrap_or_else(stored) else { continue };
        if device.proof.is_none_or(|known| known.at <= proof.at || known.at > now) {
            device.proof = Some(*proof);
            changes.devices.insert(id.clone(), Some(device));
        }
    }
}

/// The tree after the leaves of `changes`.
pub(super) fn grown(tree: &CompactRange, changes: &Changes) -> CompactRange {
    let mut tree = tree.clone();
    tree.extend(changes.leaves.iter().map(|row| row.leaf.hash()));
    tree
}

#[cfg(test)]
mod tests;
