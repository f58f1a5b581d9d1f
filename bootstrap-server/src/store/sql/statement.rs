//! Statements with their values: in a few fixed widths, so that each is prepared once, and as few messages as the
//! database allows.

use std::fmt::Write as _;

use sqlx::{
    Any, AnyConnection, AssertSqlSafe, Executor as _,
    any::{AnyArguments, AnyRow},
    error::ErrorKind,
    query::Query,
};

use super::{
    encode::Rows,
    table::{Table, Value},
    target::Dialect,
};
use crate::store::StoreError;

/// How many rows one statement takes. 128 rows of the widest table stay far below the 32,766 parameters of SQLite.
const WIDTHS: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];
/// Most rows of a statement that is sent together with others: of those there are few combinations, so that each is
/// prepared once; wider ones are worth a message.
const NARROW: usize = 2;
/// Values after which no more statements are sent together, however narrow they are.
const LONG: usize = 128;

/// What happens to a row whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It takes the new values.
    Replaced,
    /// It takes the new values, except in these columns, which have them already: no index over them is touched.
    ReplacedBut(&'static [&'static str]),
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
    const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Nameless,
            Dialect::Postgres => Self::Numbered,
        }
    }
}

/// A statement and its values.
#[derive(Debug)]
struct Statement {
    text: String,
    values: Vec<Value>,
    /// How many rows it writes.
    width: usize,
}

/// Statements to be carried out one after the other.
///
/// Each message to the database and back costs a lone writer about as much as what it asks for, so SQLite gets narrow
/// statements in one text. PostgreSQL takes a single one with values.
#[derive(Debug)]
pub(super) struct Script {
    dialect: Dialect,
    statements: Vec<Statement>,
}

impl Script {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect, statements: Vec::new() }
    }

    /// Adds a statement whose values are called `?` in SQLite, and `$1`, `$2` … in PostgreSQL.
    pub(super) fn add(&mut self, text: String, values: Vec<Value>) {
        self.statements.push(Statement { text, values, width: 0 });
    }

    /// Adds a statement that removes the row with this key.
    pub(super) fn remove(&mut self, table: &Table, key: Vec<Value>) {
        let columns = table.columns.iter().zip(1..=key.len());
        let equal = columns.map(|((name, _), number)| format!("{name} = {}", self.parameter(number)));
        let equal = equal.collect::<Vec<_>>().join(" AND ");
        self.add(format!("DELETE FROM {} WHERE {equal}", table.name), key);
    }

    /// Adds what writes rows.
    pub(super) fn insert(&mut self, rows: Rows) {
        let Rows { table, existing, mut rows } = rows;
        let parameters = Parameters::of(self.dialect);
        let mut rest = rows.as_mut_slice();
        while let Some(width) = WIDTHS.into_iter().find(|width| *width <= rest.len()) {
            let (now, later) = std::mem::take(&mut rest).split_at_mut(width);
            rest = later;
            let values = now.iter_mut().flat_map(std::mem::take).collect();
            self.statements.push(Statement { text: insert_text(table, existing, width, parameters), values, width });
        }
    }

    /// What the value with this number is called.
    pub(super) fn parameter(&self, number: usize) -> String {
        match Parameters::of(self.dialect) {
            Parameters::Nameless => "?".to_owned(),
            Parameters::Numbered => format!("${number}"),
        }
    }

    /// Carries all out in a transaction that somebody else ends.
    pub(super) async fn run_within(self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        for statement in self.statements {
            statement.send(connection).await?;
        }
        Ok(())
    }

    /// Carries all out, from `first` to `last`. The order of those between is not kept: no two of them write the same row.
    pub(super) async fn run(
        mut self,
        connection: &mut AnyConnection,
        first: Option<&'static str>,
        last: &'static str,
    ) -> Result<(), Failure> {
        self.statements.sort_by_key(|statement| statement.width <= NARROW);
        let plain = |text: &str| Statement { text: text.to_owned(), values: Vec::new(), width: 0 };
        let mut message = plain(first.unwrap_or_default());
        for statement in self.statements.into_iter().chain([plain(last)]) {
            let narrow = message.width <= NARROW && statement.width <= NARROW && message.values.len() <= LONG;
            if narrow && self.dialect == Dialect::Sqlite {
                message.join(statement);
            } else {
                std::mem::replace(&mut message, statement).send(connection).await.map_err(Failure::certain)?;
            }
        }
        message.send(connection).await.map_err(Failure::at_the_end)
    }
}

/// How a script failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Before its last statement: nothing came through.
    Certain(StoreError),
    /// At its last statement, or at one that was sent together with it: whether it came through is not known.
    AtTheEnd(StoreError),
}

impl Failure {
    fn certain(error: sqlx::Error) -> Self {
        Self::Certain(error.into())
    }

    fn at_the_end(error: sqlx::Error) -> Self {
        // A statement that the tables do not take is not the last, and those after it were not carried out.
        let violates = error.as_database_error().is_some_and(|error| !matches!(error.kind(), ErrorKind::Other));
        if violates { Self::Certain(error.into()) } else { Self::AtTheEnd(error.into()) }
    }
}

impl Statement {
    fn join(&mut self, next: Self) {
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        self.text.push_str(&next.text);
        self.values.extend(next.values);
    }

    async fn send(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        if !self.text.is_empty() {
            connection.execute(bound(self.text, self.values)).await?;
        }
        Ok(())
    }
}

/// Writes rows outside of a script.
pub(super) async fn insert(connection: &mut AnyConnection, dialect: Dialect, rows: Rows) -> Result<(), StoreError> {
    let mut script = Script::new(dialect);
    script.insert(rows);
    script.run_within(connection).await
}

fn insert_text(table: &Table, existing: Existing, width: usize, parameters: Parameters) -> String {
    let mut text = format!("INSERT INTO {} ({}) VALUES ", table.name, table.column_list());
    push_values(&mut text, width, table.columns.len(), parameters);
    let same: &[&str] = match existing {
        Existing::Refused => return text,
        Existing::Replaced => &[],
        Existing::ReplacedBut(same) => same,
    };
    let others = table.columns.iter().skip(table.key).filter(|(name, _)| !same.contains(name));
    let others: Vec<_> = others.map(|(name, _)| format!("{name} = excluded.{name}")).collect();
    let _infallible = write!(text, " ON CONFLICT ({}) DO UPDATE SET {}", table.key_list(), others.join(", "));
    text
}

/// Reads what `select` gives for each of `keys`, which it calls `wanted` and whose columns have the names `columns`.
pub(super) async fn select_each(
    connection: &mut AnyConnection,
    dialect: Dialect,
    columns: &[&str],
    select: &str,
    keys: Vec<Vec<Value>>,
) -> Result<Vec<AnyRow>, StoreError> {
    let parameters = Parameters::of(dialect);
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
    use crate::store::sql::table::{DEVICE, DEVICE_INDEXED, PROFILE};

    #[test]
    fn a_statement_for_two_rows() {
        assert_eq!(
            insert_text(&PROFILE, Existing::Replaced, 2, Parameters::Numbered),
            "INSERT INTO profile (name, document) VALUES ($1, $2), ($3, $4) \
             ON CONFLICT (name) DO UPDATE SET document = excluded.document"
        );
        assert!(insert_text(&PROFILE, Existing::Refused, 2, Parameters::Nameless).ends_with("VALUES (?, ?), (?, ?)"));
        let light = insert_text(&DEVICE, Existing::ReplacedBut(DEVICE_INDEXED), 1, Parameters::Nameless);
        assert!(light.contains(" version = excluded.version"));
        assert!(!light.contains(" since = excluded.since"));
    }
}
