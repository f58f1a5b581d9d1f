//! The message: a type, a transaction, options (RFC 8415 §8).

use std::fmt;

use super::{DecodeError, Options};

/// What a message between a client and a server wants (RFC 8415 §7.3). Relay agents' messages have another form: they are
/// [`RelayMessage`](super::RelayMessage)s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// A client looks for servers.
    Solicit,
    /// A server says that it is there, and what it would give.
    Advertise,
    /// A client takes what a server advertised.
    Request,
    /// A client that was elsewhere asks whether its addresses still fit the link.
    Confirm,
    /// A client asks the server that gave its addresses for more time.
    Renew,
    /// A client asks any server for more time.
    Rebind,
    /// A server gives.
    Reply,
    /// A client gives its addresses back.
    Release,
    /// A client found its address in use by another host.
    Decline,
    /// A server tells a client to ask again.
    Reconfigure,
    /// A client that needs no address asks for everything else.
    InformationRequest,
}

impl MessageType {
    /// Every type, by number.
    pub const ALL: [Self; 11] = [
        Self::Solicit,
        Self::Advertise,
        Self::Request,
        Self::Confirm,
        Self::Renew,
        Self::Rebind,
        Self::Reply,
        Self::Release,
        Self::Decline,
        Self::Reconfigure,
        Self::InformationRequest,
    ];

    /// The type with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|candidate| candidate.number() == number)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Solicit => 1,
            Self::Advertise => 2,
            Self::Request => 3,
            Self::Confirm => 4,
            Self::Renew => 5,
            Self::Rebind => 6,
            Self::Reply => 7,
            Self::Release => 8,
            Self::Decline => 9,
            Self::Reconfigure => 10,
            Self::InformationRequest => 11,
        }
    }

    /// The name RFC 8415 uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Solicit => "Solicit",
            Self::Advertise => "Advertise",
            Self::Request => "Request",
            Self::Confirm => "Confirm",
            Self::Renew => "Renew",
            Self::Rebind => "Rebind",
            Self::Reply => "Reply",
            Self::Release => "Release",
            Self::Decline => "Decline",
            Self::Reconfigure => "Reconfigure",
            Self::InformationRequest => "Information-request",
        }
    }

    /// Whether clients send it; servers send the others. Each discards what only its own kind sends (RFC 8415 §16).
    #[must_use]
    pub const fn is_from_client(self) -> bool {
        !matches!(self, Self::Advertise | Self::Reply | Self::Reconfigure)
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The number by which a client recognises the answers to its message: 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 3]);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}")
    }
}

/// A message between a client and a server.
///
/// ```
/// use dhcp::v6::{Message, MessageType, OptionCode, OptionRequest, Options, TransactionId};
///
/// let mut options = Options::new();
/// options.insert(OptionCode::OPTION_REQUEST, OptionRequest(vec![OptionCode::SZTP_REDIRECT]).encode())?;
/// let asked = Message { kind: MessageType::InformationRequest, transaction: TransactionId([1, 2, 3]), options };
/// assert_eq!(asked.encode(), [11, 1, 2, 3, 0, 6, 0, 2, 0, 136]);
/// assert_eq!(Message::decode(&asked.encode())?, asked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it wants.
    pub kind: MessageType,
    /// Which exchange it belongs to.
    pub transaction: TransactionId,
    /// Everything else.
    pub options: Options,
}

impl Message {
    /// One without options.
    #[must_use]
    pub const fn new(kind: MessageType, transaction: TransactionId) -> Self {
        Self { kind, transaction, options: Options::new() }
    }

    /// Reads the payload of one UDP datagram.
    ///
    /// # Errors
    /// [`DecodeError`]; no input makes it panic.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let [kind, a, b, c, options @ ..] = bytes else {
            return Err(DecodeError::TooShort { length: bytes.len() });
        };
        Ok(Self {
            kind: MessageType::from_number(*kind).ok_or(DecodeError::TypeUnknown(*kind))?,
            transaction: TransactionId([*a, *b, *c]),
            options: Options::decode(options)?,
        })
    }

    /// The message's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let TransactionId([a, b, c]) = self.transaction;
        let mut bytes = vec![self.kind.number(), a, b, c];
        bytes.extend(self.options.encode());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eleven_types_are_known_and_nothing_shorter_than_a_header() {
        for number in 0..=u8::MAX {
            let bytes = [number, 1, 2, 3];
            match Message::decode(&bytes) {
                Ok(message) => assert_eq!(message.encode(), bytes),
                Err(error) => {
                    assert_eq!(error, DecodeError::TypeUnknown(number));
                    assert!(!(1..=11).contains(&number));
                }
            }
        }
        assert_eq!(MessageType::ALL.map(MessageType::number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        let servers = MessageType::ALL.into_iter().filter(|kind| !kind.is_from_client());
        assert!(servers.map(MessageType::number).eq([2, 7, 10]));
        assert_eq!(Message::decode(&[7, 0, 0]), Err(DecodeError::TooShort { length: 3 }));
        assert!(matches!(Message::decode(&[7, 0, 0, 0, 0]), Err(DecodeError::HeaderTruncated { length: 1 })));
    }
}
