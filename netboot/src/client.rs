//! Who asks: what a request tells of its sender, the same for DHCPv4 and DHCPv6.

use std::net::IpAddr;

use dhcp::v4::{Architecture, MacAddress};

/// What a request says of the client that sent it. Anybody can say anything: it decides about convenience, never about trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its hardware address: `chaddr`; in DHCPv6 that of RFC 6939, else the one in its DUID.
    pub mac: Option<MacAddress>,
    /// Its UUID as it may be meant: firmware sends option 97 in either byte order (RFC 4578 §2.3), a DUID-UUID in one.
    pub uuids: Vec<[u8; 16]>,
    /// Option 61, or the DUID.
    pub identifier: Option<Vec<u8>>,
    /// Option 60; in DHCPv6 each text of option 16.
    pub vendor_classes: Vec<Vec<u8>>,
    /// The enterprise numbers of option 124 or 16.
    pub enterprises: Vec<u32>,
    /// Option 77 or 15.
    pub user_classes: Vec<Vec<u8>>,
    /// Option 93 or 61, in the client's order of preference.
    pub architectures: Vec<Architecture>,
    /// The relay agent next to the client: `giaddr`, or the innermost link address.
    pub relay: Option<IpAddr>,
    /// The port it is connected to, as a relay agent says: sub-option 1 of option 82, or option 18.
    pub circuit: Option<Vec<u8>>,
    /// Which relay agent or modem says so: sub-option 2 of option 82, or option 37.
    pub remote: Option<Vec<u8>>,
    /// Sub-option 6 of option 82, or option 38.
    pub subscriber: Option<Vec<u8>>,
    /// The name it gives itself, option 12 or 39.
    pub host_name: Option<String>,
}

impl Client {
    /// The texts among which its serial number may be: makers put it into the client identifier, at the end of the vendor class, or into the
    /// host name.
    pub fn serial_numbers(&self) -> impl Iterator<Item = &str> {
        // RFC 2132 §9.14: type 0 is anything that is no hardware address.
        let identifier = self.identifier.as_deref().map(|octets| octets.strip_prefix(&[0]).unwrap_or(octets));
        let classes = self.vendor_classes.iter().flat_map(|class| {
            let last = class.rsplit(|octet| b"-:; ".contains(octet)).next();
            std::iter::once(class.as_slice()).chain(last)
        });
        let texts = identifier.into_iter().chain(classes).filter_map(|octets| std::str::from_utf8(octets).ok());
        texts.chain(self.host_name.as_deref()).filter(|text| (4..=64).contains(&text.len()))
    }

    /// Whether it is boot firmware of the PXE specification.
    #[must_use]
    pub fn is_pxe(&self) -> bool {
        self.vendor_classes.iter().any(|class| class.starts_with(PXE_CLIENT))
    }

    /// Whether it is boot firmware that takes a URL (UEFI 2.10 §24.7).
    #[must_use]
    pub fn is_http(&self) -> bool {
        self.vendor_classes.iter().any(|class| class.starts_with(HTTP_CLIENT))
    }
}

/// How the vendor class of PXE firmware begins, and what its server has to answer.
pub const PXE_CLIENT: &[u8] = b"PXEClient";

/// How the vendor class of HTTP boot firmware begins, and what its server has to answer.
pub const HTTP_CLIENT: &[u8] = b"HTTPClient";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_looked_for_where_makers_put_it() {
        let client = Client {
            identifier: Some(b"\0FOC2231A0B1".to_vec()),
            vendor_classes: vec![b"Juniper-ex4300-48p-PD3714460200".to_vec(), vec![0xff; 9]],
            host_name: Some("switch".to_owned()),
            ..Client::default()
        };
        let found: Vec<_> = client.serial_numbers().collect();
        assert_eq!(found, ["FOC2231A0B1", "Juniper-ex4300-48p-PD3714460200", "PD3714460200", "switch"]);
    }

    #[test]
    fn firmware_is_told_by_its_vendor_class() {
        let of = |class: &[u8]| Client { vendor_classes: vec![class.to_vec()], ..Client::default() };
        assert!(of(b"PXEClient:Arch:00007:UNDI:003000").is_pxe());
        assert!(of(b"HTTPClient:Arch:00016:UNDI:003000").is_http());
        assert!(!of(b"udhcp 1.35.0").is_pxe());
    }
}
