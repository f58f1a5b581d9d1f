//! One relay agent's message (RFC 8415 §9), and what a datagram may be.

use std::{fmt, net::Ipv6Addr};

use crate::v6::{DecodeError, Message, OptionCode, Options, ValueTooLong};

/// Which way a relay agent's message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayDirection {
    /// Relay-forward, 12: to the server.
    Forward,
    /// Relay-reply, 13: to the client.
    Reply,
}

impl RelayDirection {
    /// The direction that has this message type.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            12 => Some(Self::Forward),
            13 => Some(Self::Reply),
            _ => None,
        }
    }

    /// The message type on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Forward => 12,
            Self::Reply => 13,
        }
    }
}

impl fmt::Display for RelayDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "Relay-forward",
            Self::Reply => "Relay-reply",
        })
    }
}

/// A message between a relay agent and a server, or another relay agent (RFC 8415 §9). What it carries stands in its
/// Relay Message option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayMessage {
    /// Which way it goes.
    pub direction: RelayDirection,
    /// How many relay agents had passed the message on before this one.
    pub hop_count: u8,
    /// `link-address`: an address on the client's link; unspecified from a relay agent that has none there (RFC 6221 §5.1).
    pub link: Ipv6Addr,
    /// `peer-address`: whom the relay agent heard, and will pass the answer to.
    pub peer: Ipv6Addr,
    /// Everything else, the Relay Message option included.
    pub options: Options,
}

impl RelayMessage {
    /// Reads the payload of one UDP datagram, or the value of a Relay Message option. What it carries is not looked at.
    ///
    /// # Errors
    /// [`DecodeError`]; no input makes it panic.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let too_short = DecodeError::TooShort { length: bytes.len() };
        let ([kind, hop_count], rest) = bytes.split_first_chunk().ok_or(too_short)?;
        let direction = RelayDirection::from_number(*kind).ok_or(DecodeError::TypeUnknown(*kind))?;
        let (link, rest) = rest.split_first_chunk().ok_or(too_short)?;
        let (peer, options) = rest.split_first_chunk().ok_or(too_short)?;
        Ok(Self {
            direction,
            hop_count: *hop_count,
            link: Ipv6Addr::from_octets(*link),
            peer: Ipv6Addr::from_octets(*peer),
            options: Options::decode(options)?,
        })
    }

    /// The message's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.direction.number(), self.hop_count];
        bytes.extend(self.link.octets());
        bytes.extend(self.peer.octets());
        bytes.extend(self.options.encode());
        bytes
    }

    /// Puts what is to be carried into the Relay Message option, in the place of what was there.
    ///
    /// # Errors
    /// [`ValueTooLong`] when it exceeds 65,535 bytes.
    pub fn carry(&mut self, carried: &Datagram) -> Result<(), ValueTooLong> {
        self.options.insert(OptionCode::RELAY_MESSAGE, carried.encode())
    }

    /// What it carries: another relay agent's message, or a client's or a server's.
    ///
    /// # Errors
    /// [`DecodeError`] when there is not exactly one message (RFC 8415 §9.1, §9.2), or it is broken.
    pub fn carried(&self) -> Result<Datagram, DecodeError> {
        Datagram::decode(relayed(&self.options)?)
    }
}

/// The value of the only Relay Message option.
pub(super) fn relayed(options: &Options) -> Result<&[u8], DecodeError> {
    let mut instances = options.all(OptionCode::RELAY_MESSAGE);
    match (instances.next(), instances.count()) {
        (Some(value), 0) => Ok(value),
        (first, others) => {
            Err(DecodeError::RelayMessageCount { count: others.saturating_add(usize::from(first.is_some())) })
        }
    }
}

/// What a datagram on the ports of DHCPv6 may be (RFC 8415 §8, §9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// A client's or a server's message.
    Message(Message),
    /// A relay agent's.
    Relay(RelayMessage),
}

impl Datagram {
    /// Reads the payload of one UDP datagram. Of a relay agent's message the outermost layer is read; [`Received`] opens all.
    ///
    /// # Errors
    /// [`DecodeError`]; no input makes it panic.
    ///
    /// [`Received`]: super::Received
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes {
            [kind, ..] if RelayDirection::from_number(*kind).is_some() => RelayMessage::decode(bytes).map(Self::Relay),
            _ => Message::decode(bytes).map(Self::Message),
        }
    }

    /// The datagram's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Message(message) => message.encode(),
            Self::Relay(message) => message.encode(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v6::{MessageType, TransactionId};

    fn forward() -> RelayMessage {
        RelayMessage {
            direction: RelayDirection::Forward,
            hop_count: 1,
            link: "2001:db8::1".parse().unwrap(),
            peer: "fe80::5".parse().unwrap(),
            options: Options::new(),
        }
    }

    #[test]
    fn the_header_has_34_bytes_as_rfc_8415_section_9_has_it() {
        let mut message = forward();
        message.options.insert(OptionCode::INTERFACE_ID, *b"e0").unwrap();
        let bytes = message.encode();
        let expected = [
            &[12, 1, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
            &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5],
            b"\x00\x12\x00\x02e0",
        ];
        assert_eq!(bytes, expected.concat());
        assert_eq!(Datagram::decode(&bytes), Ok(Datagram::Relay(message)));
        for length in 0..34 {
            assert_eq!(RelayMessage::decode(&bytes[..length]), Err(DecodeError::TooShort { length }));
        }
    }

    #[test]
    fn two_numbers_are_relay_agents_messages_and_every_other_is_not() {
        for number in 0..=u8::MAX {
            let bytes = [&[number][..], &[0; 33]].concat();
            match RelayMessage::decode(&bytes) {
                Ok(message) => assert_eq!((message.direction.number(), message.encode()), (number, bytes)),
                Err(error) => {
                    assert_eq!(error, DecodeError::TypeUnknown(number));
                    assert!(number != 12 && number != 13);
                }
            }
        }
    }

    #[test]
    fn exactly_one_message_is_carried() {
        let mut message = forward();
        assert_eq!(message.carried(), Err(DecodeError::RelayMessageCount { count: 0 }));
        let solicit = Datagram::Message(Message::new(MessageType::Solicit, TransactionId([1, 2, 3])));
        message.carry(&solicit).unwrap();
        assert_eq!(message.carried(), Ok(solicit.clone()));
        message.options.add(OptionCode::RELAY_MESSAGE, solicit.encode()).unwrap();
        assert_eq!(message.carried(), Err(DecodeError::RelayMessageCount { count: 2 }));
        // An option of 65,535 bytes cannot hold itself and a header.
        let mut long = forward();
        long.options.insert(OptionCode::INTERFACE_ID, vec![0; 65_535]).unwrap();
        assert!(message.carry(&Datagram::Relay(long)).is_err());
    }
}
