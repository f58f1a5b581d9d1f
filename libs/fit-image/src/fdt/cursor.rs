//! Walks through the structure block once, keeping what is read and stepping over image data.

use std::ops::Range;

use crate::{error::FdtError, source::Source};

/// A position in the structure block. What is taken is appended to the kept bytes; what is skipped never enters memory.
pub(super) struct Cursor<'a, S: ?Sized> {
    source: &'a S,
    position: u64,
    end: u64,
    window: Window,
    kept: Vec<u8>,
    limit: usize,
}

/// Bytes read ahead, so that a file is not asked for every single cell.
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl<'a, S: Source + ?Sized> Cursor<'a, S> {
    /// At the start of `block`, which must lie in the source; at most `limit` bytes will be kept.
    pub(super) fn new(source: &'a S, block: Range<u64>, limit: usize) -> Self {
        let window = Window { start: block.start, bytes: Vec::new() };
        Self { source, position: block.start, end: block.end, window, kept: Vec::new(), limit }
    }

    /// Where the next byte stands, from the start of the source.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.position >= self.end
    }

    /// How many bytes were kept so far.
    pub(super) fn kept_length(&self) -> usize {
        self.kept.len()
    }

    /// Bytes that were kept.
    pub(super) fn kept(&self, range: Range<usize>) -> &[u8] {
        self.kept.get(range).unwrap_or_default()
    }

    pub(super) fn into_kept(self) -> Vec<u8> {
        self.kept
    }

    /// Keeps the next `length` bytes and tells where they are kept.
    pub(super) fn take(&mut self, length: usize) -> Result<Range<usize>, FdtError> {
        let start = self.kept.len();
        let end = start.checked_add(length).filter(|end| *end <= self.limit);
        let end = end.ok_or(FdtError::TooMany { what: "bytes of structure", limit: self.limit })?;
        let target = self.advanced(u64::try_from(length).unwrap_or(u64::MAX))?;
        self.kept.resize(end, 0);
        let room = self.kept.get_mut(start..end).unwrap_or_default();
        if length > WINDOW {
            self.source.read_exact_at(self.position, room)?;
        } else {
            let ahead = self.end.saturating_sub(self.position);
            room.copy_from_slice(self.window.bytes(self.source, self.position, length, ahead)?);
        }
        self.position = target;
        Ok(start..end)
    }

    /// Keeps the next cell and tells its value.
    pub(super) fn cell(&mut self) -> Result<u32, FdtError> {
        let range = self.take(4)?;
        Ok(self.kept(range).iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// Steps over `length` bytes without reading them.
    pub(super) fn skip(&mut self, length: u64) -> Result<(), FdtError> {
        self.position = self.advanced(length)?;
        Ok(())
    }

    fn advanced(&self, length: u64) -> Result<u64, FdtError> {
        let target = self.position.checked_add(length).filter(|target| *target <= self.end);
        target.ok_or(FdtError::Truncated { at: self.position })
    }
}

impl Window {
    /// `length` bytes at `position`, read ahead if need be; `ahead` bytes may be read at most and `length` of them
    /// exist.
    fn bytes<S: Source + ?Sized>(
        &mut self,
        source: &S,
        position: u64,
        length: usize,
        ahead: u64,
    ) -> Result<&[u8], FdtError> {
        if self.find(position, length).is_none() {
            let size = usize::try_from(ahead).unwrap_or(usize::MAX).min(WINDOW);
            self.bytes.resize(size, 0);
            self.start = position;
            source.read_exact_at(position, &mut self.bytes)?;
        }
        self.find(position, length).ok_or(FdtError::Truncated { at: position })
    }

    fn find(&self, position: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(position.checked_sub(self.start)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }
}

const WINDOW: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_taken_and_only_that() {
        let bytes: Vec<u8> = (0..=255).cycle().take(20_000).collect();
        let mut cursor = Cursor::new(&bytes, 8..20_000, 20_000);
        assert_eq!(cursor.cell().unwrap(), 0x0809_0a0b);
        cursor.skip(9_000).unwrap();
        let small = cursor.take(5).unwrap();
        assert_eq!(cursor.kept(small), &bytes[9_012..9_017]);
        let large = cursor.take(6_000).unwrap();
        assert_eq!(cursor.kept(large), &bytes[9_017..15_017]);
        assert_eq!(cursor.position(), 15_017);
        assert_eq!(cursor.into_kept().len(), 6_009);
    }

    #[test]
    fn never_leaves_its_block_and_never_keeps_more_than_its_limit() {
        let bytes = vec![0; 100];
        let mut cursor = Cursor::new(&bytes, 0..50, 40);
        assert!(matches!(cursor.skip(51), Err(FdtError::Truncated { at: 0 })));
        assert!(matches!(cursor.skip(u64::MAX), Err(FdtError::Truncated { .. })));
        assert!(matches!(cursor.take(41), Err(FdtError::TooMany { limit: 40, .. })));
        cursor.take(40).unwrap();
        assert!(matches!(cursor.cell(), Err(FdtError::TooMany { .. })));
        cursor.skip(10).unwrap();
        assert!(cursor.is_at_end());
    }
}
