//! What readers of configurations find.

use super::super::{family::Family, judged::Fault, syntax::Place};

/// An option 143 or 136 in a configuration.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The line, from 1.
    pub(super) line: usize,
    /// Which of the two.
    pub(super) family: Family,
    /// What the server sends; `None` when that cannot be told, which `faults` then say.
    pub(super) value: Option<Vec<u8>>,
    /// How it is written.
    pub(super) place: Place,
    /// What is wrong, beside the value.
    pub(super) faults: Vec<Fault>,
}

/// What a configuration holds, as far as it matters here.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    /// The options, in order.
    pub(super) options: Vec<Found>,
    /// Files that it includes, which are not looked at.
    pub(super) elsewhere: Vec<String>,
}

/// A configuration cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub(crate) struct Unreadable {
    /// Where, from 1.
    pub(super) line: usize,
    /// Why.
    pub(super) why: &'static str,
}
