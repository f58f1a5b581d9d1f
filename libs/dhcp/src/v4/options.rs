//! The options of one message: an ordered map from code to joined value.

use super::{OptionCode, OptionError};

/// A type that is the value of one option.
pub trait OptionValue: Sized {
    /// Which option.
    const CODE: OptionCode;

    /// Reads the value from the option's bytes, all instances joined.
    ///
    /// # Errors
    /// [`OptionError`] when the bytes cannot be this option.
    fn decode(bytes: &[u8]) -> Result<Self, OptionError>;

    /// The value's bytes, of any length: the codec splits them where it must.
    fn encode(&self) -> Vec<u8>;
}

/// Every option of a message, each code once, in order of first appearance.
///
/// Instances of one code are joined when a message is decoded and split when it is encoded (RFC 3396), so nobody else
/// needs to think about 255-byte limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(Vec<(OptionCode, Vec<u8>)>);

impl Options {
    /// No options.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The option's bytes, all instances joined; `None` when the option is absent.
    #[must_use]
    pub fn bytes(&self, code: OptionCode) -> Option<&[u8]> {
        self.iter().find_map(|(candidate, value)| (candidate == code).then_some(value))
    }

    /// The option as the value it stands for; `Ok(None)` when the option is absent.
    ///
    /// # Errors
    /// [`OptionError`] when the option is there but its bytes are not such a value.
    pub fn value<T: OptionValue>(&self) -> Result<Option<T>, OptionError> {
        self.bytes(T::CODE).map(T::decode).transpose()
    }

    /// Sets the option to these bytes. A code already present keeps its place.
    pub fn insert(&mut self, code: OptionCode, value: impl Into<Vec<u8>>) {
        let value = value.into();
        match self.entry(code) {
            Some(existing) => *existing = value,
            None => self.0.push((code, value)),
        }
    }

    /// Sets the option that this value is.
    pub fn put<T: OptionValue>(&mut self, value: &T) {
        self.insert(T::CODE, value.encode());
    }

    /// Takes the option away and returns its bytes; `None` when it was absent.
    pub fn remove(&mut self, code: OptionCode) -> Option<Vec<u8>> {
        let index = self.0.iter().position(|(candidate, _)| *candidate == code)?;
        Some(self.0.remove(index).1)
    }

    /// Codes and bytes in order of first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (OptionCode, &[u8])> {
        self.0.iter().map(|(code, value)| (*code, value.as_slice()))
    }

    /// Adds one received instance to what the option holds so far.
    pub(crate) fn join(&mut self, code: OptionCode, instance: &[u8]) {
        match self.entry(code) {
            // RFC 3396 §7: instances are joined in order of appearance (DHC-10).
            Some(existing) => existing.extend_from_slice(instance),
            None => self.0.push((code, instance.to_vec())),
        }
    }

    fn entry(&mut self, code: OptionCode) -> Option<&mut Vec<u8>> {
        self.0.iter_mut().find_map(|(candidate, value)| (*candidate == code).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v4::MessageType;

    #[test]
    fn inserting_replaces_and_joining_appends() {
        let mut options = Options::new();
        options.put(&MessageType::Offer);
        options.insert(OptionCode::VENDOR_CLASS, *b"ab");
        options.put(&MessageType::Ack);
        options.join(OptionCode::VENDOR_CLASS, b"cd");
        let codes: Vec<_> = options.iter().map(|(code, _)| code).collect();
        assert_eq!(codes, [OptionCode::MESSAGE_TYPE, OptionCode::VENDOR_CLASS]);
        assert_eq!(options.value(), Ok(Some(MessageType::Ack)));
        assert_eq!(options.remove(OptionCode::VENDOR_CLASS), Some(b"abcd".to_vec()));
        assert_eq!(options.bytes(OptionCode::VENDOR_CLASS), None);
    }

    #[test]
    fn absent_and_malformed_are_told_apart() {
        let mut options = Options::new();
        assert_eq!(options.value::<MessageType>(), Ok(None));
        options.insert(OptionCode::MESSAGE_TYPE, []);
        assert_eq!(
            options.value::<MessageType>(),
            Err(OptionError::Length { code: OptionCode::MESSAGE_TYPE, length: 0 })
        );
    }
}
