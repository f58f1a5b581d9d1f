//! A DHCP server on loopback that gives option 143 and nothing else.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex},
    thread,
};

use dhcp::v4::{Message, MessageType, Operation, OptionCode, ServerIdentifier};

/// The server. It runs until the process ends.
pub(crate) struct Dhcp {
    pub(crate) address: SocketAddr,
    option: Arc<Mutex<Vec<u8>>>,
}

impl Dhcp {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let option = Arc::new(Mutex::new(Vec::new()));
        let given = Arc::clone(&option);
        thread::spawn(move || {
            let mut datagram = [0; 2048];
            while let Ok((length, device)) = socket.recv_from(&mut datagram) {
                let asked = Message::decode(&datagram[..length]).unwrap();
                let mut answer = Message::new(Operation::Reply, asked.hardware);
                answer.transaction = asked.transaction;
                answer.client_address = asked.client_address;
                answer.options.put(&MessageType::Ack);
                answer.options.put(&ServerIdentifier(Ipv4Addr::LOCALHOST));
                answer.options.insert(OptionCode::SZTP_REDIRECT, given.lock().unwrap().clone());
                drop(socket.send_to(&answer.encode(), device));
            }
        });
        Self { address, option }
    }

    /// From now on the option names these URIs (RFC 8572 §8.3).
    pub(crate) fn names(&self, uris: &[String]) {
        let entry = |uri: &String| {
            let length = u16::try_from(uri.len()).unwrap().to_be_bytes();
            length.into_iter().chain(uri.bytes()).collect::<Vec<_>>()
        };
        *self.option.lock().unwrap() = uris.iter().flat_map(entry).collect();
    }

    /// From now on the option is this.
    pub(crate) fn gives(&self, octets: &[u8]) {
        *self.option.lock().unwrap() = octets.to_vec();
    }
}
