//! Questions to OCSP responders (RFC 6960 §4.1), as small as they can be (RFC 5019 §2.1).

use der::{
    Encode, Sequence,
    asn1::{Any, Int, Null, OctetString},
};
use spki::AlgorithmIdentifierOwned;

use super::ocsp::{CertId, ID_SHA_1, sha1};
use crate::certificate::Certificate;

/// OCSPRequest: unsigned.
#[derive(Sequence)]
struct Outer {
    request: Tbs,
}

#[derive(Sequence)]
struct Tbs {
    list: Vec<Single>,
}

#[derive(Sequence)]
struct Single {
    certificate: CertId,
}

/// The question whether `certificate`, which `issuer` issued, is revoked: DER, to be posted as `application/ocsp-request`
/// (RFC 6960 appendix A.1). It holds no nonce, since many responders make their answers before they are asked; how old one
/// may be is judged when it is used. SHA-1 names the issuer, as every responder understands it, and secures nothing.
/// `None` when the certificate's own parts cannot be encoded.
#[must_use]
pub fn ocsp_request(certificate: &Certificate, issuer: &Certificate) -> Option<Vec<u8>> {
    let parameters = Any::encode_from(&Null).ok()?;
    let octets = |bytes: &[u8]| OctetString::new(sha1(bytes)).ok();
    let certificate = CertId {
        hash: AlgorithmIdentifierOwned { oid: ID_SHA_1, parameters: Some(parameters) },
        issuer_name_hash: octets(&certificate.issuer().to_der().ok()?)?,
        issuer_key_hash: octets(issuer.public_key().subject_public_key())?,
        serial: Int::new(certificate.certificate_serial()).ok()?,
    };
    Outer { request: Tbs { list: vec![Single { certificate }] } }.to_der().ok()
}
