//! From the structure block to tokens, nodes and properties (Devicetree Specification v0.4 §5.4).

use std::ops::Range;

use super::{
    NodeId, NodeRecord, PropertyRecord, Token, TokenKind,
    cursor::Cursor,
    header::Header,
    tag::{self, MAX_DEPTH},
};
use crate::{
    error::FdtError,
    limits::Limits,
    source::{ByteRange, Source},
};

/// Everything the structure block says.
pub(super) struct Structure {
    pub(super) kept: Vec<u8>,
    pub(super) tokens: Vec<Token>,
    pub(super) nodes: Vec<NodeRecord>,
}

/// Reads the structure block token by token. No recursion: the open nodes stand on a stack of bounded depth.
pub(super) struct Reader<'a, S: ?Sized> {
    cursor: Cursor<'a, S>,
    total: u64,
    strings: &'a [u8],
    limits: Limits,
    tokens: Vec<Token>,
    nodes: Vec<NodeRecord>,
    properties: usize,
    nops: usize,
    open: Vec<NodeId>,
}

impl<'a, S: Source + ?Sized> Reader<'a, S> {
    pub(super) fn new(source: &'a S, header: &Header, strings: &'a [u8], limits: Limits) -> Self {
        Self {
            cursor: Cursor::new(source, header.structure.clone(), limits.structure_bytes),
            total: source.len(),
            strings,
            limits,
            tokens: Vec::new(),
            nodes: Vec::new(),
            properties: 0,
            nops: 0,
            open: Vec::new(),
        }
    }

    pub(super) fn read(mut self) -> Result<Structure, FdtError> {
        loop {
            let (at, start) = (self.cursor.position(), self.cursor.kept_length());
            let tag = self.cursor.cell()?;
            let kind = match tag {
                tag::BEGIN_NODE => TokenKind::Begin(self.begin(at)?),
                tag::PROPERTY => self.property(at)?,
                tag::END_NODE => TokenKind::End(self.end(at)?),
                tag::NOP => self.nop()?,
                tag::END if self.is_closed() => TokenKind::StructureEnd,
                tag => return Err(FdtError::UnexpectedTag { tag, at }),
            };
            self.tokens.push(Token { kind, offset: at, kept: start..self.cursor.kept_length() });
            if kind == TokenKind::StructureEnd {
                break;
            }
        }
        // libfdt's region finder demands the same: the block ends with its end tag.
        if !self.cursor.is_at_end() {
            return Err(FdtError::TrailingBytes { at: self.cursor.position() });
        }
        Ok(Structure { kept: self.cursor.into_kept(), tokens: self.tokens, nodes: self.nodes })
    }

    /// Editors leave a few of these; a file of nothing else would cost a token each.
    fn nop(&mut self) -> Result<TokenKind, FdtError> {
        let limit = self.limits.properties;
        self.nops = self.nops.saturating_add(1);
        if self.nops > limit { Err(FdtError::TooMany { what: "NOP tokens", limit }) } else { Ok(TokenKind::Nop) }
    }

    /// Whether the root was opened and closed again.
    fn is_closed(&self) -> bool {
        self.open.is_empty() && !self.nodes.is_empty()
    }

    fn begin(&mut self, at: u64) -> Result<NodeId, FdtError> {
        let name = self.node_name(at)?;
        let parent = self.open.last().copied();
        // CVE-2021-27097: one root, and it has no name; everything else has one.
        match parent {
            None if !name.is_empty() || self.is_closed() => return Err(FdtError::BadRoot),
            Some(_) if !tag::is_node_name(self.cursor.kept(name.clone())) => return Err(FdtError::BadName { at }),
            _ => {}
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(FdtError::TooDeep(MAX_DEPTH));
        }
        if self.nodes.len() >= self.limits.nodes {
            return Err(FdtError::TooMany { what: "nodes", limit: self.limits.nodes });
        }
        let id = NodeId(self.nodes.len());
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent.0)) {
            parent.children.push(id);
        }
        self.nodes.push(NodeRecord { name, parent, children: Vec::new(), properties: Vec::new() });
        self.open.push(id);
        Ok(id)
    }

    /// A name up to its NUL, padded to whole cells.
    fn node_name(&mut self, at: u64) -> Result<Range<usize>, FdtError> {
        let start = self.cursor.kept_length();
        loop {
            let cell = self.cursor.take(4).map_err(|error| match error {
                FdtError::Truncated { .. } => FdtError::BadName { at },
                other => other,
            })?;
            if let Some(length) = self.cursor.kept(cell.clone()).iter().position(|byte| *byte == 0) {
                return Ok(start..cell.start.saturating_add(length));
            }
        }
    }

    fn property(&mut self, at: u64) -> Result<TokenKind, FdtError> {
        let length = self.cursor.cell()?;
        let name_offset = self.cursor.cell()?;
        let name = self.property_name(name_offset).ok_or(FdtError::BadName { at })?;
        let location = ByteRange::within(self.total, self.cursor.position(), u64::from(length));
        let location = location.ok_or(FdtError::Truncated { at })?;
        let padded = u64::from(length).next_multiple_of(4);
        let value = if self.strings.get(name.clone()) == Some(b"data") {
            self.cursor.skip(padded)?;
            None
        } else {
            let padded = usize::try_from(padded).map_err(|_| FdtError::Truncated { at })?;
            let kept = self.cursor.take(padded)?;
            let length = usize::try_from(length).map_err(|_| FdtError::Truncated { at })?;
            Some(kept.start..kept.start.saturating_add(length))
        };
        if self.properties >= self.limits.properties {
            return Err(FdtError::TooMany { what: "properties", limit: self.limits.properties });
        }
        self.properties = self.properties.saturating_add(1);
        // Devicetree Specification §5.4.2: a property belongs to an open node and precedes the node's children.
        let node = *self.open.last().ok_or(FdtError::UnexpectedTag { tag: tag::PROPERTY, at })?;
        let record = self.nodes.get_mut(node.0).filter(|record| record.children.is_empty());
        let record = record.ok_or(FdtError::PropertyAfterChild { at })?;
        let index = record.properties.len();
        record.properties.push(PropertyRecord { name, location, value });
        Ok(TokenKind::Property { node, index })
    }

    fn property_name(&self, offset: u32) -> Option<Range<usize>> {
        let start = usize::try_from(offset).ok()?;
        let rest = self.strings.get(start..)?;
        let length = rest.iter().position(|byte| *byte == 0)?;
        let name = rest.get(..length).filter(|name| tag::is_property_name(name))?;
        Some(start..start.checked_add(name.len())?)
    }

    /// Closes the innermost open node; only now are all its names known.
    fn end(&mut self, at: u64) -> Result<NodeId, FdtError> {
        let id = self.open.pop().ok_or(FdtError::UnexpectedTag { tag: tag::END_NODE, at })?;
        let record = self.nodes.get(id.0).ok_or(FdtError::BadRoot)?;
        let children = record.children.iter().filter_map(|child| self.nodes.get(child.0));
        check_unique(children.map(|child| self.cursor.kept(child.name.clone())))?;
        let names = record.properties.iter().filter_map(|property| self.strings.get(property.name.clone()));
        check_unique(names)?;
        Ok(id)
    }
}

/// CVE-2021-27138 and its kin: of two siblings of one name, one is judged and the other one used.
fn check_unique<'n>(names: impl Iterator<Item = &'n [u8]>) -> Result<(), FdtError> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    match names.windows(2).find_map(|pair| match pair {
        [first, second] if first == second => Some(*first),
        _ => None,
    }) {
        Some(name) => Err(FdtError::Duplicate { name: String::from_utf8_lossy(name).into_owned() }),
        None => Ok(()),
    }
}
