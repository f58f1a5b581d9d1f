//! DHCPv4 clients that ask a server on the loopback interface, each by itself or many in a row.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dhcp::v4::{
    HardwareAddress, MacAddress, Message, MessageType, Operation, RequestedAddress, ServerIdentifier, TransactionId,
};

/// How long a client waits before it asks again.
const PATIENCE: Duration = Duration::from_millis(400);

/// What a client heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Offered(Ipv4Addr),
    Acknowledged(Ipv4Addr),
    Refused,
    Nothing,
}

/// One client.
pub(crate) struct Client {
    mac: MacAddress,
    socket: UdpSocket,
    server: SocketAddrV4,
    transaction: AtomicU32,
}

impl Client {
    pub(crate) fn new(mac: [u8; 6], server: SocketAddrV4) -> Self {
        Self::at(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap(), mac, server)
    }

    /// Bound to no address: what is sent to the address that it is lent comes to it, too.
    fn at(socket: UdpSocket, mac: [u8; 6], server: SocketAddrV4) -> Self {
        Self { mac: MacAddress(mac), socket, server, transaction: AtomicU32::new(1) }
    }

    pub(crate) const fn mac(&self) -> MacAddress {
        self.mac
    }

    pub(crate) fn discover(&self) -> Reply {
        self.ask(self.message(MessageType::Discover))
    }

    /// Takes an offer.
    pub(crate) fn request(&self, address: Ipv4Addr) -> Reply {
        let mut message = self.message(MessageType::Request);
        message.options.put(&ServerIdentifier(*self.server.ip()));
        message.options.put(&RequestedAddress(address));
        self.ask(message)
    }

    pub(crate) fn renew(&self, address: Ipv4Addr) -> Reply {
        let mut message = self.message(MessageType::Request);
        message.client_address = address;
        self.ask(message)
    }

    fn message(&self, kind: MessageType) -> Message {
        let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(self.mac));
        message.transaction = TransactionId(self.transaction.fetch_add(1, Ordering::Relaxed));
        message.options.put(&kind);
        message
    }

    fn ask(&self, message: Message) -> Reply {
        self.socket.send_to(&message.encode(), self.server).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 1500];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Reply::Nothing;
            }
            self.socket.set_read_timeout(Some(left)).unwrap();
            let Ok((length, _)) = self.socket.recv_from(&mut buffer) else { continue };
            let reply = Message::decode(&buffer[..length]).unwrap();
            if reply.transaction != message.transaction || reply.hardware != message.hardware {
                continue;
            }
            return match reply.options.value() {
                Ok(Some(MessageType::Offer)) => Reply::Offered(reply.your_address),
                Ok(Some(MessageType::Ack)) => Reply::Acknowledged(reply.your_address),
                Ok(Some(MessageType::Nak)) => Reply::Refused,
                other => panic!("{other:?}"),
            };
        }
    }
}

/// What many clients were told.
#[derive(Default)]
pub(crate) struct Clients {
    /// Who was told that it has an address, and when it asked last.
    held: Mutex<BTreeMap<Ipv4Addr, (MacAddress, u64)>>,
    acknowledged: AtomicUsize,
    enough: AtomicBool,
    /// What must not happen.
    wrong: Mutex<Vec<String>>,
}

impl Clients {
    /// So many clients, one after the other and again from the start: each gets a lease, and renews it whenever it has its turn.
    pub(crate) fn keep_asking(&self, caller: u8, clients: u8, server: SocketAddrV4) {
        let mut leases: BTreeMap<u8, Ipv4Addr> = BTreeMap::new();
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        for turn in 0_u32.. {
            for number in 0..clients {
                if self.enough.load(Ordering::Relaxed) {
                    return;
                }
                let client = Client::at(socket.try_clone().unwrap(), [2, 0, 0x5e, 0x10, caller, number], server);
                client.transaction.store(turn * 1000 + 1, Ordering::Relaxed);
                let asked = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
                let reply = match leases.get(&number) {
                    Some(address) => client.renew(*address),
                    None => match client.discover() {
                        Reply::Offered(address) => client.request(address),
                        none => none,
                    },
                };
                match (reply, leases.get(&number)) {
                    (Reply::Acknowledged(address), _) => {
                        leases.insert(number, address);
                        self.told(client.mac, address, asked);
                    }
                    (Reply::Refused, Some(address)) => {
                        self.blame(format!("{} is refused the lease of {address} that it has", client.mac));
                    }
                    // It asks again when it has its turn.
                    _ => {}
                }
            }
        }
    }

    fn told(&self, mac: MacAddress, address: Ipv4Addr, asked: u64) {
        let before = self.held.lock().unwrap().insert(address, (mac, asked));
        if let Some((other, _)) = before.filter(|(other, _)| *other != mac) {
            self.blame(format!("{address} was given to {other} and to {mac}"));
        }
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    fn blame(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    pub(crate) fn enough(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// Fails when anything happened that must not.
    pub(crate) fn check(&self) {
        let wrong = self.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    pub(crate) fn held(&self) -> BTreeMap<Ipv4Addr, (MacAddress, u64)> {
        self.held.lock().unwrap().clone()
    }
}
