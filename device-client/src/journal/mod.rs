//! What a device did, in a file that only grows: work, never trust.
//!
//! One line for each [`Fact`]: eight hex digits of the SHA-256 over the rest of the line, a space, JSON. A line whose
//! checksum does not fit was being written when power failed; it and what follows it is cut off before the next fact.

pub(crate) mod line;

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    machine::{Fact, History},
    storage::{self, Disk, DiskFile, Open},
};

/// Size from which a journal is written anew with only what still counts.
const COMPACT_FROM: u64 = 64 * 1024;

/// Largest journal that is read.
const MAX_SIZE: u64 = 4 * 1024 * 1024;

/// The journal of one device.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    /// Octets of whole lines; what stands behind them is what a failed append left.
    good: u64,
    history: History,
}

impl Journal {
    /// Opens the journal, or begins one.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let bytes = disk.read_bounded(path, MAX_SIZE)?.unwrap_or_default();
        let (facts, good) = line::read_all(&bytes);
        let mut good = u64::try_from(good).unwrap_or(u64::MAX);
        let mut history = History::default();
        facts.into_iter().for_each(|fact| history.add(fact));
        let compact: Vec<u8> = history.facts().iter().flat_map(line::write).collect();
        // A disk that is too full for it must not keep the device from starting.
        if good > COMPACT_FROM && disk.replace(path, &compact).is_ok() {
            good = storage::octets(&compact);
        }
        let file = disk.open(path, Open::Append)?;
        // Also where the file was there: who made it may have been killed before this.
        disk.sync_folder(storage::around(path))?;
        Ok(Self { path: path.to_owned(), file, good, history })
    }

    /// What all lines amount to.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Adds a fact. When this returns, it is durable.
    ///
    /// # Errors
    /// As the file system says. The fact is not in the history then, and what was written of it is cut off, at once or
    /// before the next fact: it never swallows a later one.
    pub fn append(&mut self, fact: Fact) -> io::Result<()> {
        let line = line::write(&fact);
        if self.file.length()? != self.good {
            self.file.truncate(self.good)?;
        }
        if let Err(error) = self.file.append(&line).and_then(|()| self.file.sync()) {
            // What was not synced may still be read, by the next attempt, and be gone after a cut of power, with everything
            // that was written behind it: a later sync does not try it again.
            drop(self.file.truncate(self.good));
            return Err(error);
        }
        self.good = self.good.saturating_add(storage::octets(&line));
        self.history.add(fact);
        Ok(())
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use verdict::Digest;

    use super::*;
    use crate::{machine::OnboardingStep, storage::LinuxDisk};

    const DOCUMENT: Digest = Digest([7; 32]);
    const IMAGE: Digest = Digest([9; 32]);

    fn applied(step: OnboardingStep) -> Fact {
        Fact::Applied { document: DOCUMENT, step }
    }

    #[test]
    fn facts_survive_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.journal");
        let mut journal = Journal::open(&LinuxDisk, &path).unwrap();
        journal.append(applied(OnboardingStep::PreScript)).unwrap();
        journal.append(Fact::Installed { image: IMAGE }).unwrap();
        journal.append(Fact::Installed { image: IMAGE }).unwrap();
        let history = journal.history().clone();
        drop(journal);
        let journal = Journal::open(&LinuxDisk, &path).unwrap();
        assert_eq!(journal.history(), &history);
        assert_eq!(history.installs(&IMAGE), 2);
        assert!(history.is_applied(&DOCUMENT, OnboardingStep::PreScript));
        assert!(!history.is_applied(&DOCUMENT, OnboardingStep::Configuration));
    }

    #[test]
    fn a_tail_torn_at_any_octet_costs_one_fact_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.journal");
        let mut journal = Journal::open(&LinuxDisk, &path).unwrap();
        journal.append(applied(OnboardingStep::PreScript)).unwrap();
        let first = std::fs::metadata(&path).unwrap().len();
        journal.append(applied(OnboardingStep::Configuration)).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in usize::try_from(first).unwrap()..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&LinuxDisk, &path).unwrap();
            assert!(journal.history().is_applied(&DOCUMENT, OnboardingStep::PreScript), "{cut}");
            assert!(!journal.history().is_applied(&DOCUMENT, OnboardingStep::Configuration), "{cut}");
            // What is appended after the cut can be read again.
            journal.append(applied(OnboardingStep::PostScript)).unwrap();
            let journal = Journal::open(&LinuxDisk, &path).unwrap();
            assert!(journal.history().is_applied(&DOCUMENT, OnboardingStep::PostScript), "{cut}");
        }
    }

    #[test]
    fn an_abandoned_attempt_starts_from_its_first_step() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&LinuxDisk, &folder.path().join("j")).unwrap();
        journal.append(applied(OnboardingStep::PreScript)).unwrap();
        journal.append(Fact::Abandoned { document: DOCUMENT }).unwrap();
        assert!(!journal.history().is_applied(&DOCUMENT, OnboardingStep::PreScript));
    }

    #[test]
    fn what_a_failed_append_left_swallows_no_later_fact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let mut journal = Journal::open(&LinuxDisk, &path).unwrap();
        journal.append(applied(OnboardingStep::PreScript)).unwrap();
        // What a full disk leaves behind in the middle of a line.
        journal.file.append(&line::write(&applied(OnboardingStep::PostScript))[..20]).unwrap();
        journal.append(applied(OnboardingStep::Configuration)).unwrap();
        let history = journal.history().clone();
        drop(journal);
        assert_eq!(Journal::open(&LinuxDisk, &path).unwrap().history(), &history);
        assert!(history.is_applied(&DOCUMENT, OnboardingStep::Configuration));
    }

    #[test]
    fn a_fact_that_could_not_be_written_is_not_in_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let mut journal = Journal::open(&LinuxDisk, &path).unwrap();
        journal.file = LinuxDisk.open(&path, Open::Read).unwrap();
        journal.append(applied(OnboardingStep::PreScript)).unwrap_err();
        assert!(!journal.history().is_applied(&DOCUMENT, OnboardingStep::PreScript));
    }

    #[test]
    fn a_long_journal_is_compacted_and_means_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let facts: Vec<u8> = (0..1000)
            .flat_map(|_| [applied(OnboardingStep::PreScript), Fact::Abandoned { document: DOCUMENT }])
            .chain([Fact::Installed { image: IMAGE }, applied(OnboardingStep::Configuration)])
            .flat_map(|fact| line::write(&fact))
            .collect();
        std::fs::write(&path, facts).unwrap();
        let journal = Journal::open(&LinuxDisk, &path).unwrap();
        assert_eq!(journal.history().installs(&IMAGE), 1);
        assert!(journal.history().is_applied(&DOCUMENT, OnboardingStep::Configuration));
        assert!(std::fs::metadata(&path).unwrap().len() < 1000);
    }
}
