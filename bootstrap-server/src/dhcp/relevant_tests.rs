use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Mutex,
};

use dhcp::v4::MacAddress;
use netboot::{
    dhcp4, dhcp6,
    explain::Present,
    lease::{LeaseFuture, LeaseStore, Numbered, Standing, Version, Written},
    moment::Moment,
    policy::{Dhcp4Policy, Dhcp6Policy, Directory},
};
use proptest::prelude::*;

use super::*;
use crate::store::StoreFuture;

const NOW: Moment = Moment(1_000_000);

/// Leases in memory, and how many were handed out.
struct Shelf {
    leases: Vec<Lease>,
    handed_out: Mutex<usize>,
}

impl Shelf {
    fn new(mut leases: Vec<Lease>) -> Self {
        leases.sort_by_key(|lease| lease.address);
        leases.dedup_by_key(|lease| lease.address);
        Self { leases, handed_out: Mutex::default() }
    }

    fn hand_out(&self, wanted: impl Fn(&Lease) -> bool, limit: u32) -> Vec<Lease> {
        let limit = usize::try_from(limit).unwrap();
        let found: Vec<_> = self.leases.iter().filter(|lease| wanted(lease)).take(limit).cloned().collect();
        *self.handed_out.lock().unwrap() += found.len();
        found
    }
}

impl LeaseStore for Shelf {
    fn write(&self, _: Vec<Lease>) -> LeaseFuture<'_, Vec<Written>> {
        unreachable!("an explanation lends nothing")
    }

    fn after(&self, _: Version, _: u32) -> LeaseFuture<'_, Vec<Numbered>> {
        unreachable!("nor does it follow")
    }

    fn forget(&self, _: Moment, _: u32) -> LeaseFuture<'_, u64> {
        unreachable!("nor forget")
    }
}

impl Leases for Shelf {
    fn leases<'a>(&'a self, filter: &'a LeaseFilter, page: Page<IpAddr>) -> StoreFuture<'a, Vec<Lease>> {
        let wanted = move |lease: &Lease| {
            page.after.is_none_or(|after| lease.address > after)
                && filter.within.is_none_or(|(first, last)| (first..=last).contains(&lease.address))
                && filter.mac.is_none_or(|mac| lease.mac == Some(mac))
                && filter.duid.as_ref().is_none_or(|duid| lease.client.identifier() == Some(duid))
        };
        Box::pin(async move { Ok(self.hand_out(wanted, page.limit)) })
    }

    fn leases_of<'a>(&'a self, _: &'a [IpAddr]) -> StoreFuture<'a, Vec<Lease>> {
        unreachable!("not by address alone")
    }

    fn leases_of_clients<'a>(&'a self, clients: &'a [ClientKey]) -> StoreFuture<'a, Vec<Lease>> {
        Box::pin(async move { Ok(self.hand_out(|lease| clients.contains(&lease.client), u32::MAX)) })
    }
}

fn mac(number: u16) -> MacAddress {
    let [a, b] = number.to_be_bytes();
    MacAddress([2, 0, 0, 0, a, b])
}

fn lease(address: impl Into<IpAddr>, client: ClientKey, of: u16, ends: u64) -> Lease {
    Lease {
        address: address.into(),
        client,
        mac: Some(mac(of)),
        host_name: None,
        standing: Standing::Lent,
        since: Moment(NOW.0 - 5000),
        expires: Moment(ends),
    }
}

fn v4(place: u16, of: u16, ends: u64) -> Lease {
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + u32::from(place));
    lease(address, ClientKey::of_hardware(HardwareType::ETHERNET, &mac(of).0), of, ends)
}

fn v6(place: u16, of: u16, ends: u64) -> Lease {
    let address = Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + u128::from(place));
    lease(address, ClientKey::v6(Duid::link_layer(mac(of)).as_bytes(), u32::from(of % 3)), of, ends)
}

/// What is said by what matters, how many leases that were, and what is said by all.
fn both(version: u8, pool: (u16, u16), leases: Vec<Lease>, question: &Question) -> (Explanation, usize, Explanation) {
    let (first, last) = pool;
    let directory = Directory::default();
    let reserved = "reservations = [{ mac = '02:00:00:00:00:07', address = 'NET3' }]";
    let text = format!(
        "[[subnet]]\nnetwork = 'NET0/LENGTH'\npools = [{{ first = 'NET{first:x}', last = 'NET{last:x}' }}]\n{reserved}"
    );
    let explain = |leases: &[Lease]| {
        let present = Present { now: NOW, leases, addresses: &[] };
        if version == 4 {
            let of =
                |number: u16| Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + u32::from(number)).to_string();
            let text = text.replace(&format!("NET{first:x}'"), &format!("{}'", of(first)));
            let text = text.replace(&format!("NET{last:x}'"), &format!("{}'", of(last)));
            let text = text.replace("NET0/LENGTH", "10.0.0.0/16").replace("NET3'", "10.0.0.3'");
            let policy: Dhcp4Policy = toml::from_str(&format!("server-identifier = '10.0.255.254'\n{text}")).unwrap();
            dhcp4::explain(&policy, &directory, question, &present)
        } else {
            let text = text.replace("NET0/LENGTH", "2001:db8::/64").replace("NET", "2001:db8::");
            let policy: Dhcp6Policy = toml::from_str(&text).unwrap();
            dhcp6::explain(&policy, &directory, question, &present)
        }
    };
    let within: (IpAddr, IpAddr) = if version == 4 {
        ([10, 0, 0, 0].into(), [10, 0, 255, 255].into())
    } else {
        ("2001:db8::".parse().unwrap(), "2001:db8::ffff:ffff:ffff:ffff".parse().unwrap())
    };
    let shelf = Shelf::new(leases);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let said = runtime.block_on(explained(&shelf, within, question, Reading::Relevant, explain)).unwrap();
    let handed_out = *shelf.handed_out.lock().unwrap();
    (said, handed_out, explain(&shelf.leases))
}

fn of(number: u16) -> Question {
    Question { mac: Some(mac(number)), ..Question::default() }
}

#[test]
fn of_many_leases_few_are_read() {
    for version in [4, 6] {
        let make = if version == 4 { v4 } else { v6 };
        // Every second address of the pool is lent, and one that was asks: of fifty thousand leases, its own and a few blocks.
        let leases: Vec<_> = (0..30_000).map(|number| make(100 + 2 * number, number, NOW.0 + 60)).collect();
        for asks in [5, 29_999, 40_000, 40_001, 40_002] {
            let (said, read, all) = both(version, (100, 60_100), leases.clone(), &of(asks));
            assert_eq!(said, all, "IPv{version} {asks}");
            assert!(read <= 4 * usize::try_from(BLOCK).unwrap(), "IPv{version} {asks}: {read}");
            assert_eq!(said.address.is_some_and(|given| given.from.as_str() == "lease"), asks < 40_000);
        }
        // A reservation that somebody else sits on.
        let (said, read, all) = both(version, (100, 60_100), vec![make(3, 9, NOW.0 + 60)], &of(7));
        assert_eq!((&said, read), (&all, 1));
        // Of IPv6, a reservation goes before another client's lease of it.
        assert!(version == 6 || said.hindrances.iter().any(|it| it.what.contains("in use by another")), "{said:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Small pools at every level of fill, with leases that run and that have ended: by few leases the same is said as by all.
    #[test]
    fn the_same_is_said_as_by_all(
        version in prop_oneof![Just(4_u8), Just(6_u8)],
        size in 1_u16..400,
        taken in prop::collection::vec((0_u16..400, 0_u16..500, any::<bool>()), 0..400),
        asks in 0_u16..600,
    ) {
        // One client has one address.
        let mut clients = std::collections::BTreeSet::new();
        let taken = taken.into_iter().filter(|(_, of, _)| clients.insert(*of));
        let leases = taken.map(|(place, of, runs)| {
            let ends = if runs { NOW.0 + 60 } else { NOW.0 - u64::from(of) - 1 };
            if version == 4 { v4(100 + place, of, ends) } else { v6(100 + place, of, ends) }
        });
        let (said, _, all) = both(version, (100, 100 + size), leases.collect(), &of(asks));
        prop_assert_eq!(said, all);
    }
}
