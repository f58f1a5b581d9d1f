//! A value of a record as text.

use serde_json::Value;

/// What stands where there is no value, in tables.
pub(super) const NOTHING: &str = "-";

/// For people. What devices and strangers wrote cannot move the cursor or colour the screen.
pub(super) fn shown(record: &Value, pointer: &str) -> String {
    match record.pointer(pointer) {
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        _ => Some(plain(&raw(record, pointer))).filter(|it| !it.is_empty()).unwrap_or_else(|| NOTHING.to_owned()),
    }
}

/// For programs. Nothing is an empty text; the members of a list are joined by spaces.
pub(super) fn raw(record: &Value, pointer: &str) -> String {
    record.pointer(pointer).map(text).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(" "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// The text without anything that a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    // Bidirectional controls reorder what is read; they obey nobody here either.
    let obeyed = |it: char| {
        let reorders =
            matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        it.is_control() || reorders || matches!(it, '\u{2028}' | '\u{2029}')
    };
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if obeyed(character) {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_device_wrote_does_not_reach_the_terminal_as_commands() {
        let record = json!({"message": "ok\u{1b}[2J\nfake line\u{202e}"});
        assert_eq!(shown(&record, "/message"), "ok\\u{1b}[2J\\nfake line\\u{202e}");
        assert_eq!(raw(&record, "/message"), "ok\u{1b}[2J\nfake line\u{202e}", "programs get what was written");
    }

    #[test]
    fn values_of_every_kind_have_a_text() {
        let record = json!({"a": null, "b": true, "c": 7, "d": ["x", 1], "e": "", "f": {"g": "h"}});
        let all: Vec<_> = ["/a", "/b", "/c", "/d", "/e", "/f/g", "/none"].map(|it| shown(&record, it)).into();
        assert_eq!(all, ["-", "yes", "7", "x 1", "-", "h", "-"]);
    }
}
