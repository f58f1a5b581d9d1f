//! The message: fixed header, magic cookie, options.

use std::{fmt, net::Ipv4Addr};

use super::{
    DecodeError, DoesNotFit, FixedField, HardwareAddress, HardwareType, MaximumMessageSize, Options,
    option_code::END,
    wire::{Packing, read_options_field, read_overloaded_field, write_instances},
};

/// Who speaks: the header's `op`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// BOOTREQUEST, 1: a client.
    Request,
    /// BOOTREPLY, 2: a server.
    Reply,
}

/// The number by which a client recognises the replies to its requests: the header's `xid`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TransactionId(pub u32);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The header's `flags`, of which one bit has a meaning (RFC 2131 §2, figure 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// Only the broadcast bit.
    pub const BROADCAST: Self = Self(0x8000);

    /// Whether the client cannot take unicast before it has its address.
    #[must_use]
    pub const fn broadcast(self) -> bool {
        self.0 & Self::BROADCAST.0 != 0
    }
}

/// A DHCPv4 message, RFC 2131 §2. The magic cookie and the three options that shape the packet (pad, end, overload) are
/// the codec's business and have no field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Request or reply.
    pub operation: Operation,
    /// The client's link-layer address: `htype`, `hlen`, `chaddr`.
    pub hardware: HardwareAddress,
    /// Relay agents passed.
    pub hops: u8,
    /// `xid`.
    pub transaction: TransactionId,
    /// Seconds since the client began, as it says.
    pub seconds: u16,
    /// `flags`.
    pub flags: Flags,
    /// `ciaddr`: the client's address, if it can answer ARP for it.
    pub client_address: Ipv4Addr,
    /// `yiaddr`: the address a server gives.
    pub your_address: Ipv4Addr,
    /// `siaddr`: the server to boot from next.
    pub next_server: Ipv4Addr,
    /// `giaddr`: the relay agent that forwarded the request.
    pub relay: Ipv4Addr,
    /// `sname`; empty when it held options.
    pub server_name: FixedField<64>,
    /// `file`; empty when it held options.
    pub boot_file: FixedField<128>,
    /// The options of all fields, joined.
    pub options: Options,
}

impl Message {
    /// A message about this client with everything else zero or empty.
    #[must_use]
    pub fn new(operation: Operation, hardware: HardwareAddress) -> Self {
        Self {
            operation,
            hardware,
            hops: 0,
            transaction: TransactionId::default(),
            seconds: 0,
            flags: Flags::default(),
            client_address: Ipv4Addr::UNSPECIFIED,
            your_address: Ipv4Addr::UNSPECIFIED,
            next_server: Ipv4Addr::UNSPECIFIED,
            relay: Ipv4Addr::UNSPECIFIED,
            server_name: FixedField::default(),
            boot_file: FixedField::default(),
            options: Options::new(),
        }
    }

    /// Reads the payload of one UDP datagram.
    ///
    /// Strict where readers depend on it, tolerant where real clients are not: END may be missing, padding may stand
    /// anywhere, a text field may lack its NUL, the message may be shorter than BOOTP's 300 bytes.
    ///
    /// # Errors
    /// [`DecodeError`]; no input makes it panic.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = Reader { rest: bytes, length: bytes.len() };
        let [operation, htype, hlen, hops] = rest.take()?;
        let transaction = TransactionId(u32::from_be_bytes(rest.take()?));
        let seconds = u16::from_be_bytes(rest.take()?);
        let flags = Flags(u16::from_be_bytes(rest.take()?));
        let client_address = Ipv4Addr::from_octets(rest.take()?);
        let your_address = Ipv4Addr::from_octets(rest.take()?);
        let next_server = Ipv4Addr::from_octets(rest.take()?);
        let relay = Ipv4Addr::from_octets(rest.take()?);
        let chaddr: [u8; 16] = rest.take()?;
        let sname: [u8; 64] = rest.take()?;
        let file: [u8; 128] = rest.take()?;
        let cookie: [u8; 4] = rest.take()?;

        // RFC 2131 §3: the options of a DHCP message begin with these four bytes.
        if cookie != MAGIC_COOKIE {
            return Err(DecodeError::CookieMissing(cookie));
        }
        let operation = match operation {
            1 => Operation::Request,
            2 => Operation::Reply,
            other => return Err(DecodeError::OperationUnknown(other)),
        };
        let hardware = HardwareAddress::from_header(HardwareType(htype), hlen, chaddr)?;

        // RFC 2131 §4.1, RFC 3396 §5: options first, then file, then sname (DHC-10).
        let mut options = Options::new();
        let overload = read_options_field(rest.rest, &mut options)?;
        let boot_file = if overload.file {
            read_overloaded_field(&file, &mut options)?;
            FixedField::default()
        } else {
            FixedField::from_wire(&file)
        };
        let server_name = if overload.server_name {
            read_overloaded_field(&sname, &mut options)?;
            FixedField::default()
        } else {
            FixedField::from_wire(&sname)
        };

        Ok(Self {
            operation,
            hardware,
            hops,
            transaction,
            seconds,
            flags,
            client_address,
            your_address,
            next_server,
            relay,
            server_name,
            boot_file,
            options,
        })
    }

    /// Writes the message with all options in the options field, however long, padded to BOOTP's 300 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut options: Vec<u8> = self.options.iter().flat_map(|(code, value)| write_instances(code, value)).collect();
        options.push(END);
        self.assemble(&options, self.server_name.to_wire(), self.boot_file.to_wire())
    }

    /// Writes the message for a receiver with this size limit. When the options field does not hold all options, the
    /// empty ones among `file` and `sname` take the rest (option overload, RFC 2132 §9.3).
    ///
    /// # Errors
    /// [`DoesNotFit`] when the options need more room than that. Nothing is ever cut off or left out silently.
    pub fn encode_within(&self, size: MaximumMessageSize) -> Result<Vec<u8>, DoesNotFit> {
        let limit = size.payload();
        let plain = self.encode();
        if plain.len() <= limit {
            return Ok(plain);
        }
        let file_room = if self.boot_file.is_empty() { 128 } else { 0 };
        let name_room = if self.server_name.is_empty() { 64 } else { 0 };
        let packing = Packing::new(limit.saturating_sub(OPTIONS_OFFSET), file_room, name_room);
        let packed = packing.place(&self.options, limit)?;
        let file = packed.file.map_or_else(|| self.boot_file.to_wire(), padded);
        let server_name = packed.server_name.map_or_else(|| self.server_name.to_wire(), padded);
        Ok(self.assemble(&packed.options, server_name, file))
    }

    fn assemble(&self, options: &[u8], server_name: [u8; 64], boot_file: [u8; 128]) -> Vec<u8> {
        let operation = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        let mut bytes = vec![operation, self.hardware.kind().0, self.hardware.length(), self.hops];
        bytes.extend(self.transaction.0.to_be_bytes());
        bytes.extend(self.seconds.to_be_bytes());
        bytes.extend(self.flags.0.to_be_bytes());
        for address in [self.client_address, self.your_address, self.next_server, self.relay] {
            bytes.extend(address.octets());
        }
        bytes.extend(self.hardware.chaddr());
        bytes.extend(server_name);
        bytes.extend(boot_file);
        bytes.extend(MAGIC_COOKIE);
        bytes.extend(options);
        // RFC 951 §3, RFC 1542 §2.1: relay agents may drop what is shorter.
        bytes.resize(bytes.len().max(BOOTP_MINIMUM), 0);
        bytes
    }
}

/// Takes fixed-size pieces off the front.
struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (piece, rest) = self.rest.split_first_chunk().ok_or(DecodeError::TooShort { length: self.length })?;
        self.rest = rest;
        Ok(*piece)
    }
}

fn padded<const N: usize>(bytes: Vec<u8>) -> [u8; N] {
    let mut field = [0; N];
    for (slot, byte) in field.iter_mut().zip(bytes) {
        *slot = byte;
    }
    field
}

/// RFC 2131 §3.
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Header and cookie, in bytes.
const OPTIONS_OFFSET: usize = 240;
/// The length of every BOOTP message, in bytes.
const BOOTP_MINIMUM: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v4::{MacAddress, MessageType, OptionCode};

    fn message() -> Message {
        let mut message = Message::new(Operation::Reply, HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, 1])));
        message.options.put(&MessageType::Ack);
        message
    }

    #[test]
    fn short_messages_are_padded_and_stray_ones_refused() {
        let bytes = message().encode();
        assert_eq!(bytes.len(), 300);
        assert_eq!(Message::decode(&bytes), Ok(message()));
        assert_eq!(Message::decode(&bytes[..239]), Err(DecodeError::TooShort { length: 239 }));
        assert!(Message::decode(&bytes[..240]).is_ok());
    }

    #[test]
    fn header_bytes_that_readers_depend_on_are_checked() {
        let damage = |offset: usize, value: u8| {
            let mut bytes = message().encode();
            bytes[offset] = value;
            Message::decode(&bytes)
        };
        assert_eq!(damage(0, 3), Err(DecodeError::OperationUnknown(3)));
        assert_eq!(damage(2, 17), Err(DecodeError::HardwareAddressTooLong(17)));
        assert_eq!(damage(236, 0), Err(DecodeError::CookieMissing([0, 130, 83, 99])));
    }

    /// DHC-10: the value is split over options field, `file` and `sname`, and joined in that order.
    #[test]
    fn dhc_10_fields_are_joined_options_then_file_then_sname() {
        let mut bytes = message().encode();
        bytes.truncate(240);
        bytes.extend([52, 1, 3, 143, 2, b'a', b'b', 255]);
        bytes[44..49].copy_from_slice(&[143, 2, b'e', b'f', 255]);
        bytes[108..113].copy_from_slice(&[143, 2, b'c', b'd', 255]);
        let decoded = Message::decode(&bytes).unwrap();
        assert_eq!(decoded.options.bytes(OptionCode::SZTP_REDIRECT), Some(&b"abcdef"[..]));
        assert!(decoded.boot_file.is_empty() && decoded.server_name.is_empty());
    }

    #[test]
    fn without_overload_the_text_fields_are_text() {
        let mut original = message();
        original.boot_file = FixedField::new("boot.scr.uimg").unwrap();
        original.server_name = FixedField::new("boot.example.net").unwrap();
        assert_eq!(Message::decode(&original.encode()), Ok(original));
    }

    #[test]
    fn a_tight_limit_overloads_empty_fields_and_never_loses_a_byte() {
        let mut original = message();
        original.options.insert(OptionCode::SZTP_REDIRECT, vec![0x5a; 364]);
        let bytes = original.encode_within(MaximumMessageSize::MINIMUM).unwrap();
        assert!(bytes.len() <= 548, "{}", bytes.len());
        assert_eq!(Message::decode(&bytes), Ok(original.clone()));

        // With file and sname in use there is no room left for 364 bytes.
        original.boot_file = FixedField::new("boot").unwrap();
        original.server_name = FixedField::new("server").unwrap();
        let refused = original.encode_within(MaximumMessageSize::MINIMUM);
        assert_eq!(refused, Err(DoesNotFit { limit: 548 }));
        assert!(original.encode_within(MaximumMessageSize::ETHERNET).is_ok());
    }

    #[test]
    fn an_option_that_fits_one_field_is_not_cut() {
        let mut original = message();
        original.options.insert(OptionCode::VENDOR_CLASS, vec![1; 255]);
        original.options.insert(OptionCode::CLIENT_IDENTIFIER, vec![2; 100]);
        let bytes = original.encode_within(MaximumMessageSize::MINIMUM).unwrap();
        assert_eq!(bytes[108..110], [61, 100], "the identifier stands whole in `file`");
        assert_eq!(Message::decode(&bytes), Ok(original));
    }
}
