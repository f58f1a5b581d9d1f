//! What people ask of leases, beside what the DHCP servers do.

use std::net::IpAddr;

use dhcp::v4::MacAddress;
use netboot::{
    lease::{ClientKey, Lease, LeaseStore},
    moment::Moment,
};

use super::{Page, SqlStore, StoreFuture, sql};

/// A store of leases that can be looked through.
pub trait Leases: LeaseStore {
    /// A page of the leases that `filter` lets through, by address, IPv4 first.
    fn leases<'a>(&'a self, filter: &'a LeaseFilter, page: Page<IpAddr>) -> StoreFuture<'a, Vec<Lease>>;

    /// What is on record of these addresses: of those of which anything is.
    fn leases_of<'a>(&'a self, addresses: &'a [IpAddr]) -> StoreFuture<'a, Vec<Lease>>;

    /// What is on record of these clients, whatever the address, in no order. All leases are gone through, once.
    fn leases_of_clients<'a>(&'a self, clients: &'a [ClientKey]) -> StoreFuture<'a, Vec<Lease>>;
}

/// Which leases are wanted. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseFilter {
    /// Of clients with this MAC address.
    pub mac: Option<MacAddress>,
    /// Of clients of IPv6 with this DUID, whichever identity association; of IPv4 too, if one has that for an identifier.
    pub duid: Option<Vec<u8>>,
    /// Of addresses from the first to the last of these, of one family.
    pub within: Option<(IpAddr, IpAddr)>,
    /// By whether they hold at this moment.
    pub at: Option<(Moment, Ended)>,
}

/// Whether a lease has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It has.
    Yes,
    /// It holds.
    No,
}

impl Leases for SqlStore {
    fn leases<'a>(&'a self, filter: &'a LeaseFilter, page: Page<IpAddr>) -> StoreFuture<'a, Vec<Lease>> {
        Box::pin(async move { sql::leases::page(self.readers(), filter, &page).await })
    }

    fn leases_of<'a>(&'a self, addresses: &'a [IpAddr]) -> StoreFuture<'a, Vec<Lease>> {
        Box::pin(async move { self.leases_at(addresses).await })
    }

    fn leases_of_clients<'a>(&'a self, clients: &'a [ClientKey]) -> StoreFuture<'a, Vec<Lease>> {
        Box::pin(async move { self.leases_to(clients).await })
    }
}
