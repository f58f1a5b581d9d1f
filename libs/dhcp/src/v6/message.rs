//! The message: a type, a transaction, options (RFC 8415 §8).

use super::{DecodeError, Options};

/// What a message between a client and a server wants. Relay agents' messages have another form and are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// A client looks for servers.
    Solicit,
    /// A server says that it is there, and what it would give.
    Advertise,
    /// A client takes what a server advertised.
    Request,
    /// A server gives.
    Reply,
    /// A client that needs no address asks for everything else.
    InformationRequest,
}

impl MessageType {
    const ALL: [Self; 5] = [Self::Solicit, Self::Advertise, Self::Request, Self::Reply, Self::InformationRequest];

    const fn number(self) -> u8 {
        match self {
            Self::Solicit => 1,
            Self::Advertise => 2,
            Self::Request => 3,
            Self::Reply => 7,
            Self::InformationRequest => 11,
        }
    }
}

/// The number by which a client recognises the answers to its message: 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 3]);

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
    /// Reads the payload of one UDP datagram.
    ///
    /// # Errors
    /// [`DecodeError`]; no input makes it panic.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let [kind, a, b, c, options @ ..] = bytes else {
            return Err(DecodeError::TooShort { length: bytes.len() });
        };
        let found = MessageType::ALL.into_iter().find(|candidate| candidate.number() == *kind);
        Ok(Self {
            kind: found.ok_or(DecodeError::TypeUnknown(*kind))?,
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
    fn five_types_are_known_and_nothing_shorter_than_a_header() {
        for number in 0..=u8::MAX {
            let bytes = [number, 1, 2, 3];
            match Message::decode(&bytes) {
                Ok(message) => assert_eq!(message.encode(), bytes),
                Err(error) => {
                    assert_eq!(error, DecodeError::TypeUnknown(number));
                    assert!(![1, 2, 3, 7, 11].contains(&number));
                }
            }
        }
        assert_eq!(Message::decode(&[7, 0, 0]), Err(DecodeError::TooShort { length: 3 }));
        assert!(matches!(Message::decode(&[7, 0, 0, 0, 0]), Err(DecodeError::HeaderTruncated { length: 1 })));
    }
}
