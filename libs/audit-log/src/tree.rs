//! The Merkle tree of RFC 6962 §2.1: roots in logarithmic space, proofs and their verification.

mod compact_range;
mod consistency;
mod hash;
mod inclusion;
mod proof_invalid;
mod storage;

use std::fmt;

pub use compact_range::{CompactRange, FrontierError};
pub use consistency::ConsistencyProof;
pub use hash::{LeafHash, NodeHash, RootHash};
pub use inclusion::InclusionProof;
pub use proof_invalid::ProofInvalid;
pub use storage::{LeafHashes, MissingLeaf, ProofError};

/// The position of a leaf, counted from 0. Never reused, never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogIndex(pub u64);

impl fmt::Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many leaves a tree has. The tree of size *n* is made of the leaves 0 to *n* - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeSize(pub u64);

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The state of a log at one size: what a checkpoint signs and what proofs lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// How many leaves the root covers.
    pub size: TreeSize,
    /// The root hash over exactly these leaves.
    pub root: RootHash,
}
