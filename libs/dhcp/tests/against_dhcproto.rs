//! Our codec held against an independent one, `dhcproto`, in both directions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, Ipv6Addr};

use dhcp::v4::{
    DomainNameServers, FixedField, HardwareAddress, LeaseTime, MacAddress, MaximumMessageSize, Message, MessageType,
    Operation, OptionCode, ParameterRequestList, RequestedAddress, ServerIdentifier, SubnetMask, TransactionId,
    VendorClass,
};
use dhcproto::{
    Decodable, Decoder, Encodable,
    v4::{self as theirs, DhcpOption, UnknownOption},
    v6 as theirs6,
};
use proptest::{collection::vec, prelude::*};

/// The parts of a message that both codecs can express.
#[derive(Clone, Debug)]
struct Sane {
    mac: [u8; 6],
    transaction: u32,
    seconds: u16,
    broadcast: bool,
    addresses: [Ipv4Addr; 4],
    server_name: String,
    boot_file: String,
    lease: u32,
    requested: Ipv4Addr,
    server: Ipv4Addr,
    mask: Ipv4Addr,
    resolvers: Vec<Ipv4Addr>,
    wanted: Vec<u8>,
    vendor_class: Vec<u8>,
    size: u16,
    redirect: Vec<u8>,
}

impl Sane {
    fn ours(&self) -> Message {
        let mut message = Message::new(Operation::Reply, HardwareAddress::ethernet(MacAddress(self.mac)));
        message.transaction = TransactionId(self.transaction);
        message.seconds = self.seconds;
        message.flags = if self.broadcast { dhcp::v4::Flags::BROADCAST } else { dhcp::v4::Flags::default() };
        [message.client_address, message.your_address, message.next_server, message.relay] = self.addresses;
        message.server_name = FixedField::new(self.server_name.clone()).unwrap();
        message.boot_file = FixedField::new(self.boot_file.clone()).unwrap();
        message.options.put(&MessageType::Offer);
        message.options.put(&LeaseTime(self.lease));
        message.options.put(&RequestedAddress(self.requested));
        message.options.put(&ServerIdentifier(self.server));
        message.options.put(&SubnetMask(self.mask));
        message.options.put(&DomainNameServers(self.resolvers.clone()));
        message.options.put(&ParameterRequestList(self.wanted.iter().copied().filter_map(OptionCode::new).collect()));
        message.options.put(&VendorClass(self.vendor_class.clone()));
        message.options.put(&MaximumMessageSize::new(self.size));
        message.options.insert(OptionCode::SZTP_REDIRECT, self.redirect.clone());
        message
    }

    fn theirs(&self) -> theirs::Message {
        let [ciaddr, yiaddr, siaddr, giaddr] = self.addresses;
        let mut message = theirs::Message::new_with_id(self.transaction, ciaddr, yiaddr, siaddr, giaddr, &self.mac);
        message.set_opcode(theirs::Opcode::BootReply).set_secs(self.seconds);
        if self.broadcast {
            message.set_flags(theirs::Flags::default().set_broadcast());
        }
        // Their text fields include the terminating NUL.
        message.set_sname_str(format!("{}\0", self.server_name)).set_fname_str(format!("{}\0", self.boot_file));
        let options = message.opts_mut();
        options.insert(DhcpOption::MessageType(theirs::MessageType::Offer));
        options.insert(DhcpOption::AddressLeaseTime(self.lease));
        options.insert(DhcpOption::RequestedIpAddress(self.requested));
        options.insert(DhcpOption::ServerIdentifier(self.server));
        options.insert(DhcpOption::SubnetMask(self.mask));
        options.insert(DhcpOption::DomainNameServer(self.resolvers.clone()));
        options.insert(DhcpOption::ParameterRequestList(
            self.wanted.iter().map(|code| theirs::OptionCode::from(*code)).collect(),
        ));
        options.insert(DhcpOption::ClassIdentifier(self.vendor_class.clone()));
        options.insert(DhcpOption::MaxMessageSize(self.size));
        let unknown = UnknownOption::new(theirs::OptionCode::from(143), self.redirect.clone());
        options.insert(DhcpOption::Unknown(unknown));
        message
    }
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

fn sane() -> impl Strategy<Value = Sane> {
    let header =
        (any::<[u8; 6]>(), any::<u32>(), any::<u16>(), any::<bool>(), [address(), address(), address(), address()]);
    let names = ("[a-z.]{1,40}", "[a-z./]{1,100}");
    let first = (any::<u32>(), address(), address(), address(), vec(address(), 1..4));
    let wanted = any::<u8>().prop_filter("shapes the packet", |code| OptionCode::new(*code).is_some());
    let second = (vec(wanted, 1..20), vec(any::<u8>(), 1..200), 576..=u16::MAX, vec(any::<u8>(), 1..700));
    (header, names, first, second).prop_map(|(header, names, first, second)| {
        let (mac, transaction, seconds, broadcast, addresses) = header;
        let (server_name, boot_file) = names;
        let (lease, requested, server, mask, resolvers) = first;
        let (wanted, vendor_class, size, redirect) = second;
        Sane {
            mac,
            transaction,
            seconds,
            broadcast,
            addresses,
            server_name,
            boot_file,
            lease,
            requested,
            server,
            mask,
            resolvers,
            wanted,
            vendor_class,
            size,
            redirect,
        }
    })
}

/// Options by code: the order is each codec's own.
fn sorted(message: &Message) -> Vec<(OptionCode, Vec<u8>)> {
    let mut entries: Vec<_> = message.options.iter().map(|(code, value)| (code, value.to_vec())).collect();
    entries.sort();
    entries
}

proptest! {
    #[test]
    fn they_read_what_we_write(sane in sane()) {
        let decoded = theirs::Message::decode(&mut Decoder::new(&sane.ours().encode())).unwrap();
        let expected = sane.theirs();
        prop_assert_eq!(decoded.chaddr(), expected.chaddr());
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn we_read_what_they_write(sane in sane()) {
        let decoded = Message::decode(&sane.theirs().to_vec().unwrap()).unwrap();
        let expected = sane.ours();
        prop_assert_eq!(sorted(&decoded), sorted(&expected));
        let mut reordered = decoded;
        reordered.options = expected.options.clone();
        prop_assert_eq!(reordered, expected);
    }
}

/// Why the codec is our own: this packet makes the other one panic.
#[test]
fn the_packet_that_crashes_the_oracle_is_a_plain_error_here() {
    let mut bytes = Message::new(Operation::Request, HardwareAddress::ethernet(MacAddress([2; 6]))).encode();
    bytes[2] = 0xff;
    assert!(Message::decode(&bytes).is_err());
    let crash = std::panic::catch_unwind(|| {
        theirs::Message::decode(&mut Decoder::new(&bytes)).map(|message| message.chaddr().to_vec())
    });
    assert!(crash.is_err(), "the oracle has been mended: reconsider the reason given in the crate's documentation");
}

/// DHC-03, DHC-08: what we send in DHCPv6 is read by them, and the other way round.
#[test]
fn dhc_03_options_of_dhcpv6_in_both_directions() {
    use dhcp::v6::{OptionCode, OptionRequest, Options};

    let value = b"\x00\x15https://[2001:db8::1]";
    let mut ours = Options::new();
    let request = OptionRequest(vec![OptionCode(24), OptionCode::SZTP_REDIRECT]);
    ours.insert(OptionCode::OPTION_REQUEST, request.encode()).unwrap();
    ours.insert(OptionCode::SZTP_REDIRECT, *value).unwrap();

    let read = theirs6::DhcpOptions::decode(&mut Decoder::new(&ours.encode())).unwrap();
    let code = theirs6::OptionCode::from(136);
    let wanted = theirs6::ORO { opts: vec![theirs6::OptionCode::from(24), code] };
    assert_eq!(read.get(theirs6::OptionCode::ORO), Some(&theirs6::DhcpOption::ORO(wanted)));
    let unknown = theirs6::UnknownOption::new(code, value.to_vec());
    assert_eq!(read.get(code), Some(&theirs6::DhcpOption::Unknown(unknown)));

    let written = Options::decode(&read.to_vec().unwrap()).unwrap();
    assert_eq!(written.single(OptionCode::SZTP_REDIRECT), Ok(Some(value.as_slice())));
    assert_eq!(written.single(OptionCode::OPTION_REQUEST), Ok(Some(request.encode().as_slice())));
}

/// The parts of a message of DHCPv6 that both codecs can express.
fn sane6() -> impl Strategy<Value = (dhcp::v6::Message, theirs6::Message)> {
    use dhcp::v6;

    let kind = prop::sample::select(&v6::MessageType::ALL[..]);
    let head = (kind, any::<[u8; 3]>(), vec(any::<u8>(), 3..=130), any::<u16>(), any::<u8>());
    let lease = (any::<u32>(), any::<u128>(), any::<u32>(), any::<u32>(), 0..=128_u8, "[a-z ]{0,30}");
    let said = (vec(vec(any::<u8>(), 1..20), 1..4), any::<u32>(), vec(any::<u16>(), 1..5), any::<u128>());
    (head, lease, said).prop_map(|(head, lease, said)| {
        let (kind, transaction, duid, elapsed, preference) = head;
        let (iaid, address, preferred, valid, length, text) = lease;
        let (classes, enterprise, architectures, resolver) = said;
        let (address, resolver) = (Ipv6Addr::from_bits(address), Ipv6Addr::from_bits(resolver));

        let mut ours = v6::Message::new(kind, v6::TransactionId(transaction));
        let options = &mut ours.options;
        options.put(&v6::ClientIdentifier(v6::Duid::new(&duid).unwrap())).unwrap();
        let mut leased = v6::IdentityAssociation::new(iaid);
        let given = v6::LeasedAddress { address, preferred, valid };
        leased.options.insert(v6::OptionCode::IA_ADDRESS, given.encode()).unwrap();
        options.add(v6::OptionCode::IA_NA, leased.encode()).unwrap();
        let temporary = v6::TemporaryAssociation { iaid, options: leased.options };
        options.add(v6::OptionCode::IA_TA, temporary.encode()).unwrap();
        options.put(&v6::Preference(preference)).unwrap();
        options.put(&v6::ElapsedTime(elapsed)).unwrap();
        options.put(&v6::ServerUnicast(address)).unwrap();
        options.put(&v6::Status { code: v6::StatusCode::NO_PREFIX_AVAIL, text: text.clone() }).unwrap();
        options.put(&v6::RapidCommit).unwrap();
        let framing = v6::ClassFraming::Rfc8415;
        options.put(&v6::UserClass { classes: classes.clone(), framing }).unwrap();
        options.put(&v6::VendorClass { enterprise, classes: classes.clone(), framing }).unwrap();
        options.put(&v6::InterfaceId(duid.clone())).unwrap();
        options.put(&v6::DnsServers(vec![resolver])).unwrap();
        let mut delegated = v6::IdentityAssociation::new(iaid);
        let prefix = v6::DelegatedPrefix { preferred, valid, length, prefix: address };
        delegated.options.insert(v6::OptionCode::IA_PREFIX, prefix.encode()).unwrap();
        options.add(v6::OptionCode::IA_PD, delegated.encode()).unwrap();
        let list = architectures.iter().copied().map(dhcp::v4::Architecture).collect();
        options.put(&dhcp::v4::ClientArchitectures(list)).unwrap();

        let mut theirs = theirs6::Message::new_with_id(theirs6::MessageType::from(kind.number()), transaction);
        let inside = |option| [option].into_iter().collect::<theirs6::DhcpOptions>();
        let opts = || {
            let given = theirs6::IAAddr {
                addr: address,
                preferred_life: preferred,
                valid_life: valid,
                opts: theirs6::DhcpOptions::new(),
            };
            inside(theirs6::DhcpOption::IAAddr(given))
        };
        let delegated = theirs6::IAPrefix {
            preferred_lifetime: preferred,
            valid_lifetime: valid,
            prefix_len: length,
            prefix_ip: address,
            opts: theirs6::DhcpOptions::new(),
        };
        let status = theirs6::StatusCode { status: theirs6::Status::NoPrefixAvail, msg: text };
        for option in [
            theirs6::DhcpOption::ClientId(duid.clone()),
            theirs6::DhcpOption::IANA(theirs6::IANA { id: iaid, t1: 0, t2: 0, opts: opts() }),
            theirs6::DhcpOption::IATA(theirs6::IATA { id: iaid, opts: opts() }),
            theirs6::DhcpOption::Preference(preference),
            theirs6::DhcpOption::ElapsedTime(elapsed),
            theirs6::DhcpOption::ServerUnicast(address),
            theirs6::DhcpOption::StatusCode(status),
            theirs6::DhcpOption::RapidCommit,
            theirs6::DhcpOption::UserClass(theirs6::UserClass { data: classes.clone() }),
            theirs6::DhcpOption::VendorClass(theirs6::VendorClass { num: enterprise, data: classes }),
            theirs6::DhcpOption::InterfaceId(duid),
            theirs6::DhcpOption::DomainNameServers(vec![resolver]),
            theirs6::DhcpOption::IAPD(theirs6::IAPD {
                id: iaid,
                t1: 0,
                t2: 0,
                opts: inside(theirs6::DhcpOption::IAPrefix(delegated)),
            }),
            theirs6::DhcpOption::ClientArchType(architectures.into_iter().map(Into::into).collect()),
        ] {
            theirs.opts_mut().insert(option);
        }
        (ours, theirs)
    })
}

proptest! {
    /// They read what we write; and both write the same octets, so that we read what they write.
    #[test]
    fn a_message_of_dhcpv6_has_the_same_octets_in_both((mut ours, mut theirs) in sane6()) {
        let read = theirs6::Message::decode(&mut Decoder::new(&ours.encode())).unwrap();
        prop_assert_eq!(&read, &theirs);
        // Their lengths of these two leave out the lengths inside: nobody reads that.
        for code in [theirs6::OptionCode::UserClass, theirs6::OptionCode::VendorClass] {
            theirs.opts_mut().remove(code);
            ours.options.remove(dhcp::v6::OptionCode(code.into()));
        }
        prop_assert_eq!(theirs.to_vec().unwrap(), ours.encode());
    }

    /// Their relay agent's message always carries another, so that two layers are compared; what we read of them we write.
    #[test]
    fn two_layers_of_relay_agents_are_the_same_in_both(links in any::<[u128; 2]>(), peers in any::<[u128; 2]>(), id in vec(any::<u8>(), 1..20)) {
        use dhcp::v6;

        let layer = |index: usize, options| v6::RelayMessage {
            direction: v6::RelayDirection::Forward,
            hop_count: u8::try_from(index).unwrap(),
            link: Ipv6Addr::from_bits(links[index]),
            peer: Ipv6Addr::from_bits(peers[index]),
            options,
        };
        let mut options = v6::Options::new();
        options.put(&v6::InterfaceId(id.clone())).unwrap();
        let inner = layer(0, options);
        let mut outer = layer(1, v6::Options::new());
        outer.carry(&v6::Datagram::Relay(inner.clone())).unwrap();
        let octets = outer.encode();

        let read = theirs6::RelayMessage::decode(&mut Decoder::new(&octets)).unwrap();
        prop_assert_eq!((read.link_addr(), read.peer_addr(), read.hop_count()), (outer.link, outer.peer, 1));
        let Some(theirs6::DhcpOption::RelayMsg(carried)) = read.opts().get(theirs6::OptionCode::RelayMsg) else {
            panic!("their relay message is not there");
        };
        prop_assert_eq!((carried.link_addr(), carried.peer_addr(), carried.hop_count()), (inner.link, inner.peer, 0));
        prop_assert_eq!(carried.opts().get(theirs6::OptionCode::InterfaceId), Some(&theirs6::DhcpOption::InterfaceId(id)));
        prop_assert_eq!(v6::RelayMessage::decode(&read.to_vec().unwrap()), Ok(outer));
    }

    /// The options of DHCPv4 that came with the servers.
    #[test]
    fn servers_options_are_the_same_in_both(
        addresses in any::<[u32; 4]>(),
        length in 0..=32_u8,
        text in "[!-~]{1,60}",
        said in vec(any::<u8>(), 1..20),
    ) {
        use dhcp::v4::{
            BroadcastAddress, ClasslessRoutes, HostName, NtpServers, RapidCommit, RelayAgentInformation, RelaySubOption,
            RootPath, Route, SubnetSelection, VendorSpecific,
        };
        use theirs::relay::{RelayAgentInformation as Information, RelayInfo};

        let [one, two, three, router] = addresses.map(Ipv4Addr::from_bits);
        let route = Route::new(three, length, router).unwrap();
        let mut ours = Message::new(Operation::Reply, HardwareAddress::ethernet(MacAddress([2; 6])));
        ours.options.put(&HostName(text.clone().into_bytes()));
        ours.options.put(&RootPath(text.clone().into_bytes()));
        ours.options.put(&BroadcastAddress(one));
        ours.options.put(&NtpServers(vec![one, two]));
        ours.options.put(&VendorSpecific(said.clone()));
        ours.options.put(&RapidCommit);
        ours.options.put(&SubnetSelection(two));
        ours.options.put(&ClasslessRoutes(vec![route]));
        let sub_options = [
            (RelaySubOption::CIRCUIT_ID, said.as_slice()),
            (RelaySubOption::REMOTE_ID, &said),
            (RelaySubOption::LINK_SELECTION, &one.octets()),
            (RelaySubOption::SUBSCRIBER_ID, &said),
            (RelaySubOption::SERVER_IDENTIFIER_OVERRIDE, &two.octets()),
        ];
        ours.options.put(&RelayAgentInformation::with(&sub_options).unwrap());

        let decoded = theirs::Message::decode(&mut Decoder::new(&ours.encode())).unwrap();
        let mut information = Information::default();
        information.insert(RelayInfo::AgentCircuitId(said.clone()));
        information.insert(RelayInfo::AgentRemoteId(said.clone()));
        information.insert(RelayInfo::LinkSelection(one));
        information.insert(RelayInfo::SubscriberId(said.clone()));
        information.insert(RelayInfo::ServerIdentifierOverride(two));
        for expected in [
            DhcpOption::Hostname(text.clone()),
            DhcpOption::RootPath(text),
            DhcpOption::BroadcastAddr(one),
            DhcpOption::NtpServers(vec![one, two]),
            DhcpOption::VendorExtensions(said),
            DhcpOption::RapidCommit,
            DhcpOption::SubnetSelection(two),
            DhcpOption::RelayAgentInformation(information),
        ] {
            prop_assert_eq!(decoded.opts().get(theirs::OptionCode::from(&expected)), Some(&expected));
        }
        let routes = decoded.opts().get(theirs::OptionCode::ClasslessStaticRoute);
        let Some(DhcpOption::ClasslessStaticRoute(routes)) = routes else { panic!("no route") };
        let read: Vec<_> = routes.iter().map(|(net, by)| (net.network(), net.prefix_len(), *by)).collect();
        prop_assert_eq!(read, [(route.prefix(), length, router)]);

        let back = Message::decode(&decoded.to_vec().unwrap()).unwrap();
        prop_assert_eq!(sorted(&back), sorted(&ours));
    }
}
