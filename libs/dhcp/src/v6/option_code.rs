//! The number that names an option.

use std::fmt;

/// The code of a DHCPv6 option (RFC 8415 §21, IANA "Option Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OptionCode(pub u16);

impl OptionCode {
    /// Option Request: which options the client wants, RFC 8415 §21.7.
    pub const OPTION_REQUEST: Self = Self(6);
    /// `OPTION_V6_SZTP_REDIRECT`, RFC 8572 §8.2 (DHC-03).
    pub const SZTP_REDIRECT: Self = Self(136);
}

impl fmt::Display for OptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
