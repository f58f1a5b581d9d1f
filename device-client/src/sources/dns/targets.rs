//! Addresses of the servers that SRV records name (RFC 8572 §4.2.3; DNS-15).
//!
//! A device's resolver may know nothing of the names on this link, or of a domain that only this network's name servers
//! know. So the addresses are learned from whoever named the server: they were given along, or are asked for in the same
//! way. They are as little believed as the names.

use std::{net::SocketAddr, time::Duration};

use conveyed_info::discovery::dns::Name;

use crate::{
    Server,
    dns::{
        lookup,
        message::{Data, Message},
        multicast::{self, Heard, Interface},
        question::{Kind, Question},
    },
    sources::Learned,
};

/// Most servers whose addresses are learned from one answer.
const MAX_TARGETS: usize = 8;

/// Most servers of one question whose addresses are asked for, where they were not given along.
pub(super) const MAX_ASKED: usize = 4;

/// How long that may take for one of them.
const PATIENCE: Duration = Duration::from_secs(2);

/// The targets, those that are tried first at the front.
fn targets(records: &[Data]) -> Vec<Name> {
    let mut servers: Vec<_> = records
        .iter()
        .filter_map(|data| match data {
            Data::Srv(record) if !record.target.is_root() => Some(record),
            _ => None,
        })
        .collect();
    servers.sort_by_key(|record| record.priority);
    servers.into_iter().take(MAX_TARGETS).map(|record| record.target.clone()).collect()
}

fn learn(learned: &mut Learned, target: &Name, addresses: impl IntoIterator<Item = std::net::IpAddr>) {
    let host = Server::new(&target.to_string(), 0);
    learned.add_addresses(host.host(), addresses);
}

/// Learns the addresses of targets in the domain `local`. Others are for the resolver. `to_ask` is how many may still be
/// asked for.
pub(super) fn learn_by_multicast(
    heard: &[Heard],
    interface: Option<&Interface>,
    to_ask: &mut usize,
    learned: &mut Learned,
) {
    let mut unknown: Vec<Name> = Vec::new();
    for one in heard {
        for target in targets(&one.records) {
            let given = one.addresses.iter().filter(|(name, _)| name.is_same_as(&target)).map(|(_, address)| *address);
            let mut given = given.peekable();
            let is_local = matches!(target.labels().last(), Some(top) if top.eq_ignore_ascii_case(b"local"));
            if given.peek().is_some() {
                learn(learned, &target, given);
            } else if is_local && !unknown.contains(&target) && take_one(to_ask) {
                unknown.push(target);
            }
        }
    }
    for target in unknown {
        for kind in [Kind::A, Kind::Aaaa] {
            let question = Question::new(target.clone(), kind);
            let heard = multicast::ask(&question, interface, &|records| !records.is_empty()).unwrap_or_default();
            let addresses = heard.iter().flat_map(|one| &one.records).filter_map(Data::address);
            learn(learned, &target, addresses);
        }
    }
}

/// Whether there is one left; takes it.
fn take_one(left: &mut usize) -> bool {
    let less = left.checked_sub(1);
    *left = less.unwrap_or(0);
    less.is_some()
}

/// Learns the addresses of the targets in an answer of `server`. `to_ask` is how many may still be asked for.
pub(super) fn learn_by_unicast(
    message: &Message,
    records: &[Data],
    server: SocketAddr,
    to_ask: &mut usize,
    learned: &mut Learned,
) {
    for target in targets(records) {
        let given: Vec<_> =
            message.addresses().filter(|(name, _)| name.is_same_as(&target)).map(|(_, it)| it).collect();
        if !given.is_empty() {
            learn(learned, &target, given);
        } else if take_one(to_ask) {
            learn(learned, &target, lookup::addresses(&target, &[server], PATIENCE));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::dns::testing::{Response, question, rdata};

    /// DNS-15: what came along is used, and of other names nothing.
    #[test]
    fn dns_15_addresses_that_came_along_are_learned_for_the_targets_alone() {
        let asked = question("_sztp._tcp.example.net", Kind::Srv);
        let octets = Response::to(&asked, 1)
            .answer("_sztp._tcp.example.net", rdata::server(0, 443, "SZTP1.example.net"))
            .additional("sztp1.example.net", rdata::address("192.0.2.1"))
            .additional("sztp1.example.net", rdata::address("2001:db8::1"))
            .additional("well-known.example.com", rdata::address("192.0.2.66"))
            .encode();
        let message = Message::decode(&octets).unwrap();
        let records: Vec<_> = message.records_for(&asked).into_iter().map(|it| it.data.clone()).collect();
        let mut learned = Learned::default();
        learn_by_unicast(&message, &records, "192.0.2.53:53".parse().unwrap(), &mut 0, &mut learned);
        let expected: Vec<IpAddr> = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap()).into();
        assert_eq!(learned.addresses.into_iter().collect::<Vec<_>>(), [("sztp1.example.net".to_owned(), expected)]);
    }

    #[test]
    fn dns_15_what_one_responder_says_of_anothers_server_is_not_learned() {
        let record = |target: &str| {
            Data::Srv(conveyed_info::discovery::dns::SrvRecord {
                priority: 0,
                weight: 0,
                port: 443,
                target: target.parse().unwrap(),
            })
        };
        let address: IpAddr = "192.0.2.66".parse().unwrap();
        let heard = [
            Heard {
                source: address,
                records: vec![record("own.local")],
                addresses: vec![("own.local".parse().unwrap(), address), ("others.local".parse().unwrap(), address)],
            },
            Heard {
                source: "192.0.2.1".parse().unwrap(),
                records: vec![record("sztp.example.net")],
                addresses: Vec::new(),
            },
        ];
        let mut learned = Learned::default();
        learn_by_multicast(&heard, None, &mut 0, &mut learned);
        assert_eq!(learned.addresses.into_keys().collect::<Vec<_>>(), ["own.local"]);
    }
}
