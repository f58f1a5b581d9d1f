//! The number that names an option.

use std::fmt;

/// The code of a DHCPv4 option (RFC 2132, IANA "BOOTP Vendor Extensions and DHCP Options").
///
/// Three codes shape the packet and carry no value of their own: 0 (pad), 255 (end) and 52 (option overload). The codec
/// reads and writes those itself, so no `OptionCode` can hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OptionCode(u8);

impl OptionCode {
    /// Subnet mask, RFC 2132 §3.3.
    pub const SUBNET_MASK: Self = Self(1);
    /// Routers on the client's subnet, RFC 2132 §3.5.
    pub const ROUTERS: Self = Self(3);
    /// Domain name servers, RFC 2132 §3.8.
    pub const DOMAIN_NAME_SERVERS: Self = Self(6);
    /// Host name, RFC 2132 §3.14.
    pub const HOST_NAME: Self = Self(12);
    /// Domain name, RFC 2132 §3.17.
    pub const DOMAIN_NAME: Self = Self(15);
    /// Root path, RFC 2132 §3.19.
    pub const ROOT_PATH: Self = Self(17);
    /// Interface MTU, RFC 2132 §5.1.
    pub const INTERFACE_MTU: Self = Self(26);
    /// Broadcast address, RFC 2132 §5.3.
    pub const BROADCAST_ADDRESS: Self = Self(28);
    /// NTP servers, RFC 2132 §8.3.
    pub const NTP_SERVERS: Self = Self(42);
    /// Vendor specific information, RFC 2132 §8.4.
    pub const VENDOR_SPECIFIC: Self = Self(43);
    /// Requested IP address, RFC 2132 §9.1.
    pub const REQUESTED_ADDRESS: Self = Self(50);
    /// IP address lease time, RFC 2132 §9.2.
    pub const LEASE_TIME: Self = Self(51);
    /// DHCP message type, RFC 2132 §9.6.
    pub const MESSAGE_TYPE: Self = Self(53);
    /// Server identifier, RFC 2132 §9.7.
    pub const SERVER_IDENTIFIER: Self = Self(54);
    /// Parameter request list, RFC 2132 §9.8.
    pub const PARAMETER_REQUEST_LIST: Self = Self(55);
    /// Message, RFC 2132 §9.9.
    pub const MESSAGE: Self = Self(56);
    /// Maximum DHCP message size, RFC 2132 §9.10.
    pub const MAXIMUM_MESSAGE_SIZE: Self = Self(57);
    /// Renewal time T1, RFC 2132 §9.11.
    pub const RENEWAL_TIME: Self = Self(58);
    /// Rebinding time T2, RFC 2132 §9.12.
    pub const REBINDING_TIME: Self = Self(59);
    /// Vendor class identifier, RFC 2132 §9.13.
    pub const VENDOR_CLASS: Self = Self(60);
    /// Client identifier, RFC 2132 §9.14.
    pub const CLIENT_IDENTIFIER: Self = Self(61);
    /// TFTP server name, RFC 2132 §9.4.
    pub const TFTP_SERVER_NAME: Self = Self(66);
    /// Boot file name, RFC 2132 §9.5.
    pub const BOOT_FILE_NAME: Self = Self(67);
    /// User class, RFC 3004.
    pub const USER_CLASS: Self = Self(77);
    /// Rapid commit, RFC 4039 §4.
    pub const RAPID_COMMIT: Self = Self(80);
    /// Client FQDN, RFC 4702 §2.
    pub const CLIENT_FQDN: Self = Self(81);
    /// Relay agent information, RFC 3046.
    pub const RELAY_AGENT_INFORMATION: Self = Self(82);
    /// Client system architecture, RFC 4578 §2.1.
    pub const CLIENT_ARCHITECTURE: Self = Self(93);
    /// Client network interface identifier, RFC 4578 §2.2.
    pub const NETWORK_INTERFACE: Self = Self(94);
    /// Client machine identifier, RFC 4578 §2.3.
    pub const MACHINE_IDENTIFIER: Self = Self(97);
    /// Captive portal, RFC 8910 §2.1; before that, ONIE's "default URL".
    pub const CAPTIVE_PORTAL: Self = Self(114);
    /// Subnet selection, RFC 3011 §3.
    pub const SUBNET_SELECTION: Self = Self(118);
    /// Domain search list, RFC 3397.
    pub const DOMAIN_SEARCH: Self = Self(119);
    /// Classless static routes, RFC 3442.
    pub const CLASSLESS_ROUTES: Self = Self(121);
    /// Vendor-identifying vendor class, RFC 3925 §3.
    pub const VENDOR_IDENTIFYING_CLASS: Self = Self(124);
    /// Vendor-identifying vendor-specific information, RFC 3925 §4.
    pub const VENDOR_IDENTIFYING_OPTIONS: Self = Self(125);
    /// `OPTION_V4_SZTP_REDIRECT`, RFC 8572 §8.1 (DHC-02).
    pub const SZTP_REDIRECT: Self = Self(143);
    /// TFTP server addresses, RFC 5859 §3.
    pub const TFTP_SERVER_ADDRESSES: Self = Self(150);
    /// Options of iPXE: from its requests a server knows it, in answers to it they set it.
    pub const IPXE_OPTIONS: Self = Self(175);

    /// The code with this number; `None` for pad, end and option overload.
    #[must_use]
    pub const fn new(code: u8) -> Option<Self> {
        match code {
            PAD | OVERLOAD | END => None,
            _ => Some(Self(code)),
        }
    }

    /// A code of a table that a test holds against [`Self::new`].
    pub(super) const fn tabled(code: u8) -> Self {
        Self(code)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for OptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Filler without length or value, RFC 2132 §3.1.
pub(crate) const PAD: u8 = 0;
/// Says which of `file` and `sname` hold options, RFC 2132 §9.3.
pub(crate) const OVERLOAD: u8 = 52;
/// Nothing follows in this field, RFC 2132 §3.2.
pub(crate) const END: u8 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_shape_the_packet_are_no_options() {
        for code in 0..=u8::MAX {
            let expected = !matches!(code, 0 | 52 | 255);
            assert_eq!(OptionCode::new(code).is_some(), expected, "{code}");
        }
        // DHC-02: the code byte is 0x8f.
        assert_eq!(OptionCode::SZTP_REDIRECT.number(), 0x8f);
    }
}
