//! The number that names an option.

use std::fmt;

/// The code of a DHCPv6 option (RFC 8415 §21, IANA "Option Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OptionCode(pub u16);

impl OptionCode {
    /// Client Identifier: the client's DUID, RFC 8415 §21.2.
    pub const CLIENT_IDENTIFIER: Self = Self(1);
    /// Server Identifier: the server's DUID, RFC 8415 §21.3.
    pub const SERVER_IDENTIFIER: Self = Self(2);
    /// Identity Association for Non-temporary Addresses, RFC 8415 §21.4.
    pub const IA_NA: Self = Self(3);
    /// Identity Association for Temporary Addresses, RFC 8415 §21.5.
    pub const IA_TA: Self = Self(4);
    /// IA Address, inside an identity association, RFC 8415 §21.6.
    pub const IA_ADDRESS: Self = Self(5);
    /// Option Request: which options the client wants, RFC 8415 §21.7.
    pub const OPTION_REQUEST: Self = Self(6);
    /// Preference of a server, RFC 8415 §21.8.
    pub const PREFERENCE: Self = Self(7);
    /// Elapsed Time, in hundredths of a second, RFC 8415 §21.9.
    pub const ELAPSED_TIME: Self = Self(8);
    /// Relay Message: the message that a relay agent passes on, RFC 8415 §21.10.
    pub const RELAY_MESSAGE: Self = Self(9);
    /// Authentication, RFC 8415 §21.11.
    pub const AUTHENTICATION: Self = Self(11);
    /// Server Unicast: the client may write to this address, RFC 8415 §21.12.
    pub const SERVER_UNICAST: Self = Self(12);
    /// Status Code, RFC 8415 §21.13.
    pub const STATUS_CODE: Self = Self(13);
    /// Rapid Commit: the exchange may have two messages, RFC 8415 §21.14.
    pub const RAPID_COMMIT: Self = Self(14);
    /// User Class, RFC 8415 §21.15.
    pub const USER_CLASS: Self = Self(15);
    /// Vendor Class, RFC 8415 §21.16.
    pub const VENDOR_CLASS: Self = Self(16);
    /// Vendor-specific Information, RFC 8415 §21.17.
    pub const VENDOR_OPTIONS: Self = Self(17);
    /// Interface-Id: where a relay agent heard the message, RFC 8415 §21.18.
    pub const INTERFACE_ID: Self = Self(18);
    /// Reconfigure Message: what the client is to send, RFC 8415 §21.19.
    pub const RECONFIGURE_MESSAGE: Self = Self(19);
    /// Reconfigure Accept, RFC 8415 §21.20.
    pub const RECONFIGURE_ACCEPT: Self = Self(20);
    /// DNS servers, RFC 3646 §3.
    pub const DNS_SERVERS: Self = Self(23);
    /// Domain search list, RFC 3646 §4.
    pub const DOMAIN_LIST: Self = Self(24);
    /// Identity Association for Prefix Delegation, RFC 8415 §21.21.
    pub const IA_PD: Self = Self(25);
    /// IA Prefix, inside an identity association, RFC 8415 §21.22.
    pub const IA_PREFIX: Self = Self(26);
    /// Information Refresh Time, RFC 8415 §21.23.
    pub const INFORMATION_REFRESH_TIME: Self = Self(32);
    /// Relay Agent Remote-ID, RFC 4649 §3.
    pub const REMOTE_ID: Self = Self(37);
    /// Relay Agent Subscriber-ID, RFC 4580 §2.
    pub const SUBSCRIBER_ID: Self = Self(38);
    /// Client FQDN, RFC 4704 §4.
    pub const CLIENT_FQDN: Self = Self(39);
    /// Echo Request: what a relay agent wants back, RFC 4994 §3.
    pub const ECHO_REQUEST: Self = Self(43);
    /// NTP servers, in suboptions, RFC 5908 §4.
    pub const NTP_SERVER: Self = Self(56);
    /// Boot File URL, RFC 5970 §3.1.
    pub const BOOT_FILE_URL: Self = Self(59);
    /// Boot File Parameters, RFC 5970 §3.2.
    pub const BOOT_FILE_PARAMETERS: Self = Self(60);
    /// Client System Architecture Type, RFC 5970 §3.3.
    pub const CLIENT_ARCHITECTURE: Self = Self(61);
    /// Client Network Interface Identifier, RFC 5970 §3.4.
    pub const NETWORK_INTERFACE: Self = Self(62);
    /// Client Link-Layer Address, added by a relay agent, RFC 6939 §4.
    pub const CLIENT_LINK_LAYER_ADDRESS: Self = Self(79);
    /// How seldom a client that solicits may ask at last, RFC 8415 §21.24.
    pub const SOL_MAX_RT: Self = Self(82);
    /// How seldom a client that asks for information may ask at last, RFC 8415 §21.25.
    pub const INF_MAX_RT: Self = Self(83);
    /// URI of the captive portal's API, RFC 8910 §2.2.
    pub const CAPTIVE_PORTAL: Self = Self(103);
    /// Relay Source Port: the relay agent does not send from port 547, RFC 8357 §4.
    pub const RELAY_PORT: Self = Self(135);
    /// `OPTION_V6_SZTP_REDIRECT`, RFC 8572 §8.2 (DHC-03).
    pub const SZTP_REDIRECT: Self = Self(136);
}

impl fmt::Display for OptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
