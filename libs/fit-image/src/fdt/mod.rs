//! Flattened device trees (Devicetree Specification v0.4, chapter 5): a strict, bounded reader.
//!
//! A signature over a FIT covers *tokens of the structure block as they stand in the file*, so this reader keeps every
//! token with its exact bytes and its place. It keeps everything except the values of properties named `data`: those
//! hold the images, are never part of the signed tokens, and stay in the source.
//!
//! It is stricter than libfdt wherever two readers could disagree about one file: duplicate names, properties after
//! children, overlapping blocks and names outside the specification's character set are all refused.

mod cursor;
mod header;
mod node;
mod reader;
pub(crate) mod tag;

use std::ops::Range;

pub use node::{Node, Property};

use self::{header::Header, reader::Reader};
use crate::{
    error::FdtError,
    limits::Limits,
    source::{ByteRange, Source},
};

/// A device tree that was read and found well-formed.
#[derive(Clone, Debug)]
pub struct Fdt {
    total_size: u32,
    strings: Vec<u8>,
    kept: Vec<u8>,
    tokens: Vec<Token>,
    nodes: Vec<NodeRecord>,
}

impl Fdt {
    /// Reads the tree at the start of `source`. Bytes after the tree are not looked at.
    ///
    /// # Errors
    /// [`FdtError`] when it is malformed, exceeds a limit, or cannot be read.
    pub fn read<S: Source + ?Sized>(source: &S, limits: &Limits) -> Result<Self, FdtError> {
        let header = Header::read(source, limits)?;
        let size = usize::try_from(header.strings.end.saturating_sub(header.strings.start)).unwrap_or_default();
        let mut strings = vec![0; size];
        source.read_exact_at(header.strings.start, &mut strings)?;
        let structure = Reader::new(source, &header, &strings, *limits).read()?;
        let reader::Structure { kept, tokens, nodes } = structure;
        Ok(Self { total_size: header.total_size, strings, kept, tokens, nodes })
    }

    /// The size of the tree in bytes, as its header says; external image data follows it.
    #[must_use]
    pub const fn total_size(&self) -> u32 {
        self.total_size
    }

    /// The strings block.
    #[must_use]
    pub fn strings(&self) -> &[u8] {
        &self.strings
    }

    /// The root node.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        self.node(NodeId(0))
    }

    /// The node at an absolute `path`, such as `/images/kernel-1`. Every component must match exactly.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Node<'_>> {
        let mut parts = path.strip_prefix('/')?.split('/').filter(|part| !part.is_empty());
        parts.try_fold(self.root(), |node, part| node.child(part))
    }

    /// Every token of the structure block, in the order of the file.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The node that `id`, taken from this very tree, stands for.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node::new(self, id)
    }

    /// The bytes of a token as they stand in the file; of a `data` property, everything before its value.
    #[must_use]
    pub fn token_bytes(&self, token: &Token) -> &[u8] {
        self.kept(&token.kept)
    }

    /// All that is kept of the structure block: every token, without the values of `data` properties.
    #[must_use]
    pub fn structure(&self) -> &[u8] {
        &self.kept
    }

    fn kept(&self, range: &Range<usize>) -> &[u8] {
        self.kept.get(range.clone()).unwrap_or_default()
    }
}

/// Names a node of one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// One token of the structure block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    offset: u64,
    kept: Range<usize>,
}

impl Token {
    /// What the token says.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Where its tag stands, in bytes from the start of the source.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A node begins.
    Begin(NodeId),
    /// A property.
    Property {
        /// The node it belongs to.
        node: NodeId,
        /// Its place among the properties of the node.
        index: usize,
    },
    /// Nothing.
    Nop,
    /// A node ends.
    End(NodeId),
    /// The structure block ends.
    StructureEnd,
}

#[derive(Clone, Debug)]
struct NodeRecord {
    /// In the kept bytes.
    name: Range<usize>,
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    properties: Vec<PropertyRecord>,
}

#[derive(Clone, Debug)]
struct PropertyRecord {
    /// In the strings block.
    name: Range<usize>,
    location: ByteRange,
    /// In the kept bytes; absent when the value stays in the source.
    value: Option<Range<usize>>,
}
