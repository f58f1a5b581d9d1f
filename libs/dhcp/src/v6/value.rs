//! What an option's bytes stand for, by type.

use super::{OptionCode, OptionError, Options, ValueTooLong};

/// A type that is the value of one option.
pub trait OptionValue: Sized {
    /// Which option.
    const CODE: OptionCode;

    /// Reads the value from one instance's bytes.
    ///
    /// # Errors
    /// [`OptionError`] when the bytes cannot be this option.
    fn decode(value: &[u8]) -> Result<Self, OptionError>;

    /// The value's bytes.
    fn encode(&self) -> Vec<u8>;
}

impl Options {
    /// The option as the value it stands for; `Ok(None)` when it is absent.
    ///
    /// # Errors
    /// [`OptionError`] when it stands several times, or its bytes are not such a value.
    pub fn value<T: OptionValue>(&self) -> Result<Option<T>, OptionError> {
        self.single(T::CODE)?.map(T::decode).transpose()
    }

    /// Every instance as the value it stands for; those that are broken are left out.
    pub fn values<T: OptionValue>(&self) -> impl Iterator<Item = T> {
        self.all(T::CODE).filter_map(|value| T::decode(value).ok())
    }

    /// Sets the option that this value is, in the place of every instance that was there.
    ///
    /// # Errors
    /// [`ValueTooLong`].
    pub fn put<T: OptionValue>(&mut self, value: &T) -> Result<(), ValueTooLong> {
        self.insert(T::CODE, value.encode())
    }
}

/// The bytes of an option whose length is fixed.
pub(super) fn exactly<const N: usize>(code: OptionCode, value: &[u8]) -> Result<[u8; N], OptionError> {
    value.try_into().map_err(|_| OptionError::Length { code, length: value.len() })
}

/// Texts with two bytes of length before each, as user classes, vendor classes and boot file parameters are written.
/// `None` when a length reaches beyond the end.
pub(super) fn framed(mut rest: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk()?;
        let (piece, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        pieces.push(piece.to_vec());
        rest = after;
    }
    Some(pieces)
}

/// The opposite of [`framed`]; a piece longer than its length can say is cut to what it can.
pub(super) fn frame<T: AsRef<[u8]>>(pieces: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        let length = u16::try_from(piece.as_ref().len()).unwrap_or(u16::MAX);
        bytes.extend(length.to_be_bytes());
        bytes.extend(piece.as_ref().iter().take(length.into()));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v6::Preference;

    #[test]
    fn a_value_is_absent_there_broken_or_ambiguous() {
        let mut options = Options::new();
        assert_eq!(options.value::<Preference>(), Ok(None));
        options.put(&Preference(255)).unwrap();
        assert_eq!(options.value(), Ok(Some(Preference(255))));
        options.add(OptionCode::PREFERENCE, [1, 2]).unwrap();
        assert_eq!(
            options.value::<Preference>(),
            Err(OptionError::Repeated { code: OptionCode::PREFERENCE, count: 2 })
        );
        assert!(options.values::<Preference>().eq([Preference(255)]));
        options.insert(OptionCode::PREFERENCE, [1, 2]).unwrap();
        assert_eq!(options.value::<Preference>(), Err(OptionError::Length { code: OptionCode::PREFERENCE, length: 2 }));
    }

    #[test]
    fn pieces_have_two_bytes_of_length() {
        assert_eq!(frame(&[b"ab".as_slice(), b""]), b"\x00\x02ab\x00\x00");
        assert_eq!(framed(b"\x00\x02ab\x00\x00"), Some(vec![b"ab".to_vec(), vec![]]));
        for broken in [&b"\x00"[..], b"\x00\x01", b"\x00\x01a\x00"] {
            assert_eq!(framed(broken), None, "{broken:?}");
        }
        assert_eq!(frame(&[vec![7; 65_536]]).len(), 2 + 65_535);
    }
}
