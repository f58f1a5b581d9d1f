//! The bytes of options 143 and 136, written out by hand from RFC 8572 §8.3 and RFC 3396.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dhcp::{
    bootstrap_uri::{BootstrapServerUri, UriList},
    v4::{HardwareAddress, MacAddress, MaximumMessageSize, Message, MessageType, Operation, OptionCode},
    v6,
};

fn list<T: AsRef<str>>(uris: &[T]) -> UriList {
    UriList::new(uris.iter().map(|uri| uri.as_ref().parse().unwrap()).collect()).unwrap()
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

/// DHC-10: the same value over all three fields, cut so that a URI straddles each cut; the field order decides, not the
/// order in the packet, where `sname` stands first.
#[test]
fn dhc_10_the_long_list_over_options_file_and_sname() {
    let uris = list(&(0..13).map(|index| format!("https://sztp{index:02}.example.com")).collect::<Vec<_>>());
    let value = uris.encode();
    assert_eq!(value.len(), 364);
    let (in_options, in_file, in_sname) = (&value[..200], &value[200..320], &value[320..]);
    assert!([200, 320].into_iter().all(|cut| cut % 28 != 0), "every entry has 28 bytes");

    let mut bytes = reply().encode();
    bytes.truncate(240);
    bytes.extend([53, 1, 5, 52, 1, 3, 143, 150]);
    bytes.extend(&in_options[..150]);
    bytes.extend([143, 50]);
    bytes.extend(&in_options[150..]);
    bytes.push(255);
    let file = [&[143, 120], in_file, &[255]].concat();
    bytes[108..108 + file.len()].copy_from_slice(&file);
    let sname = [&[143, 44], in_sname, &[255]].concat();
    bytes[44..44 + sname.len()].copy_from_slice(&sname);

    let received = Message::decode(&bytes).unwrap();
    assert_eq!(received.options.bytes(OptionCode::SZTP_REDIRECT), Some(&value[..]));
    assert_eq!(UriList::decode(&value).unwrap().uris, uris);
}

/// DHC-11: the two instances in full, as the wire has them; the cut at 255 falls inside the tenth URI.
#[test]
fn dhc_11_the_cut_falls_inside_a_uri() {
    let uris = list(&(0..13).map(|index| format!("https://sztp{index:02}.example.com")).collect::<Vec<_>>());
    let mut message = reply();
    message.options.insert(OptionCode::SZTP_REDIRECT, uris.encode());
    let bytes = message.encode();
    let mut expected = vec![0x8f, 0xff];
    expected.extend((0..9).flat_map(|index| format!("\0\x1ahttps://sztp{index:02}.example.com").into_bytes()));
    expected.extend(b"\0\x1a");
    expected.push(b'h');
    expected.extend([0x8f, 0x6d]);
    expected.extend(b"ttps://sztp09.example.com");
    expected.extend((10..13).flat_map(|index| format!("\0\x1ahttps://sztp{index:02}.example.com").into_bytes()));
    expected.push(0xff);
    assert_eq!(&bytes[243..243 + expected.len()], expected);
}

/// DHC-03: the short list as DHCPv6 carries it, `00 88 00 37` and the same value; DHC-12: once.
#[test]
fn dhc_03_option_136_of_dhcpv6() {
    let uris = list(&["https://sztp1.example.net:8443", "https://[2001:db8::1]"]);
    let mut options = v6::Options::new();
    options.insert(v6::OptionCode::SZTP_REDIRECT, uris.encode()).unwrap();
    let value = b"\x00\x1ehttps://sztp1.example.net:8443\x00\x15https://[2001:db8::1]";
    let expected = [&[0x00, 0x88, 0x00, 0x37], value.as_slice()].concat();
    assert_eq!(options.encode(), expected);
    let received = v6::Options::decode(&expected).unwrap();
    assert_eq!(received.single(v6::OptionCode::SZTP_REDIRECT), Ok(Some(value.as_slice())));

    // A value longer than 255 bytes is one option all the same: RFC 3396 is for DHCPv4.
    let long = list(&(0..13).map(|index| format!("https://sztp{index:02}.example.com")).collect::<Vec<_>>());
    options.insert(v6::OptionCode::SZTP_REDIRECT, long.encode()).unwrap();
    assert_eq!(options.encode()[..4], [0x00, 0x88, 0x01, 0x6c]);
    assert_eq!(options.encode().len(), 368);
}
