//! The DHCPv4 server, the proxy and the boot server at port 4011: whatever clients, relay agents and other hosts send, whatever the store answers
//! and probes find, there is at most one reply to a datagram, every reply can be read, and no client is told that it has an address which is
//! not durably its own.
#![no_main]

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    sync::LazyLock,
};

use dhcp::v4::{
    ClientIdentifier, HardwareAddress, LeaseTime, MacAddress, Message, MessageType, Operation, OptionCode,
    ParameterRequestList, RapidCommit, RequestedAddress, ServerIdentifier, TransactionId, VendorClass,
};
use fuzz::{Seed, shelf::Shelf};
use netboot::{
    action::{Action, Destination, Outgoing, Pending},
    dhcp4::{BootServer, Datagram, Dhcp4Machine},
    lease::Standing,
    moment::Moment,
    policy::{Arrival, Dhcp4Policy, Directory},
};

fuzz::target!(seeds, check);

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const HERE: Arrival<'_, Ipv4Addr> = Arrival { interface: "eth0", addresses: &[SERVER] };
/// `MOST` datagrams, each behind two bytes that say how the world goes on and two of length.
const MOST: usize = 24;
/// What fits into a frame of Ethernet behind the headers of IPv4 and UDP.
const LONGEST: usize = 1500 - 28;
const OPTIONS: &str = "[give]\nbootstrap-uris = ['https://a.example', 'https://[2001:db8::1]:8443']\nlease-seconds = 60\n\
    boot-file = 'x.efi'\nnext-server = '192.0.2.1'\nrouters = ['192.0.2.1']\ndns = ['192.0.2.53']\n\
    [[class]]\nname = 'pxe'\nwhen = { vendor-class = ['PXEClient*'] }\n\
    give = { pxe = { menu = [{ item = 32768, text = 'Install', boot-file = 'install.efi', layer-files = ['a', 'b'] }, \
    { item = 0, text = 'Disk' }], prompt = { text = 'F8', seconds = 3 } } }\n\
    [[class]]\nname = 'own'\nwhen = { mac = ['02:00:00:*'] }\n\
    give = { options = [{ code = 224, text = 'x', send = 'always' }] }\n";
const NETWORKS: &str = "[[subnet]]\nnetwork = '192.0.2.0/24'\n\
    pools = [{ first = '192.0.2.100', last = '192.0.2.103' }]\n\
    reservations = [{ mac = '02:00:00:00:00:09', address = '192.0.2.9' }]\n\
    [[subnet]]\nnetwork = '198.51.100.0/24'\npools = [{ first = '198.51.100.1', last = '198.51.100.2' }]\n";

static SERVING: LazyLock<Dhcp4Policy> = LazyLock::new(|| policy(&format!("{OPTIONS}{NETWORKS}")));
static PROXY: LazyLock<Dhcp4Policy> = LazyLock::new(|| policy(&format!("mode = 'proxy'\n{OPTIONS}")));

fn policy(text: &str) -> Dhcp4Policy {
    toml::from_str(text).expect("a policy")
}

fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

fn seeds() -> Vec<Seed> {
    let message = |number: u8, kind: MessageType| {
        let mac = MacAddress([2, 0, 0, 0, 0, number]);
        let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(mac));
        message.transaction = TransactionId(u32::from(number));
        message.options.put(&kind);
        message.options.put(&ParameterRequestList(
            [1, 3, 6, 43, 66, 67, 143, 224].iter().filter_map(|it| OptionCode::new(*it)).collect(),
        ));
        message
    };
    let selecting = |number: u8, address: Ipv4Addr| {
        let mut message = message(number, MessageType::Request);
        message.options.put(&ServerIdentifier(SERVER));
        message.options.put(&RequestedAddress(address));
        message
    };
    let renewing = |number: u8, address: Ipv4Addr, kind: MessageType| {
        let mut message = message(number, kind);
        message.client_address = address;
        message
    };
    let mut quick = message(2, MessageType::Discover);
    quick.options.put(&RapidCommit);
    quick.options.put(&ClientIdentifier(vec![1, 2, 3]));
    let mut declined = message(1, MessageType::Decline);
    declined.options.put(&ServerIdentifier(SERVER));
    declined.options.put(&RequestedAddress(host(100)));
    let mut foreign = selecting(3, host(77));
    foreign.options.put(&ServerIdentifier(host(66)));
    let mut firmware = message(4, MessageType::Discover);
    firmware.options.put(&VendorClass(b"PXEClient:Arch:00007:UNDI:003016".to_vec()));
    for (code, value) in [(93, vec![0, 7]), (94, vec![1, 3, 16]), (97, vec![0; 17])] {
        firmware.options.insert(OptionCode::new(code).expect("a code"), value);
    }
    let mut chosen = firmware.clone();
    chosen.options.put(&MessageType::Request);
    chosen.client_address = host(50);
    chosen.options.insert(OptionCode::new(43).expect("a code"), [71, 4, 0x80, 0, 0, 0, 255]);
    let life = [
        message(1, MessageType::Discover),
        selecting(1, host(100)),
        renewing(1, host(100), MessageType::Request),
        message(9, MessageType::Discover),
        selecting(9, host(9)),
        quick,
        foreign,
        declined,
        renewing(1, host(100), MessageType::Release),
        renewing(5, host(200), MessageType::Inform),
        firmware,
        chosen,
    ];
    let framed = |control: [u8; 2], message: &Message| {
        let bytes = message.encode();
        let length = u16::try_from(bytes.len()).expect("short");
        [&control[..], &length.to_be_bytes(), &bytes].concat()
    };
    let plain: Vec<u8> = life.iter().flat_map(|it| framed([0, 0], it)).collect();
    let relayed: Vec<u8> = life
        .iter()
        .flat_map(|it| {
            let mut message = it.clone();
            message.relay = Ipv4Addr::new(198, 51, 100, 254);
            framed([1, 0], &message)
        })
        .collect();
    let beside: Vec<u8> =
        life.iter().zip([1, 2].into_iter().cycle()).flat_map(|(it, to)| framed([0, to], it)).collect();
    let troubled: Vec<u8> =
        life.iter().zip(0_u8..).flat_map(|(it, number)| framed([number.wrapping_mul(37), 0], it)).collect();
    vec![plain, relayed, beside, troubled]
}

/// A store, and what is known of time.
struct World {
    server: Dhcp4Machine,
    proxy: Dhcp4Machine,
    boot: BootServer,
    store: Shelf,
    now: Moment,
}

fn check(mut bytes: &[u8]) {
    let boot = BootServer::new(PROXY.clone());
    let (server, proxy) = (Dhcp4Machine::new(SERVING.clone()), Dhcp4Machine::new(PROXY.clone()));
    let mut world = World { server, proxy, boot, store: Shelf::default(), now: Moment(1_000_000) };
    for _ in 0..MOST {
        let [control, to, high, low, rest @ ..] = bytes else { return };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (datagram, after) = rest.split_at(length);
        world.hear(*control, *to, datagram);
        bytes = after;
    }
}

impl World {
    /// The control byte: bit 0 says whether a relay agent sent it, bits 1 to 3 what the store does, bit 4 what a probe finds, the others how
    /// time goes on. The other byte says who hears it.
    fn hear(&mut self, control: u8, to: u8, bytes: &[u8]) {
        self.now = self.now.plus(u32::from(control >> 5).saturating_mul(13));
        let source = match control & 1 {
            0 => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
            _ => SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 254), 67),
        };
        let datagram = Datagram { source, arrival: HERE, bytes };
        let nobody = Directory::default();
        let mut todo = match to % 3 {
            0 => self.server.on_datagram(self.now, &datagram, &nobody),
            1 => self.proxy.on_datagram(self.now, &datagram, &nobody),
            _ => self.boot.on_datagram(self.now, &datagram, &nobody),
        };
        let own = to % 3 == 0;
        let (mut sent, mut said, mut probed, mut written) = (0, 0, 0, 0);
        while let Some(action) = todo.pop() {
            match action {
                Action::Send(outgoing) => {
                    self.judge(&outgoing, own);
                    sent += 1;
                }
                Action::Note(_) => said += 1,
                Action::Write(pending) => {
                    assert!(own, "only who gives addresses writes them down");
                    written += 1;
                    todo.extend(self.write(*pending, control >> 1 & 7));
                }
                Action::Probe(probe) => {
                    assert!(own && self.server.policy().rules().gives(probe.address.into()));
                    probed += 1;
                    // What is in use is set aside, and another one is tried: this ends with the pool.
                    assert!(probed <= 8, "a request is probed without end");
                    let in_use = control & 16 != 0;
                    todo.extend(self.server.on_probed(self.now, *probe, &datagram, in_use, &nobody));
                }
            }
        }
        assert!(sent <= 1 && said >= 1 && written <= 1 + probed, "{sent} replies, {said} notes, {written} records");
        self.server.on_tick(self.now, 30);
        for (place, subnet) in self.server.policy().rules().subnets().iter().enumerate() {
            let (records, _) = self.server.book().usage(place);
            assert!(records <= 6, "more records than addresses in {}", subnet.network());
        }
    }

    fn write(&mut self, pending: Pending<Ipv4Addr>, mood: u8) -> Vec<Action<Ipv4Addr>> {
        if mood == 7 {
            return self.server.on_written(pending, Err("down".to_owned()));
        }
        // Another server was faster.
        if mood == 6
            && let Some(lease) = pending.leases.last()
        {
            self.store.lend_to_another(lease, self.now);
        }
        let written = self.store.write(&pending.leases);
        let actions = self.server.on_written(pending, Ok(&written));
        if mood == 5 {
            self.server.on_followed(self.store.all());
        }
        actions
    }

    /// What is sent can be read, fits, and promises nothing that is not durable.
    fn judge(&self, outgoing: &Outgoing, own: bool) {
        assert!(outgoing.bytes.len() <= LONGEST, "a reply of {} octets", outgoing.bytes.len());
        let reply = Message::decode(&outgoing.bytes).expect("what is sent can be read");
        assert_eq!(reply.operation, Operation::Reply);
        let kind: MessageType = reply.options.value().expect("a message type").expect("one");
        assert!(matches!(kind, MessageType::Offer | MessageType::Ack | MessageType::Nak), "{kind:?}");
        if let Destination::Unnumbered { address, .. } = outgoing.destination {
            assert_eq!(address, reply.your_address);
        }
        let address = reply.your_address;
        if address.is_unspecified() {
            return;
        }
        assert!(own, "a proxy gave {address}");
        assert!(self.server.policy().rules().gives(address.into()));
        let seconds = reply.options.value::<LeaseTime>().expect("a lease time");
        if kind == MessageType::Ack
            && let Some(LeaseTime(seconds)) = seconds
        {
            let lease = self.store.at(address.into()).expect("what is lent is durable");
            assert!(lease.standing == Standing::Lent && lease.expires >= self.now.plus(seconds));
            assert!(lease.mac.is_none() || lease.mac == reply.hardware.mac());
        }
    }
}
