//! The sockets that drive the machines.

mod clock;
mod dhcp4;

pub use clock::Clock;
pub use dhcp4::{Dhcp4Server, RunningDhcp4Server, ServerError};
