//! Where bootstrapping data is looked for (RFC 8572 §4).
//!
//! Each source is a module with its `Settings`, as they stand in the configuration file, and a way to ask it. What a
//! source gives is believed by nobody, the factory's own list apart: it is servers to be asked, or data that must be
//! signed.

pub mod dhcp4;
pub mod dhcp6;
pub mod dns;
mod gathering;
pub mod lease_file;
mod name_service;
mod redirect_option;
pub mod removable_storage;
pub mod well_known;

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use pki::{identity::SerialNumber, time::Clock};
use serde::Deserialize;
use verdict::Refusal;

use crate::{config::WellKnown, machine::Discovery};
use removable_storage::Sticks;

/// A table `[[sources]]` of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SourceConfig {
    /// Files on removable storage (RFC 8572 §4.1).
    RemovableStorage(removable_storage::Settings),
    /// Option 143 of DHCPv4 (RFC 8572 §8.1).
    Dhcp4(dhcp4::Settings),
    /// Option 136 of DHCPv6 (RFC 8572 §8.2).
    Dhcp6(dhcp6::Settings),
    /// What a DHCP client that runs already wrote down.
    LeaseFile(lease_file::Settings),
    /// Records in the DNS, by multicast and by unicast (RFC 8572 §4.2).
    Dns(dns::Settings),
    /// The factory's list of bootstrap servers (RFC 8572 §4.4).
    WellKnown {},
}

impl SourceConfig {
    /// The same, with paths that are relative to `base` made whole.
    #[must_use]
    pub fn relative_to(self, base: &Path) -> Self {
        match self {
            Self::RemovableStorage(settings) => Self::RemovableStorage(settings.relative_to(base)),
            Self::Dhcp4(settings) => Self::Dhcp4(settings.relative_to(base)),
            Self::Dhcp6(settings) => Self::Dhcp6(settings.relative_to(base)),
            Self::LeaseFile(settings) => Self::LeaseFile(settings.relative_to(base)),
            other @ (Self::Dns(_) | Self::WellKnown {}) => other,
        }
    }
}

/// One thing to ask. A table of the configuration may be several: DNS is asked four questions, one after the other,
/// each only when those before it did not lead to a successful bootstrap (RFC 8572 §4.2.1; DNS-02, DNS-03).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// [`SourceConfig::RemovableStorage`].
    RemovableStorage(removable_storage::Settings),
    /// [`SourceConfig::Dhcp4`].
    Dhcp4(dhcp4::Settings),
    /// [`SourceConfig::Dhcp6`].
    Dhcp6(dhcp6::Settings),
    /// [`SourceConfig::LeaseFile`].
    LeaseFile(lease_file::Settings),
    /// [`SourceConfig::Dns`], and which of its questions.
    Dns(dns::Settings, dns::Step),
    /// [`SourceConfig::WellKnown`].
    WellKnown,
}

/// What sources know of the device, and of the network through one another.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The device's own serial number.
    pub serial_number: &'a SerialNumber,
    /// The factory's list.
    pub well_known: &'a [WellKnown],
    /// What time it is, as far as that may be believed.
    pub clock: Clock,
    /// What sources before this one learned.
    pub learned: &'a mut Learned,
    /// What a source did or let pass that the trace must tell, whatever it then gives: one sentence each.
    pub notes: &'a mut Vec<String>,
    /// Storage that data came from.
    pub sticks: &'a mut Sticks,
}

/// What DHCP and DNS say beside the bootstrap servers. As little believed as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// DNS servers, in the order in which they are to be asked.
    pub name_servers: Vec<IpAddr>,
    /// Domains of the network (DHCPv4 option 15, DHCPv6 option 24; DNS-16).
    pub domains: Vec<String>,
    /// Addresses of servers that DNS named, by host as [`crate::Server::host`] gives it. A resolver may know others.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
    /// What came in which names servers, as it came: for a person who looks for what is wrong with it.
    pub received: Vec<RawValue>,
}

/// A value as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawValue {
    /// What it is called and who sent it, such as `option 143 of 192.0.2.1`.
    pub whence: String,
    /// Its octets.
    pub octets: Vec<u8>,
}

impl Learned {
    /// Most values that are kept.
    const MAX_RECEIVED: usize = 64;

    /// Keeps a value as it came.
    pub fn receive(&mut self, whence: &str, octets: &[u8]) {
        if self.received.len() < Self::MAX_RECEIVED {
            self.received.push(RawValue { whence: whence.to_owned(), octets: octets.to_vec() });
        }
    }

    /// Adds what is not known yet.
    pub fn add(&mut self, name_servers: impl IntoIterator<Item = IpAddr>, domains: impl IntoIterator<Item = String>) {
        for server in name_servers {
            if !self.name_servers.contains(&server) {
                self.name_servers.push(server);
            }
        }
        for domain in domains {
            if !self.domains.contains(&domain) {
                self.domains.push(domain);
            }
        }
    }

    /// Adds addresses of a host, as far as there is room: strangers name hosts. Those that lead to the link alone come
    /// last, since an untrusted source cannot lead there (SEC-10).
    pub fn add_addresses(&mut self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        /// Hosts whose addresses are kept.
        const MAX_HOSTS: usize = 64;
        /// Addresses of one host. Half of those that are tried: the rest is left to a resolver.
        const MAX_ADDRESSES: usize = 4;
        let is_room = self.addresses.len() < MAX_HOSTS || self.addresses.contains_key(host);
        let mut addresses: Vec<IpAddr> = addresses.into_iter().collect();
        if addresses.is_empty() || !is_room {
            return;
        }
        addresses.sort_by_key(|address| match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        });
        let known = self.addresses.entry(host.to_owned()).or_default();
        for address in addresses {
            if known.len() < MAX_ADDRESSES && !known.contains(&address) {
                known.push(address);
            }
        }
    }
}

impl Source {
    /// What there is to ask, in order.
    #[must_use]
    pub fn all_of(config: &[SourceConfig]) -> Vec<Self> {
        let several = |source: &SourceConfig| match source.clone() {
            SourceConfig::RemovableStorage(settings) => vec![Self::RemovableStorage(settings)],
            SourceConfig::Dhcp4(settings) => vec![Self::Dhcp4(settings)],
            SourceConfig::Dhcp6(settings) => vec![Self::Dhcp6(settings)],
            SourceConfig::LeaseFile(settings) => vec![Self::LeaseFile(settings)],
            SourceConfig::Dns(settings) => {
                settings.steps().into_iter().map(|step| Self::Dns(settings.clone(), step)).collect()
            }
            SourceConfig::WellKnown {} => vec![Self::WellKnown],
        };
        config.iter().flat_map(several).collect()
    }

    /// What it is called in the trace.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::RemovableStorage(_) => "removable storage".to_owned(),
            Self::Dhcp4(settings) => settings.label(),
            Self::Dhcp6(settings) => settings.label(),
            Self::LeaseFile(_) => "lease files".to_owned(),
            Self::Dns(_, step) => step.to_string(),
            Self::WellKnown => "well-known servers".to_owned(),
        }
    }

    /// Asks it.
    ///
    /// # Errors
    /// When it gives nothing usable.
    pub fn discover(&self, surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
        match self {
            Self::RemovableStorage(settings) => removable_storage::discover(settings, surroundings),
            Self::Dhcp4(settings) => dhcp4::discover(settings, surroundings),
            Self::Dhcp6(settings) => dhcp6::discover(settings, surroundings),
            Self::LeaseFile(settings) => lease_file::discover(settings, surroundings),
            Self::Dns(settings, step) => dns::discover(settings, *step, surroundings),
            Self::WellKnown => Ok(well_known::discover(surroundings.well_known)),
        }
    }
}

/// What a source's tests surround it with.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Around {
    pub(crate) serial_number: SerialNumber,
    pub(crate) clock: Clock,
    pub(crate) learned: Learned,
    pub(crate) notes: Vec<String>,
    pub(crate) sticks: Sticks,
}

#[cfg(test)]
impl Around {
    pub(crate) fn new(serial_number: &str) -> Self {
        Self {
            serial_number: SerialNumber::new(serial_number).unwrap(),
            clock: Clock::Trusted(pki::time::Timestamp::from_unix(1_800_000_000)),
            learned: Learned::default(),
            notes: Vec::new(),
            sticks: Sticks::default(),
        }
    }

    pub(crate) fn surroundings(&mut self) -> Surroundings<'_> {
        Surroundings {
            serial_number: &self.serial_number,
            well_known: &[],
            clock: self.clock,
            learned: &mut self.learned,
            notes: &mut self.notes,
            sticks: &mut self.sticks,
        }
    }
}
