//! The header and the memory reservation block (Devicetree Specification v0.4 §5.2 and §5.3).

use std::ops::Range;

use crate::{error::FdtError, limits::Limits, source::Source};

/// The header of a version 17 tree, with every block checked to lie inside the file and apart from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The size of the whole tree in bytes; external image data follows it.
    pub(super) total_size: u32,
    /// Where the structure block lies in the source.
    pub(super) structure: Range<u64>,
    /// Where the strings block lies in the source.
    pub(super) strings: Range<u64>,
}

impl Header {
    pub(super) fn read<S: Source + ?Sized>(source: &S, limits: &Limits) -> Result<Self, FdtError> {
        if source.len() < HEADER_SIZE {
            return Err(FdtError::NotADeviceTree);
        }
        // Devicetree Specification §5.2: ten big-endian cells.
        let magic = cell_at(source, 0)?;
        let total_size = cell_at(source, 4)?;
        let structure_offset = cell_at(source, 8)?;
        let strings_offset = cell_at(source, 12)?;
        let reservations_offset = cell_at(source, 16)?;
        let version = cell_at(source, 20)?;
        let compatible = cell_at(source, 24)?;
        let strings_size = cell_at(source, 32)?;
        let structure_size = cell_at(source, 36)?;

        if magic != MAGIC {
            return Err(FdtError::NotADeviceTree);
        }
        if version != VERSION || compatible > VERSION {
            return Err(FdtError::Version { version, compatible });
        }
        let total = u64::from(total_size);
        if total > source.len() || total < HEADER_SIZE {
            return Err(FdtError::BlockMisplaced { block: "whole", offset: 0, length: total });
        }
        let structure = Block::new("structure", structure_offset, u64::from(structure_size), 4);
        let strings = Block::new("strings", strings_offset, u64::from(strings_size), 1);
        let reservations = Block::new("memory reservation", reservations_offset, RESERVATION_SIZE, 8);
        reservations.check(total)?;
        let reservations = reservations.through_terminator(source, total, limits)?;
        structure.check(total)?;
        strings.check(total)?;
        structure.check_apart(&strings)?;
        structure.check_apart(&reservations)?;
        strings.check_apart(&reservations)?;
        if usize::try_from(strings_size).map_or(true, |size| size > limits.strings_bytes) {
            return Err(FdtError::TooMany { what: "bytes of strings", limit: limits.strings_bytes });
        }
        Ok(Self { total_size, structure: structure.range(), strings: strings.range() })
    }
}

/// One block as the header describes it.
struct Block {
    name: &'static str,
    offset: u64,
    length: u64,
    alignment: u64,
}

impl Block {
    fn new(name: &'static str, offset: u32, length: u64, alignment: u64) -> Self {
        Self { name, offset: u64::from(offset), length, alignment }
    }

    fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.length)
    }

    fn misplaced(&self) -> FdtError {
        FdtError::BlockMisplaced { block: self.name, offset: self.offset, length: self.length }
    }

    /// Devicetree Specification §5.6: alignment of each block; none may leave the tree or cover the header.
    fn check(&self, total: u64) -> Result<(), FdtError> {
        let inside = self.offset >= HEADER_SIZE && self.range().end <= total;
        if inside && self.offset.is_multiple_of(self.alignment) && self.length.is_multiple_of(self.alignment) {
            Ok(())
        } else {
            Err(self.misplaced())
        }
    }

    /// Bytes that are two things at once would be judged as one thing and used as another.
    fn check_apart(&self, other: &Self) -> Result<(), FdtError> {
        let (ours, theirs) = (self.range(), other.range());
        if ours.end <= theirs.start || theirs.end <= ours.start { Ok(()) } else { Err(self.misplaced()) }
    }

    /// Devicetree Specification §5.3.1: pairs of 64-bit numbers up to a pair of zeros. What they reserve is of no
    /// concern to an image, and no signature covers it.
    fn through_terminator<S: Source + ?Sized>(
        mut self,
        source: &S,
        total: u64,
        limits: &Limits,
    ) -> Result<Self, FdtError> {
        for _ in 0..=limits.reservations {
            let mut entry = [0; 16];
            let last = self.range().end.saturating_sub(RESERVATION_SIZE);
            source.read_exact_at(last, &mut entry)?;
            if entry == [0; 16] {
                return Ok(self);
            }
            self.length = self.length.saturating_add(RESERVATION_SIZE);
            self.check(total)?;
        }
        Err(FdtError::TooMany { what: "memory reservations", limit: limits.reservations })
    }
}

fn cell_at<S: Source + ?Sized>(source: &S, offset: u64) -> Result<u32, FdtError> {
    let mut cell = [0; 4];
    source.read_exact_at(offset, &mut cell)?;
    Ok(u32::from_be_bytes(cell))
}

const MAGIC: u32 = 0xd00d_feed;
const VERSION: u32 = 17;
const HEADER_SIZE: u64 = 40;
const RESERVATION_SIZE: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Header, empty reservation block, 16 bytes of structure, 4 bytes of strings.
    fn sample() -> Vec<u8> {
        let cells = [MAGIC, 76, 56, 72, 40, 17, 16, 0, 4, 16];
        let mut bytes: Vec<u8> = cells.iter().flat_map(|cell: &u32| cell.to_be_bytes()).collect();
        bytes.resize(76, 0);
        bytes
    }

    fn with_cell(index: usize, value: u32) -> Result<Header, FdtError> {
        let mut bytes = sample();
        bytes[index * 4..index * 4 + 4].copy_from_slice(&value.to_be_bytes());
        Header::read(&bytes, &Limits::default())
    }

    #[test]
    fn a_sane_header_is_read() {
        let header = Header::read(&sample(), &Limits::default()).unwrap();
        assert_eq!((header.structure, header.strings, header.total_size), (56..72, 72..76, 76));
    }

    #[test]
    fn magic_and_version_must_fit() {
        assert!(matches!(with_cell(0, 0xd00d_feee), Err(FdtError::NotADeviceTree)));
        assert!(matches!(with_cell(5, 16), Err(FdtError::Version { version: 16, .. })));
        assert!(matches!(with_cell(6, 18), Err(FdtError::Version { compatible: 18, .. })));
        assert!(matches!(Header::read(&sample()[..39], &Limits::default()), Err(FdtError::NotADeviceTree)));
    }

    #[test]
    fn blocks_stay_inside_aligned_and_apart() {
        for (index, value) in [(1, 77), (1, 39), (2, 58), (2, 36), (2, 60), (3, 73), (3, 60), (4, 44), (8, 5), (9, 20)]
        {
            assert!(matches!(with_cell(index, value), Err(FdtError::BlockMisplaced { .. })), "cell {index} = {value}");
        }
        assert!(matches!(with_cell(9, u32::MAX - 3), Err(FdtError::BlockMisplaced { .. })));
    }

    #[test]
    fn a_reservation_block_without_end_is_refused() {
        let mut bytes = sample();
        bytes[40] = 1;
        assert!(matches!(Header::read(&bytes, &Limits::default()), Err(FdtError::BlockMisplaced { .. })));
        let limits = Limits { reservations: 0, ..Limits::default() };
        assert!(matches!(Header::read(&bytes, &limits), Err(FdtError::TooMany { .. })));
    }
}
