//! Private keys in a token: SoftHSM keeps them, and OpenSC's pkcs11-tool makes and uses them beside us.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{fs, path::Path, sync::Arc, thread};

use interop_tests::{
    need,
    token::{PIN, Token},
};
use pki::key::{
    Decryptor, FileKey, KeySpec, KeyType, KeyUse, OaepHash, OpenError, OpenKey, Pace, Pkcs11Error, RsaPadding, Signer,
    SystemEntropy,
};

fn refused(opened: Result<OpenKey, OpenError>) -> Pkcs11Error {
    match opened {
        Err(OpenError::Pkcs11 { source, .. }) => *source,
        other => panic!("{other:?}"),
    }
}

fn signs(key: &OpenKey) {
    for algorithm in key.algorithms() {
        let signature = key.sign_with(algorithm, b"message").unwrap();
        algorithm.verify(Signer::public_key(key), b"message", &signature).unwrap();
        algorithm.verify(Signer::public_key(key), b"massage", &signature).unwrap_err();
    }
}

#[test]
fn vch_24_sec_15_every_kind_of_key_is_made_in_a_token_and_signs() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    Token::with("vch_24_sec_15_every_kind_of_key_is_made_in_a_token_and_signs", |token| {
        for (spec, algorithms) in [
            (KeySpec::P256, 1),
            (KeySpec::P384, 1),
            (KeySpec::P521, 1),
            (KeySpec::Rsa2048, 6),
            (KeySpec::Rsa3072, 6),
            (KeySpec::Ed25519, 1),
        ] {
            let made = token.parsed(spec.name()).generate(spec, KeyUse::Sign).unwrap();
            let key = token.open(spec.name()).unwrap();
            assert_eq!((Signer::public_key(&key), key.algorithms().len()), (&made, algorithms), "{spec}");
            assert_eq!((key.pace(), key.decryptor().is_some()), (Pace::Slow, false));
            signs(&key);
            let again = token.parsed(spec.name()).generate(spec, KeyUse::Sign).unwrap_err();
            assert!(matches!(again, Pkcs11Error::Exists), "{again}");
        }
        let listed = token.parsed("p256").list().unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].public.as_ref().unwrap().key_type(), KeyType::P256);
        // The other program sees the same keys, and that nobody can take them out.
        let seen = token.pkcs11_tool(&["--list-objects", "--type", "privkey"]);
        assert_eq!(seen.matches("never extractable").count(), 6, "{seen}");
    });
}

#[test]
fn keys_that_pkcs11_tool_made_are_used_and_what_we_sign_it_verifies() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    Token::with("keys_that_pkcs11_tool_made_are_used_and_what_we_sign_it_verifies", |token| {
        let made = |kind: &str, label: &str, id: &str| {
            token.pkcs11_tool(&["--keypairgen", "--key-type", kind, "--label", label, "--id", id, "--usage-sign"]);
        };
        made("EC:prime256v1", "ec", "01");
        made("rsa:2048", "rsa", "02");
        for (label, id) in [("ec", "01"), ("rsa", "02")] {
            let key = token.open(label).unwrap();
            signs(&key);
            // Its public half is what the other program says of it.
            let der = format!("{label}.der");
            token.pkcs11_tool(&["--read-object", "--type", "pubkey", "--id", id, "--output-file", &der]);
            assert_eq!(fs::read(token.folder.join(der)).unwrap(), Signer::public_key(&key).spki_der());
            // SoftHSM does not digest for ECDSA.
            let digest = pki::digest::sha256(b"message").0;
            let message: &[u8] = if label == "ec" { &digest } else { b"message" };
            fs::write(token.folder.join("message"), message).unwrap();
            fs::write(token.folder.join("signature"), key.sign(b"message").unwrap()).unwrap();
            let mechanism: &[&str] = match label {
                "ec" => &["--mechanism", "ECDSA", "--signature-format", "openssl"],
                _ => &["--mechanism", "SHA256-RSA-PKCS"],
            };
            let verify = ["--verify", "--id", id, "--input-file", "message", "--signature-file", "signature"];
            let said = token.pkcs11_tool(&[&verify[..], mechanism].concat());
            assert!(said.contains("Signature is valid"), "{said}");
        }
        // And a key of a file is imported and is the same key.
        let file = FileKey::generate_p384().unwrap();
        fs::write(token.folder.join("file.der"), file.pkcs8_der()).unwrap();
        token.pkcs11_tool(&[
            "--write-object",
            "file.der",
            "--type",
            "privkey",
            "--label",
            "file",
            "--id",
            "03",
            "--usage-sign",
        ]);
        let alone = refused(token.open("file"));
        assert!(matches!(alone, Pkcs11Error::NoPublicHalf), "{alone}");
        fs::write(token.folder.join("public.der"), Signer::public_key(&file).spki_der()).unwrap();
        token.pkcs11_tool(&["--write-object", "public.der", "--type", "pubkey", "--label", "file", "--id", "03"]);
        let key = token.open("file").unwrap();
        assert_eq!(Signer::public_key(&key), Signer::public_key(&file));
        signs(&key);
    });
}

#[test]
fn a_public_key_that_is_not_its_own_is_found_out() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    Token::with("a_public_key_that_is_not_its_own_is_found_out", |token| {
        for (name, key) in [("one", FileKey::generate_p256().unwrap()), ("other", FileKey::generate_p256().unwrap())] {
            fs::write(token.folder.join(format!("{name}.der")), key.pkcs8_der()).unwrap();
            fs::write(token.folder.join(format!("{name}.public")), Signer::public_key(&key).spki_der()).unwrap();
        }
        token.pkcs11_tool(&[
            "--write-object",
            "one.der",
            "--type",
            "privkey",
            "--label",
            "a",
            "--id",
            "01",
            "--usage-sign",
        ]);
        token.pkcs11_tool(&["--write-object", "other.public", "--type", "pubkey", "--label", "a", "--id", "01"]);
        let refused = refused(token.open("a"));
        assert!(matches!(refused, Pkcs11Error::OtherPublicHalf), "{refused}");
    });
}

#[test]
fn what_is_encrypted_to_a_key_in_a_token_is_opened_there() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    Token::with("what_is_encrypted_to_a_key_in_a_token_is_opened_there", |token| {
        for (spec, octets) in [(KeySpec::P256, 32), (KeySpec::P384, 48), (KeySpec::P521, 66)] {
            let public = token.parsed(spec.name()).generate(spec, KeyUse::SignAndDecrypt).unwrap();
            let key = token.open(spec.name()).unwrap();
            let agreed = public.agree_ephemeral(&mut SystemEntropy).unwrap();
            let peer = FileKey::generate(spec).unwrap();
            let secret = key.agree(Decryptor::public_key(&peer)).unwrap();
            assert_eq!((secret.len(), &secret), (octets, &peer.agree(&public).unwrap()));
            assert_eq!(agreed.secret.len(), octets);
            let stranger =
                FileKey::generate(if spec == KeySpec::P256 { KeySpec::P384 } else { KeySpec::P256 }).unwrap();
            key.agree(Decryptor::public_key(&stranger)).unwrap_err();
            key.decrypt_rsa(RsaPadding::Pkcs1, &[0; 256]).unwrap_err();
        }
        let public = token.parsed("rsa").generate(KeySpec::Rsa2048, KeyUse::SignAndDecrypt).unwrap();
        let key = token.open("rsa").unwrap();
        let hash = OaepHash::Sha256;
        let oaep = public.encrypt_oaep_sha256(b"content key", &mut SystemEntropy).unwrap();
        let opened = key.decrypt_rsa(RsaPadding::Oaep { hash, mask: hash }, &oaep).unwrap();
        assert_eq!(**opened, *b"content key");
        key.decrypt_rsa(RsaPadding::Oaep { hash: OaepHash::Sha1, mask: OaepHash::Sha1 }, &oaep).unwrap_err();
        // OpenSSL's defaults: SHA-1, and PKCS#1 v1.5.
        fs::write(token.folder.join("public.pem"), public.to_pem()).unwrap();
        fs::write(token.folder.join("plain"), b"content key").unwrap();
        for (option, padding) in [
            ("rsa_padding_mode:oaep", RsaPadding::Oaep { hash: OaepHash::Sha1, mask: OaepHash::Sha1 }),
            ("rsa_padding_mode:pkcs1", RsaPadding::Pkcs1),
        ] {
            let arguments =
                ["-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plain", "-out", "made", "-pkeyopt", option];
            token.run("openssl", &[&["pkeyutl"][..], &arguments].concat());
            let made = fs::read(token.folder.join("made")).unwrap();
            assert_eq!(**key.decrypt_rsa(padding, &made).unwrap(), *b"content key", "{option}");
        }
        // RFC 3218 §2.3.2: no error that would tell an attacker about the plaintext.
        let wrong = key.decrypt_rsa(RsaPadding::Pkcs1, &oaep).unwrap();
        assert_eq!(wrong, key.decrypt_rsa(RsaPadding::Pkcs1, &oaep).unwrap());
    });
}

#[test]
fn a_key_survives_what_happens_to_its_token() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    Token::with("a_key_survives_what_happens_to_its_token", |token| {
        token.parsed("a").generate(KeySpec::P256, KeyUse::Sign).unwrap();
        let key = token.open("a").unwrap();
        signs(&key);
        // Somebody else in this process logs out, which is for all sessions; then ends the whole library.
        let library = cryptoki::context::Pkcs11::new(Token::module()).unwrap();
        for slot in library.get_slots_with_initialized_token().unwrap() {
            library.open_ro_session(slot).unwrap().logout().unwrap();
        }
        signs(&key);
        library.finalize().unwrap();
        signs(&key);
        // From many threads at once.
        let key = Arc::new(key);
        let threads: Vec<_> = (0..16)
            .map(|_| {
                let key = Arc::clone(&key);
                thread::spawn(move || (0..10).for_each(|_| signs(&key)))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // Its token gone, it says so, and comes back with it.
        let tokens = token.folder.join("tokens");
        let library = cryptoki::context::Pkcs11::new(Token::module()).unwrap();
        fs::rename(&tokens, token.folder.join("away")).unwrap();
        library.finalize().unwrap();
        key.sign(b"message").unwrap_err();
        fs::rename(token.folder.join("away"), &tokens).unwrap();
        signs(&key);
    });
}

#[test]
fn sec_15_a_wrong_pin_is_tried_once() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    if std::env::var_os(AGAIN).is_some() {
        return a_wrong_pin_in_a_new_process();
    }
    Token::with("sec_15_a_wrong_pin_is_tried_once", |token| {
        token.parsed("a").generate(KeySpec::P256, KeyUse::Sign).unwrap();
        // Another process, since this one is logged in already.
        token.write_pin("0000000000");
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["sec_15_a_wrong_pin_is_tried_once", "--exact", "--nocapture"]).env(AGAIN, "yes");
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let is_well = output.status.success() && said.contains("1 passed");
        assert!(is_well, "{said}{}", String::from_utf8_lossy(&output.stderr));
    });
}

/// Says to a test that it is another process than the one that began it.
const AGAIN: &str = "SZTP_TEST_IN_A_NEW_PROCESS";

fn a_wrong_pin_in_a_new_process() {
    Token::with("none", |token| {
        for _ in 0..20 {
            let refused = refused(token.open("a"));
            assert!(matches!(&refused, Pkcs11Error::PinRefused { path } if *path == token.pin_file()), "{refused}");
            assert!(!refused.to_string().contains("0000"), "{refused}");
        }
        // Not locked: the right one is taken at once.
        token.write_pin(PIN);
        signs(&token.open("a").unwrap());
    });
}

#[test]
fn what_is_not_there_is_told_from_what_is_not_said_clearly() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    Token::with("what_is_not_there_is_told_from_what_is_not_said_clearly", |token| {
        for id in ["01", "02"] {
            token.pkcs11_tool(&["--keypairgen", "--key-type", "EC:prime256v1", "--label", "twin", "--id", id]);
        }
        assert!(matches!(refused(token.open("twin")), Pkcs11Error::ManyKeys { count: 2 }));
        assert!(matches!(refused(token.open("none")), Pkcs11Error::NoKey { logged_in: true }));
        let open = |uri: &str| uri.parse::<pki::key::Locator>().unwrap().open(&pki::key::Access::default());
        let one = token.uri("twin").replace("object=twin", "object=twin;id=%02");
        signs(&open(&one).unwrap());
        let elsewhere = token.uri("twin").replace("The%20Owner", "Nobody");
        assert!(matches!(refused(open(&elsewhere)), Pkcs11Error::NoToken { .. }));
        let no_library = token.uri("twin").replace("libsofthsm2", "libnone");
        let no_library = refused(open(&no_library));
        assert!(
            matches!(&no_library, Pkcs11Error::Module { path, .. } if path.ends_with("libnone.so")),
            "{no_library}"
        );
        let open_pin = {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(token.pin_file(), fs::Permissions::from_mode(0o644)).unwrap();
            refused(open(&one))
        };
        assert!(
            matches!(&open_pin, Pkcs11Error::Pin { path, .. } if path == Path::new(&token.pin_file())),
            "{open_pin}"
        );
    });
}
