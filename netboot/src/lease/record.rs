//! One lease as it is written down.

use std::{fmt, net::IpAddr, sync::Arc};

use dhcp::v4::{ClientIdentifier, HardwareAddress, HardwareType, MacAddress};

use crate::moment::Moment;

/// What makes two requests come from the same client.
///
/// In DHCPv4 the client identifier where one is sent, else the hardware address (RFC 2131 §4.2); in DHCPv6 the DUID with the number of
/// the identity association (RFC 8415 §12). The first octet says which of the three it is, so that none can pass for another.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKey(Arc<[u8]>);

impl ClientKey {
    const HARDWARE: u8 = 0;
    const IDENTIFIER: u8 = 1;
    const ASSOCIATION: u8 = 2;
    const NOBODY: u8 = 3;

    /// No client at all: what an address in conflict belongs to.
    #[must_use]
    pub fn nobody() -> Self {
        vec![Self::NOBODY].into()
    }

    /// The key of a DHCPv4 client that sent this.
    #[must_use]
    pub fn v4(identifier: Option<&ClientIdentifier>, hardware: &HardwareAddress) -> Self {
        match identifier {
            Some(identifier) => Self::of_identifier(&identifier.0),
            None => Self::of_hardware(hardware.kind(), hardware.octets()),
        }
    }

    /// The key of a DHCPv6 client with this DUID, for one of its identity associations.
    #[must_use]
    pub fn v6(duid: &[u8], association: u32) -> Self {
        [&[Self::ASSOCIATION], association.to_be_bytes().as_slice(), duid].concat().into()
    }

    /// The key of a DHCPv4 client that sends this as its client identifier (option 61).
    #[must_use]
    pub fn of_identifier(identifier: &[u8]) -> Self {
        [&[Self::IDENTIFIER], identifier].concat().into()
    }

    /// The key of a DHCPv4 client that is known by this hardware address alone.
    #[must_use]
    pub fn of_hardware(kind: HardwareType, octets: &[u8]) -> Self {
        [&[Self::HARDWARE, kind.0], octets].concat().into()
    }

    /// The hardware address of a client that is known by it alone.
    #[must_use]
    pub fn hardware(&self) -> Option<(HardwareType, &[u8])> {
        match self.0.split_first()? {
            (&Self::HARDWARE, rest) => rest.split_first().map(|(kind, octets)| (HardwareType(*kind), octets)),
            _ => None,
        }
    }

    /// The octets, as they are stored.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The client identifier of option 61 or the DUID; none for a client that is known by its hardware address.
    #[must_use]
    pub fn identifier(&self) -> Option<&[u8]> {
        match self.0.split_first()? {
            (&Self::IDENTIFIER, rest) => Some(rest),
            (&Self::ASSOCIATION, rest) => rest.get(4..),
            _ => None,
        }
    }

    /// The number of the identity association of a DHCPv6 client.
    #[must_use]
    pub fn association(&self) -> Option<u32> {
        match self.0.split_first()? {
            (&Self::ASSOCIATION, rest) => rest.first_chunk().map(|number| u32::from_be_bytes(*number)),
            _ => None,
        }
    }

    /// A number that is the same on every server: where to begin looking for an address of this client (FNV-1a).
    #[must_use]
    pub fn spread(&self) -> u64 {
        self.0
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3))
    }
}

impl From<Vec<u8>> for ClientKey {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets.into())
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({self})")
    }
}

/// What is known of an address that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: IpAddr,
    /// Who has it or had it last; nobody for one in conflict.
    pub client: ClientKey,
    /// That client's hardware address, where it was told.
    pub mac: Option<MacAddress>,
    /// The name that the client gives itself, where it was told; anybody can say anything.
    pub host_name: Option<Box<str>>,
    /// Whether it is lent, or out of use.
    pub standing: Standing,
    /// When this was written.
    pub since: Moment,
    /// When it ends. What has ended may be given to anybody; the client that had it gets it first.
    pub expires: Moment,
}

/// What an address is at, as long as its record has not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Lent to the client.
    Lent,
    /// In use by a host that never asked for it (DHCPDECLINE, or the conflict check found it).
    Conflict,
}

impl Lease {
    /// Whether it holds at this moment.
    #[must_use]
    pub fn holds(&self, now: Moment) -> bool {
        now < self.expires
    }

    /// The same by a clock that was set by this many seconds.
    #[must_use]
    pub fn moved(self, seconds: i64) -> Self {
        Self { since: self.since.moved(seconds), expires: self.expires.moved(seconds), ..self }
    }

    /// Whether `next` may be written over this one: it is the same client's, or this one has ended when `next` begins, or `next` says that
    /// nobody can have the address. The rule by which every store decides.
    #[must_use]
    pub fn gives_way_to(&self, next: &Self) -> bool {
        self.client == next.client || !self.holds(next.since) || next.standing == Standing::Conflict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_of_client_passes_for_another() {
        let hardware = HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, 1]));
        let by_hardware = ClientKey::v4(None, &hardware);
        let identifier = ClientIdentifier(vec![1, 2, 0, 0, 0, 0, 1]);
        let by_identifier = ClientKey::v4(Some(&identifier), &hardware);
        let by_duid = ClientKey::v6(&[1, 2, 0], 1);
        assert!(by_hardware != by_identifier && by_identifier != by_duid);
        assert_eq!(by_identifier.identifier(), Some(&identifier.0[..]));
        assert_eq!((by_hardware.identifier(), by_hardware.association()), (None, None));
        assert_eq!(by_hardware.hardware(), Some((HardwareType::ETHERNET, &[2, 0, 0, 0, 0, 1][..])));
        assert_eq!((by_identifier.hardware(), by_duid.hardware()), (None, None));
        assert_eq!((by_duid.identifier(), by_duid.association()), (Some(&[1, 2, 0][..]), Some(1)));
        assert_eq!(ClientKey::from(by_duid.octets().to_vec()), by_duid);
        for short in [vec![], vec![2], vec![2, 0, 0]] {
            let key = ClientKey::from(short);
            assert_eq!((key.identifier(), key.association()), (None, None));
        }
    }

    #[test]
    fn a_running_lease_gives_way_to_its_own_client_alone() {
        let lease = |client: &[u8], since: u64| Lease {
            address: IpAddr::from([192, 0, 2, 1]),
            client: client.to_vec().into(),
            mac: None,
            host_name: None,
            standing: Standing::Lent,
            since: Moment(since),
            expires: Moment(100),
        };
        let mine = lease(&[1], 0);
        assert!(mine.gives_way_to(&lease(&[1], 50)) && mine.gives_way_to(&lease(&[2], 100)));
        assert!(!mine.gives_way_to(&lease(&[2], 99)));
        assert!(mine.gives_way_to(&Lease { standing: Standing::Conflict, ..lease(&[3], 50) }));
    }
}
