//! Consistency proofs: that a log only grew, that nothing already signed was changed, removed or reordered.

use super::{
    LeafHashes, NodeHash, ProofError, ProofInvalid, RootHash, TreeHead, TreeSize,
    inclusion::shift,
    storage::{range_root, require_size, split},
};

/// The subtrees from which both the older and the newer root can be computed, lowest first (RFC 6962 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    path: Vec<NodeHash>,
}

impl ConsistencyProof {
    /// A proof as it was received. Nothing is checked before [`ConsistencyProof::verify`].
    #[must_use]
    pub const fn new(path: Vec<NodeHash>) -> Self {
        Self { path }
    }

    /// Makes the proof that the first `old` leaves of `log` are the beginning of its first `new` leaves. It is empty if
    /// the sizes are equal or the older tree has no leaves.
    ///
    /// # Errors
    ///
    /// [`ProofError`] if `old` is the larger one, `new` is larger than the log, or the storage fails.
    pub fn generate<L>(log: &L, old: TreeSize, new: TreeSize) -> Result<Self, ProofError<L::Error>>
    where
        L: LeafHashes + ?Sized,
    {
        require_size(log, new)?;
        if old > new {
            return Err(ProofError::OldLargerThanNew { old, new });
        }
        let mut path = Vec::new();
        if old == TreeSize(0) {
            return Ok(Self { path });
        }
        // SUBPROOF(m, D[n], b) of RFC 6962 §2.1.2, from the root downwards until a subtree ends where the old tree did.
        let (mut start, mut end) = (0, new.0);
        while end != old.0 {
            let middle = start + split(end - start);
            let (sibling_start, sibling_end) = if old.0 <= middle { (middle, end) } else { (start, middle) };
            path.push(range_root(log, sibling_start, sibling_end).map_err(ProofError::Storage)?);
            (start, end) = if old.0 <= middle { (start, middle) } else { (middle, end) };
        }
        // b: if that subtree is the whole old tree, the verifier has its root already.
        if start != 0 {
            path.push(range_root(log, start, end).map_err(ProofError::Storage)?);
        }
        path.reverse();
        Ok(Self { path })
    }

    /// The subtrees, lowest first.
    #[must_use]
    pub fn path(&self) -> &[NodeHash] {
        &self.path
    }

    /// Checks that the tree of `new` begins with all leaves of the tree of `old`. Take both from verified
    /// [`Checkpoint`](crate::Checkpoint)s.
    ///
    /// # Errors
    ///
    /// [`ProofInvalid`] if it does not, or the proof has not the form that trees of these sizes demand.
    pub fn verify(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ProofInvalid> {
        if old.size > new.size {
            return Err(ProofInvalid::OldLargerThanNew { old: old.size, new: new.size });
        }
        // RFC 9162 §2.1.4.2 speaks of 0 < first < second. Equal trees and the empty tree need no proof, only equality.
        if old.size == new.size {
            self.require_empty()?;
            return require_root(new.root, old.root);
        }
        if old.size == TreeSize(0) {
            self.require_empty()?;
            return require_old_root(RootHash::of_empty_tree(), old.root);
        }
        let (computed_old, computed_new) = self.roots(old, new)?;
        // Step 7: both roots are the signed ones.
        require_old_root(computed_old, old.root)?;
        require_root(computed_new, new.root)
    }

    /// Steps 1 to 6 of RFC 9162 §2.1.4.2, and the part of step 7 that says whether the path ends at the root.
    fn roots(&self, old: &TreeHead, new: &TreeHead) -> Result<(RootHash, RootHash), ProofInvalid> {
        let wrong_length = ProofInvalid::PathLength { found: self.path.len() };
        // Step 2: an old tree that is perfect is itself the first subtree, and not repeated in the path.
        let old_top = old.size.0.is_power_of_two().then_some(NodeHash(old.root.0));
        let mut path = old_top.into_iter().chain(self.path.iter().copied());
        // Step 1: a path with nothing in it proves nothing. With a perfect old tree, step 7 finds it too short.
        let first = path.next().ok_or(wrong_length)?;
        // Steps 3 and 4: go up to the first level where the old tree's last node is a left one.
        let (position, last) = (old.size.0 - 1, new.size.0 - 1);
        let rise = position.trailing_ones();
        let (mut position, mut last) = (shift(position, rise), shift(last, rise));
        // Steps 5 and 6: grow both trees' last node upwards.
        let (mut old_node, mut new_node) = (first, first);
        for node in path {
            if last == 0 {
                return Err(wrong_length);
            }
            if position % 2 == 1 || position == last {
                old_node = NodeHash::above(node, old_node);
                new_node = NodeHash::above(node, new_node);
                let rise = if position % 2 == 0 { position.trailing_zeros() } else { 0 };
                (position, last) = (shift(position, rise), shift(last, rise));
            } else {
                new_node = NodeHash::above(new_node, node);
            }
            (position, last) = (position >> 1, last >> 1);
        }
        if last == 0 { Ok((old_node.into(), new_node.into())) } else { Err(wrong_length) }
    }

    fn require_empty(&self) -> Result<(), ProofInvalid> {
        if self.path.is_empty() { Ok(()) } else { Err(ProofInvalid::PathLength { found: self.path.len() }) }
    }
}

fn require_root(computed: RootHash, expected: RootHash) -> Result<(), ProofInvalid> {
    if computed == expected { Ok(()) } else { Err(ProofInvalid::RootMismatch { computed, expected }) }
}

fn require_old_root(computed: RootHash, expected: RootHash) -> Result<(), ProofInvalid> {
    if computed == expected { Ok(()) } else { Err(ProofInvalid::OldRootMismatch { computed, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompactRange, LeafHash};

    fn hashes(size: u64) -> Vec<LeafHash> {
        (0..size).map(|number| LeafHash::of(&number.to_be_bytes())).collect()
    }

    fn head(hashes: &[LeafHash]) -> TreeHead {
        hashes.iter().copied().collect::<CompactRange>().head()
    }

    #[test]
    fn equal_trees_and_the_empty_tree_need_an_empty_path() {
        let hashes = hashes(5);
        let (empty, whole) = (head(&[]), head(&hashes));
        let nothing = ConsistencyProof::new(vec![]);
        assert_eq!(ConsistencyProof::generate(&hashes, TreeSize(0), TreeSize(5)), Ok(nothing.clone()));
        assert_eq!(ConsistencyProof::generate(&hashes, TreeSize(5), TreeSize(5)), Ok(nothing.clone()));
        assert_eq!(nothing.verify(&empty, &whole), Ok(()));
        assert_eq!(nothing.verify(&whole, &whole), Ok(()));
        assert_eq!(nothing.verify(&empty, &empty), Ok(()));
        let something = ConsistencyProof::new(vec![NodeHash([0; 32])]);
        assert_eq!(something.verify(&empty, &whole), Err(ProofInvalid::PathLength { found: 1 }));
        assert_eq!(something.verify(&whole, &whole), Err(ProofInvalid::PathLength { found: 1 }));
    }

    #[test]
    fn two_roots_of_one_size_are_a_split_view() {
        let whole = head(&hashes(5));
        let forged = TreeHead { root: RootHash([9; 32]), ..whole };
        let nothing = ConsistencyProof::new(vec![]);
        assert!(matches!(nothing.verify(&forged, &whole), Err(ProofInvalid::RootMismatch { .. })));
        let forged_empty = TreeHead { size: TreeSize(0), root: RootHash([9; 32]) };
        assert!(matches!(nothing.verify(&forged_empty, &whole), Err(ProofInvalid::OldRootMismatch { .. })));
    }

    #[test]
    fn a_log_that_shrank_has_no_proof() {
        let hashes = hashes(5);
        let (old, new) = (TreeSize(4), TreeSize(3));
        assert_eq!(ConsistencyProof::generate(&hashes, old, new), Err(ProofError::OldLargerThanNew { old, new }));
        assert!(matches!(ConsistencyProof::generate(&hashes, old, TreeSize(6)), Err(ProofError::TreeBeyondLog { .. })));
        let proof = ConsistencyProof::new(vec![]);
        assert_eq!(
            proof.verify(&head(&hashes[..4]), &head(&hashes[..3])),
            Err(ProofInvalid::OldLargerThanNew { old, new })
        );
    }

    #[test]
    fn a_rewritten_leaf_is_found_whatever_the_sizes() {
        let honest = hashes(20);
        for old in 1..20 {
            let mut rewritten = honest.clone();
            rewritten[old / 2] = LeafHash::of(b"rewritten");
            let (size_old, size_new) = (TreeSize(u64::try_from(old).unwrap()), TreeSize(20));
            let signed_before = head(&honest[..old]);
            let signed_now = head(&rewritten);
            for log in [&honest, &rewritten] {
                let proof = ConsistencyProof::generate(log, size_old, size_new).unwrap();
                assert!(proof.verify(&signed_before, &signed_now).is_err(), "{old}");
            }
        }
    }

    #[test]
    fn paths_too_short_or_too_long_are_refused() {
        let hashes = hashes(13);
        let new = head(&hashes);
        for old_size in 1..13 {
            let old = head(&hashes[..old_size]);
            let proof = ConsistencyProof::generate(&hashes, old.size, new.size).unwrap();
            assert_eq!(proof.verify(&old, &new), Ok(()), "{old_size}");
            let (_, shorter) = proof.path().split_last().unwrap();
            let refused = ConsistencyProof::new(shorter.to_vec()).verify(&old, &new);
            assert_eq!(refused, Err(ProofInvalid::PathLength { found: shorter.len() }), "{old_size}");
            let longer = [proof.path(), &[NodeHash([0; 32])]].concat();
            let found = longer.len();
            let refused = ConsistencyProof::new(longer).verify(&old, &new);
            assert_eq!(refused, Err(ProofInvalid::PathLength { found }), "{old_size}");
        }
    }

    /// Both roots come out right, and still it is no proof: the path ends below the root of the newer tree.
    #[test]
    fn one_root_signed_for_two_sizes_is_no_consistency() {
        let old = head(&hashes(4));
        let new = TreeHead { size: TreeSize(8), root: old.root };
        let refused = ConsistencyProof::new(vec![]).verify(&old, &new);
        assert_eq!(refused, Err(ProofInvalid::PathLength { found: 0 }));
    }

    #[test]
    fn the_largest_trees_do_not_overflow() {
        let root = RootHash([0; 32]);
        let new = TreeHead { size: TreeSize(u64::MAX), root };
        for old in [1, 2, 1 << 63, u64::MAX - 1] {
            let old = TreeHead { size: TreeSize(old), root };
            let proof = ConsistencyProof::new(vec![NodeHash([0; 32]); 70]);
            assert_eq!(proof.verify(&old, &new), Err(ProofInvalid::PathLength { found: 70 }));
        }
    }
}
