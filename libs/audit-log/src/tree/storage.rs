//! Where proofs get their hashes from, and how a proof walks the tree.

use std::error::Error;

use thiserror::Error;

use super::{LeafHash, LogIndex, NodeHash, TreeSize};

/// The leaf hashes of a log, however they are stored. Slices and vectors of [`LeafHash`] are such a storage.
///
/// Proofs ask for [`subtree`](LeafHashes::subtree)s only. The provided method computes one from its leaves, which reads
/// the whole log for every proof; a storage that keeps inner nodes (in tiles, say) overrides it, and a proof then costs
/// a number of reads logarithmic in the size.
pub trait LeafHashes {
    /// Why a hash could not be read.
    type Error: Error + 'static;

    /// How many leaves are stored.
    fn size(&self) -> TreeSize;

    /// The hash of the leaf at `index`, which is below [`size`](LeafHashes::size).
    ///
    /// # Errors
    ///
    /// Whatever keeps the storage from reading it.
    fn leaf_hash(&self, index: LogIndex) -> Result<LeafHash, Self::Error>;

    /// The root of the perfect subtree over the 2^`level` leaves that begin at `position` · 2^`level`, all of them
    /// below [`size`](LeafHashes::size). Level 0 is the leaves.
    ///
    /// # Errors
    ///
    /// Whatever keeps the storage from reading it.
    fn subtree(&self, level: u32, position: u64) -> Result<NodeHash, Self::Error> {
        let Some(below) = level.checked_sub(1) else {
            return self.leaf_hash(LogIndex(position)).map(NodeHash::from);
        };
        let left = self.subtree(below, position * 2)?;
        let right = self.subtree(below, position * 2 + 1)?;
        Ok(NodeHash::above(left, right))
    }
}

impl LeafHashes for [LeafHash] {
    type Error = MissingLeaf;

    fn size(&self) -> TreeSize {
        TreeSize(u64::try_from(self.len()).unwrap_or(u64::MAX))
    }

    fn leaf_hash(&self, index: LogIndex) -> Result<LeafHash, MissingLeaf> {
        let found = usize::try_from(index.0).ok().and_then(|position| self.get(position));
        found.copied().ok_or(MissingLeaf(index))
    }
}

impl LeafHashes for Vec<LeafHash> {
    type Error = MissingLeaf;

    fn size(&self) -> TreeSize {
        self.as_slice().size()
    }

    fn leaf_hash(&self, index: LogIndex) -> Result<LeafHash, MissingLeaf> {
        self.as_slice().leaf_hash(index)
    }
}

/// There is no leaf at this index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no leaf {0}")]
pub struct MissingLeaf(pub LogIndex);

/// No proof could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError<E: Error + 'static> {
    /// The leaf came after the tree that the proof should lead to.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    LeafBeyondTree {
        /// The leaf asked for.
        index: LogIndex,
        /// The tree asked for.
        size: TreeSize,
    },
    /// The log has not grown to the size asked for.
    #[error("the log holds {held} leaves, fewer than the {asked} asked for")]
    TreeBeyondLog {
        /// The tree asked for.
        asked: TreeSize,
        /// What the storage holds.
        held: TreeSize,
    },
    /// The tree said to be older is the larger one.
    #[error("a tree of {old} leaves cannot be the beginning of one of {new}")]
    OldLargerThanNew {
        /// The tree said to be older.
        old: TreeSize,
        /// The tree said to be newer.
        new: TreeSize,
    },
    /// The storage failed.
    #[error("the stored leaf hashes cannot be read")]
    Storage(#[source] E),
}

/// Fails unless the log has grown to `size`.
pub(super) fn require_size<L: LeafHashes + ?Sized>(log: &L, size: TreeSize) -> Result<(), ProofError<L::Error>> {
    let held = log.size();
    if size > held { Err(ProofError::TreeBeyondLog { asked: size, held }) } else { Ok(()) }
}

/// The largest power of two below `count`, which is at least 2: where RFC 6962 §2.1 cuts a tree in two.
pub(super) const fn split(count: u64) -> u64 {
    1 << (count.saturating_sub(1) | 1).ilog2()
}

/// MTH(D\[start:end\]) of RFC 6962 §2.1, for a non-empty range that arises from [`split`]ting a whole tree. Such a range
/// begins at a multiple of every power of two that it is cut by, so that its parts are perfect subtrees.
pub(super) fn range_root<L: LeafHashes + ?Sized>(log: &L, start: u64, end: u64) -> Result<NodeHash, L::Error> {
    let count = end - start;
    if count.is_power_of_two() {
        return log.subtree(count.trailing_zeros(), start / count);
    }
    let width = split(count);
    let left = log.subtree(width.trailing_zeros(), start / width)?;
    let right = range_root(log, start + width, end)?;
    Ok(NodeHash::above(left, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_cut_at_the_largest_power_of_two_below() {
        let cuts = [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (u64::MAX, 1 << 63), ((1 << 63) + 1, 1 << 63)];
        for (count, expected) in cuts {
            assert_eq!(split(count), expected, "{count}");
        }
    }

    #[test]
    fn a_slice_knows_its_leaves_and_names_the_missing_one() {
        let hashes = vec![LeafHash::of(b"a"), LeafHash::of(b"b")];
        assert_eq!(hashes.size(), TreeSize(2));
        assert_eq!(hashes.leaf_hash(LogIndex(1)), Ok(hashes[1]));
        assert_eq!(hashes.leaf_hash(LogIndex(2)), Err(MissingLeaf(LogIndex(2))));
        assert_eq!(hashes.leaf_hash(LogIndex(u64::MAX)), Err(MissingLeaf(LogIndex(u64::MAX))));
        assert_eq!(require_size(&hashes, TreeSize(2)), Ok(()));
        assert_eq!(
            require_size(&hashes, TreeSize(3)),
            Err(ProofError::TreeBeyondLog { asked: TreeSize(3), held: TreeSize(2) })
        );
    }

    #[test]
    fn a_subtree_is_computed_from_its_leaves() {
        let hashes: Vec<_> = (0..4).map(|number| LeafHash::of(&[number])).collect();
        let [a, b, c, d] = [0, 1, 2, 3].map(|index: usize| NodeHash::from(hashes[index]));
        assert_eq!(hashes.subtree(0, 2), Ok(c));
        assert_eq!(hashes.subtree(1, 1), Ok(NodeHash::above(c, d)));
        assert_eq!(hashes.subtree(2, 0), Ok(NodeHash::above(NodeHash::above(a, b), NodeHash::above(c, d))));
        assert_eq!(hashes.subtree(2, 1), Err(MissingLeaf(LogIndex(4))));
    }
}
