//! Octets as a TPM writes them: big-endian integers, and fields that begin with their length (TPM 2.0 Library, Part 2 §4).

/// The octets are not what they should be: they end too early, go on for too long, or a length lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the octets are not a TPM structure of the kind expected")]
pub struct Malformed;

/// Writes one structure after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer {
    octets: Vec<u8>,
    is_too_long: bool,
}

impl Writer {
    pub(super) fn u8(mut self, value: u8) -> Self {
        self.octets.push(value);
        self
    }

    pub(super) fn u16(self, value: u16) -> Self {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn u32(self, value: u32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn raw(mut self, octets: &[u8]) -> Self {
        self.octets.extend_from_slice(octets);
        self
    }

    /// A TPM2B: the length in two octets, then the contents.
    pub(super) fn sized(mut self, octets: &[u8]) -> Self {
        match u16::try_from(octets.len()) {
            Ok(length) => self.u16(length).raw(octets),
            Err(_) => {
                self.is_too_long = true;
                self
            }
        }
    }

    /// A TPM2B around another structure.
    pub(super) fn sized_of(mut self, inner: Self) -> Self {
        self.is_too_long |= inner.is_too_long;
        self.sized(&inner.octets)
    }

    /// What another one wrote, behind what is written.
    pub(super) fn join(mut self, other: Self) -> Self {
        self.is_too_long |= other.is_too_long;
        self.raw(&other.octets)
    }

    /// All of it.
    ///
    /// # Errors
    /// [`Malformed`] when a field was longer than its length can say.
    pub(super) fn finish(self) -> Result<Vec<u8>, Malformed> {
        if self.is_too_long { Err(Malformed) } else { Ok(self.octets) }
    }
}

/// Reads one structure after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// The contents of a TPM2B.
    pub(super) fn sized(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// What was not read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub(super) const fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let inner = Writer::default().u32(7).sized(b"ab");
        let octets = Writer::default().u8(1).u16(2).sized_of(inner).raw(b"end").finish().unwrap();
        let mut reader = Reader::new(&octets);
        assert_eq!((reader.u8(), reader.u16()), (Ok(1), Ok(2)));
        let mut inner = Reader::new(reader.sized().unwrap());
        assert_eq!((inner.u32(), inner.sized()), (Ok(7), Ok(&b"ab"[..])));
        inner.finish().unwrap();
        assert_eq!(reader.finish(), Err(Malformed), "something is left");
        assert_eq!(reader.take(3), Ok(&b"end"[..]));
        assert_eq!(reader.u8(), Err(Malformed));
    }

    #[test]
    fn a_length_that_lies_and_a_field_that_is_too_long_are_errors() {
        assert_eq!(Reader::new(&[0, 3, 1, 2]).sized(), Err(Malformed));
        assert_eq!(Writer::default().sized(&[0; 65_536]).finish(), Err(Malformed));
        let inside = Writer::default().sized(&[0; 65_536]);
        assert_eq!(Writer::default().sized_of(inside).finish(), Err(Malformed));
        assert_eq!(Writer::default().sized(&[0; 65_535]).finish().unwrap().len(), 65_537);
    }
}
