//! Clients of the loopback interface.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use dhcp::{
    v4::{
        HardwareAddress, MacAddress, Message, MessageType, Operation, RequestedAddress, ServerIdentifier, TransactionId,
    },
    v6,
};
use netboot::{
    io::{Dhcp4Server, Dhcp6Server, RunningDhcpServer, Services},
    policy::{Dhcp4Policy, Dhcp6Policy},
};
use tokio::{net::UdpSocket, time::timeout};

use crate::stage::SOON;

/// The server 127.0.`net`.`last`, which gives two addresses, 127.0.`net`.100 and 101. Each test has a network of its own, so that none takes
/// another's port.
pub(crate) fn server4(net: u8, last: u8, services: Services) -> RunningDhcpServer {
    let text = format!(
        "server-identifier = '127.0.{net}.{last}'\nlisten = '127.0.{net}.{last}:0'\nclient-port = 'source'\n[[subnet]]\nnetwork = '127.0.0.0/8'\n\
         pools = [{{ first = '127.0.{net}.100', last = '127.0.{net}.101' }}]\ngive = {{ lease-seconds = 3600 }}\n"
    );
    let policy: Dhcp4Policy = toml::from_str(&text).unwrap();
    Dhcp4Server::bind(policy, services).unwrap().spawn()
}

/// Clients of DHCPv4 behind one socket.
pub(crate) struct Clients4 {
    net: u8,
    socket: UdpSocket,
    server: SocketAddr,
}

impl Clients4 {
    pub(crate) async fn of(net: u8, server: &RunningDhcpServer) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, net, 9), 0)).await.unwrap();
        Self { net, socket, server: server.local_address() }
    }

    pub(crate) fn address(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, self.net, last)
    }

    fn from(number: u8, kind: MessageType) -> Message {
        let mac = MacAddress([2, 0, 0, 0, 0, number]);
        let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(mac));
        message.transaction = TransactionId(number.into());
        message.options.put(&kind);
        message
    }

    /// The client with this number takes the address that ends in this.
    pub(crate) async fn selects(&self, number: u8, last: u8) {
        let mut message = Self::from(number, MessageType::Request);
        message.options.put(&ServerIdentifier(self.address(1)));
        message.options.put(&RequestedAddress(self.address(last)));
        self.socket.send_to(&message.encode(), self.server).await.unwrap();
    }

    pub(crate) async fn renews(&self, number: u8, last: u8) {
        let mut message = Self::from(number, MessageType::Request);
        message.client_address = self.address(last);
        self.socket.send_to(&message.encode(), self.server).await.unwrap();
    }

    /// The next answer: to which client, what, and which address.
    pub(crate) async fn hears(&self) -> (u8, MessageType, u8) {
        let mut buffer = [0; 1500];
        let length = timeout(SOON, self.socket.recv(&mut buffer)).await.unwrap().unwrap();
        let message = Message::decode(&buffer[..length]).unwrap();
        let number = u8::try_from(message.transaction.0).unwrap();
        (number, message.options.value().unwrap().unwrap(), message.your_address.octets()[3])
    }
}

const DUID: [u8; 10] = [0, 3, 0, 1, 2, 0, 0, 0, 0, 1];

/// The only address that the server of DHCPv6 gives.
pub(crate) fn only() -> Ipv6Addr {
    "2001:db8::100".parse().unwrap()
}

pub(crate) fn server6(services: Services) -> RunningDhcpServer {
    let text = "listen = '[::1]:0'\nclient-port = 'source'\nserver-duid = '00:03:00:01:02:00:00:00:00:01'\n[[subnet]]\nnetwork = '2001:db8::/64'\n\
                pools = [{ first = '2001:db8::100', last = '2001:db8::100' }]\n";
    let policy: Dhcp6Policy = toml::from_str(text).unwrap();
    Dhcp6Server::bind(policy, services).unwrap().spawn()
}

/// Clients of DHCPv6 behind one relay agent.
pub(crate) struct Clients6 {
    relay: UdpSocket,
}

impl Clients6 {
    pub(crate) async fn of(server: &RunningDhcpServer) -> Self {
        let relay = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).await.unwrap();
        relay.connect(server.local_address()).await.unwrap();
        Self { relay }
    }

    /// The client with this number asks for an address.
    pub(crate) async fn asks(&self, number: u8, kind: v6::MessageType) {
        let mut message = v6::Message::new(kind, v6::TransactionId([0, 0, number]));
        let duid = |number| v6::Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, number]).unwrap();
        message.options.put(&v6::ClientIdentifier(duid(number))).unwrap();
        if kind == v6::MessageType::Request {
            message.options.put(&v6::ServerIdentifier(v6::Duid::new(&DUID).unwrap())).unwrap();
        }
        message.options.add(v6::OptionCode::IA_NA, v6::IdentityAssociation::new(1).encode()).unwrap();
        let mut forward = v6::RelayMessage {
            direction: v6::RelayDirection::Forward,
            hop_count: 0,
            link: "2001:db8::1".parse().unwrap(),
            peer: "fe80::1".parse().unwrap(),
            options: v6::Options::new(),
        };
        forward.carry(&v6::Datagram::Message(message)).unwrap();
        self.relay.send(&forward.encode()).await.unwrap();
    }

    /// The next answer: to which client, and the address that it may use.
    pub(crate) async fn hears(&self) -> (u8, Option<Ipv6Addr>) {
        let mut buffer = [0; 1500];
        let length = timeout(SOON, self.relay.recv(&mut buffer)).await.unwrap().unwrap();
        let v6::Datagram::Relay(reply) = v6::Datagram::decode(&buffer[..length]).unwrap() else { panic!("no relay's") };
        let v6::Datagram::Message(reply) = reply.carried().unwrap() else { panic!("one relay agent asked") };
        let association = reply.options.single(v6::OptionCode::IA_NA).unwrap().unwrap();
        let association = v6::IdentityAssociation::decode(association).unwrap();
        (reply.transaction.0[2], association.addresses().map(|it| it.address).next())
    }
}
