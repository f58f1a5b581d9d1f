//! Waiting for the next attempt, or for somebody who changes the configuration.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The time is over.
    Over,
    /// The configuration is another one.
    Changed,
}

/// The configuration file as it was seen last.
#[derive(Debug)]
pub(super) struct ConfigWatch {
    path: PathBuf,
    seen: Option<Stamp>,
}

/// What tells one content of a file from another without reading it.
type Stamp = (u64, u64, i64, i64);

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

impl ConfigWatch {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: stamp(path) }
    }

    /// Waits, at most so long. CLI-04: whoever switches bootstrapping off, or mends it, need not wait for a pause to end.
    pub(super) fn wait(&mut self, longest: Duration) -> Ended {
        let begun = Instant::now();
        loop {
            let now = stamp(&self.path);
            if now != self.seen {
                self.seen = now;
                return Ended::Changed;
            }
            let left = longest.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ended::Over;
            }
            thread::sleep(left.min(LOOK));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cli_04_a_wait_ends_when_the_configuration_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.toml");
        fs::write(&path, "enabled = true").unwrap();
        let mut watch = ConfigWatch::new(&path);
        assert_eq!(watch.wait(Duration::ZERO), Ended::Over);
        fs::write(&path, "enabled = false").unwrap();
        assert_eq!(watch.wait(Duration::from_secs(3600)), Ended::Changed);
        assert_eq!(watch.wait(Duration::ZERO), Ended::Over);
        fs::remove_file(&path).unwrap();
        assert_eq!(watch.wait(Duration::from_secs(3600)), Ended::Changed);
    }
}
