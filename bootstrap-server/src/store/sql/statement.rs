//! Statements with many rows of values, in a few fixed widths, so that each is prepared once.

use std::fmt::Write as _;

use sqlx::{
    Any, AnyConnection, AssertSqlSafe,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use super::table::{Table, Value};
use crate::store::StoreError;

/// How many rows one statement takes. 128 rows of the widest table stay far below the 32,766 parameters of SQLite.
const WIDTHS: [usize; 4] = [128, 16, 4, 1];

/// What happens to a row whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It takes the new values.
    Replaced,
    /// The statement fails.
    Refused,
}

/// How a statement with many values calls them.
///
/// SQLite looks a parameter's name up in a list each time it is bound, which with thousands of names takes longer than all
/// the rest; those of PostgreSQL are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameters {
    Nameless,
    Numbered,
}

impl Parameters {
    fn of(connection: &AnyConnection) -> Self {
        if connection.backend_name() == "SQLite" { Self::Nameless } else { Self::Numbered }
    }
}

/// Writes rows.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    table: &Table,
    existing: Existing,
    mut rows: Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    let parameters = Parameters::of(connection);
    let mut rest = rows.as_mut_slice();
    while let Some(width) = WIDTHS.into_iter().find(|width| *width <= rest.len()) {
        let (now, later) = std::mem::take(&mut rest).split_at_mut(width);
        rest = later;
        let values = now.iter_mut().flat_map(std::mem::take);
        bound(insert_text(table, existing, width, parameters), values).execute(&mut *connection).await?;
    }
    Ok(())
}

fn insert_text(table: &Table, existing: Existing, width: usize, parameters: Parameters) -> String {
    let mut text = format!("INSERT INTO {} ({}) VALUES ", table.name, table.column_list());
    push_values(&mut text, width, table.columns.len(), parameters);
    if existing == Existing::Replaced {
        let others: Vec<_> =
            table.columns.iter().skip(table.key).map(|(name, _)| format!("{name} = excluded.{name}")).collect();
        let _infallible = match others.is_empty() {
            true => write!(text, " ON CONFLICT ({}) DO NOTHING", table.key_list()),
            false => write!(text, " ON CONFLICT ({}) DO UPDATE SET {}", table.key_list(), others.join(", ")),
        };
    }
    text
}

/// Reads what `select` gives for each of `keys`, which it calls `wanted` and whose columns have the names `columns`.
pub(super) async fn select_each(
    connection: &mut AnyConnection,
    columns: &[&str],
    select: &str,
    keys: Vec<Vec<Value>>,
) -> Result<Vec<AnyRow>, StoreError> {
    let parameters = Parameters::of(connection);
    let mut keys = keys;
    let mut rest = keys.as_mut_slice();
    let mut rows = Vec::new();
    while let Some(width) = WIDTHS.into_iter().find(|width| *width <= rest.len()) {
        let (now, later) = std::mem::take(&mut rest).split_at_mut(width);
        rest = later;
        let mut text = format!("WITH wanted ({}) AS (VALUES ", columns.join(", "));
        push_values(&mut text, width, columns.len(), parameters);
        text.push_str(") ");
        text.push_str(select);
        let values = now.iter_mut().flat_map(std::mem::take);
        rows.extend(bound(text, values).fetch_all(&mut *connection).await?);
    }
    Ok(rows)
}

/// Appends `width` parenthesised groups of `columns` parameters.
fn push_values(text: &mut String, width: usize, columns: usize, parameters: Parameters) {
    let mut number = 0_usize;
    for row in 0..width {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            number = number.saturating_add(1);
            let comma = if column == 0 { "" } else { ", " };
            let _infallible = match parameters {
                Parameters::Nameless => write!(text, "{comma}?"),
                Parameters::Numbered => write!(text, "{comma}${number}"),
            };
        }
        text.push(')');
    }
}

/// A statement with its values. Its text is made of the names of tables and columns and of numbered parameters only.
pub(super) fn bound(text: String, values: impl IntoIterator<Item = Value>) -> Query<'static, Any, AnyArguments> {
    let mut query = sqlx::query(AssertSqlSafe(text));
    for value in values {
        query = match value {
            Value::Integer(number) => query.bind(number),
            Value::Text(text) => query.bind(text.map(storable)),
            Value::Octets(octets) => query.bind(octets),
        };
    }
    query
}

/// PostgreSQL's texts cannot hold NUL, and a device's message may: it is shown as what it is, a character that is none.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::table::{DEVICE_EVENT, PROFILE};

    #[test]
    fn a_statement_for_two_rows() {
        assert_eq!(
            insert_text(&PROFILE, Existing::Replaced, 2, Parameters::Numbered),
            "INSERT INTO profile (name, document) VALUES ($1, $2), ($3, $4) \
             ON CONFLICT (name) DO UPDATE SET document = excluded.document"
        );
        assert!(insert_text(&PROFILE, Existing::Refused, 2, Parameters::Nameless).ends_with("VALUES (?, ?), (?, ?)"));
        assert!(insert_text(&DEVICE_EVENT, Existing::Replaced, 1, Parameters::Nameless).ends_with("DO NOTHING"));
    }
}
