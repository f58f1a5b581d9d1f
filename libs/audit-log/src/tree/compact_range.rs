//! The right edge of a growing tree: all that is needed to append leaves and to know the root.

use thiserror::Error;

use super::{LeafHash, LogIndex, NodeHash, RootHash, TreeHead, TreeSize};

/// A tree of any size in at most 64 hashes.
///
/// It keeps the roots of the perfect subtrees that the leaves fall into, oldest and largest first: one for each bit set
/// in the size, so a tree of 13 = 8 + 4 + 1 leaves is three hashes. Appending costs one hash on average, the root at
/// most 63. To rebuild it, collect the stored leaf hashes; to skip that, store [`CompactRange::nodes`] with every append
/// and [`CompactRange::resume`] from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: TreeSize,
    nodes: Vec<NodeHash>,
}

impl CompactRange {
    /// The tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: TreeSize(0), nodes: Vec::new() }
    }

    /// Goes on from a stored size and the [`nodes`](CompactRange::nodes) stored with it.
    ///
    /// Nothing here can tell whether the nodes are the true ones: compare [`CompactRange::head`] with a checkpoint.
    ///
    /// # Errors
    ///
    /// [`FrontierError`] if a tree of this size has another number of nodes, or cannot exist.
    pub fn resume(size: TreeSize, nodes: Vec<NodeHash>) -> Result<Self, FrontierError> {
        let expected = usize::try_from(size.0.count_ones()).unwrap_or(usize::MAX);
        if i64::try_from(size.0).is_err() {
            return Err(FrontierError::SizeImpossible { size });
        }
        if nodes.len() != expected {
            return Err(FrontierError::NodeCount { size, expected, found: nodes.len() });
        }
        Ok(Self { size, nodes })
    }

    /// Appends one leaf and says which index it got.
    pub fn append(&mut self, leaf: LeafHash) -> LogIndex {
        let index = self.size.0;
        let mut node = NodeHash::from(leaf);
        // Like the carry of a binary counter: each trailing 1 of the index is a full subtree waiting for its sibling.
        for _ in 0..index.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = NodeHash::above(left, node);
            }
        }
        self.nodes.push(node);
        self.size = TreeSize(index + 1);
        LogIndex(index)
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The root over all leaves so far (RFC 6962 §2.1).
    #[must_use]
    pub fn root(&self) -> RootHash {
        let top = self.nodes.iter().rev().copied().reduce(|right, left| NodeHash::above(left, right));
        top.map_or_else(RootHash::of_empty_tree, RootHash::from)
    }

    /// Size and root together, as a checkpoint signs them.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }

    /// The roots of the perfect subtrees, oldest and largest first.
    #[must_use]
    pub fn nodes(&self) -> &[NodeHash] {
        &self.nodes
    }
}

impl Extend<LeafHash> for CompactRange {
    fn extend<T: IntoIterator<Item = LeafHash>>(&mut self, leaves: T) {
        for leaf in leaves {
            self.append(leaf);
        }
    }
}

impl FromIterator<LeafHash> for CompactRange {
    fn from_iter<T: IntoIterator<Item = LeafHash>>(leaves: T) -> Self {
        let mut range = Self::new();
        range.extend(leaves);
        range
    }
}

/// Stored nodes cannot be the right edge of a tree of the stored size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrontierError {
    /// The number of nodes is not the number of bits set in the size.
    #[error("a tree of {size} leaves has {expected} nodes at its edge, not {found}")]
    NodeCount {
        /// The stored size.
        size: TreeSize,
        /// How many nodes it must come with.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// No log is that large: sizes end at 2^63 - 1, where the integers of databases end.
    #[error("no tree has {size} leaves")]
    SizeImpossible {
        /// The stored size.
        size: TreeSize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: u8) -> impl Iterator<Item = LeafHash> {
        (0..count).map(|number| LeafHash::of(&[number]))
    }

    #[test]
    fn the_empty_tree_has_the_empty_root() {
        let range = CompactRange::new();
        assert_eq!(range.head(), TreeHead { size: TreeSize(0), root: RootHash::of_empty_tree() });
        assert_eq!(range, CompactRange::default());
    }

    #[test]
    fn one_node_is_kept_for_each_bit_of_the_size() {
        let mut range = CompactRange::new();
        for (expected, leaf) in (0..).zip(leaves(200)) {
            assert_eq!(range.append(leaf), LogIndex(expected));
            assert_eq!(range.nodes().len(), usize::try_from(range.size().0.count_ones()).unwrap());
        }
        assert_eq!(range.size(), TreeSize(200));
    }

    #[test]
    fn the_right_edge_of_a_tree_of_three() {
        let range: CompactRange = leaves(3).collect();
        let [a, b, c] = [0, 1, 2].map(|number| NodeHash::from(LeafHash::of(&[number])));
        let left = NodeHash::above(a, b);
        assert_eq!(range.nodes(), [left, c]);
        assert_eq!(range.root(), NodeHash::above(left, c).into());
    }

    #[test]
    fn nodes_that_do_not_fit_the_size_are_refused() {
        let node = NodeHash([0; 32]);
        assert_eq!(
            CompactRange::resume(TreeSize(3), vec![node]),
            Err(FrontierError::NodeCount { size: TreeSize(3), expected: 2, found: 1 })
        );
        assert!(CompactRange::resume(TreeSize(0), vec![node]).is_err());
        assert_eq!(CompactRange::resume(TreeSize(0), vec![]), Ok(CompactRange::new()));
        assert_eq!(
            CompactRange::resume(TreeSize(u64::MAX), vec![node; 64]),
            Err(FrontierError::SizeImpossible { size: TreeSize(u64::MAX) })
        );
    }

    proptest! {
        /// A restart between any two appends changes nothing.
        #[test]
        fn a_resumed_range_goes_on_as_if_never_stopped(before in 0_u8..100, after in 0_u8..100) {
            let whole: CompactRange = leaves(before + after).collect();
            let first: CompactRange = leaves(before).collect();
            let mut resumed = CompactRange::resume(first.size(), first.nodes().to_vec()).unwrap();
            resumed.extend(leaves(before + after).skip(before.into()));
            prop_assert_eq!(resumed, whole);
        }
    }
}
