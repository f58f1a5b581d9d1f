//! A client's message, read once into everything the server acts on.

use std::net::{IpAddr, Ipv6Addr, SocketAddrV6};

use dhcp::{
    v4::{ClientArchitectures, MacAddress, MachineIdentifier},
    v6::{
        ClientIdentifier, DecodeError, Duid, MessageType, OptionCode, OptionRequest, RapidCommit, Received, RelayLayer,
        ServerIdentifier, TransactionId, UserClass, VendorClass,
    },
};

use super::association::Association;
use crate::{
    client::{Client, HTTP_CLIENT},
    note::{ClientName, Ignored},
};

/// A client's message with its options taken apart, found to be one that RFC 8415 §16 lets a server look at.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) received: Received,
    pub(super) kind: MessageType,
    /// Who asks.
    pub(super) client: Client,
    /// Who asks, as leases name it. Only an Information-request may do without.
    pub(super) duid: Option<Duid>,
    pub(super) associations: Vec<Association>,
    /// Whether the client would be content with two messages.
    pub(super) rapid_commit: Option<RapidCommit>,
    server: Option<Duid>,
    wanted: OptionRequest,
}

impl Request {
    /// Reads a message that came from this address.
    pub(super) fn new(received: Received, source: SocketAddrV6) -> Result<Self, Ignored> {
        let options = &received.message.options;
        let kind = received.message.kind;
        if !kind.is_from_client() {
            return Err(Ignored::NotFromClient);
        }
        let duid = options.value::<ClientIdentifier>()?.map(|identifier| identifier.0);
        let server = options.value::<ServerIdentifier>()?.map(|identifier| identifier.0);
        let associations = Association::all(kind.as_str(), options)?;
        if let Some(fault) = fault(kind, duid.as_ref(), server.as_ref(), &associations) {
            return Err(Ignored::Invalid { kind: kind.as_str(), fault });
        }
        Ok(Self {
            kind,
            client: client(&received, duid.as_ref(), source),
            duid,
            associations,
            rapid_commit: options.value()?,
            server,
            wanted: options.value()?.unwrap_or_default(),
            received,
        })
    }

    /// The server that the client has chosen.
    pub(super) const fn server(&self) -> Option<&Duid> {
        self.server.as_ref()
    }

    /// The transaction.
    pub(super) const fn transaction(&self) -> TransactionId {
        self.received.message.transaction
    }

    /// Whether the client asks for this option.
    pub(super) fn asks_for(&self, code: OptionCode) -> bool {
        self.wanted.contains(code)
    }

    /// Under which enterprise number the client says that it is HTTP boot firmware, if it says so.
    pub(super) fn http_enterprise(&self) -> Option<u32> {
        let classes = self.received.message.options.values::<VendorClass>();
        let is_http = |class: &VendorClass| class.classes.iter().any(|text| text.starts_with(HTTP_CLIENT));
        classes.into_iter().find(is_http).map(|class| class.enterprise)
    }
}

/// The client as logs name it, whatever else is wrong with its message.
pub(super) fn name(received: &Received) -> ClientName {
    let duid = received.message.options.single(OptionCode::CLIENT_IDENTIFIER).ok().flatten().unwrap_or_default();
    ClientName::V6(duid.iter().take(Duid::MAXIMUM).copied().collect(), received.message.transaction)
}

/// Opens a datagram.
pub(super) fn open(bytes: &[u8]) -> Result<Received, Ignored> {
    let received = Received::decode(bytes).map_err(|error| match error {
        DecodeError::TooManyRelays => Ignored::RelayLoop { hops: Received::HOP_COUNT_LIMIT.saturating_add(1) },
        other => other.into(),
    })?;
    // RFC 8415 §19.1.2: no relay agent passes on what says more, so somebody counts wrongly.
    match received.layers.iter().map(|layer| layer.hop_count).max() {
        Some(hops) if hops > Received::HOP_COUNT_LIMIT => Err(Ignored::RelayLoop { hops }),
        _ => Ok(received),
    }
}

/// What keeps a server from looking at a message of this type, by RFC 8415 §16.
fn fault(
    kind: MessageType,
    client: Option<&Duid>,
    server: Option<&Duid>,
    associations: &[Association],
) -> Option<&'static str> {
    match kind {
        // §16.2, §16.5, §16.7: they are for every server.
        MessageType::Solicit | MessageType::Confirm | MessageType::Rebind if server.is_some() => {
            Some("names a server, although it is for all of them")
        }
        // §16.4, §16.6, §16.8, §16.9: they are for one server.
        MessageType::Request | MessageType::Renew | MessageType::Release | MessageType::Decline if server.is_none() => {
            Some("names no server")
        }
        // §16.12: whoever wants addresses has to solicit them.
        MessageType::InformationRequest if !associations.is_empty() => Some("holds an identity association"),
        MessageType::InformationRequest => None,
        // §16.2 and all that follow.
        _ if client.is_none() => Some("names no client"),
        // §18.3.3: without addresses there is nothing to confirm.
        MessageType::Confirm if associations.iter().all(|it| it.addresses.is_empty()) => Some("names no address"),
        _ => None,
    }
}

/// What the message says of its sender. What only describes the client must not keep it from being served: an option of that kind counts when it
/// can be read.
fn client(received: &Received, duid: Option<&Duid>, source: SocketAddrV6) -> Client {
    let options = &received.message.options;
    let nearest = received.nearest();
    let heard = nearest.map_or_else(|| *source.ip(), |layer| layer.peer);
    let classes: Vec<VendorClass> = options.values().collect();
    let uuid = duid.and_then(Duid::uuid);
    // RFC 5970 §4 (NET-10): in other messages the option means nothing.
    let boots = received.message.kind.may_carry_boot_options();
    let architectures = || options.value::<ClientArchitectures>().ok().flatten().filter(|_| boots);
    Client {
        // RFC 6939 §5: the relay agent has seen the address on the wire.
        mac: received.mac().or_else(|| duid?.mac()).or_else(|| of_link_local(heard)),
        uuids: uuid
            .map(|bytes| vec![bytes, MachineIdentifier { kind: 0, bytes }.other_byte_order()])
            .unwrap_or_default(),
        identifier: duid.map(|duid| duid.as_bytes().to_vec()),
        enterprises: classes.iter().map(|class| class.enterprise).collect(),
        vendor_classes: classes.into_iter().flat_map(|class| class.classes).collect(),
        user_classes: options.value::<UserClass>().ok().flatten().map(|it| it.classes).unwrap_or_default(),
        architectures: architectures().map(|list| list.0).unwrap_or_default(),
        relay: received.link().map(IpAddr::V6),
        circuit: nearest.and_then(RelayLayer::interface_id).map(<[u8]>::to_vec),
        remote: nearest.and_then(RelayLayer::remote_id).map(|remote| remote.identifier),
        subscriber: nearest.and_then(RelayLayer::subscriber_id).map(<[u8]>::to_vec),
        host_name: options.single(OptionCode::CLIENT_FQDN).ok().flatten().and_then(host_name),
    }
}

/// The hardware address from which a link-local address was made, as boot firmware does (RFC 4291 appendix A).
fn of_link_local(address: Ipv6Addr) -> Option<MacAddress> {
    match address.octets() {
        [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a, b, c, 0xff, 0xfe, d, e, f] => Some(MacAddress([a ^ 2, b, c, d, e, f])),
        _ => None,
    }
}

/// The first label of the name that a client gives itself (RFC 4704 §4.2: a byte of flags, then a name that may lack its end).
fn host_name(value: &[u8]) -> Option<String> {
    let (_flags, name) = value.split_first()?;
    let (length, rest) = name.split_first()?;
    // RFC 1035 §2.3.4: a label has 63 bytes at most.
    let label = rest.get(..usize::from(*length)).filter(|label| (1..=63).contains(&label.len()))?;
    let printable = label.iter().all(u8::is_ascii_graphic);
    printable.then(|| label.iter().copied().map(char::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_tells_the_hardware_address_it_was_made_from() {
        let of = |text: &str| of_link_local(text.parse().unwrap()).map(|mac| mac.to_string());
        assert_eq!(of("fe80::5e:10ff:fe00:1"), Some("02:5e:10:00:00:01".to_owned()));
        assert_eq!(of("fe80::1"), None);
        assert_eq!(of("2001:db8::5e:10ff:fe00:1"), None);
    }

    #[test]
    fn the_first_label_of_a_name_is_the_hosts() {
        assert_eq!(host_name(b"\0\x06leaf-1\x07example\0").as_deref(), Some("leaf-1"));
        assert_eq!(host_name(b"\x01\x06leaf-1").as_deref(), Some("leaf-1"), "a partial name");
        for bad in [&b""[..], b"\0", b"\0\0", b"\0\x05ab", b"\0\x02a\xff", b"\0\x40aa"] {
            assert_eq!(host_name(bad), None, "{bad:?}");
        }
    }
}
