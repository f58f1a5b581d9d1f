//! The whole-log check against everything that can be done to a stored log: bodies, leaves, order, end, checkpoints.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap like the tests themselves")]

use audit_log::{
    Checkpoint, CompactRange, KeyName, Kind, Leaf, LeafHash, Opening, Record, Report, RootHash, Salt, TreeHead,
    UnixMillis, Verifier, VerifierKey,
};
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};
use verdict::{Outcome, ReasonCode, Refusal};

/// A log of the size asked for, as it would be stored. Times are 10 ms apart.
#[derive(Clone)]
struct Stored(Vec<StoredRecord>);

#[derive(Clone)]
struct StoredRecord {
    leaf: [u8; Leaf::LEN],
    opening: Option<(Salt, Vec<u8>)>,
}

impl Stored {
    fn new(size: u8) -> Self {
        let record = |number: u8| {
            let (salt, body) = (Salt::new([number; 32]), vec![number; 5]);
            let leaf = Leaf::commit_to(UnixMillis(u64::from(number) * 10), Kind(1), &salt, &body);
            StoredRecord { leaf: leaf.encode(), opening: Some((salt, body)) }
        };
        Self((0..size).map(record).collect())
    }

    fn head(&self, size: usize) -> TreeHead {
        self.0.iter().take(size).map(|record| LeafHash::of(&record.leaf)).collect::<CompactRange>().head()
    }

    fn verify(&self, checkpoints: impl IntoIterator<Item = Checkpoint>) -> Result<Report, Refusal> {
        let verifier = self.0.iter().try_fold(Verifier::new(checkpoints), |verifier, record| {
            let opening = record.opening.as_ref().map(|(salt, body)| Opening { salt, body });
            verifier.feed(Record { leaf: &record.leaf, opening })
        });
        verifier?.finish()
    }
}

fn checkpoint(head: TreeHead) -> Checkpoint {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let public_key = pair.public_key().as_ref().try_into().unwrap();
    let key = VerifierKey::new(KeyName::new("log.example").unwrap(), public_key);
    let (draft, to_be_signed) = Checkpoint::prepare(&key, head);
    draft.finish(pair.sign(&to_be_signed).as_ref()).unwrap()
}

fn refused(result: Result<Report, Refusal>, reason: ReasonCode) -> Refusal {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.reason, reason, "{refusal}");
    refusal
}

#[test]
fn an_untouched_log_passes_with_checkpoints_in_any_order() {
    let log = Stored::new(20);
    let checkpoints = [17, 0, 20, 5, 5].map(|size| checkpoint(log.head(size)));
    let report = log.verify(checkpoints).unwrap();
    assert_eq!((report.leaves, report.erased, report.checkpoints_checked), (20, 0, 5));
    assert_eq!((report.unvouched, report.clock_steps_back), (0, 0));
    assert_eq!(report.root, log.head(20).root);
    assert_eq!(report.trace.checks().len(), 6);
}

#[test]
fn an_empty_log_passes() {
    let log = Stored::new(0);
    let report = log.verify([checkpoint(log.head(0))]).unwrap();
    assert_eq!((report.leaves, report.checkpoints_checked), (0, 1));
    assert_eq!(report.root, RootHash::of_empty_tree());
    let forged = TreeHead { root: RootHash([1; 32]), ..log.head(0) };
    refused(log.verify([checkpoint(forged)]), ReasonCode::LogRootMismatch);
}

#[test]
fn leaves_after_the_last_checkpoint_are_counted() {
    let log = Stored::new(9);
    assert_eq!(log.verify([checkpoint(log.head(7))]).unwrap().unvouched, 2);
    let without = log.verify([]).unwrap();
    assert_eq!((without.unvouched, without.checkpoints_checked), (9, 0));
    assert_eq!(without.trace.checks()[0].outcome, Outcome::Skipped);
}

#[test]
fn erased_bodies_are_legal_and_counted() {
    let mut log = Stored::new(9);
    let signed = checkpoint(log.head(9));
    for index in [0, 4, 8] {
        log.0[index].opening = None;
    }
    let report = log.verify([signed]).unwrap();
    assert_eq!((report.erased, report.checkpoints_checked), (3, 1));
}

#[test]
fn a_clock_that_steps_back_is_noted_and_not_refused() {
    let mut log = Stored::new(4);
    log.0.swap(1, 2);
    let report = log.verify([]).unwrap();
    assert_eq!(report.clock_steps_back, 1);
    let note = report.trace.checks().last().unwrap().note.clone().unwrap();
    assert!(note.contains("first at leaf 2"), "{note}");
}

#[test]
fn a_changed_body_or_salt_is_found_at_its_index() {
    for change in [0, 1] {
        let mut log = Stored::new(9);
        let (salt, body) = log.0[6].opening.as_mut().unwrap();
        if change == 0 {
            body.push(0)
        } else {
            *salt = Salt::new([0xff; 32])
        }
        let refusal = refused(log.verify([]), ReasonCode::LogLeafMismatch);
        assert!(refusal.detail.starts_with("leaf 6 "), "{refusal}");
    }
}

#[test]
fn a_leaf_of_unknown_version_is_found_at_its_index() {
    let mut log = Stored::new(3);
    log.0[2].leaf[0] = 2;
    let refusal = refused(log.verify([]), ReasonCode::LogLeafMismatch);
    assert_eq!(refusal.detail, "leaf 2: leaf version 2 is unknown");
    let short = Record { leaf: &log.0[0].leaf[..42], opening: None };
    assert_eq!(Verifier::new([]).feed(short).unwrap_err().reason, ReasonCode::LogLeafMismatch);
}

/// Whoever can change a body can change its leaf too. Only the signed root then tells, and says between which.
#[test]
fn a_consistently_rewritten_record_is_narrowed_down_between_two_checkpoints() {
    let mut log = Stored::new(20);
    let checkpoints = [4, 12, 20].map(|size| checkpoint(log.head(size)));
    let (salt, body) = (Salt::new([9; 32]), b"rewritten".to_vec());
    let leaf = Leaf::commit_to(UnixMillis(90), Kind(1), &salt, &body).encode();
    log.0[9] = StoredRecord { leaf, opening: Some((salt, body)) };
    let refusal = refused(log.verify(checkpoints), ReasonCode::LogRootMismatch);
    assert!(refusal.detail.ends_with("the fault lies in leaves 4 to 11"), "{refusal}");
}

#[test]
fn removed_and_swapped_leaves_change_the_root() {
    let log = Stored::new(9);
    let signed = || [checkpoint(log.head(8))];
    let mut swapped = log.clone();
    swapped.0.swap(2, 3);
    refused(swapped.verify(signed()), ReasonCode::LogRootMismatch);
    let mut shorter = log.clone();
    shorter.0.remove(0);
    refused(shorter.verify(signed()), ReasonCode::LogRootMismatch);
}

/// SEC-21: the verify command finds a removed line, at the end as well.
#[test]
fn a_truncated_log_is_found() {
    let mut log = Stored::new(9);
    let checkpoints = [5, 9].map(|size| checkpoint(log.head(size)));
    log.0.pop();
    let refusal = refused(log.verify(checkpoints), ReasonCode::LogTruncated);
    assert_eq!(refusal.detail, "the log ends before leaf 8, a checkpoint covers 9 leaves");
    assert_eq!(refusal.trace.checks().len(), 2);
}

#[test]
fn two_checkpoints_of_one_size_cannot_both_be_true() {
    let log = Stored::new(6);
    let forged = TreeHead { root: RootHash([1; 32]), ..log.head(6) };
    let refusal = refused(log.verify([checkpoint(log.head(6)), checkpoint(forged)]), ReasonCode::LogRootMismatch);
    assert!(refusal.detail.ends_with("the checkpoint is at fault"), "{refusal}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// SEC-21: no bit of any leaf below a checkpoint can change, whether its body is still there or not.
    #[test]
    fn no_bit_of_a_vouched_leaf_can_change(
        size in 1_u8..40, which: prop::sample::Index, byte in 0..Leaf::LEN, bit in 0..8, erased: bool,
    ) {
        let mut log = Stored::new(size);
        let signed = checkpoint(log.head(size.into()));
        let record = &mut log.0[which.index(size.into())];
        record.leaf[byte] ^= 1_u8 << bit;
        if erased {
            record.opening = None;
        }
        prop_assert!(log.verify([signed]).is_err());
    }
}
