//! Socket addresses as the octets that Linux reads and writes: `struct sockaddr_in` and `struct sockaddr_in6`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for either address, laid out as the kernel wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub(crate) struct Name(pub(crate) [u8; Self::ROOM]);

impl Name {
    pub(crate) const ROOM: usize = 32;
    pub(crate) const EMPTY: Self = Self([0; Self::ROOM]);

    /// Writes an address; the number is how many octets of it count.
    pub(crate) fn of(address: SocketAddr) -> (Self, u8) {
        let mut name = Self::EMPTY;
        let length = match address {
            SocketAddr::V4(address) => {
                let (port, octets) = (address.port().to_be_bytes(), address.ip().octets());
                // `sin_zero` follows.
                name.fill(&[&INET.to_ne_bytes(), &port, &octets]);
                V4_LENGTH
            }
            SocketAddr::V6(address) => {
                let (port, octets) = (address.port().to_be_bytes(), address.ip().octets());
                let (flow, scope) = (address.flowinfo().to_be_bytes(), address.scope_id().to_ne_bytes());
                name.fill(&[&INET6.to_ne_bytes(), &port, &flow, &octets, &scope]);
                V6_LENGTH
            }
        };
        (name, length)
    }

    fn fill(&mut self, parts: &[&[u8]]) {
        let octets = parts.iter().flat_map(|part| part.iter());
        self.0.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
    }

    /// Reads what the kernel wrote; `None` for a family that is neither.
    pub(crate) fn read(&self) -> Option<SocketAddr> {
        let (family, rest) = self.0.split_first_chunk()?;
        let (port, rest) = rest.split_first_chunk()?;
        let port = u16::from_be_bytes(*port);
        match u16::from_ne_bytes(*family) {
            INET => {
                let octets: &[u8; 4] = rest.first_chunk()?;
                Some(SocketAddrV4::new(Ipv4Addr::from(*octets), port).into())
            }
            INET6 => {
                let (flow, rest) = rest.split_first_chunk()?;
                let (octets, rest) = rest.split_first_chunk::<16>()?;
                let scope = rest.first_chunk()?;
                let (flow, scope) = (u32::from_be_bytes(*flow), u32::from_ne_bytes(*scope));
                Some(SocketAddrV6::new(Ipv6Addr::from(*octets), port, flow, scope).into())
            }
            _ => None,
        }
    }
}

/// `AF_INET` and `AF_INET6`, the lengths of the structures of each.
const INET: u16 = 2;
const INET6: u16 = 10;
const V4_LENGTH: u8 = 16;
const V6_LENGTH: u8 = 28;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_the_kernels() {
        assert_eq!((INET, INET6), (libc::AF_INET.try_into().unwrap(), libc::AF_INET6.try_into().unwrap()));
        assert_eq!(usize::from(V4_LENGTH), size_of::<libc::sockaddr_in>());
        assert_eq!(usize::from(V6_LENGTH), size_of::<libc::sockaddr_in6>());
        let (name, length) = Name::of("192.0.2.1:67".parse().unwrap());
        assert_eq!((&name.0[2..8], length), (&[0, 67, 192, 0, 2, 1][..], 16));
        assert_eq!(Name::EMPTY.read(), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(v6: bool, octets: [u8; 16], port: u16, flow: u32, scope: u32) {
            let address = if v6 {
                SocketAddrV6::new(octets.into(), port, flow, scope).into()
            } else {
                SocketAddr::from((<[u8; 4]>::try_from(&octets[..4]).unwrap(), port))
            };
            prop_assert_eq!(Name::of(address).0.read(), Some(address));
        }

        #[test]
        fn any_octets_can_be_read(octets: [u8; 32]) {
            let _read = Name(octets).read();
        }
    }
}
