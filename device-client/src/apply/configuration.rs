//! Committing a configuration so that it can be taken back (RFC 8572 §5.6; CLI-72, CLI-81).

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use conveyed_info::information::{Configuration, ConfigurationHandling};
use serde_json::Value;
use verdict::{ReasonCode, Refusal};

use super::{merge_patch, script::Programs};
use crate::{
    machine::{CommitFailure, ScriptVerdict},
    storage::{self, Disk},
};

/// Largest configuration file that is merged into.
const MAX_CONFIGURATION: u64 = 16 * 1024 * 1024;

/// Where a device's configuration lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigurationPlug {
    /// A file, replaced as a whole. Merging is a JSON merge patch (RFC 7396).
    File(PathBuf),
    /// A program and its arguments, followed by `merge`, `replace` or `rollback`; the document is its standard input.
    /// It must be atomic, and `rollback` without an earlier commit must do nothing.
    Command(Vec<String>),
}

/// Commits and rolls back.
///
/// The bytes from before the first commit are kept until bootstrapping is done or the commit is rolled back. A commit
/// always starts from those, so that one that was cut off and is repeated does not merge into its own result.
#[derive(Debug)]
pub struct Configurator<'a> {
    /// Where files lie.
    pub disk: &'a dyn Disk,
    /// What runs the program, where a program commits.
    pub programs: &'a dyn Programs,
    /// Where the configuration lives.
    pub plug: &'a ConfigurationPlug,
    /// The folder that holds what must survive a restart.
    pub root: &'a Path,
    /// How long a program may run.
    pub limit: Duration,
}

impl Configurator<'_> {
    /// Commits `configuration`. Gives what the program printed where it warns of something (exit code 99).
    ///
    /// # Errors
    /// [`ReasonCode::ConfigurationFailed`] when it does not fit, [`ReasonCode::StorageFailed`] when it cannot be
    /// written; the configuration is what it was then.
    pub fn commit(&self, configuration: &Configuration) -> Result<Option<String>, CommitFailure> {
        match self.plug {
            ConfigurationPlug::Command(command) => {
                self.run(command, configuration.handling.as_str(), &configuration.content)
            }
            ConfigurationPlug::File(path) => {
                let kept = self.kept().map_err(|error| storage::refusal(path, &error))?;
                let before = match &kept {
                    Some(before) => before.clone(),
                    None => self
                        .disk
                        .read_bounded(path, MAX_CONFIGURATION)
                        .map_err(|error| storage::refusal(path, &error))?,
                };
                let after = match configuration.handling {
                    ConfigurationHandling::Replace => configuration.content.clone(),
                    ConfigurationHandling::Merge => merge(before.as_deref(), &configuration.content)?,
                };
                // Only what will be changed is kept: a commit that was refused must not decide what later ones start from.
                if kept.is_none() {
                    self.keep(before.as_deref()).map_err(|error| storage::refusal(path, &error))?;
                }
                self.disk.replace(path, &after).map_err(|error| storage::refusal(path, &error))?;
                Ok(None)
            }
        }
    }

    /// Restores the configuration from before the first commit. Does nothing when there was none.
    ///
    /// # Errors
    /// As [`Configurator::commit`].
    pub fn roll_back(&self) -> Result<(), Refusal> {
        match self.plug {
            ConfigurationPlug::Command(command) => {
                self.run(command, "rollback", &[]).map(drop).map_err(|failure| failure.refusal)
            }
            ConfigurationPlug::File(path) => {
                let restore = || -> io::Result<()> {
                    match self.kept()? {
                        None => return Ok(()),
                        Some(None) => self.disk.remove(path)?,
                        // Nothing was committed, or it was taken back already: then only by name perhaps, until this sync.
                        Some(Some(bytes))
                            if self.disk.read_bounded(path, MAX_CONFIGURATION)?.as_ref() == Some(&bytes) =>
                        {
                            self.disk.sync_folder(storage::around(path))?;
                        }
                        Some(Some(bytes)) => self.disk.replace(path, &bytes)?,
                    }
                    self.drop_kept()
                };
                restore().map_err(|error| storage::refusal(path, &error))
            }
        }
    }

    /// Removes what a commit or a roll-back left that power cut short: it may hold secrets (SEC-13).
    ///
    /// # Errors
    /// [`ReasonCode::StorageFailed`].
    pub fn tidy(&self) -> Result<(), Refusal> {
        let file = match self.plug {
            ConfigurationPlug::File(path) => Some(path.clone()),
            ConfigurationPlug::Command(_) => None,
        };
        let discard =
            |path: PathBuf| self.disk.discard_unfinished(&path).map_err(|error| storage::refusal(&path, &error));
        file.into_iter().chain([self.previous(), self.absent()]).try_for_each(discard)
    }

    /// Bootstrapping is done: forgets the configuration from before (SEC-13).
    ///
    /// # Errors
    /// [`ReasonCode::StorageFailed`].
    pub fn settle(&self) -> Result<(), Refusal> {
        self.drop_kept().map_err(|error| storage::refusal(self.root, &error))
    }

    fn keep(&self, before: Option<&[u8]>) -> io::Result<()> {
        match before {
            Some(bytes) => self.disk.replace(&self.previous(), bytes),
            None => self.disk.replace(&self.absent(), b""),
        }
    }

    /// What was kept: nothing, or that there was no file, or its bytes.
    fn kept(&self) -> io::Result<Option<Option<Vec<u8>>>> {
        if self.disk.exists(&self.absent())? {
            return Ok(Some(None));
        }
        Ok(self.disk.read_bounded(&self.previous(), MAX_CONFIGURATION)?.map(Some))
    }

    fn drop_kept(&self) -> io::Result<()> {
        self.disk.remove(&self.previous())?;
        self.disk.remove(&self.absent())
    }

    fn previous(&self) -> PathBuf {
        self.root.join("configuration.previous")
    }

    fn absent(&self) -> PathBuf {
        self.root.join("configuration.absent")
    }

    fn run(&self, command: &[String], argument: &str, document: &[u8]) -> Result<Option<String>, CommitFailure> {
        let end = self.programs.run_command(command, argument, document, self.limit)?;
        match end.verdict {
            ScriptVerdict::Complete => Ok(None),
            ScriptVerdict::Warning => Ok(Some(end.output)),
            verdict => {
                // SEC-13: how it ended, and not what it said of a configuration that may hold secrets.
                let refusal = Refusal::new(ReasonCode::ConfigurationFailed, format!("{argument}: {verdict}"));
                Err(CommitFailure { refusal, output: end.output })
            }
        }
    }
}

/// Merging is defined for JSON objects only; what else a file holds, nobody here can merge into.
fn merge(before: Option<&[u8]>, patch: &[u8]) -> Result<Vec<u8>, Refusal> {
    let object = |bytes: &[u8], which: &str| {
        let value = serde_json::from_slice::<Value>(bytes).ok().filter(Value::is_object);
        value.ok_or_else(|| {
            let detail = format!("{which} is not a JSON object, so nothing can be merged");
            Refusal::new(ReasonCode::ConfigurationFailed, detail)
        })
    };
    let mut merged = match before {
        Some(bytes) => object(bytes, "the running configuration")?,
        None => Value::Object(serde_json::Map::new()),
    };
    merge_patch::apply(&mut merged, object(patch, "the configuration")?);
    let mut bytes = serde_json::to_vec_pretty(&merged)
        .map_err(|error| Refusal::new(ReasonCode::ConfigurationFailed, error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        apply::script::LinuxPrograms,
        env::sim::{DiskStep, Fate, SimulatedDisk},
        storage::LinuxDisk,
    };

    struct Fixture {
        folder: tempfile::TempDir,
        plug: ConfigurationPlug,
    }

    impl Fixture {
        fn new(before: Option<&str>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("running.json");
            if let Some(text) = before {
                std::fs::write(&path, text).unwrap();
            }
            Self { plug: ConfigurationPlug::File(path), folder }
        }

        fn configurator(&self) -> Configurator<'_> {
            Configurator {
                disk: &LinuxDisk,
                programs: &LinuxPrograms,
                plug: &self.plug,
                root: self.folder.path(),
                limit: Duration::from_secs(5),
            }
        }

        fn running(&self) -> Option<String> {
            std::fs::read_to_string(self.folder.path().join("running.json")).ok()
        }
    }

    fn configuration(handling: ConfigurationHandling, text: &str) -> Configuration {
        Configuration { handling, content: text.as_bytes().to_vec() }
    }

    #[test]
    fn cli_81_rolling_back_restores_the_bytes_from_before() {
        let before = "{\"b\": 1,   \"a\":2}";
        let fixture = Fixture::new(Some(before));
        fixture.configurator().commit(&configuration(ConfigurationHandling::Merge, r#"{"a":null,"c":3}"#)).unwrap();
        let merged: Value = serde_json::from_str(&fixture.running().unwrap()).unwrap();
        assert_eq!(merged, serde_json::json!({"b":1,"c":3}));
        fixture.configurator().roll_back().unwrap();
        assert_eq!(fixture.running().as_deref(), Some(before));
        // Nothing is left that another roll-back could restore.
        std::fs::write(fixture.folder.path().join("running.json"), "later").unwrap();
        fixture.configurator().roll_back().unwrap();
        assert_eq!(fixture.running().as_deref(), Some("later"));
    }

    #[test]
    fn a_configuration_that_did_not_exist_is_gone_after_a_roll_back() {
        let fixture = Fixture::new(None);
        fixture.configurator().commit(&configuration(ConfigurationHandling::Replace, "text")).unwrap();
        assert_eq!(fixture.running().as_deref(), Some("text"));
        fixture.configurator().roll_back().unwrap();
        assert_eq!(fixture.running(), None);
    }

    #[test]
    fn a_repeated_commit_starts_from_what_was_there_before_the_first() {
        let fixture = Fixture::new(Some(r#"{"x":1}"#));
        fixture.configurator().commit(&configuration(ConfigurationHandling::Merge, r#"{"x":null,"y":1}"#)).unwrap();
        fixture.configurator().commit(&configuration(ConfigurationHandling::Merge, r#"{"z":1}"#)).unwrap();
        let merged: Value = serde_json::from_str(&fixture.running().unwrap()).unwrap();
        assert_eq!(merged, serde_json::json!({"x":1,"z":1}));
        fixture.configurator().settle().unwrap();
        fixture.configurator().roll_back().unwrap();
        assert!(fixture.running().unwrap().contains("\"z\""));
    }

    #[test]
    fn sec_13_what_cannot_be_written_is_rolled_back_without_writing_and_no_copy_stays() {
        let mut created = 0;
        // The old configuration can be kept, and then nothing can be written any more.
        let disk = SimulatedDisk::new(move |step| {
            created += usize::from(step == DiskStep::Create);
            if step == DiskStep::Create && created > 3 { Fate::Fails(io::ErrorKind::StorageFull) } else { Fate::Done }
        });
        disk.create_private_folder("/etc".as_ref()).unwrap();
        disk.replace("/etc/running.json".as_ref(), b"{\"old\":1}").unwrap();
        let plug = ConfigurationPlug::File("/etc/running.json".into());
        let (programs, limit) = (&LinuxPrograms, Duration::ZERO);
        let configurator = Configurator { disk: &disk, programs, plug: &plug, root: "/".as_ref(), limit };
        let failure = configurator.commit(&configuration(ConfigurationHandling::Merge, r#"{"a":1}"#)).unwrap_err();
        assert_eq!(failure.refusal.reason, ReasonCode::StorageFailed);
        configurator.roll_back().unwrap();
        let left: Vec<_> = disk.files().into_iter().collect();
        assert_eq!(left, [("/etc/running.json".into(), b"{\"old\":1}".to_vec())]);
    }

    #[test]
    fn a_refused_merge_does_not_decide_what_later_commits_start_from() {
        let fixture = Fixture::new(Some("plain text"));
        let patch = configuration(ConfigurationHandling::Merge, r#"{"a":1}"#);
        fixture.configurator().commit(&patch).unwrap_err();
        std::fs::write(fixture.folder.path().join("running.json"), r#"{"mended":true}"#).unwrap();
        fixture.configurator().commit(&patch).unwrap();
        assert!(fixture.running().unwrap().contains("mended"));
    }

    #[test]
    fn cli_72_what_cannot_be_merged_changes_nothing() {
        for (before, patch) in [("plain text", "{}"), ("{}", "plain text"), ("{}", "[1]"), ("[]", "{}")] {
            let fixture = Fixture::new(Some(before));
            let failure =
                fixture.configurator().commit(&configuration(ConfigurationHandling::Merge, patch)).unwrap_err();
            assert_eq!(failure.refusal.reason, ReasonCode::ConfigurationFailed);
            assert_eq!(fixture.running().as_deref(), Some(before));
        }
    }

    #[test]
    fn cli_74_a_program_gets_the_exact_bytes_and_its_failure_counts() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let body = format!("cat > {0}.$1; echo s3cret; test \"$1\" != replace", out.display());
        let command = ["/bin/sh", "-c", &body, "plug"].map(str::to_owned).to_vec();
        let plug = ConfigurationPlug::Command(command);
        let configurator = Configurator {
            disk: &LinuxDisk,
            programs: &LinuxPrograms,
            plug: &plug,
            root: folder.path(),
            limit: Duration::from_secs(5),
        };
        configurator.commit(&configuration(ConfigurationHandling::Merge, "\u{0}exact\n")).unwrap();
        assert_eq!(std::fs::read(folder.path().join("out.merge")).unwrap(), b"\0exact\n");
        let failure = configurator.commit(&configuration(ConfigurationHandling::Replace, "x")).unwrap_err();
        assert_eq!(failure.refusal.reason, ReasonCode::ConfigurationFailed);
        assert_eq!((failure.refusal.detail.as_str(), failure.output.as_str()), ("replace: exit code 1", "s3cret"));
        configurator.roll_back().unwrap();
        assert!(folder.path().join("out.rollback").exists());
    }

    #[test]
    fn cli_52_a_program_may_commit_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let command = ["/bin/sh", "-c", "cat >/dev/null; echo odd; exit 99"].map(str::to_owned).to_vec();
        let plug = ConfigurationPlug::Command(command);
        let configurator = Configurator {
            disk: &LinuxDisk,
            programs: &LinuxPrograms,
            plug: &plug,
            root: folder.path(),
            limit: Duration::from_secs(5),
        };
        let warned = configurator.commit(&configuration(ConfigurationHandling::Merge, "x")).unwrap();
        assert_eq!(warned.as_deref(), Some("odd"));
    }
}
