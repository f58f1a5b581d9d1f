//! Vendors named by number (RFC 3925), and ONIE's among them.

use super::{
    OptionCode, OptionError, OptionValue,
    sub_options::{SubOptions, write},
};

/// What belongs to one vendor: at most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VendorData {
    enterprise: u32,
    data: Vec<u8>,
}

impl VendorData {
    /// Data of the vendor with this private enterprise number; `None` when it exceeds 255 bytes.
    #[must_use]
    pub fn new(enterprise: u32, data: impl Into<Vec<u8>>) -> Option<Self> {
        let data = data.into();
        u8::try_from(data.len()).is_ok().then_some(Self { enterprise, data })
    }

    /// Data that is sub-options: code, length, value (RFC 3925 §4). `None` when it exceeds 255 bytes.
    #[must_use]
    pub fn with(enterprise: u32, sub_options: &[(u8, &[u8])]) -> Option<Self> {
        let mut data = Vec::new();
        for (code, value) in sub_options {
            write(*code, value, &mut data)?;
        }
        Self::new(enterprise, data)
    }

    /// The vendor's private enterprise number.
    #[must_use]
    pub const fn enterprise(&self) -> u32 {
        self.enterprise
    }

    /// The data, which only the vendor gives a meaning.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The data as sub-options, in order. What stands behind one that is cut off is not seen.
    pub fn sub_options(&self) -> impl Iterator<Item = (u8, &[u8])> {
        SubOptions(&self.data)
    }
}

/// Options that are a list of vendors' data.
macro_rules! vendor_options {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub Vec<VendorData>);

        impl $name {
            /// What belongs to this vendor, in order.
            pub fn of(&self, enterprise: u32) -> impl Iterator<Item = &VendorData> {
                self.0.iter().filter(move |data| data.enterprise == enterprise)
            }
        }

        impl OptionValue for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
                read(bytes).map(Self).ok_or(OptionError::Length { code: Self::CODE, length: bytes.len() })
            }

            fn encode(&self) -> Vec<u8> {
                let mut bytes = Vec::new();
                for VendorData { enterprise, data } in &self.0 {
                    bytes.extend(enterprise.to_be_bytes());
                    // `VendorData` holds 255 bytes at most.
                    bytes.extend(u8::try_from(data.len()));
                    bytes.extend(data);
                }
                bytes
            }
        }
    )*};
}

vendor_options! {
    /// The kind of client, in the words of vendors named by number, RFC 3925 §3.
    VendorIdentifyingClass = VENDOR_IDENTIFYING_CLASS;
    /// Options of vendors named by number, RFC 3925 §4.
    VendorIdentifyingOptions = VENDOR_IDENTIFYING_OPTIONS;
}

fn read(mut rest: &[u8]) -> Option<Vec<VendorData>> {
    let mut list = Vec::new();
    while !rest.is_empty() {
        let ([e3, e2, e1, e0, length], after) = rest.split_first_chunk()?;
        let (data, after) = after.split_at_checked(usize::from(*length))?;
        list.push(VendorData { enterprise: u32::from_be_bytes([*e3, *e2, *e1, *e0]), data: data.to_vec() });
        rest = after;
    }
    (!list.is_empty()).then_some(list)
}

/// The numbers of ONIE, the installer environment of open switches, in option 125 (its design specification, "Image
/// Discovery and Execution"). It says of itself `onie_vendor:` and its platform in option 60, `onie_dhcp_user_class` in
/// option 77, and takes an installer's URL from sub-option 1 here or from option 114.
pub mod onie {
    /// Its private enterprise number.
    pub const ENTERPRISE: u32 = 42_623;
    /// Sub-option, to the switch: where the installer of its operating system is.
    pub const INSTALLER_URL: u8 = 1;
    /// Sub-option, to the switch: where ONIE's own update is.
    pub const UPDATER_URL: u8 = 2;
    /// Sub-option, from the switch: maker and model, such as `VENDOR_MACHINE`.
    pub const PLATFORM: u8 = 3;
    /// Sub-option, from the switch: the processor architecture, such as `x86_64`.
    pub const ARCHITECTURE: u8 = 4;
    /// Sub-option, from the switch: the machine's revision, a number as text.
    pub const MACHINE_REVISION: u8 = 5;
    /// What its vendor class, option 60, begins with.
    pub const VENDOR_CLASS_PREFIX: &str = "onie_vendor:";
    /// Its user class, option 77.
    pub const USER_CLASS: &str = "onie_dhcp_user_class";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onie_asks_and_is_answered_in_option_125() {
        let asked = b"\x00\x00\xa6\x7f\x14\x03\x08VEND_MAC\x04\x06x86_64\x05\x000";
        let length = asked.len();
        let broken = VendorIdentifyingOptions::decode(asked);
        assert_eq!(broken, Err(OptionError::Length { code: OptionCode::VENDOR_IDENTIFYING_OPTIONS, length }));

        let asked = b"\x00\x00\xa6\x7f\x15\x03\x08VEND_MAC\x04\x06x86_64\x05\x010";
        let read = VendorIdentifyingOptions::decode(asked).unwrap();
        let onie: Vec<_> = read.of(onie::ENTERPRISE).flat_map(VendorData::sub_options).collect();
        assert_eq!(onie, [(3, &b"VEND_MAC"[..]), (4, b"x86_64"), (5, b"0")]);
        assert_eq!(read.encode(), asked);

        let url = b"http://192.0.2.1/installer.bin";
        let answer = VendorData::with(onie::ENTERPRISE, &[(onie::INSTALLER_URL, url)]).unwrap();
        let encoded = VendorIdentifyingOptions(vec![answer]).encode();
        assert_eq!(encoded[..7], [0, 0, 0xa6, 0x7f, 32, 1, 30]);
        assert_eq!(encoded[7..], *url);
    }

    #[test]
    fn several_vendors_stand_in_one_option() {
        let class = VendorIdentifyingClass(vec![
            VendorData::new(9, *b"router").unwrap(),
            VendorData::new(42_623, []).unwrap(),
            VendorData::new(9, *b"x").unwrap(),
        ]);
        assert_eq!(class.encode(), b"\0\0\0\x09\x06router\0\0\xa6\x7f\0\0\0\0\x09\x01x");
        assert_eq!(VendorIdentifyingClass::decode(&class.encode()), Ok(class.clone()));
        assert!(class.of(9).map(VendorData::data).eq([&b"router"[..], b"x"]));
        assert_eq!(class.0.first().map(VendorData::enterprise), Some(9));
        assert!(VendorIdentifyingClass::decode(&[]).is_err());
        assert_eq!((VendorData::new(9, [0; 256]), VendorData::with(9, &[(1, &[0; 254])])), (None, None));
    }
}
