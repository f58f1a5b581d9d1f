//! What can be wrong with a message.

use conveyed_info::discovery::dns::NameError;

/// Octets that are no DNS message, or more of one than a device reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Something announces more octets than there are.
    #[error("the message is cut off")]
    Truncated,
    /// More than a device reads.
    #[error("{count} questions and records are more than are read")]
    TooManyRecords {
        /// How many the message announces.
        count: usize,
    },
    /// No ordinary question or answer (RFC 1035 §4.1.1).
    #[error("the message is neither a question nor the answer to one")]
    Operation,
    /// A record holds more than its type has.
    #[error("{length} octets are left over in a record")]
    TrailingOctets {
        /// How many.
        length: usize,
    },
    /// A name points forward, to itself, or too often (RFC 1035 §4.1.4: to a prior occurrence).
    #[error("a name points somewhere else than to an earlier one")]
    Pointer,
    /// A name that is none.
    #[error("a name in the message: {0}")]
    Name(#[from] NameError),
}
