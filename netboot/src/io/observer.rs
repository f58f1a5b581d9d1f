//! Who hears of what a server does, beside its log.

use std::net::IpAddr;

use crate::note::Note;

/// Hears of what a DHCP server does. It is called for every packet, so it must not wait for anything.
pub trait Observer: Send + Sync + 'static {
    /// Something became of a datagram that came in by this interface.
    fn noted(&self, protocol: Protocol, note: &Note, interface: &str);

    /// An address was looked for on the wire before it was offered, or should have been.
    fn probed(&self, _protocol: Protocol, _outcome: ProbeOutcome) {}

    /// How things stand, about once a second.
    fn standing(&self, protocol: Protocol, standing: &Standing);
}

/// Which server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// DHCPv4.
    Dhcp4,
    /// DHCPv6.
    Dhcp6,
}

impl Protocol {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dhcp4 => "dhcp4",
            Self::Dhcp6 => "dhcp6",
        }
    }
}

/// How the look for an address ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProbeOutcome {
    /// Nobody answered within the time limit.
    Free,
    /// Somebody answered, be it the client itself.
    InUse,
    /// Nobody was asked: too many addresses were being looked for, the program may not ask, or it serves another port than 67. It was offered
    /// all the same.
    NotAsked,
}

impl ProbeOutcome {
    /// Its name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::InUse => "in-use",
            Self::NotAsked => "not-asked",
        }
    }
}

/// How things stand with a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many leases wait to be written.
    pub waiting: usize,
    /// How many datagrams the kernel dropped because they came faster than they were read, since the server began.
    pub lost: u64,
    /// Of each subnet its first address, the records kept of it, and the addresses of its pools.
    pub subnets: Vec<(IpAddr, usize, u128)>,
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn noted(&self, _: Protocol, _: &Note, _: &str) {}

    fn standing(&self, _: Protocol, _: &Standing) {}
}
