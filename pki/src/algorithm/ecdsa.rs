//! ECDSA where ring does not reach, and the two forms of its signatures.

use der::Encode;
use p256::ecdsa::signature::hazmat::PrehashVerifier;

use super::AlgorithmError;
use crate::key::{KeyType, PublicKey};

/// Verifies a DER signature over a digest of any length: SHA-512 on P-256 and P-384, everything on P-521.
pub(super) fn verify_digest(key: &PublicKey, digest: &[u8], signature: &[u8]) -> Result<(), AlgorithmError> {
    macro_rules! verify_on {
        ($curve:ident) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(key.subject_public_key())
                .map_err(|_| AlgorithmError::KeyMismatch)?;
            $curve::ecdsa::DerSignature::from_bytes(signature)
                .and_then(|signature| key.verify_prehash(digest, &signature))
                .map_err(|_| AlgorithmError::BadSignature)
        }};
    }

    match key.key_type() {
        KeyType::P256 => verify_on!(p256),
        KeyType::P384 => verify_on!(p384),
        KeyType::P521 => verify_on!(p521),
        _ => Err(AlgorithmError::KeyMismatch),
    }
}

/// Re-encodes a raw ECDSA signature (r ‖ s, as boot images and TPMs carry it) as the DER SEQUENCE of RFC 3279 §2.2.3.
///
/// # Errors
/// [`AlgorithmError::BadSignature`] when the length is odd or zero.
pub fn ecdsa_der_from_raw(raw: &[u8]) -> Result<Vec<u8>, AlgorithmError> {
    #[derive(der::Sequence)]
    struct EcdsaSigValue<'a> {
        r: der::asn1::UintRef<'a>,
        s: der::asn1::UintRef<'a>,
    }

    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(AlgorithmError::BadSignature);
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let value = |bytes| der::asn1::UintRef::new(bytes).map_err(|_| AlgorithmError::BadSignature);
    EcdsaSigValue { r: value(r)?, s: value(s)? }.to_der().map_err(|_| AlgorithmError::BadSignature)
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
    };

    use super::*;
    use crate::key::{FileKey, Signer};

    #[test]
    fn raw_ecdsa_becomes_der_and_verifies() {
        // RFC 3279 §2.2.3. Many, so that integers with a high first bit and with leading zeros are among them.
        let key = FileKey::generate_p256().unwrap();
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8_der(), &random).unwrap();
        for _ in 0..300 {
            let raw = pair.sign(&random, b"message").unwrap();
            let der = ecdsa_der_from_raw(raw.as_ref()).unwrap();
            key.algorithm().verify(key.public_key(), b"message", &der).unwrap();
        }
    }

    #[test]
    fn raw_ecdsa_integers_are_minimal() {
        let mut raw = [0; 64];
        (raw[31], raw[32]) = (0x7f, 0x80);
        let der = ecdsa_der_from_raw(&raw).unwrap();
        assert_eq!(der[..7], [0x30, 0x26, 0x02, 0x01, 0x7f, 0x02, 0x21]);
        assert_eq!(der[7..9], [0x00, 0x80]);
        assert_eq!(ecdsa_der_from_raw(&[]), Err(AlgorithmError::BadSignature));
        assert_eq!(ecdsa_der_from_raw(&[1, 2, 3]), Err(AlgorithmError::BadSignature));
    }
}
