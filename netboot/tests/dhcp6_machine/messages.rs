//! The messages that a client sends in an ordinary life (RFC 8415 §18.3).

use dhcp::v6::{Message, MessageType, OptionCode, RapidCommit, ServerIdentifier, StatusCode};
use netboot::{
    dhcp6::ReachedBy,
    lease::{Standing, Written},
    note::{Event, Ignored, ServerName},
};

use crate::world::*;

#[test]
fn section_18_3_1_a_solicit_is_answered_with_an_advertise_and_writes_nothing() {
    let mut world = World::new(&format!("preference = 7\n{SUBNET}"));
    let (reply, events) = world.exchange(&with(1, MessageType::Solicit, &[]));
    let reply = reply.unwrap();
    assert_eq!(reply.kind, MessageType::Advertise);
    assert_eq!(reply.options.single(OptionCode::CLIENT_IDENTIFIER).unwrap(), Some(duid(1).as_bytes()));
    assert_eq!(reply.options.single(OptionCode::SERVER_IDENTIFIER).unwrap(), Some(&SERVER[..]));
    assert_eq!(reply.options.single(OptionCode::PREFERENCE).unwrap(), Some(&[7][..]));
    let address = usable(&reply)[0];
    let told = told(&reply.options, OptionCode::IA_NA);
    assert_eq!((told[0].iaid, told[0].renewal, told[0].rebinding), (1, 1800, 2880));
    assert_eq!(told[0].addresses, [(address, 3600, 3600)]);
    assert_eq!(events, [Event::Offered(address.into())]);
    assert!(world.written.is_empty());
}

#[test]
fn section_18_3_1_rapid_commit_takes_two_messages_where_both_sides_want_it() {
    let mut asked = with(1, MessageType::Solicit, &[]);
    asked.options.put(&RapidCommit).unwrap();
    let mut world = World::new(&format!("rapid-commit = true\n{SUBNET}"));
    let reply = world.reply(&asked);
    assert_eq!((reply.kind, reply.options.value()), (MessageType::Reply, Ok(Some(RapidCommit))));
    assert_eq!(world.written.len(), 1);
    assert_eq!(world.reply(&with(2, MessageType::Solicit, &[])).kind, MessageType::Advertise);
    let reply = World::whole().reply(&asked);
    assert_eq!((reply.kind, reply.options.value::<RapidCommit>()), (MessageType::Advertise, Ok(None)));
}

#[test]
fn section_18_3_2_a_request_is_granted_when_it_is_written() {
    let mut world = World::whole();
    let advertised = usable(&world.reply(&with(1, MessageType::Solicit, &[at(0x101)])));
    assert_eq!(advertised, [at(0x101)], "a wish that can be fulfilled is");
    let request = with(1, MessageType::Request, &advertised);
    let (reply, events) = world.exchange(&request);
    assert_eq!(usable(&reply.unwrap()), advertised);
    assert_eq!(events, [Event::Granted(at(0x101).into())]);
    let lease = &world.written[0];
    assert_eq!((lease.address, lease.standing), (at(0x101).into(), Standing::Lent));
    assert_eq!((lease.since, lease.expires), (NOW, NOW.plus(3600)));
    assert_eq!(lease.client.identifier(), Some(duid(1).as_bytes()));
    // The reply was lost.
    assert_eq!(usable(&world.reply(&request)), advertised);
}

#[test]
fn section_18_3_2_an_address_of_another_link_is_refused() {
    let mut world = World::whole();
    let reply = world.reply(&with(1, MessageType::Request, &["2001:db8:1::1".parse().unwrap()]));
    assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].status, StatusCode::NOT_ON_LINK);
    assert!(usable(&reply).is_empty() && world.written.is_empty());
    assert_eq!(world.machine.book().usage(0), (0, 3));
}

#[test]
fn section_18_3_3_a_confirm_is_about_the_link_alone() {
    let mut world = World::whole();
    for (address, status) in
        [(at(0x7777), StatusCode::SUCCESS), ("2001:db8:1::1".parse().unwrap(), StatusCode::NOT_ON_LINK)]
    {
        let reply = world.reply(&asking(with(1, MessageType::Confirm, &[address]), &[23, 136]));
        assert_eq!(StatusCode::of(&reply.options), Ok(status), "{address}");
        assert_eq!(reply.options.len(), 3, "{address}: identifiers and status");
    }
    // Where nothing is known of the link, nothing is said.
    let (reply, events) = World::new(URIS_ALONE).exchange(&with(1, MessageType::Confirm, &[at(1)]));
    assert_eq!((reply, events), (None, vec![Event::Ignored(Ignored::NoSubnet)]));
}

const URIS_ALONE: &str = "[give]\nbootstrap-uris = ['https://a.example']";

#[test]
fn section_18_3_4_a_renew_extends_the_lease() {
    let mut world = World::whole();
    let address = world.bind(1);
    let later = NOW.plus(1800);
    let (reply, events) = world.exchange_at(later, &with(1, MessageType::Renew, &[address]));
    assert_eq!(told(&reply.unwrap().options, OptionCode::IA_NA)[0].addresses, [(address, 3600, 3600)]);
    assert_eq!(events, [Event::Granted(address.into())]);
    assert_eq!(world.written.last().unwrap().expires, later.plus(3600));
}

#[test]
fn section_18_3_4_what_cannot_be_kept_gets_no_time_or_no_binding() {
    let mut world = World::whole();
    let address = world.bind(1);
    let another = "2001:db8:1::1".parse().unwrap();
    // Another client's, another link's: lifetimes of 0.
    let reply = world.reply(&with(2, MessageType::Renew, &[address]));
    assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].addresses, [(address, 0, 0)]);
    let reply = world.reply(&with(2, MessageType::Renew, &[another]));
    assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].addresses, [(another, 0, 0)]);
    // On the link, but never this server's; and nothing at all.
    for addresses in [&[at(0x7777)][..], &[]] {
        let reply = world.reply(&with(2, MessageType::Renew, addresses));
        assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].status, StatusCode::NO_BINDING);
    }
    // What goes beside the recorded address has to go.
    let reply = world.reply(&with(1, MessageType::Renew, &[another, address]));
    assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].addresses, [(address, 3600, 3600), (another, 0, 0)]);
}

#[test]
fn section_18_3_4_a_client_is_believed_whose_record_was_lost() {
    for kind in [MessageType::Renew, MessageType::Rebind] {
        let mut world = World::whole();
        assert_eq!(usable(&world.reply(&with(1, kind, &[at(0x101)]))), [at(0x101)]);
        assert_eq!(world.written.len(), 1);
    }
}

#[test]
fn section_18_3_5_a_rebind_about_another_servers_address_is_left_to_that_one() {
    let mut world = World::whole();
    for foreign in [at(0x7777), "2001:db8:1::1".parse().unwrap()] {
        let (reply, events) = world.exchange(&with(1, MessageType::Rebind, &[foreign]));
        assert_eq!((reply, events), (None, vec![Event::Ignored(Ignored::NoRecord(foreign.into()))]));
    }
    // An address of this server's that somebody else has: the client has to hear that.
    let address = world.bind(2);
    let reply = world.reply(&with(1, MessageType::Rebind, &[address]));
    assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].addresses, [(address, 0, 0)]);
}

#[test]
fn section_18_3_6_information_needs_neither_address_nor_subnet_nor_client_identifier() {
    let mut message = asking(from_client(1, MessageType::InformationRequest), &[136]);
    message.options.remove(OptionCode::CLIENT_IDENTIFIER);
    let (reply, events) = World::new(URIS_ALONE).exchange(&message);
    let reply = reply.unwrap();
    assert_eq!((reply.kind, reply.options.len()), (MessageType::Reply, 2));
    assert!(reply.options.contains(OptionCode::SZTP_REDIRECT));
    assert_eq!(events, [Event::Informed("fe80::7".parse().unwrap())]);
}

#[test]
fn section_18_3_7_what_is_released_is_free() {
    let mut world = World::whole();
    let address = world.bind(1);
    let (reply, events) = world.exchange(&with(1, MessageType::Release, &[address]));
    let reply = reply.unwrap();
    assert_eq!(StatusCode::of(&reply.options), Ok(StatusCode::SUCCESS));
    assert!(told(&reply.options, OptionCode::IA_NA).is_empty() && reply.options.contains(OptionCode::STATUS_CODE));
    assert_eq!(events, [Event::Released(address.into())]);
    assert_eq!(world.written.last().unwrap().expires, NOW);
    for number in 2..=4 {
        world.bind(number);
    }
    // Nobody gives back what he does not have.
    let reply = world.reply(&with(1, MessageType::Release, &[address]));
    assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].status, StatusCode::NO_BINDING);
    assert_eq!(StatusCode::of(&reply.options), Ok(StatusCode::SUCCESS));
}

#[test]
fn section_18_3_8_what_is_declined_is_given_to_nobody_for_an_hour() {
    let mut world = World::whole();
    let address = world.bind(1);
    let reply = world.reply(&with(2, MessageType::Decline, &[address]));
    assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].status, StatusCode::NO_BINDING, "another client's");
    let (reply, events) = world.exchange(&with(1, MessageType::Decline, &[address]));
    assert_eq!(StatusCode::of(&reply.unwrap().options), Ok(StatusCode::SUCCESS));
    assert_eq!(events, [Event::Declined(address.into())]);
    let lease = world.written.last().unwrap();
    assert_eq!((lease.standing, lease.expires), (Standing::Conflict, NOW.plus(3600)));
    assert_ne!(world.bind(1), address);
    world.bind(2);
    let (_, events) = world.exchange(&with(3, MessageType::Solicit, &[]));
    assert_eq!(events, [Event::Denied(Ignored::PoolExhausted)]);
    assert_eq!(usable(&world.exchange_at(NOW.plus(3600), &with(3, MessageType::Solicit, &[])).0.unwrap()).len(), 1);
}

#[test]
fn section_18_4_a_client_that_writes_to_the_servers_own_address_is_sent_to_the_group() {
    let mut world = World::whole();
    let address = world.bind(1);
    let known = world.written.len();
    for kind in [MessageType::Request, MessageType::Renew, MessageType::Release, MessageType::Decline] {
        let outcome = world.deliver(NOW, ReachedBy::Unicast, &with(1, kind, &[address]).encode());
        let reply = Message::decode(&outcome.sent[0].bytes).unwrap();
        assert_eq!(StatusCode::of(&reply.options), Ok(StatusCode::USE_MULTICAST), "{kind}");
        assert_eq!(reply.options.len(), 3, "{kind}: identifiers and status");
    }
    // §16: the others are discarded.
    let discarded =
        [MessageType::Solicit, MessageType::Confirm, MessageType::Rebind].map(|kind| with(1, kind, &[address]));
    for message in discarded.into_iter().chain([from_client(1, MessageType::InformationRequest)]) {
        assert!(world.deliver(NOW, ReachedBy::Unicast, &message.encode()).sent.is_empty(), "{}", message.kind);
    }
    assert_eq!(world.written.len(), known);
}

#[test]
fn section_16_messages_that_say_too_much_or_too_little_are_discarded() {
    let server = ServerIdentifier(dhcp::v6::Duid::new(&SERVER).unwrap());
    for kind in MessageType::ALL {
        let mut message = with(1, kind, &[at(0x100)]);
        match kind {
            MessageType::Solicit | MessageType::Confirm | MessageType::Rebind => message.options.put(&server).unwrap(),
            MessageType::InformationRequest => {}
            _ => message.options.remove(OptionCode::SERVER_IDENTIFIER),
        }
        let mut nameless = with(1, kind, &[at(0x100)]);
        nameless.options.remove(OptionCode::CLIENT_IDENTIFIER);
        let mut twice = with(1, kind, &[at(0x100)]);
        twice.options.add(OptionCode::CLIENT_IDENTIFIER, duid(2).as_bytes()).unwrap();
        for message in [message, nameless, twice] {
            let (reply, events) = World::whole().exchange(&message);
            assert_eq!(reply, None, "{kind}");
            assert!(matches!(events[..], [Event::Ignored(_)]), "{kind}: {events:?}");
        }
    }
    // §18.3.3: a Confirm without an address has nothing to confirm.
    assert_eq!(World::whole().exchange(&with(1, MessageType::Confirm, &[])).0, None);
}

#[test]
fn section_18_2_2_who_takes_another_servers_offer_tells_that_there_is_one() {
    let mut world = World::new(&format!("other-servers = ['{}']\n{SUBNET}", duid(8)));
    world.reply(&with(1, MessageType::Solicit, &[]));
    let mut message = with(1, MessageType::Request, &[at(0x7777)]);
    let mut of = |number: u8| {
        message.options.put(&ServerIdentifier(duid(number))).unwrap();
        let (reply, events) = world.exchange(&message);
        assert_eq!(reply, None);
        events
    };
    let name = |number| ServerName::Duid(duid(number).as_bytes().into());
    assert_eq!(of(8), [Event::Ignored(Ignored::OtherServer(name(8)))]);
    assert_eq!(of(9), [Event::OtherServer(name(9)), Event::Ignored(Ignored::OtherServer(name(9)))]);
    // What was offered to it is free at once.
    for number in 2..=4 {
        world.bind(number);
    }
}

#[test]
fn what_cannot_be_written_is_not_said_and_not_kept() {
    let mut world = World::whole();
    let pending = world.pending(&with(1, MessageType::Request, &[at(0x100)]));
    assert_eq!(world.machine.book().usage(0).0, 1, "nobody else gets it meanwhile");
    let actions = world.machine.on_written(pending, Err("disk full".to_owned()));
    let [netboot::action::Action::Note(note)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(note.event, Event::Ignored(Ignored::NotKept("disk full".to_owned())));
    assert_eq!(world.machine.book().usage(0).0, 0);
}

#[test]
fn what_another_server_gave_away_is_refused_and_remembered() {
    for kind in [MessageType::Request, MessageType::Renew] {
        let (mut world, mut other) = (World::whole(), World::whole());
        other.exchange(&with(2, MessageType::Request, &[at(0x100)]));
        let theirs = Written::Taken(Box::new(other.written[0].clone()));
        let pending = world.pending(&with(1, kind, &[at(0x100)]));
        let mut outcome = Outcome { sent: Vec::new(), events: Vec::new() };
        for action in world.machine.on_written(pending, Ok(&[theirs])) {
            outcome.note(action);
        }
        let reply = Message::decode(&outcome.sent[0].bytes).unwrap();
        assert!(told(&reply.options, OptionCode::IA_NA).len() == 1 && usable(&reply).is_empty(), "{kind}");
        assert_eq!(outcome.events, [Event::Refused(at(0x100).into())]);
        let record = world.machine.book().lease(at(0x100)).unwrap();
        assert_eq!(record.client.identifier(), Some(duid(2).as_bytes()));
    }
}
