//! Values as YAML 1.2. Written by hand, since only writing is needed, and only of what JSON can hold: every text that is not
//! plainly a text is written as a JSON string, which YAML reads the same way.

use serde_json::Value;

/// One document.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

/// One item of a list.
pub(super) fn item(value: &Value) -> String {
    let mut text = String::new();
    entry(&mut text, value, 0);
    text
}

/// Writes a value that begins on a line of its own.
fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                text.push_str(&format!("{}{}:", "  ".repeat(depth), scalar_text(name)));
                behind(text, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                entry(text, item, depth);
            }
        }
        _ => text.push_str(&format!("{}{}\n", "  ".repeat(depth), scalar(value))),
    }
}

/// Writes an item, whose first member stands behind the dash.
fn entry(text: &mut String, value: &Value, depth: usize) {
    let mut inner = String::new();
    block(&mut inner, value, depth + 1);
    let margin = "  ".repeat(depth);
    let rest = inner.get(margin.len() + 2..).unwrap_or_default();
    text.push_str(&format!("{margin}- {rest}"));
}

/// Writes a value behind a name.
fn behind(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            block(text, value, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(text, value, depth + 1);
        }
        _ => text.push_str(&format!(" {}\n", scalar(value))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        other => other.to_string(),
    }
}

/// Plain where no reader can take it for anything but a text: it begins with a letter, holds nothing that means something
/// to YAML, and is no word that some version of YAML reads as a truth value or as nothing.
fn scalar_text(text: &str) -> String {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_plain = text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_./".contains(&octet))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_values_are_written_in_blocks() {
        let value = json!({
            "name": "SN-1", "empty": [], "list": ["a", {"b": 1, "c": [true, null]}, [1, 2]], "map": {"x": {}, "y z": "a: b"},
        });
        let expected = "\
empty: []
list:
  - a
  - b: 1
    c:
      - true
      - null
  - - 1
    - 2
map:
  x: {}
  \"y z\": \"a: b\"
name: SN-1
";
        assert_eq!(document(&value), expected);
        assert_eq!(item(&json!({"a": 1, "b": "c"})), "- a: 1\n  b: c\n");
    }

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        for text in ["", "yes", "No", "null", "1", "0x1", "-", "a b", "a:", "# x", "2026-01-01", "~", "é", "a\nb"] {
            assert_eq!(scalar_text(text), serde_json::to_string(text).unwrap(), "{text}");
        }
        for text in ["SN-0001", "owner-not-pinned", "a.b/c"] {
            assert_eq!(scalar_text(text), text);
        }
    }
}
