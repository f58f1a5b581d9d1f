//! The interfaces of this host, as the machines want to know them.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use dhcp::v4::MacAddress;

use super::Interfaces;

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) name: String,
    pub(super) mac: Option<MacAddress>,
    pub(super) ipv4: Vec<Ipv4Addr>,
    pub(super) ipv6: Vec<Ipv6Addr>,
}

/// All interfaces that are served, by index.
#[derive(Debug, Default)]
pub(super) struct Locals {
    served: Vec<String>,
    by_index: BTreeMap<u32, Local>,
}

impl Locals {
    /// Those of these names; all when there are none.
    pub(super) fn read(served: &[String]) -> io::Result<Self> {
        let mut locals = Self { served: served.to_vec(), by_index: BTreeMap::new() };
        locals.refresh()?;
        Ok(locals)
    }

    /// Reads them again.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        let local = |interface: &super::Interface| Local {
            name: interface.name.clone(),
            mac: interface.mac,
            ipv4: interface.ipv4.iter().map(|it| it.address).collect(),
            ipv6: interface.ipv6.iter().map(|it| it.address).collect(),
        };
        let interfaces = Interfaces::read()?;
        let served = interfaces.iter().filter(|it| self.served.is_empty() || self.served.contains(&it.name));
        self.by_index = served.map(|interface| (interface.index, local(interface))).collect();
        Ok(())
    }

    /// The interface with this index, if it is served.
    pub(super) fn numbered(&self, index: u32) -> Option<&Local> {
        self.by_index.get(&index)
    }

    /// All of them with their indexes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Local)> {
        self.by_index.iter().map(|(index, local)| (*index, local))
    }
}
