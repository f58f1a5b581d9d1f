//! Routes to be told to the client (RFC 3442).

use std::net::Ipv4Addr;

use super::{OptionCode, OptionError, OptionValue};

/// One route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    prefix: Ipv4Addr,
    length: u8,
    router: Ipv4Addr,
}

impl Route {
    /// The route to a prefix of this many bits by a router; 0.0.0.0 for a network on the client's own link. Bits beyond the
    /// length are cleared (RFC 3442, "Client Behavior"). `None` for more than 32 bits.
    #[must_use]
    pub fn new(prefix: Ipv4Addr, length: u8, router: Ipv4Addr) -> Option<Self> {
        let host_bits = 32_u32.checked_sub(length.into())?;
        // A shift by 32 leaves nothing: the default route.
        let mask = u32::MAX.checked_shl(host_bits).unwrap_or_default();
        Some(Self { prefix: Ipv4Addr::from_bits(prefix.to_bits() & mask), length, router })
    }

    /// The network.
    #[must_use]
    pub const fn prefix(&self) -> Ipv4Addr {
        self.prefix
    }

    /// How many bits of it count, at most 32.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// The router; 0.0.0.0 for a network on the client's own link.
    #[must_use]
    pub const fn router(&self) -> Ipv4Addr {
        self.router
    }

    /// How many bytes of the prefix are written.
    fn significant(length: u8) -> usize {
        usize::from(length.div_ceil(8))
    }
}

/// Routes, RFC 3442. A client that takes this option ignores option 3, so the default route must stand here too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClasslessRoutes(pub Vec<Route>);

impl OptionValue for ClasslessRoutes {
    const CODE: OptionCode = OptionCode::CLASSLESS_ROUTES;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        let mut routes = Vec::new();
        let mut rest = bytes;
        while let Some((length, after)) = rest.split_first() {
            let wrong = OptionError::Length { code: Self::CODE, length: bytes.len() };
            let (written, after) = after.split_at_checked(Route::significant(*length)).ok_or(wrong)?;
            let (router, after) = after.split_first_chunk().ok_or(wrong)?;
            let mut prefix = [0; 4];
            for (slot, octet) in prefix.iter_mut().zip(written) {
                *slot = *octet;
            }
            let route = Route::new(Ipv4Addr::from_octets(prefix), *length, Ipv4Addr::from_octets(*router));
            routes.push(route.ok_or(OptionError::Value { code: Self::CODE })?);
            rest = after;
        }
        Ok(Self(routes))
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for Route { prefix, length, router } in &self.0 {
            bytes.push(*length);
            bytes.extend(prefix.octets().into_iter().take(Route::significant(*length)));
            bytes.extend(router.octets());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

    fn route(prefix: [u8; 4], length: u8) -> Route {
        Route::new(prefix.into(), length, ROUTER).unwrap()
    }

    /// RFC 3442's table of how many bytes each length takes.
    #[test]
    fn only_the_bytes_that_count_are_written() {
        for (route, expected) in [
            (route([0, 0, 0, 0], 0), &[0][..]),
            (route([10, 0, 0, 0], 8), &[8, 10]),
            (route([10, 17, 0, 0], 16), &[16, 10, 17]),
            (route([10, 27, 129, 0], 24), &[24, 10, 27, 129]),
            (route([10, 229, 0, 128], 25), &[25, 10, 229, 0, 128]),
            (route([10, 198, 122, 47], 32), &[32, 10, 198, 122, 47]),
        ] {
            let routes = ClasslessRoutes(vec![route]);
            assert_eq!(routes.encode(), [expected, &[192, 0, 2, 1]].concat());
            assert_eq!(ClasslessRoutes::decode(&routes.encode()), Ok(routes));
        }
    }

    #[test]
    fn stray_bits_are_cleared_and_broken_routes_refused() {
        assert_eq!(route([10, 1, 2, 3], 12), route([10, 0, 0, 0], 12));
        assert_eq!(ClasslessRoutes::decode(&[7, 11, 192, 0, 2, 1]).unwrap().0, [route([10, 0, 0, 0], 7)]);
        assert_eq!(Route::new(ROUTER, 33, ROUTER), None);
        let undefined = OptionError::Value { code: OptionCode::CLASSLESS_ROUTES };
        assert_eq!(ClasslessRoutes::decode(&[33, 1, 2, 3, 4, 5, 6, 7, 8, 9]), Err(undefined));
        for bad in [&[8][..], &[8, 10], &[8, 10, 192, 0, 2], &[0, 1, 2, 3]] {
            assert!(matches!(ClasslessRoutes::decode(bad), Err(OptionError::Length { .. })), "{bad:?}");
        }
    }
}
