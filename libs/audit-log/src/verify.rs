//! The check of a whole log, as `sztp audit verify` makes it: one pass over the records, constant memory.

use std::{collections::VecDeque, fmt};

use verdict::{Digest, Input, ReasonCode, Refusal, Trace};

use crate::{Checkpoint, CompactRange, Leaf, LeafHash, LogIndex, RootHash, Salt, TreeSize, UnixMillis, sha256::sha256};

/// Where the rule about roots stands.
const MERKLE_TREE: &str = "RFC 6962 §2.1";

/// One record of the log as it was stored.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The 43 bytes of the leaf.
    pub leaf: &'a [u8],
    /// What was stored beside it; `None` once erased.
    pub opening: Option<Opening<'a>>,
}

/// What opens a leaf's commitment. `Debug` shows the length of the body only.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The salt stored with the body.
    pub salt: &'a Salt,
    /// The body that the leaf commits to.
    pub body: &'a [u8],
}

impl fmt::Debug for Opening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("body_len", &self.body.len()).finish_non_exhaustive()
    }
}

/// Checks records in order against checkpoints of any sizes.
///
/// [`feed`](Verifier::feed) and [`finish`](Verifier::finish) consume the verifier and only success gives one back: after
/// a refusal there is nothing left to go on with.
#[derive(Clone, Debug)]
pub struct Verifier {
    tree: CompactRange,
    /// Those not reached yet, smallest first.
    checkpoints: VecDeque<Checkpoint>,
    checkpoints_checked: u64,
    /// The size of the last checkpoint whose root was met: all leaves before are as they were signed.
    vouched: TreeSize,
    erased: u64,
    clock: Clock,
    trace: Trace,
}

/// What the leaves say about the clock of whoever wrote the log.
#[derive(Clone, Debug, Default)]
struct Clock {
    latest: Option<UnixMillis>,
    steps_back: u64,
    first_step_back: Option<LogIndex>,
}

/// A log whose every leaf is what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many leaves there are, erased ones included.
    pub leaves: u64,
    /// How many of them have no body any more.
    pub erased: u64,
    /// The root over all leaves.
    pub root: RootHash,
    /// How many checkpoints were found true.
    pub checkpoints_checked: u64,
    /// How many leaves at the end no checkpoint covers: nobody outside could tell if these were changed.
    pub unvouched: u64,
    /// How often a leaf is older than the one before it. Not a fault, since clocks are corrected, but worth a look.
    pub clock_steps_back: u64,
    /// The checks made.
    pub trace: Trace,
}

impl Verifier {
    /// A verifier that expects the log to pass through every one of `checkpoints`, which may come in any order.
    #[must_use]
    pub fn new(checkpoints: impl IntoIterator<Item = Checkpoint>) -> Self {
        let mut checkpoints: Vec<_> = checkpoints.into_iter().collect();
        checkpoints.sort_by_key(|checkpoint| checkpoint.head().size);
        Self {
            tree: CompactRange::new(),
            checkpoints: checkpoints.into(),
            checkpoints_checked: 0,
            vouched: TreeSize(0),
            erased: 0,
            clock: Clock::default(),
            trace: Trace::new(),
        }
    }

    /// Takes the next record, the first being index 0.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] whose detail names the index: [`ReasonCode::LogLeafMismatch`] if the leaf cannot be read or the
    /// opening is not that of the leaf, [`ReasonCode::LogRootMismatch`] if a checkpoint of the size reached so far
    /// signed another root.
    pub fn feed(self, record: Record<'_>) -> Result<Self, Refusal> {
        let mut verifier = self.meet_checkpoints()?;
        let index = LogIndex(verifier.tree.size().0);
        let refused = |trace: Trace, check, detail: String| {
            let input = Input { name: "leaf", sha256: Digest(sha256(&[record.leaf])) };
            Err(trace.refused(check, ReasonCode::LogLeafMismatch, &[input], detail))
        };
        let leaf = match Leaf::decode(record.leaf) {
            Ok(leaf) => leaf,
            Err(error) => return refused(verifier.trace, "leaf-format", format!("leaf {index}: {error}")),
        };
        match record.opening {
            Some(Opening { salt, body }) if !leaf.opens_with(salt, body) => {
                let (kind, time) = (leaf.kind(), leaf.time());
                let detail = format!(
                    "leaf {index} (kind {kind}, made at {time}) commits to another body or salt than the stored ones"
                );
                return refused(verifier.trace, "leaf-opening", detail);
            }
            Some(_) => {}
            None => verifier.erased += 1,
        }
        verifier.clock.see(index, leaf.time());
        verifier.tree.append(LeafHash::of(record.leaf));
        Ok(verifier)
    }

    /// Ends the log after the last record fed.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with [`ReasonCode::LogRootMismatch`] as in [`feed`](Verifier::feed), or with
    /// [`ReasonCode::LogTruncated`] if a checkpoint covers more leaves than there are.
    pub fn finish(self) -> Result<Report, Refusal> {
        let mut verifier = self.meet_checkpoints()?;
        let size = verifier.tree.size();
        if let Some(beyond) = verifier.checkpoints.back() {
            let missing = beyond.head().size;
            let detail = format!("the log ends before leaf {size}, a checkpoint covers {missing} leaves");
            return Err(verifier.trace.refused("log-length", ReasonCode::LogTruncated, &[digest_of(beyond)], detail));
        }
        if verifier.checkpoints_checked == 0 {
            verifier.trace.skipped(
                "checkpoint-root",
                MERKLE_TREE,
                "no checkpoint was given: nothing vouches for the root",
            );
        }
        verifier.trace.passed_with("leaves", MERKLE_TREE, &[], verifier.leaves_note());
        Ok(Report {
            leaves: size.0,
            erased: verifier.erased,
            root: verifier.tree.root(),
            checkpoints_checked: verifier.checkpoints_checked,
            unvouched: size.0 - verifier.vouched.0,
            clock_steps_back: verifier.clock.steps_back,
            trace: verifier.trace,
        })
    }

    /// Compares the root with every checkpoint of the size reached so far.
    fn meet_checkpoints(mut self) -> Result<Self, Refusal> {
        let size = self.tree.size();
        while let Some(checkpoint) = self.checkpoints.pop_front_if(|next| next.head().size == size) {
            let input = digest_of(&checkpoint);
            let (computed, signed) = (self.tree.root(), checkpoint.head().root);
            if computed != signed {
                let detail = self.root_mismatch(computed, signed);
                return Err(self.trace.refused("checkpoint-root", ReasonCode::LogRootMismatch, &[input], detail));
            }
            self.trace.passed_with("checkpoint-root", MERKLE_TREE, &[input], format!("{size} leaves, root {signed}"));
            self.checkpoints_checked += 1;
            self.vouched = size;
        }
        Ok(self)
    }

    /// Narrows the fault down to the leaves since the last root that was right.
    fn root_mismatch(&self, computed: RootHash, signed: RootHash) -> String {
        let (size, vouched) = (self.tree.size(), self.vouched);
        let roots = format!("the checkpoint of {size} leaves signed root {signed}, the log gives {computed}");
        match size.0.checked_sub(1) {
            Some(last) if vouched < size => format!("{roots}: the fault lies in leaves {vouched} to {last}"),
            _ => format!(
                "{roots}: no leaf lies between this and a root known to be right, so the checkpoint is at fault"
            ),
        }
    }

    fn leaves_note(&self) -> String {
        let (size, erased) = (self.tree.size(), self.erased);
        let clock = match self.clock.first_step_back {
            Some(first) => format!("; the clock stepped back {} times, first at leaf {first}", self.clock.steps_back),
            None => String::new(),
        };
        format!("{size} leaves, {erased} of them erased{clock}")
    }
}

impl Clock {
    fn see(&mut self, index: LogIndex, time: UnixMillis) {
        if self.latest.is_some_and(|latest| time < latest) {
            self.steps_back += 1;
            self.first_step_back.get_or_insert(index);
        }
        self.latest = Some(time);
    }
}

fn digest_of(checkpoint: &Checkpoint) -> Input {
    Input { name: "checkpoint", sha256: Digest(sha256(&[checkpoint.signed_note().as_bytes()])) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_salt_and_body() {
        let (salt, body) = (Salt::new([1; 32]), b"secret");
        let record = Record { leaf: &[1], opening: Some(Opening { salt: &salt, body }) };
        assert_eq!(format!("{record:?}"), "Record { leaf: [1], opening: Some(Opening { body_len: 6, .. }) }");
    }

    #[test]
    fn the_clock_is_compared_with_the_leaf_before() {
        let mut clock = Clock::default();
        for (index, time) in (0..).zip([5, 5, 3, 4, 2]) {
            clock.see(LogIndex(index), UnixMillis(time));
        }
        assert_eq!((clock.steps_back, clock.first_step_back), (2, Some(LogIndex(2))));
    }

    #[test]
    fn the_reason_for_an_unreadable_leaf_comes_with_its_digest() {
        let refusal = Verifier::new([]).feed(Record { leaf: b"\x01bc", opening: None }).unwrap_err();
        assert_eq!(refusal.detail, "leaf 0: a leaf has 43 bytes, this one 3");
        let check = &refusal.trace.checks()[0];
        assert_eq!((check.check, check.inputs[0].sha256), ("leaf-format", Digest(sha256(&[b"\x01bc"]))));
    }
}
