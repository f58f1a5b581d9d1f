//! BER in, DER out (X.690 §8 and §10), bounded.
//!
//! RFC 8572 §3.1 wants artifacts in DER. Programs that write while they read (`openssl cms -stream`) make BER:
//! indefinite lengths, and octet strings in pieces. Here both become definite and whole, and nothing else is touched:
//! the elements of a SET keep their order, because a signature may cover it. What is DER already comes out octet
//! for octet as it went in.

mod reader;
mod shortcut;
mod write;

use std::borrow::Cow;

use self::reader::{Place, Reader};
pub(super) use self::write::{element, octet_string};
use super::CmsError;

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
    /// Longer than any artifact.
    #[error("longer than {MAX_OCTETS} octets")]
    TooLong,
    /// Constructed encodings inside each other beyond all use.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More elements than any artifact has.
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
    if shortcut::is_plainly_der(ber, outermost) {
        return Ok((Cow::Borrowed(ber), Form::Der));
    }
    normalise_in_full(ber, outermost)
}

fn normalise_in_full(ber: &[u8], outermost: Outermost) -> Result<(Cow<'_, [u8]>, Form), BerError> {
    let place = match outermost {
        Outermost::ContentInfo => Place::ContentInfo,
        Outermost::Other => Place::Elsewhere,
    };
    let mut reader = Reader::new(ber);
    let mut der = Vec::with_capacity(ber.len());
    reader.element(place, 0, &mut der)?.ok_or(BerError::Tag)?;
    if !reader.rest.is_empty() {
        return Err(BerError::TrailingOctets);
    }
    Ok(if der == ber { (Cow::Borrowed(ber), Form::Der) } else { (Cow::Owned(der), Form::Ber) })
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;

impl From<BerError> for CmsError {
    fn from(error: BerError) -> Self {
        Self::Ber(error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{write::append, *};
    use crate::cms::ContentType;

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
        let nested = |levels: usize| [[0x30, 0x80].repeat(levels), [0, 0].repeat(levels)].concat();
        assert!(other(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(other(&nested(MAX_DEPTH + 2)), Err(BerError::TooDeep));
        assert_eq!(other(&nested(100_000)), Err(BerError::TooDeep));
        assert_eq!(other(&vec![0; MAX_OCTETS + 1]), Err(BerError::TooLong));
        let many = [vec![0x30, 0x80], [5, 0].repeat(MAX_ELEMENTS), vec![0, 0]].concat();
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
        fn the_shortcut_says_yes_only_where_the_long_way_changes_nothing(
            tree in tree(), place in any::<proptest::sample::Index>(), octet in any::<u8>(),
        ) {
            let (mut der, mut ber) = (Vec::new(), Vec::new());
            tree.encode(&mut der, &mut ber);
            let wrapped = |inner: &[u8]| {
                let mut whole = Vec::new();
                append(&mut whole, &[SEQUENCE], inner);
                whole
            };
            // DER, BER, and each with one octet changed, by itself and in a SEQUENCE.
            for mut octets in [der.clone(), ber.clone(), wrapped(&der), wrapped(&ber)] {
                for changed in [false, true] {
                    if changed && !octets.is_empty() {
                        let place = place.index(octets.len());
                        octets[place] = octet;
                    }
                    for outermost in [Outermost::ContentInfo, Outermost::Other] {
                        if shortcut::is_plainly_der(&octets, outermost) {
                            let whole = normalise_in_full(&octets, outermost);
                            prop_assert_eq!(whole, Ok((Cow::Borrowed(&octets[..]), Form::Der)));
                        }
                    }
                }
            }
            prop_assert!(shortcut::is_plainly_der(&wrapped(&der), Outermost::Other) || der.len() > 0xffff);
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
        Nodes(u8, Vec<Self>),
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
