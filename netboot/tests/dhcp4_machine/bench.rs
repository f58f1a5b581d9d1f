//! A machine, its clients, and a store that does as it is told.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::v4::{
    HardwareAddress, MacAddress, Message, MessageType, Operation, RequestedAddress, ServerIdentifier, TransactionId,
};
use netboot::{
    action::{Action, Destination},
    dhcp4::{Datagram, Dhcp4Machine},
    lease::Written,
    moment::Moment,
    note::{Event, Ignored, Note},
    policy::{Arrival, Dhcp4Policy, Directory},
};

pub(crate) const NOW: Moment = Moment(1_700_000_000);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const URIS: &str = "[give]\nbootstrap-uris = ['https://sztp1.example.net:8443', 'https://[2001:db8::1]']\n";
pub(crate) const SUBNET: &str = "[[subnet]]\nnetwork = '192.0.2.0/24'\n\
                      pools = [{ first = '192.0.2.100', last = '192.0.2.101' }]\n\
                      reservations = [{ mac = '02:00:00:00:00:99', address = '192.0.2.9' }]\n\
                      give = { routers = ['192.0.2.1'], dns = ['192.0.2.53'] }\n";
pub(crate) const HERE: Arrival<'_, Ipv4Addr> = Arrival { interface: "eth0", addresses: &[SERVER] };
pub(crate) const UNNUMBERED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);

pub(crate) fn machine(settings: &str) -> Dhcp4Machine {
    let policy: Dhcp4Policy = toml::from_str(settings).unwrap();
    Dhcp4Machine::new(policy)
}

pub(crate) fn whole() -> Dhcp4Machine {
    machine(&format!("{URIS}{SUBNET}"))
}

pub(crate) fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

pub(crate) fn from_client(number: u8, kind: MessageType) -> Message {
    let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, number])));
    message.transaction = TransactionId(0x1234_5678);
    message.options.put(&kind);
    message
}

pub(crate) fn selecting(number: u8, address: Ipv4Addr) -> Message {
    let mut message = from_client(number, MessageType::Request);
    message.options.put(&ServerIdentifier(SERVER));
    message.options.put(&RequestedAddress(address));
    message
}

pub(crate) fn renewing(number: u8, address: Ipv4Addr) -> Message {
    let mut message = from_client(number, MessageType::Request);
    message.client_address = address;
    message
}

pub(crate) fn rebooting(number: u8, address: Ipv4Addr) -> Message {
    let mut message = from_client(number, MessageType::Request);
    message.options.put(&RequestedAddress(address));
    message
}

/// The reply with its destination, and the events.
pub(crate) fn exchange(
    machine: &mut Dhcp4Machine,
    now: Moment,
    source: SocketAddrV4,
    request: &Message,
) -> (Option<(Destination, Message)>, Vec<Event>) {
    let bytes = request.encode();
    let datagram = Datagram { source, arrival: HERE, bytes: &bytes };
    let (mut reply, mut events) = (None, Vec::new());
    let mut todo = machine.on_datagram(now, &datagram, &Directory::default());
    while !todo.is_empty() {
        match todo.remove(0) {
            Action::Send(outgoing) => {
                assert!(reply.is_none(), "one reply at most");
                let message = Message::decode(&outgoing.bytes).unwrap();
                assert_eq!(message.operation, Operation::Reply);
                assert_eq!((message.transaction, message.hardware), (request.transaction, request.hardware));
                reply = Some((outgoing.destination, message));
            }
            // Everything is durable at once, and no address is in use.
            Action::Write(pending) => {
                let written = vec![Written::Yes; pending.leases.len()];
                todo.extend(machine.on_written(*pending, Ok(&written)));
            }
            Action::Probe(probe) => {
                todo.extend(machine.on_probed(now, *probe, &datagram, false, &Directory::default()));
            }
            Action::Note(Note { event, .. }) => events.push(event),
        }
    }
    (reply, events)
}

pub(crate) fn to(address: Ipv4Addr, port: u16) -> Destination {
    Destination::Address(SocketAddrV4::new(address, port).into())
}

pub(crate) fn reply(machine: &mut Dhcp4Machine, request: &Message) -> Message {
    let (reply, events) = exchange(machine, NOW, UNNUMBERED, request);
    reply.unwrap_or_else(|| panic!("no reply: {events:?}")).1
}

pub(crate) fn kind(message: &Message) -> MessageType {
    message.options.value().unwrap().unwrap()
}

#[track_caller]
pub(crate) fn assert_ignored(machine: &mut Dhcp4Machine, request: &Message, because: Ignored) {
    let (reply, events) = exchange(machine, NOW, UNNUMBERED, request);
    assert_eq!((reply, events), (None, vec![Event::Ignored(because)]));
}
