//! The sockets that drive the machines.

mod boot;
mod channel;
mod clock;
mod dhcp4;
mod dhcp6;
mod echo;
mod engine;
mod interfaces;
mod local;
mod observer;
mod outbox;
mod probe;
mod reception;
mod server;
mod told;
mod udp4;
mod udp6;

pub use channel::{OpenError, Unsent};
pub use clock::{Clock, HostTime, Time};
pub use dhcp4::Dhcp4Server;
pub use dhcp6::Dhcp6Server;
pub use interfaces::{
    Interface, InterfaceState, InterfaceWatch, Interfaces, Ipv4InterfaceAddress, Ipv6InterfaceAddress,
};
pub use observer::{NoObserver, Observer, ProbeOutcome, Protocol, Standing};
pub use probe::{Evidence, Finding, NotAsked, ProbeSettings, Probed, Prober};
pub use server::{RunningDhcpServer, ServerError, Services};
pub use udp4::{Received4, Udp4Socket};
pub use udp6::{ALL_RELAY_AGENTS_AND_SERVERS, ALL_SERVERS, Received6, Udp6Socket};
