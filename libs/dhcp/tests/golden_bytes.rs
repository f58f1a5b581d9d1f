//! The bytes of option 143, written out by hand from RFC 8572 §8.3 and RFC 3396.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dhcp::{
    bootstrap_uri::{BootstrapServerUri, UriList},
    v4::{HardwareAddress, MacAddress, MaximumMessageSize, Message, MessageType, Operation, OptionCode},
};

fn list(uris: &[&str]) -> UriList {
    UriList::new(uris.iter().map(|uri| uri.parse().unwrap()).collect()).unwrap()
}

fn reply() -> Message {
    let mut message = Message::new(Operation::Reply, HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, 1])));
    message.options.put(&MessageType::Ack);
    message
}

/// DHC-02, DHC-04, DHC-06: two URIs of 30 and 21 bytes make a value of 55 bytes in one instance.
#[test]
fn dhc_04_the_short_list() {
    let value =
        [b"\x00\x1ehttps://sztp1.example.net:8443".as_slice(), b"\x00\x15https://[2001:db8::1]".as_slice()].concat();
    let uris = list(&["https://sztp1.example.net:8443", "https://[2001:db8::1]"]);
    assert_eq!(value.len(), 55);
    assert_eq!(uris.encode(), value);
    assert_eq!(UriList::decode(&value).unwrap().uris, uris);

    let mut message = reply();
    message.options.insert(OptionCode::SZTP_REDIRECT, value.clone());
    let bytes = message.encode();
    let expected = [&[53, 1, 5, 0x8f, 0x37], value.as_slice(), &[255]].concat();
    assert_eq!(&bytes[240..240 + expected.len()], expected);
}

/// DHC-10, DHC-11: a value of 364 bytes makes two instances of 255 and 109 bytes, and a URI straddles the cut.
#[test]
fn dhc_11_the_long_list() {
    let uris: Vec<BootstrapServerUri> =
        (0..13).map(|index| format!("https://sztp{index:02}.example.com").parse().unwrap()).collect();
    let uris = UriList::new(uris).unwrap();
    let value = uris.encode();
    assert_eq!(value.len(), 364);

    let mut message = reply();
    message.options.insert(OptionCode::SZTP_REDIRECT, value.clone());
    let bytes = message.encode();
    assert_eq!(bytes[243..245], [0x8f, 0xff]);
    assert_eq!(bytes[245..500], value[..255]);
    assert_eq!(bytes[500..502], [0x8f, 0x6d]);
    assert_eq!(bytes[502..611], value[255..]);

    for encoded in [bytes, message.encode_within(MaximumMessageSize::MINIMUM).unwrap()] {
        let received = Message::decode(&encoded).unwrap();
        let decoded = UriList::decode(received.options.bytes(OptionCode::SZTP_REDIRECT).unwrap()).unwrap();
        assert_eq!((decoded.uris, decoded.ignored), (uris.clone(), vec![]));
    }
}
