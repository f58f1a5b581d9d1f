//! Path validation against collections of cases that others made. None of their files is kept here: they come from a package
//! registry when the tests run.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod cases;
mod misses;
mod pkits;
