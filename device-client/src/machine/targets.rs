//! Where an untrusted redirect may not lead (SEC-10).

use std::{fmt, net::IpAddr, str::FromStr};

/// A range of addresses, such as `127.0.0.0/8` or `fe80::/10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// Whether `address` lies in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let unused = 32_u32.saturating_sub(u32::from(self.prefix));
                let same = network.to_bits() ^ address.to_bits();
                same.checked_shr(unused).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let unused = 128_u32.saturating_sub(u32::from(self.prefix));
                let same = network.to_bits() ^ address.to_bits();
                same.checked_shr(unused).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (network, prefix) = text.split_once('/').map_or((text, None), |(network, prefix)| (network, Some(prefix)));
        let network: IpAddr = network.parse().map_err(|_| AddressRangeInvalid)?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits.parse().ok().filter(|prefix| *prefix <= longest).ok_or(AddressRangeInvalid)?,
        };
        Ok(Self { network, prefix })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// The text is no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a range of addresses is written like 192.0.2.0/24 or 2001:db8::/32")]
pub struct AddressRangeInvalid;

/// The ranges that untrusted redirects may lead into although they are blocked by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedTargets(pub Vec<AddressRange>);

impl AllowedTargets {
    /// Whether an untrusted source may send the device to `address`. Without this rule any host on the segment could
    /// make every device knock on its own services or on its neighbours'.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !is_blocked_by_default(address) || self.0.iter().any(|range| range.contains(address))
    }
}

fn is_blocked_by_default(address: IpAddr) -> bool {
    let special = address.is_loopback() || address.is_multicast() || address.is_unspecified();
    special
        || match address {
            IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(allowed: &[&str], address: &str) -> bool {
        let ranges = allowed.iter().map(|range| range.parse().unwrap()).collect();
        AllowedTargets(ranges).permits(address.parse().unwrap())
    }

    #[test]
    fn sec_10_special_addresses_are_blocked_unless_listed() {
        for blocked in [
            "127.0.0.1",
            "169.254.1.1",
            "224.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(!permits(&[], blocked), "{blocked}");
        }
        assert!(permits(&[], "192.0.2.1") && permits(&[], "10.0.0.1") && permits(&[], "2001:db8::1"));
        assert!(permits(&["127.0.0.0/8"], "127.0.0.1") && permits(&["127.0.0.0/8"], "::ffff:127.9.9.9"));
        assert!(!permits(&["127.0.0.0/8"], "::1"));
        assert!(permits(&["0.0.0.0/0"], "169.254.1.1") && permits(&["::1"], "::1"));
    }

    #[test]
    fn ranges_are_read_strictly() {
        for bad in ["", "127.0.0.0/33", "::/129", "127.0.0/8", "127.0.0.1/-1", "a/8"] {
            assert_eq!(bad.parse::<AddressRange>(), Err(AddressRangeInvalid), "{bad}");
        }
        assert_eq!("10.0.0.0/8".parse::<AddressRange>().unwrap().to_string(), "10.0.0.0/8");
    }
}
