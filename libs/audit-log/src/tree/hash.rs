//! The hashes of the tree. Three types, so that a leaf hash is never taken for a root and the other way round.

use std::fmt;

use verdict::Digest;

use crate::sha256::sha256;

/// RFC 6962 §2.1: leaves and inner nodes are told apart by their first byte, or an inner node could be passed off as a
/// leaf.
const LEAF_PREFIX: [u8; 1] = [0x00];
const NODE_PREFIX: [u8; 1] = [0x01];

/// Shows a hash as lower-case hex, in `Debug` as well: 32 decimal numbers help nobody.
macro_rules! shown_as_hex {
    ($($name:ident),*) => {
        $(
            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    Digest(self.0).fmt(f)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!(stringify!($name), "({})"), self)
                }
            }
        )*
    };
}

/// The hash of one leaf: SHA-256(0x00 ‖ leaf).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeafHash(pub [u8; 32]);

/// The hash of a subtree: of a single leaf, or SHA-256(0x01 ‖ left ‖ right). Proofs are made of these.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeHash(pub [u8; 32]);

/// The hash of a whole tree, the one a checkpoint signs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RootHash(pub [u8; 32]);

shown_as_hex!(LeafHash, NodeHash, RootHash);

impl LeafHash {
    /// The hash of a leaf's bytes. For leaves of this log, [`Leaf::hash`](crate::Leaf::hash) is the shorter way.
    #[must_use]
    pub fn of(leaf: &[u8]) -> Self {
        Self(sha256(&[&LEAF_PREFIX, leaf]))
    }
}

impl NodeHash {
    /// The hash of the node above two subtrees. The order matters: the left one holds the older leaves.
    #[must_use]
    pub fn above(left: Self, right: Self) -> Self {
        Self(sha256(&[&NODE_PREFIX, &left.0, &right.0]))
    }
}

impl From<LeafHash> for NodeHash {
    /// A subtree of one leaf is that leaf.
    fn from(leaf: LeafHash) -> Self {
        Self(leaf.0)
    }
}

impl RootHash {
    /// The root of the tree without leaves: SHA-256 of nothing (RFC 6962 §2.1).
    #[must_use]
    pub fn of_empty_tree() -> Self {
        Self(sha256(&[]))
    }
}

impl From<NodeHash> for RootHash {
    /// The topmost node is the root.
    fn from(top: NodeHash) -> Self {
        Self(top.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the reference tests of Certificate Transparency; recomputed with Python's hashlib.
    #[test]
    fn hashes_match_certificate_transparency() {
        assert_eq!(
            RootHash::of_empty_tree().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let first = LeafHash::of(b"");
        assert_eq!(first.to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        let second = LeafHash::of(&[0]);
        assert_eq!(second.to_string(), "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
        assert_eq!(
            NodeHash::above(first.into(), second.into()).to_string(),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        );
    }

    #[test]
    fn a_node_is_never_the_leaf_with_the_same_bytes() {
        let (left, right) = (NodeHash([1; 32]), NodeHash([2; 32]));
        let as_leaf = LeafHash::of(&[left.0, right.0].concat());
        assert_ne!(NodeHash::above(left, right), as_leaf.into());
        assert_ne!(NodeHash::above(left, right), NodeHash::above(right, left));
    }

    #[test]
    fn debug_is_hex() {
        assert_eq!(format!("{:?}", RootHash([0xab; 32])), format!("RootHash({})", "ab".repeat(32)));
    }
}
