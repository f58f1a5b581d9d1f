//! A client's message, read once into everything the server acts on.

use std::net::{IpAddr, Ipv4Addr};

use dhcp::v4::{
    ClientArchitectures, ClientIdentifier, HostName, MachineIdentifier, MaximumMessageSize, Message, MessageType,
    Operation, OptionCode, ParameterRequestList, RelayAgentInformation, RequestedAddress, ServerIdentifier,
    SubnetSelection, UserClass, VendorClass, VendorIdentifyingClass,
};

use crate::{client::Client, lease::ClientKey, note::Ignored};

/// Which of the server's ports a message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// 67.
    Server,
    /// 4011, where firmware finds boot servers (PXE 2.1 §2.2).
    Boot,
}

/// A client's message with its options taken apart.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) message: Message,
    pub(super) kind: MessageType,
    /// Where it arrived.
    pub(super) port: Port,
    /// Who asks.
    pub(super) client: Client,
    /// By what its leases are found.
    pub(super) key: ClientKey,
    /// Whether two messages are enough for it (RFC 4039).
    pub(super) rapid_commit: bool,
    relay_agent: Option<RelayAgentInformation>,
    selected: Option<Ipv4Addr>,
    requested: Option<Ipv4Addr>,
    server: Option<Ipv4Addr>,
    wanted: Option<ParameterRequestList>,
    size: MaximumMessageSize,
}

impl Request {
    /// Reads a message. `by_identifier` says whether option 61 makes the client, or its hardware address alone.
    pub(super) fn new(message: Message, port: Port, by_identifier: bool) -> Result<Self, Ignored> {
        if message.operation != Operation::Request {
            return Err(Ignored::NotFromClient);
        }
        // RFC 1542 §4.1.1: no relay agent forwards what passed 16 others.
        if message.hops > MOST_HOPS {
            return Err(Ignored::RelayLoop { hops: message.hops });
        }
        let options = &message.options;
        let kind = options.value()?.ok_or(Ignored::Bootp)?;
        let identifier = options.value::<ClientIdentifier>()?;
        let relay_agent = options.value::<RelayAgentInformation>()?;
        let key = ClientKey::v4(identifier.as_ref().filter(|_| by_identifier), &message.hardware);
        let of_relay =
            |pick: fn(&RelayAgentInformation) -> Option<&[u8]>| relay_agent.as_ref().and_then(pick).map(<[u8]>::to_vec);
        // What only describes the client must not keep it from being served: an option of that kind counts when it can be read.
        let machine = options.value::<MachineIdentifier>().ok().flatten();
        let user_class = options.value::<UserClass>().ok().flatten();
        let enterprises = options.value::<VendorIdentifyingClass>().ok().flatten();
        let host_name = options.value::<HostName>().ok().flatten();
        let client = Client {
            mac: message.hardware.mac(),
            uuids: machine.map(|machine| vec![machine.bytes, machine.other_byte_order()]).unwrap_or_default(),
            identifier: identifier.map(|identifier| identifier.0),
            vendor_classes: options.value::<VendorClass>()?.map(|class| class.0).into_iter().collect(),
            enterprises: enterprises.map(|list| list.0.iter().map(|it| it.enterprise()).collect()).unwrap_or_default(),
            user_classes: user_class.map(|class| class.classes).unwrap_or_default(),
            architectures: options.value::<ClientArchitectures>().ok().flatten().map(|list| list.0).unwrap_or_default(),
            relay: Some(IpAddr::V4(message.relay)).filter(|relay| !relay.is_unspecified()),
            circuit: of_relay(RelayAgentInformation::circuit_id),
            remote: of_relay(RelayAgentInformation::remote_id),
            subscriber: of_relay(RelayAgentInformation::subscriber_id),
            host_name: host_name.and_then(|name| name.text().map(str::to_owned)),
        };
        // RFC 3527 §3: what the relay agent says of the client's network goes before what the client wants (RFC 3011 §3).
        let of_agent = relay_agent.as_ref().and_then(RelayAgentInformation::link_selection);
        let of_client = options.value::<SubnetSelection>()?.map(|selection| selection.0);
        Ok(Self {
            kind,
            port,
            client,
            key,
            rapid_commit: options.bytes(OptionCode::RAPID_COMMIT).is_some(),
            selected: of_agent.or(of_client),
            relay_agent,
            requested: options.value::<RequestedAddress>()?.map(|address| address.0),
            server: options.value::<ServerIdentifier>()?.map(|address| address.0),
            wanted: options.value()?,
            // RFC 2131 §2: without option 57 a client accepts 576 bytes; frames of Ethernet are the upper bound.
            size: options
                .value::<MaximumMessageSize>()?
                .map_or(MaximumMessageSize::MINIMUM, |size| size.min(MaximumMessageSize::ETHERNET)),
            message,
        })
    }

    /// Option 50.
    pub(super) const fn requested(&self) -> Option<Ipv4Addr> {
        self.requested
    }

    /// Option 54: the server the client has chosen.
    pub(super) const fn server(&self) -> Option<Ipv4Addr> {
        self.server
    }

    /// The subnet that the relay agent or the client names.
    pub(super) const fn selected(&self) -> Option<Ipv4Addr> {
        self.selected
    }

    /// As which server the relay agent wants clients to know this one (RFC 5107).
    pub(super) fn server_override(&self) -> Option<Ipv4Addr> {
        self.relay_agent.as_ref()?.server_identifier_override()
    }

    /// Whether the relay agent listens on the port it sends from (RFC 8357).
    pub(super) fn relay_port(&self) -> bool {
        self.relay_agent.as_ref().is_some_and(RelayAgentInformation::wants_source_port)
    }

    /// `ciaddr`, if the client has an address.
    pub(super) fn current(&self) -> Option<Ipv4Addr> {
        Some(self.message.client_address).filter(|address| !address.is_unspecified())
    }

    /// `giaddr`, if the message came through a relay agent.
    pub(super) fn relay(&self) -> Option<Ipv4Addr> {
        Some(self.message.relay).filter(|address| !address.is_unspecified())
    }

    /// Whether option 55 names this option.
    pub(super) fn asks_for(&self, code: OptionCode) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.0.contains(&code))
    }

    /// Whether the client can use this option: it asks for it, or does not say what it can use.
    pub(super) fn accepts(&self, code: OptionCode) -> bool {
        self.wanted.is_none() || self.asks_for(code)
    }

    /// The longest reply.
    pub(super) const fn size(&self) -> MaximumMessageSize {
        self.size
    }
}

/// RFC 1542 §4.1.1.
const MOST_HOPS: u8 = 16;
