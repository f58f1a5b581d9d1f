//! A message as a server receives it, and the answer through the same relay agents (RFC 8415 §19.3).

use std::net::Ipv6Addr;

use super::{
    identity::{ClientLinkLayerAddress, RemoteId},
    message::{Datagram, RelayDirection, RelayMessage, relayed},
};
use crate::{
    v4::MacAddress,
    v6::{DecodeError, Message, OptionCode, OptionRequest, Options, ValueTooLong},
};

/// What one relay agent said about the message that it passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayLayer {
    /// How many relay agents had passed the message on before this one.
    pub hop_count: u8,
    /// `link-address`: an address on the client's link; unspecified from a relay agent that has none there.
    pub link: Ipv6Addr,
    /// `peer-address`: whom the relay agent heard.
    pub peer: Ipv6Addr,
    /// Its options without the Relay Message.
    pub options: Options,
}

impl RelayLayer {
    /// The bytes by which the relay agent will know the interface again (RFC 8415 §21.18).
    #[must_use]
    pub fn interface_id(&self) -> Option<&[u8]> {
        self.only(OptionCode::INTERFACE_ID)
    }

    /// The far end of the line (RFC 4649 §3).
    #[must_use]
    pub fn remote_id(&self) -> Option<RemoteId> {
        self.options.value().ok().flatten()
    }

    /// Whose line this is, in the provider's words (RFC 4580 §2).
    #[must_use]
    pub fn subscriber_id(&self) -> Option<&[u8]> {
        self.only(OptionCode::SUBSCRIBER_ID)
    }

    /// Whether the relay agent wants the answer at the port it sent from, not at 547 (RFC 8357 §5).
    #[must_use]
    pub fn wants_source_port(&self) -> bool {
        self.options.contains(OptionCode::RELAY_PORT)
    }

    fn only(&self, code: OptionCode) -> Option<&[u8]> {
        self.options.single(code).ok().flatten()
    }

    /// The Relay-reply that takes an answer back through this relay agent.
    fn reply(&self, carried: &Datagram) -> Result<RelayMessage, ValueTooLong> {
        // RFC 8415 §19.3: hop-count, link-address, peer-address and Interface-Id are the relay agent's own.
        let mut reply = RelayMessage {
            direction: RelayDirection::Reply,
            hop_count: self.hop_count,
            link: self.link,
            peer: self.peer,
            options: Options::new(),
        };
        for (code, value) in self.options.iter() {
            if self.is_copied_back(code) {
                reply.options.add(code, value)?;
            }
        }
        reply.carry(carried)?;
        Ok(reply)
    }

    fn is_copied_back(&self, code: OptionCode) -> bool {
        match code {
            // RFC 8415 §19.3; RFC 8357 §5.
            OptionCode::INTERFACE_ID | OptionCode::RELAY_PORT => true,
            // RFC 4994 §5: the relay agent names the options that it wants to see again.
            _ => self
                .only(OptionCode::ECHO_REQUEST)
                .and_then(|value| OptionRequest::decode(value).ok())
                .is_some_and(|echoed| echoed.contains(code)),
        }
    }
}

/// A message as a server receives it, with the relay agents that passed it on.
///
/// ```
/// use dhcp::v6::{Datagram, Message, MessageType, OptionCode, Options, Received, RelayDirection, RelayMessage, TransactionId};
///
/// let asked = Message::new(MessageType::Solicit, TransactionId([1, 2, 3]));
/// let mut forward = RelayMessage {
///     direction: RelayDirection::Forward,
///     hop_count: 0,
///     link: "2001:db8::1".parse()?,
///     peer: "fe80::5".parse()?,
///     options: Options::new(),
/// };
/// forward.options.insert(OptionCode::INTERFACE_ID, *b"port 7")?;
/// forward.carry(&Datagram::Message(asked.clone()))?;
///
/// let received = Received::decode(&forward.encode())?;
/// assert_eq!(received.message, asked);
/// assert_eq!(received.link(), Some("2001:db8::1".parse()?));
///
/// let answer = received.answer(Message::new(MessageType::Advertise, asked.transaction))?;
/// let Datagram::Relay(reply) = answer else { return Err("a relay agent takes it back".into()) };
/// assert_eq!((reply.direction, reply.peer), (RelayDirection::Reply, forward.peer));
/// assert_eq!(reply.options.single(OptionCode::INTERFACE_ID)?, Some(&b"port 7"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The relay agents, the one next to the server first; none when the client's own datagram arrived.
    pub layers: Vec<RelayLayer>,
    /// What the client sent.
    pub message: Message,
}

impl Received {
    /// `HOP_COUNT_LIMIT`, RFC 8415 §7.6.
    pub const HOP_COUNT_LIMIT: u8 = 8;
    /// Most relay agents around one message. RFC 8415 §19.1.2 lets an agent pass on what says 7, so 0 to 8 may be said.
    pub const MAXIMUM_LAYERS: usize = 9;

    /// Reads the payload of one UDP datagram and opens all of its layers.
    ///
    /// Whether the message is one that clients send is [`MessageType::is_from_client`](super::super::MessageType).
    ///
    /// # Errors
    /// [`DecodeError`]: of any layer, for a Relay-reply, and for more than [`Self::MAXIMUM_LAYERS`]. No input makes it panic.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut layers = Vec::new();
        let mut opened = Datagram::decode(bytes)?;
        loop {
            let relay = match opened {
                Datagram::Message(message) => return Ok(Self { layers, message }),
                Datagram::Relay(relay) => relay,
            };
            // RFC 8415 §16.13 (Relay-forward) and §16.14: servers discard a Relay-reply.
            if relay.direction != RelayDirection::Forward {
                return Err(DecodeError::RelayDirection { found: relay.direction });
            }
            if layers.len() == Self::MAXIMUM_LAYERS {
                return Err(DecodeError::TooManyRelays);
            }
            opened = Datagram::decode(relayed(&relay.options)?)?;
            let RelayMessage { hop_count, link, peer, mut options, direction: _ } = relay;
            options.remove(OptionCode::RELAY_MESSAGE);
            layers.push(RelayLayer { hop_count, link, peer, options });
        }
    }

    /// The relay agent next to the client, if any.
    #[must_use]
    pub fn nearest(&self) -> Option<&RelayLayer> {
        self.layers.last()
    }

    /// The client's Ethernet address, if the relay agent next to it says (RFC 6939 §5). A hint, as everything here.
    #[must_use]
    pub fn mac(&self) -> Option<MacAddress> {
        let said: Option<ClientLinkLayerAddress> = self.nearest()?.options.value().ok()?;
        said?.mac()
    }

    /// An address on the client's link: what the relay agent next to the client says that says one at all (RFC 8415 §13.1,
    /// RFC 6221 §4). `None` when the client is on the server's own link, or nobody says.
    #[must_use]
    pub fn link(&self) -> Option<Ipv6Addr> {
        self.layers.iter().rev().map(|layer| layer.link).find(|link| !link.is_unspecified())
    }

    /// The datagram that takes an answer back through the same relay agents; the bare message when there were none.
    ///
    /// # Errors
    /// [`ValueTooLong`] when the answer does not fit into the layers.
    pub fn answer(&self, answer: Message) -> Result<Datagram, ValueTooLong> {
        let innermost = Datagram::Message(answer);
        self.layers.iter().rev().try_fold(innermost, |carried, layer| layer.reply(&carried).map(Datagram::Relay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v6::{MessageType, TransactionId};

    fn solicit() -> Message {
        Message::new(MessageType::Solicit, TransactionId([1, 2, 3]))
    }

    fn forward(hop_count: u8, carried: &Datagram) -> RelayMessage {
        let mut relay = RelayMessage {
            direction: RelayDirection::Forward,
            hop_count,
            link: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, hop_count.into()),
            peer: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, hop_count.into()),
            options: Options::new(),
        };
        relay.options.insert(OptionCode::INTERFACE_ID, [b'i', hop_count]).unwrap();
        relay.options.insert(OptionCode::REMOTE_ID, *b"\0\0\0\x09port").unwrap();
        relay.options.insert(OptionCode::SUBSCRIBER_ID, *b"line 1").unwrap();
        relay.carry(carried).unwrap();
        relay
    }

    fn nested(count: u8) -> Datagram {
        (0..count).fold(Datagram::Message(solicit()), |carried, hop| Datagram::Relay(forward(hop, &carried)))
    }

    #[test]
    fn an_answer_goes_back_through_the_same_layers() {
        for count in 0..=9 {
            let received = Received::decode(&nested(count).encode()).unwrap();
            assert_eq!(received.message, solicit());
            let hops: Vec<_> = received.layers.iter().map(|layer| layer.hop_count).collect();
            assert_eq!(hops, (0..count).rev().collect::<Vec<_>>(), "outermost first");
            assert_eq!(received.nearest().is_some(), count > 0);

            let advertise = Message::new(MessageType::Advertise, TransactionId([1, 2, 3]));
            let mut answer = received.answer(advertise.clone()).unwrap();
            for hop in (0..count).rev() {
                let Datagram::Relay(reply) = answer else { panic!("a layer is missing") };
                let asked = forward(hop, &Datagram::Message(solicit()));
                assert_eq!((reply.direction, reply.hop_count), (RelayDirection::Reply, hop));
                assert_eq!((reply.link, reply.peer), (asked.link, asked.peer));
                let codes: Vec<_> = reply.options.iter().map(|(code, _)| code).collect();
                assert_eq!(codes, [OptionCode::INTERFACE_ID, OptionCode::RELAY_MESSAGE], "nothing else unasked");
                assert_eq!(reply.options.single(OptionCode::INTERFACE_ID), Ok(Some(&[b'i', hop][..])));
                answer = reply.carried().unwrap();
            }
            assert_eq!(answer, Datagram::Message(advertise));
        }
    }

    #[test]
    fn a_tenth_relay_agent_is_one_too_many() {
        assert_eq!(Received::decode(&nested(10).encode()), Err(DecodeError::TooManyRelays));
        assert_eq!(Received::decode(&nested(200).encode()), Err(DecodeError::TooManyRelays));
    }

    #[test]
    fn what_the_nearest_relay_agent_says_is_at_hand() {
        let mut nearest = forward(0, &Datagram::Message(solicit()));
        nearest.link = Ipv6Addr::UNSPECIFIED;
        nearest.options.insert(OptionCode::CLIENT_LINK_LAYER_ADDRESS, [0, 1, 2, 0, 0, 0, 0, 7]).unwrap();
        let outer = forward(1, &Datagram::Relay(nearest));
        let received = Received::decode(&outer.encode()).unwrap();
        // RFC 6221 §4: a relay agent in a switch has no address on the link, so the next one's counts.
        assert_eq!(received.link(), Some(outer.link));
        assert_eq!(received.mac(), Some(MacAddress([2, 0, 0, 0, 0, 7])));
        let layer = received.nearest().unwrap();
        assert_eq!(layer.interface_id(), Some(&[b'i', 0][..]));
        assert_eq!(layer.remote_id(), Some(RemoteId { enterprise: 9, identifier: b"port".to_vec() }));
        assert_eq!(layer.subscriber_id(), Some(&b"line 1"[..]));
        assert_eq!(Received::decode(&solicit().encode()).unwrap().link(), None);
    }

    #[test]
    fn options_come_back_when_the_relay_agent_asks_for_them() {
        let mut asked = forward(0, &Datagram::Message(solicit()));
        asked.options.insert(OptionCode::ECHO_REQUEST, [0, 38]).unwrap();
        asked.options.insert(OptionCode::RELAY_PORT, [0, 0]).unwrap();
        let received = Received::decode(&asked.encode()).unwrap();
        assert!(received.layers[0].wants_source_port());
        let Datagram::Relay(reply) = received.answer(solicit()).unwrap() else { panic!("a layer is missing") };
        assert_eq!(reply.options.single(OptionCode::SUBSCRIBER_ID), Ok(Some(&b"line 1"[..])));
        assert_eq!(reply.options.single(OptionCode::RELAY_PORT), Ok(Some(&[0, 0][..])));
        assert!(!reply.options.contains(OptionCode::REMOTE_ID) && !reply.options.contains(OptionCode::ECHO_REQUEST));
    }

    #[test]
    fn what_goes_the_other_way_is_refused_in_any_layer() {
        let mut reply = forward(0, &Datagram::Message(solicit()));
        reply.direction = RelayDirection::Reply;
        let refused = Err(DecodeError::RelayDirection { found: RelayDirection::Reply });
        assert_eq!(Received::decode(&reply.encode()), refused);
        assert_eq!(Received::decode(&forward(1, &Datagram::Relay(reply)).encode()), refused);
        let mut empty = forward(0, &Datagram::Message(solicit()));
        empty.options.remove(OptionCode::RELAY_MESSAGE);
        assert_eq!(Received::decode(&empty.encode()), Err(DecodeError::RelayMessageCount { count: 0 }));
    }

    #[test]
    fn an_answer_that_does_not_fit_is_refused() {
        let received = Received::decode(&nested(1).encode()).unwrap();
        let mut long = solicit();
        long.options.insert(OptionCode::SZTP_REDIRECT, vec![0; 65_535]).unwrap();
        assert!(received.answer(long).is_err());
    }
}
