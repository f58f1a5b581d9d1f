//! Writes device trees (Devicetree Specification v0.4, chapter 5).

use super::BuildError;
use crate::fdt::tag;

/// A device tree in the making: nodes and properties in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct TreeWriter {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl TreeWriter {
    /// Starts from an existing strings block, so that offsets into it stay what they were.
    #[cfg(test)]
    pub(crate) fn with_strings(strings: &[u8]) -> Self {
        Self { structure: Vec::new(), strings: strings.to_vec() }
    }

    /// Writes nothing, as tools leave it behind that delete in place.
    #[cfg(test)]
    pub(crate) fn nop(&mut self) {
        self.cell(tag::NOP);
    }

    /// Opens a node; the root's name is empty.
    pub(crate) fn begin(&mut self, name: &str) {
        self.cell(tag::BEGIN_NODE);
        self.structure.extend_from_slice(name.as_bytes());
        self.structure.push(0);
        self.pad();
    }

    /// Closes the innermost open node.
    pub(crate) fn end(&mut self) {
        self.cell(tag::END_NODE);
    }

    /// Writes a property and tells where in the finished tree its value will stand.
    pub(crate) fn property(&mut self, name: &str, value: &[u8]) -> usize {
        let name = self.intern(name);
        self.cell(tag::PROPERTY);
        self.cell(saturated(value.len()));
        self.cell(name);
        let place = STRUCTURE_OFFSET.saturating_add(self.structure.len());
        self.structure.extend_from_slice(value);
        self.pad();
        place
    }

    /// Writes a text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.texts(name, &[value]);
    }

    /// Writes a list of texts.
    pub(crate) fn texts<T: AsRef<str>>(&mut self, name: &str, values: &[T]) {
        let value: Vec<u8> = values.iter().flat_map(|value| value.as_ref().bytes().chain([0])).collect();
        self.property(name, &value);
    }

    /// Writes a number: one cell where it fits, else two.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        match u32::try_from(value) {
            Ok(cell) => self.property(name, &cell.to_be_bytes()),
            Err(_) => self.property(name, &value.to_be_bytes()),
        };
    }

    /// The size of the strings block so far.
    pub(crate) fn strings_length(&self) -> u32 {
        saturated(self.strings.len())
    }

    /// Ends the structure block and puts header, empty reservation block, structure and strings together. The size of the
    /// tree is a multiple of four.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, BuildError> {
        self.cell(tag::END);
        let strings_offset = STRUCTURE_OFFSET.saturating_add(self.structure.len());
        let total = strings_offset.saturating_add(self.strings.len()).next_multiple_of(4);
        let total_cell = u32::try_from(total).map_err(|_| BuildError::TooLarge)?;
        // Devicetree Specification §5.2; version 17, compatible back to 16.
        let header = [
            MAGIC,
            total_cell,
            saturated(STRUCTURE_OFFSET),
            saturated(strings_offset),
            saturated(HEADER_SIZE),
            17,
            16,
            0,
            saturated(self.strings.len()),
            saturated(self.structure.len()),
        ];
        let mut tree: Vec<u8> = header.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        tree.resize(STRUCTURE_OFFSET, 0);
        tree.append(&mut self.structure);
        tree.append(&mut self.strings);
        tree.resize(total, 0);
        Ok(tree)
    }

    fn cell(&mut self, value: u32) {
        self.structure.extend_from_slice(&value.to_be_bytes());
    }

    fn pad(&mut self) {
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    /// The offset of `name` in the strings block, where it is put on first use.
    fn intern(&mut self, name: &str) -> u32 {
        let mut offset = 0_usize;
        for known in self.strings.split_inclusive(|byte| *byte == 0) {
            if known.strip_suffix(&[0]) == Some(name.as_bytes()) {
                return saturated(offset);
            }
            offset = offset.saturating_add(known.len());
        }
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        saturated(offset)
    }
}

/// Sizes that do not fit a cell make the whole tree too large, which `finish` reports.
fn saturated(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

const MAGIC: u32 = 0xd00d_feed;
const HEADER_SIZE: usize = 40;

/// After the header and an empty reservation block.
const STRUCTURE_OFFSET: usize = HEADER_SIZE + 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fdt::Fdt, limits::Limits};

    #[test]
    fn what_is_written_is_read_back() {
        let mut tree = TreeWriter::default();
        tree.begin("");
        tree.text("description", "odd");
        tree.begin("child");
        tree.texts("list", &["a", "bc"]);
        tree.number("small", 7);
        tree.number("large", 1 << 40);
        let place = tree.property("description", b"x");
        tree.end();
        tree.end();
        let bytes = tree.finish().unwrap();
        assert_eq!(bytes[place], b'x');
        let read = Fdt::read(&bytes, &Limits::default()).unwrap();
        let child = read.find("/child").unwrap();
        assert_eq!(child.property("list").unwrap().texts().unwrap(), ["a", "bc"]);
        assert_eq!(child.property("small").unwrap().number(), Some(7));
        assert_eq!(child.property("large").unwrap().number(), Some(1 << 40));
        assert_eq!(child.property("large").unwrap().cell(), None);
        assert_eq!(read.root().property("description").unwrap().text(), Some("odd"));
        // One name, used twice, stands in the strings block once.
        assert_eq!(read.strings(), b"description\0list\0small\0large\0");
    }
}
