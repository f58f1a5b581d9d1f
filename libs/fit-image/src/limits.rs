//! How much of a hostile file is looked at before it is refused.

/// Bounds on what reading one image may cost. Image data is not counted: it is never held in memory.
///
/// The defaults fit images with hundreds of device trees and refuse everything that only an attacker would build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the structure block that are kept, the values of `data` properties excluded.
    pub structure_bytes: usize,
    /// Bytes of the strings block.
    pub strings_bytes: usize,
    /// Nodes in the whole tree.
    pub nodes: usize,
    /// Properties in the whole tree; NOP tokens are allowed as many again.
    pub properties: usize,
    /// Entries of the memory reservation block.
    pub reservations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            structure_bytes: 2 * 1024 * 1024,
            strings_bytes: 64 * 1024,
            nodes: 8 * 1024,
            properties: 64 * 1024,
            reservations: 64,
        }
    }
}
