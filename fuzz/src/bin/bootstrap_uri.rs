//! The URI lists of DHCP options 143 and 136: what is usable is usable again.
#![no_main]

use dhcp::bootstrap_uri::{AcceptedForms, BootstrapServerUri, FieldForm, UriList, recognise};
use fuzz::Seed;

fuzz::target!(seeds, check);

const URIS: [&str; 4] =
    ["https://bootstrap.example.com", "https://192.0.2.1:8443", "https://[2001:db8::1]:9443", "https://a.b.c.example"];

fn seeds() -> Vec<Seed> {
    let list = |uris: &[&str]| {
        UriList::new(uris.iter().map(|uri| uri.parse().expect("a URI")).collect()).expect("a list").encode()
    };
    let mut seeds = vec![list(&URIS), list(&URIS[2..3])];
    seeds.extend(URIS.map(|uri| uri.as_bytes().to_vec()));
    // One server in every form that can name it.
    for uri in URIS {
        let one = UriList::from(uri.parse::<BootstrapServerUri>().expect("a URI"));
        seeds.extend(FieldForm::ALL.iter().filter_map(|form| form.encode(&one).ok()));
    }
    seeds
}

fn check(bytes: &[u8]) {
    if let Ok(decoded) = UriList::decode(bytes) {
        let again = UriList::decode(&decoded.uris.encode()).expect("what was encoded");
        assert_eq!(again.uris, decoded.uris);
        assert!(again.ignored.is_empty());
    }
    // DHC-15: no form but the standard's is read unless it was named.
    if let Some(read) = recognise(bytes)
        && !read.is_standard()
    {
        assert!(AcceptedForms::STRICT.decode(bytes).is_err());
        assert_eq!(AcceptedForms::STRICT.and(read.form).decode(bytes).as_ref(), Ok(&read));
        if let Ok(written) = read.form.encode(&read.list.uris) {
            let again = AcceptedForms::STRICT.and(read.form).decode(&written).expect("what was written");
            assert_eq!(again.list.uris, read.list.uris);
        }
    }
    if let Ok(uri) = String::from_utf8_lossy(bytes).parse::<BootstrapServerUri>() {
        assert_eq!(uri.to_string().parse().as_ref(), Ok(&uri));
    }
}
