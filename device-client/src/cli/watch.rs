//! Waiting for the next attempt, or for something that changes.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The time is over.
    Over,
    /// The configuration is another one, or the switch stands elsewhere.
    Changed,
    /// Somebody put removable storage in.
    NewStorage,
}

/// The files that say whether and how the device bootstraps, as they were seen last.
#[derive(Debug)]
pub(super) struct ConfigWatch {
    config: Watched,
    switch: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    seen: Option<Stamp>,
}

/// What tells one content of a file from another without reading it.
type Stamp = (u64, u64, i64, i64);

impl Watched {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: stamp(path) }
    }

    fn has_changed(&mut self) -> bool {
        let now = stamp(&self.path);
        let before = std::mem::replace(&mut self.seen, now);
        now != before
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

impl ConfigWatch {
    pub(super) fn new(config: &Path) -> Self {
        Self { config: Watched::new(config), switch: None }
    }

    /// Watches the file of the switch besides (RFC 8572 §5.1), as it is now.
    pub(super) fn also(&mut self, switch: Option<&Path>) {
        self.switch = switch.map(Watched::new);
    }

    /// Waits, at most so long; `nap` sleeps for a moment and says when that ended early. CLI-04: whoever switches
    /// bootstrapping off, or mends the configuration, need not wait for a pause to end.
    pub(super) fn wait(&mut self, longest: Duration, nap: &mut dyn FnMut(Duration) -> Ended) -> Ended {
        let begun = Instant::now();
        loop {
            let changed = [Some(&mut self.config), self.switch.as_mut()].into_iter().flatten();
            if changed.filter_map(|it| it.has_changed().then_some(())).count() > 0 {
                return Ended::Changed;
            }
            let left = longest.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ended::Over;
            }
            match nap(left.min(LOOK)) {
                Ended::Over => {}
                ended => return ended,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody sleeps while something has changed already.
    fn nap(_: Duration) -> Ended {
        panic!("slept")
    }

    #[test]
    fn cli_04_a_wait_ends_when_the_configuration_or_the_switch_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (path, switch) = (folder.path().join("device.toml"), folder.path().join("switch"));
        fs::write(&path, "enabled = true").unwrap();
        let hour = Duration::from_secs(3600);
        let mut watch = ConfigWatch::new(&path);
        assert_eq!(watch.wait(Duration::ZERO, &mut nap), Ended::Over);
        fs::write(&path, "enabled = false").unwrap();
        assert_eq!(watch.wait(hour, &mut nap), Ended::Changed);
        assert_eq!(watch.wait(Duration::ZERO, &mut nap), Ended::Over);
        watch.also(Some(&switch));
        fs::write(&switch, "false").unwrap();
        assert_eq!(watch.wait(hour, &mut nap), Ended::Changed);
        fs::remove_file(&path).unwrap();
        assert_eq!(watch.wait(hour, &mut nap), Ended::Changed);
    }

    #[test]
    fn usb_01_a_wait_ends_when_a_nap_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = ConfigWatch::new(&folder.path().join("none"));
        let mut naps = vec![Ended::NewStorage, Ended::Over];
        assert_eq!(watch.wait(Duration::from_secs(3600), &mut |_| naps.pop().unwrap()), Ended::NewStorage);
        assert!(naps.is_empty());
    }
}
