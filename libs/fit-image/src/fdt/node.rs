//! Moving through a tree: nodes, properties and the forms of their values.

use super::{Fdt, NodeId, NodeRecord, PropertyRecord};
use crate::source::ByteRange;

/// A node of a tree.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    tree: &'a Fdt,
    id: NodeId,
}

impl<'a> Node<'a> {
    pub(super) const fn new(tree: &'a Fdt, id: NodeId) -> Self {
        Self { tree, id }
    }

    /// What names this node in its tree.
    #[must_use]
    pub const fn id(self) -> NodeId {
        self.id
    }

    /// The name; empty for the root.
    #[must_use]
    pub fn name(self) -> &'a str {
        // Names were checked to be ASCII when the tree was read.
        self.record().and_then(|record| str::from_utf8(self.tree.kept(&record.name)).ok()).unwrap_or_default()
    }

    /// The absolute path, as `hashed-nodes` writes it.
    #[must_use]
    pub fn path(self) -> String {
        let mut parts = Vec::new();
        let mut node = self;
        while let Some(parent) = node.parent() {
            parts.push(node.name());
            node = parent;
        }
        parts.iter().rev().fold(String::new(), |path, part| path + "/" + part) + if parts.is_empty() { "/" } else { "" }
    }

    /// The parent; none for the root.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        self.record().and_then(|record| record.parent).map(|id| Self { id, ..self })
    }

    /// The children, in the order of the file.
    pub fn children(self) -> impl Iterator<Item = Self> + use<'a> {
        let children = self.record().map_or(&[][..], |record| &record.children);
        children.iter().map(move |id| Self { id: *id, ..self })
    }

    /// The child of exactly this name.
    #[must_use]
    pub fn child(self, name: &str) -> Option<Self> {
        self.children().find(|child| child.name() == name)
    }

    /// The properties, in the order of the file.
    pub fn properties(self) -> impl Iterator<Item = Property<'a>> + use<'a> {
        let tree = self.tree;
        let properties = self.record().map_or(&[][..], |record| &record.properties);
        properties.iter().map(move |record| Property { tree, record })
    }

    /// The property of this name.
    #[must_use]
    pub fn property(self, name: &str) -> Option<Property<'a>> {
        self.properties().find(|property| property.name() == name)
    }

    /// The property at this place, as [`TokenKind::Property`](super::TokenKind::Property) counts.
    pub(crate) fn property_at(self, index: usize) -> Option<Property<'a>> {
        let tree = self.tree;
        self.record()?.properties.get(index).map(|record| Property { tree, record })
    }

    fn record(self) -> Option<&'a NodeRecord> {
        self.tree.nodes.get(self.id.0)
    }
}

/// A property of a node.
#[derive(Clone, Copy, Debug)]
pub struct Property<'a> {
    tree: &'a Fdt,
    record: &'a PropertyRecord,
}

impl<'a> Property<'a> {
    /// The name.
    #[must_use]
    pub fn name(self) -> &'a str {
        let bytes = self.tree.strings.get(self.record.name.clone());
        bytes.and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// One past the NUL that ends the name, in bytes from the start of the strings block.
    pub(crate) const fn name_end(self) -> usize {
        self.record.name.end.saturating_add(1)
    }

    /// Where the value lies in the source.
    #[must_use]
    pub const fn location(self) -> ByteRange {
        self.record.location
    }

    /// The value; none for a property named `data`, whose value stays in the source.
    #[must_use]
    pub fn value(self) -> Option<&'a [u8]> {
        self.record.value.as_ref().map(|range| self.tree.kept(range))
    }

    /// The value as one text: UTF-8, ended by its only NUL.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        let text = str::from_utf8(self.value()?.strip_suffix(&[0])?).ok()?;
        (!text.contains('\0')).then_some(text)
    }

    /// The value as a list of texts, each ended by a NUL; none when it is anything else or empty.
    #[must_use]
    pub fn texts(self) -> Option<Vec<&'a str>> {
        Some(str::from_utf8(self.value()?.strip_suffix(&[0])?).ok()?.split('\0').collect())
    }

    /// The value as one cell.
    #[must_use]
    pub fn cell(self) -> Option<u32> {
        self.value()?.try_into().ok().map(u32::from_be_bytes)
    }

    /// The value as an address or size of one or two cells.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        let wide = || self.value()?.try_into().ok().map(u64::from_be_bytes);
        self.cell().map(u64::from).or_else(wide)
    }
}
