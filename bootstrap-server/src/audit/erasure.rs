//! What is erased from the log, and what the log says about that: how many records, and a digest of their leaves.
//!
//! A leaf stays for ever, its body and its salt may go. Since every erasure is an event of its own that counts them, a
//! record that somebody took out by hand is found: the log has fewer bodies than its erasures explain.

use audit_log::{Kind, Leaf};
use pki::digest::{Digest, Sha256};
use serde_json::{Value, json};
use verdict::{ReasonCode, Refusal};

use crate::{
    domain::DeviceId,
    store::{Place, StoredRecord},
};

/// Records that are to lose body and salt, in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    device: Option<DeviceId>,
    places: Vec<Place>,
    leaves: Digest,
    because: String,
}

impl Erasure {
    /// Most records that one erasure takes: it holds the writer no longer than others do.
    pub const MOST: u32 = 256;

    /// Of those of `records` that have a body still, all of them about `device` or about none. `None` when there is nothing to
    /// erase. `because` stays in the log, and ought to name nobody.
    #[must_use]
    pub fn of(device: Option<&DeviceId>, records: &[StoredRecord], because: &str) -> Option<Self> {
        let (mut places, mut leaves) = (Vec::new(), Sha256::new());
        for record in records.iter().filter(|record| record.opening.is_some()) {
            places.push(Place { log: record.log, position: record.position });
            leaves.update(&record.leaf);
        }
        let (device, because) = (device.cloned(), because.to_owned());
        (!places.is_empty()).then(|| Self { device, places, leaves: leaves.finish(), because })
    }

    /// The device that they are about. The log does not say it.
    #[must_use]
    pub const fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// Where the records stand.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.places.iter().copied()
    }

    /// How many they are.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.places.len()
    }

    /// What the log says: the count, SHA-256 of the leaves in order, by which whoever has an export of the records can
    /// show what was erased, and why.
    pub(super) fn to_json(&self) -> Value {
        json!({"records": self.records(), "leaves": self.leaves.to_string(), "because": self.because})
    }
}

/// The kind of records that count what was erased. They are never erased themselves.
const COUNTING: Kind = Kind(29);

/// Adds up, over all logs of a database, what is erased and what the log says was erased.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    erased: u64,
    counted: u64,
}

impl Account {
    /// Takes one record.
    pub(crate) fn note(&mut self, leaf: &Leaf, body: Option<&[u8]>) {
        match body {
            None => self.erased = self.erased.saturating_add(1),
            Some(body) if leaf.kind() == COUNTING => {
                let body: Value = serde_json::from_slice(body).unwrap_or_default();
                self.counted = self.counted.saturating_add(body["records"].as_u64().unwrap_or_default());
            }
            Some(_) => {}
        }
    }

    /// Whether the two are the same.
    ///
    /// # Errors
    /// [`Unaccounted`] when they are not.
    pub(crate) const fn close(self) -> Result<(), Unaccounted> {
        let Self { erased, counted } = self;
        if erased == counted { Ok(()) } else { Err(Unaccounted { erased, counted }) }
    }
}

/// Bodies are missing that no erasure took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{erased} records have no body, and the log speaks of {counted} that were erased")]
pub struct Unaccounted {
    /// Records without a body.
    pub erased: u64,
    /// Records that were erased, as the log says.
    pub counted: u64,
}

impl From<Unaccounted> for Refusal {
    fn from(unaccounted: Unaccounted) -> Self {
        Self::new(ReasonCode::LogErasureUnaccounted, unaccounted.to_string())
    }
}

#[cfg(test)]
mod tests {
    use audit_log::{LogIndex, Salt, UnixMillis};

    use super::*;
    use crate::{audit::Event, store::LogNumber};

    fn record(position: u64) -> StoredRecord {
        let salt = Salt::new([7; 32]);
        let leaf = Leaf::commit_to(UnixMillis(position), Kind(4), &salt, b"{}");
        StoredRecord {
            log: LogNumber(0),
            position: LogIndex(position),
            leaf: leaf.encode().to_vec(),
            opening: Some((salt, b"{}".to_vec())),
            damage: None,
        }
    }

    #[test]
    fn sec_22_what_was_erased_is_counted_once_and_named_by_nothing_but_its_leaves() {
        let mut records = vec![record(3), record(5), record(9)];
        records[1].opening = None;
        let erasure = Erasure::of(None, &records, "on request").unwrap();
        assert_eq!(erasure.places().map(|it| it.position.0).collect::<Vec<_>>(), [3, 9]);
        let digest = pki::digest::sha256(&[records[0].leaf.as_slice(), &records[2].leaf].concat());
        let said = json!({"records": 2, "leaves": digest.to_string(), "because": "on request"});
        assert_eq!(erasure.to_json(), said);
        records.iter_mut().for_each(|record| record.opening = None);
        assert_eq!(Erasure::of(None, &records, "again"), None, "nothing is left");
    }

    #[test]
    fn sec_22_a_body_that_nobody_erased_is_missed() {
        let erasure = Box::new(Erasure::of(None, &[record(3), record(4)], "").unwrap());
        let event = Event::RecordsErased { erasure };
        assert_eq!(event.kind(), COUNTING);
        let leaf = record(0).leaf().unwrap();
        let counting = Leaf::commit_to(UnixMillis(0), COUNTING, &Salt::new([1; 32]), b"");
        let mut account = Account::default();
        account.note(&leaf, Some(b"{\"records\":9}"));
        account.note(&leaf, None);
        account.note(&leaf, None);
        account.note(&counting, Some(&event.body(None)));
        assert_eq!(account.close(), Ok(()));
        account.note(&leaf, None);
        assert_eq!(account.close(), Err(Unaccounted { erased: 3, counted: 2 }));
    }
}
