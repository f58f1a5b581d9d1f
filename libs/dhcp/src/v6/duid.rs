//! The identifier of a client or a server (RFC 8415 §11).

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{
    hex::{Octets, octets},
    v4::MacAddress,
};

/// A DHCP unique identifier: compared as bytes, and otherwise opaque (RFC 8415 §11). Written in hexadecimal with colons;
/// hyphens, or nothing between the pairs, are read too.
///
/// What it says of its owner ([`Duid::mac`], [`Duid::uuid`]) is a hint to find a device by, no proof: anybody can send it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duid(Vec<u8>);

/// What a DUID is made of, as its type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DuidParts<'a> {
    /// DUID-LLT, 1: a link-layer address and when it was taken (RFC 8415 §11.2).
    LinkLayerTime {
        /// The ARP hardware type; 1 is Ethernet.
        hardware: u16,
        /// Seconds since the year 2000 began, modulo 2^32.
        time: u32,
        /// The link-layer address.
        address: &'a [u8],
    },
    /// DUID-EN, 2: what a manufacturer assigned (RFC 8415 §11.3).
    Enterprise {
        /// The manufacturer's private enterprise number.
        number: u32,
        /// Its own identifier.
        identifier: &'a [u8],
    },
    /// DUID-LL, 3: a link-layer address (RFC 8415 §11.4).
    LinkLayer {
        /// The ARP hardware type; 1 is Ethernet.
        hardware: u16,
        /// The link-layer address.
        address: &'a [u8],
    },
    /// DUID-UUID, 4: 16 bytes (RFC 6355 §4).
    Uuid([u8; 16]),
    /// Another type, or one of these four that is not filled as it should be.
    Opaque {
        /// The type.
        kind: u16,
        /// What follows.
        rest: &'a [u8],
    },
}

impl Duid {
    /// Fewest bytes: two of type and one more (RFC 8415 §11.1).
    pub const MINIMUM: usize = 3;
    /// Most bytes: two of type and 128 more (RFC 8415 §11.1).
    pub const MAXIMUM: usize = 130;

    /// The identifier in these bytes; `None` when they are fewer or more than one has.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (Self::MINIMUM..=Self::MAXIMUM).contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// DUID-LL of an Ethernet address.
    #[must_use]
    pub fn link_layer(mac: MacAddress) -> Self {
        Self([&[0, 3, 0, 1][..], &mac.0].concat())
    }

    /// DUID-LLT of an Ethernet address. `time` counts seconds since the year 2000 began, modulo 2^32.
    #[must_use]
    pub fn link_layer_time(mac: MacAddress, time: u32) -> Self {
        Self([&[0, 1, 0, 1][..], &time.to_be_bytes(), &mac.0].concat())
    }

    /// DUID-UUID.
    #[must_use]
    pub fn from_uuid(uuid: [u8; 16]) -> Self {
        Self([&[0, 4][..], &uuid].concat())
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it is made of.
    #[must_use]
    pub fn parts(&self) -> DuidParts<'_> {
        match self.0.as_slice() {
            [0, 1, h1, h0, t3, t2, t1, t0, address @ ..] if !address.is_empty() => DuidParts::LinkLayerTime {
                hardware: u16::from_be_bytes([*h1, *h0]),
                time: u32::from_be_bytes([*t3, *t2, *t1, *t0]),
                address,
            },
            [0, 2, n3, n2, n1, n0, identifier @ ..] => {
                DuidParts::Enterprise { number: u32::from_be_bytes([*n3, *n2, *n1, *n0]), identifier }
            }
            [0, 3, h1, h0, address @ ..] if !address.is_empty() => {
                DuidParts::LinkLayer { hardware: u16::from_be_bytes([*h1, *h0]), address }
            }
            [high, low, rest @ ..] => match (rest.try_into(), [*high, *low]) {
                (Ok(uuid), [0, 4]) => DuidParts::Uuid(uuid),
                (_, kind) => DuidParts::Opaque { kind: u16::from_be_bytes(kind), rest },
            },
            // No `Duid` is that short.
            rest => DuidParts::Opaque { kind: 0, rest },
        }
    }

    /// The Ethernet address it was made from. The interface may be another than the one that sends, and may be gone.
    #[must_use]
    pub fn mac(&self) -> Option<MacAddress> {
        match self.parts() {
            DuidParts::LinkLayerTime { hardware: 1, address, .. } | DuidParts::LinkLayer { hardware: 1, address } => {
                address.try_into().ok().map(MacAddress)
            }
            _ => None,
        }
    }

    /// The UUID it is. As with DHCPv4's option 97, some firmware sends the first three fields little-endian.
    #[must_use]
    pub fn uuid(&self) -> Option<[u8; 16]> {
        match self.parts() {
            DuidParts::Uuid(uuid) => Some(uuid),
            _ => None,
        }
    }
}

impl fmt::Display for Duid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Octets(&self.0).fmt(f)
    }
}

impl fmt::Debug for Duid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Duid({self})")
    }
}

impl FromStr for Duid {
    type Err = DuidInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        octets(text).and_then(|bytes| Self::new(&bytes)).ok_or(DuidInvalid)
    }
}

/// The text is not a DUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a DUID is 3 to 130 hexadecimal pairs such as 00:03:00:01:02:00:5e:10:00:01")]
pub struct DuidInvalid;

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddress = MacAddress([0x02, 0, 0x5e, 0x10, 0, 1]);

    fn duid(text: &str) -> Duid {
        text.parse().unwrap()
    }

    #[test]
    fn four_types_are_taken_apart() {
        let address = &MAC.0[..];
        let time = duid("00:01:00:01:2a:bb:cc:dd:02:00:5e:10:00:01");
        assert_eq!(time.parts(), DuidParts::LinkLayerTime { hardware: 1, time: 0x2abb_ccdd, address });
        assert_eq!((time.mac(), &time), (Some(MAC), &Duid::link_layer_time(MAC, 0x2abb_ccdd)));
        let plain = duid("00:03:00:01:02:00:5e:10:00:01");
        assert_eq!(plain.parts(), DuidParts::LinkLayer { hardware: 1, address });
        assert_eq!((plain.mac(), &plain), (Some(MAC), &Duid::link_layer(MAC)));
        let enterprise = duid("00:02:00:00:ab:11:01:02");
        assert_eq!(enterprise.parts(), DuidParts::Enterprise { number: 43_793, identifier: &[1, 2] });
        assert_eq!((enterprise.mac(), enterprise.uuid()), (None, None));
        let uuid = Duid::from_uuid([7; 16]);
        assert_eq!((uuid.parts(), uuid.uuid()), (DuidParts::Uuid([7; 16]), Some([7; 16])));
    }

    #[test]
    fn what_does_not_fill_its_type_stays_opaque() {
        for (text, kind) in
            [("00:01:00:01", 1), ("00:03:00:01", 3), ("00:04:01", 4), ("00:09:01", 9), ("ff:ff:00", 0xffff)]
        {
            let duid = duid(text);
            assert!(matches!(duid.parts(), DuidParts::Opaque { kind: found, .. } if found == kind), "{text}");
            assert_eq!((duid.mac(), duid.uuid()), (None, None));
        }
        assert_eq!(duid("00:03:00:20:02:00:5e:10:00:01").mac(), None, "InfiniBand");
        assert_eq!(duid("00:03:00:01:02:00:5e:10:00:01:02").mac(), None, "seven bytes");
    }

    #[test]
    fn lengths_are_bounded_and_text_round_trips() {
        assert_eq!(Duid::new(&[0; 2]), None);
        assert!(Duid::new(&[0; 3]).is_some() && Duid::new(&[0; 130]).is_some());
        assert_eq!(Duid::new(&[0; 131]), None);
        let duid = duid("0003000102005E100001");
        assert_eq!(duid.to_string(), "00:03:00:01:02:00:5e:10:00:01");
        assert_eq!(duid.to_string().parse(), Ok(duid));
        for bad in ["", "00:03", "0:3:1", "00:03:zz", "00:03:00:"] {
            assert_eq!(bad.parse::<Duid>(), Err(DuidInvalid), "{bad}");
        }
    }
}
