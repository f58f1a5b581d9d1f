//! Text as certificates hold it, and text that deceives people.

use der::{Any, Tag, Tagged};

/// Longest value that is looked at, in octets: whatever holds a serial number and something beside it is shorter.
pub(super) const MAX_VALUE: usize = 256;

/// The text of an attribute, if it is one of the string types that makers use for ASCII and UTF-8. `None` for those whose
/// octets mean different things to different readers (T61String, BMPString), and for what is too long.
pub(super) fn of(value: &Any) -> Option<String> {
    let octets = value.value();
    if octets.len() > MAX_VALUE {
        return None;
    }
    let text = std::str::from_utf8(octets).ok()?;
    match value.tag() {
        Tag::Utf8String => Some(text.to_owned()),
        // X.520 says PrintableString, whose few characters some makers stretch: `_`, `@` and `&` say what they mean.
        Tag::PrintableString | Tag::Ia5String if text.is_ascii() => Some(text.to_owned()),
        _ => None,
    }
}

/// Whether people do not see the character, or see others elsewhere for it: format characters, the controls of
/// bidirectional text, tags, variation selectors, ends of lines, and what Unicode keeps free.
pub(super) fn is_deceptive(character: char) -> bool {
    let is_format = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}');
    is_format || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether the character is a blank that people take for U+0020. Lists that people copy from documents have them; a maker's
/// certificate has no reason to.
pub(super) fn is_other_blank(character: char) -> bool {
    character != ' ' && character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_all_scripts_deceive_nobody_by_themselves() {
        assert!(!"Gerät 7 №5 装置 Ωmega _@&/".chars().any(is_deceptive));
    }

    #[test]
    fn octets_that_two_readers_read_differently_are_no_text() {
        let of_tag = |tag, octets: &[u8]| of(&Any::new(tag, octets).unwrap());
        assert_eq!(of_tag(Tag::PrintableString, b"SN_1").as_deref(), Some("SN_1"));
        assert_eq!(of_tag(Tag::Utf8String, "ä".as_bytes()).as_deref(), Some("ä"));
        assert_eq!(of_tag(Tag::Ia5String, "ä".as_bytes()), None);
        assert_eq!(of_tag(Tag::TeletexString, b"SN1"), None);
        assert_eq!(of_tag(Tag::BmpString, b"\0S\0N"), None);
        assert_eq!(of_tag(Tag::Utf8String, b"\xff"), None);
        assert_eq!(of_tag(Tag::Utf8String, &[b'x'; MAX_VALUE + 1]), None);
    }
}
