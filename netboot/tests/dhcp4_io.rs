//! The DHCPv4 server on a loopback socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::Ipv4Addr, time::Duration};

use dhcp::{
    bootstrap_uri::UriList,
    v4::{HardwareAddress, MacAddress, Message, MessageType, Operation, OptionCode, ParameterRequestList},
};
use netboot::{
    io::{Dhcp4Server, OpenError, RunningDhcpServer, ServerError, Services},
    policy::Dhcp4Policy,
};
use tokio::{net::UdpSocket, time::timeout};

/// Each test listens on an address of its own, so that none takes another's port.
fn policy(address: &str, more: &str) -> Dhcp4Policy {
    let text = format!("server-identifier = '{address}'\nlisten = '{address}:0'\nclient-port = 'source'\n{more}");
    toml::from_str(&text).unwrap()
}

fn spawn(address: &str, more: &str) -> RunningDhcpServer {
    Dhcp4Server::bind(policy(address, more), Services::in_memory()).unwrap().spawn()
}

/// DHC-02, DHC-07: a device on 127.0.0.5 asks for option 143 from an unprivileged port and gets it.
#[tokio::test]
async fn dhc_02_inform_on_loopback_brings_option_143() {
    let server =
        spawn("127.0.0.1", "give.bootstrap-uris = ['https://sztp1.example.net:8443', 'https://[2001:db8::1]']");
    let device = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 5), 0)).await.unwrap();

    let mut inform = Message::new(Operation::Request, HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, 5])));
    inform.client_address = Ipv4Addr::new(127, 0, 0, 5);
    inform.options.put(&MessageType::Inform);
    inform.options.put(&ParameterRequestList(vec![OptionCode::SZTP_REDIRECT]));

    // What is no DHCP message is dropped and the server goes on.
    device.send_to(b"noise", server.local_address()).await.unwrap();
    device.send_to(&inform.encode(), server.local_address()).await.unwrap();
    let mut buffer = [0; 1500];
    let (length, from) = timeout(Duration::from_secs(10), device.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(from, server.local_address());

    let ack = Message::decode(&buffer[..length]).unwrap();
    assert_eq!(ack.options.value(), Ok(Some(MessageType::Ack)));
    let decoded = UriList::decode(ack.options.bytes(OptionCode::SZTP_REDIRECT).unwrap()).unwrap();
    let uris: Vec<_> = decoded.uris.as_slice().iter().map(ToString::to_string).collect();
    assert_eq!(uris, ["https://sztp1.example.net:8443", "https://[2001:db8::1]"]);

    server.shutdown().await.unwrap();
}

/// Whoever talks to one of a host's addresses is answered from that one.
#[tokio::test]
async fn answers_come_from_the_address_that_is_listened_on() {
    let server = spawn("127.0.0.4", "[[subnet]]\nnetwork = '127.0.0.0/8'");
    let device = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 6), 0)).await.unwrap();
    // Hears nobody else.
    device.connect(server.local_address()).await.unwrap();
    let mut inform = Message::new(Operation::Request, HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, 6])));
    inform.client_address = Ipv4Addr::new(127, 0, 0, 6);
    inform.options.put(&MessageType::Inform);
    device.send(&inform.encode()).await.unwrap();
    let heard = timeout(Duration::from_secs(10), device.recv(&mut [0; 1500])).await;
    assert!(heard.is_ok_and(|heard| heard.is_ok()));
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn after_shutdown_the_address_is_free_for_an_exclusive_socket() {
    let server = spawn("127.0.0.2", "");
    let address = server.local_address();
    assert!(std::net::UdpSocket::bind(address).is_err(), "the server has the address");
    server.shutdown().await.unwrap();
    assert!(std::net::UdpSocket::bind(address).is_ok());
}

#[tokio::test]
async fn an_interface_that_does_not_exist_is_named() {
    let error =
        Dhcp4Server::bind(policy("127.0.0.3", "interfaces = ['sztp-none']"), Services::in_memory()).unwrap_err();
    assert!(
        matches!(error, ServerError::Open(OpenError::Interface { ref interface, .. }) if interface == "sztp-none"),
        "{error:?}"
    );
}
