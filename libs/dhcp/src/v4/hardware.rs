//! Link-layer addresses: `htype`, `hlen` and `chaddr` of the header as one checked value.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::DecodeError;
use crate::hex::Octets;

/// An ARP hardware type, the header's `htype` (RFC 1700, "ARP parameters").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HardwareType(pub u8);

impl HardwareType {
    /// Ethernet, 6-byte addresses.
    pub const ETHERNET: Self = Self(1);
}

/// A link-layer address of at most 16 bytes with its type.
///
/// Bytes of `chaddr` beyond `hlen` are not part of the address; they are ignored on receipt and sent as zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HardwareAddress {
    kind: HardwareType,
    length: u8,
    octets: [u8; 16],
}

impl HardwareAddress {
    /// An Ethernet address.
    #[must_use]
    pub fn ethernet(MacAddress([a, b, c, d, e, f]): MacAddress) -> Self {
        let octets = [a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Self { kind: HardwareType::ETHERNET, length: 6, octets }
    }

    /// The address in the header fields `htype`, `hlen` and `chaddr`.
    ///
    /// # Errors
    /// [`DecodeError::HardwareAddressTooLong`] when `hlen` exceeds the field of 16 bytes.
    pub(crate) fn from_header(kind: HardwareType, length: u8, chaddr: [u8; 16]) -> Result<Self, DecodeError> {
        let mut octets = [0; 16];
        // RFC 2131 §2: chaddr has 16 bytes, whatever hlen says.
        let used = chaddr.get(..usize::from(length)).ok_or(DecodeError::HardwareAddressTooLong(length))?;
        for (octet, byte) in octets.iter_mut().zip(used) {
            *octet = *byte;
        }
        Ok(Self { kind, length, octets })
    }

    /// The header's `htype`.
    #[must_use]
    pub const fn kind(&self) -> HardwareType {
        self.kind
    }

    /// The header's `hlen`, in bytes, at most 16.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// The address itself, `hlen` bytes.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or(&self.octets)
    }

    /// The whole field `chaddr`, zero beyond the address.
    #[must_use]
    pub const fn chaddr(&self) -> &[u8; 16] {
        &self.octets
    }

    /// The address as an Ethernet address, if it is one.
    #[must_use]
    pub fn mac(&self) -> Option<MacAddress> {
        let octets = self.octets().try_into().ok()?;
        (self.kind == HardwareType::ETHERNET).then_some(MacAddress(octets))
    }
}

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Octets(self.octets()).fmt(f)
    }
}

impl fmt::Debug for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HardwareAddress({}: {self})", self.kind.0)
    }
}

/// An Ethernet MAC address. Written as six hexadecimal pairs joined by colons; hyphens are read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Octets(&self.0).fmt(f)
    }
}

impl FromStr for MacAddress {
    type Err = MacAddressInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; 6];
        let mut pairs = text.split([':', '-']);
        for octet in &mut octets {
            let pair = pairs.next().filter(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
            *octet = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(MacAddressInvalid)?;
        }
        if pairs.next().is_some() {
            return Err(MacAddressInvalid);
        }
        Ok(Self(octets))
    }
}

/// The text is not a MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a MAC address is six hexadecimal pairs such as 02:00:5e:10:00:01")]
pub struct MacAddressInvalid;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_field_is_refused() {
        let refused = HardwareAddress::from_header(HardwareType::ETHERNET, 17, [0xaa; 16]);
        assert_eq!(refused, Err(DecodeError::HardwareAddressTooLong(17)));
        let longest = HardwareAddress::from_header(HardwareType(32), 16, [0xaa; 16]).unwrap();
        assert_eq!((longest.octets(), longest.mac()), (&[0xaa; 16][..], None));
    }

    #[test]
    fn bytes_beyond_the_length_are_not_part_of_the_address() {
        let address = HardwareAddress::from_header(HardwareType::ETHERNET, 6, [0xaa; 16]).unwrap();
        assert_eq!(address, HardwareAddress::ethernet(MacAddress([0xaa; 6])));
        assert_eq!(address.to_string(), "aa:aa:aa:aa:aa:aa");
    }

    #[test]
    fn mac_addresses_parse_and_print() {
        let mac: MacAddress = "02:00:5E:10-00-01".parse().unwrap();
        assert_eq!(mac, MacAddress([0x02, 0, 0x5e, 0x10, 0, 1]));
        assert_eq!(mac.to_string().parse(), Ok(mac));
        for bad in
            ["", "02:00:5e:10:00", "02:00:5e:10:00:01:02", "+2:00:5e:10:00:01", "2:0:5e:10:0:1", "zz:00:5e:10:00:01"]
        {
            assert_eq!(bad.parse::<MacAddress>(), Err(MacAddressInvalid), "{bad}");
        }
    }
}
