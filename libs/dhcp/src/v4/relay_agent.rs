//! What a relay agent adds: the sub-options of option 82.

use std::net::Ipv4Addr;

use super::{
    RelayAgentInformation,
    sub_options::{SubOptions, write},
};

/// The code of a relay agent's sub-option (IANA "DHCP Relay Agent Sub-Option Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelaySubOption(pub u8);

impl RelaySubOption {
    /// Agent Circuit ID: on which port the message came, RFC 3046 §3.1.
    pub const CIRCUIT_ID: Self = Self(1);
    /// Agent Remote ID: the far end of that line, RFC 3046 §3.2.
    pub const REMOTE_ID: Self = Self(2);
    /// Link Selection: the client's subnet where `giaddr` is not in it, RFC 3527.
    pub const LINK_SELECTION: Self = Self(5);
    /// Subscriber-ID: whose line this is, RFC 3993.
    pub const SUBSCRIBER_ID: Self = Self(6);
    /// Server Identifier Override: what the client is to take for its server, RFC 5107.
    pub const SERVER_IDENTIFIER_OVERRIDE: Self = Self(11);
    /// Relay Source Port: the relay agent does not send from port 67, RFC 8357 §4.
    pub const RELAY_PORT: Self = Self(19);
}

/// The sub-options. A server copies the option's bytes into its reply unchanged (RFC 3046 §2.2), so nothing here replaces
/// them; what stands behind a sub-option that is cut off is not seen.
impl RelayAgentInformation {
    /// The option with these sub-options, as a relay agent writes it; `None` when a value exceeds 255 bytes.
    #[must_use]
    pub fn with(sub_options: &[(RelaySubOption, &[u8])]) -> Option<Self> {
        let mut bytes = Vec::new();
        for (code, value) in sub_options {
            write(code.0, value, &mut bytes)?;
        }
        Some(Self(bytes))
    }

    /// Codes and values in order.
    pub fn sub_options(&self) -> impl Iterator<Item = (RelaySubOption, &[u8])> {
        SubOptions(&self.0).map(|(code, value)| (RelaySubOption(code), value))
    }

    /// The first sub-option of this code.
    #[must_use]
    pub fn sub_option(&self, code: RelaySubOption) -> Option<&[u8]> {
        self.sub_options().find_map(|(candidate, value)| (candidate == code).then_some(value))
    }

    /// On which port the message came, in the relay agent's words.
    #[must_use]
    pub fn circuit_id(&self) -> Option<&[u8]> {
        self.sub_option(RelaySubOption::CIRCUIT_ID)
    }

    /// The far end of that line, in the relay agent's words.
    #[must_use]
    pub fn remote_id(&self) -> Option<&[u8]> {
        self.sub_option(RelaySubOption::REMOTE_ID)
    }

    /// Whose line this is, in the provider's words.
    #[must_use]
    pub fn subscriber_id(&self) -> Option<&[u8]> {
        self.sub_option(RelaySubOption::SUBSCRIBER_ID)
    }

    /// An address in the client's subnet; where it stands, it counts instead of `giaddr` (RFC 3527 §3).
    #[must_use]
    pub fn link_selection(&self) -> Option<Ipv4Addr> {
        self.address(RelaySubOption::LINK_SELECTION)
    }

    /// What the reply's server identifier is to be (RFC 5107 §4): then renewals come through the relay agent.
    #[must_use]
    pub fn server_identifier_override(&self) -> Option<Ipv4Addr> {
        self.address(RelaySubOption::SERVER_IDENTIFIER_OVERRIDE)
    }

    /// Whether the relay agent wants the reply at the port it sent from, not at 67 (RFC 8357 §5).
    #[must_use]
    pub fn wants_source_port(&self) -> bool {
        self.sub_option(RelaySubOption::RELAY_PORT).is_some()
    }

    fn address(&self, code: RelaySubOption) -> Option<Ipv4Addr> {
        self.sub_option(code)?.try_into().ok().map(Ipv4Addr::from_octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v4::OptionValue;

    #[test]
    fn sub_options_are_read_by_name_and_the_bytes_stay() {
        let bytes = b"\x01\x02p7\x02\x03abc\x05\x04\xc0\x00\x02\x00\x06\x02me\x0b\x04\xc0\x00\x02\x01\x13\x00";
        let information = RelayAgentInformation::decode(bytes).unwrap();
        assert_eq!(information.circuit_id(), Some(&b"p7"[..]));
        assert_eq!(information.remote_id(), Some(&b"abc"[..]));
        assert_eq!(information.link_selection(), Some(Ipv4Addr::new(192, 0, 2, 0)));
        assert_eq!(information.subscriber_id(), Some(&b"me"[..]));
        assert_eq!(information.server_identifier_override(), Some(Ipv4Addr::new(192, 0, 2, 1)));
        assert!(information.wants_source_port());
        assert_eq!(information.encode(), bytes);
        let parts: Vec<_> = information.sub_options().collect();
        assert_eq!(RelayAgentInformation::with(&parts), Some(information.clone()));
    }

    #[test]
    fn broken_sub_options_are_not_seen_and_still_echoed() {
        let information = RelayAgentInformation::decode(b"\x05\x03abc\x01\x09p").unwrap();
        assert_eq!((information.link_selection(), information.circuit_id()), (None, None));
        assert!(!information.wants_source_port());
        assert_eq!(information.encode(), b"\x05\x03abc\x01\x09p");
        assert_eq!(RelayAgentInformation::with(&[(RelaySubOption::REMOTE_ID, &[0; 256])]), None);
    }
}
