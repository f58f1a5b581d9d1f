//! Options that are one number, one address, some bytes or nothing.

use std::net::Ipv6Addr;

use super::{Duid, OptionCode, OptionError, OptionRequest, OptionValue, addresses, value::exactly};
use crate::{
    bootstrap_uri::DnsName,
    domain_names::{self, Pointers},
};

/// Options that are one number of fixed size.
macro_rules! number_options {
    ($($(#[$doc:meta])* $name:ident($kind:ty) = $code:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $kind);

        impl OptionValue for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn decode(value: &[u8]) -> Result<Self, OptionError> {
                Ok(Self(<$kind>::from_be_bytes(exactly(Self::CODE, value)?)))
            }

            fn encode(&self) -> Vec<u8> {
                self.0.to_be_bytes().to_vec()
            }
        }
    )*};
}

/// Options that are bytes nobody here takes apart; an empty one is malformed.
macro_rules! bytes_options {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub Vec<u8>);

        impl OptionValue for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn decode(value: &[u8]) -> Result<Self, OptionError> {
                if value.is_empty() {
                    return Err(OptionError::Length { code: Self::CODE, length: 0 });
                }
                Ok(Self(value.to_vec()))
            }

            fn encode(&self) -> Vec<u8> {
                self.0.clone()
            }
        }
    )*};
}

/// Options that are a DUID.
macro_rules! duid_options {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub Duid);

        impl OptionValue for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn decode(value: &[u8]) -> Result<Self, OptionError> {
                Duid::new(value).map(Self).ok_or(OptionError::Length { code: Self::CODE, length: value.len() })
            }

            fn encode(&self) -> Vec<u8> {
                self.0.as_bytes().to_vec()
            }
        }
    )*};
}

number_options! {
    /// How much a server wants to be chosen, RFC 8415 §21.8: 255 is taken at once, an absent option counts as 0.
    Preference(u8) = PREFERENCE;
    /// Since when the client has been trying, in hundredths of a second, RFC 8415 §21.9; `u16::MAX` is that long or longer.
    ElapsedTime(u16) = ELAPSED_TIME;
    /// After how many seconds to ask for information again, RFC 8415 §21.23. A client takes no less than 600.
    InformationRefreshTime(u32) = INFORMATION_REFRESH_TIME;
    /// How many seconds a client that solicits waits at most, RFC 8415 §21.24: 60 to 86,400, otherwise it is ignored.
    SolMaxRt(u32) = SOL_MAX_RT;
    /// How many seconds a client that asks for information waits at most, RFC 8415 §21.25: 60 to 86,400, otherwise it is
    /// ignored.
    InfMaxRt(u32) = INF_MAX_RT;
}

bytes_options! {
    /// The bytes by which a relay agent will know the interface again, RFC 8415 §21.18.
    InterfaceId = INTERFACE_ID;
    /// Whose line this is, in the provider's words, RFC 4580 §2.
    SubscriberId = SUBSCRIBER_ID;
}

duid_options! {
    /// Who the client is, RFC 8415 §21.2.
    ClientIdentifier = CLIENT_IDENTIFIER;
    /// The server a message comes from or is meant for, RFC 8415 §21.3.
    ServerIdentifier = SERVER_IDENTIFIER;
}

/// The address at which the client may write to the server, RFC 8415 §21.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerUnicast(pub Ipv6Addr);

impl OptionValue for ServerUnicast {
    const CODE: OptionCode = OptionCode::SERVER_UNICAST;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        Ok(Self(Ipv6Addr::from_octets(exactly(Self::CODE, value)?)))
    }

    fn encode(&self) -> Vec<u8> {
        self.0.octets().to_vec()
    }
}

/// The exchange may have two messages, RFC 8415 §21.14. The option has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RapidCommit;

impl OptionValue for RapidCommit {
    const CODE: OptionCode = OptionCode::RAPID_COMMIT;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let [] = exactly(Self::CODE, value)?;
        Ok(Self)
    }

    fn encode(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// DNS servers, the preferred one first, RFC 3646 §3.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsServers(pub Vec<Ipv6Addr>);

impl OptionValue for DnsServers {
    const CODE: OptionCode = OptionCode::DNS_SERVERS;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        addresses(Self::CODE, value).map(Self)
    }

    fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(Ipv6Addr::octets).collect()
    }
}

/// Domains in which the client looks names up, in order, RFC 3646 §4. What is no host name is left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainList(pub Vec<DnsName>);

impl OptionValue for DomainList {
    const CODE: OptionCode = OptionCode::DOMAIN_LIST;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        Ok(Self(domain_names::decode(value, Pointers::Refused)))
    }

    fn encode(&self) -> Vec<u8> {
        domain_names::encode(&self.0)
    }
}

impl OptionValue for OptionRequest {
    const CODE: OptionCode = OptionCode::OPTION_REQUEST;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        Self::decode(value)
    }

    fn encode(&self) -> Vec<u8> {
        Self::encode(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_lengths_are_enforced() {
        assert_eq!(ElapsedTime::decode(&[1, 0]), Ok(ElapsedTime(256)));
        assert!(matches!(ElapsedTime::decode(&[1]), Err(OptionError::Length { length: 1, .. })));
        assert_eq!(SolMaxRt(3600).encode(), [0, 0, 0x0e, 0x10]);
        assert!(InfMaxRt::decode(&[0; 3]).is_err());
        assert_eq!(RapidCommit::decode(&[]), Ok(RapidCommit));
        assert!(RapidCommit::decode(&[0]).is_err());
        assert!(ServerUnicast::decode(&[0; 17]).is_err());
        assert!(InterfaceId::decode(&[]).is_err());
        assert!(DnsServers::decode(&[0; 15]).is_err());
    }

    #[test]
    fn identifiers_are_duids() {
        let duid = Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(ClientIdentifier(duid.clone()).encode(), duid.as_bytes());
        assert_eq!(ServerIdentifier::decode(duid.as_bytes()), Ok(ServerIdentifier(duid)));
        assert!(matches!(ClientIdentifier::decode(&[0, 3]), Err(OptionError::Length { length: 2, .. })));
    }

    #[test]
    fn domains_are_never_compressed() {
        let list = DomainList(vec!["example.com".parse().unwrap(), "lab.example.com".parse().unwrap()]);
        assert_eq!(list.encode(), b"\x07example\x03com\x00\x03lab\x07example\x03com\x00");
        assert_eq!(DomainList::decode(&list.encode()), Ok(list));
    }
}
