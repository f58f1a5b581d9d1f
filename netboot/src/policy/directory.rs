//! What the owner knows of devices, at hand for every packet.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use dhcp::v4::MacAddress;

use super::class::Giving;
use crate::client::Client;

/// A device on the owner's list, as far as DHCP can use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    name: Box<str>,
    profile: Option<Arc<str>>,
    model: Option<Arc<str>>,
    host_name: Option<Box<str>>,
    serial_number: Box<str>,
    macs: Box<[MacAddress]>,
    uuid: Option<[u8; 16]>,
}

impl Known {
    /// A device: its name (manufacturer and serial number as people write them) and its serial number.
    #[must_use]
    pub fn new(name: &str, serial_number: &str) -> Self {
        Self {
            name: name.into(),
            profile: None,
            model: None,
            host_name: None,
            serial_number: serial_number.into(),
            macs: Box::default(),
            uuid: None,
        }
    }

    /// With this profile and model.
    #[must_use]
    pub fn of_kind(mut self, profile: Option<Arc<str>>, model: Option<Arc<str>>) -> Self {
        (self.profile, self.model) = (profile, model);
        self
    }

    /// With these hardware addresses, this UUID and this host name.
    #[must_use]
    pub fn at(mut self, macs: &[MacAddress], uuid: Option<[u8; 16]>, host_name: Option<&str>) -> Self {
        (self.macs, self.uuid, self.host_name) = (macs.into(), uuid, host_name.map(Into::into));
        self
    }

    /// Manufacturer and serial number, as people write them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is to become.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The maker's name for its kind.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The name it is to have.
    #[must_use]
    pub fn host_name(&self) -> Option<&str> {
        self.host_name.as_deref()
    }

    #[cfg(test)]
    pub(crate) fn for_tests(name: &str, profile: Option<&str>, model: Option<&str>) -> Self {
        Self::new(name, name.rsplit('/').next().unwrap_or(name)).of_kind(profile.map(Arc::from), model.map(Arc::from))
    }
}

/// By what a device was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecognisedBy {
    /// Its hardware address.
    Mac,
    /// Its UUID.
    Uuid,
    /// Its serial number.
    SerialNumber,
}

impl RecognisedBy {
    /// As it stands in explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mac => "MAC address",
            Self::Uuid => "UUID",
            Self::SerialNumber => "serial number",
        }
    }
}

/// The owner's devices by what a packet can tell of them, and what their profiles give. About 500 octets for a device with two addresses, a UUID and a name.
#[derive(Debug, Default)]
pub struct Directory {
    devices: HashMap<Box<str>, Arc<Known>>,
    by_mac: HashMap<MacAddress, Arc<Known>>,
    by_uuid: HashMap<[u8; 16], Arc<Known>>,
    by_serial_number: HashMap<Box<str>, Arc<Known>>,
    profiles: HashMap<Box<str>, Arc<ProfileGiving>>,
}

/// What a profile gives in either IP version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileGiving {
    /// Over DHCPv4.
    pub v4: Giving,
    /// Over DHCPv6.
    pub v6: Giving,
}

impl Directory {
    /// Takes over what is known of a device now.
    pub fn put(&mut self, known: Known) {
        self.remove(&known.name.clone());
        let known = Arc::new(known);
        for mac in &known.macs {
            self.by_mac.insert(*mac, Arc::clone(&known));
        }
        if let Some(uuid) = known.uuid {
            self.by_uuid.insert(uuid, Arc::clone(&known));
        }
        self.by_serial_number.insert(known.serial_number.clone(), Arc::clone(&known));
        self.devices.insert(known.name.clone(), known);
    }

    /// Forgets a device.
    pub fn remove(&mut self, name: &str) {
        let Some(known) = self.devices.remove(name) else { return };
        // What another device has meanwhile is that one's.
        let is_its = |other: &Arc<Known>| other.name == known.name;
        for mac in &known.macs {
            if self.by_mac.get(mac).is_some_and(is_its) {
                self.by_mac.remove(mac);
            }
        }
        if let Some(uuid) = known.uuid.filter(|uuid| self.by_uuid.get(uuid).is_some_and(is_its)) {
            self.by_uuid.remove(&uuid);
        }
        if self.by_serial_number.get(&known.serial_number).is_some_and(is_its) {
            self.by_serial_number.remove(&known.serial_number);
        }
    }

    /// Takes over what a profile gives now; `None` when it is gone or gives nothing by DHCP.
    pub fn put_profile(&mut self, name: &str, giving: Option<Arc<ProfileGiving>>) {
        match giving {
            Some(giving) => drop(self.profiles.insert(name.into(), giving)),
            None => drop(self.profiles.remove(name)),
        }
    }

    /// The device that this client is, if the owner knows it: by hardware address, else by UUID, else by serial number.
    #[must_use]
    pub fn recognise(&self, client: &Client) -> Option<(&Known, RecognisedBy)> {
        let by_mac = client.mac.and_then(|mac| self.by_mac.get(&mac)).map(|known| (known, RecognisedBy::Mac));
        let by_uuid = || client.uuids.iter().find_map(|uuid| self.by_uuid.get(uuid)).map(|it| (it, RecognisedBy::Uuid));
        let by_serial = || {
            let found = client.serial_numbers().find_map(|text| self.by_serial_number.get(text));
            found.map(|known| (known, RecognisedBy::SerialNumber))
        };
        let (known, by) = by_mac.or_else(by_uuid).or_else(by_serial)?;
        Some((known.as_ref(), by))
    }

    /// What a profile gives.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&ProfileGiving> {
        self.profiles.get(name).map(Arc::as_ref)
    }

    /// The names of the devices.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.devices.keys().map(Box::as_ref)
    }

    /// The names of the profiles that give anything.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(Box::as_ref)
    }

    /// How many devices are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
}

/// A [`Directory`] that one part of a server keeps and others read. Whoever writes holds it for one device at a time.
#[derive(Clone, Debug, Default)]
pub struct SharedDirectory(Arc<RwLock<Directory>>);

impl SharedDirectory {
    /// To look something up.
    pub fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something.
    pub fn change(&self, change: impl FnOnce(&mut Directory)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

    #[test]
    fn a_device_is_recognised_by_what_was_registered() {
        let mut directory = Directory::default();
        directory.put(Known::new("acme/SN-1", "SN-1").at(&[MAC], Some([7; 16]), Some("leaf-1")));
        let by = |client: Client| directory.recognise(&client).map(|(known, by)| (known.name().to_owned(), by));
        let name = || "acme/SN-1".to_owned();
        assert_eq!(by(Client { mac: Some(MAC), ..Client::default() }), Some((name(), RecognisedBy::Mac)));
        assert_eq!(
            by(Client { uuids: vec![[1; 16], [7; 16]], ..Client::default() }),
            Some((name(), RecognisedBy::Uuid))
        );
        assert_eq!(
            by(Client { identifier: Some(b"\0SN-1".to_vec()), ..Client::default() }),
            Some((name(), RecognisedBy::SerialNumber))
        );
        assert_eq!(by(Client::default()), None);
    }

    #[test]
    fn what_moved_to_another_device_stays_there() {
        let mut directory = Directory::default();
        directory.put(Known::new("acme/A", "A").at(&[MAC], None, None));
        directory.put(Known::new("acme/B", "B").at(&[MAC], None, None));
        directory.remove("acme/A");
        let client = Client { mac: Some(MAC), ..Client::default() };
        assert_eq!(directory.recognise(&client).map(|(known, _)| known.name()), Some("acme/B"));
        directory.put(Known::new("acme/B", "B"));
        assert!(directory.recognise(&client).is_none() && directory.len() == 1);
    }
}
