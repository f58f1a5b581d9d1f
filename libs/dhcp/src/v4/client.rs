//! What boot firmware says about itself: architecture, network interface, machine identifier (RFC 4578, NET-07) and
//! user class (RFC 3004).

use super::{OptionCode, OptionError, OptionValue, values::exactly};

/// A processor architecture and way of booting (RFC 4578 §2.1, IANA "Processor Architecture Types"): 0 is x86 BIOS,
/// 7 x86-64 UEFI, 11 arm64 UEFI, 16 x86-64 UEFI booting by HTTP, 22 arm64 U-Boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Architecture(pub u16);

/// Every architecture a client can boot, in its order of preference; at least one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientArchitectures(pub Vec<Architecture>);

impl OptionValue for ClientArchitectures {
    const CODE: OptionCode = OptionCode::CLIENT_ARCHITECTURE;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        // RFC 4578 §2.1: an even number of bytes, one type or more.
        match bytes.as_chunks() {
            (numbers @ [_, ..], []) => {
                Ok(Self(numbers.iter().map(|number| Architecture(u16::from_be_bytes(*number))).collect()))
            }
            _ => Err(OptionError::Length { code: Self::CODE, length: bytes.len() }),
        }
    }

    fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|architecture| architecture.0.to_be_bytes()).collect()
    }
}

/// The client's network interface (RFC 4578 §2.2): type 1 is UNDI, followed by its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetworkInterface {
    /// The interface type.
    pub kind: u8,
    /// Major version.
    pub major: u8,
    /// Minor version.
    pub minor: u8,
}

impl OptionValue for NetworkInterface {
    const CODE: OptionCode = OptionCode::NETWORK_INTERFACE;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        let [kind, major, minor] = exactly(Self::CODE, bytes)?;
        Ok(Self { kind, major, minor })
    }

    fn encode(&self) -> Vec<u8> {
        vec![self.kind, self.major, self.minor]
    }
}

/// The client machine identifier (RFC 4578 §2.3): a type, always 0 so far, and 16 bytes.
///
/// Firmware disagrees on the order of the bytes: U-Boot sends a UUID as printed, UEFI sends its first three fields
/// little-endian. Nothing in the option tells which, so both readings are on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MachineIdentifier {
    /// The identifier's type; 0 is a UUID.
    pub kind: u8,
    /// The 16 bytes as sent.
    pub bytes: [u8; 16],
}

impl MachineIdentifier {
    /// The bytes with the UUID's first three fields reversed: the same UUID as the other kind of firmware would send it.
    #[must_use]
    pub const fn other_byte_order(&self) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.bytes;
        [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
    }
}

impl OptionValue for MachineIdentifier {
    const CODE: OptionCode = OptionCode::MACHINE_IDENTIFIER;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        let wrong = OptionError::Length { code: Self::CODE, length: bytes.len() };
        let (kind, rest) = bytes.split_first().ok_or(wrong)?;
        Ok(Self { kind: *kind, bytes: rest.try_into().map_err(|_| wrong)? })
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind];
        bytes.extend_from_slice(&self.bytes);
        bytes
    }
}

/// How a user class was put into its option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserClassFraming {
    /// Each class preceded by its length, as RFC 3004 §4 has it.
    Rfc3004,
    /// One class that fills the option, as iPXE sends it.
    Unframed,
}

/// The classes a client says it belongs to, such as `iPXE`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserClass {
    /// The classes, at least one, none empty.
    pub classes: Vec<Vec<u8>>,
    /// How they were sent.
    pub framing: UserClassFraming,
}

impl UserClass {
    fn framed(mut rest: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut classes = Vec::new();
        while let Some((length, after)) = rest.split_first() {
            // RFC 3004 §4: no class is empty.
            let (class, after) = after.split_at_checked(usize::from(*length)).filter(|(class, _)| !class.is_empty())?;
            classes.push(class.to_vec());
            rest = after;
        }
        Some(classes)
    }
}

impl OptionValue for UserClass {
    const CODE: OptionCode = OptionCode::USER_CLASS;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        if bytes.is_empty() {
            return Err(OptionError::Length { code: Self::CODE, length: 0 });
        }
        Ok(Self::framed(bytes).map_or_else(
            || Self { classes: vec![bytes.to_vec()], framing: UserClassFraming::Unframed },
            |classes| Self { classes, framing: UserClassFraming::Rfc3004 },
        ))
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for class in &self.classes {
            match self.framing {
                UserClassFraming::Unframed => bytes.extend_from_slice(class),
                // A class longer than its length byte can say is cut to what it can.
                UserClassFraming::Rfc3004 => {
                    let length = u8::try_from(class.len()).unwrap_or(u8::MAX);
                    bytes.push(length);
                    bytes.extend(class.iter().take(usize::from(length)));
                }
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_of_the_list_is_kept() {
        let list = ClientArchitectures::decode(&[0, 7, 0, 16]).unwrap();
        assert_eq!(list.0, [Architecture(7), Architecture(16)]);
        assert_eq!(list.encode(), [0, 7, 0, 16]);
        for bad in [&[][..], &[0], &[0, 7, 0]] {
            assert!(ClientArchitectures::decode(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn user_class_is_read_framed_and_as_ipxe_sends_it() {
        let ipxe = UserClass::decode(b"iPXE").unwrap();
        assert_eq!(ipxe, UserClass { classes: vec![b"iPXE".to_vec()], framing: UserClassFraming::Unframed });
        let framed = UserClass::decode(b"\x04iPXE\x02ab").unwrap();
        assert_eq!(framed.classes, [b"iPXE".to_vec(), b"ab".to_vec()]);
        assert_eq!(framed.framing, UserClassFraming::Rfc3004);
        for class in [ipxe, framed] {
            assert_eq!(UserClass::decode(&class.encode()), Ok(class));
        }
        assert!(UserClass::decode(&[]).is_err());
    }

    #[test]
    fn one_uuid_in_two_byte_orders_is_recognised() {
        let straight: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let mut wire = vec![0];
        wire.extend_from_slice(&[3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
        let identifier = MachineIdentifier::decode(&wire).unwrap();
        assert_eq!(identifier.other_byte_order(), straight);
        assert_eq!(identifier.encode(), wire);
        assert!(MachineIdentifier::decode(&wire[..16]).is_err());
        assert!(MachineIdentifier::decode(&[]).is_err());
    }

    #[test]
    fn network_interface_has_three_bytes() {
        let undi = NetworkInterface { kind: 1, major: 3, minor: 16 };
        assert_eq!(NetworkInterface::decode(&[1, 3, 16]), Ok(undi));
        assert_eq!(undi.encode(), [1, 3, 16]);
        assert!(NetworkInterface::decode(&[1, 3]).is_err());
    }
}
