//! The sockets that drive the machines.

mod channel;
mod clock;
mod dhcp4;
mod echo;
mod interfaces;
mod probe;
mod udp4;
mod udp6;

pub use channel::{OpenError, Unsent};
pub use clock::Clock;
pub use dhcp4::{Dhcp4Server, RunningDhcp4Server, ServerError};
pub use interfaces::{
    Interface, InterfaceState, InterfaceWatch, Interfaces, Ipv4InterfaceAddress, Ipv6InterfaceAddress,
};
pub use probe::{Evidence, Finding, NotAsked, ProbeSettings, Probed, Prober};
pub use udp4::{Received4, Udp4Socket};
pub use udp6::{ALL_RELAY_AGENTS_AND_SERVERS, ALL_SERVERS, Received6, Udp6Socket};
