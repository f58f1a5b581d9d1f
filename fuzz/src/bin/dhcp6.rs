//! DHCPv6 options: what is read can be written, and an option that may stand once does.
#![no_main]

use dhcp::{
    bootstrap_uri::UriList,
    v6::{OptionCode, OptionRequest, Options},
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
    vec![once, options.encode(), request.encode()]
}

fn check(bytes: &[u8]) {
    if let Ok(request) = OptionRequest::decode(bytes) {
        assert_eq!(OptionRequest::decode(&request.encode()).as_ref().ok(), Some(&request));
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
