//! The tree as text.

use super::{Explanation, Fact, Layer, Level};

/// How wide the column of names may get.
const MAX_NAME: usize = 22;

/// Renders an explanation, without a line break at the end. `file` is how the file is called.
pub(crate) fn render(file: &str, explanation: &Explanation) -> String {
    let mut lines = vec![
        format!("{file}: {}", explanation.summary),
        format!("  {} octets, {}, sha256 {}", explanation.size, explanation.form, explanation.sha256),
    ];
    for layer in &explanation.layers {
        append(&mut lines, layer, 0);
    }
    lines.join("\n")
}

fn append(lines: &mut Vec<String>, layer: &Layer, depth: usize) {
    let margin = "  ".repeat(depth);
    if depth < 2 {
        lines.push(String::new());
    }
    lines.push(format!("{margin}{}", capital(&layer.title)));
    let width = layer.facts().iter().map(|(name, _)| name.len()).max().unwrap_or_default().min(MAX_NAME);
    for (name, fact) in layer.facts() {
        let name = name.replace('-', " ");
        let first = format!("{margin}  {name:width$}  ");
        let indent = " ".repeat(first.chars().count());
        match fact {
            Fact::Text(text) => lines.push(format!("{first}{text}")),
            Fact::Number(number) => lines.push(format!("{first}{number}")),
            Fact::List(list) => {
                for (index, line) in list.iter().enumerate() {
                    lines.push(format!("{}{line}", if index == 0 { &first } else { &indent }));
                }
            }
            Fact::Content(content) => {
                lines.push(format!("{margin}  {name}"));
                lines.extend(content.lines().map(|line| format!("{margin}  | {line}")));
            }
        }
    }
    for remark in layer.remarks() {
        let mark = match remark.level() {
            Level::Note => "note",
            Level::Warning => "WARNING",
            Level::Broken => "BROKEN",
        };
        lines.push(format!("{margin}  {mark}: {remark}"));
    }
    for inner in layer.inside() {
        append(lines, inner, depth + 1);
    }
}

/// The text with a capital at its beginning.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
