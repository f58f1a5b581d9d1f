//! Tags and lengths of BER (X.690 §8), read as far as they go.
//!
//! Not a decoder to act on, that is `conveyed_info`'s business: this one reads what is broken, too, says at which octet
//! it breaks, and keeps what came before.

use std::{borrow::Cow, fmt};

use const_oid::ObjectIdentifier;

/// Most elements that are looked at on one level.
const MAX_ELEMENTS: usize = 10_000;

/// Deepest nesting that is followed to find the end of an element of indefinite length.
const MAX_DEPTH: usize = 32;

/// One tag with its content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    tag: Tag,
    /// All of it.
    pub(crate) octets: &'a [u8],
    content: &'a [u8],
    content_offset: usize,
    /// Not as DER wants its lengths.
    is_ber: bool,
    /// The bytes end before the element does.
    is_cut: bool,
}

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    class: u8,
    constructed: bool,
    number: u32,
}

impl Tag {
    const fn universal(constructed: bool, number: u32) -> Self {
        Self { class: 0, constructed, number }
    }
    pub(crate) const INTEGER: Self = Self::universal(false, 2);
    pub(crate) const OID: Self = Self::universal(false, 6);
    pub(crate) const ENUMERATED: Self = Self::universal(false, 10);
    pub(crate) const SEQUENCE: Self = Self::universal(true, 16);
    pub(crate) const SET: Self = Self::universal(true, 17);
}

/// The elements of one level, and where reading them ended if it did not end well.
#[derive(Debug)]
pub(crate) struct Elements<'a> {
    list: std::vec::IntoIter<Element<'a>>,
    /// Why there are no more, if that is not the end of the bytes.
    pub(crate) broken: Option<Break>,
}

/// Where bytes stop being BER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Break {
    /// The octet, counted from the file's first, which is 0.
    pub(crate) offset: usize,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    EndsInHeader,
    Missing(usize),
    LengthTooLong,
    NoEnd,
    TooMany,
    Reserved,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.why, self.offset) {
            (Why::Missing(count), 0) => {
                return write!(f, "it ends {count} octet(s) too early: a transfer may have cut it");
            }
            (_, offset) => write!(f, "at octet {offset}: ")?,
        }
        match self.why {
            Why::EndsInHeader => f.write_str("the bytes end inside a tag or length"),
            Why::Missing(1) => f.write_str("the element that begins here lacks its last octet"),
            Why::Missing(count) => write!(f, "the element that begins here lacks its last {count} octets"),
            Why::LengthTooLong => f.write_str("a length of more than four octets"),
            Why::NoEnd => f.write_str("an element of indefinite length has no end"),
            Why::TooMany => f.write_str("too many elements"),
            Why::Reserved => f.write_str("a tag or length that X.690 reserves"),
        }
    }
}

impl<'a> Element<'a> {
    /// Whether it has this tag.
    pub(crate) fn is(&self, tag: Tag) -> bool {
        self.tag == tag
    }

    /// Whether it has this number in the context, primitive or constructed.
    pub(crate) const fn is_context(&self, number: u32) -> bool {
        self.tag.class == 2 && self.tag.number == number
    }

    /// The elements inside.
    pub(crate) fn children(&self) -> Elements<'a> {
        let mut elements = Elements::read(self.content, self.content_offset);
        if self.is_cut {
            // Said already where it was cut.
            elements.broken = None;
        }
        elements
    }

    /// The octets of a string, also of one in pieces.
    pub(crate) fn string(&self) -> Cow<'a, [u8]> {
        if !self.tag.constructed {
            return Cow::Borrowed(self.content);
        }
        let mut pieces = Vec::new();
        self.append_pieces(&mut pieces, 0);
        Cow::Owned(pieces)
    }

    fn append_pieces(&self, pieces: &mut Vec<u8>, depth: usize) {
        for piece in self.children() {
            match piece.tag.constructed {
                true if depth < MAX_DEPTH => piece.append_pieces(pieces, depth + 1),
                _ => pieces.extend_from_slice(piece.content),
            }
        }
    }

    /// The octets between header and end.
    pub(crate) const fn content(&self) -> &'a [u8] {
        self.content
    }

    /// The object identifier, if it is one.
    pub(crate) fn oid(&self) -> Option<ObjectIdentifier> {
        if self.is(Tag::OID) { ObjectIdentifier::from_bytes(self.content).ok() } else { None }
    }

    /// Whether the bytes end before the element does.
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// A small INTEGER or ENUMERATED.
    pub(crate) fn number(&self) -> Option<u64> {
        let small = matches!(self.content, [first, ..] if *first < 0x80 && self.content.len() <= 8);
        let is_number = self.is(Tag::INTEGER) || self.is(Tag::ENUMERATED);
        (small && is_number).then(|| self.content.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
    }

    /// Whether this element's own length, or any inside it down to `depth`, is not as DER has it.
    pub(crate) fn is_ber(&self, depth: usize) -> bool {
        let in_pieces = self.tag.class == 0 && self.tag.constructed && self.tag.number == 4;
        let inside = |depth| self.children().any(|child| child.is_ber(depth));
        self.is_ber || in_pieces || (self.tag.constructed && depth.checked_sub(1).is_some_and(inside))
    }

    /// Reads the element at the beginning of `bytes`, which lie at `base` in the file. One that is cut comes back with
    /// what is there, together with the break.
    fn read(bytes: &'a [u8], base: usize, depth: usize) -> (Option<Self>, Option<Break>) {
        let stop = |why| (None, Some(Break { offset: base, why }));
        let Some((tag, tag_length)) = read_tag(bytes) else { return stop(Why::EndsInHeader) };
        let rest = bytes.get(tag_length..).unwrap_or_default();
        let Some((first, rest)) = rest.split_first() else { return stop(Why::EndsInHeader) };
        let (length, header, is_ber) = match *first {
            length @ 0..=0x7f => (Some(usize::from(length)), tag_length + 1, false),
            0x80 if tag.constructed => (None, tag_length + 1, true),
            0x80 | 0xff => return stop(Why::Reserved),
            long => {
                let count = usize::from(long & 0x7f);
                let Some(octets) = rest.get(..count) else { return stop(Why::EndsInHeader) };
                if octets.iter().skip_while(|octet| **octet == 0).count() > 4 {
                    return stop(Why::LengthTooLong);
                }
                let length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
                let minimal = length >= 0x80 && octets.first() != Some(&0);
                (Some(length), tag_length + 1 + count, !minimal)
            }
        };
        let body = bytes.get(header..).unwrap_or_default();
        let content_offset = base + header;
        let Some(length) = length else {
            let (content, end) = match end_of_contents(body, depth) {
                Ok(length) => (body.get(..length).unwrap_or_default(), header + length + 2),
                Err(NoEnd) => (body, bytes.len()),
            };
            let is_cut = content.len() == body.len();
            let octets = bytes.get(..end).unwrap_or(bytes);
            let element = Self { tag, octets, content, content_offset, is_ber, is_cut };
            return (Some(element), is_cut.then_some(Break { offset: base, why: Why::NoEnd }));
        };
        let (content, is_cut) = body.get(..length).map_or((body, true), |content| (content, false));
        let octets = bytes.get(..header.saturating_add(length)).unwrap_or(bytes);
        let element = Self { tag, octets, content, content_offset, is_ber, is_cut };
        let missing = Why::Missing(length.saturating_sub(body.len()));
        (Some(element), is_cut.then_some(Break { offset: base, why: missing }))
    }
}

/// The tag and how many octets it has.
fn read_tag(bytes: &[u8]) -> Option<(Tag, usize)> {
    let first = *bytes.first()?;
    let (class, constructed, low) = (first >> 6, first & 0x20 != 0, first & 0x1f);
    if low != 0x1f {
        return Some((Tag { class, constructed, number: u32::from(low) }, 1));
    }
    let mut number = 0_u32;
    for (index, octet) in bytes.iter().enumerate().skip(1).take(4) {
        number = number << 7 | u32::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            return Some((Tag { class, constructed, number }, index + 1));
        }
    }
    None
}

/// No end-of-contents octets.
struct NoEnd;

/// How long the content of indefinite length is that begins here.
fn end_of_contents(bytes: &[u8], depth: usize) -> Result<usize, NoEnd> {
    let depth = depth.checked_add(1).filter(|depth| *depth <= MAX_DEPTH).ok_or(NoEnd)?;
    let mut at = 0;
    for _ in 0..MAX_ELEMENTS {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.starts_with(&[0, 0]) {
            return Ok(at);
        }
        match Element::read(rest, at, depth) {
            (Some(element), None) => at += element.octets.len(),
            _ => return Err(NoEnd),
        }
    }
    Err(NoEnd)
}

impl<'a> Elements<'a> {
    /// Reads elements one after the other, from bytes that lie at `base` in the file.
    pub(crate) fn read(bytes: &'a [u8], base: usize) -> Self {
        let (mut list, mut broken, mut at) = (Vec::new(), None, 0);
        while at < bytes.len() && broken.is_none() {
            if list.len() >= MAX_ELEMENTS {
                broken = Some(Break { offset: base + at, why: Why::TooMany });
                break;
            }
            let (element, stopped) = Element::read(bytes.get(at..).unwrap_or_default(), base + at, 0);
            at += element.as_ref().map_or(0, |element| element.octets.len());
            list.extend(element);
            broken = stopped;
        }
        Self { list: list.into_iter(), broken }
    }

    /// Takes the next element if it is one of these.
    pub(crate) fn next_if(&mut self, wanted: impl Fn(&Element<'a>) -> bool) -> Option<Element<'a>> {
        if self.list.as_slice().first().is_some_and(wanted) { self.list.next() } else { None }
    }

    /// How many are left.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        self.list.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(bytes: &[u8]) -> Element<'_> {
        let mut elements = Elements::read(bytes, 0);
        assert_eq!((elements.len(), elements.broken), (1, None), "{bytes:02x?}");
        elements.next().unwrap()
    }

    #[test]
    fn definite_and_indefinite_lengths_give_the_same_content() {
        let der = only(&[0x30, 3, 2, 1, 5]);
        let long = only(&[0x30, 0x82, 0, 3, 2, 1, 5]);
        let endless = only(&[0x30, 0x80, 2, 1, 5, 0, 0]);
        for element in [der, long, endless] {
            assert_eq!(element.content(), [2, 1, 5]);
            assert_eq!(element.children().next().unwrap().number(), Some(5));
        }
        assert_eq!([der, long, endless].map(|it| it.is_ber(4)), [false, true, true]);
    }

    #[test]
    fn a_string_in_pieces_is_joined() {
        let whole = only(&[0x24, 0x80, 4, 1, b'a', 0x24, 3, 4, 1, b'b', 4, 1, b'c', 0, 0]);
        assert_eq!(&*whole.string(), b"abc");
        assert!(only(&[0x24, 3, 4, 1, b'a']).is_ber(0));
    }

    #[test]
    fn what_is_cut_is_read_as_far_as_it_goes_and_named_once() {
        let mut elements = Elements::read(&[0x30, 9, 2, 1, 5, 4, 4, b'a'], 100);
        let broken = elements.broken.unwrap();
        assert_eq!(broken.to_string(), "at octet 100: the element that begins here lacks its last 3 octets");
        let inside = elements.next().unwrap().children();
        assert_eq!(inside.broken, None);
        assert_eq!(inside.map(|it| it.content().to_vec()).collect::<Vec<_>>(), [vec![5], vec![b'a']]);
    }

    #[test]
    fn hostile_lengths_and_nesting_end() {
        for (bytes, text) in [
            (&[0x30][..], "at octet 0: the bytes end inside a tag or length"),
            (&[0x30, 0x85, 1, 0, 0, 0, 0], "at octet 0: a length of more than four octets"),
            (&[0x30, 0x84, 0xff], "at octet 0: the bytes end inside a tag or length"),
            (&[0x04, 0x80], "at octet 0: a tag or length that X.690 reserves"),
            (&[2, 1, 5, 0xff, 0xff, 0xff, 0xff, 0xff], "at octet 3: the bytes end inside a tag or length"),
        ] {
            assert_eq!(Elements::read(bytes, 0).broken.unwrap().to_string(), text);
        }
        let deep = [0x30, 0x80].repeat(100_000);
        assert!(Elements::read(&deep, 0).broken.is_some());
    }
}
