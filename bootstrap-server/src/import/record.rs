//! What a row is read into: the readers of CSV and JSON know nothing else of it.

use std::{fmt::Display, hash::Hash};

use serde::de::DeserializeOwned;

use super::Fault;

/// The members of a row as they were written, which [`Record::check`] turns into what they mean.
pub trait Record: Default + DeserializeOwned {
    /// What comes of it.
    type Row: Row;
    /// A column of a table.
    type Column: Copy + PartialEq + std::fmt::Debug + 'static;

    /// Longest row, in octets.
    const MAX_ROW: usize;
    /// The columns that a header may name.
    const COLUMNS: &'static [Self::Column];
    /// Those that it must name.
    const NEEDED: &'static [Self::Column];
    /// What becomes of columns that are not among them.
    const UNKNOWN: UnknownColumns;

    /// What a column is called.
    fn name(column: Self::Column) -> &'static str;

    /// The column that a header calls so.
    fn column(name: &str) -> Option<Self::Column> {
        Self::COLUMNS.iter().copied().find(|column| Self::name(*column) == name)
    }

    /// Takes a field of a table. An empty one says nothing.
    fn put(&mut self, column: Self::Column, text: &str);

    /// What the row that begins on this line says.
    ///
    /// # Errors
    /// [`Fault`] when that cannot be.
    fn check(self, line: u64) -> Result<Self::Row, Fault>;
}

/// What a row says, of which a file has one for each thing that it names.
pub trait Row {
    /// The line on which it begins, from 1.
    fn line(&self) -> u64;

    /// What it is about. A second row about the same is a fault.
    fn subject(&self) -> impl Hash + Display;
}

/// What becomes of columns that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownColumns {
    /// The file is refused: a misspelt column would lose what stands in it.
    Refused,
    /// They are passed over: the file was made for something else.
    PassedOver,
}

/// The text without the apostrophe that keeps a spreadsheet from running it.
pub(super) fn unquoted(text: &str) -> &str {
    let rest = text.trim_start_matches('\'');
    match text.strip_prefix('\'') {
        Some(meant) if rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => meant,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_apostrophe_that_guards_a_formula_is_taken_away() {
        for (field, meant) in
            [("'=1+1", "=1+1"), ("''-1", "'-1"), ("'@x", "@x"), ("'quoted'", "'quoted'"), ("'", "'"), ("a'=b", "a'=b")]
        {
            assert_eq!(unquoted(field), meant);
        }
    }
}
