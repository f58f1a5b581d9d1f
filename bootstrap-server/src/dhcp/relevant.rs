//! Which leases an explanation needs: those of the client, and those of the addresses that it might get instead.
//!
//! Of a hundred thousand leases few matter. What would be offered follows from what is known of the client and from which addresses nobody
//! ever had, and the choice goes through them in an order of its own. So it is made by what was read so far, the address that came out is
//! looked up, and when somebody has that one the choice is made once more.

use std::net::IpAddr;

use dhcp::{v4::HardwareType, v6::Duid};
use netboot::{
    explain::{Explanation, Question},
    lease::{ClientKey, Lease},
};

use crate::store::{LeaseFilter, Leases, Page, StoreError};

/// Records that are read from the address that came out on.
const BLOCK: u32 = 256;
/// How often the choice is made before everything is read: a pool that is as good as full.
const ROUNDS: usize = 16;
/// Records of one client that are read: one in each identity association.
const OF_ONE: u32 = 64;
/// Records that are read at a time when all are.
const PAGE: u32 = 2000;

/// How much of a network must be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// What matters.
    Relevant,
    /// Everything: how many addresses are left counts too.
    Whole,
}

/// What a client in this network would be answered, `explain`ed by the leases that matter.
pub(super) async fn explained(
    store: &dyn Leases,
    within: (IpAddr, IpAddr),
    question: &Question,
    reading: Reading,
    explain: impl Fn(&[Lease]) -> Explanation,
) -> Result<Explanation, StoreError> {
    if reading == Reading::Whole {
        return Ok(explain(&whole(store, within).await?));
    }
    let (_, last) = within;
    let mut leases = of_client(store, within, question).await?;
    for _ in 0..ROUNDS {
        let explanation = explain(&leases);
        let Some(address) = explanation.address.as_ref().map(|given| given.address) else { return Ok(explanation) };
        if leases.iter().any(|lease| lease.address == address) {
            return Ok(explanation);
        }
        let block = LeaseFilter { within: Some((address, last)), ..LeaseFilter::default() };
        let found = store.leases(&block, Page { after: None, limit: BLOCK }).await?;
        if found.first().is_none_or(|lease| lease.address != address) {
            // Nobody ever had it.
            return Ok(explanation);
        }
        let fresh: Vec<_> = found.into_iter().filter(|it| leases.iter().all(|had| had.address != it.address)).collect();
        leases.extend(fresh);
    }
    Ok(explain(&whole(store, within).await?))
}

/// What is on record of the client, by all that it may be known by.
async fn of_client(
    store: &dyn Leases,
    within: (IpAddr, IpAddr),
    question: &Question,
) -> Result<Vec<Lease>, StoreError> {
    let (first, last) = within;
    if first.is_ipv4() {
        let identifier = question.identifier.as_deref().map(ClientKey::of_identifier);
        let hardware = question.mac.map(|mac| ClientKey::of_hardware(HardwareType::ETHERNET, &mac.0));
        let keys: Vec<_> = identifier.into_iter().chain(hardware).collect();
        let mut leases = store.leases_of_clients(&keys).await?;
        leases.retain(|lease| (first..=last).contains(&lease.address));
        return Ok(leases);
    }
    let of_uuid = question.uuid.map(|uuid| Duid::from_uuid(uuid).as_bytes().to_vec());
    let of_mac = question.mac.map(|mac| Duid::link_layer(mac).as_bytes().to_vec());
    let identifiers = question.identifier.clone().into_iter().chain(of_uuid).chain(of_mac);
    let mut filters: Vec<_> = identifiers.map(|it| LeaseFilter { duid: Some(it), ..LeaseFilter::default() }).collect();
    filters.extend(question.mac.map(|mac| LeaseFilter { mac: Some(mac), ..LeaseFilter::default() }));
    let mut leases: Vec<Lease> = Vec::new();
    for filter in filters {
        let filter = LeaseFilter { within: Some(within), ..filter };
        for found in store.leases(&filter, Page { after: None, limit: OF_ONE }).await? {
            if leases.iter().all(|had| had.address != found.address) {
                leases.push(found);
            }
        }
    }
    Ok(leases)
}

/// All leases of a network.
async fn whole(store: &dyn Leases, within: (IpAddr, IpAddr)) -> Result<Vec<Lease>, StoreError> {
    let filter = LeaseFilter { within: Some(within), ..LeaseFilter::default() };
    let mut leases: Vec<Lease> = Vec::new();
    loop {
        let after = leases.last().map(|lease| lease.address);
        let page = store.leases(&filter, Page { after, limit: PAGE }).await?;
        let ends = u32::try_from(page.len()).is_ok_and(|read| read < PAGE);
        leases.extend(page);
        if ends {
            return Ok(leases);
        }
    }
}

#[cfg(test)]
#[path = "relevant_tests.rs"]
mod tests;
