//! The files of dhcpcd: the server's message as it came, `eth0.lease` and `eth0.lease6`.

use dhcp::{
    v4::{self, LeaseTime},
    v6,
};
use pki::time::Timestamp;

use super::{Lease, after};
use crate::sources::{dhcp4, dhcp6};

/// `None` for what is no message.
pub(super) fn read(octets: &[u8], written: Option<Timestamp>) -> Option<Lease> {
    if let Ok(message) = v4::Message::decode(octets) {
        let seconds = message.options.value::<LeaseTime>().ok().flatten();
        return Some(Lease {
            option: message.options.bytes(v4::OptionCode::SZTP_REDIRECT).map(|it| (143, it.to_vec())),
            expires: seconds.and_then(|it| after(written, it.0)),
            name_service: dhcp4::name_service_of(&message),
        });
    }
    let message = v6::Message::decode(octets).ok().filter(|it| it.kind == v6::MessageType::Reply)?;
    let associations = message.options.all(v6::OptionCode::IA_NA);
    let associations = associations.filter_map(|value| v6::IdentityAssociation::decode(value).ok());
    let longest = associations.flat_map(|it| it.addresses().collect::<Vec<_>>()).map(|it| it.valid).max();
    // RFC 8572 §8.2 (DHC-12): it stands once; several are as good as none.
    let option = message.options.single(v6::OptionCode::SZTP_REDIRECT).ok().flatten();
    Some(Lease {
        option: option.map(|it| (136, it.to_vec())),
        expires: longest.and_then(|seconds| after(written, seconds)),
        name_service: dhcp6::name_service_of(&message),
    })
}

#[cfg(test)]
mod tests {
    use dhcp::v4::{HardwareAddress, MacAddress, Message, Operation, OptionCode};

    use super::*;

    #[test]
    fn dhc_10_a_message_of_dhcpv4_is_read_with_its_option_joined() {
        let mut message = Message::new(Operation::Reply, HardwareAddress::ethernet(MacAddress([2; 6])));
        message.options.put(&LeaseTime(600));
        message.options.insert(OptionCode::SZTP_REDIRECT, vec![7; 364]);
        let written = Timestamp::from_unix(1_800_000_000);
        let lease = read(&message.encode(), Some(written)).unwrap();
        assert_eq!(lease.option, Some((143, vec![7; 364])));
        assert_eq!(lease.expires, Some(Timestamp::from_unix(1_800_000_600)));
        message.options.put(&LeaseTime(u32::MAX));
        assert_eq!(read(&message.encode(), Some(written)).unwrap().expires, None, "for ever");
    }

    #[test]
    fn dhc_03_a_message_of_dhcpv6_is_read() {
        let address = "2001:db8::5".parse().unwrap();
        let mut association = v6::IdentityAssociation::new(1);
        let leased = v6::LeasedAddress { address, preferred: 10, valid: 60 };
        association.options.insert(v6::OptionCode::IA_ADDRESS, leased.encode()).unwrap();
        let mut options = v6::Options::new();
        options.insert(v6::OptionCode::IA_NA, association.encode()).unwrap();
        options.insert(v6::OptionCode::SZTP_REDIRECT, *b"abc").unwrap();
        let message = v6::Message { kind: v6::MessageType::Reply, transaction: v6::TransactionId([0; 3]), options };
        let lease = read(&message.encode(), Some(Timestamp::from_unix(1_800_000_000))).unwrap();
        assert_eq!(lease.option, Some((136, b"abc".to_vec())));
        assert_eq!(lease.expires, Some(Timestamp::from_unix(1_800_000_060)));
        assert_eq!(read(b"lease {\n", None), None);
        assert_eq!(read(b"", None), None);
    }
}
