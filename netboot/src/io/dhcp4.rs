//! The DHCPv4 server on its socket.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
};

use linux_sys::packet::PacketSocket;
use tokio::sync::oneshot;
use tracing::warn;

use super::{
    ProbeSettings, Prober, Protocol, RunningDhcpServer, ServerError, Services, Udp4Socket, boot,
    engine::{Confined, Engine, Heard, Machine},
    local::Locals,
};
use crate::{
    action::{Action, Pending, Probe},
    dhcp4::{Datagram, Dhcp4Machine},
    lease::{Book, Lease, Written},
    moment::Moment,
    policy::{Arrival, ClientPort, Dhcp4Policy, Directory, Subnet},
};

/// A DHCPv4 server with its socket bound, not answering yet.
#[derive(Debug)]
pub struct Dhcp4Server {
    socket: Udp4Socket,
    /// Port 4011, where firmware asks what to boot.
    boot: Option<Udp4Socket>,
    locals: Locals,
    machine: Dhcp4Machine,
    services: Services,
}

impl Dhcp4Server {
    /// Binds the sockets that the policy names. Port 67 and binding to an interface need privileges
    /// (`CAP_NET_BIND_SERVICE`, `CAP_NET_RAW`).
    ///
    /// # Errors
    /// [`ServerError`] naming the step that failed.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn bind(policy: Dhcp4Policy, services: Services) -> Result<Self, ServerError> {
        // One interface has the socket for itself; several share one, and what comes in elsewhere is not heard.
        let only = match policy.interfaces() {
            [interface] => Some(interface.as_str()),
            _ => None,
        };
        let socket = Udp4Socket::bind(policy.listen(), only)?;
        let boot = policy.boot_listen().map(|listen| Udp4Socket::bind(listen, only)).transpose()?;
        let locals = Locals::read(policy.interfaces()).map_err(|source| ServerError::Interfaces { source })?;
        for name in policy.interfaces() {
            if locals.iter().all(|(_, local)| local.name != *name) {
                warn!(interface = name, "dhcp4 serves an interface that is not there yet");
            }
        }
        Ok(Self { socket, boot, locals, machine: Dhcp4Machine::new(policy), services })
    }

    /// The address the socket is bound to, with the port the system chose where the policy says 0.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddrV4 {
        self.socket.local_address()
    }

    /// Answers requests until `shutdown` completes.
    ///
    /// # Errors
    /// [`ServerError::Receive`] when the socket stays unusable. A reply that cannot be sent is logged, not an error.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let policy = self.machine.policy();
        let real = matches!(policy.client_port(), ClientPort::Fixed(_));
        let prober = (policy.conflict_check() && real).then(|| {
            let interface = match policy.interfaces() {
                [interface] => Some(interface.clone()),
                _ => None,
            };
            Prober::open(ProbeSettings { interface, ..ProbeSettings::default() })
        });
        // Without the right to send frames a client without an address is answered by broadcast, which it must take as well.
        let frames = if real { PacketSocket::open().ok() } else { None };
        let boot = self.boot.map(|socket| boot::engine(policy, socket, &self.services)).transpose()?;
        let confined = confined(policy, policy.listen());
        let mut engine = Engine::new(self.socket.into_channel(), self.machine, self.locals, self.services);
        (engine.prober, engine.frames, engine.confined) = (prober.filter(Prober::is_on), frames, confined);
        let Some(boot) = boot else { return engine.run(shutdown).await };
        let (stop, stopped) = oneshot::channel::<()>();
        let boot = boot.run(async move {
            // It ends with the server beside it, however that ends.
            let _gone = stopped.await;
        });
        tokio::pin!(boot);
        tokio::select! {
            outcome = engine.run(shutdown) => {
                drop(stop);
                outcome.and(boot.await)
            }
            outcome = &mut boot => outcome,
        }
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

impl Machine for Dhcp4Machine {
    type Address = Ipv4Addr;

    const PROTOCOL: Protocol = Protocol::Dhcp4;

    fn on_datagram(&mut self, now: Moment, heard: &Heard<'_>, directory: &Directory) -> Vec<Action<Ipv4Addr>> {
        match datagram(heard) {
            Some(datagram) => Self::on_datagram(self, now, &datagram, directory),
            None => Vec::new(),
        }
    }

    fn on_written(&mut self, pending: Pending<Ipv4Addr>, outcome: Result<&[Written], String>) -> Vec<Action<Ipv4Addr>> {
        Self::on_written(self, pending, outcome)
    }

    fn on_probed(
        &mut self,
        now: Moment,
        probe: Probe<Ipv4Addr>,
        heard: &Heard<'_>,
        in_use: bool,
        directory: &Directory,
    ) -> Vec<Action<Ipv4Addr>> {
        match datagram(heard) {
            Some(datagram) => Self::on_probed(self, now, probe, &datagram, in_use, directory),
            None => Vec::new(),
        }
    }

    fn on_followed(&mut self, leases: Vec<Lease>) {
        Self::on_followed(self, leases);
    }

    fn book(&mut self) -> Option<&mut Book<Ipv4Addr>> {
        Some(self.book_mut())
    }

    fn on_tick(&mut self, now: Moment, keep_seconds: u32) {
        Self::on_tick(self, now, keep_seconds);
    }

    fn begins(bytes: &[u8]) -> bool {
        // RFC 2132 §9.6: option 53, wherever it stands; a DHCPDISCOVER is 1.
        let mut rest = bytes.get(OPTIONS_OFFSET..).unwrap_or_default();
        while let [code, after @ ..] = rest {
            rest = match (code, after) {
                (0, _) => after,
                (53, [1, kind, ..]) => return *kind == 1,
                (255, _) => return false,
                (_, [length, value @ ..]) => value.get(usize::from(*length)..).unwrap_or_default(),
                (_, []) => return false,
            };
        }
        false
    }

    fn usage(&self) -> Vec<(IpAddr, usize, u128)> {
        let usage = |(place, subnet): (usize, &Subnet<Ipv4Addr>)| {
            let (records, size) = Self::book(self).usage(place);
            ((*subnet.network().range().start()).into(), records, size)
        };
        self.policy().rules().subnets().iter().enumerate().map(usage).collect()
    }
}

/// How to bind anew when the one interface that is served comes back.
pub(super) fn confined(policy: &Dhcp4Policy, listen: SocketAddrV4) -> Option<Confined> {
    let [interface] = policy.interfaces() else { return None };
    let name = interface.clone();
    let bind = move || Ok(Udp4Socket::bind(listen, Some(&name))?.into_channel());
    Some(Confined { interface: interface.clone(), bind: Box::new(bind) })
}

pub(super) fn datagram<'a>(heard: &Heard<'a>) -> Option<Datagram<'a>> {
    let SocketAddr::V4(source) = heard.source else { return None };
    let arrival = Arrival { interface: &heard.local.name, addresses: &heard.local.ipv4 };
    Some(Datagram { source, arrival, bytes: heard.bytes })
}

/// Where the options of a message begin: header and magic cookie (RFC 2131 §2).
const OPTIONS_OFFSET: usize = 240;
