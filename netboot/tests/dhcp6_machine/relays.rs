//! Through relay agents (RFC 8415 §19).

use std::net::{Ipv6Addr, SocketAddr};

use dhcp::v6::{Datagram, Message, MessageType, OptionCode, Options, RelayDirection, RelayMessage};
use netboot::{
    action::Destination,
    dhcp6::ReachedBy,
    note::{Event, Ignored},
};

use crate::world::*;

const TWO: &str = "[[subnet]]\nnetwork = '2001:db8:2::/64'\nrelays = ['fd00::7']\n\
                   pools = [{ first = '2001:db8:2::1', last = '2001:db8:2::9' }]\n";

fn forward(hop_count: u8, link: Ipv6Addr, name: &[u8], carried: Datagram) -> Datagram {
    let mut options = Options::new();
    options.insert(OptionCode::INTERFACE_ID, name).unwrap();
    let peer = if hop_count == 0 { "fe80::c".parse().unwrap() } else { at(0xff) };
    let mut relay = RelayMessage { direction: RelayDirection::Forward, hop_count, link, peer, options };
    relay.carry(&carried).unwrap();
    Datagram::Relay(relay)
}

fn through(link: Ipv6Addr, message: &Message) -> Datagram {
    forward(0, link, b"inner", Datagram::Message(message.clone()))
}

/// The reply with the layers around it, the outermost first.
fn opened(bytes: &[u8]) -> (Vec<RelayMessage>, Message) {
    let mut layers = Vec::new();
    let mut next = Datagram::decode(bytes).unwrap();
    loop {
        match next {
            Datagram::Message(message) => return (layers, message),
            Datagram::Relay(relay) => {
                next = relay.carried().unwrap();
                layers.push(relay);
            }
        }
    }
}

#[test]
fn section_19_3_the_answer_goes_back_through_every_relay_agent() {
    let mut world = World::new(&format!("{SUBNET}{TWO}"));
    let inside = through("2001:db8:2::ff".parse().unwrap(), &with(1, MessageType::Solicit, &[]));
    // The agent next to the server says another link, which counts for nothing.
    let asked = forward(1, at(1), b"outer", inside);
    for reached_by in [ReachedBy::Unicast, ReachedBy::Multicast] {
        let sent = world.deliver(NOW, reached_by, &asked.encode()).sent;
        let mut to = source();
        to.set_port(547);
        assert_eq!(sent[0].destination, Destination::Address(SocketAddr::V6(to)));
        let (layers, reply) = opened(&sent[0].bytes);
        assert_eq!(reply.kind, MessageType::Advertise);
        assert_eq!(usable(&reply)[0].segments()[2], 2, "the subnet of the link the client is on");
        let said: Vec<_> = layers.iter().map(|it| (it.direction, it.hop_count, it.peer.segments()[7])).collect();
        assert_eq!(said, [(RelayDirection::Reply, 1, 0xff), (RelayDirection::Reply, 0, 0xc)]);
        let names: Vec<_> = layers.iter().map(|it| it.options.single(OptionCode::INTERFACE_ID).unwrap()).collect();
        assert_eq!(names, [Some(&b"outer"[..]), Some(&b"inner"[..])]);
    }
}

#[test]
fn rfc_8357_a_relay_agent_may_listen_on_the_port_it_sends_from() {
    let Datagram::Relay(mut asked) = through(at(1), &with(1, MessageType::Solicit, &[])) else { panic!() };
    asked.options.insert(OptionCode::RELAY_PORT, [0, 0]).unwrap();
    let sent = World::whole().deliver(NOW, ReachedBy::Unicast, &asked.encode()).sent;
    assert_eq!(sent[0].destination, Destination::Address(source().into()));
}

#[test]
fn a_relay_agent_of_an_unknown_network_gets_no_answer_whatever_it_relays() {
    let elsewhere = "2001:db8:ffff::1".parse().unwrap();
    for message in [with(1, MessageType::Solicit, &[]), from_client(1, MessageType::InformationRequest)] {
        let outcome = World::whole().deliver(NOW, ReachedBy::Unicast, &through(elsewhere, &message).encode());
        assert!(outcome.sent.is_empty());
        let expected = Event::Ignored(Ignored::OtherNetwork { relay: Some(elsewhere.into()) });
        assert_eq!(outcome.events, [expected]);
    }
}

#[test]
fn a_relay_agent_whose_address_is_in_another_network_can_be_named() {
    let asked = through("fd00::7".parse().unwrap(), &with(1, MessageType::Solicit, &[]));
    let sent = World::new(TWO).deliver(NOW, ReachedBy::Unicast, &asked.encode()).sent;
    assert_eq!(usable(&opened(&sent[0].bytes).1)[0].segments()[2], 2);
}

#[test]
fn rfc_6221_a_relay_agent_without_an_address_stands_on_the_clients_own_link() {
    let asked = through(Ipv6Addr::UNSPECIFIED, &with(1, MessageType::Solicit, &[]));
    let sent = World::whole().deliver(NOW, ReachedBy::Multicast, &asked.encode()).sent;
    assert_eq!(usable(&opened(&sent[0].bytes).1)[0].segments()[2], 0);
}

#[test]
fn relay_agents_in_a_loop_are_not_answered() {
    let mut asked = Datagram::Message(with(1, MessageType::Solicit, &[]));
    for hops in 0..9 {
        asked = forward(hops, at(1), b"", asked);
    }
    assert_eq!(World::whole().deliver(NOW, ReachedBy::Unicast, &asked.encode()).sent.len(), 1);
    asked = forward(8, at(1), b"", asked);
    let outcome = World::whole().deliver(NOW, ReachedBy::Unicast, &asked.encode());
    assert_eq!((outcome.sent.len(), outcome.events), (0, vec![Event::Ignored(Ignored::RelayLoop { hops: 9 })]));
    let counted = forward(200, at(1), b"", Datagram::Message(with(1, MessageType::Solicit, &[])));
    let outcome = World::whole().deliver(NOW, ReachedBy::Unicast, &counted.encode());
    assert_eq!(outcome.events, [Event::Ignored(Ignored::RelayLoop { hops: 200 })]);
}

#[test]
fn what_a_relay_agent_wants_echoed_counts_for_the_length_of_the_datagram() {
    let uris: Vec<_> = (0..8).map(|number| format!("'https://{}{number}.example'", "x".repeat(50))).collect();
    let settings = format!("[give]\nbootstrap-uris = [{}]\n{SUBNET}", uris.join(","));
    let asked = asking(with(1, MessageType::Solicit, &[]), &[136]);
    for (name, replies) in [(1100, 1), (1400, 0)] {
        let asked = forward(0, at(1), &vec![7; name], Datagram::Message(asked.clone()));
        let outcome = World::new(&settings).deliver(NOW, ReachedBy::Unicast, &asked.encode());
        assert_eq!(outcome.sent.len(), replies, "{name}");
        assert!(outcome.sent.iter().all(|sent| sent.bytes.len() <= 1452));
        let told =
            matches!(outcome.events[..], [.., Event::Shortened { .. }] | [Event::Ignored(Ignored::ReplyTooLong)]);
        assert!(told, "{:?}", outcome.events);
    }
}
