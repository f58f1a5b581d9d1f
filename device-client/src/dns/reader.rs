//! Reading the fields of a message, compressed names among them (RFC 1035 §4.1.4).

use conveyed_info::discovery::dns::{Name, NameError};

use super::error::MessageError;

/// Most pointers within one name: as many as it can have labels.
const MAX_POINTERS: usize = 127;

/// A place in a message, and where what may be read ends.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    /// From the start of the message, since pointers count from there.
    message: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(message: &'a [u8]) -> Self {
        Self { message, position: 0 }
    }

    /// The next `N` octets.
    pub(super) fn octets<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let rest = self.message.get(self.position..).unwrap_or_default();
        let octets = rest.first_chunk().ok_or(MessageError::Truncated)?;
        self.position = self.position.saturating_add(N);
        Ok(*octets)
    }

    /// The next two octets, as a number.
    pub(super) fn number(&mut self) -> Result<u16, MessageError> {
        self.octets().map(u16::from_be_bytes)
    }

    /// A reader of the next `length` octets; this one goes on behind them.
    pub(super) fn part(&mut self, length: usize) -> Result<Self, MessageError> {
        let end = self.position.saturating_add(length);
        let message = self.message.get(..end).ok_or(MessageError::Truncated)?;
        let part = Self { message, position: self.position };
        self.position = end;
        Ok(part)
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = self.message.get(self.position..).unwrap_or_default();
        self.position = self.message.len();
        rest
    }

    /// The next name, put together from where its pointers lead.
    ///
    /// Each pointer must lead before the place where the labels it continues began, so that no name is without end;
    /// its labels and pointers are counted, so that none is long to read.
    pub(super) fn name(&mut self) -> Result<Name, MessageError> {
        let mut labels: Vec<&[u8]> = Vec::new();
        let mut octets = 1_usize;
        let mut at = self.clone();
        let mut earliest = self.position;
        let mut after_first_pointer = None;
        for _ in 0..=MAX_POINTERS {
            let pointer = loop {
                let [length] = at.octets()?;
                match length {
                    0 => {
                        self.position = after_first_pointer.unwrap_or(at.position);
                        return Ok(Name::new(labels)?);
                    }
                    1..=63 => {
                        let label = at.part(length.into())?.rest();
                        octets = octets.saturating_add(label.len()).saturating_add(1);
                        if octets > Name::MAXIMUM {
                            return Err(NameError::TooLong.into());
                        }
                        labels.push(label);
                    }
                    0xc0.. => {
                        let [low] = at.octets()?;
                        break usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    }
                    _ => return Err(NameError::LabelType.into()),
                }
            };
            if pointer >= earliest {
                return Err(MessageError::Pointer);
            }
            after_first_pointer.get_or_insert(at.position);
            earliest = pointer;
            at.position = pointer;
        }
        Err(MessageError::Pointer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::dns::message::Message;

    fn name_at(message: &[u8], position: usize) -> Result<(String, usize), MessageError> {
        let mut reader = Reader { message, position };
        let name = reader.name()?;
        Ok((name.to_string(), reader.position))
    }

    #[test]
    fn pointers_are_followed_and_reading_goes_on_behind_the_first() {
        let message = b"\x03net\0\x07example\xc0\0\x01a\xc0\x05\x01b\0";
        assert_eq!(name_at(message, 0), Ok(("net.".to_owned(), 5)));
        assert_eq!(name_at(message, 5), Ok(("example.net.".to_owned(), 15)));
        assert_eq!(name_at(message, 15), Ok(("a.example.net.".to_owned(), 19)));
        assert_eq!(name_at(message, 19), Ok(("b.".to_owned(), 22)));
    }

    #[test]
    fn pointers_forward_or_in_circles_are_refused() {
        for (message, position) in [
            (&b"\xc0\0"[..], 0),
            (b"\xc0\x02\x01a\0", 0),
            (b"\x01a\xc0\0", 0),
            (b"\xc0\x02\xc0\0", 2),
            // Back, and then forward to where it came from.
            (b"\x01a\xc0\x04\x01b\xc0\0", 4),
        ] {
            assert_eq!(name_at(message, position), Err(MessageError::Pointer), "{message:02x?}");
        }
        assert_eq!(name_at(b"\xc0", 0), Err(MessageError::Truncated));
        assert_eq!(name_at(b"\x02a", 0), Err(MessageError::Truncated));
        assert_eq!(name_at(b"\x41a\0", 0), Err(NameError::LabelType.into()));
    }

    #[test]
    fn long_names_and_long_chains_of_pointers_are_refused() {
        // Each pointer leads to the one before it.
        let mut chain = vec![0];
        let mut last = 0_u16;
        for _ in 0..200 {
            let here = u16::try_from(chain.len()).unwrap();
            chain.extend((0xc000 | last).to_be_bytes());
            last = here;
        }
        assert_eq!(name_at(&chain, usize::from(last)), Err(MessageError::Pointer));
        assert_eq!(name_at(&chain, 1 + 2 * 126), Ok((".".to_owned(), 1 + 2 * 127)));

        let long = [&[1; 300][..], &[0]].concat();
        assert_eq!(name_at(&long, 0), Err(NameError::TooLong.into()));
    }

    /// The most work that a message can ask for: as many records as are read, under a name as long as may be, with a
    /// pointer for each label of it.
    #[test]
    fn the_worst_message_is_read_soon() {
        let mut chain = Vec::new();
        // The first octet of the message is the root's.
        let mut last = 0;
        for _ in 0..126 {
            let here = u16::try_from(HEADER + FIELDS + chain.len()).unwrap();
            chain.extend(b"\x01a");
            chain.extend((0xc000_u16 | last).to_be_bytes());
            last = here;
        }
        let mut message = b"\0\0\x80\0\0\0\x01\0\0\0\0\0".to_vec();
        message.extend(b"\0\0\x10\0\x01\0\0\0\0");
        message.extend(u16::try_from(chain.len()).unwrap().to_be_bytes());
        message.extend(chain);
        for _ in 1..256 {
            message.extend((0xc000_u16 | last).to_be_bytes());
            message.extend(b"\0\x10\0\x01\0\0\0\0\0\0");
        }
        let begun = Instant::now();
        let read = Message::decode(&message).unwrap();
        assert_eq!((read.answers.len(), read.answers[255].name.labels().len()), (256, 126));
        assert!(begun.elapsed().as_secs() < 5);
    }

    /// Octets of a message before its first record, and of a record under the root before its data.
    const HEADER: usize = 12;
    const FIELDS: usize = 11;
}
