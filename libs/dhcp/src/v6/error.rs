//! What can be wrong with a DHCPv6 message.

use thiserror::Error;
use verdict::ReasonCode;

use super::{OptionCode, Options, Received, RelayDirection};

/// The bytes are not a message or its options. The fault is always the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer than the four bytes of type and transaction (RFC 8415 §8).
    #[error("{length} bytes are fewer than the four of type and transaction")]
    TooShort {
        /// Bytes received.
        length: usize,
    },
    /// A type that is none of RFC 8415 §7.3's, or a relay agent's where a client's or a server's message has to stand.
    #[error("message type {0} is unknown here")]
    TypeUnknown(u8),
    /// Fewer than the four bytes of code and length are left.
    #[error("{length} bytes are left, an option begins with four")]
    HeaderTruncated {
        /// Bytes left.
        length: usize,
    },
    /// An option announces more bytes than there are.
    #[error("option {code} announces {announced} bytes, {available} are left")]
    OptionTruncated {
        /// Which option.
        code: OptionCode,
        /// Its length field.
        announced: u16,
        /// Bytes left.
        available: usize,
    },
    /// More options than anybody sends.
    #[error("more than {} options", Options::MAXIMUM)]
    TooManyOptions,
    /// A relay agent's message without exactly one message in it (RFC 8415 §9.1, §9.2).
    #[error("a relay agent's message holds {count} messages instead of one")]
    RelayMessageCount {
        /// How many it holds.
        count: usize,
    },
    /// More relay agents around a message than can have passed it on (RFC 8415 §7.6, §19.1.2).
    #[error("more than {} relay agents around one message", Received::MAXIMUM_LAYERS)]
    TooManyRelays,
    /// A relay agent's answer where a request has to stand, or the other way round.
    #[error("a {found} message stands in one that goes the other way")]
    RelayDirection {
        /// Which way the message goes.
        found: RelayDirection,
    },
}

impl DecodeError {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::DhcpMalformed
    }
}

/// An option is not there as its definition demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionError {
    /// An option that may stand once stands several times, and nobody can say which one is meant.
    #[error("option {code} stands {count} times, but may stand once")]
    Repeated {
        /// Which option.
        code: OptionCode,
        /// How often it stands.
        count: usize,
    },
    /// The value has a length the option cannot have.
    #[error("option {code} is {length} bytes long")]
    Length {
        /// Which option.
        code: OptionCode,
        /// Its length in bytes.
        length: usize,
    },
    /// The length is possible, but the value means nothing.
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

/// An option's value exceeds the 65,535 bytes that its length field can say. The fault is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("option {code} cannot hold {length} bytes")]
pub struct ValueTooLong {
    /// Which option.
    pub code: OptionCode,
    /// The value's length in bytes.
    pub length: usize,
}
