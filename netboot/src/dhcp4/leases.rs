//! Which client has which address of the pool, and until when.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

use dhcp::v4::{ClientIdentifier, HardwareAddress};

use crate::policy::{Pool, Subnet};

/// A point in time: whole seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// This many seconds later.
    #[must_use]
    pub fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds.into()))
    }
}

/// What makes two requests come from the same client (RFC 2131 §4.2): the client identifier where one is sent, else the
/// hardware address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClientKey {
    /// Option 61.
    Identifier(Vec<u8>),
    /// `htype` and `chaddr`.
    Hardware(u8, Vec<u8>),
}

impl ClientKey {
    /// The key of a client that sent this.
    #[must_use]
    pub fn new(identifier: Option<&ClientIdentifier>, hardware: &HardwareAddress) -> Self {
        identifier.map_or_else(
            || Self::Hardware(hardware.kind().0, hardware.octets().to_vec()),
            |identifier| Self::Identifier(identifier.0.clone()),
        )
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Identifier(bytes) | Self::Hardware(_, bytes)) = self;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The leases of one pool. At most one per address; what has expired is kept until its address is needed, so that a
/// client that comes back gets the address it had.
#[derive(Clone, Debug)]
pub struct Leases {
    pool: Pool,
    kept_back: BTreeSet<Ipv4Addr>,
    never_given: Option<Ipv4Addr>,
    by_address: BTreeMap<Ipv4Addr, Lease>,
    by_client: BTreeMap<ClientKey, Ipv4Addr>,
    by_expiry: BTreeSet<(Moment, Ipv4Addr)>,
}

#[derive(Clone, Debug)]
struct Lease {
    holder: Holder,
    expires: Moment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    /// Offered, not taken yet.
    Offered(ClientKey),
    /// Lent.
    Bound(ClientKey),
    /// In use by a host that never asked for it.
    Conflict,
}

impl Holder {
    const fn client(&self) -> Option<&ClientKey> {
        match self {
            Self::Offered(client) | Self::Bound(client) => Some(client),
            Self::Conflict => None,
        }
    }
}

impl Leases {
    /// How long an offered address waits for its client, in seconds.
    pub const OFFER_SECONDS: u32 = 60;
    /// How long an address that another host was found to use is not given, in seconds.
    pub const CONFLICT_SECONDS: u32 = 3600;

    /// No leases yet; `None` when the subnet has no pool.
    #[must_use]
    pub fn new(subnet: &Subnet) -> Option<Self> {
        let pool = subnet.pool()?;
        Some(Self {
            pool,
            kept_back: subnet.reserved().collect(),
            never_given: Some(pool.first),
            by_address: BTreeMap::new(),
            by_client: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
        })
    }

    /// Chooses an address for the client and keeps it for [`Self::OFFER_SECONDS`]; `None` when the pool is exhausted.
    pub fn offer(&mut self, client: &ClientKey, wish: Option<Ipv4Addr>, now: Moment) -> Option<Ipv4Addr> {
        // RFC 2131 §4.3.1: the address the client has or had, else the one it asks for, else any free one.
        let own = self.by_client.get(client).copied();
        let wished = || wish.filter(|address| self.is_free(*address, now));
        let address = own.or_else(wished).or_else(|| self.any_free(now))?;
        let bound = self.by_address.get(&address).filter(|lease| matches!(lease.holder, Holder::Bound(_)));
        // An offer to a client that is still bound takes nothing away from it.
        if bound.is_none_or(|lease| lease.expires <= now) {
            self.assign(address, Holder::Offered(client.clone()), now.plus(Self::OFFER_SECONDS));
        }
        Some(address)
    }

    /// Lends the address to the client if it has it already or nobody does.
    pub fn lend(&mut self, client: &ClientKey, address: Ipv4Addr, now: Moment, seconds: u32) -> Lent {
        if !self.may_give(address) {
            return Lent::NotOurs;
        }
        if self.client_of(address) != Some(client) && !self.is_free(address, now) {
            return Lent::Taken;
        }
        // One client has one address: a former one is free again.
        if let Some(former) = self.by_client.get(client).copied().filter(|former| *former != address) {
            self.expire(former, now);
        }
        self.assign(address, Holder::Bound(client.clone()), now.plus(seconds));
        Lent::Yes
    }

    /// The address the client has or last had.
    #[must_use]
    pub fn address_of(&self, client: &ClientKey) -> Option<Ipv4Addr> {
        self.by_client.get(client).copied()
    }

    /// Ends the client's lease of this address; `false` when it has none.
    pub fn release(&mut self, client: &ClientKey, address: Ipv4Addr, now: Moment) -> bool {
        let theirs = self.client_of(address) == Some(client);
        if theirs {
            self.expire(address, now);
        }
        theirs
    }

    /// Takes the address out of use for [`Self::CONFLICT_SECONDS`]; `false` when it is not the client's to decline.
    pub fn decline(&mut self, client: &ClientKey, address: Ipv4Addr, now: Moment) -> bool {
        let theirs = self.client_of(address) == Some(client);
        if theirs {
            self.assign(address, Holder::Conflict, now.plus(Self::CONFLICT_SECONDS));
        }
        theirs
    }

    /// Frees what was offered to the client and not taken.
    pub fn withdraw_offer(&mut self, client: &ClientKey, now: Moment) {
        let offered = |address: &Ipv4Addr| {
            self.by_address.get(address).is_some_and(|lease| matches!(lease.holder, Holder::Offered(_)))
        };
        if let Some(address) = self.by_client.get(client).copied().filter(offered) {
            self.expire(address, now);
        }
    }

    fn may_give(&self, address: Ipv4Addr) -> bool {
        self.pool.contains(address) && !self.kept_back.contains(&address)
    }

    fn is_free(&self, address: Ipv4Addr, now: Moment) -> bool {
        self.may_give(address) && self.by_address.get(&address).is_none_or(|lease| lease.expires <= now)
    }

    fn client_of(&self, address: Ipv4Addr) -> Option<&ClientKey> {
        self.by_address.get(&address).and_then(|lease| lease.holder.client())
    }

    /// An address nobody ever had, else the one that has been free the longest.
    fn any_free(&mut self, now: Moment) -> Option<Ipv4Addr> {
        while let Some(address) = self.never_given {
            let next = address.to_bits().checked_add(1).map(Ipv4Addr::from_bits);
            self.never_given = next.filter(|next| self.pool.contains(*next));
            if self.may_give(address) && !self.by_address.contains_key(&address) {
                return Some(address);
            }
        }
        self.by_expiry.first().filter(|(expires, _)| *expires <= now).map(|(_, address)| *address)
    }

    fn expire(&mut self, address: Ipv4Addr, now: Moment) {
        if let Some(holder) = self.by_address.get(&address).map(|lease| lease.holder.clone()) {
            self.assign(address, holder, now);
        }
    }

    /// The only place where the three indexes change, so that they agree.
    fn assign(&mut self, address: Ipv4Addr, holder: Holder, expires: Moment) {
        let client = holder.client().cloned();
        if let Some(old) = self.by_address.insert(address, Lease { holder, expires }) {
            self.by_expiry.remove(&(old.expires, address));
            if let Some(former) = old.holder.client().filter(|former| self.by_client.get(former) == Some(&address)) {
                self.by_client.remove(former);
            }
        }
        self.by_expiry.insert((expires, address));
        if let Some(client) = client {
            self.by_client.insert(client, address);
        }
    }
}

/// How an attempt to lend an address ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lent {
    /// The client has the address now.
    Yes,
    /// Another client has it, or another host uses it.
    Taken,
    /// The address is not in the pool, or kept for somebody.
    NotOurs,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000);

    fn leases() -> Leases {
        let settings: crate::policy::SubnetSettings = toml::from_str(
            "network = '192.0.2.0/24'\npool = { first = '192.0.2.10', last = '192.0.2.13' }\n\
             reservations = [{ mac = '02:00:00:00:00:01', address = '192.0.2.11' }]",
        )
        .unwrap();
        Leases::new(&settings.try_into().unwrap()).unwrap()
    }

    fn client(number: u8) -> ClientKey {
        ClientKey::Hardware(1, vec![number; 6])
    }

    fn address(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, last)
    }

    #[test]
    fn reserved_addresses_are_never_offered_and_the_pool_ends() {
        let mut leases = leases();
        let offered: Vec<_> = (1..=4).map(|number| leases.offer(&client(number), Some(address(11)), NOW)).collect();
        assert_eq!(offered, [Some(address(10)), Some(address(12)), Some(address(13)), None]);
        assert_eq!(leases.lend(&client(9), address(11), NOW, 60), Lent::NotOurs);
    }

    #[test]
    fn an_offer_not_taken_is_free_after_a_minute() {
        let mut leases = leases();
        for number in 1..=3 {
            leases.offer(&client(number), None, NOW);
        }
        assert_eq!(leases.offer(&client(4), None, NOW.plus(59)), None);
        assert_eq!(leases.offer(&client(4), None, NOW.plus(60)), Some(address(10)));
        assert_eq!(leases.address_of(&client(1)), None);
    }

    #[test]
    fn a_client_gets_its_address_again_even_after_expiry() {
        let mut leases = leases();
        assert_eq!(leases.offer(&client(1), Some(address(13)), NOW), Some(address(13)));
        assert_eq!(leases.lend(&client(1), address(13), NOW, 100), Lent::Yes);
        assert_eq!(leases.lend(&client(2), address(13), NOW, 100), Lent::Taken);
        assert_eq!(leases.offer(&client(1), Some(address(10)), NOW.plus(5000)), Some(address(13)));
    }

    #[test]
    fn an_offer_does_not_shorten_a_running_lease() {
        let mut leases = leases();
        leases.lend(&client(1), address(10), NOW, 3600);
        leases.offer(&client(1), None, NOW);
        assert_eq!(leases.lend(&client(2), address(10), NOW.plus(120), 3600), Lent::Taken);
    }

    #[test]
    fn taking_another_address_frees_the_former() {
        let mut leases = leases();
        leases.lend(&client(1), address(10), NOW, 3600);
        leases.lend(&client(1), address(12), NOW, 3600);
        assert_eq!(leases.lend(&client(2), address(10), NOW, 3600), Lent::Yes);
        assert_eq!(leases.address_of(&client(1)), Some(address(12)));
    }

    #[test]
    fn only_the_holder_releases_or_declines() {
        let mut leases = leases();
        leases.lend(&client(1), address(10), NOW, 3600);
        assert!(!leases.release(&client(2), address(10), NOW));
        assert!(!leases.decline(&client(2), address(10), NOW));
        assert!(leases.decline(&client(1), address(10), NOW));
        assert_eq!(leases.lend(&client(1), address(10), NOW.plus(3599), 60), Lent::Taken);
        assert_eq!(leases.lend(&client(1), address(10), NOW.plus(3600), 60), Lent::Yes);
        assert!(leases.release(&client(1), address(10), NOW.plus(3601)));
        assert_eq!(leases.lend(&client(2), address(10), NOW.plus(3601), 60), Lent::Yes);
    }

    #[test]
    fn the_three_indexes_agree_after_a_crowd() {
        let mut leases = leases();
        for step in 0..500_u64 {
            let who = client(u8::try_from(step % 7).unwrap());
            let now = NOW.plus(u32::try_from(step * 17).unwrap());
            match step % 5 {
                0 | 1 => drop(leases.offer(&who, None, now)),
                2 => drop(leases.lend(&who, address(10 + u8::try_from(step % 4).unwrap()), now, 40)),
                3 => leases.withdraw_offer(&who, now),
                _ => drop(leases.address_of(&who).map(|address| leases.decline(&who, address, now))),
            }
            assert_eq!(leases.by_address.len(), leases.by_expiry.len());
            for (client, address) in &leases.by_client {
                assert_eq!(leases.client_of(*address), Some(client));
            }
            let held = leases.by_address.values().filter(|lease| lease.holder.client().is_some()).count();
            assert_eq!(held, leases.by_client.len());
        }
    }
}
