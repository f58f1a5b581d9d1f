//! BER in, DER out (X.690 §8 and §10), bounded.
//!
//! RFC 8572 §3.1 wants artifacts in DER. Programs that write while they read (`openssl cms -stream`) make BER:
//! indefinite lengths, and octet strings in pieces. Here both become definite and whole, and nothing else is touched:
//! the elements of a SET keep their order, because a signature may cover it. What is DER already comes out octet
//! for octet as it went in.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{CmsError, content::ContentType};

/// How an artifact was encoded. RFC 8572 §3.1 has DER (ART-01); BER is a leniency that the caller can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// DER, used as it came.
    Der,
    /// BER that is not DER: it was normalised.
    Ber,
}

/// Longest input, in octets: that of an artifact.
pub(super) const MAX_OCTETS: usize = crate::artifacts::MAX_ARTIFACT;
/// Deepest nesting of constructed encodings.
pub(super) const MAX_DEPTH: usize = 32;
/// Most elements in the whole structure. A revocation list of the longest artifact stays below it.
pub(super) const MAX_ELEMENTS: usize = 131_072;

/// Why BER could not be normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BerError {
    /// More than [`MAX_OCTETS`].
    #[error("longer than {MAX_OCTETS} octets")]
    TooLong,
    /// More than [`MAX_DEPTH`] levels.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More than [`MAX_ELEMENTS`].
    #[error("more than {MAX_ELEMENTS} elements")]
    TooManyElements,
    /// The input ends inside an element, or an element reaches beyond the one around it.
    #[error("an element is cut off")]
    Truncated,
    /// Octets follow the outermost element.
    #[error("octets follow the structure")]
    TrailingOctets,
    /// A tag longer than four octets, or an end-of-contents mark where nothing is open.
    #[error("an unusable tag")]
    Tag,
    /// A length in a form that X.690 §8.1.3 does not have, or indefinite on a primitive encoding.
    #[error("an unusable length")]
    Length,
    /// A string in pieces whose pieces are not strings of its kind.
    #[error("a string in pieces whose pieces are something else")]
    Pieces,
}

/// What the outermost element is. Only a ContentInfo tells where encrypted content lies, which is an OCTET STRING behind
/// an IMPLICIT tag and cannot be told from other constructed elements by its octets (RFC 5652 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outermost {
    /// A ContentInfo.
    ContentInfo,
    /// Anything else.
    Other,
}

/// The DER of one BER element, which is all of `ber`; borrowed when it is DER already.
pub(super) fn normalise(ber: &[u8], outermost: Outermost) -> Result<(Cow<'_, [u8]>, Form), BerError> {
    if ber.len() > MAX_OCTETS {
        return Err(BerError::TooLong);
    }
    let place = match outermost {
        Outermost::ContentInfo => Place::ContentInfo,
        Outermost::Other => Place::Elsewhere,
    };
    let mut reader = Reader { rest: ber, elements: 0 };
    let mut der = Vec::with_capacity(ber.len());
    reader.element(place, 0, &mut der)?.ok_or(BerError::Tag)?;
    if !reader.rest.is_empty() {
        return Err(BerError::TrailingOctets);
    }
    Ok(if der == ber { (Cow::Borrowed(ber), Form::Der) } else { (Cow::Owned(der), Form::Ber) })
}

/// Where an element stands, on the way from a ContentInfo to the encrypted content; everything else is `Elsewhere`.
#[derive(Clone, Copy)]
enum Place {
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

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;

struct Reader<'a> {
    rest: &'a [u8],
    elements: usize,
}

impl<'a> Reader<'a> {
    /// Reads one element and appends its DER; `None` at an end-of-contents mark.
    fn element(&mut self, place: Place, depth: usize, der: &mut Vec<u8>) -> Result<Option<u8>, BerError> {
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
                length += 1;
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

/// One DER element with `parts` as its value, in memory that is wiped and was never moved.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    /// Tag and length of whatever fits into memory.
    const LONGEST_HEADER: usize = 2 + size_of::<usize>();
    let length = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let mut der = Zeroizing::new(Vec::with_capacity(length.saturating_add(LONGEST_HEADER)));
    append_header(&mut der, &[tag], length);
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

/// An OCTET STRING, likewise.
pub(super) fn octet_string(octets: &[u8]) -> Zeroizing<Vec<u8>> {
    element(OCTET_STRING, &[octets])
}

fn append(der: &mut Vec<u8>, tag: &[u8], value: &[u8]) {
    append_header(der, tag, value.len());
    der.extend_from_slice(value);
}

fn append_header(der: &mut Vec<u8>, tag: &[u8], length: usize) {
    der.extend_from_slice(tag);
    let octets = length.to_be_bytes();
    let significant = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        _ => {
            let long = octets.get(significant..).unwrap_or_default();
            der.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            der.extend_from_slice(long);
        }
    }
}

/// The universal types that are strings of octets or characters and may come in pieces (X.690 §8.7, §8.23, §8.25).
const fn is_string(tag: u8) -> bool {
    matches!(tag, OCTET_STRING | 0x0c | 0x12..=0x1c | 0x1e)
}

/// The values of octet strings, one after the other. `pieces` was normalised: each piece is primitive.
fn join(pieces: &[u8]) -> Result<Vec<u8>, BerError> {
    let mut joined = Vec::with_capacity(pieces.len());
    let mut reader = Reader { rest: pieces, elements: 0 };
    while !reader.rest.is_empty() {
        joined.extend_from_slice(reader.piece(OCTET_STRING)?);
    }
    Ok(joined)
}

/// As [`join`], of bit strings: the first octet of each counts the bits that are missing at its end, which only the last
/// may have (X.690 §8.6.4).
fn join_bits(pieces: &[u8]) -> Result<Vec<u8>, BerError> {
    let mut joined = vec![0];
    let mut reader = Reader { rest: pieces, elements: 0 };
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

impl From<BerError> for CmsError {
    fn from(error: BerError) -> Self {
        Self::Ber(error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn other(ber: &[u8]) -> Result<(Vec<u8>, Form), BerError> {
        normalise(ber, Outermost::Other).map(|(der, form)| (der.into_owned(), form))
    }

    #[test]
    fn art_01_indefinite_lengths_and_pieces_become_der() {
        // SEQUENCE { OCTET STRING "abc" in two pieces, one of them in pieces itself } by hand.
        let ber = [0x30, 0x80, 0x24, 0x80, 4, 1, b'a', 0x24, 4, 4, 2, b'b', b'c', 0, 0, 0, 0];
        assert_eq!(other(&ber), Ok((vec![0x30, 5, 4, 3, b'a', b'b', b'c'], Form::Ber)));
        // A UTF8String in pieces, a length that is longer than it need be, and a BIT STRING in pieces.
        assert_eq!(other(&[0x2c, 3, 4, 1, b'x']), Ok((vec![0x0c, 1, b'x'], Form::Ber)));
        assert_eq!(other(&[4, 0x82, 0, 1, 7]), Ok((vec![4, 1, 7], Form::Ber)));
        assert_eq!(other(&[0x23, 8, 3, 2, 0, 0xff, 3, 2, 4, 0xf0]), Ok((vec![3, 3, 4, 0xff, 0xf0], Form::Ber)));
    }

    #[test]
    fn sets_keep_their_order_and_explicit_tags_their_string() {
        // A SET that DER would sort: a signature may cover it as it is.
        let set = [0x31, 6, 2, 1, 9, 2, 1, 1];
        assert_eq!(other(&set), Ok((set.to_vec(), Form::Der)));
        // [0] EXPLICIT OCTET STRING of bare content must not be taken for one in pieces.
        let bare = super::super::bare(ContentType::Data, b"{}").unwrap();
        assert_eq!(normalise(&bare, Outermost::ContentInfo), Ok((Cow::Borrowed(&bare[..]), Form::Der)));
    }

    #[test]
    fn art_01_hostile_encodings_are_refused_by_name() {
        let nested = |levels: usize| [vec![0x30, 0x80].repeat(levels), vec![0, 0].repeat(levels)].concat();
        assert!(other(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(other(&nested(MAX_DEPTH + 2)), Err(BerError::TooDeep));
        assert_eq!(other(&nested(100_000)), Err(BerError::TooDeep));
        assert_eq!(other(&vec![0; MAX_OCTETS + 1]), Err(BerError::TooLong));
        let many = [vec![0x30, 0x80], vec![5, 0].repeat(MAX_ELEMENTS), vec![0, 0]].concat();
        assert_eq!(other(&many), Err(BerError::TooManyElements));
        for (ber, error) in [
            (&[][..], BerError::Truncated),
            (&[0x30, 2, 5], BerError::Truncated),
            (&[0x30, 0x80, 5, 0], BerError::Truncated),
            (&[0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], BerError::Truncated),
            (&[4, 0x80, 0, 0], BerError::Length),
            (&[0x30, 0xff], BerError::Length),
            (&[0, 0], BerError::Tag),
            (&[0x30, 2, 0, 0], BerError::Tag),
            (&[0x1f, 0x81, 0x81, 0x81, 1, 0], BerError::Tag),
            (&[5, 0, 0], BerError::TrailingOctets),
            (&[0x24, 3, 2, 1, 1], BerError::Pieces),
            (&[0x23, 8, 3, 2, 4, 0xf0, 3, 2, 0, 0xff], BerError::Pieces),
        ] {
            assert_eq!(other(ber), Err(error), "{ber:02x?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_normalised_once_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            for outermost in [Outermost::ContentInfo, Outermost::Other] {
                if let Ok((der, _)) = normalise(&octets, outermost) {
                    let (again, form) = normalise(&der, outermost).unwrap();
                    prop_assert_eq!((&again, form), (&der, Form::Der));
                }
            }
        }

        #[test]
        fn art_01_der_comes_out_as_it_went_in(tree in tree()) {
            let (mut der, mut ber) = (Vec::new(), Vec::new());
            tree.encode(&mut der, &mut ber);
            prop_assert_eq!(other(&der), Ok((der.clone(), Form::Der)));
            prop_assert_eq!(other(&ber).map(|(normalised, _)| normalised), Ok(der));
        }
    }

    /// A structure that is written twice: in DER, and in BER as far from it as can be.
    #[derive(Clone, Debug)]
    enum Tree {
        Octets(Vec<u8>),
        Integer(u8),
        Nodes(u8, Vec<Tree>),
    }

    impl Tree {
        fn encode(&self, der: &mut Vec<u8>, ber: &mut Vec<u8>) {
            match self {
                Self::Octets(octets) => {
                    append(der, &[OCTET_STRING], octets);
                    ber.extend([0x24, 0x80]);
                    octets.chunks(3).for_each(|chunk| append(ber, &[OCTET_STRING], chunk));
                    ber.extend([0, 0]);
                }
                Self::Integer(value) => {
                    der.extend([2, 1, *value]);
                    ber.extend([2, 0x83, 0, 0, 1, *value]);
                }
                Self::Nodes(tag, nodes) => {
                    let (mut inner, mut inner_ber) = (Vec::new(), Vec::new());
                    nodes.iter().for_each(|node| node.encode(&mut inner, &mut inner_ber));
                    append(der, &[*tag], &inner);
                    ber.extend([*tag, 0x80]);
                    ber.extend(inner_ber);
                    ber.extend([0, 0]);
                }
            }
        }
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(Tree::Octets),
            any::<u8>().prop_map(Tree::Integer),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            let tag = prop_oneof![Just(0x30), Just(0x31), Just(0xa0), Just(0xa1)];
            (tag, proptest::collection::vec(inner, 0..8)).prop_map(|(tag, nodes)| Tree::Nodes(tag, nodes))
        })
    }
}
