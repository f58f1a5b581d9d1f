//! What a DHCP message wants: option 53.

use std::fmt;

use super::{OptionCode, OptionError, OptionValue};

/// The DHCP message type, RFC 2132 §9.6. The types of other standards (leasequery, reconfigure) are not served here and
/// do not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// A client looks for servers.
    Discover,
    /// A server offers an address.
    Offer,
    /// A client takes an offer, or wants to keep its address.
    Request,
    /// A client found its address in use by another host.
    Decline,
    /// A server grants a request.
    Ack,
    /// A server refuses a request.
    Nak,
    /// A client gives its address back.
    Release,
    /// A client that has an address asks for the other parameters.
    Inform,
}

impl MessageType {
    /// The name RFC 2131 uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "DHCPDISCOVER",
            Self::Offer => "DHCPOFFER",
            Self::Request => "DHCPREQUEST",
            Self::Decline => "DHCPDECLINE",
            Self::Ack => "DHCPACK",
            Self::Nak => "DHCPNAK",
            Self::Release => "DHCPRELEASE",
            Self::Inform => "DHCPINFORM",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Discover => 1,
            Self::Offer => 2,
            Self::Request => 3,
            Self::Decline => 4,
            Self::Ack => 5,
            Self::Nak => 6,
            Self::Release => 7,
            Self::Inform => 8,
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl OptionValue for MessageType {
    const CODE: OptionCode = OptionCode::MESSAGE_TYPE;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        match bytes {
            [1] => Ok(Self::Discover),
            [2] => Ok(Self::Offer),
            [3] => Ok(Self::Request),
            [4] => Ok(Self::Decline),
            [5] => Ok(Self::Ack),
            [6] => Ok(Self::Nak),
            [7] => Ok(Self::Release),
            [8] => Ok(Self::Inform),
            [_] => Err(OptionError::Value { code: Self::CODE }),
            _ => Err(OptionError::Length { code: Self::CODE, length: bytes.len() }),
        }
    }

    fn encode(&self) -> Vec<u8> {
        vec![self.number()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_numbers_are_types_and_each_encodes_to_itself() {
        for number in 0..=u8::MAX {
            match MessageType::decode(&[number]) {
                Ok(kind) => assert_eq!(kind.encode(), [number]),
                Err(error) => {
                    assert_eq!(error, OptionError::Value { code: OptionCode::MESSAGE_TYPE });
                    assert!(!(1..=8).contains(&number));
                }
            }
        }
        assert!(matches!(MessageType::decode(&[1, 1]), Err(OptionError::Length { length: 2, .. })));
    }
}
