//! CSV (RFC 4180), as far as writing goes. Spreadsheets run what looks like a formula to them, and devices and strangers
//! write some of what stands in a list: such a cell begins with an apostrophe, which an import takes away again.

/// A line, with a line break at its end.
pub(super) fn line(cells: impl Iterator<Item = String>) -> String {
    format!("{}\n", cells.map(quoted).collect::<Vec<_>>().join(","))
}

fn quoted(cell: String) -> String {
    let cell = if is_formula(&cell) { format!("'{cell}") } else { cell };
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// Whether a spreadsheet would calculate with the cell, or an import would take an apostrophe of its own away.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_wrote_is_no_formula() {
        let cells = ["=1+1", "+1", "-1", "@x", "\tx", "'=1", "''-", "'quoted'", "a=b", "", "=\"a\",b"];
        let written = line(cells.into_iter().map(str::to_owned));
        assert_eq!(written, "'=1+1,'+1,'-1,'@x,'\tx,''=1,'''-,'quoted',a=b,,\"'=\"\"a\"\",b\"\n");
    }
}
