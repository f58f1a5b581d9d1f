//! The boot server at port 4011.

use std::{net::Ipv4Addr, sync::Arc};

use super::{
    Observer, Protocol, ServerError, Services, Standing, Udp4Socket,
    dhcp4::{confined, datagram},
    engine::{Engine, Heard, Machine},
    local::Locals,
};
use crate::{
    action::{Action, Pending, Probe},
    dhcp4::BootServer,
    lease::{Book, Lease, MemoryLeases, Written},
    moment::Moment,
    note::Note,
    policy::{Dhcp4Policy, Directory},
};

/// The engine of the boot server that this policy wants. It has no part in leases.
pub(super) fn engine(
    policy: &Dhcp4Policy,
    socket: Udp4Socket,
    services: &Services,
) -> Result<Engine<BootServer>, ServerError> {
    let locals = Locals::read(policy.interfaces()).map_err(|source| ServerError::Interfaces { source })?;
    let services = Services {
        leases: Arc::new(MemoryLeases::default()),
        observer: Arc::new(NotesAlone(Arc::clone(&services.observer))),
        ..services.clone()
    };
    let listen = socket.local_address();
    let mut engine = Engine::new(socket.into_channel(), BootServer::new(policy.clone()), locals, services);
    engine.confined = confined(policy, listen);
    Ok(engine)
}

impl Machine for BootServer {
    type Address = Ipv4Addr;

    const PROTOCOL: Protocol = Protocol::Dhcp4;

    fn on_datagram(&mut self, now: Moment, heard: &Heard<'_>, directory: &Directory) -> Vec<Action<Ipv4Addr>> {
        datagram(heard).map(|datagram| Self::on_datagram(self, now, &datagram, directory)).unwrap_or_default()
    }

    fn on_written(&mut self, _: Pending<Ipv4Addr>, _: Result<&[Written], String>) -> Vec<Action<Ipv4Addr>> {
        Vec::new()
    }

    fn on_probed(
        &mut self,
        _: Moment,
        _: Probe<Ipv4Addr>,
        _: &Heard<'_>,
        _: bool,
        _: &Directory,
    ) -> Vec<Action<Ipv4Addr>> {
        Vec::new()
    }

    fn on_followed(&mut self, _: Vec<Lease>) {}

    fn book(&mut self) -> Option<&mut Book<Ipv4Addr>> {
        None
    }

    fn on_tick(&mut self, _: Moment, _: u32) {}

    fn begins(_: &[u8]) -> bool {
        false
    }

    fn usage(&self) -> Vec<(std::net::IpAddr, usize, u128)> {
        Vec::new()
    }
}

/// Passes on what happens, and not how the boot server stands: how the server beside it stands is what counts.
struct NotesAlone(Arc<dyn Observer>);

impl Observer for NotesAlone {
    fn noted(&self, protocol: Protocol, note: &Note, interface: &str) {
        self.0.noted(protocol, note, interface);
    }

    fn standing(&self, _: Protocol, _: &Standing) {}
}
