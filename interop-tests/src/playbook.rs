//! A document whose commands are run word for word.
//!
//! A block of `sh` is run as it stands there, all of one document one after the other in one shell; a block of `text` behind it is what
//! that shows. In the latter `…` stands for what differs from one run to the next: in a line for a part of it, alone for any number of
//! lines. The shell has a network and processes of its own, so that ports are free, and nothing goes on when it has ended.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::peer::Peer;

/// The blocks of a document that are run, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    steps: Vec<Step>,
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// The line of the document that it begins in.
    line: usize,
    commands: String,
    /// What it shows, where the document says so.
    shows: Option<String>,
}

/// What was not as the document has it.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlaybookError {
    /// The shell could not be had.
    Io(io::Error),
    /// A block failed.
    Failed {
        /// Its line.
        line: usize,
        /// What it showed.
        said: String,
        /// What the shell itself said.
        shell: String,
    },
    /// A block showed something else.
    Differs {
        /// Its line.
        line: usize,
        /// What the document says.
        shows: String,
        /// What it showed.
        said: String,
    },
}

impl fmt::Display for PlaybookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Failed { line, said, shell } => write!(f, "the block in line {line} fails:\n{said}\n{shell}"),
            Self::Differs { line, shows, said } => {
                write!(f, "the block in line {line} was to show\n\n{shows}\nand showed\n\n{said}")
            }
        }
    }
}

impl std::error::Error for PlaybookError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Failed { .. } | Self::Differs { .. } => None,
        }
    }
}

impl From<io::Error> for PlaybookError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Playbook {
    /// Reads a document in Markdown.
    #[must_use]
    pub fn read(markdown: &str) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut lines = markdown.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let Some(language) = line.strip_prefix("```") else { continue };
            let block = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let block = block.fold(String::new(), |text, line| text + line + "\n");
            match (language, steps.last_mut()) {
                ("sh", _) => steps.push(Step { line: index.saturating_add(1), commands: block, shows: None }),
                ("text", Some(step)) if step.shows.is_none() => step.shows = Some(block),
                _ => {}
            }
        }
        Self { steps }
    }

    /// How many blocks there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether this machine lets us have a network of our own: [`Self::run`] needs it.
    #[must_use]
    pub fn can_run(unshare: &Peer) -> bool {
        let mut tried = Command::new(unshare.path());
        tried.args(NAMESPACES).args(["ip", "link", "set", "lo", "up"]).stdin(Stdio::null());
        tried.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Runs all of it in `folder`, with the programs in `programs` before those of the machine.
    ///
    /// # Errors
    /// [`PlaybookError`] for the first block that fails, or shows something else than the document says.
    pub fn run(&self, unshare: &Peer, folder: &Path, programs: &Path) -> Result<(), PlaybookError> {
        let outputs = tempfile::tempdir()?;
        let said = |number: usize| outputs.path().join(number.to_string());
        let mut script = "set -eu\nip link set lo up\n".to_owned();
        for (number, step) in self.steps.iter().enumerate() {
            script += &format!("{{\n{}}} > '{}' 2>&1\n", step.commands, said(number).display());
        }
        let mut path = programs.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut shell = Command::new(unshare.path());
        shell.args(NAMESPACES).args(["timeout", &PATIENCE.as_secs().to_string(), "sh", "-c", &script]);
        for variable in ["SZTP_SERVER", "SZTP_TOKEN_FILE", "SZTP_SERVER_CA", "RUST_LOG"] {
            shell.env_remove(variable);
        }
        let shell = shell.current_dir(folder).env("PATH", path).stdin(Stdio::null()).output()?;
        for (number, step) in self.steps.iter().enumerate() {
            let text = read(&said(number))?;
            // The last one that began is where it ended.
            let is_last = !said(number.saturating_add(1)).exists();
            if is_last && !shell.status.success() {
                let shell = String::from_utf8_lossy(&shell.stderr).into_owned();
                return Err(PlaybookError::Failed { line: step.line, said: text, shell });
            }
            if let Some(shows) = step.shows.as_ref().filter(|shows| !fits(shows, &text)) {
                return Err(PlaybookError::Differs { line: step.line, shows: shows.clone(), said: text });
            }
        }
        Ok(())
    }
}

pub use peers::network::NAMESPACES;

/// How long a document may take.
const PATIENCE: Duration = Duration::from_secs(300);

fn read(path: &PathBuf) -> io::Result<String> {
    match fs::read(path) {
        Ok(octets) => Ok(String::from_utf8_lossy(&octets).into_owned()),
        // The shell did not even begin.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Whether a text is what `shows` says.
fn fits(shows: &str, text: &str) -> bool {
    let shows: Vec<&str> = shows.lines().map(str::trim_end).collect();
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    matches(&shows, &text, &|it| *it == "…", &|shown, said| {
        let (shown, said): (Vec<char>, Vec<char>) = (shown.chars().collect(), said.chars().collect());
        matches(&shown, &said, &|it| *it == '…', &|one, other| one == other)
    })
}

/// Whether `said` is what `shown` is, in which some stand for any number of others.
fn matches<T>(shown: &[T], said: &[T], is_any: &dyn Fn(&T) -> bool, same: &dyn Fn(&T, &T) -> bool) -> bool {
    // Which beginnings of `said` the part of `shown` that was looked at fits.
    let mut fitting = vec![false; said.len().saturating_add(1)];
    fitting[0] = true;
    for one in shown {
        let before = fitting.clone();
        if is_any(one) {
            let mut any = false;
            for (now, before) in fitting.iter_mut().zip(before) {
                any |= before;
                *now = any;
            }
        } else {
            fitting[0] = false;
            for ((now, before), other) in fitting.iter_mut().skip(1).zip(before).zip(said) {
                *now = before && same(one, other);
            }
        }
    }
    fitting.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{need, skip};

    #[test]
    fn what_is_shown_is_compared_but_for_what_differs() {
        for (shows, text) in [
            ("a\nb\n", "a\nb\n"),
            ("a …\n", "a 1 2\n"),
            ("…\nz\n", "z\n"),
            ("a\n…\nz\n", "a\n1\n\n2\nz\n"),
            ("… in … s\n", "2 in 0.3 s  \n"),
            ("", ""),
        ] {
            assert!(fits(shows, text), "{shows:?} {text:?}");
        }
        for (shows, text) in [
            ("a\nb\n", "a\n"),
            ("a\n", "a\nb\n"),
            ("a …\n", "b 1\n"),
            ("a\n…\nz\n", "a\n1\n"),
            ("a…z\n", "a\nz\n"),
            ("", "a\n"),
        ] {
            assert!(!fits(shows, text), "{shows:?} {text:?}");
        }
    }

    const DOCUMENT: &str = "# A\n\n```sh\nx=1\ncat > f <<'EOF'\n$x\nEOF\n```\n\nShows:\n\n```sh\necho $x; cat f\n```\n\n```text\n1\n$x\n```\n\n\
        ```toml\na = 1\n```\n";

    #[test]
    fn a_document_is_run_in_one_shell_and_its_faults_are_found() {
        let (unshare, _ip) = (need!("unshare"), need!("ip"));
        if !Playbook::can_run(&unshare) {
            skip!("no network namespace can be made here");
        }
        let folder = tempfile::tempdir().unwrap();
        let run = |text: &str| Playbook::read(text).run(&unshare, folder.path(), folder.path());
        assert_eq!(Playbook::read(DOCUMENT).len(), 2);
        run(DOCUMENT).unwrap();
        let other = run(&DOCUMENT.replace("\n1\n$x", "\n2\n$x")).unwrap_err();
        assert!(matches!(&other, PlaybookError::Differs { line: 12, said, .. } if said == "1\n$x\n"), "{other}");
        let failed = run(&DOCUMENT.replace("x=1\n", "echo why; false\n")).unwrap_err();
        assert!(matches!(&failed, PlaybookError::Failed { line: 3, said, .. } if said == "why\n"), "{failed}");
        let unset = run(&DOCUMENT.replace("x=1\n", "")).unwrap_err();
        assert!(matches!(unset, PlaybookError::Failed { line: 11, .. }), "{unset}");
        // What is left running ends with it.
        run("```sh\nsleep 1000 &\n```\n").unwrap();
    }
}
