//! Options on the wire: the three fields that may hold them, and the joining and splitting of RFC 3396.

use super::{
    DecodeError, DoesNotFit, OptionCode, Options,
    option_code::{END, OVERLOAD, PAD},
};

/// Which of the header's text fields hold options, the value of option 52 (RFC 2132 §9.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Overload {
    pub(super) file: bool,
    pub(super) server_name: bool,
}

impl Overload {
    fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        match value {
            [] => Ok(Self::default()),
            [1] => Ok(Self { file: true, server_name: false }),
            [2] => Ok(Self { file: false, server_name: true }),
            [3] => Ok(Self { file: true, server_name: true }),
            _ => Err(DecodeError::OverloadInvalid),
        }
    }

    const fn number(self) -> Option<u8> {
        match (self.file, self.server_name) {
            (false, false) => None,
            (true, false) => Some(1),
            (false, true) => Some(2),
            (true, true) => Some(3),
        }
    }
}

/// Reads the options field into `options` and says what the other two fields hold.
pub(super) fn read_options_field(field: &[u8], options: &mut Options) -> Result<Overload, DecodeError> {
    let mut overload = Vec::new();
    for instance in Instances(field) {
        match instance? {
            (OVERLOAD, value) => overload.extend_from_slice(value),
            (code, value) => join(options, code, value),
        }
    }
    Overload::decode(&overload)
}

/// Reads an overloaded `file` or `sname` into `options`. Option 52 in there is ignored: it cannot overload itself.
pub(super) fn read_overloaded_field(field: &[u8], options: &mut Options) -> Result<(), DecodeError> {
    for instance in Instances(field) {
        let (code, value) = instance?;
        join(options, code, value);
    }
    Ok(())
}

fn join(options: &mut Options, code: u8, value: &[u8]) {
    if let Some(code) = OptionCode::new(code) {
        options.join(code, value);
    }
}

/// Walks one field, instance by instance. A field without END simply ends; what follows END is not looked at.
struct Instances<'a>(&'a [u8]);

impl<'a> Iterator for Instances<'a> {
    type Item = Result<(u8, &'a [u8]), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (code, rest) = self.0.split_first()?;
            match *code {
                PAD => self.0 = rest,
                END => return None,
                code => return Some(self.instance(code, rest)),
            }
        }
    }
}

impl<'a> Instances<'a> {
    fn instance(&mut self, code: u8, rest: &'a [u8]) -> Result<(u8, &'a [u8]), DecodeError> {
        self.0 = &[];
        let truncated =
            |announced, available: &[u8]| DecodeError::OptionTruncated { code, announced, available: available.len() };
        let (length, rest) = rest.split_first().ok_or_else(|| truncated(0, rest))?;
        let (value, rest) = rest.split_at_checked(usize::from(*length)).ok_or_else(|| truncated(*length, rest))?;
        self.0 = rest;
        Ok((code, value))
    }
}

/// One option as it stands in a field: a single instance up to 255 bytes, otherwise as many as needed (DHC-11).
pub(super) fn write_instances(code: OptionCode, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len().saturating_add(2));
    if value.is_empty() {
        bytes.extend([code.number(), 0]);
    }
    // RFC 3396 §6: the value is cut at 255 bytes, wherever that falls.
    for piece in value.chunks(MAXIMUM_INSTANCE) {
        write_instance(code, piece, &mut bytes);
    }
    bytes
}

fn write_instance(code: OptionCode, piece: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(code.number());
    bytes.push(u8::try_from(piece.len()).unwrap_or(u8::MAX));
    bytes.extend(piece.iter().take(MAXIMUM_INSTANCE));
}

/// The fields of a message under a size limit, being filled.
pub(super) struct Packing {
    options: Field,
    file: Field,
    server_name: Field,
}

/// The three fields, filled: the options field whole, the other two where they were used.
pub(super) struct Packed {
    pub(super) options: Vec<u8>,
    pub(super) file: Option<Vec<u8>>,
    pub(super) server_name: Option<Vec<u8>>,
}

impl Packing {
    /// Rooms in bytes for each field; 0 for a field that holds text and cannot be used.
    pub(super) const fn new(options: usize, file: usize, server_name: usize) -> Self {
        // Each field ends with END; the options field must also announce the overload.
        Self {
            options: Field::new(options.saturating_sub(4)),
            file: Field::new(file.saturating_sub(1)),
            server_name: Field::new(server_name.saturating_sub(1)),
        }
    }

    /// Places every option, whole in one field where possible.
    pub(super) fn place(mut self, options: &Options, limit: usize) -> Result<Packed, DoesNotFit> {
        for (code, value) in options.iter() {
            let whole = write_instances(code, value);
            let roomy = self.fields().into_iter().find(|field| field.room() >= whole.len());
            if let Some(field) = roomy {
                field.bytes.extend(whole);
            } else {
                self.spread(code, value).ok_or(DoesNotFit { limit })?;
            }
        }
        Ok(self.finish())
    }

    /// Cuts an option over the fields. RFC 3396 §5: a reader joins options, then file, then sname.
    fn spread(&mut self, code: OptionCode, value: &[u8]) -> Option<()> {
        let mut rest = Some(value).filter(|value| !value.is_empty())?;
        for field in self.fields() {
            while !rest.is_empty() && field.room() > 2 {
                let size = field.room().saturating_sub(2).min(MAXIMUM_INSTANCE).min(rest.len());
                let (piece, after) = rest.split_at_checked(size)?;
                write_instance(code, piece, &mut field.bytes);
                rest = after;
            }
        }
        rest.is_empty().then_some(())
    }

    fn finish(self) -> Packed {
        let overload =
            Overload { file: !self.file.bytes.is_empty(), server_name: !self.server_name.bytes.is_empty() }.number();
        let mut options = self.options.bytes;
        if let Some(number) = overload {
            options.extend([OVERLOAD, 1, number]);
        }
        options.push(END);
        Packed { options, file: self.file.finish(), server_name: self.server_name.finish() }
    }

    const fn fields(&mut self) -> [&mut Field; 3] {
        [&mut self.options, &mut self.file, &mut self.server_name]
    }
}

struct Field {
    bytes: Vec<u8>,
    capacity: usize,
}

impl Field {
    const fn new(capacity: usize) -> Self {
        Self { bytes: Vec::new(), capacity }
    }

    const fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        if self.bytes.is_empty() {
            return None;
        }
        self.bytes.push(END);
        Some(self.bytes)
    }
}

/// The most that one instance's length byte can announce.
const MAXIMUM_INSTANCE: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &[u8]) -> Result<(Options, Overload), DecodeError> {
        let mut options = Options::new();
        let overload = read_options_field(field, &mut options)?;
        Ok((options, overload))
    }

    #[test]
    fn padding_and_a_missing_end_are_tolerated() {
        let (options, _) = read(&[0, 0, 60, 2, b'a', b'b', 0]).unwrap();
        assert_eq!(options.bytes(OptionCode::VENDOR_CLASS), Some(&b"ab"[..]));
        let (options, _) = read(&[255, 60, 200]).unwrap();
        assert_eq!(options, Options::new());
    }

    #[test]
    fn an_overrun_is_refused_wherever_it_stands() {
        assert_eq!(read(&[60]), Err(DecodeError::OptionTruncated { code: 60, announced: 0, available: 0 }));
        assert_eq!(read(&[60, 3, 1, 2]), Err(DecodeError::OptionTruncated { code: 60, announced: 3, available: 2 }));
    }

    #[test]
    fn overload_has_three_values() {
        assert_eq!(read(&[52, 1, 3]).unwrap().1, Overload { file: true, server_name: true });
        for bad in [&[52, 1, 0][..], &[52, 1, 4], &[52, 2, 1, 1], &[52, 1, 1, 52, 1, 1]] {
            assert_eq!(read(bad), Err(DecodeError::OverloadInvalid), "{bad:?}");
        }
        for number in 1..=3 {
            assert_eq!(Overload::decode(&[number]).unwrap().number(), Some(number));
        }
    }

    #[test]
    fn dhc_11_one_instance_up_to_255_bytes_then_several() {
        let code = OptionCode::SZTP_REDIRECT;
        assert_eq!(write_instances(code, &[7; 255])[..2], [0x8f, 255]);
        assert_eq!(write_instances(code, &[7; 255]).len(), 257);
        let split = write_instances(code, &[7; 256]);
        assert_eq!((split.len(), &split[257..]), (260, &[0x8f, 1, 7][..]));
        assert_eq!(write_instances(code, &[]), [0x8f, 0]);
    }
}
