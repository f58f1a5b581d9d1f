//! What tests say besides passing and failing: that they were skipped, and what they have proved. They say it in files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use crate::{fault::Fault, interop, transcript::Skip, workspace::Workspace};

/// Names a folder where a test that cannot run leaves a file, named after itself, that says why.
const SKIPPED_VARIABLE: &str = "SZTP_SKIPPED";

/// The folders in which the tests of one run leave their notes.
pub(crate) struct Notes {
    folder: PathBuf,
}

impl Notes {
    /// Makes both folders, empty, under the target folder.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Fault> {
        let notes = Self { folder: workspace.target().join(format!("notes-{}", process::id())) };
        for folder in [notes.skipped(), notes.cells()] {
            fs::create_dir_all(&folder).map_err(|source| Fault::File { path: folder, source })?;
        }
        Ok(notes)
    }

    /// Tells the tests that `command` runs where to write.
    pub(crate) fn ask_of(&self, command: &mut Command) {
        command.env(SKIPPED_VARIABLE, self.skipped()).env(interop::CELLS_VARIABLE, self.cells());
    }

    /// The tests that could not run.
    pub(crate) fn skips(&self) -> Result<Vec<Skip>, Fault> {
        read_skips(&self.skipped())
    }

    fn skipped(&self) -> PathBuf {
        self.folder.join("skipped")
    }

    /// Where the cells of `specs/interop.md` lie.
    pub(crate) fn cells(&self) -> PathBuf {
        self.folder.join("cells")
    }

    /// Removes both.
    pub(crate) fn remove(self) -> Result<(), Fault> {
        fs::remove_dir_all(&self.folder).map_err(|source| Fault::File { path: self.folder, source })
    }
}

/// The tests that left a file in `folder`.
fn read_skips(folder: &Path) -> Result<Vec<Skip>, Fault> {
    let fault = |source| Fault::File { path: folder.to_owned(), source };
    let mut skips = Vec::new();
    for file in fs::read_dir(folder).map_err(fault)? {
        let file = file.map_err(fault)?;
        let text = fs::read(file.path()).map_err(fault)?;
        // One line, whatever the test wrote: the report must stay one line a test.
        let reason = String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(" ");
        skips.push(Skip { name: file.file_name().to_string_lossy().into_owned(), reason });
    }
    Ok(skips)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_notes_are_read_as_one_line_each() {
        let folder = std::env::temp_dir().join(format!("xtask-skips-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("peer::yang"), "yanglint is\nnot here\n").unwrap();
        let skips = read_skips(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(skips, [Skip { name: "peer::yang".into(), reason: "yanglint is not here".into() }]);
    }
}
