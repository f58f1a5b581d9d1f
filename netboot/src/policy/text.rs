//! Texts that fit one option and one header field.

use serde::Deserialize;
use thiserror::Error;

/// A server name, boot file or URL: 1 to 255 bytes without NUL, so that it fits one option.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BootText(String);

impl BootText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BootText {
    type Error = BootTextInvalid;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = (1..=255).contains(&text.len()) && !text.contains('\0');
        if valid { Ok(Self(text)) } else { Err(BootTextInvalid { length: text.len() }) }
    }
}

/// The text cannot be sent as server name or boot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a server name or boot file has 1 to 255 bytes and no NUL; this one has {length} bytes")]
pub struct BootTextInvalid {
    /// Bytes in the text.
    pub length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_fits_no_option_is_refused() {
        assert!(BootText::try_from("x".repeat(255)).is_ok());
        for bad in [String::new(), "x".repeat(256), "a\0b".to_owned()] {
            assert!(BootText::try_from(bad).is_err());
        }
    }
}
