//! The conditions of a statement, with their values numbered as they come.

use super::table::Value;

/// Conditions that must all hold.
#[derive(Default)]
pub(super) struct Conditions {
    text: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Takes a value, and gives its number.
    pub(super) fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Adds a condition, written with the numbers of its values.
    pub(super) fn holds(&mut self, condition: String) {
        self.text.push(condition);
    }

    /// The column has this text, if one is given.
    pub(super) fn equal(&mut self, column: &str, text: Option<&str>) {
        if let Some(text) = text {
            let number = self.value(text);
            self.holds(format!("{column} = {number}"));
        }
    }

    /// The column starts with this text, if one is given.
    pub(super) fn prefix(&mut self, column: &str, prefix: Option<&str>) {
        if let Some(prefix) = prefix {
            // Sorted by octets, everything with the prefix stands between it and it with the last character of all.
            let first = self.value(prefix);
            let last = self.value(format!("{prefix}\u{10ffff}"));
            self.holds(format!("{column} >= {first} AND {column} < {last}"));
        }
    }

    /// The whole clause, empty when nothing is asked, and the values.
    pub(super) fn all(self) -> (String, Vec<Value>) {
        let all = if self.text.is_empty() { String::new() } else { format!("WHERE {} ", self.text.join(" AND ")) };
        (all, self.values)
    }

    /// The values alone.
    pub(super) fn into_values(self) -> Vec<Value> {
        self.values
    }
}
