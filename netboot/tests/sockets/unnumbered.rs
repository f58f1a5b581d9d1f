//! Answers to clients that have no address yet and ask for no broadcast (RFC 2131 §4.1).

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddrV4},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use dhcp::v4::{Message, MessageType, Operation, OptionCode};
use linux_sys::{datagram::Batch, packet::PacketSocket, udp::UdpPacket};
use netboot::io::Udp4Socket;

use crate::bench::{CABLE, Working, file, inside, interface, other};

const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 67);
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 100), 68);

/// As much of a server as the client needs.
fn answer(request: &[u8]) -> Option<(Vec<u8>, MessageType)> {
    let request = Message::decode(request).unwrap();
    assert!(!request.flags.broadcast(), "this client takes unicast");
    assert_eq!(request.client_address, Ipv4Addr::UNSPECIFIED);
    let kind = match request.options.value().unwrap()? {
        MessageType::Discover => MessageType::Offer,
        MessageType::Request => MessageType::Ack,
        _ => return None,
    };
    let mut reply = Message::new(Operation::Reply, request.hardware);
    reply.transaction = request.transaction;
    reply.your_address = *CLIENT.ip();
    reply.options.put(&kind);
    reply.options.insert(OptionCode::new(54).unwrap(), SERVER.ip().octets());
    reply.options.insert(OptionCode::new(51).unwrap(), 3600_u32.to_be_bytes());
    reply.options.insert(OptionCode::new(1).unwrap(), [255, 255, 255, 0]);
    Some((reply.encode(), kind))
}

#[test]
fn udhcpc_without_an_address_gets_its_lease_in_frames() {
    let (_busybox, _tcpdump, _python) = (peers::need!("busybox"), peers::need!("tcpdump"), peers::need!("python3"));
    let setup = [CABLE, "ip -n other addr flush dev veth1\n"].concat();
    let ran = inside!(&setup, || async {
        let (socket, frames) = (
            Udp4Socket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67), Some("veth0")).unwrap(),
            PacketSocket::open().unwrap(),
        );
        let capture = file("frames.pcap");
        let mut watching = Working::capture(&capture, 68);
        let (script, lease) = (file("lease.sh"), file("lease"));
        fs::write(&script, format!("#!/bin/sh\n[ \"$1\" = bound ] && env > '{}'\nexit 0\n", lease.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let mut udhcpc = other("busybox", &["udhcpc", "-f", "-n", "-q", "-i", "veth1", "-t", "10", "-T", "1", "-s"]);
        let mut client = udhcpc.arg(&script).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();

        let mut batch = Batch::new(8);
        let mut acknowledged = false;
        while !acknowledged {
            for received in socket.receive_many(&mut batch).await.unwrap() {
                assert_eq!(
                    (received.source.to_string(), received.destination),
                    ("0.0.0.0:68".to_owned(), Ipv4Addr::BROADCAST)
                );
                assert_eq!(received.interface, interface("veth0").index);
                let Some((reply, kind)) = answer(received.bytes) else { continue };
                let hardware = Message::decode(received.bytes).unwrap().hardware;
                let packet = UdpPacket { source: SERVER, destination: CLIENT, payload: &reply };
                frames.send(received.interface, hardware.octets(), &packet).unwrap();
                acknowledged = kind == MessageType::Ack;
            }
        }
        assert!(client.wait().unwrap().success(), "the client has its lease");
        let lease = fs::read_to_string(lease).unwrap();
        assert!(lease.contains("ip=192.0.2.100\n") && lease.contains("lease=3600\n"), "{lease}");

        for _ in 0..2 {
            assert_eq!(watching.line(), "frame");
        }
    });

    // What somebody else says of the frames.
    let Some(folder) = ran else { return };
    let capture = File::open(folder.path().join("frames.pcap")).unwrap();
    let read = Command::new("tcpdump").args(["-e", "-n", "-vv", "-r", "-"]).stdin(capture).output().unwrap();
    let seen = String::from_utf8_lossy(&read.stdout).into_owned();
    let header = "02:00:00:00:00:02 > 02:00:00:00:00:12, ethertype IPv4 (0x0800)";
    assert_eq!(seen.matches(header).count(), 2, "an offer and an ack: {seen}{}", String::from_utf8_lossy(&read.stderr));
    let packets: Vec<_> = seen.lines().filter(|line| line.contains("192.0.2.1.67 > 192.0.2.100.68:")).collect();
    assert_eq!(packets.len(), 2, "{seen}");
    assert!(packets.iter().all(|packet| packet.contains("[udp sum ok]")), "{seen}");
    assert!(!seen.contains("bad cksum"), "{seen}");
}

#[test]
fn frames_that_cannot_be_sent_are_errors() {
    inside!(CABLE, || async {
        let (frames, veth0) = (PacketSocket::open().unwrap(), interface("veth0"));
        let packet = |payload| UdpPacket { source: SERVER, destination: CLIENT, payload };
        let hardware = [2, 0, 0, 0, 0, 0x12];
        frames.send(veth0.index, &hardware, &packet(&[0; 1472])).unwrap();
        let long = frames.send(veth0.index, &hardware, &packet(&[0; 1473])).unwrap_err();
        assert_eq!(long.raw_os_error(), Some(90), "EMSGSIZE: {long}");
        crate::bench::ip("link set veth0 down");
        let down = frames.send(veth0.index, &hardware, &packet(&[0; 300])).unwrap_err();
        assert_eq!(down.raw_os_error(), Some(100), "ENETDOWN: {down}");
        crate::bench::ip("link set veth0 up");
        frames.send(veth0.index, &hardware, &packet(&[0; 300])).unwrap();
    });
}
