//! What a request is to say (RFC 7030 §4.5; RFC 8951 §3.5).

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::rpc::KeyAlgorithm;
use der::{
    Any, Decode, Encode,
    asn1::{ObjectIdentifier, SetOfVec},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;

/// Writes the keys that are taken, the best first, as a body: each as an attribute of the algorithm's identifier, whose value, if
/// it has one, is the curve (RFC 7030 §4.5.2).
///
/// # Errors
/// Of the encoder, for an algorithm whose parameters cannot be written.
pub fn csr_attributes(keys: &[KeyAlgorithm]) -> Result<String, der::Error> {
    let entries = keys.iter().map(|key| {
        let algorithm = AlgorithmIdentifierOwned::from_der(key.der())?;
        match algorithm.parameters.as_ref().and_then(|it| it.decode_as::<ObjectIdentifier>().ok()) {
            Some(curve) => {
                let values = SetOfVec::try_from(vec![Any::from(curve)])?;
                Any::encode_from(&Attribute { oid: algorithm.oid, values })
            }
            // RFC 8951 §3.5: an identifier alone stands without an attribute around it.
            None => Ok(Any::from(algorithm.oid)),
        }
    });
    Ok(STANDARD.encode(entries.collect::<Result<Vec<_>, _>>()?.to_der()?))
}
