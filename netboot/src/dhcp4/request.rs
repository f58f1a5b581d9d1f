//! A client's message, read once into everything the server acts on.

use std::net::Ipv4Addr;

use dhcp::v4::{
    Architecture, ClientArchitectures, ClientIdentifier, MaximumMessageSize, Message, MessageType, Operation,
    OptionCode, ParameterRequestList, RequestedAddress, ServerIdentifier, VendorClass,
};

use super::{ClientKey, Ignored};

/// A client's message with its options taken apart.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) message: Message,
    pub(super) kind: MessageType,
    pub(super) client: ClientKey,
    pub(super) architectures: Vec<Architecture>,
    pub(super) http_boot: HttpBoot,
    requested: Option<Ipv4Addr>,
    server: Option<Ipv4Addr>,
    wanted: Option<ParameterRequestList>,
    size: MaximumMessageSize,
}

/// Whether the client is firmware that boots from a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HttpBoot {
    Yes,
    No,
}

impl Request {
    pub(super) fn new(message: Message) -> Result<Self, Ignored> {
        if message.operation != Operation::Request {
            return Err(Ignored::NotFromClient);
        }
        let options = &message.options;
        let identifier = options.value::<ClientIdentifier>()?;
        let vendor_class = options.value::<VendorClass>()?;
        // UEFI 2.10 §24.7: HTTP boot firmware says so in its vendor class.
        let is_http = vendor_class.is_some_and(|class| class.0.starts_with(HTTP_CLIENT));
        Ok(Self {
            kind: options.value()?.ok_or(Ignored::Bootp)?,
            client: ClientKey::new(identifier.as_ref(), &message.hardware),
            architectures: options.value::<ClientArchitectures>()?.map(|list| list.0).unwrap_or_default(),
            http_boot: if is_http { HttpBoot::Yes } else { HttpBoot::No },
            requested: options.value::<RequestedAddress>()?.map(|address| address.0),
            server: options.value::<ServerIdentifier>()?.map(|address| address.0),
            wanted: options.value()?,
            // RFC 2131 §2: without option 57 a client accepts 576 bytes; frames of Ethernet are the upper bound.
            size: options
                .value::<MaximumMessageSize>()?
                .map_or(MaximumMessageSize::MINIMUM, |size| size.min(MaximumMessageSize::ETHERNET)),
            message,
        })
    }

    /// Option 50.
    pub(super) const fn requested(&self) -> Option<Ipv4Addr> {
        self.requested
    }

    /// Option 54: the server the client has chosen.
    pub(super) const fn server(&self) -> Option<Ipv4Addr> {
        self.server
    }

    /// `ciaddr`, if the client has an address.
    pub(super) fn current(&self) -> Option<Ipv4Addr> {
        Some(self.message.client_address).filter(|address| !address.is_unspecified())
    }

    /// `giaddr`, if the message came through a relay agent.
    pub(super) fn relay(&self) -> Option<Ipv4Addr> {
        Some(self.message.relay).filter(|address| !address.is_unspecified())
    }

    /// Whether option 55 names this option.
    pub(super) fn asks_for(&self, code: OptionCode) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.0.contains(&code))
    }

    /// Whether the client can use this option: it asks for it, or does not say what it can use.
    pub(super) fn accepts(&self, code: OptionCode) -> bool {
        self.wanted.is_none() || self.asks_for(code)
    }

    /// The longest reply.
    pub(super) const fn size(&self) -> MaximumMessageSize {
        self.size
    }
}

/// How the vendor class of HTTP boot firmware begins, and what its server has to answer.
pub(super) const HTTP_CLIENT: &[u8] = b"HTTPClient";
