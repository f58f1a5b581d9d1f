//! What OpenSSL encrypts to a key, and the secrets it agrees on with one.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use interop_tests::{
    need,
    openssl::{KeyKind, Workshop},
};
use pki::key::{DecryptError, Decryptor, FileKey, OaepHash, PublicKey, RsaPadding};

const SECRET: &[u8] = b"a content encryption key";

/// A folder with the files `secret`, `it.key` and `it.pub`, and the key as we read it.
fn prepare(workshop: &Workshop, kind: KeyKind) -> FileKey {
    workshop.write("secret", SECRET).unwrap();
    workshop.make_key("it", kind).unwrap();
    let public = workshop.openssl(&["pkey", "-in", "it.key", "-pubout"]).unwrap();
    workshop.write("it.pub", &public).unwrap();
    workshop.key("it").unwrap()
}

fn encrypted(workshop: &Workshop, options: &[&str]) -> Vec<u8> {
    let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "it.pub", "-in", "secret"];
    workshop.openssl(&[&encrypt[..], options].concat()).unwrap()
}

const PKCS1: &[&str] = &["-pkeyopt", "rsa_padding_mode:pkcs1"];

#[test]
fn enc_10_we_decrypt_pkcs1_of_openssl() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for kind in [KeyKind::Rsa2048, KeyKind::Rsa3072] {
        let key = prepare(&workshop, kind);
        assert_eq!(**key.decrypt_rsa(RsaPadding::Pkcs1, &encrypted(&workshop, PKCS1)).unwrap(), *SECRET);
    }
}

#[test]
fn enc_12_a_tampered_pkcs1_ciphertext_gives_octets_and_the_same_ones_twice() {
    // RFC 3218 §2.3.2: whether the padding was right must not be seen, not even by asking again.
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let key = prepare(&workshop, KeyKind::Rsa2048);
    let whole = encrypted(&workshop, PKCS1);
    let mut seen = Vec::new();
    for position in [8, 100, 255] {
        let mut tampered = whole.clone();
        tampered[position] ^= 1;
        let first = key.decrypt_rsa(RsaPadding::Pkcs1, &tampered).unwrap();
        assert_ne!(**first, *SECRET);
        assert_eq!(first, key.decrypt_rsa(RsaPadding::Pkcs1, &tampered).unwrap());
        // Read anew, the key gives the same.
        assert_eq!(first, workshop.key("it").unwrap().decrypt_rsa(RsaPadding::Pkcs1, &tampered).unwrap());
        seen.push(first);
    }
    // They depend on the ciphertext.
    assert!(seen[0] != seen[1] && seen[1] != seen[2]);
}

#[test]
fn a_ciphertext_of_another_length_or_beyond_the_modulus_is_an_error() {
    // RFC 8017 §7.2.2: both are seen by anybody who has the ciphertext and the public key.
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let key = prepare(&workshop, KeyKind::Rsa2048);
    let oaep = RsaPadding::Oaep { hash: OaepHash::Sha256, mask: OaepHash::Sha256 };
    for padding in [RsaPadding::Pkcs1, oaep] {
        for ciphertext in [&[][..], &[1; 255], &[0; 257], &[0xff; 256], &[0; 100_000]] {
            assert_eq!(key.decrypt_rsa(padding, ciphertext).unwrap_err(), DecryptError::Failed);
        }
    }
}

#[test]
fn enc_10_we_decrypt_oaep_of_openssl_with_each_pair_of_hashes() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let key = prepare(&workshop, KeyKind::Rsa2048);
    let hashes = [
        ("sha1", OaepHash::Sha1),
        ("sha256", OaepHash::Sha256),
        ("sha384", OaepHash::Sha384),
        ("sha512", OaepHash::Sha512),
    ];
    for (label_name, hash) in hashes {
        for (mask_name, mask) in hashes {
            let label = format!("rsa_oaep_md:{label_name}");
            let mgf1 = format!("rsa_mgf1_md:{mask_name}");
            let oaep = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", &label, "-pkeyopt", &mgf1];
            let ciphertext = encrypted(&workshop, &oaep);
            let made = key.decrypt_rsa(RsaPadding::Oaep { hash, mask }, &ciphertext).unwrap();
            assert_eq!(**made, *SECRET, "{label_name} {mask_name}");
            // The other order is another padding.
            if hash != mask {
                let refused = key.decrypt_rsa(RsaPadding::Oaep { hash: mask, mask: hash }, &ciphertext);
                assert_eq!(refused.unwrap_err(), DecryptError::Failed, "{label_name} {mask_name}");
            }
        }
    }
}

#[test]
fn enc_12_a_tampered_oaep_ciphertext_is_refused() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let key = prepare(&workshop, KeyKind::Rsa2048);
    let mut ciphertext = encrypted(&workshop, &["-pkeyopt", "rsa_padding_mode:oaep"]);
    let sha1 = RsaPadding::Oaep { hash: OaepHash::Sha1, mask: OaepHash::Sha1 };
    assert_eq!(**key.decrypt_rsa(sha1, &ciphertext).unwrap(), *SECRET);
    ciphertext[200] ^= 1;
    assert_eq!(key.decrypt_rsa(sha1, &ciphertext).unwrap_err(), DecryptError::Failed);
}

#[test]
fn a_key_for_signatures_alone_does_not_decrypt() {
    // RFC 4055 §1.2.
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let key = prepare(&workshop, KeyKind::RsaPss);
    assert_eq!(key.decrypt_rsa(RsaPadding::Pkcs1, &[1; 256]).unwrap_err(), DecryptError::KeyMismatch);
}

#[test]
fn enc_07_openssl_and_we_agree_on_one_secret() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        let key = prepare(&workshop, kind);
        workshop.make_key("peer", kind).unwrap();
        for form in ["uncompressed", "compressed"] {
            let public = workshop.openssl(&["pkey", "-in", "peer.key", "-pubout", "-ec_conv_form", form]).unwrap();
            workshop.write("peer.pub", &public).unwrap();
            let derived =
                workshop.openssl(&["pkeyutl", "-derive", "-inkey", "it.key", "-peerkey", "peer.pub"]).unwrap();
            let peer = PublicKey::from_pem(&public).unwrap();
            assert_eq!(**key.agree(&peer).unwrap(), derived, "{kind:?} {form}");
        }
    }
}
