//! What a DHCPv4 client would be answered: a DHCPDISCOVER is made up, taken by a machine of its own, and the reply is read back.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use dhcp::v4::{
    ClientArchitectures, ClientIdentifier, HardwareAddress, HostName, MachineIdentifier, MaximumMessageSize, Message,
    MessageType, Operation, OptionCode, ParameterRequestList, RelayAgentInformation, RelaySubOption, UserClass,
    UserClassFraming, VendorClass, VendorData, VendorIdentifyingClass, known,
};

use super::{
    Datagram, Dhcp4Machine,
    request::{Port, Request},
};
use crate::{
    explain::{
        AddressFrom, Explanation, Given, Hindrance, Item, Names, Network, Present, Question, Said, assumed, because,
        kind_of, origin_of, origin_of_option, outcome,
    },
    lease::{Lease, Standing},
    note::{Event, Note},
    policy::{Answer, Arrival, Dhcp4Policy, Directory, Subnet},
};

/// What this client would be answered to a DHCPDISCOVER, and why.
#[must_use]
pub fn explain(policy: &Dhcp4Policy, directory: &Directory, question: &Question, present: &Present<'_>) -> Explanation {
    let message = discover(question, present);
    let Ok(request) = Request::new(message.clone(), Port::Server, policy.client_identifiers()) else {
        return Explanation::default();
    };
    let subnets = policy.rules().subnets();
    let assumed = assumed(subnets, question);
    let mut own: Vec<Ipv4Addr> = present.addresses.iter().filter_map(|address| v4(*address)).collect();
    // Relay agents are elsewhere, and come in by an address that others can reach.
    own.sort_by_key(Ipv4Addr::is_loopback);
    // Its own address where it is known; else it is made up and told as such.
    let here = assumed.map(|(subnet, _)| {
        let of_network = own.iter().find(|own| subnet.network().contains(**own));
        of_network.copied().unwrap_or_else(|| *subnet.network().range().start())
    });
    let addresses = match (here, question.relay) {
        (Some(here), None) => vec![here],
        (_, Some(_)) if !own.is_empty() => own.clone(),
        (_, Some(_)) => vec![Ipv4Addr::UNSPECIFIED],
        (None, None) => Vec::new(),
    };
    let arrival = Arrival {
        interface: assumed.and_then(|(subnet, _)| subnet.interface()).unwrap_or_default(),
        addresses: &addresses,
    };
    let subnet = policy.rules().subnet_of(&request.client, request.selected(), &arrival).map(|(_, subnet)| subnet);
    let answer = policy.rules().answer(&request.client, subnet, directory);
    let (mut explanation, said) = Explanation::of(&answer, NAMES);
    explanation.subnet = subnet.map(|subnet| Network {
        network: subnet.network().to_string(),
        because: because(question, assumed.map(|(_, because)| because)),
    });
    let source = match question.relay.and_then(v4) {
        Some(relay) => SocketAddrV4::new(relay, 67),
        None => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
    };
    let mut machine = Dhcp4Machine::new(policy.clone());
    machine.on_followed(present.leases.iter().cloned());
    let bytes = message.encode();
    let datagram = Datagram { source, arrival, bytes: &bytes };
    let (mut reply, mut notes) = (None, Vec::new());
    for action in machine.on_datagram(present.now, &datagram, directory) {
        let (sent, told) = outcome(action);
        reply = reply.or(sent);
        notes.extend(told);
    }
    for Note { event, .. } in &notes {
        match event {
            Event::Denied(ignored) | Event::Ignored(ignored) => {
                explanation.hindrances.push(Hindrance::of(ignored, question, "dhcp4"))
            }
            event => explanation.hindrances.extend(Hindrance::shortened(event)),
        }
    }
    let reply = reply.and_then(|reply| Message::decode(&reply.bytes).ok());
    let Some(reply) = reply else { return explanation };
    let made_up = policy.server_identifier().is_none() && !own.iter().any(|own| addresses.contains(own));
    let reading = Reading { request: &request, reply: &reply, answer: &answer, said: &said, subnet, made_up };
    reading.into(&mut explanation, present);
    explanation
}

/// How options are called here.
const NAMES: Names = Names {
    name: |code| Some(known::of(option(code)?)?.name),
    describe: |code, value| option(code).map(|code| known::describe(code, value)).unwrap_or_default(),
};

fn option(code: u16) -> Option<OptionCode> {
    OptionCode::new(u8::try_from(code).ok()?)
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

/// By what the client calls itself: what is asked about, else what is on record of its hardware address, the latest if it called itself many things.
fn identifier(question: &Question, present: &Present<'_>) -> Option<ClientIdentifier> {
    let is_its = |lease: &&Lease| lease.standing == Standing::Lent && lease.mac.is_some() && lease.mac == question.mac;
    let on_record = || present.leases.iter().filter(is_its).max_by_key(|lease| lease.expires)?.client.identifier();
    question.identifier.as_deref().or_else(on_record).map(|octets| ClientIdentifier(octets.to_vec()))
}

/// The request that such a client sends.
fn discover(question: &Question, present: &Present<'_>) -> Message {
    let hardware = question.mac.map_or_else(|| HardwareAddress::ethernet(NOBODY), HardwareAddress::ethernet);
    let mut message = Message::new(Operation::Request, hardware);
    message.relay = question.relay.and_then(v4).unwrap_or(Ipv4Addr::UNSPECIFIED);
    let options = &mut message.options;
    options.put(&MessageType::Discover);
    // So that nothing is left out for want of room that firmware would get.
    options.put(&MaximumMessageSize::ETHERNET);
    if let Some(identifier) = identifier(question, present) {
        options.put(&identifier);
    }
    if let Some(uuid) = question.uuid {
        options.put(&MachineIdentifier { kind: 0, bytes: uuid });
    }
    if let Some(class) = &question.vendor_class {
        options.put(&VendorClass(class.clone()));
    }
    if let Some(vendor) = question.enterprise.and_then(|enterprise| VendorData::new(enterprise, Vec::new())) {
        options.put(&VendorIdentifyingClass(vec![vendor]));
    }
    if let Some(class) = &question.user_class {
        options.put(&UserClass { classes: vec![class.clone()], framing: UserClassFraming::Rfc3004 });
    }
    if !question.architectures.is_empty() {
        options.put(&ClientArchitectures(question.architectures.clone()));
    }
    if let Some(name) = &question.host_name {
        options.put(&HostName(name.clone().into_bytes()));
    }
    let asks: Vec<_> = question.asks.iter().filter_map(|code| option(*code)).collect();
    if !asks.is_empty() {
        options.put(&ParameterRequestList(asks));
    }
    let said = [
        (RelaySubOption::CIRCUIT_ID, &question.circuit_id),
        (RelaySubOption::REMOTE_ID, &question.remote_id),
        (RelaySubOption::SUBSCRIBER_ID, &question.subscriber_id),
    ];
    let said: Vec<_> = said.iter().filter_map(|(code, value)| Some((*code, value.as_deref()?))).collect();
    if let Some(said) = RelayAgentInformation::with(&said).filter(|_| !said.is_empty()) {
        options.put(&said);
    }
    message
}

/// A hardware address that nobody has: what a client is given of which only other things are known.
const NOBODY: dhcp::v4::MacAddress = dhcp::v4::MacAddress([0; 6]);

/// A reply that is read back.
struct Reading<'a, 'p> {
    request: &'a Request,
    reply: &'a Message,
    answer: &'a Answer<'p>,
    said: &'a [Said],
    subnet: Option<&'a Subnet<Ipv4Addr>>,
    /// Whether the server's own address is none that it has.
    made_up: bool,
}

impl Reading<'_, '_> {
    fn into(self, explanation: &mut Explanation, present: &Present<'_>) {
        let kind = self.reply.options.value::<MessageType>().ok().flatten();
        explanation.message = kind.map(|kind| kind.to_string());
        explanation.address = self.address(present, &mut explanation.hindrances);
        explanation.items = self.header().into_iter().chain(self.options()).collect();
        let server = self.answer.next_server().map(|given| given.value.to_string());
        let server = server.or_else(|| self.answer.server_name().map(|given| given.value.as_str().to_owned()));
        explanation.tell_boot(self.answer, &self.request.client, server);
        let there =
            |code: Option<u16>| code.and_then(option).is_none_or(|code| self.reply.options.bytes(code).is_some());
        let missing = self.said.iter().filter(|said| said.counts && !there(said.code));
        explanation.when_asked = missing.map(Said::item).collect();
        let redirect = OptionCode::SZTP_REDIRECT;
        let was_sent = self.reply.options.bytes(redirect).is_some();
        explanation.tell_bootstrap(self.answer, (redirect.number().into(), was_sent), NAMES);
    }

    fn address(&self, present: &Present<'_>, hindrances: &mut Vec<Hindrance>) -> Option<Given> {
        let address = Some(self.reply.your_address).filter(|address| !address.is_unspecified())?;
        let reserved = self.subnet.and_then(|subnet| subnet.reserved_for(&self.request.client)).map(|it| it.address());
        let lease = present.leases.iter().find(|lease| lease.address == IpAddr::V4(address));
        let until = lease.filter(|lease| lease.holds(present.now)).map(|lease| lease.expires);
        let from = match reserved {
            Some(reserved) if reserved == address => AddressFrom::Reserved,
            _ if lease.is_some_and(|lease| lease.client == self.request.key) => AddressFrom::Lease,
            _ => AddressFrom::Pool,
        };
        if let Some(reserved) = reserved.filter(|reserved| *reserved != address) {
            hindrances.push(Hindrance {
                what: format!("the address {reserved} that is reserved for it is in use by another client"),
                reason: None,
                remedy: format!("find out who has it (sztp dhcp leases list), and let go of it with sztp dhcp leases release {reserved}"),
            });
        }
        Some(Given { address: address.into(), from, until })
    }

    /// What the header says beside the address.
    fn header(&self) -> Vec<Item> {
        let item = |name: &str, value: Option<String>, key: &str| {
            value.map(|value| Item { code: None, name: name.to_owned(), value, from: origin_of(self.said, key) })
        };
        let reply = self.reply;
        let server = Some(reply.next_server).filter(|address| !address.is_unspecified());
        let [name, file] = [reply.server_name.as_bytes(), reply.boot_file.as_bytes()].map(|field| {
            Some(field).filter(|field| !field.is_empty()).map(|field| String::from_utf8_lossy(field).into_owned())
        });
        [
            item("siaddr", server.map(|address| address.to_string()), "next-server"),
            item("sname", name, "server-name"),
            item("file", file, "boot-file"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn options(&self) -> Vec<Item> {
        let each = self.reply.options.iter().map(|(code, value)| {
            let (value, from) = match code {
                OptionCode::SERVER_IDENTIFIER if self.made_up => {
                    ("its address on the interface".to_owned(), "the server".to_owned())
                }
                code => (known::describe(code, value), self.origin(code)),
            };
            let number = u16::from(code.number());
            Item { code: Some(number), name: NAMES.of(number), value, from }
        });
        each.collect()
    }

    fn origin(&self, code: OptionCode) -> String {
        let number = u16::from(code.number());
        if let Some(from) = origin_of_option(self.said, number) {
            return from;
        }
        match code {
            OptionCode::LEASE_TIME | OptionCode::RENEWAL_TIME | OptionCode::REBINDING_TIME => {
                origin_of(self.said, "lease-seconds")
            }
            OptionCode::SUBNET_MASK => {
                self.subnet.map_or_else(|| "the server".to_owned(), |subnet| format!("subnet {}", subnet.network()))
            }
            OptionCode::HOST_NAME => "the owner's list".to_owned(),
            OptionCode::SZTP_REDIRECT => origin_of(self.said, "bootstrap-uris"),
            OptionCode::TFTP_SERVER_NAME => origin_of(self.said, "server-name"),
            OptionCode::BOOT_FILE_NAME => origin_of(self.said, "boot-file"),
            // UEFI 2.10 §24.7, PXE 2.1 §2.2.3: firmware of either kind listens to such servers alone.
            OptionCode::VENDOR_CLASS => format!("the server: {} wants it", kind_of(&self.request.client)),
            code if self.request.message.options.bytes(code).is_some() => "the request, which it comes from".to_owned(),
            _ => "the server".to_owned(),
        }
    }
}
