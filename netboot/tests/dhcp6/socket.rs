//! The server's socket on the loopback interface, as a relay agent reaches it.

use std::{net::Ipv6Addr, time::Duration};

use dhcp::v6::{
    Datagram, Duid, Message, MessageType, OptionCode, OptionRequest, Options, RelayDirection, RelayMessage,
    TransactionId,
};
use netboot::{
    io::{Dhcp6Server, Services},
    policy::Dhcp6Policy,
};
use tokio::{net::UdpSocket, time::timeout};

fn policy(text: &str) -> Dhcp6Policy {
    toml::from_str(&format!("listen = '[::1]:0'\nclient-port = 'source'\n{text}")).unwrap()
}

#[tokio::test]
async fn dhc_03_a_relay_agent_on_loopback_gets_option_136() {
    let text = "server-duid = '00:03:00:01:02:00:5e:00:00:01'\n\
                give.bootstrap-uris = ['https://[2001:db8::1]']\n[[subnet]]\nnetwork = '2001:db8::/64'\n";
    let server = Dhcp6Server::bind(policy(text), Services::in_memory()).unwrap();
    assert_eq!(*server.duid(), "00:03:00:01:02:00:5e:00:00:01".parse::<Duid>().unwrap());
    let server = server.spawn();
    let relay = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).await.unwrap();

    let mut asked = Message::new(MessageType::InformationRequest, TransactionId([1, 2, 3]));
    asked.options.put(&OptionRequest(vec![OptionCode::SZTP_REDIRECT])).unwrap();
    let mut forward = RelayMessage {
        direction: RelayDirection::Forward,
        hop_count: 0,
        link: "2001:db8::1".parse().unwrap(),
        peer: "fe80::1".parse().unwrap(),
        options: Options::new(),
    };
    forward.carry(&Datagram::Message(asked)).unwrap();

    // What is no DHCP message is dropped and the server goes on.
    relay.send_to(b"noise", server.local_address()).await.unwrap();
    relay.send_to(&forward.encode(), server.local_address()).await.unwrap();
    let mut buffer = [0; 1500];
    let (length, from) = timeout(Duration::from_secs(10), relay.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(from, server.local_address());
    let Datagram::Relay(reply) = Datagram::decode(&buffer[..length]).unwrap() else { panic!("no relay agent's") };
    let Datagram::Message(reply) = reply.carried().unwrap() else { panic!("one relay agent asked") };
    let value = reply.options.single(OptionCode::SZTP_REDIRECT).unwrap().unwrap();
    assert_eq!(value, b"\x00\x15https://[2001:db8::1]");
    server.shutdown().await.unwrap();
}
