//! Where the bytes of an image come from: memory, a file, a flash partition.

use std::{io, ops::Range};

/// Random access to the bytes of one boot image.
///
/// The crate itself does no I/O: whoever holds the file implements this in three lines. Implemented here for byte
/// slices. The bytes must not change while a value derived from them is in use; where that cannot be promised, take the
/// image data through [`VerifiedImage::copy`](crate::verify::VerifiedImage::copy), which hashes what it hands out.
pub trait Source {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// Whatever the medium reports; [`io::ErrorKind::UnexpectedEof`] when the range leaves the source.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Source for [u8] {
    fn len(&self) -> u64 {
        u64::try_from(<[u8]>::len(self)).unwrap_or(u64::MAX)
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let wanted = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buffer.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(wanted);
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn len(&self) -> u64 {
        Source::len(self.as_slice())
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_exact_at(offset, buffer)
    }
}

/// A range of bytes in the source that is known to lie inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteRange {
    offset: u64,
    length: u64,
}

impl ByteRange {
    /// `length` bytes from `offset` on, or nothing when that leaves a source of `total` bytes.
    pub(crate) fn within(total: u64, offset: u64, length: u64) -> Option<Self> {
        let end = offset.checked_add(length)?;
        (end <= total).then_some(Self { offset, length })
    }

    /// Where the bytes start, counted from the start of the source.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.offset
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.length
    }

    /// As a range of offsets; cannot overflow because it was checked against the source.
    #[must_use]
    pub const fn range(self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.length)
    }
}

/// Hands the bytes of `range` to `sink`, in pieces of bounded size.
pub(crate) fn stream<S: Source + ?Sized>(
    source: &S,
    range: ByteRange,
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let Range { start: mut offset, end } = range.range();
    while offset < end {
        let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = left.min(PIECE);
        let piece = buffer.get_mut(..length).ok_or(io::ErrorKind::UnexpectedEof)?;
        source.read_exact_at(offset, piece)?;
        sink(piece)?;
        offset = offset.saturating_add(Source::len(&*piece));
    }
    Ok(())
}

/// What image data costs in memory, however large it is.
const PIECE: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_stays_inside_its_source() {
        assert_eq!(ByteRange::within(10, 4, 6).unwrap().range(), 4..10);
        assert!(ByteRange::within(10, 4, 7).is_none());
        assert!(ByteRange::within(10, u64::MAX, 2).is_none());
        assert_eq!(ByteRange::within(10, 10, 0).unwrap().length(), 0);
    }

    #[test]
    fn streaming_gives_every_byte_once_and_in_order() {
        let bytes: Vec<u8> = (0..=255).cycle().take(2 * PIECE + 77).collect();
        let range = ByteRange::within(Source::len(&bytes), 3, Source::len(&bytes) - 5).unwrap();
        let (mut seen, mut pieces) = (Vec::new(), 0);
        stream(&bytes, range, |piece| {
            seen.extend_from_slice(piece);
            pieces += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, bytes[3..bytes.len() - 2]);
        assert_eq!(pieces, 3);
    }

    #[test]
    fn reading_outside_a_slice_is_an_error() {
        let mut buffer = [0; 4];
        assert!([1, 2, 3].read_exact_at(0, &mut buffer).is_err());
        assert!([1, 2, 3].read_exact_at(u64::MAX, &mut buffer).is_err());
        assert!(!Source::is_empty(&[1_u8][..]));
    }
}
