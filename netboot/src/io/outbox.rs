//! Replies on their way out: datagrams together, frames for clients that have no address yet.

use std::net::{Ipv4Addr, SocketAddrV4};

use linux_sys::{datagram, packet::PacketSocket, udp::UdpPacket};
use tracing::warn;

use super::{channel::Channel, local::Locals};
use crate::action::{Destination, Outgoing};

/// What is to be sent, and the interface that each leaves by.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    replies: Vec<(u32, Outgoing)>,
}

impl Outbox {
    pub(super) fn put(&mut self, interface: u32, reply: Outgoing) {
        self.replies.push((interface, reply));
    }

    /// Sends everything. A reply that cannot be sent is told and forgotten: its client asks again.
    pub(super) async fn send(
        &mut self,
        channel: &Channel,
        frames: Option<&PacketSocket>,
        locals: &Locals,
        protocol: &'static str,
    ) {
        if self.replies.is_empty() {
            return;
        }
        let replies = std::mem::take(&mut self.replies);
        let mut datagrams = Vec::with_capacity(replies.len());
        for (interface, reply) in &replies {
            let destination = match reply.destination {
                Destination::Address(address) => address,
                Destination::Unnumbered { mac, address, port } => {
                    let client = SocketAddrV4::new(address, port);
                    if frames.is_some_and(|frames| frame(frames, *interface, locals, &mac.0, client, &reply.bytes)) {
                        continue;
                    }
                    SocketAddrV4::new(Ipv4Addr::BROADCAST, port).into()
                }
            };
            let (bytes, source, interface) = (reply.bytes.as_slice(), channel.own(), Some(*interface));
            datagrams.push(datagram::Outgoing { bytes, destination, source, interface });
        }
        for unsent in channel.send_many(&datagrams).await {
            let destination = datagrams.get(unsent.datagram).map(|it| it.destination);
            warn!(?destination, error = %unsent.error, "{protocol} send failed");
        }
    }
}

/// Whether the reply went in a frame.
fn frame(
    frames: &PacketSocket,
    interface: u32,
    locals: &Locals,
    mac: &[u8],
    destination: SocketAddrV4,
    payload: &[u8],
) -> bool {
    let local = locals.numbered(interface).and_then(|local| local.ipv4.first());
    let Some(source) = local.map(|address| SocketAddrV4::new(*address, SERVER_PORT)) else { return false };
    frames.send(interface, mac, &UdpPacket { source, destination, payload }).is_ok()
}

/// The port that servers send from.
const SERVER_PORT: u16 = 67;
