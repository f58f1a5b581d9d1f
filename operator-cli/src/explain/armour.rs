//! How octets are written down in a file: as they are, as PEM, or as bare base64.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

/// How a piece was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Armour {
    /// As it is: DER or BER.
    Binary,
    /// A PEM block.
    Pem,
    /// Base64 without anything around it, as in JSON documents and DNS records.
    Base64,
    /// A document as text.
    Text,
}

impl Armour {
    /// For people.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Pem => "PEM",
            Self::Base64 => "base64",
            Self::Text => "text",
        }
    }
}

/// A part of a file that stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// How it was written down.
    pub(crate) armour: Armour,
    /// What its PEM armour calls it.
    pub(crate) label: Option<String>,
    /// What it holds.
    pub(crate) octets: Cow<'a, [u8]>,
    /// Whether the armour is damaged.
    pub(crate) is_torn: bool,
}

/// Takes a file apart: every PEM block of it, or the one thing it holds; nothing when it is empty.
pub(crate) fn pieces(file: &[u8]) -> Vec<Piece<'_>> {
    if file.is_empty() {
        return Vec::new();
    }
    let one = |armour, octets| vec![Piece { armour, label: None, octets, is_torn: false }];
    let Ok(text) = std::str::from_utf8(file) else { return one(Armour::Binary, Cow::Borrowed(file)) };
    if text.contains("-----BEGIN ") {
        return pem(text);
    }
    // A byte order mark belongs to the text: readers refuse it, and so it stays.
    if matches!(text.trim_start().chars().next(), Some('{' | '<')) {
        return one(Armour::Text, Cow::Borrowed(file));
    }
    match base64(text) {
        Some(octets) => one(Armour::Base64, Cow::Owned(octets)),
        None => one(Armour::Binary, Cow::Borrowed(file)),
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let packed: String = text.split_ascii_whitespace().collect();
    if packed.is_empty() { None } else { STANDARD.decode(packed).ok() }
}

/// The blocks of a PEM file. What stands between them is somebody's comment.
fn pem(text: &str) -> Vec<Piece<'static>> {
    let mut pieces = Vec::new();
    for block in text.split("-----BEGIN ").skip(1) {
        let (label, rest) = block.split_once("-----").unwrap_or((block, ""));
        let label = label.lines().next().unwrap_or_default().to_owned();
        let (body, end) = rest.split_once("-----END ").unwrap_or((rest, ""));
        // Encrypted keys carry headers; keys are not looked into anyway.
        let octets = base64(body);
        let is_torn =
            !end.starts_with(&format!("{label}-----")) || (octets.is_none() && !label.ends_with("PRIVATE KEY"));
        let octets = Cow::Owned(octets.unwrap_or_default());
        pieces.push(Piece { armour: Armour::Pem, label: Some(label), octets, is_torn });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(file: &[u8]) -> Piece<'_> {
        let mut pieces = pieces(file);
        assert_eq!(pieces.len(), 1);
        pieces.remove(0)
    }

    #[test]
    fn the_same_octets_in_every_armour() {
        let pem = b"somebody\n-----BEGIN CMS-----\nMAMC\r\nAQU=\n-----END CMS-----\n";
        for (file, armour) in
            [(&[0x30, 3, 2, 1, 5][..], Armour::Binary), (b"MAMC\nAQU=\n", Armour::Base64), (pem, Armour::Pem)]
        {
            let piece = only(file);
            assert_eq!((piece.armour, &*piece.octets, piece.is_torn), (armour, &[0x30, 3, 2, 1, 5][..], false));
        }
        assert_eq!(only(pem).label.as_deref(), Some("CMS"));
    }

    #[test]
    fn documents_are_text() {
        assert_eq!(only(b" {}").armour, Armour::Text);
        assert_eq!(only(b"<a/>").armour, Armour::Text);
        assert_eq!(only(b"not base64, nor anything").armour, Armour::Binary);
        assert!(pieces(b"").is_empty());
    }

    #[test]
    fn torn_pem_is_said_to_be_torn() {
        let two = b"-----BEGIN A-----\nMAMC\n-----END A-----\n-----BEGIN B-----\nMAMC\n";
        assert_eq!(pieces(two).iter().map(|piece| piece.is_torn).collect::<Vec<_>>(), [false, true]);
        assert!(only(b"-----BEGIN A-----\nM*MC\n-----END A-----\n").is_torn);
    }
}
