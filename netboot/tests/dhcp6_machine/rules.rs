//! Who gets an answer at all.

use dhcp::{v4::MacAddress, v6::MessageType};
use netboot::{
    dhcp6::ReachedBy,
    note::{Event, Ignored},
    policy::Known,
};

use crate::world::*;

#[test]
fn strangers_get_no_answer_where_the_owner_says_so() {
    let mut world = World::new(&format!("strangers = 'ignore'\n{SUBNET}"));
    world.directory.put(Known::new("acme/SN-5", "SN-5").at(&[MacAddress([2, 0, 0, 0, 0, 5])], None, None));
    world.bind(5);
    for kind in [MessageType::Solicit, MessageType::Request, MessageType::Rebind, MessageType::Confirm] {
        let (reply, events) = world.exchange(&with(1, kind, &[at(0x100)]));
        assert_eq!((reply, events), (None, vec![Event::Ignored(Ignored::Stranger)]), "{kind}");
    }
}

#[test]
fn a_class_can_be_left_to_other_servers() {
    let class = "[[class]]\nname = 'phones'\nwhen = { mac = ['02:00:00:00:00:01'] }\ngive = { answer = false }\n";
    let mut world = World::new(&format!("{class}{SUBNET}"));
    let (reply, events) = world.exchange(&with(1, MessageType::Solicit, &[]));
    assert_eq!((reply, events), (None, vec![Event::Ignored(Ignored::Silenced("class phones".to_owned()))]));
    world.bind(2);
}

#[test]
fn without_subnets_only_information_is_given() {
    let mut world = World::new("");
    for kind in [MessageType::Solicit, MessageType::Request, MessageType::Renew, MessageType::Rebind] {
        let (reply, events) = world.exchange(&with(1, kind, &[at(0x100)]));
        assert_eq!((reply, events), (None, vec![Event::Ignored(Ignored::NoSubnet)]), "{kind}");
    }
    assert!(world.exchange(&from_client(1, MessageType::InformationRequest)).0.is_some());
}

#[test]
fn an_interface_without_a_subnet_gets_no_addresses() {
    let settings = SUBNET.replace("pools", "interface = 'eth7'\npools");
    let (reply, events) = World::new(&settings).exchange(&with(1, MessageType::Solicit, &[]));
    assert_eq!((reply, events), (None, vec![Event::Ignored(Ignored::OtherNetwork { relay: None })]));
    let named = SUBNET.replace("pools", "interface = 'eth1'\npools").replace("2001:db8::", "2001:db8:1::");
    assert_eq!(World::new(&named).bind(1).segments()[2], 1);
}

#[test]
fn what_only_servers_and_nobody_sends_is_not_answered() {
    for kind in [MessageType::Advertise, MessageType::Reply, MessageType::Reconfigure] {
        let (reply, events) = World::whole().exchange(&with(1, kind, &[]));
        assert_eq!((reply, events), (None, vec![Event::Ignored(Ignored::NotFromClient)]), "{kind}");
    }
    for bytes in [&[][..], &[1, 2, 3], &[99, 0, 0, 0], &[1, 0, 0, 0, 0, 1, 0, 9], &[12; 20], &[13; 60]] {
        let outcome = World::whole().deliver(NOW, ReachedBy::Multicast, bytes);
        assert!(outcome.sent.is_empty() && matches!(outcome.events[..], [Event::Ignored(_)]), "{bytes:?}");
    }
}
