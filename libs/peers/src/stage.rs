//! A folder, and a network of its own in which scripts run.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{network, peer::Peer};

/// A folder in which scripts find their files and leave them, and where they run.
#[derive(Debug)]
pub struct Stage {
    folder: TempDir,
    unshare: Peer,
}

/// What came of a script.
#[derive(Debug)]
pub struct Played {
    /// What it printed.
    pub printed: String,
    /// That, what it complained of, and the logs: for whoever finds that something is wrong.
    pub complaint: String,
}

impl Stage {
    /// `None` where this machine does not let us have networks of our own.
    ///
    /// # Panics
    /// When no folder can be made.
    #[must_use]
    pub fn new(unshare: Peer) -> Option<Self> {
        network::can_run(&unshare).then(|| Self { folder: tempfile::tempdir().unwrap(), unshare })
    }

    /// The folder, which is deleted in the end.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file into the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), content).unwrap();
    }

    /// A file of the folder; nothing where there is none.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Runs a script in the folder, for at most `seconds`. It must come to a good end; if not, these files tell why.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn run(&self, seconds: u32, script: &str, logs: &[&str]) -> Played {
        let output = network::run(&self.unshare, self.path(), seconds, script);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let logs: Vec<_> = logs.iter().map(|name| format!("{name}: {}", self.read(name))).collect();
        let complaint = format!("{printed}\n{}\n{}", String::from_utf8_lossy(&output.stderr), logs.join("\n"));
        assert!(output.status.success(), "{}: {complaint}", output.status);
        Played { printed, complaint }
    }
}

/// An example of the package whose test calls this; `cargo test` builds examples beside the tests.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "build it first: cargo build --examples, of the package that has {name}");
    path
}

/// A [`Stage`], for a test that needs these programs; without one of them, or where there can be no networks of one's own, ends the test it
/// stands in as skipped.
#[macro_export]
macro_rules! stage {
    ($($program:literal),*) => {{
        $(let _peer: $crate::peer::Peer = $crate::need!($program);)*
        match $crate::stage::Stage::new($crate::need!("unshare")) {
            Some(stage) => stage,
            None => $crate::skip!("networks of one's own cannot be made here"),
        }
    }};
}
