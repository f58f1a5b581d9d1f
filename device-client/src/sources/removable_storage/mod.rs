//! Removable storage (RFC 8572 §4.1): a stick with the artifacts as files, and perhaps a boot image beside them.
//!
//! Whoever holds the stick may have written anything on it, so what it gives is believed only where it is signed, and as
//! a redirect otherwise (USB-02). How it is read is in [`stick`], and what it is looked for in [`Settings`].

mod block_devices;
mod mounts;
pub mod stick;
pub mod watch;

use std::path::{Path, PathBuf};

use conveyed_info::{
    BootstrappingData, Unverified,
    discovery::{
        ArtifactKind,
        removable_storage::{
            DeviceFolder, Layout, MAXIMUM_FILE, MakerTag, StorageError, bootstrapping_data, candidates,
        },
    },
};
use serde::{Deserialize, Deserializer, de::Error};
use verdict::{ReasonCode, Refusal, Trace};

use super::Surroundings;
use crate::{
    Place,
    machine::{Discovery, Offer},
};
use stick::Stick;

/// Folders of data that are taken in one look. Each may fill a megabyte and a half of memory.
const MAXIMUM_OFFERS: usize = 8;

/// Where a device looks, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The top folder of the layout `rfc8572` (USB-06).
    #[serde(deserialize_with = "maker")]
    pub maker: MakerTag,
    /// The names under which files are looked for, in this order.
    pub layouts: Vec<LayoutName>,
    /// Where others mount sticks: each folder itself, and each block device that is mounted at or below it.
    pub folders: Vec<PathBuf>,
    /// Whether block devices that the kernel calls removable are mounted here, where nobody else has. Needs root's rights
    /// and Linux 5.2.
    pub mount: bool,
}

/// A convention for names, as the configuration calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum LayoutName {
    /// [`Layout::Rfc8572`], with the maker's tag.
    #[serde(rename = "rfc8572")]
    Rfc8572,
    /// [`Layout::IosXr`].
    #[serde(rename = "ios-xr")]
    IosXr,
}

fn maker<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MakerTag, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            maker: MakerTag::default(),
            layouts: vec![LayoutName::Rfc8572, LayoutName::IosXr],
            folders: ["/media", "/run/media", "/mnt"].map(PathBuf::from).to_vec(),
            mount: false,
        }
    }
}

impl Settings {
    fn layouts(&self) -> Vec<Layout> {
        let layout = |name: &LayoutName| match name {
            LayoutName::Rfc8572 => Layout::Rfc8572 { maker: self.maker.clone() },
            LayoutName::IosXr => Layout::IosXr,
        };
        self.layouts.iter().map(layout).collect()
    }

    /// The same, with paths that are relative to `base` made whole.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        for folder in &mut self.folders {
            *folder = base.join(&*folder);
        }
        self
    }
}

/// The storage that data came from in this attempt, held open: an image on it is read from there and nowhere else
/// (USB-07).
#[derive(Debug, Default)]
pub struct Sticks(Vec<(Stick, Vec<Place>)>);

impl Sticks {
    /// The storage on which a place lies; none when it is no place of these.
    #[must_use]
    pub fn of(&self, place: &Place) -> Option<&Stick> {
        self.0.iter().find(|(_, places)| places.contains(place)).map(|(stick, _)| stick)
    }
}

/// Looks at everything that may be a stick, and offers what is there for this device.
///
/// # Errors
/// [`ReasonCode::NoSource`] when there is nothing for this device, good or bad.
pub fn discover(settings: &Settings, surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
    let folders = candidates(&settings.layouts(), surroundings.serial_number);
    let mut discovery = Discovery { offers: Vec::new(), ignored: Vec::new() };
    for stick in sticks(settings, &mut discovery.ignored) {
        let mut places = Vec::new();
        for folder in &folders {
            let place = place(&stick, folder);
            match data(&stick, folder) {
                Ok(None) => {}
                Ok(Some(_)) if discovery.offers.len() >= MAXIMUM_OFFERS => {
                    let detail = format!("{place}: no more than {MAXIMUM_OFFERS} folders are taken at a time");
                    discovery.ignored.push(Refusal::new(ReasonCode::RemovableStorageInvalid, detail));
                }
                Ok(Some(data)) => {
                    places.push(place.clone());
                    discovery.offers.push(Offer::Data(place, data));
                }
                Err(mut refusal) => {
                    refusal.detail = format!("{place}: {}", refusal.detail);
                    discovery.ignored.push(refusal);
                }
            }
        }
        if !places.is_empty() {
            surroundings.sticks.0.push((stick, places));
        }
    }
    if discovery.offers.is_empty() && discovery.ignored.is_empty() {
        let names: Vec<_> = folders.iter().map(|folder| folder.path().to_string()).collect();
        let detail = format!("no storage holds a folder {}", names.join(" or "));
        return Err(Refusal::new(ReasonCode::NoSource, detail));
    }
    Ok(discovery)
}

/// All that may be a stick: what others mounted, then what is mounted here.
fn sticks(settings: &Settings, ignored: &mut Vec<Refusal>) -> Vec<Stick> {
    let mut ignore = |name: &str, why: &dyn std::fmt::Display| {
        let detail = format!("{name}: {why}");
        ignored.push(Refusal::new(ReasonCode::RemovableStorageInvalid, detail));
    };
    let mounts = mounts::mounts();
    let mut roots = mounts::roots(&settings.folders, &mounts);
    let mut devices = Vec::new();
    if settings.mount {
        for device in block_devices::removable(Path::new(block_devices::SYSTEM)) {
            match mounts::point_of(&device.number, &mounts) {
                // A second mount would be refused, or see the first one's writes.
                Some(point) if !roots.iter().any(|root| root == point) => roots.push(point.to_owned()),
                Some(_) => {}
                None => devices.push(device.node),
            }
        }
    }
    let mut sticks = Vec::new();
    for root in roots {
        match Stick::open(&root) {
            Ok(stick) => sticks.push(stick),
            Err(error) => ignore(&root.display().to_string(), &error),
        }
    }
    for node in devices {
        match block_devices::mount(&node) {
            Ok(mount) => sticks.push(Stick::of_mount(mount, format!("{node}:"))),
            Err(error) => ignore(&node, &format!("it cannot be mounted: {error}")),
        }
    }
    sticks
}

/// What people see of it: labels of sticks are in it.
fn place(stick: &Stick, folder: &DeviceFolder) -> Place {
    let within = folder.path().to_string();
    Place::Folder(Trace::readable(&format!("{}/{within}", stick.name().trim_end_matches('/'))))
}

/// The data in a device's folder; `None` when none of its files is there.
fn data(stick: &Stick, folder: &DeviceFolder) -> Result<Option<Unverified<BootstrappingData>>, Refusal> {
    let mut files = Vec::new();
    for kind in ArtifactKind::ALL {
        for path in folder.read_paths(kind) {
            let read = stick.read(&path, MAXIMUM_FILE);
            let octets = read.map_err(|error| Refusal::new(error.reason(), error.to_string()))?;
            files.extend(octets.map(|octets| (kind, octets)));
        }
    }
    match bootstrapping_data(files) {
        Ok(data) => Ok(Some(data)),
        Err(StorageError::Nothing) => Ok(None),
        Err(error) => Err(Refusal::new(error.reason(), error.to_string())),
    }
}

#[cfg(test)]
mod tests;
