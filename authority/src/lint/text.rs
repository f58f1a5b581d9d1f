//! Text that people will read in a name, and that programs will compare.
//!
//! Two names that look the same must not be two. The rules are few, so that they can be told to whoever breaks one:
//!
//! 1. A device's serial number holds printable ASCII and the letters of Latin-1 (À to ÿ), nothing else. It is compared octet by
//!    octet, printed on labels and typed by people.
//! 2. Other values may be in any script, but within one word Latin letters stand beside none of Cyrillic, Greek, Armenian,
//!    Coptic or Cherokee: `Асme` in two scripts is nobody's name.
//! 3. No value holds what cannot be seen or turns the direction of its neighbours, nor another form of a letter
//!    (fullwidth, mathematical), nor a character that means something between two parties only (private use).

use std::fmt;

use crate::SubjectAttribute;

/// What is wrong with a text. Reads on after "the value of …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextFault {
    /// Nothing in it.
    Empty,
    /// Longer than X.520 allows; how many characters that are.
    TooLong(usize),
    /// Blanks at an end, which nobody sees and comparison passes over (RFC 5280 §7.1).
    BlankEnd,
    /// A control character.
    Control,
    /// A character that cannot be seen, turns direction, or is for private use.
    Unseen(char),
    /// A letter in another form.
    OtherForm(char),
    /// Letters of several scripts in one word.
    MixedScripts,
    /// Beyond ASCII and Latin-1 in a serial number.
    NotForSerialNumbers(char),
    /// Not two capital letters.
    NotACountry,
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(most) => write!(f, "is longer than {most} characters"),
            Self::BlankEnd => f.write_str("begins or ends with a blank"),
            Self::Control => f.write_str("holds a control character"),
            Self::Unseen(it) => write!(f, "holds U+{:04X}, which cannot be seen", u32::from(*it)),
            Self::OtherForm(it) => write!(f, "holds U+{:04X}, another form of a letter", u32::from(*it)),
            Self::MixedScripts => f.write_str("mixes scripts whose letters look alike within one word"),
            Self::NotForSerialNumbers(it) => {
                write!(f, "holds U+{:04X}: a serial number is printable ASCII and Latin-1 letters", u32::from(*it))
            }
            Self::NotACountry => f.write_str("is not a code of two capital letters"),
        }
    }
}

/// What is wrong with the value of an attribute; `None` when nothing is.
#[must_use]
pub fn text_fault(attribute: SubjectAttribute, value: &str) -> Option<TextFault> {
    let most = upper_bound(attribute);
    // Counted in octets first: a megabyte is not to be read to the end.
    if value.len() > most.saturating_mul(4) || value.chars().count() > most {
        return Some(TextFault::TooLong(most));
    }
    match attribute {
        SubjectAttribute::Country => {
            let is_code = value.len() == 2 && value.bytes().all(|it| it.is_ascii_uppercase());
            (!is_code).then_some(TextFault::NotACountry)
        }
        SubjectAttribute::SerialNumber => plain_fault(value).or_else(|| {
            let is_known = |it: char| matches!(it, ' '..='~' | 'À'..='ÿ') && !matches!(it, '×' | '÷');
            value.chars().find(|it| !is_known(*it)).map(TextFault::NotForSerialNumbers)
        }),
        _ => plain_fault(value),
    }
}

/// The upper bounds of X.520 (RFC 5280 appendix A.1), in characters.
const fn upper_bound(attribute: SubjectAttribute) -> usize {
    match attribute {
        SubjectAttribute::Country => 2,
        SubjectAttribute::State | SubjectAttribute::Locality => 128,
        SubjectAttribute::Organization
        | SubjectAttribute::OrganizationalUnit
        | SubjectAttribute::CommonName
        | SubjectAttribute::SerialNumber => 64,
    }
}

/// What is wrong with any value.
pub(super) fn plain_fault(value: &str) -> Option<TextFault> {
    if value.is_empty() {
        return Some(TextFault::Empty);
    }
    for character in value.chars() {
        if character.is_control() {
            return Some(TextFault::Control);
        }
        if is_unseen(character) {
            return Some(TextFault::Unseen(character));
        }
        if is_other_form(character) {
            return Some(TextFault::OtherForm(character));
        }
    }
    if value.starts_with(char::is_whitespace) || value.ends_with(char::is_whitespace) {
        return Some(TextFault::BlankEnd);
    }
    let mut words = value.split(|it: char| !it.is_alphanumeric());
    words.any(mixes_scripts).then_some(TextFault::MixedScripts)
}

/// Format characters, marks without a glyph, odd blanks and line ends, private use, and what is no character at all.
fn is_unseen(character: char) -> bool {
    // The last two of each plane are no characters.
    let is_none = u32::from(character) & 0xfffe == 0xfffe;
    is_none
        || matches!(character,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{1680}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
        | '\u{3000}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{10ffff}')
}

/// Letters that are other letters in disguise: superscripts and the like, letters in circles, ligatures, half and full width,
/// mathematical alphabets.
const fn is_other_form(character: char) -> bool {
    matches!(character,
        '\u{2070}'..='\u{209f}' | '\u{2100}'..='\u{218f}' | '\u{2460}'..='\u{24ff}' | '\u{fb00}'..='\u{fb06}'
        | '\u{fe10}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ffef}' | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f100}'..='\u{1f1ff}')
}

fn mixes_scripts(word: &str) -> bool {
    let is_latin = |it: char| {
        it.is_alphabetic() && matches!(it, '\u{0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{250}'..='\u{2af}')
    };
    let looks_latin = |it: char| {
        matches!(it, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}' | '\u{1f00}'..='\u{1fff}'
            | '\u{2c80}'..='\u{2cff}' | '\u{2de0}'..='\u{2dff}' | '\u{a4d0}'..='\u{a4ff}' | '\u{a640}'..='\u{a69f}'
            | '\u{ab70}'..='\u{abbf}')
    };
    word.chars().any(is_latin) && word.chars().any(looks_latin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(value: &str) -> Option<TextFault> {
        text_fault(SubjectAttribute::CommonName, value)
    }

    fn serial(value: &str) -> Option<TextFault> {
        text_fault(SubjectAttribute::SerialNumber, value)
    }

    #[test]
    fn names_in_any_script_are_taken() {
        for good in
            ["Acme Device CA", "Gerät 7", "株式会社アクメ", "ООО Акме", "Завод X5", "Ακμή", "חברה", "a.b-c_d (e)"]
        {
            assert_eq!(name(good), None, "{good}");
        }
    }

    #[test]
    fn homographs_and_what_cannot_be_seen_are_refused() {
        // The first letter is Cyrillic; the o is Greek.
        assert_eq!(name("Аcme"), Some(TextFault::MixedScripts));
        assert_eq!(name("Acme Rοuter"), Some(TextFault::MixedScripts));
        assert_eq!(name("Ａcme"), Some(TextFault::OtherForm('Ａ')));
        assert_eq!(name("𝐀cme"), Some(TextFault::OtherForm('𝐀')));
        for unseen in
            ['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{ad}', '\u{a0}', '\u{e0041}', '\u{e000}', '\u{ffff}']
        {
            assert_eq!(name(&format!("Ac{unseen}me")), Some(TextFault::Unseen(unseen)), "{unseen:?}");
        }
        for control in ['\0', '\n', '\u{7f}', '\u{85}'] {
            assert_eq!(name(&format!("Ac{control}me")), Some(TextFault::Control), "{control:?}");
        }
    }

    #[test]
    fn ends_and_lengths() {
        assert_eq!(name(""), Some(TextFault::Empty));
        assert_eq!(name(" Acme"), Some(TextFault::BlankEnd));
        assert_eq!(name("Acme "), Some(TextFault::BlankEnd));
        assert_eq!(name(&"ä".repeat(64)), None);
        assert_eq!(name(&"ä".repeat(65)), Some(TextFault::TooLong(64)));
        assert_eq!(name(&"x".repeat(1_000_000)), Some(TextFault::TooLong(64)));
        assert_eq!(text_fault(SubjectAttribute::Country, "SE"), None);
        for bad in ["se", "S", "SWE", "", "S1"] {
            let fault = text_fault(SubjectAttribute::Country, bad);
            assert!(matches!(fault, Some(TextFault::NotACountry | TextFault::TooLong(2))), "{bad}: {fault:?}");
        }
    }

    #[test]
    fn serial_numbers_are_ascii_and_latin_1() {
        for good in ["SN-0001", "PID:IE-3300 SN:FOC1234", "SN_1@ü", "0"] {
            assert_eq!(serial(good), None, "{good}");
        }
        // All of it Cyrillic, which is no mixture; a combining mark; a Latin letter that looks like another.
        for bad in ["СН-1", "SNe\u{301}", "ŁN-1"] {
            assert!(matches!(serial(bad), Some(TextFault::NotForSerialNumbers(_))), "{bad}");
        }
    }
}
