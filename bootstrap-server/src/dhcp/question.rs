//! Questions about DHCP clients, read once into checked values.

use std::{fmt::Display, net::IpAddr, str::FromStr};

use dhcp::v4::{Architecture, MacAddress};
use netboot::explain::Question;
use operator_api::DhcpQuestion;

use super::ExplainError;
use crate::domain::Uuid;

/// Longest text of a question, in octets.
const MAX_TEXT: usize = 255;
/// Most entries of a list.
const MAX_LIST: usize = 64;

/// Checks what was asked.
pub(super) fn checked(asked: &DhcpQuestion) -> Result<Question, ExplainError> {
    let uuid: Option<Uuid> = parsed("uuid", asked.uuid.as_deref())?;
    let mac: Option<crate::domain::MacAddress> = parsed("mac", asked.mac.as_deref())?;
    let subnet = asked.subnet.as_deref().map(|text| text.split_once('/').map_or(text, |(address, _)| address));
    let host_name = asked.host_name.as_deref().map(|name| octets("host-name", name)).transpose()?;
    Ok(Question {
        mac: mac.map(|mac| MacAddress(mac.0)),
        uuid: uuid.map(Uuid::octets),
        identifier: asked.client_identifier.as_deref().map(|text| octets("client-identifier", text)).transpose()?,
        vendor_class: asked.vendor_class.as_deref().map(|text| octets("vendor-class", text)).transpose()?,
        enterprise: asked.enterprise,
        user_class: asked.user_class.as_deref().map(|text| octets("user-class", text)).transpose()?,
        architectures: list("architecture", asked.architecture.as_deref())?.into_iter().map(Architecture).collect(),
        relay: parsed::<IpAddr>("relay", asked.relay.as_deref())?,
        circuit_id: asked.circuit_id.as_deref().map(|text| octets("circuit-id", text)).transpose()?,
        remote_id: asked.remote_id.as_deref().map(|text| octets("remote-id", text)).transpose()?,
        subscriber_id: asked.subscriber_id.as_deref().map(|text| octets("subscriber-id", text)).transpose()?,
        host_name: host_name.and_then(|name| String::from_utf8(name).ok()),
        subnet: parsed("subnet", subnet)?,
        asks: list("asks", asked.asks.as_deref())?,
    })
}

fn wrong(member: &'static str, because: &dyn Display) -> ExplainError {
    ExplainError::Question { member, because: because.to_string() }
}

fn parsed<T: FromStr<Err: Display>>(member: &'static str, text: Option<&str>) -> Result<Option<T>, ExplainError> {
    text.map(|text| text.trim().parse().map_err(|error| wrong(member, &error))).transpose()
}

fn list(member: &'static str, text: Option<&str>) -> Result<Vec<u16>, ExplainError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    if text.split(',').count() > MAX_LIST {
        return Err(wrong(member, &format_args!("at most {MAX_LIST}")));
    }
    let each = text.split(',').map(|number| number.trim().parse());
    each.collect::<Result<_, _>>().map_err(|_| wrong(member, &"takes numbers up to 65535, separated by commas"))
}

/// A text, or octets in hexadecimal behind `0x`.
fn octets(member: &'static str, text: &str) -> Result<Vec<u8>, ExplainError> {
    let octets = match text.strip_prefix("0x") {
        None => text.as_bytes().to_vec(),
        Some(digits) => {
            let digits: Vec<u8> = digits.bytes().filter(|digit| !b":- ".contains(digit)).collect();
            let pairs = digits.chunks(2).map(|pair| {
                let pair = std::str::from_utf8(pair).ok().filter(|it| it.len() == 2 && !it.starts_with('+'))?;
                u8::from_str_radix(pair, 16).ok()
            });
            pairs.collect::<Option<_>>().ok_or_else(|| wrong(member, &"0x is followed by pairs of hex digits"))?
        }
    };
    if (1..=MAX_TEXT).contains(&octets.len()) {
        Ok(octets)
    } else {
        Err(wrong(member, &format_args!("takes 1 to {MAX_TEXT} octets")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_octets_lists_and_addresses_are_read() {
        let asked = DhcpQuestion {
            mac: Some("0200.5e10.0001".replace('.', "")),
            uuid: Some("123E4567-E89B-12D3-A456-426614174000".to_owned()),
            client_identifier: Some("0x01:02 ff".to_owned()),
            vendor_class: Some("PXEClient".to_owned()),
            architecture: Some("7, 9".to_owned()),
            subnet: Some("192.0.2.0/24".to_owned()),
            relay: Some("2001:db8::1".to_owned()),
            ..DhcpQuestion::default()
        };
        let question = checked(&asked).unwrap();
        assert_eq!(question.mac, Some(MacAddress([2, 0, 0x5e, 0x10, 0, 1])));
        assert_eq!(question.identifier, Some(vec![1, 2, 255]));
        assert_eq!(question.architectures, [Architecture(7), Architecture(9)]);
        assert_eq!(question.subnet, Some(IpAddr::from([192, 0, 2, 0])));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (asked, member) in [
            (DhcpQuestion { mac: Some("02".to_owned()), ..DhcpQuestion::default() }, "mac: a MAC address is six pairs"),
            (DhcpQuestion { uuid: Some("x".to_owned()), ..DhcpQuestion::default() }, "uuid: "),
            (DhcpQuestion { vendor_class: Some("0x1".to_owned()), ..DhcpQuestion::default() }, "vendor-class: 0x"),
            (DhcpQuestion { vendor_class: Some(String::new()), ..DhcpQuestion::default() }, "vendor-class: takes 1"),
            (DhcpQuestion { architecture: Some("7,x".to_owned()), ..DhcpQuestion::default() }, "architecture: "),
            (DhcpQuestion { asks: Some("1,".repeat(99)), ..DhcpQuestion::default() }, "asks: at most 64"),
            (DhcpQuestion { relay: Some("here".to_owned()), ..DhcpQuestion::default() }, "relay: "),
        ] {
            let refused = checked(&asked).unwrap_err().to_string();
            assert!(refused.starts_with(member), "{refused}");
        }
    }
}
