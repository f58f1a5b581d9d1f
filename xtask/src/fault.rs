//! What can go wrong in a task itself, as opposed to what a task finds.

use std::{error::Error, fmt, io, path::PathBuf};

/// A command line that cannot be obeyed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// The first word is no command.
    UnknownCommand {
        /// The word.
        word: String,
    },
    /// A flag that the command does not have.
    UnknownFlag {
        /// The flag.
        flag: String,
    },
    /// A word where none belongs.
    Unexpected {
        /// The word.
        word: String,
    },
    /// A flag without the value it needs.
    MissingValue {
        /// The flag.
        flag: &'static str,
    },
    /// A page can be written only from a run of every test that has a say in it.
    PartialRun {
        /// The flag that asks for the page.
        flag: &'static str,
        /// The crate whose tests must all run.
        crate_name: &'static str,
    },
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand { word } => write!(f, "no command is called `{word}`"),
            Self::UnknownFlag { flag } => write!(f, "no flag is called `{flag}` here"),
            Self::Unexpected { word } => write!(f, "`{word}` does not belong here"),
            Self::MissingValue { flag } => write!(f, "`{flag}` needs a value"),
            Self::PartialRun { flag, crate_name } => {
                write!(f, "`{flag}` needs every test of {crate_name}: no parts of names, and that crate or no crate")
            }
        }
    }
}

/// Why a task could not run to its end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The command line was wrong.
    Usage(Usage),
    /// `cargo metadata` failed; its own words are inside.
    Metadata(cargo_metadata::Error),
    /// A program could not be started or read.
    Program {
        /// Its name.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A program ran and failed; it has said why on the terminal.
    Failed {
        /// Its name and first arguments.
        program: &'static str,
    },
    /// A file or folder could not be used.
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A test's note of a proof is not of the form that `specs/interop.md` is made from.
    Cell {
        /// The note.
        path: PathBuf,
    },
    /// A file does not hold the JSON object it should.
    Json {
        /// Which one.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(usage) => usage.fmt(f),
            Self::Metadata(source) => write!(f, "cargo metadata: {source}"),
            Self::Program { program, source } => write!(f, "cannot run {program}: {source}"),
            Self::Failed { program } => write!(f, "{program} failed, see above"),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Json { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Cell { path } => write!(f, "{}: not four lines without `|`", path.display()),
        }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Metadata(source) => Some(source),
            Self::Program { source, .. } | Self::File { source, .. } => Some(source),
            Self::Json { source, .. } => Some(source),
            Self::Usage(_) | Self::Failed { .. } | Self::Cell { .. } => None,
        }
    }
}

impl From<Usage> for Fault {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

impl From<cargo_metadata::Error> for Fault {
    fn from(source: cargo_metadata::Error) -> Self {
        Self::Metadata(source)
    }
}
