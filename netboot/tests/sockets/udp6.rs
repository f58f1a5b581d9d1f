//! Datagrams over IPv6: groups, and link-local addresses.

use std::{
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
    time::Duration,
};

use linux_sys::datagram::{Batch, Outgoing};
use netboot::io::Udp6Socket;
use tokio::time::timeout;

use crate::bench::{CABLE, SECOND_CABLE, Working, inside, interface, ip, python};

const EVERYWHERE: SocketAddrV6 = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 547, 0, 0);

/// Sends its own interface's name to these addresses from link-local ones, then waits for answers.
fn client(device: &str, destinations: &[&str]) -> String {
    format!(
        "import socket
index = socket.if_nametoindex('{device}')
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'{device}')
s.bind(('', 546))
for to in {destinations:?}:
    s.sendto(b'{device}', (to, 547, 0, index if to.startswith('f') else 0))
"
    )
}

/// What arrives, as so many datagrams: payload, destination, interface, and who sent it.
async fn receive(socket: &Udp6Socket, datagrams: usize) -> Vec<(String, String, u32, SocketAddrV6)> {
    let mut batch = Batch::new(8);
    let mut seen = Vec::new();
    while seen.len() < datagrams {
        let received = socket.receive_many(&mut batch).await.unwrap();
        seen.extend(received.map(|it| {
            let payload = String::from_utf8(it.bytes.to_vec()).unwrap();
            (payload, it.destination.to_string(), it.interface, it.source)
        }));
    }
    seen
}

/// RFC 8415 §7.1: both groups and one's own addresses, on the interfaces that were joined.
#[test]
fn groups_are_heard_where_they_were_joined_and_answers_find_the_link() {
    let _python = peers::need!("python3");
    inside!(&[CABLE, SECOND_CABLE].concat(), || async {
        let socket = Udp6Socket::bind(EVERYWHERE, None).unwrap();
        let (veth0, veth2) = (interface("veth0"), interface("veth2"));
        socket.join(&veth0).unwrap();
        socket.join(&veth0).unwrap();
        let own = veth0.link_local().unwrap().to_string();
        let script = client("veth1", &["ff02::1:2", "ff05::1:3", &own, "2001:db8:2::1"]);
        let waiting = "print('ready', flush=True)
while True:
    data, source = s.recvfrom(9999)
    print(data.decode(), source[0].split('%')[0], source[1], flush=True)";
        let mut first = Working::python(&[&script, waiting].concat());
        // That somebody else on this host hears the groups of the second link does not mean that this socket does.
        let stranger = Udp6Socket::bind(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 1547, 0, 0), None).unwrap();
        stranger.join(&veth2).unwrap();
        // This link's groups are not heard; what is sent to the host itself is.
        python(&client("veth3", &["ff02::1:2", "2001:db8:3::1"]));

        let seen = receive(&socket, 5).await;
        let known: Vec<_> = seen.iter().map(|(payload, to, by, _)| (payload.as_str(), to.as_str(), *by)).collect();
        let index = veth0.index;
        assert_eq!(
            known,
            [
                ("veth1", "ff02::1:2", index),
                ("veth1", "ff05::1:3", index),
                ("veth1", own.as_str(), index),
                ("veth1", "2001:db8:2::1", index),
                ("veth3", "2001:db8:3::1", veth2.index),
            ]
        );
        let source = seen[0].3;
        assert!(source.ip().is_unicast_link_local() && source.scope_id() == index, "{source}");
        assert_eq!((seen[3].3.scope_id(), *seen[3].3.ip()), (0, "2001:db8:2::2".parse().unwrap()));

        let answer = |bytes, destination: SocketAddrV6, from: Option<Ipv6Addr>, interface| Outgoing {
            bytes,
            destination: SocketAddr::V6(destination),
            source: from.map(Into::into),
            interface,
        };
        let bare = SocketAddrV6::new(*source.ip(), source.port(), 0, 0);
        let unsent = socket
            .send_many(&[
                answer(b"scoped", source, None, None),
                answer(b"by-interface", bare, veth0.link_local(), Some(index)),
                answer(b"nowhere", "[2001:db8:99::1]:546".parse().unwrap(), None, None),
                answer(b"global", seen[3].3, Some("2001:db8:2::1".parse().unwrap()), None),
            ])
            .await;
        assert_eq!(unsent.iter().map(|it| it.datagram).collect::<Vec<_>>(), [2], "{unsent:?}");
        assert_eq!(first.line(), format!("scoped {own} 547"));
        assert_eq!(first.line(), format!("by-interface {own} 547"));
        assert_eq!(first.line(), "global 2001:db8:2::1 547");

        // What was left is heard no more, and what is joined is.
        drop(first);
        socket.leave(index);
        socket.leave(index);
        socket.join(&veth2).unwrap();
        python(&client("veth1", &["ff02::1:2"]));
        python(&client("veth3", &["ff02::1:2"]));
        assert_eq!(receive(&socket, 1).await[0].2, veth2.index);
    });
}

#[test]
fn a_socket_of_one_interface_hears_its_groups_after_the_interface_was_down() {
    let _python = peers::need!("python3");
    inside!(&[CABLE, SECOND_CABLE].concat(), || async {
        let socket = Udp6Socket::bind(EVERYWHERE, Some("veth0")).unwrap();
        let veth0 = interface("veth0");
        socket.join(&veth0).unwrap();
        python(&client("veth1", &["ff02::1:2"]));
        assert_eq!(receive(&socket, 1).await[0].1, "ff02::1:2");
        ip("link set veth0 down");
        ip("link set veth0 up");
        // Until both ends of the cable know that it is whole again, what is sent is lost.
        let seen = loop {
            python(&client("veth1", &["ff02::1:2"]));
            if let Ok(seen) = timeout(Duration::from_millis(200), receive(&socket, 1)).await {
                break seen;
            }
        };
        assert_eq!((seen[0].0.as_str(), seen[0].1.as_str()), ("veth1", "ff02::1:2"));
        ip("link delete veth0");
        let error = Udp6Socket::bind(EVERYWHERE, None).unwrap().join(&veth0).unwrap_err();
        assert!(error.to_string().contains("veth0"), "{error}");
        socket.leave(veth0.index);
    });
}
