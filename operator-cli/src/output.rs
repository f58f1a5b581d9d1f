//! Where text leaves the process: results on standard output, everything else on standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one module that prints")]

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use serde::Serialize;

use crate::show::plain;

/// How a result is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// For people
    #[default]
    Table,
    /// For scripts: one JSON document
    Json,
}

/// Whether a reader of the result has gone away.
static GONE: AtomicBool = AtomicBool::new(false);

/// Prints a line of the result. A reader that has gone away (`| head`) is no failure.
pub(crate) fn line(text: &str) {
    note(writeln!(std::io::stdout(), "{text}"));
}

/// Prints a part of the result that has its own line breaks.
pub(crate) fn text(text: &str) {
    note(write!(std::io::stdout(), "{text}"));
}

fn note(written: std::io::Result<()>) {
    if written.is_err() {
        GONE.store(true, Ordering::Relaxed);
    }
}

/// Whether nobody reads the result any more: what would go on for ever ends then.
pub(crate) fn is_unread() -> bool {
    GONE.load(Ordering::Relaxed)
}

/// Prints the result as a JSON document.
pub(crate) fn json(result: &impl Serialize) {
    // What is printed here are maps of texts and numbers, which JSON can always hold.
    line(&serde_json::to_string_pretty(result).unwrap_or_default());
}

/// Prints what is not part of the result. Its lines stay; nothing else in it moves the cursor or colours the screen, whoever
/// wrote the names that it quotes.
pub(crate) fn error(text: &str) {
    for line in text.lines() {
        let _gone = writeln!(std::io::stderr(), "{}", plain(line));
    }
}
