//! DHCPv4: the message (RFC 2131 §2), its options (RFC 2132) and the typed values this system acts on.
//!
//! [`Message::decode`] checks what every reader depends on (lengths, cookie, operation, overload) and keeps every
//! option as bytes. What an option means is asked for by type:
//!
//! ```
//! use dhcp::v4::{HardwareAddress, MacAddress, Message, MessageType, Operation, OptionCode, ParameterRequestList};
//!
//! let mac = MacAddress([0x02, 0, 0, 0, 0, 1]);
//! let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(mac));
//! message.options.put(&MessageType::Inform);
//! message.options.put(&ParameterRequestList(vec![OptionCode::SZTP_REDIRECT]));
//!
//! let received = Message::decode(&message.encode())?;
//! assert_eq!(received.options.value::<MessageType>()?, Some(MessageType::Inform));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod error;
mod fixed_field;
mod hardware;
mod message;
mod message_type;
mod option_code;
mod options;
mod pxe;
mod relay_agent;
mod routes;
mod sub_options;
mod values;
mod vendor;
mod wire;

pub use client::{Architecture, ClientArchitectures, MachineIdentifier, NetworkInterface, UserClass, UserClassFraming};
pub use error::{DecodeError, DoesNotFit, OptionError};
pub use fixed_field::FixedField;
pub use hardware::{HardwareAddress, HardwareType, MacAddress, MacAddressInvalid};
pub use message::{Flags, Message, Operation, TransactionId};
pub use message_type::MessageType;
pub use option_code::OptionCode;
pub use options::{OptionValue, Options};
pub use pxe::{
    PxeBootItem, PxeBootServers, PxeDiscovery, PxeMenuEntry, PxeOptions, PxePrompt, PxeServerKind, PxeTooLong,
};
pub use relay_agent::RelaySubOption;
pub use routes::{ClasslessRoutes, Route};
pub use values::{
    BootFileName, BroadcastAddress, CaptivePortal, ClientFqdn, ClientIdentifier, DomainName, DomainNameServers,
    DomainSearch, HostName, InterfaceMtu, LeaseTime, MaximumMessageSize, NtpServers, ParameterRequestList, RapidCommit,
    RebindingTime, RelayAgentInformation, RenewalTime, RequestedAddress, RootPath, Routers, ServerIdentifier,
    ServerMessage, SubnetMask, SubnetSelection, TftpServerAddresses, TftpServerName, VendorClass, VendorSpecific,
};
pub use vendor::{VendorData, VendorIdentifyingClass, VendorIdentifyingOptions, onie};
