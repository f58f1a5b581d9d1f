//! DER taken apart into the octets that came, for what is signed over them.

use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber};

/// The elements inside one constructed value, one after the other, as they came.
pub(super) struct Elements<'a>(SliceReader<'a>);

impl<'a> Elements<'a> {
    /// Those of the SEQUENCE that is all of `der`.
    pub(super) fn of_sequence(der: &'a [u8]) -> der::Result<Self> {
        Self::of(der, Tag::Sequence)
    }

    /// Those of the value with the constructed tag `[number]` that is all of `der`. Where the tag is an explicit one, that is
    /// the one element inside; where it is an implicit one, those of the SEQUENCE that it stands for.
    pub(super) fn of_context(der: &'a [u8], number: u32) -> der::Result<Self> {
        Self::of(der, context(number))
    }

    fn of(der: &'a [u8], tag: Tag) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let header = Header::decode(&mut reader)?;
        header.tag().assert_eq(tag)?;
        let inside = reader.read_slice(header.length())?;
        reader.finish()?;
        Ok(Self(SliceReader::new(inside)?))
    }

    /// Whether there is no further one.
    pub(super) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// The next one, with its tag and length.
    pub(super) fn element(&mut self) -> der::Result<&'a [u8]> {
        self.0.tlv_bytes()
    }

    /// The next one, which must be of this type.
    pub(super) fn value<T: Decode<'a, Error = der::Error>>(&mut self) -> der::Result<T> {
        T::decode(&mut self.0)
    }

    /// The next one, when it has the constructed tag `[number]`.
    pub(super) fn optional(&mut self, number: u32) -> der::Result<Option<&'a [u8]>> {
        if self.tag()? == Some(context(number)) { self.element().map(Some) } else { Ok(None) }
    }

    /// The tag of the next one.
    pub(super) fn tag(&self) -> der::Result<Option<Tag>> {
        if self.0.is_finished() { Ok(None) } else { Tag::peek(&self.0).map(Some) }
    }

    /// That there is no further one.
    pub(super) fn finish(self) -> der::Result<()> {
        self.0.finish()
    }
}

/// The tag of an element.
pub(super) fn tag_of(element: &[u8]) -> der::Result<Tag> {
    Tag::peek(&SliceReader::new(element)?)
}

const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// A SEQUENCE that travels under an implicit tag, under its own.
pub(super) fn as_sequence(element: &[u8]) -> Vec<u8> {
    let mut sequence = element.to_vec();
    if let Some(tag) = sequence.first_mut() {
        *tag = 0x30;
    }
    sequence
}

/// A SEQUENCE of these elements.
pub(super) fn sequence(elements: &[&[u8]]) -> der::Result<Vec<u8>> {
    let inside = elements.concat();
    let any = der::Any::new(Tag::Sequence, inside)?;
    der::Encode::to_der(&any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_as_they_are_and_what_is_behind_them_is_noticed() {
        let der = [0x30, 8, 2, 1, 5, 0xa4, 3, 2, 1, 6];
        let mut elements = Elements::of_sequence(&der).unwrap();
        assert_eq!(elements.value::<u8>(), Ok(5));
        assert_eq!(elements.optional(3), Ok(None));
        let explicit = elements.optional(4).unwrap().unwrap();
        assert_eq!(explicit, [0xa4, 3, 2, 1, 6]);
        assert_eq!(Elements::of_context(explicit, 4).unwrap().element().unwrap(), [2, 1, 6]);
        elements.finish().unwrap();
        assert!(Elements::of_sequence(&[0x30, 0, 0]).is_err() && Elements::of_sequence(&[0x31, 0]).is_err());
        assert!(Elements::of_context(&[0xa3, 0], 4).is_err() && Elements::of_sequence(&[]).is_err());
        assert!(Elements::of_sequence(&der).unwrap().finish().is_err());
        assert_eq!(sequence(&[&[2, 1, 5], &[0xa4, 3, 2, 1, 6]]).unwrap(), der);
        assert_eq!(as_sequence(&[0xa6, 0]), [0x30, 0]);
    }
}
