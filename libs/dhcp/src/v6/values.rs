//! Addresses and prefixes on loan, and lists of addresses.

use std::net::Ipv6Addr;

use super::{DecodeError, OptionCode, OptionError, Options};

/// An identity association: what a client holds under one number. `IA_NA` holds addresses (RFC 8415 §21.4), `IA_PD` prefixes
/// (§21.21) in the same form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityAssociation {
    /// The client's number for it.
    pub iaid: u32,
    /// T1, in seconds: when to ask this server for more time; 0 leaves it to the client.
    pub renewal: u32,
    /// T2, in seconds: when to ask any server for more time; 0 leaves it to the client.
    pub rebinding: u32,
    /// Its addresses or prefixes, and its status.
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

    /// Its prefixes; those that are broken are left out.
    pub fn prefixes(&self) -> impl Iterator<Item = DelegatedPrefix> {
        self.options.all(OptionCode::IA_PREFIX).filter_map(|value| DelegatedPrefix::decode(value).ok())
    }
}

/// An identity association for temporary addresses, which has no times (RFC 8415 §21.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryAssociation {
    /// The client's number for it.
    pub iaid: u32,
    /// Its addresses and its status.
    pub options: Options,
}

impl TemporaryAssociation {
    /// Reads the option's value.
    ///
    /// # Errors
    /// [`DecodeError`] when it is shorter than its number, or its options are broken.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = value;
        let iaid = number(&mut rest)?;
        Ok(Self { iaid, options: Options::decode(rest)? })
    }

    /// The option's value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.iaid.to_be_bytes().into_iter().chain(self.options.encode()).collect()
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

/// A prefix on loan (RFC 8415 §21.22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelegatedPrefix {
    /// For how many seconds addresses may be made from it; `u32::MAX` means for ever.
    pub preferred: u32,
    /// For how many seconds it may be used at all; `u32::MAX` means for ever.
    pub valid: u32,
    /// How many bits of it count.
    pub length: u8,
    /// The prefix; unspecified with a length is a client's wish for any of that length.
    pub prefix: Ipv6Addr,
}

impl DelegatedPrefix {
    /// Reads the option's value; the options in it are not looked at.
    ///
    /// # Errors
    /// [`DecodeError::TooShort`].
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = value;
        let preferred = number(&mut rest)?;
        let valid = number(&mut rest)?;
        let too_short = DecodeError::TooShort { length: value.len() };
        let (length, rest) = rest.split_first().ok_or(too_short)?;
        let prefix = rest.first_chunk().ok_or(too_short)?;
        Ok(Self { preferred, valid, length: *length, prefix: Ipv6Addr::from_octets(*prefix) })
    }

    /// The option's value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let times = [self.preferred, self.valid].into_iter().flat_map(u32::to_be_bytes);
        times.chain([self.length]).chain(self.prefix.octets()).collect()
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
    use crate::v6::{Status, StatusCode};

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
    fn a_prefix_is_asked_for_and_refused_in_its_association() {
        // RFC 8415 §21.22: a client that wants any prefix of 56 bits.
        let wish = DelegatedPrefix { preferred: 0, valid: 0, length: 56, prefix: Ipv6Addr::UNSPECIFIED };
        let mut asked = IdentityAssociation::new(9);
        asked.options.insert(OptionCode::IA_PREFIX, wish.encode()).unwrap();
        let value = asked.encode();
        assert_eq!(value.len(), 12 + 4 + 25);
        assert_eq!(value[12..25], [0, 26, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 56]);
        assert!(IdentityAssociation::decode(&value).unwrap().prefixes().eq([wish]));
        assert!(DelegatedPrefix::decode(&wish.encode()[..24]).is_err());

        let mut refused = IdentityAssociation::new(9);
        let none = Status { code: StatusCode::NO_PREFIX_AVAIL, text: "no prefixes here".into() };
        refused.options.put(&none).unwrap();
        let read = IdentityAssociation::decode(&refused.encode()).unwrap();
        assert_eq!(read.options.value::<Status>(), Ok(Some(none)));
    }

    #[test]
    fn a_temporary_association_has_no_times() {
        let leased = LeasedAddress { address: "2001:db8::5".parse().unwrap(), preferred: 300, valid: 600 };
        let mut temporary = TemporaryAssociation { iaid: 3, options: Options::new() };
        temporary.options.insert(OptionCode::IA_ADDRESS, leased.encode()).unwrap();
        let value = temporary.encode();
        assert_eq!(value[..8], [0, 0, 0, 3, 0, 5, 0, 24]);
        assert_eq!(TemporaryAssociation::decode(&value), Ok(temporary));
        assert!(TemporaryAssociation::decode(&value[..3]).is_err());
    }

    #[test]
    fn a_list_of_addresses_has_whole_ones() {
        assert_eq!(addresses(OptionCode::DNS_SERVERS, &[0; 32]).map(|list| list.len()), Ok(2));
        assert!(addresses(OptionCode::DNS_SERVERS, &[0; 17]).is_err());
    }
}
