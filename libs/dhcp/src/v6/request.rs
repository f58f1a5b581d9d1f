//! The Option Request option: a client gets option 136 only when it asks for it (RFC 8572 §8.2, DHC-08).

use super::{OptionCode, OptionError};

/// The codes of the options that a client wants, RFC 8415 §21.7.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionRequest(pub Vec<OptionCode>);

impl OptionRequest {
    /// Reads the option's value.
    ///
    /// # Errors
    /// [`OptionError::Length`] when half a code is left at the end.
    pub fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let (codes, []) = value.as_chunks::<2>() else {
            return Err(OptionError::Length { code: OptionCode::OPTION_REQUEST, length: value.len() });
        };
        Ok(Self(codes.iter().map(|code| OptionCode(u16::from_be_bytes(*code))).collect()))
    }

    /// The option's value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|code| code.0.to_be_bytes()).collect()
    }

    /// Whether this option is wanted.
    #[must_use]
    pub fn contains(&self, code: OptionCode) -> bool {
        self.0.contains(&code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dhc_08_the_request_names_option_136() {
        let request = OptionRequest(vec![OptionCode(23), OptionCode::SZTP_REDIRECT]);
        assert_eq!(request.encode(), [0, 23, 0, 0x88]);
        assert_eq!(OptionRequest::decode(&[0, 23, 0, 0x88]), Ok(request.clone()));
        assert!(request.contains(OptionCode::SZTP_REDIRECT) && !request.contains(OptionCode(24)));
        let odd = OptionError::Length { code: OptionCode::OPTION_REQUEST, length: 3 };
        assert_eq!(OptionRequest::decode(&[0, 23, 0]), Err(odd));
    }
}
