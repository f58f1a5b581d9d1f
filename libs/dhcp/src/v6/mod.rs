//! DHCPv6: messages between client and server (RFC 8415 §8) and their options (§21), relay agents around them (§9), and
//! the typed values that this system acts on.
//!
//! ```
//! use dhcp::{bootstrap_uri::UriList, v6::{OptionCode, OptionRequest, Options}};
//!
//! // A device asks (DHC-08) …
//! let mut asked = Options::new();
//! asked.insert(OptionCode::OPTION_REQUEST, OptionRequest(vec![OptionCode::SZTP_REDIRECT]).encode())?;
//!
//! // … and a server answers, once (DHC-12).
//! let list = UriList::from("https://[2001:db8::1]".parse::<dhcp::bootstrap_uri::BootstrapServerUri>()?);
//! let mut answer = Options::new();
//! answer.insert(OptionCode::SZTP_REDIRECT, list.encode())?;
//! assert_eq!(answer.encode()[..4], [0x00, 0x88, 0x00, 0x17]);
//!
//! let received = Options::decode(&answer.encode())?;
//! let value = received.single(OptionCode::SZTP_REDIRECT)?.ok_or("no option 136")?;
//! assert_eq!(UriList::decode(value)?.uris, list);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod boot;
mod class;
mod duid;
mod error;
mod message;
mod option_code;
mod options;
mod plain;
mod relay;
mod request;
mod status;
mod value;
mod values;

pub use boot::{BootFileParameters, BootFileUrl, BootFileUrlError};
pub use class::{ClassFraming, UserClass, VendorClass, VendorOptions};
pub use duid::{Duid, DuidInvalid, DuidParts};
pub use error::{DecodeError, OptionError, ValueTooLong};
pub use message::{Message, MessageType, TransactionId};
pub use option_code::OptionCode;
pub use options::Options;
pub use plain::{
    ClientIdentifier, DnsServers, DomainList, ElapsedTime, InfMaxRt, InformationRefreshTime, InterfaceId, Preference,
    RapidCommit, ServerIdentifier, ServerUnicast, SolMaxRt, SubscriberId,
};
pub use relay::{ClientLinkLayerAddress, Datagram, Received, RelayDirection, RelayLayer, RelayMessage, RemoteId};
pub use request::OptionRequest;
pub use status::{Status, StatusCode};
pub use value::OptionValue;
pub use values::{DelegatedPrefix, IdentityAssociation, LeasedAddress, TemporaryAssociation, addresses};
