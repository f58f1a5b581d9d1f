//! A stick that is put in while the device waits for its next attempt is taken at once.

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    Settings,
    block_devices::{self, BlockDevice},
    mounts::{self, Mount},
};
use crate::sources::SourceConfig;

/// How often it is looked whether a block device was put in: the kernel wakes nobody for that.
const GLANCE: Duration = Duration::from_secs(2);

/// Watches for removable storage that was not there when it began. Begin before an attempt and wait after it: what is
/// put in meanwhile counts too.
#[derive(Debug)]
pub struct Watch {
    folders: Vec<PathBuf>,
    devices: Devices,
    table: Option<File>,
    known: BTreeSet<Storage>,
}

/// Whether block devices are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Devices {
    Ours,
    Others,
}

/// Something in which a source would look.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Storage {
    Mounted(Mount),
    Device(BlockDevice),
}

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The time is over.
    Elapsed,
    /// New storage is there.
    NewStorage,
}

impl Watch {
    /// Remembers what is there now. Without a source that is removable storage, there is nothing to be watched.
    #[must_use]
    pub fn begin(sources: &[SourceConfig]) -> Self {
        let settings: Vec<&Settings> = sources
            .iter()
            .filter_map(|source| match source {
                SourceConfig::RemovableStorage(settings) => Some(settings),
                _ => None,
            })
            .collect();
        let ours = settings.iter().any(|settings| settings.mount);
        // Changes count from the moment at which the table is opened.
        let table = if settings.is_empty() { None } else { File::open(mounts::TABLE).ok() };
        let folders = settings.into_iter().flat_map(|settings| settings.folders.clone()).collect();
        let devices = if ours { Devices::Ours } else { Devices::Others };
        let mut watch = Self { folders, devices, table, known: BTreeSet::new() };
        watch.known = watch.look();
        watch
    }

    /// Waits, no longer than `pause`.
    pub fn wait(&mut self, pause: Duration) -> Ended {
        let deadline = Instant::now() + pause;
        loop {
            let there = self.look();
            // What was taken out and is put in again is new.
            let is_new = !there.is_subset(&self.known);
            self.known = there;
            if is_new {
                return Ended::NewStorage;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ended::Elapsed;
            }
            self.sleep(match self.devices {
                Devices::Ours => left.min(GLANCE),
                Devices::Others => left,
            });
        }
    }

    /// Sleeps until something is mounted, and no longer than this.
    fn sleep(&self, longest: Duration) {
        let timeout = Timespec::try_from(longest).ok();
        match (&self.table, timeout) {
            (Some(table), Some(timeout)) => {
                let mut watched = [PollFd::new(table, PollFlags::PRI)];
                // A signal is no reason to begin; the loop goes on with what is left.
                if poll(&mut watched, Some(&timeout)).is_err_and(|error| error != rustix::io::Errno::INTR) {
                    thread::sleep(longest);
                }
            }
            _ => thread::sleep(longest),
        }
    }

    fn look(&self) -> BTreeSet<Storage> {
        if self.folders.is_empty() && self.devices == Devices::Others {
            return BTreeSet::new();
        }
        let mounts = mounts::mounts();
        let mounted = mounts::below(&self.folders, &mounts).into_iter().cloned().map(Storage::Mounted);
        let mut there: BTreeSet<Storage> = mounted.collect();
        if self.devices == Devices::Ours {
            let found = block_devices::removable(Path::new(block_devices::SYSTEM));
            there.extend(found.into_iter().map(Storage::Device));
        }
        there
    }
}
