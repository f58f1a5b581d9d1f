//! Where text leaves the process: results on standard output, everything else on standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one module that prints")]

use std::io::Write;

/// Prints a line of the result. A reader that has gone away (`| head`) is no failure.
pub(crate) fn line(text: &str) {
    let _gone = writeln!(std::io::stdout(), "{text}");
}

/// Prints a line that is not part of the result.
pub(crate) fn error(text: &str) {
    let _gone = writeln!(std::io::stderr(), "{text}");
}
