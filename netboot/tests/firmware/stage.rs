//! A policy, the machine and the boot server that obey it, and what they answer.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::v4::{Message, MessageType, Operation, OptionCode, ServerIdentifier};
use netboot::{
    action::{Action, Destination},
    dhcp4::{BootServer, Datagram, Dhcp4Machine},
    lease::Written,
    moment::Moment,
    note::{Event, Note},
    policy::{Arrival, Dhcp4Policy, Directory},
};

pub(crate) const NOW: Moment = Moment(1_700_000_000);
pub(crate) const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
pub(crate) const HERE: Arrival<'_, Ipv4Addr> = Arrival { interface: "eth0", addresses: &[OWN] };
/// Where a client without an address sends from.
pub(crate) const UNNUMBERED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
/// The address that the other server gave.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

/// What was answered, to whom, and what the operator hears.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) reply: Option<(Destination, Message)>,
    pub(crate) events: Vec<Event>,
}

pub(crate) struct Stage {
    machine: Dhcp4Machine,
    boot: BootServer,
}

impl Stage {
    pub(crate) fn new(policy: &str) -> Self {
        let policy: Dhcp4Policy = toml::from_str(policy).unwrap_or_else(|error| panic!("{policy}\n{error}"));
        Self { machine: Dhcp4Machine::new(policy.clone()), boot: BootServer::new(policy) }
    }

    /// At port 67.
    pub(crate) fn hears(&mut self, source: SocketAddrV4, bytes: &[u8]) -> Said {
        let datagram = Datagram { source, arrival: HERE, bytes };
        let actions = self.machine.on_datagram(NOW, &datagram, &Directory::default());
        self.said(actions, &datagram)
    }

    /// At port 4011.
    pub(crate) fn is_asked(&mut self, source: SocketAddrV4, bytes: &[u8]) -> Said {
        let datagram = Datagram { source, arrival: HERE, bytes };
        let actions = self.boot.on_datagram(NOW, &datagram, &Directory::default());
        self.said(actions, &datagram)
    }

    /// The reply to a client that looks for an address.
    pub(crate) fn reply(&mut self, request: &Message) -> Message {
        let said = self.hears(UNNUMBERED, &request.encode());
        said.reply.unwrap_or_else(|| panic!("no reply: {:?}", said.events)).1
    }

    fn said(&mut self, actions: Vec<Action<Ipv4Addr>>, datagram: &Datagram<'_>) -> Said {
        let (mut reply, mut events) = (None, Vec::new());
        let mut todo = actions;
        while !todo.is_empty() {
            match todo.remove(0) {
                Action::Send(outgoing) => {
                    assert!(reply.is_none(), "one reply at most");
                    let message = Message::decode(&outgoing.bytes).unwrap();
                    assert_eq!(message.operation, Operation::Reply);
                    assert!(message.options.value::<ServerIdentifier>().unwrap().is_some());
                    reply = Some((outgoing.destination, message));
                }
                Action::Write(pending) => {
                    let written = vec![Written::Yes; pending.leases.len()];
                    todo.extend(self.machine.on_written(*pending, Ok(&written)));
                }
                Action::Probe(probe) => {
                    todo.extend(self.machine.on_probed(NOW, *probe, datagram, false, &Directory::default()));
                }
                Action::Note(Note { event, .. }) => events.push(event),
            }
        }
        assert!(!events.is_empty(), "always a note");
        Said { reply, events }
    }
}

pub(crate) fn kind(message: &Message) -> MessageType {
    message.options.value().unwrap().unwrap()
}

/// The option's octets, or none.
pub(crate) fn option(message: &Message, code: u8) -> &[u8] {
    message.options.bytes(OptionCode::new(code).unwrap()).unwrap_or_default()
}

/// The boot file in the header.
pub(crate) fn file(message: &Message) -> &str {
    std::str::from_utf8(message.boot_file.as_bytes()).unwrap()
}

/// Which options a message has.
pub(crate) fn codes(message: &Message) -> Vec<u8> {
    let mut codes: Vec<_> = message.options.iter().map(|(code, _)| code.number()).collect();
    codes.sort_unstable();
    codes
}
