//! A machine with a directory and a store that keeps everything, and the messages of clients.

use std::net::{Ipv6Addr, SocketAddrV6};

use dhcp::v6::{
    ClientIdentifier, Datagram as Wire, Duid, IdentityAssociation, LeasedAddress, Message, MessageType, OptionCode,
    OptionRequest, Options, ServerIdentifier, StatusCode, TransactionId,
};
use netboot::{
    action::{Action, Destination, Outgoing, Pending},
    dhcp6::{Datagram, Dhcp6Machine, ReachedBy},
    lease::{Lease, Written},
    moment::Moment,
    note::{Event, Note},
    policy::{Arrival, Dhcp6Policy, Directory},
};

pub(crate) const NOW: Moment = Moment(1_700_000_000);
pub(crate) const URIS: &str = "bootstrap-uris = ['https://sztp1.example.net:8443', 'https://[2001:db8::1]']\n";
/// Three addresses for anybody, one for a hardware address.
pub(crate) const SUBNET: &str = "[[subnet]]\nnetwork = '2001:db8::/64'\n\
    pools = [{ first = '2001:db8::100', last = '2001:db8::102' }]\n\
    reservations = [{ mac = '02:00:00:00:00:99', address = '2001:db8::9' }]\n\
    give = { dns = ['2001:db8::53'], domain-search = ['example.net'] }\n";
/// What the second message of an exchange names.
pub(crate) const SERVER: [u8; 10] = [0, 3, 0, 1, 2, 0, 0, 0, 0, 1];

pub(crate) fn at(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)
}

pub(crate) fn duid(number: u8) -> Duid {
    Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, number]).unwrap()
}

pub(crate) fn source() -> SocketAddrV6 {
    SocketAddrV6::new("fe80::7".parse().unwrap(), 546, 0, 3)
}

/// A message of the client with this number, without associations; those that are for one server name this one.
pub(crate) fn from_client(number: u8, kind: MessageType) -> Message {
    let mut message = Message::new(kind, TransactionId([1, 2, 3]));
    message.options.put(&ClientIdentifier(duid(number))).unwrap();
    let for_one = [MessageType::Request, MessageType::Renew, MessageType::Release, MessageType::Decline];
    if for_one.contains(&kind) {
        message.options.put(&ServerIdentifier(Duid::new(&SERVER).unwrap())).unwrap();
    }
    message
}

/// The same with one association for addresses.
pub(crate) fn with(number: u8, kind: MessageType, addresses: &[Ipv6Addr]) -> Message {
    let mut message = from_client(number, kind);
    associate(&mut message, OptionCode::IA_NA, 1, addresses);
    message
}

pub(crate) fn associate(message: &mut Message, code: OptionCode, iaid: u32, addresses: &[Ipv6Addr]) {
    let mut association = IdentityAssociation::new(iaid);
    for address in addresses {
        let leased = LeasedAddress { address: *address, preferred: 0, valid: 0 };
        association.options.add(OptionCode::IA_ADDRESS, leased.encode()).unwrap();
    }
    message.options.add(code, association.encode()).unwrap();
}

pub(crate) fn asking(mut message: Message, codes: &[u16]) -> Message {
    message.options.put(&OptionRequest(codes.iter().copied().map(OptionCode).collect())).unwrap();
    message
}

/// What a reply says of one association.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) iaid: u32,
    pub(crate) renewal: u32,
    pub(crate) rebinding: u32,
    /// Address, preferred and valid lifetime.
    pub(crate) addresses: Vec<(Ipv6Addr, u32, u32)>,
    pub(crate) status: StatusCode,
}

pub(crate) fn told(options: &Options, code: OptionCode) -> Vec<Told> {
    let read = options.all(code).map(|value| IdentityAssociation::decode(value).unwrap());
    read.map(|association| Told {
        iaid: association.iaid,
        renewal: association.renewal,
        rebinding: association.rebinding,
        addresses: association.addresses().map(|it| (it.address, it.preferred, it.valid)).collect(),
        status: StatusCode::of(&association.options).unwrap(),
    })
    .collect()
}

/// The addresses of the first association that may be used.
pub(crate) fn usable(message: &Message) -> Vec<Ipv6Addr> {
    let told = told(&message.options, OptionCode::IA_NA);
    told.iter().flat_map(|told| &told.addresses).filter(|it| it.2 > 0).map(|it| it.0).collect()
}

pub(crate) struct World {
    pub(crate) machine: Dhcp6Machine,
    pub(crate) directory: Directory,
    /// What was written, in order.
    pub(crate) written: Vec<Lease>,
}

pub(crate) struct Outcome {
    pub(crate) sent: Vec<Outgoing>,
    pub(crate) events: Vec<Event>,
}

impl World {
    pub(crate) fn new(settings: &str) -> Self {
        let policy: Dhcp6Policy = toml::from_str(settings).unwrap();
        let machine = Dhcp6Machine::new(policy, Duid::new(&SERVER).unwrap());
        Self { machine, directory: Directory::default(), written: Vec::new() }
    }

    pub(crate) fn whole() -> Self {
        Self::new(SUBNET)
    }

    /// What the machine does about a datagram, before anything is written.
    pub(crate) fn actions(&mut self, now: Moment, reached_by: ReachedBy, bytes: &[u8]) -> Vec<Action<Ipv6Addr>> {
        let own = [at(1), "fe80::1".parse().unwrap()];
        let arrival = Arrival { interface: "eth1", addresses: &own };
        let datagram = Datagram { source: source(), arrival, reached_by, bytes };
        self.machine.on_datagram(now, &datagram, &self.directory)
    }

    /// Everything that a datagram leads to, with a store that takes what it is given.
    pub(crate) fn deliver(&mut self, now: Moment, reached_by: ReachedBy, bytes: &[u8]) -> Outcome {
        let actions = self.actions(now, reached_by, bytes);
        let mut outcome = Outcome { sent: Vec::new(), events: Vec::new() };
        for action in actions {
            match action {
                Action::Write(pending) => {
                    assert!(outcome.sent.is_empty(), "nothing is said before it is written");
                    self.written.extend(pending.leases.clone());
                    let yes = vec![Written::Yes; pending.leases.len()];
                    for action in self.machine.on_written(*pending, Ok(&yes)) {
                        outcome.note(action);
                    }
                }
                other => outcome.note(other),
            }
        }
        outcome
    }

    pub(crate) fn exchange_at(&mut self, now: Moment, message: &Message) -> (Option<Message>, Vec<Event>) {
        let outcome = self.deliver(now, ReachedBy::Multicast, &message.encode());
        assert!(outcome.sent.len() <= 1 && !outcome.events.is_empty());
        let reply = outcome.sent.first().map(|sent| {
            assert_eq!(sent.destination, Destination::Address(source().into()));
            let Wire::Message(reply) = Wire::decode(&sent.bytes).unwrap() else { panic!("no relay agent asked") };
            assert_eq!(reply.transaction, message.transaction);
            reply
        });
        (reply, outcome.events)
    }

    pub(crate) fn exchange(&mut self, message: &Message) -> (Option<Message>, Vec<Event>) {
        self.exchange_at(NOW, message)
    }

    pub(crate) fn reply(&mut self, message: &Message) -> Message {
        let (reply, events) = self.exchange(message);
        reply.unwrap_or_else(|| panic!("no reply: {events:?}"))
    }

    /// The address that a client gets in four messages.
    pub(crate) fn bind(&mut self, number: u8) -> Ipv6Addr {
        let advertised = usable(&self.reply(&with(number, MessageType::Solicit, &[])));
        let given = usable(&self.reply(&with(number, MessageType::Request, &advertised)));
        assert_eq!((&given, given.len()), (&advertised, 1));
        given[0]
    }

    /// The one write that a message leads to, not carried out.
    pub(crate) fn pending(&mut self, message: &Message) -> Pending<Ipv6Addr> {
        match self.actions(NOW, ReachedBy::Multicast, &message.encode()).pop() {
            Some(Action::Write(pending)) => *pending,
            other => panic!("{other:?}"),
        }
    }
}

impl Outcome {
    pub(crate) fn note(&mut self, action: Action<Ipv6Addr>) {
        match action {
            Action::Send(outgoing) => self.sent.push(outgoing),
            Action::Note(Note { event, .. }) => self.events.push(event),
            Action::Write(_) | Action::Probe(_) => panic!("{action:?}"),
        }
    }
}
