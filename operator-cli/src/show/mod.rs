//! Records on the screen or for a script: one list of columns, four forms.

mod cell;
mod csv;
mod yaml;

pub(crate) use cell::plain;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::output;

/// How records are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    #[default]
    Table,
    /// For scripts: one JSON document
    Json,
    /// The same as YAML
    Yaml,
    /// For spreadsheets: a line of names, then a line for each record
    Csv,
}

/// The choice of a form, as every command takes it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FormArgs {
    /// How to show it
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    pub(crate) form: Form,
}

/// A column: what it is called, and where in the record's JSON its value stands (RFC 6901).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    pointer: &'static str,
}

impl Column {
    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        self.name
    }
}

/// A column of this name.
pub(crate) const fn column(name: &'static str, pointer: &'static str) -> Column {
    Column { name, pointer }
}

/// Records that come in pages and go out as they come.
#[derive(Debug)]
pub(crate) struct Listing {
    form: Form,
    columns: Vec<Column>,
    /// Of the table, from the first page.
    widths: Vec<usize>,
    shown: u64,
}

impl Listing {
    pub(crate) fn new(form: Form, columns: &[Column]) -> Self {
        Self { form, columns: columns.to_vec(), widths: Vec::new(), shown: 0 }
    }

    /// Shows all of a list.
    pub(crate) fn whole(form: Form, columns: &[Column], records: &[impl Serialize]) {
        let mut listing = Self::new(form, columns);
        output::text(&listing.page(records));
        output::text(&listing.end());
    }

    /// The next records, as text.
    pub(crate) fn page(&mut self, records: &[impl Serialize]) -> String {
        let records: Vec<Value> = records.iter().map(|it| serde_json::to_value(it).unwrap_or_default()).collect();
        if records.is_empty() {
            return String::new();
        }
        let is_first = self.shown == 0;
        self.shown = self.shown.saturating_add(u64::try_from(records.len()).unwrap_or(u64::MAX));
        match self.form {
            Form::Table => self.table(&records, is_first),
            Form::Csv => self.csv(&records, is_first),
            Form::Yaml => records.iter().map(yaml::item).collect(),
            Form::Json => {
                let items = records.iter().enumerate().map(|(index, record)| {
                    let before = if is_first && index == 0 { "[\n  " } else { ",\n  " };
                    format!("{before}{}", indented(record))
                });
                items.collect()
            }
        }
    }

    /// What closes the list, as text.
    pub(crate) fn end(self) -> String {
        match (self.form, self.shown) {
            (Form::Json | Form::Yaml, 0) => "[]\n".to_owned(),
            (Form::Json, _) => "\n]\n".to_owned(),
            (Form::Table, 0) => "none\n".to_owned(),
            (Form::Csv, 0) => csv::line(self.columns.iter().map(|column| column.name.to_owned())),
            (Form::Table | Form::Csv | Form::Yaml, _) => String::new(),
        }
    }

    fn table(&mut self, records: &[Value], is_first: bool) -> String {
        let title = |column: &Column| column.name.replace('-', " ").to_uppercase();
        let mut rows = Vec::with_capacity(records.len() + 1);
        if is_first {
            rows.push(self.columns.iter().map(title).collect::<Vec<_>>());
        }
        rows.extend(
            records.iter().map(|record| self.columns.iter().map(|it| cell::shown(record, it.pointer)).collect()),
        );
        if is_first {
            let width = |index: usize| rows.iter().filter_map(|row| row.get(index)).map(|it| it.chars().count()).max();
            self.widths = (0..self.columns.len()).filter_map(width).collect();
        }
        rows.iter().map(|row| aligned(row, &self.widths)).collect()
    }

    fn csv(&self, records: &[Value], is_first: bool) -> String {
        let names = is_first.then(|| csv::line(self.columns.iter().map(|column| column.name.to_owned())));
        let lines = records.iter().map(|record| csv::line(self.columns.iter().map(|it| cell::raw(record, it.pointer))));
        names.into_iter().chain(lines).collect()
    }
}

/// Shows one record: for people a line for each column that has a value.
pub(crate) fn one(form: Form, columns: &[Column], record: &impl Serialize) {
    output::text(&one_as_text(form, columns, record));
}

fn one_as_text(form: Form, columns: &[Column], record: &impl Serialize) -> String {
    let value = serde_json::to_value(record).unwrap_or_default();
    match form {
        Form::Json => format!("{}\n", serde_json::to_string_pretty(&value).unwrap_or_default()),
        Form::Yaml => yaml::document(&value),
        Form::Csv => Listing::new(form, columns).page(&[value]),
        Form::Table => {
            let cells = columns.iter().map(|it| (it.name.replace('-', " "), cell::shown(&value, it.pointer)));
            let cells: Vec<_> = cells.filter(|(_, cell)| cell != cell::NOTHING).collect();
            let width = cells.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
            cells.iter().map(|(name, cell)| format!("{name:width$}  {cell}\n")).collect()
        }
    }
}

/// A row with its cells below those of other rows.
fn aligned(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
}

fn indented(record: &Value) -> String {
    serde_json::to_string_pretty(record).unwrap_or_default().replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] =
        &[column("serial-number", "/serial-number"), column("state", "/state"), column("macs", "/macs")];

    fn records() -> Vec<Value> {
        vec![
            json!({"serial-number": "SN-1", "state": "held", "macs": ["a", "b"]}),
            json!({"serial-number": "SN, \"2\"", "state": null}),
        ]
    }

    fn all(form: Form) -> String {
        let mut listing = Listing::new(form, COLUMNS);
        let text: String = records().iter().map(|record| listing.page(std::slice::from_ref(record))).collect();
        text + &listing.end()
    }

    #[test]
    fn a_table_has_titles_once_and_aligned_columns() {
        let mut listing = Listing::new(Form::Table, COLUMNS);
        let text = listing.page(&records());
        assert_eq!(text, "SERIAL NUMBER  STATE  MACS\nSN-1           held   a b\nSN, \"2\"        -      -\n");
        assert_eq!(listing.page(&records()[..1]), "SN-1           held   a b\n");
        assert_eq!(Listing::new(Form::Table, COLUMNS).end(), "none\n");
    }

    #[test]
    fn json_is_one_document_however_many_pages_there_are() {
        assert_eq!(serde_json::from_str::<Value>(&all(Form::Json)).unwrap(), Value::Array(records()));
        assert_eq!(Listing::new(Form::Json, COLUMNS).end(), "[]\n");
    }

    #[test]
    fn csv_quotes_what_needs_it_and_names_its_columns_once() {
        assert_eq!(all(Form::Csv), "serial-number,state,macs\nSN-1,held,a b\n\"SN, \"\"2\"\"\",,\n");
    }

    #[test]
    fn one_record_is_a_line_for_each_value_it_has() {
        let text = one_as_text(Form::Table, COLUMNS, &records()[1]);
        assert_eq!(text, "serial number  SN, \"2\"\n");
        let text = one_as_text(Form::Csv, COLUMNS, &records()[0]);
        assert_eq!(text, "serial-number,state,macs\nSN-1,held,a b\n");
    }
}
