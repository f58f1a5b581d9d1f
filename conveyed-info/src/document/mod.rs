//! Instance documents of YANG modules, in JSON (RFC 7951) and XML (RFC 7950), through one model.
//!
//! A document is read member by member: [`Members`] are the children of one container, [`Node`] is one of them with
//! the path where it stands. Who reads does not know the encoding. A member is named as RFC 7951 §4 has it: by its bare
//! name where its module is its parent's, by `module:name` elsewhere, at the top above all. What nobody took is not
//! defined, and refused with its path, so that RESTCONF can answer with the right error-tag (RFC 7950 §8.3).
//!
//! A document is written from a [`Container`] with the same names; the encoding is chosen at the end.

mod element;
mod json;
mod namespaces;
mod read;
mod well_formed;
mod write;
mod xml;

pub(crate) use namespaces::namespace;
pub(crate) use read::{Members, Node};
pub(crate) use write::{Container, Out, json_string};

/// How a document is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// RFC 7951.
    Json,
    /// RFC 7950.
    Xml,
}

impl Encoding {
    /// Tells the encoding by the first octet that is no blank: `{` is JSON, `<` is XML (ART-08). A byte order mark is no
    /// blank.
    #[must_use]
    pub fn detect(document: &[u8]) -> Option<Self> {
        match document.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Some(Self::Json),
            Some(b'<') => Some(Self::Xml),
            _ => None,
        }
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Xml => "XML",
        })
    }
}

/// Why a document is not an instance of its YANG module. The paths are member names joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Not a document of its encoding at all: broken syntax, a member that stands twice, too deep, too many members.
    #[error("malformed {encoding}: {detail}")]
    Malformed {
        /// As what it was read.
        encoding: Encoding,
        /// What the parser said.
        detail: String,
    },
    /// A member that the module does not define at this place.
    #[error("{path} is not defined here")]
    UnknownMember {
        /// Where it stands.
        path: String,
    },
    /// A mandatory member is absent.
    #[error("{path} is missing")]
    MissingMember {
        /// Where it should stand.
        path: String,
    },
    /// A member whose value has the wrong type or breaks a rule of the module.
    #[error("{path} must be {expected}")]
    InvalidValue {
        /// Where it stands.
        path: String,
        /// What the module wants.
        expected: &'static str,
    },
    /// Two members that exclude one another.
    #[error("{path} excludes another member that is present")]
    Conflict {
        /// The member that is one too many.
        path: String,
    },
}

/// What becomes of XML attributes that declare no namespace. The modules here define none (RFC 7952).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attributes {
    /// The document is malformed.
    Refused,
    /// They are passed over, where a document is read for what can be understood of it.
    Ignored,
}

/// Most members of one object, or children of one element: the modules here have a dozen, lists apart. A bound keeps the
/// search for duplicates cheap.
const MAX_MEMBERS: usize = 256;

/// Most values, or elements, of one document: each takes some hundred octets in memory and may take two on the wire.
const MAX_VALUES: usize = 4096;

/// Longest document that is read, in octets: an answer with all three artifacts at their largest fits.
const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// What a peer wrote, fit to stand in an error: neither long nor able to change a terminal.
fn quoted(text: &str) -> String {
    const MAX: usize = 64;
    text.chars().take(MAX).map(|it| if it.is_control() { char::REPLACEMENT_CHARACTER } else { it }).collect()
}

/// RFC 7950 §9.4: a YANG string holds the characters of XML 1.0, without other control characters and noncharacters.
const fn is_yang_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1f}' | '\u{fdd0}'..='\u{fdef}' => false,
        // The last two code points of every plane.
        other => u32_of(other) & 0xfffe != 0xfffe,
    }
}

#[expect(clippy::as_conversions, reason = "a character is a number below 2^21; `u32::from` is not const")]
const fn u32_of(character: char) -> u32 {
    character as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn art_08_the_first_octet_that_is_no_blank_tells_the_encoding() {
        for (document, expected) in [
            (&b" \r\n\t{}"[..], Some(Encoding::Json)),
            (b"<a/>", Some(Encoding::Xml)),
            (b"\xef\xbb\xbf<a/>", None),
            (b"[]", None),
            (b"  ", None),
            (b"\x30\x80", None),
        ] {
            assert_eq!(Encoding::detect(document), expected);
        }
    }

    #[test]
    fn characters_of_yang_strings() {
        for good in ['\t', '\n', '\r', ' ', '\u{7f}', 'é', '\u{fffd}', '\u{10000}', '\u{10fffd}'] {
            assert!(is_yang_character(good), "{good:?}");
        }
        for bad in ['\0', '\u{1b}', '\u{1f}', '\u{fdd0}', '\u{fffe}', '\u{ffff}', '\u{1fffe}', '\u{10ffff}'] {
            assert!(!is_yang_character(bad), "{bad:?}");
        }
    }
}
