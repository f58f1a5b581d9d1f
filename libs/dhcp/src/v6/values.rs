//! The values of single options: addresses on loan, status, lists of addresses.

use std::net::Ipv6Addr;

use super::{DecodeError, OptionCode, OptionError, Options};

/// An identity association for non-temporary addresses: what a client holds under one number (RFC 8415 §21.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityAssociation {
    /// The client's number for it.
    pub iaid: u32,
    /// T1, in seconds: when to ask this server for more time; 0 leaves it to the client.
    pub renewal: u32,
    /// T2, in seconds: when to ask any server for more time; 0 leaves it to the client.
    pub rebinding: u32,
    /// Its addresses and its status.
    pub options: Options,
}

impl IdentityAssociation {
    /// One without addresses, as a client sends it that has no wishes.
    #[must_use]
    pub const fn new(iaid: u32) -> Self {
        Self { iaid, renewal: 0, rebinding: 0, options: Options::new() }
    }

    /// Reads the option's value.
    ///
    /// # Errors
    /// [`DecodeError`] when it is shorter than its three numbers, or its options are broken.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = value;
        let iaid = number(&mut rest)?;
        let renewal = number(&mut rest)?;
        let rebinding = number(&mut rest)?;
        Ok(Self { iaid, renewal, rebinding, options: Options::decode(rest)? })
    }

    /// The option's value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let numbers = [self.iaid, self.renewal, self.rebinding].into_iter().flat_map(u32::to_be_bytes);
        numbers.chain(self.options.encode()).collect()
    }

    /// Its addresses; those that are broken are left out.
    pub fn addresses(&self) -> impl Iterator<Item = LeasedAddress> {
        self.options.all(OptionCode::IA_ADDRESS).filter_map(|value| LeasedAddress::decode(value).ok())
    }
}

/// An address on loan (RFC 8415 §21.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeasedAddress {
    /// The address.
    pub address: Ipv6Addr,
    /// For how many seconds new connections may use it; `u32::MAX` means for ever.
    pub preferred: u32,
    /// For how many seconds it may be used at all; `u32::MAX` means for ever.
    pub valid: u32,
}

impl LeasedAddress {
    /// Reads the option's value; the options in it are not looked at.
    ///
    /// # Errors
    /// [`DecodeError::TooShort`].
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let (address, mut rest) = value.split_first_chunk().ok_or(DecodeError::TooShort { length: value.len() })?;
        let preferred = number(&mut rest)?;
        Ok(Self { address: Ipv6Addr::from_octets(*address), preferred, valid: number(&mut rest)? })
    }

    /// The option's value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let times = [self.preferred, self.valid].into_iter().flat_map(u32::to_be_bytes);
        self.address.octets().into_iter().chain(times).collect()
    }
}

/// How a request went (RFC 8415 §21.13). An absent option means success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusCode(pub u16);

impl StatusCode {
    /// All is well.
    pub const SUCCESS: Self = Self(0);

    /// What the options say; its text, which is anybody's, is not looked at.
    ///
    /// # Errors
    /// [`OptionError`] when the option stands several times or has no number.
    pub fn of(options: &Options) -> Result<Self, OptionError> {
        let code = OptionCode::STATUS_CODE;
        match options.single(code)? {
            None => Ok(Self::SUCCESS),
            Some([high, low, ..]) => Ok(Self(u16::from_be_bytes([*high, *low]))),
            Some(short) => Err(OptionError::Length { code, length: short.len() }),
        }
    }
}

/// Reads a list of addresses, such as option 23's (RFC 3646 §3).
///
/// # Errors
/// [`OptionError::Length`] when part of an address is left at the end.
pub fn addresses(code: OptionCode, value: &[u8]) -> Result<Vec<Ipv6Addr>, OptionError> {
    let (addresses, []) = value.as_chunks() else {
        return Err(OptionError::Length { code, length: value.len() });
    };
    Ok(addresses.iter().copied().map(Ipv6Addr::from_octets).collect())
}

fn number(rest: &mut &[u8]) -> Result<u32, DecodeError> {
    let (number, after) = rest.split_first_chunk().ok_or(DecodeError::TooShort { length: rest.len() })?;
    *rest = after;
    Ok(u32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_association_round_trips_with_its_address() {
        let leased = LeasedAddress { address: "2001:db8::5".parse().unwrap(), preferred: 300, valid: u32::MAX };
        let mut association = IdentityAssociation::new(7);
        association.renewal = 150;
        association.options.insert(OptionCode::IA_ADDRESS, leased.encode()).unwrap();
        let value = association.encode();
        assert_eq!(value[..12], [0, 0, 0, 7, 0, 0, 0, 150, 0, 0, 0, 0]);
        let read = IdentityAssociation::decode(&value).unwrap();
        assert_eq!(read, association);
        assert!(read.addresses().eq([leased]));
        for length in 0..12 {
            assert!(IdentityAssociation::decode(&value[..length]).is_err());
        }
        assert!(LeasedAddress::decode(&leased.encode()[..23]).is_err());
    }

    #[test]
    fn a_status_is_success_unless_something_else_is_said() {
        let mut options = Options::new();
        assert_eq!(StatusCode::of(&options), Ok(StatusCode::SUCCESS));
        options.insert(OptionCode::STATUS_CODE, *b"\x00\x02none left").unwrap();
        assert_eq!(StatusCode::of(&options), Ok(StatusCode(2)));
        options.insert(OptionCode::STATUS_CODE, [0]).unwrap();
        assert!(StatusCode::of(&options).is_err());
    }

    #[test]
    fn a_list_of_addresses_has_whole_ones() {
        assert_eq!(addresses(OptionCode::DNS_SERVERS, &[0; 32]).map(|list| list.len()), Ok(2));
        assert!(addresses(OptionCode::DNS_SERVERS, &[0; 17]).is_err());
    }
}
