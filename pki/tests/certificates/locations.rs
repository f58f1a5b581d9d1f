//! Where a certificate says that its revocation can be looked up.

use rcgen::{CrlDistributionPoint, CustomExtension};

use crate::{
    revocation::der::{OCTETS, oid, seq, tlv},
    support::{Issued, ca, leaf},
};

/// uniformResourceIdentifier.
const URI: u8 = 0x86;
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
const OCSP: &str = "1.3.6.1.5.5.7.48.1";

#[test]
fn sec_04_distribution_points_and_responders_that_can_be_fetched_are_given() {
    let mut params = leaf("leaf");
    let uris = ["http://crl.example.net/ca.crl", "ldap://crl.example.net/ca", "HTTPS://crl.example.net/ca.crl"];
    let uris = uris.map(str::to_owned).to_vec();
    params.crl_distribution_points = vec![CrlDistributionPoint { uris }];
    let access = |method, uri: &str| seq(&[oid(method), tlv(URI, uri.as_bytes())]);
    let access = seq(&[access(CA_ISSUERS, "http://ca.example.net/ca.der"), access(OCSP, "http://ocsp.example.net")]);
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)];
    let certificate = Issued::root(ca("ca")).issue(params).certificate;
    let fetchable = ["http://crl.example.net/ca.crl", "HTTPS://crl.example.net/ca.crl"];
    assert_eq!(certificate.crl_distribution_points(), fetchable);
    assert_eq!(certificate.ocsp_responders(), ["http://ocsp.example.net"]);
}

#[test]
fn locations_are_bounded_and_may_be_missing_or_nonsense() {
    let issuer = Issued::root(ca("ca"));
    let plain = issuer.issue(leaf("plain")).certificate;
    assert!(plain.crl_distribution_points().is_empty() && plain.ocsp_responders().is_empty());

    let mut params = leaf("many");
    let long = format!("http://example.net/{}", "x".repeat(1024));
    let uris = (0..20).map(|number| format!("http://example.net/{number}"));
    params.crl_distribution_points = vec![CrlDistributionPoint { uris: [long].into_iter().chain(uris).collect() }];
    params.custom_extensions =
        vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], tlv(OCTETS, b"no"))];
    let many = issuer.issue(params).certificate;
    let given = many.crl_distribution_points();
    assert_eq!((given.len(), given[0].as_str()), (8, "http://example.net/0"));
    assert!(many.ocsp_responders().is_empty());
}
