//! What a DHCPv6 client would be answered: a Solicit is made up, taken by a machine of its own, and the reply is read back.

use std::net::{IpAddr, Ipv6Addr, SocketAddrV6};

use dhcp::{
    v4::{ClientArchitectures, MacAddress},
    v6::{
        ClassFraming, ClientIdentifier, Datagram as Carried, Duid, IdentityAssociation, Message, MessageType,
        OptionCode, OptionRequest, Options, RelayDirection, RelayMessage, RemoteId, StatusCode, TransactionId,
        UserClass, ValueTooLong, VendorClass, known,
    },
};

use super::{
    Datagram, Dhcp6Machine, ReachedBy,
    request::{Request, open},
};
use crate::{
    explain::{
        AddressFrom, Explanation, Given, Hindrance, Item, Names, Network, Present, Question, Said, assumed, because,
        kind_of, origin_of, origin_of_option, outcome,
    },
    note::{Event, Note},
    policy::{Answer, Arrival, Dhcp6Policy, Directory, Subnet},
};

/// What this client would be answered to a Solicit, and why. A client of IPv6 is told what it asks for: without `asks`, it is taken to ask for
/// everything that is configured.
#[must_use]
pub fn explain(policy: &Dhcp6Policy, directory: &Directory, question: &Question, present: &Present<'_>) -> Explanation {
    // First to see what there is to ask for.
    let Some(asks) = configured(policy, directory, question, present) else { return Explanation::default() };
    let asks = if question.asks.is_empty() { asks } else { question.asks.clone() };
    let Some(asked) = Asked::new(policy, question, present, &asks) else { return Explanation::default() };
    let answer = asked.answer(policy, directory);
    let (mut explanation, said) = Explanation::of(&answer, NAMES);
    explanation.subnet = asked
        .subnet
        .map(|subnet| Network { network: subnet.network().to_string(), because: because(question, asked.because) });
    // What it is called does not matter to what it answers.
    let mut machine = Dhcp6Machine::new(policy.clone(), Duid::link_layer(NOBODY));
    machine.on_followed(present.leases.iter().cloned());
    let datagram = Datagram {
        source: asked.source,
        arrival: asked.arrival(),
        reached_by: ReachedBy::Multicast,
        bytes: &asked.bytes,
    };
    let (mut reply, mut notes) = (None, Vec::new());
    for action in machine.on_datagram(present.now, &datagram, directory) {
        let (sent, told) = outcome(action);
        reply = reply.or(sent);
        notes.extend(told);
    }
    for Note { event, .. } in &notes {
        match event {
            Event::Denied(ignored) | Event::Ignored(ignored) => {
                explanation.hindrances.push(Hindrance::of(ignored, question, "dhcp6"))
            }
            event => explanation.hindrances.extend(Hindrance::shortened(event)),
        }
    }
    if let Some(reply) = reply.and_then(|reply| innermost(&reply.bytes)) {
        let named = policy.server_duid().is_some();
        let reading = Reading { request: &asked.request, reply: &reply, answer: &answer, said: &said, named };
        reading.into(&mut explanation, asked.subnet, present);
    }
    explanation
}

/// How options are called here.
const NAMES: Names = Names {
    name: |code| Some(known::of(OptionCode(code))?.name),
    describe: |code, value| known::describe(OptionCode(code), value),
};

/// A hardware address that nobody has.
const NOBODY: MacAddress = MacAddress([0; 6]);

/// Every option that such a client could ask for and would get.
fn configured(
    policy: &Dhcp6Policy,
    directory: &Directory,
    question: &Question,
    present: &Present<'_>,
) -> Option<Vec<u16>> {
    let asked = Asked::new(policy, question, present, &[])?;
    let answer = asked.answer(policy, directory);
    let keys = [
        (OptionCode::BOOT_FILE_URL, answer.boot_file().is_some()),
        (OptionCode::BOOT_FILE_PARAMETERS, answer.boot_parameters().is_some()),
        (OptionCode::SZTP_REDIRECT, answer.uris().is_some()),
        (OptionCode::SOL_MAX_RT, policy.sol_max_rt().is_some()),
        (OptionCode::INF_MAX_RT, policy.inf_max_rt().is_some()),
    ];
    let keys = keys.into_iter().filter(|(_, there)| *there).map(|(code, _)| code.0);
    Some(answer.options().keys().copied().chain(keys).collect())
}

/// A request that was made up.
struct Asked<'p> {
    request: Request,
    bytes: Vec<u8>,
    source: SocketAddrV6,
    addresses: Vec<Ipv6Addr>,
    interface: &'p str,
    subnet: Option<&'p Subnet<Ipv6Addr>>,
    because: Option<&'static str>,
}

impl<'p> Asked<'p> {
    fn new(policy: &'p Dhcp6Policy, question: &Question, present: &Present<'_>, asks: &[u16]) -> Option<Self> {
        let peer = question.mac.map_or(ANYBODY, link_local);
        let message = solicit(question, present, asks).ok()?;
        let bytes = match question.relay.and_then(v6) {
            Some(relay) => forwarded(question, relay, peer, message).ok()?.encode(),
            None => message.encode(),
        };
        let port = if question.relay.is_some() { 547 } else { 546 };
        let source = SocketAddrV6::new(question.relay.and_then(v6).unwrap_or(peer), port, 0, 0);
        let request = Request::new(open(&bytes).ok()?, source).ok()?;
        let assumed = assumed(policy.rules().subnets(), question);
        let here = assumed.map(|(subnet, _)| *subnet.network().range().start());
        let interface = assumed.and_then(|(subnet, _)| subnet.interface()).unwrap_or_default();
        let addresses: Vec<_> = here.into_iter().collect();
        let arrival = Arrival { interface, addresses: &addresses };
        let subnet = policy.rules().subnet_of(&request.client, None, &arrival).map(|(_, subnet)| subnet);
        let because = assumed.map(|(_, because)| because);
        Some(Self { request, bytes, source, addresses, interface, subnet, because })
    }

    fn arrival(&self) -> Arrival<'_, Ipv6Addr> {
        Arrival { interface: self.interface, addresses: &self.addresses }
    }

    fn answer(&self, policy: &'p Dhcp6Policy, directory: &'p Directory) -> Answer<'p> {
        policy.rules().answer(&self.request.client, self.subnet, directory)
    }
}

fn v6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    }
}

/// A link-local address that tells no hardware address.
const ANYBODY: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// The link-local address that firmware makes of its hardware address (RFC 4291 appendix A).
fn link_local(MacAddress([a, b, c, d, e, f]): MacAddress) -> Ipv6Addr {
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// By what the client is known: what is asked about, else what is on record of its hardware address, else what it would make up itself.
fn identity(question: &Question, present: &Present<'_>) -> (Duid, u32) {
    let given = question.identifier.as_deref().and_then(Duid::new).or_else(|| question.uuid.map(Duid::from_uuid));
    let of_mac = || present.leases.iter().find(|lease| lease.mac.is_some() && lease.mac == question.mac);
    let on_record = || of_mac()?.client.identifier().and_then(Duid::new);
    let duid = given.or_else(on_record).unwrap_or_else(|| Duid::link_layer(question.mac.unwrap_or(NOBODY)));
    let same = present.leases.iter().find(|lease| lease.client.identifier() == Some(duid.as_bytes()));
    (duid, same.and_then(|lease| lease.client.association()).unwrap_or(1))
}

/// The request that such a client sends.
fn solicit(question: &Question, present: &Present<'_>, asks: &[u16]) -> Result<Message, ValueTooLong> {
    let (duid, iaid) = identity(question, present);
    let mut message = Message::new(MessageType::Solicit, TransactionId([0; 3]));
    let options = &mut message.options;
    options.put(&ClientIdentifier(duid))?;
    let association = IdentityAssociation { iaid, renewal: 0, rebinding: 0, options: Options::new() };
    options.add(OptionCode::IA_NA, association.encode())?;
    if !asks.is_empty() {
        options.put(&OptionRequest(asks.iter().copied().map(OptionCode).collect()))?;
    }
    if let Some(class) = &question.vendor_class {
        let enterprise = question.enterprise.unwrap_or_default();
        options.put(&VendorClass { enterprise, classes: vec![class.clone()], framing: ClassFraming::Rfc8415 })?;
    }
    if let Some(class) = &question.user_class {
        options.put(&UserClass { classes: vec![class.clone()], framing: ClassFraming::Rfc8415 })?;
    }
    if !question.architectures.is_empty() {
        options.put(&ClientArchitectures(question.architectures.clone()))?;
    }
    Ok(message)
}

/// The same as a relay agent next to the client passes it on.
fn forwarded(
    question: &Question,
    link: Ipv6Addr,
    peer: Ipv6Addr,
    message: Message,
) -> Result<RelayMessage, ValueTooLong> {
    let mut relay =
        RelayMessage { direction: RelayDirection::Forward, hop_count: 0, link, peer, options: Options::new() };
    if let Some(circuit) = &question.circuit_id {
        relay.options.insert(OptionCode::INTERFACE_ID, circuit.clone())?;
    }
    if let Some(remote) = &question.remote_id {
        relay.options.put(&RemoteId { enterprise: 0, identifier: remote.clone() })?;
    }
    if let Some(subscriber) = &question.subscriber_id {
        relay.options.insert(OptionCode::SUBSCRIBER_ID, subscriber.clone())?;
    }
    relay.carry(&Carried::Message(message))?;
    Ok(relay)
}

/// The server's own message, whatever relay agents are around it.
fn innermost(bytes: &[u8]) -> Option<Message> {
    match Carried::decode(bytes).ok()? {
        Carried::Message(message) => Some(message),
        Carried::Relay(relay) => match relay.carried().ok()? {
            Carried::Message(message) => Some(message),
            Carried::Relay(_) => None,
        },
    }
}

/// A reply that is read back.
struct Reading<'a, 'p> {
    request: &'a Request,
    reply: &'a Message,
    answer: &'a Answer<'p>,
    said: &'a [Said],
    /// Whether the server's DUID is written down.
    named: bool,
}

impl Reading<'_, '_> {
    fn into(self, explanation: &mut Explanation, subnet: Option<&Subnet<Ipv6Addr>>, present: &Present<'_>) {
        explanation.message = Some(self.reply.kind.as_str().to_owned());
        explanation.address = self.address(subnet, present, explanation);
        explanation.items = self.items();
        explanation.tell_boot(self.answer, &self.request.client, None);
        let there = |code: Option<u16>| code.is_none_or(|code| self.reply.options.contains(OptionCode(code)));
        let missing = self.said.iter().filter(|said| said.counts && !there(said.code));
        explanation.when_asked = missing.map(Said::item).collect();
        let redirect = OptionCode::SZTP_REDIRECT;
        explanation.tell_bootstrap(self.answer, (redirect.0, self.reply.options.contains(redirect)), NAMES);
    }

    fn address(
        &self,
        subnet: Option<&Subnet<Ipv6Addr>>,
        present: &Present<'_>,
        explanation: &mut Explanation,
    ) -> Option<Given> {
        let associations = self.reply.options.all(OptionCode::IA_NA);
        let association = associations.filter_map(|value| IdentityAssociation::decode(value).ok()).next()?;
        let Some(address) = association.addresses().map(|it| it.address).next() else {
            let status = StatusCode::of(&association.options).ok()?;
            let what = format!("it gets no address: {}", super::association::text(status));
            explanation.hinder(what, "give its subnet pools with free addresses, or a reservation for it");
            return None;
        };
        let reserved = subnet.and_then(|subnet| subnet.reserved_for(&self.request.client)).map(|it| it.address());
        let lease = present.leases.iter().find(|lease| lease.address == IpAddr::V6(address));
        let until = lease.filter(|lease| lease.holds(present.now)).map(|lease| lease.expires);
        let duid = self.request.duid.as_ref().map(Duid::as_bytes);
        let from = match reserved {
            Some(reserved) if reserved == address => AddressFrom::Reserved,
            _ if lease.is_some_and(|lease| lease.client.identifier() == duid) => AddressFrom::Lease,
            _ => AddressFrom::Pool,
        };
        if let Some(reserved) = reserved.filter(|reserved| *reserved != address) {
            let what = format!("the address {reserved} that is reserved for it is in use by another client");
            explanation.hinder(what, "find out who has it (sztp dhcp leases list), and let go of that lease");
        }
        Some(Given { address: address.into(), from, until })
    }

    fn items(&self) -> Vec<Item> {
        let each = self.reply.options.iter().map(|(code, value)| {
            let (value, from) = match code {
                OptionCode::SERVER_IDENTIFIER if !self.named => {
                    ("a DUID that it makes of its hardware address".to_owned(), "the server".to_owned())
                }
                code => (known::describe(code, value), self.origin(code)),
            };
            Item { code: Some(code.0), name: NAMES.of(code.0), value, from }
        });
        each.collect()
    }

    fn origin(&self, code: OptionCode) -> String {
        if let Some(from) = origin_of_option(self.said, code.0) {
            return from;
        }
        match code {
            OptionCode::IA_NA => origin_of(self.said, "lease-seconds"),
            OptionCode::SZTP_REDIRECT => origin_of(self.said, "bootstrap-uris"),
            OptionCode::BOOT_FILE_URL => origin_of(self.said, "boot-file"),
            OptionCode::BOOT_FILE_PARAMETERS => origin_of(self.said, "boot-parameters"),
            // UEFI 2.10 §24.7.
            OptionCode::VENDOR_CLASS => format!("the server: {} wants it", kind_of(&self.request.client)),
            OptionCode::CLIENT_IDENTIFIER => "the request, which it comes from".to_owned(),
            _ => "the server".to_owned(),
        }
    }
}
