//! Whom a class is for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dhcp::v4::Architecture;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Known, Network, Pattern};
use crate::client::Client;

/// Conditions on a client: each that is written must hold, by any one of its values. No condition holds for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct When {
    /// The hardware address as text, such as `02:00:5e:*`.
    #[serde(default)]
    mac: Vec<Pattern>,
    /// The UUID as text in lower case; firmware may send it in either byte order.
    #[serde(default)]
    uuid: Vec<Pattern>,
    /// Option 61, or the DUID.
    #[serde(default)]
    client_identifier: Vec<Pattern>,
    /// Option 60, or a text of option 16.
    #[serde(default)]
    vendor_class: Vec<Pattern>,
    /// The enterprise number of option 124 or 16.
    #[serde(default)]
    enterprise: Vec<u32>,
    /// Option 77, or 15.
    #[serde(default)]
    user_class: Vec<Pattern>,
    /// Option 93, or 61, by number (RFC 4578 §2.1).
    #[serde(default)]
    architecture: Vec<u16>,
    /// The network that the relay agent's address is in.
    #[serde(default)]
    relay: Vec<AnyNetwork>,
    /// The port behind the relay agent.
    #[serde(default)]
    circuit_id: Vec<Pattern>,
    /// Which relay agent.
    #[serde(default)]
    remote_id: Vec<Pattern>,
    /// The subscriber, as the relay agent says.
    #[serde(default)]
    subscriber_id: Vec<Pattern>,
    /// Whether the device is on the owner's list.
    #[serde(default)]
    known: Option<bool>,
    /// The model on the owner's list.
    #[serde(default)]
    model: Vec<Pattern>,
    /// The profile on the owner's list.
    #[serde(default)]
    profile: Vec<Pattern>,
}

impl When {
    /// The vendor classes that are meant; none stands for all.
    #[must_use]
    pub fn vendor_classes(&self) -> &[Pattern] {
        &self.vendor_class
    }

    /// Whether this is such a client. `known` is what the owner's list says of it.
    #[must_use]
    pub fn holds(&self, client: &Client, known: Option<&Known>) -> bool {
        let text = |wanted: &[Pattern], found: Option<String>| {
            wanted.is_empty() || found.is_some_and(|found| any(wanted, std::iter::once(found.as_bytes())))
        };
        let octets = |wanted: &[Pattern], found: &Option<Vec<u8>>| {
            wanted.is_empty() || any(wanted, found.iter().map(Vec::as_slice))
        };
        let list =
            |wanted: &[Pattern], found: &[Vec<u8>]| wanted.is_empty() || any(wanted, found.iter().map(Vec::as_slice));
        let of_known = |wanted: &[Pattern], found: Option<&str>| text(wanted, found.map(str::to_owned));
        let architecture = |Architecture(number): &Architecture| self.architecture.contains(number);
        text(&self.mac, client.mac.filter(|_| !self.mac.is_empty()).map(|mac| mac.to_string()))
            && (self.uuid.is_empty() || client.uuids.iter().any(|uuid| text(&self.uuid, Some(uuid_text(uuid)))))
            && octets(&self.client_identifier, &client.identifier)
            && list(&self.vendor_class, &client.vendor_classes)
            && (self.enterprise.is_empty() || client.enterprises.iter().any(|it| self.enterprise.contains(it)))
            && list(&self.user_class, &client.user_classes)
            && (self.architecture.is_empty() || client.architectures.iter().any(architecture))
            && (self.relay.is_empty()
                || client.relay.is_some_and(|relay| self.relay.iter().any(|network| network.contains(relay))))
            && octets(&self.circuit_id, &client.circuit)
            && octets(&self.remote_id, &client.remote)
            && octets(&self.subscriber_id, &client.subscriber)
            && self.known.is_none_or(|wanted| wanted == known.is_some())
            && of_known(&self.model, known.and_then(Known::model))
            && of_known(&self.profile, known.and_then(Known::profile))
    }
}

fn any<'o>(wanted: &[Pattern], mut found: impl Iterator<Item = &'o [u8]>) -> bool {
    found.any(|octets| wanted.iter().any(|pattern| pattern.matches(octets)))
}

/// A UUID as people write it.
#[must_use]
pub fn uuid_text(uuid: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (place, octet) in uuid.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{octet:02x}"));
    }
    text
}

/// A network of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnyNetwork {
    V4(Network<Ipv4Addr>),
    V6(Network<Ipv6Addr>),
}

impl AnyNetwork {
    fn contains(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(network), IpAddr::V4(address)) => network.contains(address),
            (Self::V6(network), IpAddr::V6(address)) => network.contains(address),
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for AnyNetwork {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self::V4).or_else(|_| text.parse().map(Self::V6)).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use dhcp::v4::MacAddress;

    use super::*;

    fn when(text: &str) -> When {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn every_condition_must_hold_by_any_value() {
        let client = Client {
            mac: Some(MacAddress([2, 0, 0x5e, 0, 0, 1])),
            uuids: vec![[0; 16], [0x11; 16]],
            identifier: Some(b"\0box-1".to_vec()),
            vendor_classes: vec![b"PXEClient:Arch:00007:UNDI:003000".to_vec()],
            enterprises: vec![343],
            user_classes: vec![b"iPXE".to_vec()],
            architectures: vec![Architecture(9), Architecture(7)],
            relay: Some(IpAddr::from([198, 51, 100, 1])),
            circuit: Some(b"ge-0/0/1".to_vec()),
            remote: Some(vec![2, 0, 0]),
            subscriber: Some(b"rack-9".to_vec()),
            host_name: None,
        };
        let known = Known::for_tests("acme/1", Some("xpu"), Some("switch-9"));
        for yes in [
            "",
            "mac = ['ff:*', '02:00:5e:*']",
            "uuid = ['11111111-1111-1111-1111-111111111111']",
            "client-identifier = ['0x00626f782d31']",
            "vendor-class = ['PXEClient:*']\narchitecture = [7]\nuser-class = ['iPXE']",
            "enterprise = [1, 343]",
            "relay = ['198.51.100.0/24', '2001:db8::/32']\ncircuit-id = ['ge-*']\nremote-id = ['0x02*']\nsubscriber-id = ['rack-*']",
            "known = true\nmodel = ['switch-*']\nprofile = ['xpu']",
        ] {
            assert!(when(yes).holds(&client, Some(&known)), "{yes}");
            assert_eq!(when(yes).holds(&Client::default(), None), yes.is_empty(), "{yes}");
        }
        for no in ["mac = ['03:*']", "vendor-class = ['PXEClient:*']\narchitecture = [11]", "known = false"] {
            assert!(!when(no).holds(&client, Some(&known)), "{no}");
        }
        assert!(when("known = false").holds(&client, None));
        assert!(toml::from_str::<When>("vendor = ['x']").is_err());
    }
}
