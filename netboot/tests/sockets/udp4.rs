//! Datagrams over IPv4: where they came in, and how answers leave.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use linux_sys::datagram::{Batch, Outgoing};
use netboot::io::{OpenError, Udp4Socket};
use tokio::time::timeout;

use crate::bench::{CABLE, SECOND_CABLE, Working, inside, interface, ip, python};

const EVERYWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67);

/// What arrives until this payload does: payload, destination, interface.
async fn until(socket: &Udp4Socket, batch: &mut Batch, last: &str) -> Vec<(String, String, u32)> {
    let mut seen = Vec::new();
    loop {
        for received in socket.receive_many(batch).await.unwrap() {
            let payload = String::from_utf8(received.bytes.to_vec()).unwrap();
            seen.push((payload.clone(), received.destination.to_string(), received.interface));
            if payload == last {
                return seen;
            }
        }
    }
}

#[test]
fn five_hundred_datagrams_at_once_arrive_in_their_order() {
    let _python = peers::need!("python3");
    inside!(CABLE, || async {
        let socket = Udp4Socket::bind(EVERYWHERE, Some("veth0")).unwrap();
        // All of them are sent before the first is read. They are short, so that they fit where the system's limit is the
        // usual one (`net.core.rmem_max`); a server with CAP_NET_ADMIN has more room.
        python(
            "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(500):
    s.sendto(b'%d' % number, ('192.0.2.1', 67))",
        );
        let mut batch = Batch::new(64);
        let seen = until(&socket, &mut batch, "499").await;
        let payloads: Vec<_> = seen.into_iter().map(|(payload, ..)| payload).collect();
        assert_eq!(payloads, Vec::from_iter((0..500).map(|number| number.to_string())));
        assert_eq!(socket.lost(), 0);
    });
}

#[test]
fn what_is_lost_is_counted() {
    let _python = peers::need!("python3");
    inside!(CABLE, || async {
        let socket = Udp4Socket::bind(EVERYWHERE, Some("veth0")).unwrap();
        python(
            "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(40000):
    s.sendto(b'x' * 1200, ('192.0.2.1', 67))",
        );
        let mut batch = Batch::new(64);
        let mut received: u64 = socket.receive_many(&mut batch).await.unwrap().map(|_| 1).sum();
        // There is room again, and what comes now tells how many there was none for.
        python(
            "import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'last', ('192.0.2.1', 67))",
        );
        let rest = async {
            loop {
                for it in socket.receive_many(&mut batch).await.unwrap() {
                    if it.bytes == b"last" {
                        return;
                    }
                    received += 1;
                }
            }
        };
        rest.await;
        // The kernel may lose some on their way to the socket; they are nobody's.
        assert!(socket.lost() > 0 && received + socket.lost() <= 40_000, "{received} and {}", socket.lost());
    });
}

#[test]
fn broadcast_and_unicast_are_told_apart_on_every_interface() {
    let _python = peers::need!("python3");
    inside!(&[CABLE, SECOND_CABLE].concat(), || async {
        let every = Udp4Socket::bind(EVERYWHERE, None).unwrap();
        let second = Udp4Socket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 4011), Some("veth2")).unwrap();
        let script = "import socket
for device, net in ((b'veth1', '192.0.2'), (b'veth3', '192.0.3')):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
    for port in (67, 4011):
        for to in ('255.255.255.255', net + '.255', net + '.1'):
            s.sendto(device, (to, port))
    if device == b'veth3':
        for port in (67, 4011):
            s.sendto(b'last', ('192.0.3.1', port))";
        python(script);
        let mut batch = Batch::new(4);
        let expected = |payload: &str, destinations: [&str; 3], interface: u32| {
            destinations.map(|destination| (payload.to_owned(), destination.to_owned(), interface))
        };
        let (veth0, veth2) = (interface("veth0").index, interface("veth2").index);
        let first = expected("veth1", ["255.255.255.255", "192.0.2.255", "192.0.2.1"], veth0);
        let other = expected("veth3", ["255.255.255.255", "192.0.3.255", "192.0.3.1"], veth2);
        let last = [("last".to_owned(), "192.0.3.1".to_owned(), veth2)];
        assert_eq!(until(&every, &mut batch, "last").await, [&first[..], &other, &last].concat());
        assert_eq!(until(&second, &mut batch, "last").await, [&other[..], &last].concat(), "of its cable alone");
    });
}

/// RFC 2131 §4.1: answers leave by the interface and from the address that the server names.
#[test]
fn answers_leave_as_they_are_told_to_and_a_bad_one_hurts_no_other() {
    let _python = peers::need!("python3");
    inside!(&[CABLE, SECOND_CABLE, "ip addr add 192.0.2.5/24 dev veth0\n"].concat(), || async {
        let socket = Udp4Socket::bind(EVERYWHERE, None).unwrap();
        let mut hearer = Working::python(
            "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'veth1')
s.bind(('', 68))
print('ready', flush=True)
while True:
    data, source = s.recvfrom(9999)
    print(data.decode(), source[0], source[1], flush=True)",
        );
        let plain = |bytes, destination: &str| Outgoing {
            bytes,
            destination: destination.parse().unwrap(),
            source: None,
            interface: None,
        };
        let by = |outgoing, interface, source: &str| Outgoing {
            interface: Some(interface),
            source: Some(source.parse().unwrap()),
            ..outgoing
        };
        let (veth0, veth2) = (interface("veth0").index, interface("veth2").index);
        let unsent = socket
            .send_many(&[
                plain(b"one", "192.0.2.2:68"),
                plain(b"nowhere", "198.51.100.1:68"),
                by(plain(b"two", "255.255.255.255:68"), veth0, "192.0.2.5"),
                by(plain(b"foreign", "192.0.2.2:68"), veth0, "192.0.2.99"),
                by(plain(b"elsewhere", "255.255.255.255:68"), veth2, "192.0.3.1"),
                by(plain(b"three", "192.0.2.2:68"), veth0, "192.0.2.1"),
            ])
            .await;
        assert_eq!(unsent.iter().map(|it| it.datagram).collect::<Vec<_>>(), [1, 3], "{unsent:?}");
        assert_eq!(hearer.line(), "one 192.0.2.1 67");
        assert_eq!(hearer.line(), "two 192.0.2.5 67");
        assert_eq!(hearer.line(), "three 192.0.2.1 67");
        assert!(socket.send_many(&[]).await.is_empty());
        let many = vec![plain(b"many", "192.0.2.2:68"); 150];
        assert!(socket.send_many(&many).await.is_empty());
        for _ in 0..150 {
            assert_eq!(hearer.line(), "many 192.0.2.1 67");
        }
    });
}

#[test]
fn an_interface_that_goes_down_and_up_is_served_again() {
    let _python = peers::need!("python3");
    inside!(CABLE, || async {
        let socket = Udp4Socket::bind(EVERYWHERE, Some("veth0")).unwrap();
        let mut batch = Batch::new(8);
        let say = |payload: &str| {
            python(&format!(
                "import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'{payload}', ('192.0.2.1', 67))"
            ));
        };
        say("before");
        assert_eq!(until(&socket, &mut batch, "before").await.len(), 1);
        ip("link set veth0 down");
        let answer = Outgoing {
            bytes: b"answer",
            destination: "255.255.255.255:68".parse().unwrap(),
            source: None,
            interface: None,
        };
        assert_eq!(socket.send_many(&[answer, answer]).await.len(), 2);
        ip("link set veth0 up");
        // Until both ends of the cable know that it is whole again, what is sent is lost.
        loop {
            say("after");
            if timeout(Duration::from_millis(200), until(&socket, &mut batch, "after")).await.is_ok() {
                break;
            }
        }
        assert_eq!(socket.send_many(&[answer]).await.len(), 0);

        ip("link delete veth0");
        assert_eq!(socket.send_many(&[answer]).await.len(), 1);
        let error = Udp4Socket::bind(EVERYWHERE, Some("veth0")).unwrap_err();
        assert!(matches!(error, OpenError::Interface { .. }), "{error}");
    });
}
