//! What can be wrong with a message, and with one option of it.

use thiserror::Error;
use verdict::ReasonCode;

use super::OptionCode;

/// The bytes are not a DHCPv4 message. The fault is always the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer bytes than the fixed header and the magic cookie need (RFC 2131 §2).
    #[error("{length} bytes are fewer than the 240 of header and magic cookie")]
    TooShort {
        /// Bytes received.
        length: usize,
    },
    /// `op` is neither BOOTREQUEST nor BOOTREPLY.
    #[error("operation {0} is neither request nor reply")]
    OperationUnknown(u8),
    /// `hlen` exceeds the 16 bytes of `chaddr`.
    #[error("hardware address length {0} exceeds 16")]
    HardwareAddressTooLong(u8),
    /// The four bytes after the header are not 99.130.83.99 (RFC 2131 §3): plain BOOTP or something else.
    #[error("magic cookie missing, found {0:02x?}")]
    CookieMissing([u8; 4]),
    /// An option announces more bytes than its field holds.
    #[error("option {code} announces {announced} bytes, {available} are left")]
    OptionTruncated {
        /// The option's code as sent.
        code: u8,
        /// The option's length byte; 0 when that byte itself is missing.
        announced: u8,
        /// Bytes left in the field.
        available: usize,
    },
    /// Option 52 is not one byte of value 1, 2 or 3, so nobody can say what `file` and `sname` hold (RFC 2132 §9.3).
    #[error("option overload is not 1, 2 or 3")]
    OverloadInvalid,
}

impl DecodeError {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::DhcpMalformed
    }
}

/// One option's value does not have the form its definition demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionError {
    /// The value has a length the option cannot have.
    #[error("option {code} is {length} bytes long")]
    Length {
        /// Which option.
        code: OptionCode,
        /// Its length in bytes, all instances joined.
        length: usize,
    },
    /// The value's length fits but its content is not defined.
    #[error("option {code} holds an undefined value")]
    Value {
        /// Which option.
        code: OptionCode,
    },
}

impl OptionError {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::DhcpMalformed
    }
}

/// The options need more room than the receiver allows, even with `file` and `sname` overloaded. The fault is ours:
/// leave something out and encode again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the options do not fit into a message of {limit} bytes")]
pub struct DoesNotFit {
    /// The largest DHCP message allowed, in bytes without IP and UDP header.
    pub limit: usize,
}
