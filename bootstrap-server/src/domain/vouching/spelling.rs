//! Serial numbers as people and delivery notes write them, which is not always as their makers do.

use std::collections::BTreeSet;

use pki::identity::SerialNumber;

/// Words before a serial number on labels and in bar codes. The bare `S` is the data identifier of a bar code (ANSI MH10.8.2).
const PREFIXES: &[&str] = &["SERIAL NUMBER", "SERIAL NO.", "SERIAL NO", "SERIAL", "S/N", "SN", "S"];

/// Other ways to write `written` which the maker may have meant: in the other case, without the blanks, hyphens or words
/// around it. A few, whatever is written, and never itself.
#[must_use]
pub fn spellings(written: &SerialNumber) -> BTreeSet<SerialNumber> {
    let text = written.as_str();
    let mut forms = BTreeSet::from([text.to_owned()]);
    let upper = text.to_uppercase();
    for prefix in PREFIXES {
        // What is upper case may have other lengths than what was written: where it has not, the letters stand at the same
        // places.
        if upper.len() == text.len() && upper.starts_with(prefix) {
            let rest = text.get(prefix.len()..).unwrap_or_default();
            forms.insert(rest.trim_start_matches([':', '#', '=', '.', '-', ' ']).to_owned());
        }
    }
    for form in forms.clone() {
        forms.insert(form.split_whitespace().collect());
        forms.insert(form.trim_start_matches('0').to_owned());
        forms.insert(form.chars().filter(|it| !matches!(it, '-' | '–' | '_' | ' ' | '\u{a0}')).collect());
    }
    for form in forms.clone() {
        forms.insert(form.to_uppercase());
        forms.insert(form.to_lowercase());
    }
    forms.remove(text);
    forms.into_iter().filter_map(|form| SerialNumber::new(form).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(written: &str, meant: &str) -> bool {
        spellings(&SerialNumber::new(written).unwrap()).contains(&SerialNumber::new(meant).unwrap())
    }

    #[test]
    fn what_a_maker_may_have_meant() {
        for (written, meant) in [
            ("ab-12c", "AB-12C"),
            ("AB-12C", "ab-12c"),
            ("AB 12C", "AB12C"),
            ("AB-12C", "AB12C"),
            ("S/N: AB12", "AB12"),
            ("SAB12", "AB12"),
            ("sn:ab12", "AB12"),
            ("Serial No. 77", "77"),
            ("000123", "123"),
        ] {
            assert!(finds(written, meant), "{written} -> {meant}");
        }
    }

    #[test]
    fn it_is_never_itself_and_never_many() {
        for written in ["A", "S", "SERIAL", "0", "ß-ß", "S/N S/N S/N", &"0-s ".repeat(16)] {
            let written = SerialNumber::new(written.trim()).unwrap();
            let forms = spellings(&written);
            assert!(!forms.contains(&written) && forms.len() <= 40, "{written}: {}", forms.len());
        }
    }
}
