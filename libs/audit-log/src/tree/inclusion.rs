//! Inclusion proofs: that a leaf is in a tree, without the rest of the tree.

use super::{
    LeafHash, LeafHashes, LogIndex, NodeHash, ProofError, ProofInvalid, RootHash, TreeHead, TreeSize,
    storage::{range_root, require_size, split},
};

/// The siblings on the way from one leaf up to the root, lowest first (RFC 6962 §2.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    index: LogIndex,
    path: Vec<NodeHash>,
}

impl InclusionProof {
    /// A proof as it was received. Nothing is checked before [`InclusionProof::verify`].
    #[must_use]
    pub const fn new(index: LogIndex, path: Vec<NodeHash>) -> Self {
        Self { index, path }
    }

    /// Makes the proof that leaf `index` is in the tree of the first `size` leaves of `log`.
    ///
    /// # Errors
    ///
    /// [`ProofError`] if the leaf is not in that tree, the tree is larger than the log, or the storage fails.
    pub fn generate<L>(log: &L, index: LogIndex, size: TreeSize) -> Result<Self, ProofError<L::Error>>
    where
        L: LeafHashes + ?Sized,
    {
        require_size(log, size)?;
        if index.0 >= size.0 {
            return Err(ProofError::LeafBeyondTree { index, size });
        }
        // PATH(m, D[n]) of RFC 6962 §2.1.1, from the root downwards: the half without the leaf is the sibling.
        let mut path = Vec::new();
        let (mut start, mut end) = (0, size.0);
        while end - start > 1 {
            let middle = start + split(end - start);
            let (sibling_start, sibling_end) = if index.0 < middle { (middle, end) } else { (start, middle) };
            path.push(range_root(log, sibling_start, sibling_end).map_err(ProofError::Storage)?);
            (start, end) = if index.0 < middle { (start, middle) } else { (middle, end) };
        }
        path.reverse();
        Ok(Self { index, path })
    }

    /// The leaf that the proof is for.
    #[must_use]
    pub const fn index(&self) -> LogIndex {
        self.index
    }

    /// The siblings, lowest first.
    #[must_use]
    pub fn path(&self) -> &[NodeHash] {
        &self.path
    }

    /// Checks that `leaf` stands at [`index`](InclusionProof::index) in the tree that `head` describes. Take the head
    /// from a verified [`Checkpoint`](crate::Checkpoint), or the proof proves nothing.
    ///
    /// # Errors
    ///
    /// [`ProofInvalid`] if it does not, or the proof has not the form that a tree of this size demands.
    pub fn verify(&self, leaf: LeafHash, head: &TreeHead) -> Result<(), ProofInvalid> {
        let wrong_length = ProofInvalid::PathLength { found: self.path.len() };
        // RFC 9162 §2.1.3.2 step 1: the index lies inside the tree.
        let last = match head.size.0.checked_sub(1) {
            Some(last) if self.index.0 <= last => last,
            _ => return Err(ProofInvalid::LeafBeyondTree { index: self.index, size: head.size }),
        };
        // Steps 2 and 3. `position` and `last` are the leaf's and the last leaf's ancestors on the level reached.
        let (mut position, mut last) = (self.index.0, last);
        let mut node = NodeHash::from(leaf);
        for &sibling in &self.path {
            // Step 4a: the root is reached and the path goes on.
            if last == 0 {
                return Err(wrong_length);
            }
            if position % 2 == 1 || position == last {
                // Step 4b: the sibling is older. A node without a right sibling rises to where it has a left one.
                node = NodeHash::above(sibling, node);
                let rise = if position % 2 == 0 { position.trailing_zeros() } else { 0 };
                (position, last) = (shift(position, rise), shift(last, rise));
            } else {
                node = NodeHash::above(node, sibling);
            }
            (position, last) = (position >> 1, last >> 1);
        }
        // Step 5: the root is reached, and it is the one that was signed.
        let computed = RootHash::from(node);
        match last {
            0 if computed == head.root => Ok(()),
            0 => Err(ProofInvalid::RootMismatch { computed, expected: head.root }),
            _ => Err(wrong_length),
        }
    }
}

/// A right shift that may shift everything out: 0 has 64 trailing zeros.
pub(super) fn shift(value: u64, by: u32) -> u64 {
    value.checked_shr(by).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CompactRange;

    fn log(size: u64) -> (Vec<LeafHash>, TreeHead) {
        let hashes: Vec<_> = (0..size).map(|number| LeafHash::of(&number.to_be_bytes())).collect();
        let head = hashes.iter().copied().collect::<CompactRange>().head();
        (hashes, head)
    }

    #[test]
    fn a_single_leaf_needs_no_siblings() {
        let (hashes, head) = log(1);
        let proof = InclusionProof::generate(&hashes, LogIndex(0), TreeSize(1)).unwrap();
        assert!(proof.path().is_empty());
        assert_eq!(proof.verify(hashes[0], &head), Ok(()));
        assert_eq!(NodeHash::from(hashes[0]), NodeHash(head.root.0));
    }

    #[test]
    fn no_proof_for_what_is_not_there() {
        let (hashes, _) = log(5);
        let (index, size) = (LogIndex(3), TreeSize(3));
        assert_eq!(InclusionProof::generate(&hashes, index, size), Err(ProofError::LeafBeyondTree { index, size }));
        assert_eq!(
            InclusionProof::generate(&hashes, index, TreeSize(6)),
            Err(ProofError::TreeBeyondLog { asked: TreeSize(6), held: TreeSize(5) })
        );
        assert!(InclusionProof::generate(&hashes, LogIndex(0), TreeSize(0)).is_err());
    }

    #[test]
    fn a_proof_holds_for_its_leaf_index_and_tree_only() {
        let (hashes, head) = log(7);
        let proof = InclusionProof::generate(&hashes, LogIndex(2), TreeSize(7)).unwrap();
        assert_eq!(proof.verify(hashes[2], &head), Ok(()));
        assert!(matches!(proof.verify(hashes[3], &head), Err(ProofInvalid::RootMismatch { .. })));
        for index in [0, 1, 3, 4, 5, 6] {
            let moved = InclusionProof::new(LogIndex(index), proof.path().to_vec());
            assert!(moved.verify(hashes[2], &head).is_err(), "{index}");
        }
        let other_root = TreeHead { root: RootHash([0; 32]), ..head };
        assert!(matches!(proof.verify(hashes[2], &other_root), Err(ProofInvalid::RootMismatch { .. })));
        let beyond = InclusionProof::new(LogIndex(7), proof.path().to_vec());
        assert!(matches!(beyond.verify(hashes[2], &head), Err(ProofInvalid::LeafBeyondTree { .. })));
    }

    #[test]
    fn a_path_too_short_or_too_long_is_refused_as_such() {
        let (hashes, head) = log(7);
        for index in 0..7 {
            let proof = InclusionProof::generate(&hashes, LogIndex(index), TreeSize(7)).unwrap();
            let leaf = hashes[usize::try_from(index).unwrap()];
            let (_, shorter) = proof.path().split_last().unwrap();
            let short = InclusionProof::new(LogIndex(index), shorter.to_vec());
            assert_eq!(short.verify(leaf, &head), Err(ProofInvalid::PathLength { found: shorter.len() }));
            let longer = [proof.path(), &[NodeHash([0; 32])]].concat();
            let found = longer.len();
            let long = InclusionProof::new(LogIndex(index), longer);
            assert_eq!(long.verify(leaf, &head), Err(ProofInvalid::PathLength { found }));
        }
    }

    #[test]
    fn nothing_is_in_the_empty_tree_and_the_largest_tree_does_not_overflow() {
        let (_, empty) = log(0);
        let leaf = LeafHash::of(b"");
        let proof = InclusionProof::new(LogIndex(0), vec![]);
        assert!(matches!(proof.verify(leaf, &empty), Err(ProofInvalid::LeafBeyondTree { .. })));
        let huge = TreeHead { size: TreeSize(u64::MAX), root: RootHash([0; 32]) };
        for index in [0, 1, 1 << 63, u64::MAX - 1] {
            let proof = InclusionProof::new(LogIndex(index), vec![NodeHash([0; 32]); 70]);
            assert_eq!(proof.verify(leaf, &huge), Err(ProofInvalid::PathLength { found: 70 }));
        }
    }
}
