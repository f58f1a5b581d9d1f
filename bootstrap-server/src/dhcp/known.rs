//! The owner's devices and profiles, at hand for DHCP: read once, and from then on as the log says what changed.
//!
//! No packet waits for the database: DHCP reads a [`SharedDirectory`], which is held for one device at a time while it is changed.

mod change;

use std::{collections::HashSet, sync::Arc, time::Duration};

use audit_log::LogIndex;
use dhcp::v4::MacAddress;
use netboot::policy::{Known, SharedDirectory};
use tokio::sync::watch;

use self::change::{Change, Changes};
use crate::{
    domain::{Device, DeviceId, OnboardingProfile, Particulars, ProfileName, State},
    store::{DeviceFilter, Page, Store, StoreError},
};

/// Devices, or records of the log, that are read at a time.
const PAGE: u32 = 1000;
/// How long changes are gathered before they are looked at: together they cost less, and a second is what DHCP may be behind.
const GATHERED: Duration = Duration::from_millis(100);
/// How often the log is looked at where the store does not say that it grew, and how long a store that fails is left alone.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps a [`SharedDirectory`] as the store is.
pub(crate) struct Keeper {
    store: Arc<dyn Store>,
    directory: SharedDirectory,
    texts: Texts,
    /// The first record that was not looked at.
    next: LogIndex,
}

impl Keeper {
    /// Reads everything that is known now.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub(crate) async fn filled(store: Arc<dyn Store>, directory: SharedDirectory) -> Result<Self, StoreError> {
        // Noted before anything is read: what comes in between is looked at twice, and the second time counts.
        let next = LogIndex(store.growth().borrow().0);
        let mut keeper = Self { store, directory, texts: Texts::default(), next };
        keeper.read_all().await?;
        Ok(keeper)
    }

    /// Follows the log until the server stops.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<()>) {
        tokio::select! {
            () = self.follow() => {}
            _ = stopping.changed() => {}
        }
    }

    /// Never ends.
    async fn follow(&mut self) {
        let mut growth = self.store.growth();
        let mut fails = false;
        loop {
            // Seen before it is read: what comes in between makes the next wait short.
            growth.mark_unchanged();
            match self.catch_up().await {
                Ok(()) => {
                    if std::mem::take(&mut fails) {
                        tracing::info!("devices and profiles are known to DHCP as they are again");
                    }
                    if growth.changed().await.is_err() {
                        tokio::time::sleep(LOOK).await;
                    }
                    tokio::time::sleep(GATHERED).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut fails, true) {
                        tracing::warn!(%error, "DHCP goes by the devices and profiles that it knew: the database cannot be read");
                    }
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Takes in every record that there is, a page at a time.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        loop {
            let records = self.store.records(self.next, PAGE).await?;
            let Some(last) = records.last() else { return Ok(()) };
            let next = LogIndex(last.position.0.saturating_add(1));
            let changes = Changes::of(&records);
            drop(records);
            self.take_in(changes).await?;
            self.next = next;
        }
    }

    async fn take_in(&mut self, changes: Changes) -> Result<(), StoreError> {
        // Whom it was about is forgotten, and so everything is compared.
        if changes.unreadable {
            return self.read_all().await;
        }
        for name in &changes.profiles {
            let profile = self.store.profile(name).await?;
            self.put_profile(name, profile.as_deref());
        }
        for (device, change) in changes.devices {
            match change {
                Change::Registered { profile, particulars } => {
                    let known = known(&device, &profile, &particulars, &mut self.texts);
                    self.directory.change(|directory| directory.put(known));
                }
                Change::Other => {
                    let record = self.record_of(&device).await?;
                    self.put_device(&device, record.as_ref());
                }
            }
        }
        Ok(())
    }

    async fn record_of(&self, device: &DeviceId) -> Result<Option<Device>, StoreError> {
        let filter = DeviceFilter {
            manufacturer: Some(device.manufacturer.clone()),
            serial_number: Some(device.serial_number.clone()),
            ..DeviceFilter::default()
        };
        Ok(self.store.devices(&filter, Page { after: None, limit: 1 }).await?.pop())
    }

    /// Reads everything, and forgets what is not there any more.
    async fn read_all(&mut self) -> Result<(), StoreError> {
        let profiles = self.store.profiles().await?;
        let mut gone: HashSet<Box<str>> = self.directory.read().profiles().map(Into::into).collect();
        for profile in &profiles {
            self.put_profile(&profile.name, Some(profile));
            gone.remove(profile.name.as_str());
        }
        for name in gone {
            self.directory.change(|directory| directory.put_profile(&name, None));
        }
        let mut gone: HashSet<Box<str>> = self.directory.read().names().map(Into::into).collect();
        let mut after = None;
        loop {
            let page = Page { after: after.take(), limit: PAGE };
            let devices = self.store.devices(&DeviceFilter::default(), page).await?;
            let Some(last) = devices.last() else { break };
            after = Some(last.id.clone());
            for device in &devices {
                if self.put_device(&device.id, Some(device)) {
                    gone.remove(device.id.to_string().as_str());
                }
            }
        }
        for name in gone {
            self.directory.change(|directory| directory.remove(&name));
        }
        Ok(())
    }

    /// Takes over what is on record of a device, and says whether DHCP knows it now.
    fn put_device(&mut self, id: &DeviceId, device: Option<&Device>) -> bool {
        // A device that nobody registered, or that is out of service, is a stranger.
        let listed = device.filter(|device| device.state != State::Retired);
        let known =
            listed.and_then(|device| Some(known(id, device.profile.as_ref()?, &device.particulars, &mut self.texts)));
        let is_known = known.is_some();
        self.directory.change(|directory| match known {
            Some(known) => directory.put(known),
            None => directory.remove(&id.to_string()),
        });
        is_known
    }

    fn put_profile(&self, name: &ProfileName, profile: Option<&OnboardingProfile>) {
        let giving = profile.and_then(|profile| profile.dhcp.clone());
        self.directory.change(|directory| directory.put_profile(name.as_str(), giving));
    }
}

fn known(id: &DeviceId, profile: &ProfileName, particulars: &Particulars, texts: &mut Texts) -> Known {
    let macs: Vec<_> = particulars.mac_addresses.iter().map(|mac| MacAddress(mac.0)).collect();
    let host = particulars.host.as_deref().filter(|name| is_host_name(name));
    Known::new(&id.to_string(), id.serial_number.as_str())
        .of_kind(Some(texts.one(profile.as_str())), particulars.model.as_deref().map(|model| texts.one(model)))
        .at(&macs, particulars.uuid.map(|uuid| uuid.octets()), host)
}

/// Whether DHCP may give it as a name (RFC 2132 §3.14, RFC 1123 §2.1). People write other things down too.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Texts that many devices have in common, each of them once.
#[derive(Debug, Default)]
struct Texts {
    all: HashSet<Arc<str>>,
    /// How many there were after those that nobody has were last dropped.
    before: usize,
}

impl Texts {
    fn one(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.all.get(text) {
            return Arc::clone(known);
        }
        if self.all.len() > self.before.saturating_mul(2).max(1024) {
            self.all.retain(|text| Arc::strong_count(text) > 1);
            self.before = self.all.len();
        }
        let text: Arc<str> = text.into();
        self.all.insert(Arc::clone(&text));
        text
    }
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
