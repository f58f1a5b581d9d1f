//! `specs/interop.md`: what the tests have proved against programs that were not written here, made from their own notes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use crate::{fault::Fault, report::Outcome, workspace::Workspace};

/// Names a folder where a test leaves a file for every cell it has proved, of four lines: table, row, column, test.
pub(crate) const CELLS_VARIABLE: &str = "SZTP_CELLS";

/// Where the page is, from the root of the workspace.
pub(crate) const PAGE: &str = "specs/interop.md";

/// What to run when the page is behind.
pub(crate) const RENEW: &str = "cargo xtask test --only interop-tests --write-interop";

/// Where the tests are that fill the tables: said once on the page, and left out of every cell.
const TESTS: &str = "interop-tests/tests/";

/// Most lines of difference that are shown.
const SHOWN: usize = 20;

/// One proof.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    table: String,
    row: String,
    column: String,
    test: String,
}

impl Cell {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::to_owned);
        let cell = Self { table: lines.next()?, row: lines.next()?, column: lines.next()?, test: lines.next()? };
        let parts = [&cell.table, &cell.row, &cell.column, &cell.test];
        let is_good = lines.next().is_none() && parts.iter().all(|part| !part.is_empty() && !part.contains('|'));
        is_good.then_some(cell)
    }
}

/// The cells that tests left in `folder`, each once.
pub(crate) fn gather(folder: &Path) -> Result<BTreeSet<Cell>, Fault> {
    let fault = |source| Fault::File { path: folder.to_owned(), source };
    let mut cells = BTreeSet::new();
    for file in fs::read_dir(folder).map_err(fault)? {
        let path = file.map_err(fault)?.path();
        let text = fs::read_to_string(&path).map_err(|source| Fault::File { path: path.clone(), source })?;
        cells.insert(Cell::parse(&text).ok_or(Fault::Cell { path })?);
    }
    Ok(cells)
}

/// The page that says these cells.
pub(crate) fn render(cells: &BTreeSet<Cell>) -> String {
    let mut tables: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        tables.entry(&cell.table).or_default().push(cell);
    }
    let proofs: BTreeSet<_> = cells.iter().map(|cell| (&cell.table, &cell.row, &cell.column)).collect();
    let mut page = format!(
        "# Artifacts exchanged with other programs\n\n\
         What OpenSSL made and we read, and what we made and OpenSSL read: {} cells. The number in each names\n\
         the test below its table, under `{TESTS}`, that proves it. A dash: no test does, mostly because one of the two\n\
         does not make such a thing.\n\n\
         The tests say themselves what they have proved. `cargo xtask test` fails when this page says anything else;\n\
         `{RENEW}` writes it. Do not edit it by hand.\n",
        proofs.len(),
    );
    for (title, cells) in tables {
        let _infallible = write!(page, "\n## {title}\n\n{}", table(&cells));
    }
    page
}

/// One table: a line a row, a column for each direction that occurs in it, and the tests below it that the cells name by
/// number.
fn table(cells: &[&Cell]) -> String {
    let columns: BTreeSet<&str> = cells.iter().map(|cell| cell.column.as_str()).collect();
    let tests: BTreeSet<&str> = cells.iter().map(|cell| cell.test.as_str()).collect();
    let numbered: BTreeMap<_, _> = tests.iter().zip(1..).map(|(test, number): (_, usize)| (*test, number)).collect();
    let mut rows: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for cell in cells {
        let number = numbered.get(cell.test.as_str()).map(ToString::to_string).unwrap_or_default();
        rows.entry(&cell.row).or_default().entry(&cell.column).or_default().push(number);
    }
    let line = |parts: Vec<String>| format!("| {} |\n", parts.join(" | "));
    let head = columns.iter().map(|column| (*column).to_owned());
    let mut text = line(std::iter::once("with".to_owned()).chain(head).collect());
    text.push_str(&format!("|{}\n", "---|".repeat(columns.len().saturating_add(1))));
    for (row, proofs) in &rows {
        let proofs = columns.iter().map(|column| proofs.get(column).map_or_else(|| "–".to_owned(), |it| it.join(", ")));
        text.push_str(&line(std::iter::once((*row).to_owned()).chain(proofs).collect()));
    }
    text.push('\n');
    for (test, number) in &numbered {
        text.push_str(&format!("{number}. `{}`\n", test.strip_prefix(TESTS).unwrap_or(test)));
    }
    text
}

/// Whether the page says what the cells say; if not, the lines that differ go to the terminal.
pub(crate) fn compare(workspace: &Workspace, cells: &BTreeSet<Cell>) -> Result<Outcome, Fault> {
    let path = workspace.root().join(PAGE);
    let page = match fs::read_to_string(&path) {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|source| Fault::File { path, source })?,
    };
    let rendered = render(cells);
    let differences = differences(&page, &rendered);
    for line in differences.iter().take(SHOWN) {
        println!("{line}");
    }
    if differences.len() > SHOWN {
        println!("… {} lines in all", differences.len());
    }
    if page == rendered {
        return Ok(Outcome::Passed);
    }
    println!("{PAGE} does not say what the tests proved (- page, + tests); `{RENEW}` renews it");
    Ok(Outcome::Failed)
}

/// Writes the page.
pub(crate) fn write(workspace: &Workspace, cells: &BTreeSet<Cell>) -> Result<(), Fault> {
    let path = workspace.root().join(PAGE);
    fs::write(&path, render(cells)).map_err(|source| Fault::File { path, source })
}

/// The lines that stand in one of the two only.
fn differences(page: &str, rendered: &str) -> Vec<String> {
    let only_in = |one: &str, other: &str, sign| -> Vec<String> {
        let other: BTreeSet<_> = other.lines().collect();
        one.lines().filter(|line| !other.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    [only_in(page, rendered, '-'), only_in(rendered, page, '+')].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> Cell {
        Cell::parse(&text.replace(" / ", "\n")).unwrap()
    }

    #[test]
    fn a_cell_has_four_lines_that_fit_a_table() {
        assert_eq!(cell("Voucher / Ed25519 / us to them / a.rs::b\n").row, "Ed25519");
        for bad in ["", "Voucher\nEd25519\nthere", "a\nb\n\nd", "a\nb\nc\nd\ne", "a\nb|b\nc\nd"] {
            assert_eq!(Cell::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn tables_rows_and_columns_are_sorted_and_gaps_show() {
        let cells = [
            "Voucher / RSA / us to them / interop-tests/tests/a.rs::ours",
            "Voucher / Ed25519 / them to us / interop-tests/tests/a.rs::theirs",
            "Voucher / RSA / them to us / interop-tests/tests/a.rs::theirs",
            "Voucher / RSA / them to us / interop-tests/src/b.rs::again",
            "Bag / RSA / them to us / interop-tests/tests/a.rs::bag",
        ];
        let page = render(&cells.into_iter().map(cell).collect());
        let (intro, tables) = page.split_once("\n## ").unwrap();
        assert!(intro.contains("4 cells") && intro.contains(RENEW), "{intro}");
        assert_eq!(
            tables,
            "Bag\n\n| with | them to us |\n|---|---|\n| RSA | 1 |\n\n1. `a.rs::bag`\n\
             \n## Voucher\n\n| with | them to us | us to them |\n|---|---|---|\n\
             | Ed25519 | 3 | – |\n| RSA | 1, 3 | 2 |\n\
             \n1. `interop-tests/src/b.rs::again`\n2. `a.rs::ours`\n3. `a.rs::theirs`\n"
        );
    }

    #[test]
    fn a_lost_and_a_new_proof_are_both_differences() {
        let before = render(&[cell("T / RSA / c / a.rs::x"), cell("T / P-256 / c / a.rs::x")].into());
        let after = render(&[cell("T / RSA / c / a.rs::x"), cell("T / P-384 / c / a.rs::x")].into());
        assert_eq!(differences(&before, &after), ["- | P-256 | 1 |", "+ | P-384 | 1 |"]);
        assert!(differences(&before, &before).is_empty());
    }

    #[test]
    fn cells_are_gathered_once_each_and_a_broken_one_is_a_fault() {
        let folder = std::env::temp_dir().join(format!("xtask-cells-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for name in ["1-0", "1-1"] {
            fs::write(folder.join(name), "T\nRSA\nc\na.rs::x\n").unwrap();
        }
        let cells = gather(&folder).unwrap();
        fs::write(folder.join("1-2"), "T\n").unwrap();
        let broken = gather(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(cells, [cell("T / RSA / c / a.rs::x")].into());
        assert!(matches!(broken, Err(Fault::Cell { .. })));
    }
}
