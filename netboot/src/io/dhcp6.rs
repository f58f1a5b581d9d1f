//! The DHCPv6 server on its socket.

use std::{
    future::Future,
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6},
};

use dhcp::v6::{Duid, MessageType, Received, RelayDirection};
use tracing::{debug, warn};

use super::{
    Interfaces, Protocol, RunningDhcpServer, ServerError, Services, Udp6Socket,
    channel::Channel,
    engine::{Confined, Engine, Heard, Machine},
    local::Locals,
    udp6,
};
use crate::{
    action::{Action, Pending, Probe},
    dhcp6::{Datagram, Dhcp6Machine, ReachedBy},
    lease::{Book, Lease, Written},
    moment::Moment,
    policy::{Arrival, Dhcp6Policy, Directory, Subnet},
};

/// A DHCPv6 server with its socket bound, not answering yet.
#[derive(Debug)]
pub struct Dhcp6Server {
    channel: Channel,
    local_address: SocketAddrV6,
    locals: Locals,
    machine: Dhcp6Machine,
    services: Services,
}

impl Dhcp6Server {
    /// Binds the socket that the policy names, and hears the groups of servers on its interfaces. Port 547 and binding to an interface need
    /// privileges (`CAP_NET_BIND_SERVICE`, `CAP_NET_RAW`).
    ///
    /// # Errors
    /// [`ServerError`] naming the step that failed.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn bind(policy: Dhcp6Policy, services: Services) -> Result<Self, ServerError> {
        // One interface has the socket for itself; several share one, and what comes in elsewhere is not heard.
        let only = match policy.interfaces() {
            [interface] => Some(interface.as_str()),
            _ => None,
        };
        let socket = Udp6Socket::bind(policy.listen(), only)?;
        let failed = |source| ServerError::Interfaces { source };
        let locals = Locals::read(policy.interfaces()).map_err(failed)?;
        for name in policy.interfaces() {
            if locals.iter().all(|(_, local)| local.name != *name) {
                warn!(interface = name, "dhcp6 serves an interface that is not there yet");
            }
        }
        let duid = match policy.server_duid() {
            Some(duid) => duid.clone(),
            None => made_duid(&locals, &Interfaces::read().map_err(failed)?).ok_or(ServerError::Nameless)?,
        };
        let (local_address, channel) = (socket.local_address(), socket.into_channel());
        change_groups(&channel, &locals, &[]);
        Ok(Self { channel, local_address, locals, machine: Dhcp6Machine::new(policy, duid), services })
    }

    /// The address the socket is bound to, with the port the system chose where the policy says 0.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddrV6 {
        self.local_address
    }

    /// By what clients know this server.
    #[must_use]
    pub const fn duid(&self) -> &Duid {
        self.machine.duid()
    }

    /// Answers requests until `shutdown` completes.
    ///
    /// # Errors
    /// [`ServerError::Receive`] when the socket stays unusable. A reply that cannot be sent is logged, not an error.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let policy = self.machine.policy();
        let confined = match policy.interfaces() {
            [interface] => {
                let (listen, interface) = (policy.listen(), interface.clone());
                let name = interface.clone();
                let bind = move || Ok(Udp6Socket::bind(listen, Some(&name))?.into_channel());
                Some(Confined { interface, bind: Box::new(bind) })
            }
            _ => None,
        };
        let mut engine = Engine::new(self.channel, self.machine, self.locals, self.services);
        engine.groups = Some(change_groups);
        engine.confined = confined;
        engine.run(shutdown).await
    }

    /// Answers requests in a task of its own.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn spawn(self) -> RunningDhcpServer {
        RunningDhcpServer::spawn(self.local_address().into(), |stopped| {
            self.run(async move {
                // A dropped handle stops the server as a call does.
                let _gone = stopped.await;
            })
        })
    }
}

/// Hears the groups on every interface that is served. Where that cannot be, relay agents are heard all the same.
fn change_groups(channel: &Channel, locals: &Locals, gone: &[u32]) {
    gone.iter().for_each(|index| udp6::leave(channel, *index));
    for (index, local) in locals.iter() {
        if let Err(error) = udp6::join(channel, index) {
            debug!(interface = local.name, %error, "dhcp6 hears no group");
        }
    }
}

/// DUID-LL (RFC 8415 §11.4) of the first interface that is served and has a hardware address, else of the first of this host.
fn made_duid(locals: &Locals, interfaces: &Interfaces) -> Option<Duid> {
    let served = locals.iter().find_map(|(_, local)| local.mac);
    served.or_else(|| interfaces.iter().find_map(|interface| interface.mac)).map(Duid::link_layer)
}

impl Machine for Dhcp6Machine {
    type Address = Ipv6Addr;

    const PROTOCOL: Protocol = Protocol::Dhcp6;

    fn on_datagram(&mut self, now: Moment, heard: &Heard<'_>, directory: &Directory) -> Vec<Action<Ipv6Addr>> {
        let SocketAddr::V6(source) = heard.source else { return Vec::new() };
        let arrival = Arrival { interface: &heard.local.name, addresses: &heard.local.ipv6 };
        let reached_by = if heard.to_many { ReachedBy::Multicast } else { ReachedBy::Unicast };
        Self::on_datagram(self, now, &Datagram { source, arrival, reached_by, bytes: heard.bytes }, directory)
    }

    fn on_written(&mut self, pending: Pending<Ipv6Addr>, outcome: Result<&[Written], String>) -> Vec<Action<Ipv6Addr>> {
        Self::on_written(self, pending, outcome)
    }

    fn on_probed(
        &mut self,
        _: Moment,
        _: Probe<Ipv6Addr>,
        _: &Heard<'_>,
        _: bool,
        _: &Directory,
    ) -> Vec<Action<Ipv6Addr>> {
        // RFC 8415 §18.2.10.1: the client itself finds out whether its address is in use. This machine asks for no probe.
        Vec::new()
    }

    fn on_followed(&mut self, leases: Vec<Lease>) {
        Self::on_followed(self, leases);
    }

    fn book(&mut self) -> Option<&mut Book<Ipv6Addr>> {
        Some(self.book_mut())
    }

    fn on_tick(&mut self, now: Moment, keep_seconds: u32) {
        Self::on_tick(self, now, keep_seconds);
    }

    fn begins(bytes: &[u8]) -> bool {
        begins(bytes, Received::MAXIMUM_LAYERS)
    }

    fn usage(&self) -> Vec<(IpAddr, usize, u128)> {
        let usage = |(place, subnet): (usize, &Subnet<Ipv6Addr>)| {
            let (records, size) = Self::book(self).usage(place);
            ((*subnet.network().range().start()).into(), records, size)
        };
        self.policy().rules().subnets().iter().enumerate().map(usage).collect()
    }
}

/// Whether a Solicit is in there, so many relay agents deep at most.
fn begins(bytes: &[u8], depth: usize) -> bool {
    match bytes.first() {
        Some(kind) if *kind == MessageType::Solicit.number() => true,
        Some(kind) if *kind == RelayDirection::Forward.number() => {
            let mut rest = bytes.get(RELAY_HEADER..).unwrap_or_default();
            // RFC 8415 §21.10: option 9 is the message that is relayed.
            while let [code_high, code_low, high, low, after @ ..] = rest {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some((value, others)) = after.split_at_checked(length) else { return false };
                if [*code_high, *code_low] == [0, 9] {
                    return depth.checked_sub(1).is_some_and(|depth| begins(value, depth));
                }
                rest = others;
            }
            false
        }
        _ => false,
    }
}

/// Where the options of a relay agent's message begin (RFC 8415 §9).
const RELAY_HEADER: usize = 34;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solicit_is_recognised_behind_relay_agents() {
        let mut bytes = vec![1, 0, 0, 0];
        for _ in 0..9 {
            assert!(begins(&bytes, 9));
            let [high, low] = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            let head = [&[12, 0][..], &[0; 32], &[0, 18, 0, 1, 7, 0, 9, high, low]].concat();
            bytes = [head, bytes].concat();
        }
        assert!(begins(&bytes, 9) && !begins(&bytes, 8));
        for cut in 0..bytes.len() {
            assert!(!begins(&bytes[..cut], 9), "{cut}");
        }
        assert!(!begins(&[3, 0, 0, 0], 9) && !begins(&[], 9));
    }
}
