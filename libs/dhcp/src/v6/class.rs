//! What a client says it is, and what is meant for clients of one vendor.

use super::{
    DecodeError, OptionCode, OptionError, OptionValue, Options,
    value::{frame, framed},
};

/// How classes were put into their option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClassFraming {
    /// Each class preceded by two bytes of length, as RFC 8415 §21.15 and §21.16 have it.
    Rfc8415,
    /// One class that fills the option, as some boot firmware sends it.
    Unframed,
}

/// The classes in these bytes, and how they stand there.
fn classes(bytes: &[u8]) -> (Vec<Vec<u8>>, ClassFraming) {
    framed(bytes)
        .map_or_else(|| (vec![bytes.to_vec()], ClassFraming::Unframed), |classes| (classes, ClassFraming::Rfc8415))
}

fn write(classes: &[Vec<u8>], framing: ClassFraming) -> Vec<u8> {
    match framing {
        ClassFraming::Rfc8415 => frame(classes),
        ClassFraming::Unframed => classes.concat(),
    }
}

/// The classes a client says it belongs to, such as `iPXE` (RFC 8415 §21.15).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserClass {
    /// The classes, at least one.
    pub classes: Vec<Vec<u8>>,
    /// How they were sent.
    pub framing: ClassFraming,
}

impl OptionValue for UserClass {
    const CODE: OptionCode = OptionCode::USER_CLASS;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        if value.is_empty() {
            return Err(OptionError::Length { code: Self::CODE, length: 0 });
        }
        let (classes, framing) = classes(value);
        Ok(Self { classes, framing })
    }

    fn encode(&self) -> Vec<u8> {
        write(&self.classes, self.framing)
    }
}

/// The kind of client, in its maker's words, such as `PXEClient:Arch:00007:UNDI:003010` (RFC 8415 §21.16). The option may
/// stand once for each enterprise number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VendorClass {
    /// The maker's private enterprise number; boot firmware sends 343.
    pub enterprise: u32,
    /// The maker's words.
    pub classes: Vec<Vec<u8>>,
    /// How they were sent.
    pub framing: ClassFraming,
}

impl OptionValue for VendorClass {
    const CODE: OptionCode = OptionCode::VENDOR_CLASS;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let (enterprise, rest) = enterprise(Self::CODE, value)?;
        let (classes, framing) = classes(rest);
        Ok(Self { enterprise, classes, framing })
    }

    fn encode(&self) -> Vec<u8> {
        [&self.enterprise.to_be_bytes()[..], &write(&self.classes, self.framing)].concat()
    }
}

/// Options of one vendor, in the form of DHCPv6's own (RFC 8415 §21.17). The option may stand once for each enterprise number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorOptions {
    /// The vendor's private enterprise number, which says what the codes mean.
    pub enterprise: u32,
    /// The options.
    pub options: Options,
}

impl OptionValue for VendorOptions {
    const CODE: OptionCode = OptionCode::VENDOR_OPTIONS;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let (enterprise, rest) = enterprise(Self::CODE, value)?;
        let options = Options::decode(rest).map_err(|_: DecodeError| OptionError::Value { code: Self::CODE })?;
        Ok(Self { enterprise, options })
    }

    fn encode(&self) -> Vec<u8> {
        [&self.enterprise.to_be_bytes()[..], &self.options.encode()].concat()
    }
}

/// The enterprise number at an option's beginning, and the rest.
pub(super) fn enterprise(code: OptionCode, value: &[u8]) -> Result<(u32, &[u8]), OptionError> {
    let (number, rest) = value.split_first_chunk().ok_or(OptionError::Length { code, length: value.len() })?;
    Ok((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_class_is_read_framed_and_unframed() {
        let raw = UserClass::decode(b"iPXE").unwrap();
        assert_eq!(raw, UserClass { classes: vec![b"iPXE".to_vec()], framing: ClassFraming::Unframed });
        let framed = UserClass::decode(b"\x00\x04iPXE\x00\x02ab").unwrap();
        assert_eq!(framed.classes, [b"iPXE".to_vec(), b"ab".to_vec()]);
        assert_eq!(framed.framing, ClassFraming::Rfc8415);
        assert_eq!((raw.encode(), framed.encode()), (b"iPXE".to_vec(), b"\x00\x04iPXE\x00\x02ab".to_vec()));
        assert!(UserClass::decode(&[]).is_err());
    }

    #[test]
    fn vendor_class_names_its_enterprise() {
        let value = b"\x00\x00\x01\x57\x00\x20PXEClient:Arch:00007:UNDI:003010";
        let class = VendorClass::decode(value).unwrap();
        assert_eq!((class.enterprise, class.framing), (343, ClassFraming::Rfc8415));
        assert_eq!(class.classes, [b"PXEClient:Arch:00007:UNDI:003010".to_vec()]);
        assert_eq!(class.encode(), value);
        let raw = VendorClass::decode(b"\x00\x00\x01\x57PXEClient").unwrap();
        assert_eq!((raw.framing, raw.encode()), (ClassFraming::Unframed, b"\x00\x00\x01\x57PXEClient".to_vec()));
        assert!(VendorClass::decode(b"\x00\x00\x01").is_err());
        assert_eq!(VendorClass::decode(&[0; 4]).unwrap().classes, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn vendor_options_have_codes_of_their_own() {
        let value = b"\x00\x00\xa6\x7f\x00\x01\x00\x03url";
        let options = VendorOptions::decode(value).unwrap();
        assert_eq!(options.enterprise, 42_623);
        assert_eq!(options.options.single(OptionCode(1)), Ok(Some(&b"url"[..])));
        assert_eq!(options.encode(), value);
        assert_eq!(VendorOptions::decode(b"\x00\x00\xa6\x7f\x00"), Err(OptionError::Value { code: OptionCode(17) }));
    }
}
