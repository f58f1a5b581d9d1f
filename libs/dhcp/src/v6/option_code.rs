//! The number that names an option.

use std::fmt;

/// The code of a DHCPv6 option (RFC 8415 §21, IANA "Option Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OptionCode(pub u16);

impl OptionCode {
    /// Client Identifier: the client's DUID, RFC 8415 §21.2.
    pub const CLIENT_IDENTIFIER: Self = Self(1);
    /// Server Identifier: the server's DUID, RFC 8415 §21.3.
    pub const SERVER_IDENTIFIER: Self = Self(2);
    /// Identity Association for Non-temporary Addresses, RFC 8415 §21.4.
    pub const IA_NA: Self = Self(3);
    /// IA Address, inside an identity association, RFC 8415 §21.6.
    pub const IA_ADDRESS: Self = Self(5);
    /// Option Request: which options the client wants, RFC 8415 §21.7.
    pub const OPTION_REQUEST: Self = Self(6);
    /// Preference of a server, RFC 8415 §21.8.
    pub const PREFERENCE: Self = Self(7);
    /// Elapsed Time, in hundredths of a second, RFC 8415 §21.9.
    pub const ELAPSED_TIME: Self = Self(8);
    /// Status Code, RFC 8415 §21.13.
    pub const STATUS_CODE: Self = Self(13);
    /// Rapid Commit: the exchange may have two messages, RFC 8415 §21.14.
    pub const RAPID_COMMIT: Self = Self(14);
    /// User Class, RFC 8415 §21.15.
    pub const USER_CLASS: Self = Self(15);
    /// Vendor Class, RFC 8415 §21.16.
    pub const VENDOR_CLASS: Self = Self(16);
    /// DNS servers, RFC 3646 §3.
    pub const DNS_SERVERS: Self = Self(23);
    /// Domain search list, RFC 3646 §4.
    pub const DOMAIN_LIST: Self = Self(24);
    /// Information Refresh Time, RFC 8415 §21.23.
    pub const INFORMATION_REFRESH_TIME: Self = Self(32);
    /// How seldom a client that solicits may ask at last, RFC 8415 §21.24.
    pub const SOL_MAX_RT: Self = Self(82);
    /// How seldom a client that asks for information may ask at last, RFC 8415 §21.25.
    pub const INF_MAX_RT: Self = Self(83);
    /// `OPTION_V6_SZTP_REDIRECT`, RFC 8572 §8.2 (DHC-03).
    pub const SZTP_REDIRECT: Self = Self(136);
}

impl fmt::Display for OptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
