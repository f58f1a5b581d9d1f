//! The tree against a second implementation that follows the recursive definitions of RFC 6962 §2.1 word by word and
//! shares no code with the first but SHA-256.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap like the tests themselves")]

use std::cell::Cell;

use audit_log::{
    CompactRange, ConsistencyProof, InclusionProof, LeafHash, LeafHashes, LogIndex, MissingLeaf, NodeHash, RootHash,
    TreeHead, TreeSize,
};
use proptest::prelude::*;
use ring::digest::{SHA256, digest};

fn sha256(data: &[u8]) -> [u8; 32] {
    digest(&SHA256, data).as_ref().try_into().unwrap()
}

/// The largest power of two smaller than `n`.
fn k(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH of §2.1.
fn mth(d: &[Vec<u8>]) -> [u8; 32] {
    match d {
        [] => sha256(&[]),
        [only] => sha256(&[&[0][..], only].concat()),
        _ => {
            let (left, right) = d.split_at(k(d.len()));
            sha256(&[&[1][..], &mth(left), &mth(right)].concat())
        }
    }
}

/// PATH of §2.1.1.
fn path(m: usize, d: &[Vec<u8>]) -> Vec<[u8; 32]> {
    if d.len() == 1 {
        return vec![];
    }
    let (left, right) = d.split_at(k(d.len()));
    let (mut below, sibling) =
        if m < left.len() { (path(m, left), mth(right)) } else { (path(m - left.len(), right), mth(left)) };
    below.push(sibling);
    below
}

/// SUBPROOF of §2.1.2; PROOF is SUBPROOF with `b` true.
fn subproof(m: usize, d: &[Vec<u8>], b: bool) -> Vec<[u8; 32]> {
    if m == d.len() {
        return if b { vec![] } else { vec![mth(d)] };
    }
    let (left, right) = d.split_at(k(d.len()));
    let (mut below, sibling) = if m <= left.len() {
        (subproof(m, left, b), mth(right))
    } else {
        (subproof(m - left.len(), right, false), mth(left))
    };
    below.push(sibling);
    below
}

fn hashes(leaves: &[Vec<u8>]) -> Vec<LeafHash> {
    leaves.iter().map(|leaf| LeafHash::of(leaf)).collect()
}

fn head(leaves: &[Vec<u8>]) -> TreeHead {
    TreeHead { size: TreeSize(u64::try_from(leaves.len()).unwrap()), root: RootHash(mth(leaves)) }
}

fn nodes(path: &[[u8; 32]]) -> Vec<NodeHash> {
    path.iter().copied().map(NodeHash).collect()
}

fn numbered(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| vec![number]).collect()
}

fn size(count: usize) -> TreeSize {
    TreeSize(u64::try_from(count).unwrap())
}

#[test]
fn every_leaf_of_every_small_tree_has_the_proof_of_the_definition() {
    let leaves = numbered(40);
    let log = hashes(&leaves);
    for n in 1..=leaves.len() {
        for m in 0..n {
            let proof = InclusionProof::generate(&log, LogIndex(size(m).0), size(n)).unwrap();
            assert_eq!(proof.path(), nodes(&path(m, &leaves[..n])), "leaf {m} of {n}");
            assert_eq!(proof.verify(log[m], &head(&leaves[..n])), Ok(()), "leaf {m} of {n}");
        }
    }
}

#[test]
fn every_two_small_trees_have_the_proof_of_the_definition() {
    let leaves = numbered(40);
    let log = hashes(&leaves);
    for n in 1..=leaves.len() {
        for m in 1..=n {
            let proof = ConsistencyProof::generate(&log, size(m), size(n)).unwrap();
            assert_eq!(proof.path(), nodes(&subproof(m, &leaves[..n], true)), "{m} to {n}");
            assert_eq!(proof.verify(&head(&leaves[..m]), &head(&leaves[..n])), Ok(()), "{m} to {n}");
        }
    }
}

/// A storage that keeps inner nodes, and counts what is read from it.
struct WithNodes {
    leaves: Vec<LeafHash>,
    reads: Cell<u32>,
}

impl LeafHashes for WithNodes {
    type Error = MissingLeaf;

    fn size(&self) -> TreeSize {
        self.leaves.size()
    }

    fn leaf_hash(&self, index: LogIndex) -> Result<LeafHash, MissingLeaf> {
        self.leaves.leaf_hash(index)
    }

    fn subtree(&self, level: u32, position: u64) -> Result<NodeHash, MissingLeaf> {
        self.reads.set(self.reads.get() + 1);
        self.leaves.subtree(level, position)
    }
}

#[test]
fn a_storage_with_inner_nodes_makes_proofs_in_logarithmic_reads() {
    let leaves = hashes(&(0..5000_u16).map(|number| number.to_be_bytes().to_vec()).collect::<Vec<_>>());
    let log = WithNodes { leaves, reads: Cell::new(0) };
    let inclusion = InclusionProof::generate(&log, LogIndex(1234), TreeSize(5000)).unwrap();
    assert_eq!(InclusionProof::generate(&log.leaves, LogIndex(1234), TreeSize(5000)), Ok(inclusion));
    // 2^12 < 5000 < 2^13: at most 13 siblings, of which the ragged right edge takes one read per set bit of the size.
    assert!(log.reads.get() <= 13 + 5000_u32.count_ones(), "{} reads", log.reads.get());
    log.reads.set(0);
    let consistency = ConsistencyProof::generate(&log, TreeSize(3001), TreeSize(5000)).unwrap();
    assert_eq!(ConsistencyProof::generate(&log.leaves, TreeSize(3001), TreeSize(5000)), Ok(consistency));
    assert!(log.reads.get() <= 14 + 5000_u32.count_ones(), "{} reads", log.reads.get());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn roots_agree(leaves in prop::collection::vec(any::<Vec<u8>>(), 0..150)) {
        let range: CompactRange = hashes(&leaves).into_iter().collect();
        prop_assert_eq!(range.head(), head(&leaves));
    }

    #[test]
    fn a_proof_with_any_bit_changed_fails(
        n in 2_u8..100, which: prop::sample::Index, node: prop::sample::Index, byte in 0_usize..32, bit in 0..8,
    ) {
        let leaves = numbered(n);
        let (log, new) = (hashes(&leaves), head(&leaves));
        let flip = |path: &[NodeHash]| {
            let mut path = path.to_vec();
            let node = node.index(path.len());
            path[node].0[byte] ^= 1_u8 << bit;
            path
        };
        let m = which.index(leaves.len());
        let inclusion = InclusionProof::generate(&log, LogIndex(size(m).0), new.size).unwrap();
        let changed = InclusionProof::new(inclusion.index(), flip(inclusion.path()));
        prop_assert!(changed.verify(log[m], &new).is_err());
        let old = head(&leaves[..m.max(1)]);
        let consistency = ConsistencyProof::generate(&log, old.size, new.size).unwrap();
        prop_assert!(ConsistencyProof::new(flip(consistency.path())).verify(&old, &new).is_err());
    }

    /// Verification of whatever a stranger sends ends, and ends well only by a collision of SHA-256.
    #[test]
    fn arbitrary_proofs_never_panic_and_never_hold(
        index: u64, sizes: (u64, u64), root: [u8; 32], path in prop::collection::vec(any::<[u8; 32]>(), 1..70),
    ) {
        let head = |size| TreeHead { size: TreeSize(size), root: RootHash(root) };
        let path = nodes(&path);
        let inclusion = InclusionProof::new(LogIndex(index), path.clone());
        prop_assert!(inclusion.verify(LeafHash::of(b""), &head(sizes.0)).is_err());
        prop_assert!(ConsistencyProof::new(path).verify(&head(sizes.0), &head(sizes.1)).is_err());
    }
}
