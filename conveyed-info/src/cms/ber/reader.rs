//! One element after the other, each written again as DER.

use super::{
    BIT_STRING, BerError, CONSTRUCTED, MAX_DEPTH, MAX_ELEMENTS, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET,
    write::append,
};
use crate::cms::ContentType;

/// Where an element stands, on the way from a ContentInfo to the encrypted content; everything else is `Elsewhere`.
#[derive(Clone, Copy)]
pub(super) enum Place {
    ContentInfo,
    /// The `[0] EXPLICIT` of a ContentInfo that is said to hold EnvelopedData or AuthEnvelopedData.
    Wrapper,
    Enveloped,
    EncryptedContentInfo,
    EncryptedContent,
    Elsewhere,
}

/// What is known of the elements before, at one level.
#[derive(Clone, Copy, Default)]
struct Before {
    /// How many.
    count: usize,
    /// An object identifier that says "enveloped" came first.
    enveloped: bool,
    /// A SET came, that of the recipients.
    recipients: bool,
}

impl Place {
    fn of_child(self, tag: u8, before: Before) -> Self {
        match self {
            Self::ContentInfo if tag == 0xa0 && before.count == 1 && before.enveloped => Self::Wrapper,
            Self::Wrapper if tag == SEQUENCE && before.count == 0 => Self::Enveloped,
            // RFC 5652 §6.1, RFC 5083 §2.1: the first SEQUENCE behind the recipients.
            Self::Enveloped if tag == SEQUENCE && before.recipients => Self::EncryptedContentInfo,
            Self::EncryptedContentInfo if tag == 0xa0 && before.count == 2 => Self::EncryptedContent,
            _ => Self::Elsewhere,
        }
    }
}

pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
    elements: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest, elements: 0 }
    }

    /// Reads one element and appends its DER; `None` at an end-of-contents mark.
    pub(super) fn element(&mut self, place: Place, depth: usize, der: &mut Vec<u8>) -> Result<Option<u8>, BerError> {
        if depth > MAX_DEPTH {
            return Err(BerError::TooDeep);
        }
        self.elements = self.elements.saturating_add(1);
        if self.elements > MAX_ELEMENTS {
            return Err(BerError::TooManyElements);
        }
        let tag = self.tag()?;
        let first = tag.first().copied().unwrap_or_default();
        let length = self.length()?;
        if first == 0 {
            // X.690 §8.1.5: two zero octets end indefinite contents. No other element has the tag 0.
            return if tag == [0] && length == Some(0) { Ok(None) } else { Err(BerError::Tag) };
        }
        if first & CONSTRUCTED == 0 {
            // X.690 §8.1.3.2: only constructed encodings may have indefinite length.
            let value = self.take(length.ok_or(BerError::Length)?)?;
            append(der, tag, value);
            return Ok(Some(first));
        }
        let mut contents = Vec::new();
        match length {
            Some(length) => {
                let mut inner = Reader { rest: self.take(length)?, elements: self.elements };
                let mut before = Before::default();
                while !inner.rest.is_empty() {
                    inner.child(place, &mut before, depth, &mut contents)?.ok_or(BerError::Tag)?;
                }
                self.elements = inner.elements;
            }
            None => {
                let mut before = Before::default();
                while self.child(place, &mut before, depth, &mut contents)?.is_some() {}
            }
        }
        match (first ^ CONSTRUCTED, place) {
            // X.690 §10.2: strings are primitive in DER.
            (BIT_STRING, _) => append(der, &[BIT_STRING], &join_bits(&contents)?),
            (string, _) if is_string(string) => append(der, &[string], &join(&contents)?),
            // RFC 5652 §6.1: encryptedContent, `[0] IMPLICIT OCTET STRING`.
            (_, Place::EncryptedContent) => append(der, &[0x80], &join(&contents)?),
            _ => append(der, tag, &contents),
        }
        Ok(Some(first))
    }

    fn child(
        &mut self,
        parent: Place,
        before: &mut Before,
        depth: usize,
        der: &mut Vec<u8>,
    ) -> Result<Option<u8>, BerError> {
        let tag = self.rest.first().copied().ok_or(BerError::Truncated)?;
        let start = der.len();
        let read = self.element(parent.of_child(tag, *before), depth.saturating_add(1), der)?;
        if before.count == 0 && tag == OBJECT_IDENTIFIER {
            let encoded = der.get(start..).unwrap_or_default();
            before.enveloped = [ContentType::EnvelopedData, ContentType::AuthEnvelopedData]
                .iter()
                .any(|enveloped| encoded.get(2..) == Some(enveloped.oid().as_bytes()));
        }
        before.recipients |= tag == SET;
        before.count = before.count.saturating_add(1);
        Ok(read)
    }

    /// The identifier octets (X.690 §8.1.2).
    fn tag(&mut self) -> Result<&'a [u8], BerError> {
        let first = *self.rest.first().ok_or(BerError::Truncated)?;
        let mut length = 1;
        if first & 0x1f == 0x1f {
            loop {
                let next = *self.rest.get(length).ok_or(BerError::Truncated)?;
                length = usize::saturating_add(length, 1);
                if next & 0x80 == 0 {
                    break;
                }
                if length == 4 {
                    return Err(BerError::Tag);
                }
            }
        }
        self.take(length)
    }

    /// The length (X.690 §8.1.3); `None` when it is indefinite.
    fn length(&mut self) -> Result<Option<usize>, BerError> {
        let first = *self.take(1)?.first().ok_or(BerError::Truncated)?;
        match first {
            0x80 => Ok(None),
            0xff => Err(BerError::Length),
            short if short < 0x80 => Ok(Some(usize::from(short))),
            long => {
                let octets = self.take(usize::from(long & 0x7f))?;
                let mut length = 0_usize;
                for octet in octets {
                    length = length.checked_mul(256).ok_or(BerError::Truncated)?;
                    length = length.checked_add(usize::from(*octet)).ok_or(BerError::Truncated)?;
                }
                Ok(Some(length))
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], BerError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(BerError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// The universal types that are strings of octets or characters and may come in pieces (X.690 §8.7, §8.23, §8.25).
const fn is_string(tag: u8) -> bool {
    matches!(tag, OCTET_STRING | 0x0c | 0x12..=0x1c | 0x1e)
}

/// The values of octet strings, one after the other. `pieces` was normalised: each piece is primitive.
fn join(pieces: &[u8]) -> Result<Vec<u8>, BerError> {
    let mut joined = Vec::with_capacity(pieces.len());
    let mut reader = Reader::new(pieces);
    while !reader.rest.is_empty() {
        joined.extend_from_slice(reader.piece(OCTET_STRING)?);
    }
    Ok(joined)
}

/// As [`join`], of bit strings: the first octet of each counts the bits that are missing at its end, which only the last
/// may have (X.690 §8.6.4).
fn join_bits(pieces: &[u8]) -> Result<Vec<u8>, BerError> {
    let mut joined = vec![0];
    let mut reader = Reader::new(pieces);
    while !reader.rest.is_empty() {
        let (unused, bits) = reader.piece(BIT_STRING)?.split_first().ok_or(BerError::Pieces)?;
        if *unused != 0 && !reader.rest.is_empty() {
            return Err(BerError::Pieces);
        }
        if let Some(first) = joined.first_mut() {
            *first = *unused;
        }
        joined.extend_from_slice(bits);
    }
    Ok(joined)
}

impl<'a> Reader<'a> {
    fn piece(&mut self, expected: u8) -> Result<&'a [u8], BerError> {
        if self.tag()? != [expected] {
            return Err(BerError::Pieces);
        }
        let length = self.length()?.ok_or(BerError::Pieces)?;
        self.take(length)
    }
}
