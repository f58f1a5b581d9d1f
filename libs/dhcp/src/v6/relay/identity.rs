//! What a relay agent says about the client: which line, which link-layer address.

use crate::v4::MacAddress;
use crate::v6::{OptionCode, OptionError, OptionValue, class::enterprise};

/// The far end of the line on which the message came, in the relay agent's words (RFC 4649 §3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RemoteId {
    /// The private enterprise number of the relay agent's maker.
    pub enterprise: u32,
    /// What that maker's agents say.
    pub identifier: Vec<u8>,
}

impl OptionValue for RemoteId {
    const CODE: OptionCode = OptionCode::REMOTE_ID;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let (enterprise, identifier) = enterprise(Self::CODE, value)?;
        Ok(Self { enterprise, identifier: identifier.to_vec() })
    }

    fn encode(&self) -> Vec<u8> {
        [&self.enterprise.to_be_bytes()[..], &self.identifier].concat()
    }
}

/// The link-layer address from which the relay agent next to the client heard it (RFC 6939 §4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientLinkLayerAddress {
    /// The ARP hardware type; 1 is Ethernet.
    pub hardware: u16,
    /// The address.
    pub address: Vec<u8>,
}

impl ClientLinkLayerAddress {
    /// The address as an Ethernet address, if it is one.
    #[must_use]
    pub fn mac(&self) -> Option<MacAddress> {
        let octets = self.address.as_slice().try_into().ok()?;
        (self.hardware == 1).then_some(MacAddress(octets))
    }
}

impl OptionValue for ClientLinkLayerAddress {
    const CODE: OptionCode = OptionCode::CLIENT_LINK_LAYER_ADDRESS;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        match value {
            [high, low, address @ ..] if !address.is_empty() => {
                Ok(Self { hardware: u16::from_be_bytes([*high, *low]), address: address.to_vec() })
            }
            _ => Err(OptionError::Length { code: Self::CODE, length: value.len() }),
        }
    }

    fn encode(&self) -> Vec<u8> {
        [&self.hardware.to_be_bytes()[..], &self.address].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_identifier_names_its_maker() {
        let value = b"\x00\x00\x00\x09\x01\x02";
        let remote = RemoteId::decode(value).unwrap();
        assert_eq!(remote, RemoteId { enterprise: 9, identifier: vec![1, 2] });
        assert_eq!(remote.encode(), value);
        assert!(RemoteId::decode(&value[..3]).is_err());
    }

    #[test]
    fn a_link_layer_address_has_a_type() {
        let value = [0, 1, 2, 0, 0x5e, 0x10, 0, 1];
        let address = ClientLinkLayerAddress::decode(&value).unwrap();
        assert_eq!(address.mac(), Some(MacAddress([2, 0, 0x5e, 0x10, 0, 1])));
        assert_eq!(address.encode(), value);
        let other = ClientLinkLayerAddress::decode(&[0, 32, 2, 0, 0x5e, 0x10, 0, 1]).unwrap();
        assert_eq!(other.mac(), None);
        assert!(ClientLinkLayerAddress::decode(&[0, 1]).is_err());
    }
}
