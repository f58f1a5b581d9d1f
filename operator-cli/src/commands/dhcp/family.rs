//! The two DHCPs, and the option that each has for bootstrap server URIs.

use clap::ValueEnum;
use serde::{Serialize, Serializer};

/// DHCP for one version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// DHCPv4, option 143 (RFC 8572 §8.1).
    V4,
    /// DHCPv6, option 136 (RFC 8572 §8.2).
    V6,
}

impl Family {
    /// The number of the option with bootstrap server URIs.
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::V4 => 143,
            Self::V6 => 136,
        }
    }

    /// The protocol's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::V4 => "DHCPv4",
            Self::V6 => "DHCPv6",
        }
    }

    /// The whole option: code, length and value. In DHCPv4 a value of more than 255 octets is split (RFC 3396 §5); `None`
    /// where DHCPv6 cannot count that far (RFC 8415 §21.1).
    pub(super) fn option(self, value: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::V4 => {
                let mut option = Vec::new();
                for part in value.chunks(usize::from(u8::MAX)) {
                    option.extend([143, u8::try_from(part.len()).ok()?]);
                    option.extend(part);
                }
                Some(option)
            }
            Self::V6 => {
                let length = u16::try_from(value.len()).ok()?;
                Some([&self.code().to_be_bytes(), &length.to_be_bytes(), value].concat())
            }
        }
    }

    /// The value in what may be a whole option, or several of one kind; `None` when it is something else.
    pub(super) fn value(self, option: &[u8]) -> Option<Vec<u8>> {
        let (mut value, mut rest) = (Vec::new(), option);
        loop {
            let (length, behind) = match (self, rest) {
                (Self::V4, [143, length, behind @ ..]) => (usize::from(*length), behind),
                (Self::V6, [0, 136, high, low, behind @ ..]) => {
                    (usize::from(u16::from_be_bytes([*high, *low])), behind)
                }
                _ => return None,
            };
            let (part, behind) = behind.split_at_checked(length)?;
            value.extend(part);
            match (self, behind) {
                (_, []) => return Some(value),
                // RFC 8572 §8.2: of option 136 there is one at most.
                (Self::V6, _) => return None,
                (Self::V4, _) => rest = behind,
            }
        }
    }
}

impl Serialize for Family {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.code())
    }
}

/// An option by its number, as people name it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum OptionNumber {
    /// DHCPv4
    #[value(name = "143")]
    V4,
    /// DHCPv6
    #[value(name = "136")]
    V6,
}

impl From<OptionNumber> for Family {
    fn from(number: OptionNumber) -> Self {
        match number {
            OptionNumber::V4 => Self::V4,
            OptionNumber::V6 => Self::V6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dhc_11_an_option_of_more_than_255_octets_is_split_and_joined_again() {
        for (family, length, on_the_wire) in
            [(Family::V4, 255, 257), (Family::V4, 256, 260), (Family::V4, 600, 606), (Family::V6, 600, 604)]
        {
            let value = vec![7; length];
            let option = family.option(&value).unwrap();
            assert_eq!(option.len(), on_the_wire);
            assert_eq!(family.value(&option), Some(value));
        }
        assert_eq!(Family::V6.option(&vec![0; 65_536]), None);
    }

    #[test]
    fn what_is_no_whole_option_has_no_value() {
        assert_eq!(Family::V4.value(&[]), None);
        assert_eq!(Family::V4.value(&[143, 2, 7]), None);
        assert_eq!(Family::V4.value(&[0, 3, b'a', b'b', b'c']), None);
        // DHC-12: a second option 136 makes the first no list of two.
        assert_eq!(Family::V6.value(&[0, 136, 0, 1, 7, 0, 136, 0, 1, 7]), None);
    }
}
