//! What holds whatever comes.

use std::{collections::BTreeMap, net::Ipv6Addr};

use dhcp::v6::{Datagram, MessageType, Received};
use netboot::{dhcp6::ReachedBy, note::Event};
use proptest::{collection::vec, prelude::*};

use crate::world::*;

const EVERYTHING: &str = "rapid-commit = true\nsol-max-rt = 120\n[give]\nbootstrap-uris = ['https://a.example']\n\
                          boot-file = 'http://[2001:db8::1]/x'\nbootstrap-send = 'always'\n";

fn kinds() -> impl Strategy<Value = MessageType> {
    prop::sample::select(MessageType::ALL.to_vec())
}

fn check(world: &mut World, reached_by: ReachedBy, bytes: &[u8]) -> Result<(), TestCaseError> {
    let outcome = world.deliver(NOW, reached_by, bytes);
    prop_assert!(outcome.sent.len() <= 1, "at most one reply");
    prop_assert!(!outcome.events.is_empty(), "always a note");
    for sent in outcome.sent {
        prop_assert!(sent.bytes.len() <= 1452);
        prop_assert!(Datagram::decode(&sent.bytes).is_ok());
        prop_assert!(Received::decode(bytes).is_ok(), "what is no request gets no answer");
    }
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_octets_get_at_most_one_reply(bytes in vec(any::<u8>(), 0..300)) {
        let mut world = World::new(&format!("{EVERYTHING}{SUBNET}"));
        check(&mut world, ReachedBy::Multicast, &bytes)?;
        check(&mut world, ReachedBy::Unicast, &bytes)?;
    }

    #[test]
    fn mutated_messages_get_at_most_one_reply(
        steps in vec((kinds(), 1..6_u8, 0xfe..0x104_u16, vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)), 1..12),
    ) {
        let mut world = World::new(&format!("{EVERYTHING}{SUBNET}"));
        for (kind, number, last, changes) in steps {
            let mut bytes = asking(with(number, kind, &[at(last)]), &[23, 59, 136]).encode();
            for (index, octet) in changes {
                let place = index.index(bytes.len());
                bytes[place] = octet;
            }
            check(&mut world, ReachedBy::Multicast, &bytes)?;
        }
    }

    /// The promise that matters: an address is one client's at a time.
    #[test]
    fn no_address_is_lent_to_two_clients(steps in vec((kinds(), 1..8_u8, 0xfe..0x104_u16, 0..900_u32), 1..80)) {
        let mut world = World::new(&format!("{EVERYTHING}{SUBNET}"));
        let mut holders: BTreeMap<Ipv6Addr, (u8, u64)> = BTreeMap::new();
        let mut now = NOW;
        for (kind, number, last, seconds) in steps {
            now = now.plus(seconds);
            let (reply, events) = world.exchange_at(now, &with(number, kind, &[at(last)]));
            let reply = reply.filter(|reply| reply.kind == MessageType::Reply);
            for address in reply.iter().flat_map(usable) {
                let held = holders.insert(address, (number, now.plus(3600).0));
                let other = held.filter(|(holder, until)| *holder != number && now.0 < *until);
                prop_assert_eq!(other, None, "{} at {}", address, now);
            }
            for event in events {
                if let Event::Released(address) | Event::Declined(address) = event {
                    holders.remove(&address.to_string().parse().unwrap());
                }
            }
        }
    }
}
