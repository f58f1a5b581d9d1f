//! Keys, signatures and certificates against OpenSSL, both ways.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::SystemTime;

use interop_tests::{
    need,
    openssl::{KeyKind, Role, Workshop},
};
use pki::{
    algorithm::{AlgorithmError, PssParameters, SignatureAlgorithm, verify_pss_any_salt},
    certificate::Certificate,
    digest::HashAlgorithm,
    key::{FileKey, KeyError, KeyType, PublicKey, Signer},
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

/// The three digests, with their names on OpenSSL's command line and their lengths in octets.
const DIGESTS: [(&str, HashAlgorithm, u16); 3] = [
    ("-sha256", HashAlgorithm::Sha256, 32),
    ("-sha384", HashAlgorithm::Sha384, 48),
    ("-sha512", HashAlgorithm::Sha512, 64),
];

const fn ecdsa(hash: HashAlgorithm) -> SignatureAlgorithm {
    match hash {
        HashAlgorithm::Sha256 => SignatureAlgorithm::EcdsaSha256,
        HashAlgorithm::Sha384 => SignatureAlgorithm::EcdsaSha384,
        HashAlgorithm::Sha512 => SignatureAlgorithm::EcdsaSha512,
    }
}

const fn pkcs1(hash: HashAlgorithm) -> SignatureAlgorithm {
    match hash {
        HashAlgorithm::Sha256 => SignatureAlgorithm::RsaPkcs1Sha256,
        HashAlgorithm::Sha384 => SignatureAlgorithm::RsaPkcs1Sha384,
        HashAlgorithm::Sha512 => SignatureAlgorithm::RsaPkcs1Sha512,
    }
}

/// The signature verifies, and neither over another message nor with a changed octet anywhere near its end.
fn check(algorithm: SignatureAlgorithm, key: &PublicKey, mut signature: Vec<u8>) {
    algorithm.verify(key, MESSAGE, &signature).unwrap();
    assert_eq!(algorithm.verify(key, b"another", &signature), Err(AlgorithmError::BadSignature), "{algorithm:?}");
    *signature.last_mut().unwrap() ^= 1;
    assert_eq!(algorithm.verify(key, MESSAGE, &signature), Err(AlgorithmError::BadSignature), "{algorithm:?}");
}

#[test]
fn we_verify_what_openssl_signed() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048, KeyKind::Rsa3072] {
        let key = prepare(&workshop, kind);
        for (digest, hash, _) in DIGESTS {
            let algorithm = if key.key_type() == KeyType::Rsa { pkcs1(hash) } else { ecdsa(hash) };
            check(algorithm, &key, signed_by_openssl(&workshop, kind, digest, &[]));
        }
    }
    let key = prepare(&workshop, KeyKind::Ed25519);
    check(SignatureAlgorithm::Ed25519, &key, signed_by_openssl(&workshop, KeyKind::Ed25519, "", &[]));
}

/// `openssl dgst` says yes to the signature over the message, and no to one over another.
fn openssl_verifies(workshop: &Workshop, key: &FileKey) {
    let digest = match key.algorithm().hash() {
        HashAlgorithm::Sha256 => "-sha256",
        HashAlgorithm::Sha384 => "-sha384",
        HashAlgorithm::Sha512 => "-sha512",
    };
    let verify = ["dgst", digest, "-verify", "it.pub", "-signature", "signature"];
    let arguments: &[&str] = match key.algorithm() {
        SignatureAlgorithm::Ed25519 => {
            &["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "it.pub", "-in", "message", "-sigfile", "signature"]
        }
        // The salt is as long as the digest.
        SignatureAlgorithm::RsaPss(_) => {
            let padding = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1", "message"];
            &[&verify[..], &padding].concat()
        }
        _ => &[&verify[..], &["message"]].concat(),
    };
    workshop.write("signature", &key.sign(MESSAGE).unwrap()).unwrap();
    workshop.openssl(arguments).unwrap();
    workshop.write("signature", &key.sign(b"another").unwrap()).unwrap();
    assert!(workshop.openssl(arguments).is_err(), "{key:?}");
}

#[test]
fn openssl_verifies_what_we_signed() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Rsa2048,
        KeyKind::Rsa3072,
        KeyKind::RsaPss,
        KeyKind::RsaPssSha256,
        KeyKind::Ed25519,
    ] {
        let public = prepare(&workshop, kind);
        let key = workshop.key("it").unwrap();
        assert_eq!(key.public_key(), &public, "{kind:?}");
        openssl_verifies(&workshop, &key);
    }
}

#[test]
fn openssl_verifies_what_an_rsa_key_signs_with_each_padding_and_digest() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    prepare(&workshop, KeyKind::Rsa2048);
    for (_, hash, _) in DIGESTS {
        for algorithm in [pkcs1(hash), SignatureAlgorithm::RsaPss(PssParameters::new(hash))] {
            let key = workshop.key("it").unwrap().with_algorithm(algorithm).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            check(algorithm, key.public_key(), key.sign(MESSAGE).unwrap());
            openssl_verifies(&workshop, &key);
        }
    }
    // What it does not do.
    for algorithm in [
        SignatureAlgorithm::EcdsaSha256,
        SignatureAlgorithm::Ed25519,
        SignatureAlgorithm::RsaPss(PssParameters { hash: HashAlgorithm::Sha256, salt_length: 20 }),
    ] {
        let refused = workshop.key("it").unwrap().with_algorithm(algorithm).unwrap_err();
        assert_eq!(refused, KeyError::Algorithm, "{algorithm:?}");
    }
}

#[test]
fn pss_signatures_verify_with_the_salt_that_their_parameters_name_and_no_other() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let key = prepare(&workshop, KeyKind::Rsa2048);
    for (digest, hash, length) in DIGESTS {
        // None, the default, as long as the digest, and the longest.
        for salt_length in [0, 20, length, 256 - 2 - length] {
            let salt = format!("rsa_pss_saltlen:{salt_length}");
            let options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", &salt];
            let signature = signed_by_openssl(&workshop, KeyKind::Rsa2048, digest, &options);
            let algorithm = |salt_length| SignatureAlgorithm::RsaPss(PssParameters { hash, salt_length });
            for other in [salt_length + 1, salt_length.wrapping_sub(1), u16::MAX] {
                let refused = algorithm(other).verify(&key, MESSAGE, &signature);
                assert_eq!(refused, Err(AlgorithmError::BadSignature), "{digest} {salt_length} {other}");
            }
            assert_eq!(pkcs1(hash).verify(&key, MESSAGE, &signature), Err(AlgorithmError::BadSignature));
            check(algorithm(salt_length), &key, signature);
        }
    }
}

#[test]
fn a_key_for_pss_alone_is_good_for_nothing_else() {
    // RFC 4055 §1.2 and §3.3.
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let pss = |hash, salt_length| SignatureAlgorithm::RsaPss(PssParameters { hash, salt_length });
    for (kind, restricted) in [(KeyKind::RsaPss, false), (KeyKind::RsaPssSha256, true)] {
        let key = prepare(&workshop, kind);
        assert_eq!(key.key_type(), KeyType::RsaPss);
        let longest = signed_by_openssl(&workshop, kind, "-sha256", &["-sigopt", "rsa_pss_saltlen:max"]);
        check(pss(HashAlgorithm::Sha256, 222), &key, longest);
        // The same key as plain RSA: openssl refuses to sign with the other padding, and we to verify it.
        let zeros = [0; 256];
        let refused = SignatureAlgorithm::RsaPkcs1Sha256.verify(&key, MESSAGE, &zeros);
        assert_eq!(refused, Err(AlgorithmError::KeyMismatch));
        let refused = verify_pss_any_salt(HashAlgorithm::Sha256, &key, MESSAGE, &zeros);
        assert_eq!(refused, Err(AlgorithmError::KeyMismatch));
        let private = workshop.key("it").unwrap();
        let refused = private.with_algorithm(SignatureAlgorithm::RsaPkcs1Sha256).unwrap_err();
        assert_eq!(refused, KeyError::Algorithm);
        for (hash, salt_length) in [(HashAlgorithm::Sha256, 31), (HashAlgorithm::Sha512, 64)] {
            let expected = if restricted { AlgorithmError::KeyMismatch } else { AlgorithmError::BadSignature };
            assert_eq!(pss(hash, salt_length).verify(&key, MESSAGE, &zeros), Err(expected), "{kind:?} {hash:?}");
        }
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
    let refused = SignatureAlgorithm::RsaPkcs1Sha256.verify(&key, MESSAGE, &signature);
    assert_eq!(refused, Err(AlgorithmError::RsaTooShort(1024)));
    let pss = signed_by_openssl(&workshop, KeyKind::Rsa2048, "-sha256", &["-sigopt", "rsa_padding_mode:pss"]);
    let refused = verify_pss_any_salt(HashAlgorithm::Sha256, &key, MESSAGE, &pss);
    assert_eq!(refused, Err(AlgorithmError::RsaTooShort(1024)));
    let pem = workshop.read("it.key").unwrap();
    assert_eq!(FileKey::from_pem(&pem).unwrap_err(), KeyError::RsaTooShort(1024));
}

#[test]
fn chains_of_openssl_validate() {
    let openssl = need!("openssl");
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Rsa2048,
        KeyKind::RsaPss,
        KeyKind::RsaPssSha256,
        KeyKind::Ed25519,
    ] {
        let workshop = Workshop::new(openssl.clone()).unwrap();
        workshop.self_sign("root", kind, Role::Ca).unwrap();
        workshop.issue("root", "ca", kind, Role::Ca).unwrap();
        workshop.issue("ca", "leaf", kind, Role::EndEntity).unwrap();
        workshop.issue("leaf", "impossible", kind, Role::EndEntity).unwrap();
        // Read after the certificates were made, which are valid from that second on.
        let clock = Clock::Trusted(Timestamp::from_system(SystemTime::now()));
        let policy = Policy::new(clock, Purpose::Signing);
        let certificate = |name| workshop.certificate(name).unwrap();
        let bag = [certificate("ca"), certificate("leaf")];
        let judge = |name| path::validate(&certificate(name), &bag, &[certificate("root")], &policy);
        assert_eq!(judge("leaf").unwrap().certificates().len(), 3, "{kind:?}");
        assert!(judge("impossible").is_err(), "an end entity issued it");
        assert!(workshop.openssl(&["verify", "-CAfile", "root.pem", "-untrusted", "ca.pem", "leaf.pem"]).is_ok());
    }
}

/// A self-signed certificate for the key `it.key`.
fn certify(workshop: &Workshop, options: &[&str]) -> Certificate {
    let request = ["req", "-x509", "-new", "-config", "openssl.cnf", "-extensions", "ca", "-subj", "/CN=it"];
    let der = workshop.openssl(&[&request[..], &["-key", "it.key", "-outform", "DER"], options].concat()).unwrap();
    Certificate::from_der(&der).unwrap()
}

#[test]
fn certificates_signed_with_pss_verify_with_whatever_salt_they_name() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let key = prepare(&workshop, KeyKind::Rsa2048);
    for (digest, _, _) in DIGESTS {
        for salt in [&[][..], &["-sigopt", "rsa_pss_saltlen:20"], &["-sigopt", "rsa_pss_saltlen:-1"]] {
            let options = [&[digest, "-sigopt", "rsa_padding_mode:pss"][..], salt].concat();
            let certificate = certify(&workshop, &options);
            certificate.verify_signature(&key).unwrap();
            // And what it names is written as it stands there.
            let named = certificate.as_x509().signature_algorithm();
            assert_eq!(&SignatureAlgorithm::from_identifier(named).unwrap().identifier(), named);
        }
    }
    let other_mask = ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_mgf1_md:sha512"];
    let refused = certify(&workshop, &other_mask).verify_signature(&key).unwrap_err();
    assert!(matches!(refused, AlgorithmError::Parameters(_)), "{refused}");
}

#[test]
fn art_30_weak_signatures_by_openssl_are_refused_by_name() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let pss = ["-sigopt", "rsa_padding_mode:pss"];
    for (kind, options) in
        [(KeyKind::P256, &[][..]), (KeyKind::P521, &[]), (KeyKind::Rsa2048, &[]), (KeyKind::Rsa2048, &pss)]
    {
        let key = prepare(&workshop, kind);
        for digest in ["-sha1", "-sha224"] {
            let refused = certify(&workshop, &[&[digest], options].concat()).verify_signature(&key).unwrap_err();
            assert!(matches!(refused, AlgorithmError::Weak(_)), "{kind:?} {digest}: {refused}");
        }
    }
    // SHA-3 is not weak, only nothing that we know.
    let key = prepare(&workshop, KeyKind::P256);
    let refused = certify(&workshop, &["-sha3-256"]).verify_signature(&key).unwrap_err();
    assert!(matches!(refused, AlgorithmError::Unknown(_)), "{refused}");
}

#[test]
fn private_keys_are_read_in_each_form_that_openssl_writes() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048] {
        let public = prepare(&workshop, kind);
        let write = |options: &[&str]| workshop.openssl(&[&["pkey", "-in", "it.key"], options].concat()).unwrap();
        let read = FileKey::from_pem(&write(&["-traditional"])).unwrap();
        assert_eq!(read.public_key(), &public, "{kind:?}");
        // What we write is again a key to OpenSSL.
        workshop.write("ours.key", read.to_pem().as_bytes()).unwrap();
        assert_eq!(workshop.openssl(&["pkey", "-in", "ours.key", "-pubout"]).unwrap(), public.to_pem().as_bytes());
        let read = FileKey::from_pkcs8_der(
            &workshop.openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "it.key", "-outform", "DER"]).unwrap(),
        )
        .unwrap();
        assert_eq!(read.public_key(), &public, "{kind:?}");
        // The old form is told from the one that opens with a passphrase: no passphrase helps here.
        for (options, error) in [(&[][..], KeyError::Encrypted), (&["-traditional"], KeyError::OldEncryption)] {
            let encrypted = write(&[&["-aes256", "-passout", "pass:secret"], options].concat());
            assert_eq!(FileKey::from_pem(&encrypted).unwrap_err(), error, "{kind:?} {options:?}");
        }
    }
    // With a block of parameters before the key, and without the public half inside it.
    let with_parameters = workshop.openssl(&["ecparam", "-name", "prime256v1", "-genkey"]).unwrap();
    assert_eq!(FileKey::from_pem(&with_parameters).unwrap().public_key().key_type(), KeyType::P256);
    workshop.write("it.key", &with_parameters).unwrap();
    let without_public = workshop.openssl(&["ec", "-in", "it.key", "-no_public"]).unwrap();
    let whole = FileKey::from_pem(&with_parameters).unwrap();
    assert_eq!(FileKey::from_pem(&without_public).unwrap().public_key(), whole.public_key());
}
