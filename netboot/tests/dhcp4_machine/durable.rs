//! What is durable, what others wrote, and what a store that fails leads to.

use dhcp::v4::{MessageType, OptionCode, RapidCommit, RelayAgentInformation, RelaySubOption, ServerIdentifier};
use netboot::{
    action::{Action, Pending},
    dhcp4::{Datagram, Dhcp4Machine},
    lease::{ClientKey, Lease, Standing, Written},
    note::{Event, Ignored, Note},
    policy::Directory,
};
use verdict::ReasonCode;

use crate::bench::*;

/// What the machine wants written before it answers.
fn pending(machine: &mut Dhcp4Machine, request: &dhcp::v4::Message) -> Pending<std::net::Ipv4Addr> {
    let bytes = request.encode();
    let datagram = Datagram { source: UNNUMBERED, arrival: HERE, bytes: &bytes };
    let mut actions = machine.on_datagram(NOW, &datagram, &Directory::default());
    match actions.pop() {
        Some(Action::Write(pending)) if actions.is_empty() => *pending,
        other => panic!("{actions:?} {other:?}"),
    }
}

fn events(actions: &[Action<std::net::Ipv4Addr>]) -> Vec<Event> {
    let event = |action: &Action<_>| match action {
        Action::Note(Note { event, .. }) => Some(event.clone()),
        _ => None,
    };
    actions.iter().filter_map(event).collect()
}

/// Another client's record, as another server wrote it.
fn elsewhere(last: u8) -> Lease {
    Lease {
        address: host(last).into(),
        client: ClientKey::from(vec![0, 1, 9]),
        mac: None,
        host_name: None,
        standing: Standing::Lent,
        since: NOW,
        expires: NOW.plus(3600),
    }
}

#[test]
fn nothing_is_said_before_the_lease_is_durable() {
    let mut machine = whole();
    let pending = pending(&mut machine, &selecting(1, host(100)));
    assert_eq!(pending.leases.len(), 1);
    assert_eq!(pending.leases[0].expires, NOW.plus(3600));
    let actions = machine.on_written(pending, Ok(&[Written::Yes]));
    assert!(matches!(actions.first(), Some(Action::Send(_))));
    assert_eq!(events(&actions), [Event::Granted(host(100).into())]);
}

/// Two servers on one store: the other one was first, so this client is refused, and starts again.
#[test]
fn an_address_that_another_server_gave_meanwhile_is_refused() {
    let mut machine = whole();
    let pending = pending(&mut machine, &selecting(1, host(100)));
    let actions = machine.on_written(pending, Ok(&[Written::Taken(Box::new(elsewhere(100)))]));
    let Some(Action::Send(nak)) = actions.first() else { panic!("{actions:?}") };
    assert_eq!(kind(&dhcp::v4::Message::decode(&nak.bytes).unwrap()), MessageType::Nak);
    assert_eq!(events(&actions), [Event::Refused(host(100).into())]);
    // And it is known from now on whose it is.
    assert_eq!(reply(&mut machine, &from_client(1, MessageType::Discover)).your_address, host(101));
}

/// The store fails: the client hears nothing, the operator why, and everything is as before.
#[test]
fn a_store_that_fails_lends_nothing() {
    let mut machine = whole();
    let first = pending(&mut machine, &selecting(1, host(100)));
    let actions = machine.on_written(first, Err("the disk is full".to_owned()));
    let expected = Ignored::NotKept("the disk is full".to_owned());
    assert_eq!(expected.reason(), Some(ReasonCode::DhcpLeaseNotKept));
    assert_eq!(actions.len(), 1);
    assert_eq!(events(&actions), [Event::Ignored(expected)]);
    // Anybody may have the address, this client too.
    assert_eq!(kind(&reply(&mut machine, &selecting(2, host(100)))), MessageType::Ack);
}

#[test]
fn what_others_wrote_is_followed() {
    let mut machine = whole();
    machine.on_followed([elsewhere(100)]);
    assert_eq!(kind(&reply(&mut machine, &selecting(1, host(100)))), MessageType::Nak);
    // By whatever clock it was dated: the store's order counts.
    machine.on_followed([Lease { since: NOW.moved(-60), expires: NOW, ..elsewhere(100) }]);
    assert_eq!(kind(&reply(&mut machine, &selecting(1, host(100)))), MessageType::Ack);
}

/// Whoever shares the store may give the address that a client leaves behind to others.
#[test]
fn the_lease_that_a_client_leaves_behind_ends_on_record() {
    let mut machine = whole();
    reply(&mut machine, &selecting(1, host(100)));
    let moved = pending(&mut machine, &selecting(1, host(101)));
    let ends: Vec<_> = moved.leases.iter().map(|lease| (lease.address, NOW.until(lease.expires))).collect();
    assert_eq!(ends, [(host(100).into(), 0), (host(101).into(), 3600)]);
    // When that cannot be written, it has what it had.
    machine.on_written(moved, Err("the disk is full".to_owned()));
    assert_eq!(machine.book().address_of(&machine.book().lease(host(100)).unwrap().client), Some(host(100)));
    assert_eq!(kind(&reply(&mut machine, &selecting(2, host(100)))), MessageType::Nak);
    assert_eq!(kind(&reply(&mut machine, &selecting(2, host(101)))), MessageType::Ack);
}

/// RFC 4039 §3.1.
#[test]
fn two_messages_are_enough_for_a_client_that_says_so() {
    let mut machine = whole();
    let mut discover = from_client(1, MessageType::Discover);
    discover.options.put(&RapidCommit);
    let ack = reply(&mut machine, &discover);
    assert_eq!(kind(&ack), MessageType::Ack);
    assert_eq!(ack.options.bytes(OptionCode::RAPID_COMMIT), Some(&[][..]));
    assert_eq!(kind(&reply(&mut machine, &renewing(1, ack.your_address))), MessageType::Ack);
}

/// RFC 4039 says nothing of it, and RFC 2131 §3.1 holds for it as well: an address is looked for before it is lent in two messages.
#[test]
fn an_address_is_looked_for_before_it_is_lent_in_two_messages() {
    let mut machine = whole();
    let mut discover = from_client(1, MessageType::Discover);
    discover.options.put(&RapidCommit);
    let bytes = discover.encode();
    let datagram = Datagram { source: UNNUMBERED, arrival: HERE, bytes: &bytes };
    let asked = |actions: Vec<Action<std::net::Ipv4Addr>>| match <[_; 1]>::try_from(actions) {
        Ok([Action::Probe(probe)]) => *probe,
        other => panic!("{other:?}"),
    };
    let first = asked(machine.on_datagram(NOW, &datagram, &Directory::default()));
    let in_use = first.address;
    // It is in use: it is set aside, and another one is looked for.
    let mut actions = machine.on_probed(NOW, first, &datagram, true, &Directory::default());
    assert!(matches!(&actions[0], Action::Write(pending) if pending.leases[0].address == in_use));
    let second = asked(actions.split_off(1));
    assert_ne!(second.address, in_use);
    // That one is free: it is on record before the client hears of it, dated by then.
    let free = second.address;
    let actions = machine.on_probed(NOW.plus(1), second, &datagram, false, &Directory::default());
    let Ok([Action::Write(pending)]) = <[_; 1]>::try_from(actions) else { panic!("one record") };
    assert_eq!((pending.leases[0].address, pending.leases[0].since), (free.into(), NOW.plus(1)));
    assert!(matches!(machine.on_written(*pending, Ok(&[Written::Yes]))[0], Action::Send(_)));
    // Who has it already is not made to wait.
    let actions = machine.on_datagram(NOW.plus(2), &datagram, &Directory::default());
    assert!(matches!(&actions[..], [Action::Write(_)]), "{actions:?}");
}

/// RFC 1542 §4.1.1: relay agents that forward to one another.
#[test]
fn a_loop_of_relay_agents_ends_here() {
    let mut machine = whole();
    let mut discover = from_client(1, MessageType::Discover);
    (discover.relay, discover.hops) = (host(2), 17);
    assert_ignored(&mut machine, &discover, Ignored::RelayLoop { hops: 17 });
    assert_eq!(Ignored::RelayLoop { hops: 17 }.reason(), Some(ReasonCode::DhcpRelayLoop));
}

/// RFC 3527, RFC 5107: the relay agent says in which network the client is, and as whom clients know the server.
#[test]
fn a_relay_agent_selects_the_link_and_the_servers_name() {
    let more = "[[subnet]]\nnetwork = '198.51.100.0/24'\npools = [{ first = '198.51.100.9', last = '198.51.100.9' }]\n";
    let mut machine = machine(&format!("{URIS}{SUBNET}{more}"));
    let mut discover = from_client(1, MessageType::Discover);
    discover.relay = host(2);
    let agent = [
        (RelaySubOption::LINK_SELECTION, &[198, 51, 100, 0][..]),
        (RelaySubOption::SERVER_IDENTIFIER_OVERRIDE, &[192, 0, 2, 2][..]),
    ];
    discover.options.put(&RelayAgentInformation::with(&agent).unwrap());
    let offer = reply(&mut machine, &discover);
    assert_eq!(offer.your_address, std::net::Ipv4Addr::new(198, 51, 100, 9));
    assert_eq!(offer.options.value(), Ok(Some(ServerIdentifier(host(2)))));
    // Its own address must still be one that is known: nobody may have answers sent anywhere.
    discover.relay = std::net::Ipv4Addr::new(203, 0, 113, 1);
    let relay = Some(discover.relay.into());
    assert_ignored(&mut machine, &discover, Ignored::OtherNetwork { relay });
}

/// The owner's devices alone are served where that is said.
#[test]
fn strangers_are_passed_over_where_the_policy_says_so() {
    let mut machine = machine(&format!("strangers = 'ignore'\n{URIS}{SUBNET}"));
    assert_ignored(&mut machine, &from_client(1, MessageType::Discover), Ignored::Stranger);
}
