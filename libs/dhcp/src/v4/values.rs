//! The values of single options: addresses, times and byte strings.

use std::net::Ipv4Addr;

use super::{OptionCode, OptionError, OptionValue};
use crate::{bootstrap_uri::DnsName, domain_names};

/// Options that are one IPv4 address.
macro_rules! address_options {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub Ipv4Addr);

        impl OptionValue for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
                Ok(Self(Ipv4Addr::from_octets(exactly(Self::CODE, bytes)?)))
            }

            fn encode(&self) -> Vec<u8> {
                self.0.octets().to_vec()
            }
        }
    )*};
}

/// Options that are a list of at least one IPv4 address, in order of preference.
macro_rules! address_list_options {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub Vec<Ipv4Addr>);

        impl OptionValue for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
                let (addresses, []) = bytes.as_chunks() else {
                    return Err(OptionError::Length { code: Self::CODE, length: bytes.len() });
                };
                Ok(Self(addresses.iter().copied().map(Ipv4Addr::from_octets).collect()))
            }

            fn encode(&self) -> Vec<u8> {
                self.0.iter().flat_map(Ipv4Addr::octets).collect()
            }
        }
    )*};
}

/// Options that are a number of seconds.
macro_rules! seconds_options {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl OptionValue for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
                Ok(Self(u32::from_be_bytes(exactly(Self::CODE, bytes)?)))
            }

            fn encode(&self) -> Vec<u8> {
                self.0.to_be_bytes().to_vec()
            }
        }
    )*};
}

/// Options that are bytes or text nobody here takes apart; an empty one is malformed.
macro_rules! bytes_options {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub Vec<u8>);

        impl $name {
            /// The bytes as UTF-8 text without the NULs that some senders end it with (RFC 2132 §2); `None` when they
            /// are no text.
            #[must_use]
            pub fn text(&self) -> Option<&str> {
                text(&self.0)
            }
        }

        impl OptionValue for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
                if bytes.is_empty() {
                    return Err(OptionError::Length { code: Self::CODE, length: 0 });
                }
                Ok(Self(bytes.to_vec()))
            }

            fn encode(&self) -> Vec<u8> {
                self.0.clone()
            }
        }
    )*};
}

address_options! {
    /// The mask of the client's subnet, RFC 2132 §3.3.
    SubnetMask = SUBNET_MASK;
    /// The address a client wants, RFC 2132 §9.1.
    RequestedAddress = REQUESTED_ADDRESS;
    /// The server a message comes from or is meant for, RFC 2132 §9.7.
    ServerIdentifier = SERVER_IDENTIFIER;
    /// The broadcast address of the client's subnet, RFC 2132 §5.3.
    BroadcastAddress = BROADCAST_ADDRESS;
    /// The subnet in which the client wants an address, whatever subnet the message comes from, RFC 3011 §3.
    SubnetSelection = SUBNET_SELECTION;
}

address_list_options! {
    /// Routers on the client's subnet, RFC 2132 §3.5.
    Routers = ROUTERS;
    /// Domain name servers, RFC 2132 §3.8.
    DomainNameServers = DOMAIN_NAME_SERVERS;
    /// Time servers that speak NTP, RFC 2132 §8.3.
    NtpServers = NTP_SERVERS;
    /// TFTP servers, RFC 5859 §3.
    TftpServerAddresses = TFTP_SERVER_ADDRESSES;
}

seconds_options! {
    /// How long an address is lent, in seconds, RFC 2132 §9.2; `u32::MAX` means for ever.
    LeaseTime = LEASE_TIME;
    /// T1: seconds until the client asks its own server for more time, RFC 2132 §9.11.
    RenewalTime = RENEWAL_TIME;
    /// T2: seconds until the client asks any server for more time, RFC 2132 §9.12.
    RebindingTime = REBINDING_TIME;
}

bytes_options! {
    /// The domain of the client's network, RFC 2132 §3.17: text, which some servers end with a NUL.
    DomainName = DOMAIN_NAME;
    /// What kind of client this is, in its maker's words, such as `PXEClient:Arch:00007:UNDI:003000`, RFC 2132 §9.13.
    VendorClass = VENDOR_CLASS;
    /// The bytes by which a client wants to be known, its own address notwithstanding, RFC 2132 §9.14. The standard
    /// asks for two bytes or more; a single one is accepted.
    ClientIdentifier = CLIENT_IDENTIFIER;
    /// The name of the server that has the boot file, RFC 2132 §9.4.
    TftpServerName = TFTP_SERVER_NAME;
    /// The boot file's name, RFC 2132 §9.5.
    BootFileName = BOOT_FILE_NAME;
    /// What a relay agent added, its sub-options unparsed. A server copies the bytes into its reply, RFC 3046 §2.2.
    RelayAgentInformation = RELAY_AGENT_INFORMATION;
    /// The client's name, RFC 2132 §3.14.
    HostName = HOST_NAME;
    /// Where the client's root disk is, RFC 2132 §3.19: `iscsi:…` (RFC 4173 §5), or a path on an NFS server.
    RootPath = ROOT_PATH;
    /// What the vendor class gives a meaning to, RFC 2132 §8.4. Boot firmware wants [`PxeOptions`](super::PxeOptions) here.
    VendorSpecific = VENDOR_SPECIFIC;
    /// Why the other side is refused, in words, RFC 2132 §9.9. They are the sender's: whoever shows them must escape them.
    ServerMessage = MESSAGE;
    /// The client's full name and who enters it in the DNS, unparsed, RFC 4702 §2.
    ClientFqdn = CLIENT_FQDN;
    /// The URI of the captive portal's API, RFC 8910 §2.1; before that, a URL from which ONIE fetches an installer.
    CaptivePortal = CAPTIVE_PORTAL;
}

/// The exchange may have two messages, RFC 4039 §4. The option has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RapidCommit;

impl OptionValue for RapidCommit {
    const CODE: OptionCode = OptionCode::RAPID_COMMIT;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        let [] = exactly(Self::CODE, bytes)?;
        Ok(Self)
    }

    fn encode(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// The options a client asks for, in its order of preference, RFC 2132 §9.8. Codes that are no options are left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParameterRequestList(pub Vec<OptionCode>);

impl OptionValue for ParameterRequestList {
    const CODE: OptionCode = OptionCode::PARAMETER_REQUEST_LIST;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        Ok(Self(bytes.iter().copied().filter_map(OptionCode::new).collect()))
    }

    fn encode(&self) -> Vec<u8> {
        self.0.iter().map(|code| code.number()).collect()
    }
}

/// The largest datagram that the network carries unfragmented, in bytes, RFC 2132 §5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceMtu(pub u16);

impl OptionValue for InterfaceMtu {
    const CODE: OptionCode = OptionCode::INTERFACE_MTU;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        Ok(Self(u16::from_be_bytes(exactly(Self::CODE, bytes)?)))
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
}

/// Domains in which the client looks names up, in order, RFC 3397.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainSearch(pub Vec<DnsName>);

impl OptionValue for DomainSearch {
    const CODE: OptionCode = OptionCode::DOMAIN_SEARCH;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        Ok(Self(domain_names::decode(bytes, domain_names::Pointers::Followed)))
    }

    fn encode(&self) -> Vec<u8> {
        domain_names::encode(&self.0)
    }
}

/// The longest message a client accepts, RFC 2132 §9.10: an IP datagram in bytes, at least 576.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MaximumMessageSize(u16);

impl MaximumMessageSize {
    /// What every client accepts, RFC 2131 §2.
    pub const MINIMUM: Self = Self(576);
    /// What an Ethernet frame carries; a server that does not fragment sends no more.
    pub const ETHERNET: Self = Self(1500);

    /// A size in bytes of IP datagram; less than 576 counts as 576, the least that a client may say.
    #[must_use]
    pub fn new(bytes: u16) -> Self {
        Self(bytes.max(Self::MINIMUM.0))
    }

    /// Bytes left for the DHCP message: without 20 of IP and 8 of UDP header.
    #[must_use]
    pub fn payload(self) -> usize {
        usize::from(self.0.saturating_sub(28))
    }
}

impl OptionValue for MaximumMessageSize {
    const CODE: OptionCode = OptionCode::MAXIMUM_MESSAGE_SIZE;

    fn decode(bytes: &[u8]) -> Result<Self, OptionError> {
        Ok(Self::new(u16::from_be_bytes(exactly(Self::CODE, bytes)?)))
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
}

/// UTF-8 text without NULs at its end, RFC 2132 §2.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().map(|text| text.trim_end_matches('\0'))
}

/// The bytes of an option whose length is fixed.
pub(super) fn exactly<const N: usize>(code: OptionCode, bytes: &[u8]) -> Result<[u8; N], OptionError> {
    bytes.try_into().map_err(|_| OptionError::Length { code, length: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_lengths_are_enforced() {
        assert_eq!(RequestedAddress::decode(&[192, 0, 2, 7]), Ok(RequestedAddress(Ipv4Addr::new(192, 0, 2, 7))));
        assert!(matches!(RequestedAddress::decode(&[192, 0, 2]), Err(OptionError::Length { length: 3, .. })));
        assert!(matches!(LeaseTime::decode(&[0; 5]), Err(OptionError::Length { length: 5, .. })));
        assert!(matches!(Routers::decode(&[0; 6]), Err(OptionError::Length { length: 6, .. })));
        assert!(matches!(ClientIdentifier::decode(&[]), Err(OptionError::Length { length: 0, .. })));
    }

    #[test]
    fn a_size_below_the_minimum_counts_as_the_minimum() {
        assert_eq!(MaximumMessageSize::decode(&[0, 1]), Ok(MaximumMessageSize::MINIMUM));
        assert_eq!(MaximumMessageSize::MINIMUM.payload(), 548);
        assert_eq!(MaximumMessageSize::decode(&[0x05, 0xc0]).map(MaximumMessageSize::payload), Ok(1444));
    }

    #[test]
    fn a_request_list_skips_what_is_no_option() {
        let list = ParameterRequestList::decode(&[0, 143, 52, 1, 255]).unwrap();
        assert_eq!(list.0, [OptionCode::SZTP_REDIRECT, OptionCode::SUBNET_MASK]);
        assert_eq!(list.encode(), [143, 1]);
    }

    #[test]
    fn text_loses_the_nul_that_some_senders_add() {
        assert_eq!(RootPath(b"iscsi:srv::::iqn\0".to_vec()).text(), Some("iscsi:srv::::iqn"));
        assert_eq!(HostName(b"a\0b\0\0".to_vec()).text(), Some("a\0b"));
        assert_eq!(HostName(vec![0xff]).text(), None);
        assert!(ServerMessage::decode(&[]).is_err());
    }

    #[test]
    fn rapid_commit_has_no_value() {
        assert_eq!(RapidCommit::decode(&RapidCommit.encode()), Ok(RapidCommit));
        assert!(RapidCommit::decode(&[1]).is_err());
    }

    #[test]
    fn address_lists_round_trip() {
        let list = DomainNameServers(vec![Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 53)]);
        assert_eq!(DomainNameServers::decode(&list.encode()), Ok(list));
    }
}
