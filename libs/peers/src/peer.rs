//! How a test asks for a real peer, and what happens when there is none.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Names a folder where every test that cannot run leaves a file, named after itself, that says why.
const SKIPPED_VARIABLE: &str = "SZTP_SKIPPED";

/// A program that somebody else wrote, found on the `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    path: PathBuf,
}

impl Peer {
    /// Looks for `program` in the folders of `PATH`.
    ///
    /// # Errors
    /// [`Missing`] when it is in none of them.
    pub fn find(program: &'static str) -> Result<Self, Missing> {
        let folders = env::var_os("PATH").unwrap_or_default();
        let path = env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file());
        path.map(|path| Self { path }).ok_or(Missing { program })
    }

    /// Where it was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it to its end inside `folder`, without input, and gives what it wrote to standard output.
    ///
    /// # Errors
    /// [`PeerError::Start`] when it cannot be started, [`PeerError::Refused`] when it ends with anything but success.
    pub fn run(&self, folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, PeerError> {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(folder).stdin(Stdio::null());
        let output = command.output().map_err(|source| PeerError::Start { path: self.path.clone(), source })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(PeerError::Refused { arguments: arguments.join(" "), stderr })
    }
}

/// A program is not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub program: &'static str,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not installed", self.program)
    }
}

impl std::error::Error for Missing {}

/// A program did not do what it was asked to.
#[derive(Debug)]
#[non_exhaustive]
pub enum PeerError {
    /// It could not be started.
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended with a failure.
    Refused {
        /// What it was asked.
        arguments: String,
        /// What it said.
        stderr: String,
    },
    /// A file it was to read or has written is out of reach.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl std::fmt::Display for PeerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start { path, source } => write!(f, "{} cannot be started: {source}", path.display()),
            Self::Refused { arguments, stderr } => write!(f, "`{arguments}` failed:\n{stderr}"),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for PeerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::File { source, .. } => Some(source),
            Self::Refused { .. } => None,
        }
    }
}

/// Says that `test` does not run, and leaves the note that the report counts. Called by [`crate::need!`] and [`crate::skip!`].
///
/// # Errors
/// The note cannot be written: a skip that nobody would count must not look like a success.
pub fn note_skip(test: &str, reason: &str) -> io::Result<()> {
    write_note(env::var_os(SKIPPED_VARIABLE).as_deref().map(Path::new), test, reason)
}

#[expect(clippy::print_stdout, reason = "shown by the test runner beside the test's name")]
fn write_note(folder: Option<&Path>, test: &str, reason: &str) -> io::Result<()> {
    println!("SKIPPED {test}: {reason}");
    match folder {
        Some(folder) => fs::write(folder.join(test), reason),
        None => Ok(()),
    }
}

/// The name of a test as the test runner shows it, from the type name of an item inside it. Called by [`crate::skip!`].
#[must_use]
pub fn test_name(inner: &str) -> String {
    let outer = inner.rsplit_once("::").map_or(inner, |(outer, _)| outer);
    // An asynchronous test is a closure inside the function of its name.
    let outer = outer.trim_end_matches("::{{closure}}");
    outer.split_once("::").map_or(outer, |(_, test)| test).to_owned()
}

/// Ends the test it stands in, which is then counted as skipped for this reason.
#[macro_export]
macro_rules! skip {
    ($reason:expr) => {{
        fn here() {}
        fn type_name<T>(_: T) -> &'static str {
            ::std::any::type_name::<T>()
        }
        let test = $crate::peer::test_name(type_name(here));
        $crate::peer::note_skip(&test, &$reason.to_string()).expect("the note of a skipped test can be written");
        return;
    }};
}

/// The named program as a [`Peer`](crate::peer::Peer); without it, ends the test it stands in as skipped.
#[macro_export]
macro_rules! need {
    ($program:literal) => {
        match $crate::peer::Peer::find($program) {
            Ok(peer) => peer,
            Err(missing) => $crate::skip!(missing),
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_what_is_not_is_named() {
        let shell = Peer::find("sh").unwrap();
        assert!(shell.path().ends_with("sh"));
        let missing = Peer::find("no-such-program-anywhere").unwrap_err();
        assert_eq!(missing.to_string(), "no-such-program-anywhere is not installed");
    }

    #[test]
    fn output_and_refusals_come_back() {
        let (shell, folder) = (Peer::find("sh").unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(shell.run(folder.path(), &["-c", "printf here; cat"]).unwrap(), b"here");
        let refused = shell.run(folder.path(), &["-c", "echo why >&2; exit 3"]).unwrap_err();
        assert!(matches!(&refused, PeerError::Refused { stderr, .. } if stderr == "why\n"), "{refused}");
    }

    #[test]
    fn the_name_of_a_test_is_the_runners() {
        assert_eq!(test_name("openssl_cms::ours_verifies::here"), "ours_verifies");
        assert_eq!(test_name("dhcp::linux::boots::{{closure}}::here"), "linux::boots");
        fn here() {}
        let name = test_name(std::any::type_name_of_val(&here));
        assert_eq!(name, "peer::tests::the_name_of_a_test_is_the_runners");
    }

    #[test]
    fn a_skip_leaves_a_note() {
        let folder = tempfile::tempdir().unwrap();
        write_note(Some(folder.path()), "example::of_a_skip", "yanglint is not installed").unwrap();
        let note = fs::read_to_string(folder.path().join("example::of_a_skip")).unwrap();
        assert_eq!(note, "yanglint is not installed");
        write_note(None, "example::of_a_skip", "nobody counts").unwrap();
        write_note(Some(&folder.path().join("missing")), "example::of_a_skip", "lost").unwrap_err();
    }
}
