//! CSV (RFC 4180), as far as writing goes.

/// A line, with a line break at its end.
pub(super) fn line(cells: impl Iterator<Item = String>) -> String {
    format!("{}\n", cells.map(quoted).collect::<Vec<_>>().join(","))
}

fn quoted(cell: String) -> String {
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
