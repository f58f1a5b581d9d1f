//! Why a proof does not prove.

use thiserror::Error;

use super::{LogIndex, RootHash, TreeSize};

/// A proof does not lead where it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofInvalid {
    /// The leaf came after the tree that it is said to be in.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    LeafBeyondTree {
        /// The leaf that the proof is for.
        index: LogIndex,
        /// The tree that it should lead to.
        size: TreeSize,
    },
    /// The tree said to be older is the larger one.
    #[error("a tree of {old} leaves cannot be the beginning of one of {new}")]
    OldLargerThanNew {
        /// The tree said to be older.
        old: TreeSize,
        /// The tree said to be newer.
        new: TreeSize,
    },
    /// The path has fewer or more hashes than trees of these sizes need.
    #[error("a path of {found} hashes does not fit the sizes of the trees")]
    PathLength {
        /// How many hashes the path has.
        found: usize,
    },
    /// The path leads to another root for the older tree.
    #[error("the proof leads to the older root {computed}, not to {expected}")]
    OldRootMismatch {
        /// The root that the proof gives.
        computed: RootHash,
        /// The root that was signed.
        expected: RootHash,
    },
    /// The path leads to another root.
    #[error("the proof leads to the root {computed}, not to {expected}")]
    RootMismatch {
        /// The root that the proof gives.
        computed: RootHash,
        /// The root that was signed.
        expected: RootHash,
    },
}
