//! How a request went (RFC 8415 §21.13).

use std::fmt;

use super::{OptionCode, OptionError, OptionValue, Options};

/// How a request went (RFC 8415 §21.13). An absent option means success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusCode(pub u16);

impl StatusCode {
    /// All is well.
    pub const SUCCESS: Self = Self(0);
    /// It failed for a reason that has no number.
    pub const UNSPEC_FAIL: Self = Self(1);
    /// No address is left for this identity association.
    pub const NO_ADDRS_AVAIL: Self = Self(2);
    /// The server knows nothing of what the client says it holds.
    pub const NO_BINDING: Self = Self(3);
    /// The address does not fit the link on which the client is.
    pub const NOT_ON_LINK: Self = Self(4);
    /// The client wrote to the server's own address without having been allowed to.
    pub const USE_MULTICAST: Self = Self(5);
    /// No prefix is left, or none are given here.
    pub const NO_PREFIX_AVAIL: Self = Self(6);

    /// The name RFC 8415 §21.13 uses, for the codes it knows.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::SUCCESS => "Success",
            Self::UNSPEC_FAIL => "UnspecFail",
            Self::NO_ADDRS_AVAIL => "NoAddrsAvail",
            Self::NO_BINDING => "NoBinding",
            Self::NOT_ON_LINK => "NotOnLink",
            Self::USE_MULTICAST => "UseMulticast",
            Self::NO_PREFIX_AVAIL => "NoPrefixAvail",
            _ => return None,
        })
    }

    /// What the options say; its text, which is anybody's, is not looked at.
    ///
    /// # Errors
    /// [`OptionError`] when the option stands several times or has no number.
    pub fn of(options: &Options) -> Result<Self, OptionError> {
        let code = OptionCode::STATUS_CODE;
        match options.single(code)? {
            None => Ok(Self::SUCCESS),
            Some([high, low, ..]) => Ok(Self(u16::from_be_bytes([*high, *low]))),
            Some(short) => Err(OptionError::Length { code, length: short.len() }),
        }
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

/// The Status Code option with its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// How it went.
    pub code: StatusCode,
    /// For the user, in UTF-8. It is the sender's: whoever shows it must escape it.
    pub text: String,
}

impl OptionValue for Status {
    const CODE: OptionCode = OptionCode::STATUS_CODE;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let (code, text) =
            value.split_first_chunk().ok_or(OptionError::Length { code: Self::CODE, length: value.len() })?;
        let text = str::from_utf8(text).map_err(|_| OptionError::Value { code: Self::CODE })?;
        Ok(Self { code: StatusCode(u16::from_be_bytes(*code)), text: text.to_owned() })
    }

    fn encode(&self) -> Vec<u8> {
        self.code.0.to_be_bytes().into_iter().chain(self.text.bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_success_unless_something_else_is_said() {
        let mut options = Options::new();
        assert_eq!(StatusCode::of(&options), Ok(StatusCode::SUCCESS));
        options.insert(OptionCode::STATUS_CODE, *b"\x00\x02none left").unwrap();
        assert_eq!(StatusCode::of(&options), Ok(StatusCode::NO_ADDRS_AVAIL));
        options.insert(OptionCode::STATUS_CODE, [0]).unwrap();
        assert!(StatusCode::of(&options).is_err());
    }

    #[test]
    fn the_text_follows_the_number_without_a_terminator() {
        let status = Status { code: StatusCode::NOT_ON_LINK, text: "elsewhere".into() };
        assert_eq!(status.encode(), b"\x00\x04elsewhere");
        assert_eq!(Status::decode(b"\x00\x04elsewhere"), Ok(status));
        assert!(matches!(Status::decode(b"\x00"), Err(OptionError::Length { length: 1, .. })));
        assert!(matches!(Status::decode(b"\x00\x00\xff"), Err(OptionError::Value { .. })));
        assert_eq!(StatusCode(6).to_string(), "NoPrefixAvail");
        assert_eq!(StatusCode(7).to_string(), "7");
    }
}
