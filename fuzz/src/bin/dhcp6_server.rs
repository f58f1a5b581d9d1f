//! The DHCPv6 server: whatever clients and relay agents send and whatever the store answers, there is at most one reply to a datagram, every
//! reply can be read, and no client is told that it has an address which is not durably its own.
#![no_main]

use std::{
    net::{Ipv6Addr, SocketAddrV6},
    sync::LazyLock,
};

use dhcp::v6::{
    ClientIdentifier, Datagram as Wire, Duid, IdentityAssociation, LeasedAddress, Message, MessageType, OptionCode,
    OptionRequest, Options, RapidCommit, RelayDirection, RelayMessage, ServerIdentifier, TransactionId,
};
use fuzz::{Seed, shelf::Shelf};
use netboot::{
    action::{Action, Outgoing, Pending},
    dhcp6::{Datagram, Dhcp6Machine, ReachedBy},
    lease::{ClientKey, Standing},
    moment::Moment,
    policy::{Arrival, Dhcp6Policy, Directory},
};

fuzz::target!(seeds, check);

const SERVER: [u8; 10] = [0, 3, 0, 1, 2, 0, 0, 0, 0, 1];
/// `MOST` datagrams, each behind a byte that says how the world goes on and two of length.
const MOST: usize = 24;
const POLICY: &str = "rapid-commit = true\npreference = 3\nsol-max-rt = 120\ninf-max-rt = 120\n\
    [give]\nbootstrap-uris = ['https://a.example', 'https://[2001:db8::1]:8443']\nboot-file = 'http://[2001:db8::1]/x'\n\
    boot-parameters = ['ro']\nlease-seconds = 60\npreferred-seconds = 30\n\
    [[class]]\nname = 'p'\nwhen = { vendor-class = ['PXE*'] }\ngive = { options = [{ code = 103, text = 'x', send = 'always' }] }\n\
    [[subnet]]\nnetwork = '2001:db8::/64'\npools = [{ first = '2001:db8::100', last = '2001:db8::103' }]\n\
    reservations = [{ mac = '02:00:00:00:00:09', address = '2001:db8::9' }]\ngive = { dns = ['2001:db8::53'] }\n\
    [[subnet]]\nnetwork = '2001:db8:2::/64'\npools = [{ first = '2001:db8:2::1', last = '2001:db8:2::2' }]\n";

static PARSED: LazyLock<Dhcp6Policy> = LazyLock::new(|| toml::from_str(POLICY).expect("a policy"));

fn at(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)
}

fn seeds() -> Vec<Seed> {
    let message = |kind: MessageType, number: u8, addresses: &[Ipv6Addr]| {
        let mut message = Message::new(kind, TransactionId([1, 2, number]));
        let duid = Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, number]).expect("a DUID");
        message.options.put(&ClientIdentifier(duid)).expect("short");
        if [3, 5, 8, 9].contains(&kind.number()) {
            message.options.put(&ServerIdentifier(Duid::new(&SERVER).expect("a DUID"))).expect("short");
        }
        if kind == MessageType::Solicit && number == 2 {
            message.options.put(&RapidCommit).expect("short");
        }
        message.options.put(&OptionRequest([23, 59, 60, 82, 136].map(OptionCode).to_vec())).expect("short");
        if kind != MessageType::InformationRequest {
            let mut association = IdentityAssociation::new(1);
            for address in addresses {
                let leased = LeasedAddress { address: *address, preferred: 0, valid: 0 };
                association.options.add(OptionCode::IA_ADDRESS, leased.encode()).expect("short");
            }
            message.options.add(OptionCode::IA_NA, association.encode()).expect("short");
        }
        Wire::Message(message)
    };
    let relayed = |carried: &Wire| {
        let (link, peer) = ("2001:db8:2::ff".parse().expect("an address"), at(7));
        let direction = RelayDirection::Forward;
        let mut relay = RelayMessage { direction, hop_count: 0, link, peer, options: Options::new() };
        relay.options.insert(OptionCode::INTERFACE_ID, *b"port").expect("short");
        relay.carry(carried).expect("short");
        Wire::Relay(relay)
    };
    let framed = |control: u8, datagram: &Wire| {
        let bytes = datagram.encode();
        let length = u16::try_from(bytes.len()).expect("short");
        [&[control][..], &length.to_be_bytes(), &bytes].concat()
    };
    let (one, two) = (at(0x100), at(0x101));
    let life: Vec<_> = [
        (MessageType::Solicit, 1, &[][..]),
        (MessageType::Request, 1, &[one]),
        (MessageType::Renew, 1, &[one]),
        (MessageType::Rebind, 1, &[one, two]),
        (MessageType::Confirm, 1, &[one]),
        (MessageType::Solicit, 2, &[]),
        (MessageType::Request, 2, &[one]),
        (MessageType::Request, 9, &[]),
        (MessageType::Decline, 1, &[one]),
        (MessageType::Release, 2, &[two]),
        (MessageType::InformationRequest, 3, &[]),
    ]
    .into_iter()
    .map(|(kind, number, addresses)| message(kind, number, addresses))
    .collect();
    let plain: Vec<u8> = life.iter().flat_map(|it| framed(1, it)).collect();
    let through: Vec<u8> = life.iter().flat_map(|it| framed(0, &relayed(&relayed(it)))).collect();
    let troubled: Vec<u8> =
        life.iter().zip(0_u8..).flat_map(|(it, number)| framed(number.wrapping_mul(37), it)).collect();
    vec![plain, through, troubled]
}

/// A store, and what is known of time.
struct World {
    machine: Dhcp6Machine,
    store: Shelf,
    now: Moment,
}

fn check(mut bytes: &[u8]) {
    let machine = Dhcp6Machine::new(PARSED.clone(), Duid::new(&SERVER).expect("a DUID"));
    let mut world = World { machine, store: Shelf::default(), now: Moment(1_000_000) };
    for _ in 0..MOST {
        let [control, high, low, rest @ ..] = bytes else { return };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (datagram, after) = rest.split_at(length);
        world.hear(*control, datagram);
        bytes = after;
    }
}

impl World {
    /// The control byte: bit 0 says whether it came to a group, bits 1 to 3 what the store does, the others how time goes on.
    fn hear(&mut self, control: u8, bytes: &[u8]) {
        self.now = self.now.plus(u32::from(control >> 4).saturating_mul(7));
        let own = [at(1)];
        let datagram = Datagram {
            source: SocketAddrV6::new("fe80::7".parse().expect("an address"), 546, 0, 2),
            arrival: Arrival { interface: "eth0", addresses: &own },
            reached_by: if control & 1 == 1 { ReachedBy::Multicast } else { ReachedBy::Unicast },
            bytes,
        };
        let actions = self.machine.on_datagram(self.now, &datagram, &Directory::default());
        let (mut sent, mut said) = (0, 0);
        for action in actions {
            match action {
                Action::Write(pending) => {
                    for action in self.write(*pending, control >> 1 & 7) {
                        match action {
                            Action::Send(outgoing) => sent += self.judge(&outgoing),
                            Action::Note(_) => said += 1,
                            Action::Write(_) | Action::Probe(_) => panic!("a write leads to nothing else"),
                        }
                    }
                }
                Action::Send(outgoing) => sent += self.judge(&outgoing),
                Action::Note(_) => said += 1,
                Action::Probe(_) => panic!("nothing is probed in DHCPv6"),
            }
        }
        assert!(sent <= 1 && said >= 1);
        self.machine.on_tick(self.now, 30);
        for (place, subnet) in self.machine.policy().rules().subnets().iter().enumerate() {
            let (records, _) = self.machine.book().usage(place);
            assert!(records <= 6, "more records than addresses in {}", subnet.network());
        }
    }

    fn write(&mut self, pending: Pending<Ipv6Addr>, mood: u8) -> Vec<Action<Ipv6Addr>> {
        if mood == 7 {
            return self.machine.on_written(pending, Err("down".to_owned()));
        }
        // Another server was faster.
        if mood == 6
            && let Some(lease) = pending.leases.last()
        {
            self.store.lend_to_another(lease, self.now);
        }
        let written = self.store.write(&pending.leases);
        let actions = self.machine.on_written(pending, Ok(&written));
        if mood == 5 {
            self.machine.on_followed(self.store.all());
        }
        actions
    }

    /// What is sent can be read, fits, and promises nothing that is not durable.
    fn judge(&self, outgoing: &Outgoing) -> u32 {
        assert!(outgoing.bytes.len() <= 1452);
        let mut opened = Wire::decode(&outgoing.bytes).expect("what is sent can be read");
        let message = loop {
            match opened {
                Wire::Message(message) => break message,
                Wire::Relay(relay) => {
                    assert_eq!(relay.direction, RelayDirection::Reply);
                    opened = relay.carried().expect("what is relayed can be read");
                }
            }
        };
        assert!(matches!(message.kind, MessageType::Advertise | MessageType::Reply));
        assert_eq!(message.options.single(OptionCode::SERVER_IDENTIFIER), Ok(Some(&SERVER[..])));
        for once in [OptionCode::SZTP_REDIRECT, OptionCode::BOOT_FILE_URL, OptionCode::STATUS_CODE] {
            assert!(message.options.all(once).count() <= 1);
        }
        let duid = message.options.single(OptionCode::CLIENT_IDENTIFIER).expect("once").unwrap_or_default();
        for value in message.options.all(OptionCode::IA_NA) {
            let association = IdentityAssociation::decode(value).expect("an association");
            for leased in association.addresses().filter(|leased| leased.valid > 0) {
                assert!(self.machine.policy().rules().gives(leased.address.into()));
                if message.kind == MessageType::Reply {
                    let lease = self.store.at(leased.address.into()).expect("what is lent is durable");
                    assert_eq!(lease.client, ClientKey::v6(duid, association.iaid));
                    assert!(lease.standing == Standing::Lent && lease.expires >= self.now.plus(leased.valid));
                }
            }
        }
        1
    }
}
