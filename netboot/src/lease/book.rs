//! What a server knows of its addresses at this moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use super::{Address, ClientKey, Lease, Standing};
use crate::moment::Moment;

mod clock;

/// The addresses of one subnet, as far as giving them is concerned.
#[derive(Clone, Debug)]
pub struct Space<A> {
    /// The whole subnet: what is recorded here lies within.
    pub subnet: RangeInclusive<A>,
    /// What may be given to anybody, in the order in which it is used up.
    pub pools: Vec<RangeInclusive<A>>,
    /// Addresses within the pools that are kept for somebody.
    pub kept_back: BTreeSet<A>,
    /// How many addresses that nobody had yet are left for clients that the owner knows.
    pub for_known: u128,
}

impl<A: Address> Space<A> {
    fn gives(&self, address: A) -> bool {
        self.pools.iter().any(|pool| pool.contains(&address)) && !self.kept_back.contains(&address)
    }

    /// How many addresses the pools have.
    fn size(&self) -> u128 {
        self.pools.iter().fold(0, |sum: u128, pool| sum.saturating_add(length(pool)))
    }

    /// The address at this place, counted through all pools.
    fn at(&self, place: u128) -> Option<A> {
        let mut place = place;
        for pool in &self.pools {
            match place.checked_sub(length(pool)) {
                None => return pool.start().number().checked_add(place).map(A::from_number),
                Some(rest) => place = rest,
            }
        }
        None
    }
}

fn length<A: Address>(range: &RangeInclusive<A>) -> u128 {
    range.end().number().saturating_sub(range.start().number()).saturating_add(1)
}

/// What is recorded of the addresses of some subnets. At most one entry for each address, and one address for each client.
#[derive(Clone, Debug)]
pub struct Book<A> {
    shelves: Vec<Shelf<A>>,
    /// What each client has on record.
    by_client: BTreeMap<ClientKey, A>,
    /// What waits for each client: an offer that it may not take hides nothing that it has.
    offered: BTreeMap<ClientKey, A>,
    /// Where the store has other moments than this book since the clock was set, and by how many seconds those here are later.
    moved: BTreeMap<A, i64>,
}

/// One subnet's.
#[derive(Clone, Debug)]
struct Shelf<A> {
    space: Space<A>,
    entries: BTreeMap<A, Entry>,
    by_expiry: BTreeSet<(Moment, A)>,
    offers: BTreeSet<(Moment, A)>,
    /// The next place in the pools that was never looked at.
    untouched: u128,
    /// Whether anything before that place was freed since.
    holes: bool,
    /// How many of the entries are of addresses that anybody may get.
    from_pools: u128,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// Offered, not taken yet; and the record of this server that was there before and has ended, which the store still has.
    Offered { client: ClientKey, until: Moment, known: bool, over: Option<Box<Lease>> },
    /// On record.
    Recorded { lease: Lease, dated: Dated },
}

/// Whose clock the moments of a record are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dated {
    /// This server's, since it started.
    Here,
    /// Another server's, or that of an earlier run.
    Elsewhere,
}

impl Entry {
    const fn client(&self) -> &ClientKey {
        match self {
            Self::Offered { client, .. } => client,
            Self::Recorded { lease, .. } => &lease.client,
        }
    }

    const fn ends(&self) -> Moment {
        match self {
            Self::Offered { until, .. } => *until,
            Self::Recorded { lease, .. } => lease.expires,
        }
    }

    /// What the store has or is to have by this server's hand.
    const fn own(&self) -> Option<&Lease> {
        match self {
            Self::Recorded { lease, dated: Dated::Here } => Some(lease),
            Self::Offered { over: Some(lease), .. } => Some(lease),
            Self::Recorded { .. } | Self::Offered { .. } => None,
        }
    }
}

/// How an attempt to lend an address ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lent {
    /// The client may have it, as far as this server knows.
    Yes,
    /// Another client has it, or another host uses it.
    Taken,
    /// It is none that this server gives to anybody.
    NotOurs,
}

impl<A: Address> Book<A> {
    /// How long an offered address waits for its client, in seconds.
    pub const OFFER_SECONDS: u32 = 60;
    /// How long an address that another host was found to use is not given, in seconds.
    pub const CONFLICT_SECONDS: u32 = 3600;
    /// Most offers that wait in one subnet. The oldest gives way: whoever made it up does not come back, and whoever does asks again.
    pub const OFFERS: usize = 65_536;
    /// Most records of one subnet, whatever the size of its pools: what a host that invents clients can make a server remember.
    pub const RECORDS: usize = 1 << 20;
    /// How many addresses from the client's own place on are tried before a free one is looked for in order.
    const TRIES: u128 = 8;

    /// No leases yet.
    #[must_use]
    pub fn new(spaces: Vec<Space<A>>) -> Self {
        let shelf = |space| Shelf {
            space,
            entries: BTreeMap::new(),
            by_expiry: BTreeSet::new(),
            offers: BTreeSet::new(),
            untouched: 0,
            holes: false,
            from_pools: 0,
        };
        Self {
            shelves: spaces.into_iter().map(shelf).collect(),
            by_client: BTreeMap::new(),
            offered: BTreeMap::new(),
            moved: BTreeMap::new(),
        }
    }

    /// Chooses an address of this subnet for the client and keeps it for [`Self::OFFER_SECONDS`]; `None` when there is none.
    ///
    /// RFC 2131 §4.3.1: the address that the client has or had, else the one it asks for, else any free one. Which one follows from who asks, so
    /// that two servers that share a pool offer the same; what was free the longest is used again last.
    pub fn offer(&mut self, subnet: usize, client: &ClientKey, wish: Option<A>, known: bool, now: Moment) -> Option<A> {
        let own = [&self.by_client, &self.offered].map(|index| index.get(client).copied());
        let shelf = self.shelves.get_mut(subnet)?;
        let address = own
            .into_iter()
            .flatten()
            .find(|address| shelf.space.gives(*address) && shelf.client_of(*address) == Some(client))
            .or_else(|| wish.filter(|address| shelf.is_free(*address, now)))
            .or_else(|| shelf.choose(client, known, now))?;
        let lent = matches!(
            shelf.entries.get(&address),
            Some(Entry::Recorded { lease, .. }) if lease.client == *client && lease.holds(now)
        );
        // Nothing is taken from a client that has the address already.
        if !lent {
            let until = now.plus(Self::OFFER_SECONDS);
            let over = shelf.entries.get(&address).and_then(Entry::own).cloned().map(Box::new);
            self.put(subnet, address, Entry::Offered { client: client.clone(), until, known, over });
        }
        Some(address)
    }

    /// Whether this client may have this address now. Nothing is changed: the record follows with [`Self::record`].
    #[must_use]
    pub fn may_have(&self, subnet: usize, client: &ClientKey, address: A, now: Moment) -> Lent {
        let Some(shelf) = self.shelves.get(subnet).filter(|shelf| shelf.space.gives(address)) else {
            return Lent::NotOurs;
        };
        if shelf.client_of(address) == Some(client) || shelf.is_free(address, now) { Lent::Yes } else { Lent::Taken }
    }

    /// Takes a record that this server dates now. Gives what was known of the address before, for [`Self::undo`].
    pub fn record(&mut self, lease: Lease) -> Option<Before<A>> {
        self.enter(lease, Dated::Here)
    }

    /// Takes over a record as the store has it: another server's, or of an earlier run. What this server dated itself stays as it is.
    pub fn follow(&mut self, lease: Lease) {
        if !self.is_own(&lease) {
            self.enter(lease, Dated::Elsewhere);
        }
    }

    fn enter(&mut self, lease: Lease, dated: Dated) -> Option<Before<A>> {
        let address = A::from_ip(lease.address)?;
        let subnet = self.subnet_of(address)?;
        let before = self.shelves.get(subnet)?.entries.get(&address).cloned();
        // One client has one address: a former one is free again, and what waited for it no longer does.
        for index in [&self.by_client, &self.offered].map(|index| index.get(&lease.client).copied()) {
            if let Some(former) = index.filter(|former| *former != address) {
                self.end(&lease.client, former, lease.since);
            }
        }
        self.put(subnet, address, Entry::Recorded { lease, dated });
        Some(Before { address, entry: before })
    }

    /// Puts back what was known of an address before a record that could not be written.
    pub fn undo(&mut self, before: Before<A>) {
        let Some(subnet) = self.subnet_of(before.address) else { return };
        match before.entry {
            Some(entry) => self.put(subnet, before.address, entry),
            None => self.remove(subnet, before.address),
        }
    }

    /// The address that the client has or last had, else the one that waits for it.
    #[must_use]
    pub fn address_of(&self, client: &ClientKey) -> Option<A> {
        self.by_client.get(client).or_else(|| self.offered.get(client)).copied()
    }

    /// What is on record of an address.
    #[must_use]
    pub fn lease(&self, address: A) -> Option<&Lease> {
        match self.entry(address)? {
            Entry::Recorded { lease, .. } => Some(lease),
            Entry::Offered { .. } => None,
        }
    }

    /// Frees what was offered to the client and not taken.
    pub fn withdraw_offer(&mut self, client: &ClientKey) {
        let Some(address) = self.offered.get(client).copied() else { return };
        if let Some(subnet) = self.subnet_of(address) {
            self.remove(subnet, address);
        }
    }

    /// Drops offers that ended before `now` and records that ended before `before`, at most `limit` of each subnet. Gives how many.
    pub fn forget(&mut self, now: Moment, before: Moment, limit: usize) -> usize {
        let mut forgotten: usize = 0;
        for subnet in 0..self.shelves.len() {
            let Some(shelf) = self.shelves.get(subnet) else { break };
            let offers = shelf.offers.iter().take_while(|(ends, _)| *ends < now);
            let records = shelf.by_expiry.iter().take_while(|(ends, _)| *ends < before);
            let ended: Vec<A> = offers.chain(records).take(limit).map(|(_, address)| *address).collect();
            forgotten = forgotten.saturating_add(ended.len());
            for address in ended {
                self.remove(subnet, address);
            }
        }
        forgotten
    }

    /// How many records there are of a subnet, and how many addresses its pools have.
    #[must_use]
    pub fn usage(&self, subnet: usize) -> (usize, u128) {
        self.shelves.get(subnet).map_or((0, 0), |shelf| (shelf.by_expiry.len(), shelf.space.size()))
    }

    /// Which subnet an address belongs to.
    #[must_use]
    pub fn subnet_of(&self, address: A) -> Option<usize> {
        self.shelves.iter().position(|shelf| shelf.space.subnet.contains(&address))
    }

    fn entry(&self, address: A) -> Option<&Entry> {
        self.shelves.get(self.subnet_of(address)?)?.entries.get(&address)
    }

    fn end(&mut self, client: &ClientKey, address: A, now: Moment) {
        let Some(subnet) = self.subnet_of(address) else { return };
        let Some(entry) = self.shelves.get(subnet).and_then(|shelf| shelf.entries.get(&address)) else { return };
        if entry.client() != client {
            return;
        }
        match entry.clone() {
            Entry::Offered { .. } => self.remove(subnet, address),
            Entry::Recorded { mut lease, dated } => {
                lease.expires = lease.expires.min(now);
                self.put(subnet, address, Entry::Recorded { lease, dated });
            }
        }
    }

    /// With [`Self::take`] and [`Self::clock_set`] the only places where the indexes change, so that they agree.
    fn put(&mut self, subnet: usize, address: A, entry: Entry) {
        self.take(subnet, address);
        let crowded = self.shelves.get(subnet).and_then(Shelf::crowded);
        if let Some(oldest) = crowded {
            self.remove(subnet, oldest);
        }
        let Some(shelf) = self.shelves.get_mut(subnet) else { return };
        match &entry {
            Entry::Offered { until, client, .. } => {
                shelf.offers.insert((*until, address));
                self.offered.insert(client.clone(), address);
            }
            Entry::Recorded { lease, .. } => {
                shelf.by_expiry.insert((lease.expires, address));
                if lease.standing == Standing::Lent {
                    self.by_client.insert(lease.client.clone(), address);
                }
            }
        }
        shelf.entries.insert(address, entry);
        if shelf.space.gives(address) {
            shelf.from_pools = shelf.from_pools.saturating_add(1);
        }
    }

    fn remove(&mut self, subnet: usize, address: A) {
        self.take(subnet, address);
        if let Some(shelf) = self.shelves.get_mut(subnet) {
            shelf.holes = true;
        }
    }

    fn take(&mut self, subnet: usize, address: A) {
        let Some(shelf) = self.shelves.get_mut(subnet) else { return };
        let Some(entry) = shelf.entries.remove(&address) else { return };
        let (index, clients) = match entry {
            Entry::Offered { .. } => (&mut shelf.offers, &mut self.offered),
            Entry::Recorded { .. } => (&mut shelf.by_expiry, &mut self.by_client),
        };
        index.remove(&(entry.ends(), address));
        if shelf.space.gives(address) {
            shelf.from_pools = shelf.from_pools.saturating_sub(1);
        }
        if clients.get(entry.client()) == Some(&address) {
            clients.remove(entry.client());
        }
    }
}

/// What was known of an address before it was recorded anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before<A> {
    address: A,
    entry: Option<Entry>,
}

impl<A: Address> Shelf<A> {
    fn client_of(&self, address: A) -> Option<&ClientKey> {
        self.entries.get(&address).map(Entry::client)
    }

    fn is_free(&self, address: A, now: Moment) -> bool {
        self.space.gives(address) && self.entries.get(&address).is_none_or(|entry| entry.ends() <= now)
    }

    fn is_untouched(&self, address: A) -> bool {
        self.space.gives(address) && !self.entries.contains_key(&address)
    }

    /// What has to be dropped before anything is added.
    fn crowded(&self) -> Option<A> {
        let offers = self.offers.first().filter(|_| self.offers.len() >= Book::<A>::OFFERS);
        let records = self.by_expiry.first().filter(|_| self.by_expiry.len() >= Book::<A>::RECORDS);
        offers.or(records).map(|(_, address)| *address)
    }

    fn choose(&mut self, client: &ClientKey, known: bool, now: Moment) -> Option<A> {
        let size = self.space.size();
        let room_for_strangers = size.saturating_sub(self.space.for_known);
        let untouched = if known || self.from_pools < room_for_strangers { self.untouched(client, size) } else { None };
        untouched.or_else(|| self.ended(now)).or_else(|| if known { self.offered_to_a_stranger() } else { None })
    }

    /// An address that nobody ever had: near the client's own place, else the first one in order.
    fn untouched(&mut self, client: &ClientKey, size: u128) -> Option<A> {
        let place = u128::from(client.spread()).checked_rem(size)?;
        let near = (0..Book::<A>::TRIES).filter_map(|step| place.checked_add(step)?.checked_rem(size));
        if let Some(address) = near.filter_map(|place| self.space.at(place)).find(|it| self.is_untouched(*it)) {
            return Some(address);
        }
        loop {
            while let Some(address) = self.space.at(self.untouched) {
                if self.is_untouched(address) {
                    return Some(address);
                }
                self.untouched = self.untouched.saturating_add(1);
            }
            if !std::mem::take(&mut self.holes) {
                return None;
            }
            self.untouched = 0;
        }
    }

    /// The address that has been free the longest.
    fn ended(&self, now: Moment) -> Option<A> {
        let oldest = |index: &BTreeSet<(Moment, A)>| {
            let ended = index.iter().take_while(|(ends, _)| *ends <= now);
            ended.map(|(_, address)| *address).find(|address| self.space.gives(*address))
        };
        oldest(&self.offers).or_else(|| oldest(&self.by_expiry))
    }

    /// The oldest offer that was made to nobody in particular: a device on the owner's list goes before whoever floods the pool.
    fn offered_to_a_stranger(&self) -> Option<A> {
        let stranger = |address: &A| matches!(self.entries.get(address), Some(Entry::Offered { known: false, .. }));
        self.offers.iter().map(|(_, address)| *address).take(1024).find(stranger)
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
