//! Which address a client gets, and how many.

use dhcp::{
    v4::MacAddress,
    v6::{ClientIdentifier, Duid, IdentityAssociation, MessageType, OptionCode, StatusCode, TemporaryAssociation},
};
use netboot::{
    lease::Written,
    note::{Event, Ignored},
    policy::Known,
};

use crate::world::*;

#[test]
fn each_association_gets_an_address_as_long_as_there_are_some() {
    let mut world = World::whole();
    let mut message = from_client(1, MessageType::Request);
    for iaid in 1..=4 {
        associate(&mut message, OptionCode::IA_NA, iaid, &[]);
    }
    let reply = world.reply(&message);
    let told = told(&reply.options, OptionCode::IA_NA);
    assert_eq!(told.iter().map(|it| it.iaid).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let mut given = usable(&reply);
    given.sort();
    assert_eq!(given, [at(0x100), at(0x101), at(0x102)]);
    assert_eq!(told[3].status, StatusCode::NO_ADDRS_AVAIL);
    assert_eq!(world.written.len(), 3);
    // Each is found again by its number.
    associate(&mut message, OptionCode::IA_NA, 5, &[]);
    message.kind = MessageType::Renew;
    let reply = world.reply(&message);
    let mut again = usable(&reply);
    again.sort();
    assert_eq!(again, given);
    // Seventeen are more than anybody has.
    for iaid in 6..=17 {
        associate(&mut message, OptionCode::IA_NA, iaid, &[]);
    }
    assert_eq!(world.exchange(&message).0, None);
}

#[test]
fn prefixes_and_temporary_addresses_are_not_given_and_that_is_said() {
    for (kind, status_ta, status_pd) in [
        (MessageType::Solicit, StatusCode::NO_ADDRS_AVAIL, StatusCode::NO_PREFIX_AVAIL),
        (MessageType::Request, StatusCode::NO_ADDRS_AVAIL, StatusCode::NO_PREFIX_AVAIL),
        (MessageType::Renew, StatusCode::NO_BINDING, StatusCode::NO_BINDING),
    ] {
        let mut message = with(1, kind, &[]);
        message.options.add(OptionCode::IA_PD, IdentityAssociation::new(7).encode()).unwrap();
        message.options.add(OptionCode::IA_TA, [0, 0, 0, 8]).unwrap();
        let reply = World::whole().reply(&message);
        let prefixes = told(&reply.options, OptionCode::IA_PD);
        assert_eq!((prefixes[0].iaid, prefixes[0].status), (7, status_pd), "{kind}");
        let value = reply.options.single(OptionCode::IA_TA).unwrap().unwrap();
        let temporary = TemporaryAssociation::decode(value).unwrap();
        assert_eq!((temporary.iaid, StatusCode::of(&temporary.options)), (8, Ok(status_ta)), "{kind}");
    }
}

#[test]
fn a_full_pool_is_said_to_the_client_and_to_the_operator() {
    let mut world = World::new(&format!("sol-max-rt = 120\n{SUBNET}"));
    for number in 1..=3 {
        world.bind(number);
    }
    for (kind, answer) in [(MessageType::Solicit, MessageType::Advertise), (MessageType::Request, MessageType::Reply)] {
        let (reply, events) = world.exchange(&asking(with(4, kind, &[]), &[82]));
        let reply = reply.unwrap();
        assert_eq!(reply.kind, answer);
        assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].status, StatusCode::NO_ADDRS_AVAIL);
        // RFC 8415 §18.2.9: it is told to ask less often all the same.
        assert_eq!(reply.options.single(OptionCode::SOL_MAX_RT), Ok(Some(&[0, 0, 0, 120][..])));
        assert_eq!(events, [Event::Denied(Ignored::PoolExhausted)]);
    }
}

#[test]
fn the_system_gets_the_reserved_address_that_the_firmware_had() {
    let mut world = World::whole();
    assert_eq!(world.bind(0x99), at(9));
    // The same machine with a DUID of another kind.
    let mut system = with(1, MessageType::Request, &[]);
    let later = Duid::link_layer_time(MacAddress([2, 0, 0, 0, 0, 0x99]), 1);
    system.options.put(&ClientIdentifier(later.clone())).unwrap();
    assert_eq!(usable(&world.reply(&system)), [at(9)]);
    // One transaction ends the one lease and begins the other, as every store decides.
    let [.., first, second] = &world.written[..] else { panic!("{:?}", world.written) };
    assert_eq!((first.client.identifier(), first.expires), (Some(duid(0x99).as_bytes()), NOW));
    assert_eq!(second.client.identifier(), Some(later.as_bytes()));
    assert!(first.gives_way_to(second));
    // The firmware's renewal does not take it back behind the system's back: it is the same machine.
    let firmware = with(0x99, MessageType::Renew, &[at(9)]);
    assert_eq!(usable(&world.reply(&firmware)), [at(9)]);
}

#[test]
fn the_interfaces_of_one_client_do_not_fight_for_its_reserved_address() {
    let mut world = World::whole();
    assert_eq!(world.bind(0x99), at(9));
    let mut second = from_client(0x99, MessageType::Request);
    associate(&mut second, OptionCode::IA_NA, 2, &[]);
    let given = usable(&world.reply(&second));
    assert!(given.len() == 1 && given != [at(9)]);
    let mut both = with(0x99, MessageType::Renew, &[at(9)]);
    associate(&mut both, OptionCode::IA_NA, 2, &given);
    assert_eq!(usable(&world.reply(&both)), [at(9), given[0]]);
}

#[test]
fn a_reservation_made_later_moves_the_client_when_it_renews() {
    let mut world = World::new(&SUBNET.replace("02:00:00:00:00:99", "02:00:00:00:00:01"));
    let mut before = World::whole();
    let old = before.bind(1);
    world.machine.on_followed(before.written.clone());
    let reply = world.reply(&with(1, MessageType::Renew, &[old]));
    assert_eq!(told(&reply.options, OptionCode::IA_NA)[0].addresses, [(at(9), 3600, 3600), (old, 0, 0)]);
    // What it had is free for others, in the store too.
    assert_eq!((world.written[0].address, world.written[0].expires), (old.into(), NOW));
    for number in 2..=4 {
        world.bind(number);
    }
}

#[test]
fn one_address_of_two_is_taken_and_the_other_stays_on_record() {
    let mut world = World::whole();
    let mut message = from_client(1, MessageType::Request);
    associate(&mut message, OptionCode::IA_NA, 1, &[at(0x100)]);
    associate(&mut message, OptionCode::IA_NA, 2, &[at(0x101)]);
    let pending = world.pending(&message);
    let mut other = World::whole();
    other.exchange(&with(2, MessageType::Request, &[at(0x101)]));
    let taken = Written::Taken(Box::new(other.written[0].clone()));
    world.machine.on_written(pending, Ok(&[Written::Yes, taken]));
    let holder = |last| world.machine.book().lease(at(last)).unwrap().client.identifier().map(<[u8]>::to_vec);
    assert_eq!(holder(0x100).as_deref(), Some(duid(1).as_bytes()));
    assert_eq!(holder(0x101).as_deref(), Some(duid(2).as_bytes()));
}

#[test]
fn records_of_others_and_of_before_are_obeyed() {
    let mut first = World::whole();
    let mut second = World::whole();
    let addresses: Vec<_> = (1..=3).map(|number| first.bind(number)).collect();
    second.machine.on_followed(first.written.clone());
    assert_eq!(second.exchange(&with(4, MessageType::Solicit, &[])).1, [Event::Denied(Ignored::PoolExhausted)]);
    assert_eq!(usable(&second.reply(&with(2, MessageType::Renew, &[addresses[1]]))), [addresses[1]]);
    // What ended is dropped in time.
    second.machine.on_tick(NOW.plus(3600 + 60), 100);
    assert_eq!(second.machine.book().usage(0).0, 3);
    second.machine.on_tick(NOW.plus(3600 + 101), 100);
    assert_eq!(second.machine.book().usage(0).0, 0);
}

#[test]
fn lifetimes_are_the_owners() {
    let settings = SUBNET.replace("give = {", "give = { lease-seconds = 7200, preferred-seconds = 1000,");
    let told = told(&World::new(&settings).reply(&with(1, MessageType::Solicit, &[])).options, OptionCode::IA_NA);
    assert_eq!((told[0].renewal, told[0].rebinding), (500, 800));
    assert_eq!((told[0].addresses[0].1, told[0].addresses[0].2), (1000, 7200));
}

#[test]
fn the_owners_devices_have_addresses_that_strangers_do_not_get() {
    let mut world = World::new(&format!("{SUBNET}kept-for-known = 1\n"));
    world.directory.put(Known::new("acme/SN-5", "SN-5").at(&[MacAddress([2, 0, 0, 0, 0, 5])], None, None));
    world.bind(1);
    world.bind(2);
    assert_eq!(world.exchange(&with(3, MessageType::Solicit, &[])).1, [Event::Denied(Ignored::PoolExhausted)]);
    world.bind(5);
}
