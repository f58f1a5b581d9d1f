//! A store of leases that does what it is told, and what other servers do to it meanwhile.

use std::{collections::BTreeMap, net::IpAddr};

use netboot::{
    lease::{ClientKey, Lease, Standing, Written},
    moment::Moment,
};

/// What is on record.
#[derive(Debug, Default)]
pub struct Shelf(BTreeMap<IpAddr, Lease>);

impl Shelf {
    /// Writes each record, by the rule by which every store decides.
    pub fn write(&mut self, leases: &[Lease]) -> Vec<Written> {
        leases.iter().map(|lease| self.put(lease.clone())).collect()
    }

    /// Another client gets the address of this record from another server, in the same moment.
    pub fn lend_to_another(&mut self, lease: &Lease, now: Moment) {
        let client = ClientKey::of_identifier(b"another");
        self.put(Lease { client, standing: Standing::Lent, expires: now.plus(40), ..lease.clone() });
    }

    /// What is on record of an address.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Option<&Lease> {
        self.0.get(&address)
    }

    /// Everything there is.
    #[must_use]
    pub fn all(&self) -> Vec<Lease> {
        self.0.values().cloned().collect()
    }

    fn put(&mut self, lease: Lease) -> Written {
        match self.0.get(&lease.address) {
            Some(recorded) if !recorded.gives_way_to(&lease) => Written::Taken(Box::new(recorded.clone())),
            _ => {
                self.0.insert(lease.address, lease);
                Written::Yes
            }
        }
    }
}
