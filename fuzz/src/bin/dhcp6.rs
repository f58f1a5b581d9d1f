//! DHCPv6 messages and options, and lists of domains: what is read can be written, and an option that may stand once does.
#![no_main]

use dhcp::{
    bootstrap_uri::UriList,
    domain_names::{self, Pointers},
    v6::{IdentityAssociation, LeasedAddress, Message, OptionCode, OptionRequest, Options, StatusCode, addresses},
};
use fuzz::Seed;

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    let uris = vec!["https://bootstrap.example.com:8443".parse().expect("a URI"); 1];
    let list = UriList::new(uris).expect("a list").encode();
    let mut options = Options::new();
    let request = OptionRequest(vec![OptionCode(23), OptionCode::SZTP_REDIRECT]);
    options.insert(OptionCode::OPTION_REQUEST, request.encode()).expect("a short value");
    options.insert(OptionCode::SZTP_REDIRECT, list.clone()).expect("a short value");
    let once = options.encode();
    options.insert(OptionCode::SZTP_REDIRECT, list).expect("a short value");
    let twice = options.encode();
    let leased = LeasedAddress { address: "2001:db8::5".parse().expect("an address"), preferred: 300, valid: 600 };
    let mut association = IdentityAssociation::new(1);
    association.options.insert(OptionCode::IA_ADDRESS, leased.encode()).expect("a short value");
    options.insert(OptionCode::IA_NA, association.encode()).expect("a short value");
    let reply = [&[7, 1, 2, 3][..], &options.encode()].concat();
    let names = b"\x03eng\x07example\x03com\x00\x05sales\xc0\x04".to_vec();
    vec![once, twice, request.encode(), reply, association.encode(), names]
}

fn check(bytes: &[u8]) {
    if let Ok(request) = OptionRequest::decode(bytes) {
        assert_eq!(OptionRequest::decode(&request.encode()).as_ref().ok(), Some(&request));
    }
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
    if let Ok(association) = IdentityAssociation::decode(bytes) {
        assert_eq!(association.encode(), bytes);
        let _status: Result<StatusCode, _> = StatusCode::of(&association.options);
        for leased in association.addresses() {
            assert_eq!(LeasedAddress::decode(&leased.encode()).as_ref().ok(), Some(&leased));
        }
    }
    drop(addresses(OptionCode::DNS_SERVERS, bytes));
    for pointers in [Pointers::Followed, Pointers::Refused] {
        let names = domain_names::decode(bytes, pointers);
        assert!(names.len() <= domain_names::MAXIMUM);
        assert_eq!(domain_names::decode(&domain_names::encode(&names), Pointers::Refused), names);
    }
    let Ok(options) = Options::decode(bytes) else { return };
    assert_eq!(options.encode(), bytes);
    for (code, value) in options.iter() {
        // DHC-12.
        match options.single(code) {
            Ok(single) => assert_eq!((single, options.all(code).count()), (Some(value), 1)),
            Err(_) => assert!(options.all(code).count() > 1),
        }
        drop(UriList::decode(value));
    }
}
