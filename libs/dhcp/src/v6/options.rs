//! A sequence of options: two bytes of code, two of length, the value (RFC 8415 §21.1).

use super::{DecodeError, OptionCode, OptionError, ValueTooLong};

/// The options of one message, in order, duplicates included.
///
/// Unlike DHCPv4, instances of one code are never joined (RFC 8415 §21.1): whether a code may stand several times is the
/// option's own business, and [`Options::single`] is for those that may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(Vec<(OptionCode, Vec<u8>)>);

impl Options {
    /// Most options read from one sequence.
    pub const MAXIMUM: usize = 256;

    /// No options.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads the options that follow a message's header.
    ///
    /// # Errors
    /// [`DecodeError`]; no input makes it panic, and what is kept is never larger than `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut options = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if options.len() == Self::MAXIMUM {
                return Err(DecodeError::TooManyOptions);
            }
            let (code, value, after) = first(rest)?;
            options.push((code, value.to_vec()));
            rest = after;
        }
        Ok(Self(options))
    }

    /// The options' bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in &self.0 {
            // `insert` and `decode` let no value in that is longer than 65,535 bytes.
            let [.., high, low] = value.len().to_be_bytes();
            bytes.extend(code.0.to_be_bytes());
            bytes.extend([high, low]);
            bytes.extend(value);
        }
        bytes
    }

    /// Sets the option to these bytes, in the place of every instance that was there (DHC-12).
    ///
    /// # Errors
    /// [`ValueTooLong`].
    pub fn insert(&mut self, code: OptionCode, value: impl Into<Vec<u8>>) -> Result<(), ValueTooLong> {
        let value = value.into();
        // Checked first: a value that is refused leaves the old one in its place.
        if u16::try_from(value.len()).is_err() {
            return Err(ValueTooLong { code, length: value.len() });
        }
        self.remove(code);
        self.add(code, value)
    }

    /// Adds one instance, whatever is there already: for options that may stand several times, such as `IA_NA`.
    ///
    /// # Errors
    /// [`ValueTooLong`].
    pub fn add(&mut self, code: OptionCode, value: impl Into<Vec<u8>>) -> Result<(), ValueTooLong> {
        let value = value.into();
        if u16::try_from(value.len()).is_err() {
            return Err(ValueTooLong { code, length: value.len() });
        }
        self.0.push((code, value));
        Ok(())
    }

    /// Takes every instance of the option away.
    pub fn remove(&mut self, code: OptionCode) {
        self.0.retain(|(candidate, _)| *candidate != code);
    }

    /// Whether the option stands at least once.
    #[must_use]
    pub fn contains(&self, code: OptionCode) -> bool {
        self.all(code).next().is_some()
    }

    /// How many instances there are of all options.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no option.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of an option that may stand only once, as option 136 may (RFC 8572 §8.2); `Ok(None)` when it is absent.
    ///
    /// # Errors
    /// [`OptionError::Repeated`] when it stands several times. The sender broke its rule, and to choose one would be to
    /// let whoever adds the other choose.
    pub fn single(&self, code: OptionCode) -> Result<Option<&[u8]>, OptionError> {
        let mut instances = self.all(code);
        let first = instances.next();
        match instances.count() {
            0 => Ok(first),
            more => Err(OptionError::Repeated { code, count: more.saturating_add(1) }),
        }
    }

    /// The bytes of every instance of an option, in order.
    pub fn all(&self, code: OptionCode) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(candidate, _)| *candidate == code).map(|(_, value)| value)
    }

    /// Codes and bytes in order.
    pub fn iter(&self) -> impl Iterator<Item = (OptionCode, &[u8])> {
        self.0.iter().map(|(code, value)| (*code, value.as_slice()))
    }
}

/// The first option of a sequence that is not empty, and what follows it.
fn first(bytes: &[u8]) -> Result<(OptionCode, &[u8], &[u8]), DecodeError> {
    let [code_high, code_low, length_high, length_low, rest @ ..] = bytes else {
        return Err(DecodeError::HeaderTruncated { length: bytes.len() });
    };
    let code = OptionCode(u16::from_be_bytes([*code_high, *code_low]));
    let announced = u16::from_be_bytes([*length_high, *length_low]);
    let (value, after) = rest.split_at_checked(announced.into()).ok_or(DecodeError::OptionTruncated {
        code,
        announced,
        available: rest.len(),
    })?;
    Ok((code, value, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: OptionCode = OptionCode::SZTP_REDIRECT;

    /// DHC-12: what we send has one instance, and what we receive must.
    #[test]
    fn dhc_12_option_136_stands_once() {
        let mut options = Options::new();
        options.insert(CODE, *b"old").unwrap();
        options.insert(OptionCode(23), []).unwrap();
        options.insert(CODE, *b"new").unwrap();
        assert_eq!(options.encode(), b"\x00\x17\x00\x00\x00\x88\x00\x03new");
        assert_eq!(options.single(CODE), Ok(Some(&b"new"[..])));
        assert_eq!(Options::new().single(CODE), Ok(None));

        let twice = Options::decode(b"\x00\x88\x00\x01a\x00\x88\x00\x01b").unwrap();
        assert_eq!(twice.single(CODE), Err(OptionError::Repeated { code: CODE, count: 2 }));
        assert!(twice.all(CODE).eq([b"a", b"b"]), "never joined");
    }

    #[test]
    fn dhc_16_truncation_is_refused_wherever_it_stands() {
        for length in 1..4 {
            assert_eq!(Options::decode(&[0; 3][..length]), Err(DecodeError::HeaderTruncated { length }));
        }
        assert_eq!(
            Options::decode(&[0, 136, 0xff, 0xff, 1]),
            Err(DecodeError::OptionTruncated { code: CODE, announced: 0xffff, available: 1 })
        );
    }

    #[test]
    fn numbers_and_lengths_are_bounded() {
        assert!(Options::decode(&[0; 4 * Options::MAXIMUM]).is_ok());
        assert_eq!(Options::decode(&[0; 4 * Options::MAXIMUM + 4]), Err(DecodeError::TooManyOptions));
        assert!(Options::new().insert(CODE, vec![0; 65_535]).is_ok());
        let refused = Options::new().insert(CODE, vec![0; 65_536]);
        assert_eq!(refused, Err(ValueTooLong { code: CODE, length: 65_536 }));
    }
}
