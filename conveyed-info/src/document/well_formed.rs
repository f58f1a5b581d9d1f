//! What XML 1.0 demands and the reader lets pass: characters, references, declarations, tags.

use quick_xml::events::{BytesRef, attributes::Attributes};

use super::{DocumentError, Encoding, element::is_blank, quoted};

/// The reader's own words may repeat the document's.
pub(super) fn malformed(detail: impl AsRef<str>) -> DocumentError {
    DocumentError::Malformed { encoding: Encoding::Xml, detail: quoted(detail.as_ref()) }
}

/// XML 1.0 §2.2.
pub(super) const fn is_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

/// The character that a reference stands for (XML 1.0 §4.1): a number, or one of the five predefined entities.
pub(super) fn referenced(reference: &BytesRef<'_>) -> Result<char, DocumentError> {
    let character = match reference.resolve_char_ref().map_err(|error| malformed(error.to_string()))? {
        Some(character) => character,
        None => match &**reference {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "apos" => '\'',
            "quot" => '"',
            _ => return Err(malformed("an entity that XML does not predefine")),
        },
    };
    if is_character(character) { Ok(character) } else { Err(malformed("a character that XML does not allow")) }
}

/// XML 1.0 §2.8, §4.3.3: version 1.0, in UTF-8, and these three things in this order.
pub(super) fn check_declaration(declaration: &str) -> Result<(), DocumentError> {
    check_tag(declaration)?;
    let mut names = ["version", "encoding", "standalone"].into_iter();
    let mut version = None;
    for attribute in Attributes::new(declaration, "xml".len()) {
        let attribute = attribute.map_err(|error| malformed(error.to_string()))?;
        let name = attribute.key.as_ref();
        match (names.any(|it| it == name).then_some(name), &*attribute.value) {
            (Some("version"), value) => version = Some(value == "1.0"),
            (Some("encoding"), it) if it.eq_ignore_ascii_case("utf-8") || it.eq_ignore_ascii_case("us-ascii") => {}
            (Some("encoding"), _) => return Err(malformed("an encoding other than UTF-8")),
            (Some("standalone"), "yes" | "no") => {}
            _ => return Err(malformed("an XML declaration with something else in it")),
        }
    }
    if version == Some(true) { Ok(()) } else { Err(malformed("a version other than 1.0")) }
}

/// XML 1.0 §3.1: white space before every attribute, and no `<` in its value.
pub(super) fn check_tag(tag: &str) -> Result<(), DocumentError> {
    let (mut quote, mut is_after_quote) = (None, false);
    for character in tag.chars() {
        match quote {
            None if is_after_quote && !is_blank(character.encode_utf8(&mut [0; 4])) => {
                return Err(malformed("attributes without white space between them"));
            }
            None => {
                quote = matches!(character, '"' | '\'').then_some(character);
                is_after_quote = false;
            }
            Some(end) if end == character => (quote, is_after_quote) = (None, true),
            Some(_) if character == '<' => return Err(malformed("a < in the value of an attribute")),
            Some(_) => {}
        }
    }
    Ok(())
}
