//! Keys, signatures and certificates against OpenSSL, both ways.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::SystemTime;

use interop_tests::{
    need,
    openssl::{KeyKind, Role, Workshop},
};
use pki::{
    algorithm::{AlgorithmError, SignatureAlgorithm, verify_pss_any_salt},
    digest::HashAlgorithm,
    key::{PublicKey, Signer},
    path::{self, Policy, Purpose},
    time::{Clock, Timestamp},
};

const MESSAGE: &[u8] = b"a message";

/// A folder with the file `message` and a key `it.key` of this kind, and its public half as we read it.
fn prepare(workshop: &Workshop, kind: KeyKind) -> PublicKey {
    workshop.write("message", MESSAGE).unwrap();
    workshop.make_key("it", kind).unwrap();
    let public = workshop.openssl(&["pkey", "-in", "it.key", "-pubout"]).unwrap();
    workshop.write("it.pub", &public).unwrap();
    PublicKey::from_pem(&public).unwrap()
}

/// `openssl dgst`, or `pkeyutl` for Ed25519, which hashes by itself.
fn signed_by_openssl(workshop: &Workshop, kind: KeyKind, digest: &str, options: &[&str]) -> Vec<u8> {
    let arguments: &[&str] = match kind {
        KeyKind::Ed25519 => &["pkeyutl", "-sign", "-rawin", "-inkey", "it.key", "-in", "message"],
        _ => &["dgst", digest, "-sign", "it.key"],
    };
    let message: &[&str] = if kind == KeyKind::Ed25519 { &[] } else { &["message"] };
    workshop.openssl(&[arguments, options, message].concat()).unwrap()
}

#[test]
fn we_verify_what_openssl_signed() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for (kind, digest, algorithm) in [
        (KeyKind::P256, "-sha256", SignatureAlgorithm::EcdsaSha256),
        (KeyKind::P256, "-sha384", SignatureAlgorithm::EcdsaSha384),
        (KeyKind::P384, "-sha384", SignatureAlgorithm::EcdsaSha384),
        (KeyKind::P384, "-sha256", SignatureAlgorithm::EcdsaSha256),
        (KeyKind::Rsa2048, "-sha256", SignatureAlgorithm::RsaPkcs1Sha256),
        (KeyKind::Rsa2048, "-sha384", SignatureAlgorithm::RsaPkcs1Sha384),
        (KeyKind::Rsa2048, "-sha512", SignatureAlgorithm::RsaPkcs1Sha512),
        (KeyKind::Ed25519, "", SignatureAlgorithm::Ed25519),
    ] {
        let key = prepare(&workshop, kind);
        let mut signature = signed_by_openssl(&workshop, kind, digest, &[]);
        algorithm.verify(&key, MESSAGE, &signature).unwrap();
        assert_eq!(algorithm.verify(&key, b"another", &signature), Err(AlgorithmError::BadSignature), "{kind:?}");
        *signature.last_mut().unwrap() ^= 1;
        assert_eq!(algorithm.verify(&key, MESSAGE, &signature), Err(AlgorithmError::BadSignature), "{kind:?}");
    }
}

#[test]
fn openssl_verifies_what_we_signed() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for (kind, arguments) in [
        (KeyKind::P256, &["dgst", "-sha256", "-verify", "it.pub", "-signature", "signature", "message"][..]),
        (KeyKind::P384, &["dgst", "-sha384", "-verify", "it.pub", "-signature", "signature", "message"]),
        (KeyKind::Rsa2048, &["dgst", "-sha256", "-verify", "it.pub", "-signature", "signature", "message"]),
        (
            KeyKind::Ed25519,
            &["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "it.pub", "-in", "message", "-sigfile", "signature"],
        ),
    ] {
        let public = prepare(&workshop, kind);
        let key = workshop.key("it").unwrap();
        assert_eq!(key.public_key(), &public, "{kind:?}");
        workshop.write("signature", &key.sign(MESSAGE).unwrap()).unwrap();
        workshop.openssl(arguments).unwrap();
        workshop.write("signature", &key.sign(b"another").unwrap()).unwrap();
        assert!(workshop.openssl(arguments).is_err(), "{kind:?}");
    }
}

#[test]
fn pss_signatures_verify_whatever_their_salts_length() {
    // mkimage makes salts as long as the key allows: 222 octets with RSA-2048 and SHA-256.
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let key = prepare(&workshop, KeyKind::Rsa2048);
    for (digest, hash, longest) in [
        ("-sha256", HashAlgorithm::Sha256, 222),
        ("-sha384", HashAlgorithm::Sha384, 206),
        ("-sha512", HashAlgorithm::Sha512, 190),
    ] {
        for salt in [0, 20, 32, longest] {
            let salt = format!("rsa_pss_saltlen:{salt}");
            let options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", &salt];
            let mut signature = signed_by_openssl(&workshop, KeyKind::Rsa2048, digest, &options);
            verify_pss_any_salt(hash, &key, MESSAGE, &signature).unwrap();
            let refused = verify_pss_any_salt(hash, &key, b"another", &signature);
            assert_eq!(refused, Err(AlgorithmError::BadSignature), "{digest} {salt}");
            *signature.last_mut().unwrap() ^= 1;
            let refused = verify_pss_any_salt(hash, &key, MESSAGE, &signature);
            assert_eq!(refused, Err(AlgorithmError::BadSignature), "{digest} {salt}");
        }
    }
    // The two paddings are not taken for one another.
    let pkcs1 = signed_by_openssl(&workshop, KeyKind::Rsa2048, "-sha256", &[]);
    let refused = verify_pss_any_salt(HashAlgorithm::Sha256, &key, MESSAGE, &pkcs1);
    assert_eq!(refused, Err(AlgorithmError::BadSignature));
}

#[test]
fn short_rsa_keys_are_refused() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    workshop.write("message", MESSAGE).unwrap();
    let short = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "it.key"];
    workshop.openssl(&short).unwrap();
    let key = PublicKey::from_pem(&workshop.openssl(&["pkey", "-in", "it.key", "-pubout"]).unwrap()).unwrap();
    let signature = signed_by_openssl(&workshop, KeyKind::Rsa2048, "-sha256", &[]);
    assert!(SignatureAlgorithm::RsaPkcs1Sha256.verify(&key, MESSAGE, &signature).is_err());
    let pss = signed_by_openssl(&workshop, KeyKind::Rsa2048, "-sha256", &["-sigopt", "rsa_padding_mode:pss"]);
    let refused = verify_pss_any_salt(HashAlgorithm::Sha256, &key, MESSAGE, &pss);
    assert_eq!(refused, Err(AlgorithmError::KeyMismatch));
    assert!(workshop.key("it").is_err());
}

#[test]
fn chains_of_openssl_validate() {
    let openssl = need!("openssl");
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Ed25519] {
        let workshop = Workshop::new(openssl.clone()).unwrap();
        workshop.self_sign("root", kind, Role::Ca).unwrap();
        workshop.issue("root", "ca", kind, Role::Ca).unwrap();
        workshop.issue("ca", "leaf", kind, Role::EndEntity).unwrap();
        workshop.issue("leaf", "impossible", kind, Role::EndEntity).unwrap();
        // Read after the certificates were made, which are valid from that second on.
        let clock = Clock::Trusted(Timestamp::from_system(SystemTime::now()));
        let policy = Policy { clock, purpose: Purpose::Signing, accepted_critical: &[] };
        let certificate = |name| workshop.certificate(name).unwrap();
        let bag = [certificate("ca"), certificate("leaf")];
        let judge = |name| path::validate(&certificate(name), &bag, &[certificate("root")], &policy);
        assert_eq!(judge("leaf").unwrap().certificates().len(), 3, "{kind:?}");
        assert!(judge("impossible").is_err(), "an end entity issued it");
        assert!(workshop.openssl(&["verify", "-CAfile", "root.pem", "-untrusted", "ca.pem", "leaf.pem"]).is_ok());
    }
}
