//! `sztp key` as people and scripts use it, and what OpenSSL makes of the files and `pkcs11-tool` of the tokens.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use interop_tests::{
    lab::program,
    need,
    peer::Peer,
    token::{CONFIGURATION, Token},
};
use serde_json::Value;

fn sztp(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("sztp"));
    command.arg("key").args(arguments).current_dir(folder);
    command.env(CONFIGURATION, folder.join("softhsm2.conf")).output().unwrap()
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = sztp(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = sztp(folder, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn secret(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
}

fn openssl(openssl: &Peer, folder: &Path, arguments: &[&str]) -> String {
    String::from_utf8(openssl.run(folder, arguments).unwrap()).unwrap()
}

#[test]
fn every_kind_of_key_is_made_and_openssl_reads_it_in_clear_and_encrypted() {
    let peer = need!("openssl");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    secret(folder, "passphrase", "correct horse\n");
    for algorithm in ["p256", "p384", "p521", "rsa2048", "rsa3072", "ed25519"] {
        let file = format!("{algorithm}.key");
        let said: Value =
            serde_json::from_str(&done(folder, &["create", &file, "--algorithm", algorithm, "--json"])).unwrap();
        assert_eq!(said["algorithm"], algorithm);
        assert_eq!(fs::metadata(folder.join(&file)).unwrap().permissions().mode() & 0o777, 0o600);
        let public = done(folder, &["show", &file, "--pem"]);
        assert_eq!(said["public-key"].as_str().unwrap(), public);
        assert_eq!(openssl(&peer, folder, &["pkey", "-in", &file, "-pubout"]), public);
        let clear = fs::read(folder.join(&file)).unwrap();
        // The slower one once: what is inside does not matter to it.
        let ways: &[&str] = if algorithm == "p256" { &["scrypt", "pbkdf2"] } else { &["scrypt"] };
        for stretching in ways.iter().copied() {
            let sealed = format!("{algorithm}.{stretching}");
            let arguments = ["--passphrase-file", "passphrase", "--stretching", stretching, "--out", &sealed];
            done(folder, &[&["encrypt", &file][..], &arguments].concat());
            let read = ["pkey", "-in", &sealed, "-passin", "file:passphrase", "-pubout"];
            assert_eq!(openssl(&peer, folder, &read), public, "{sealed}");
            done(folder, &["decrypt", &sealed, "--passphrase-file", "passphrase"]);
            assert_eq!(fs::read(folder.join(&sealed)).unwrap(), clear, "{sealed}");
        }
        // Nothing is replaced.
        assert!(refused(folder, &["create", &file]).contains("is there already"));
    }
}

#[test]
fn keys_that_openssl_encrypted_are_read() {
    let peer = need!("openssl");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    secret(folder, "passphrase", "correct horse");
    secret(folder, "wrong", "wrong horse");
    done(folder, &["create", "a.key"]);
    let public = done(folder, &["show", "a.key", "--pem"]);
    let ways: [&[&str]; 7] = [
        &[],
        &["-scrypt"],
        &["-scrypt", "-scrypt_N", "1024", "-scrypt_p", "2"],
        &["-v2", "aes-128-cbc"],
        &["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"],
        &["-v2prf", "hmacWithSHA1", "-iter", "1"],
        &["-outform", "DER"],
    ];
    for (at, way) in ways.iter().enumerate() {
        let made = format!("{at}.key");
        let before = ["pkcs8", "-topk8", "-in", "a.key", "-passout", "file:passphrase", "-out", &made];
        openssl(&peer, folder, &[&before[..], way].concat());
        let show = ["show", &made, "--pem", "--passphrase-file"];
        assert_eq!(done(folder, &[&show[..], &["passphrase"]].concat()), public, "{way:?}");
        let error = refused(folder, &[&show[..], &["wrong"]].concat());
        assert!(error.contains("passphrase does not open"), "{error}");
        assert!(refused(folder, &["show", &made]).contains("is encrypted"));
    }
    openssl(
        &peer,
        folder,
        &["pkcs8", "-topk8", "-in", "a.key", "-passout", "file:passphrase", "-v2", "des3", "-out", "des"],
    );
    let error = refused(folder, &["show", "des", "--passphrase-file", "passphrase"]);
    assert!(error.contains("1.2.840.113549.3.7"), "{error}");
}

#[test]
fn what_is_private_is_never_printed_and_others_may_not_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    secret(folder, "passphrase", "correct horse");
    done(folder, &["create", "a.key"]);
    let private = fs::read_to_string(folder.join("a.key")).unwrap();
    let private = private.lines().nth(1).unwrap();
    for arguments in [&["show", "a.key"][..], &["show", "a.key", "--json"], &["show", "a.key", "--pem"]] {
        let said = done(folder, arguments);
        assert!(!said.contains("PRIVATE") && !said.contains(private), "{said}");
    }
    done(folder, &["encrypt", "a.key", "--passphrase-file", "passphrase"]);
    assert_eq!(fs::metadata(folder.join("a.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(folder.join("a.key")).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    for (name, mode) in [("a.key", 0o640), ("passphrase", 0o644)] {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        let error = refused(folder, &["show", "a.key", "--passphrase-file", "passphrase"]);
        assert!(error.contains("chmod 600"), "{error}");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let error = refused(folder, &["show", "pkcs11:object=a?module-path=/m.so&pin-value=1234"]);
    assert!(error.contains("pin-source"), "{error}");
}

#[test]
fn vch_24_a_key_is_made_in_a_token_listed_and_shown() {
    need!("softhsm2-util");
    need!("pkcs11-tool");
    let folder = tempfile::tempdir().unwrap();
    let token = Token::make(folder.path());
    let folder = folder.path();
    for (label, algorithm) in [("signer", "p256"), ("log", "ed25519"), ("old", "rsa2048")] {
        let said = done(folder, &["create", &token.uri(label), "--algorithm", algorithm, "--json"]);
        let said: Value = serde_json::from_str(&said).unwrap();
        let shown: Value = serde_json::from_str(&done(folder, &["show", &token.uri(label), "--json"])).unwrap();
        assert_eq!((&said["key-id"], &said["algorithm"]), (&shown["key-id"], &shown["algorithm"]));
        assert_eq!((said["algorithm"].as_str(), shown["decrypts"].as_bool()), (Some(algorithm), Some(false)));
    }
    let uri = token.uri("signer").replace(";object=signer", "");
    let listed: Value = serde_json::from_str(&done(folder, &["list", &uri, "--json"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    // What is listed can be given back.
    let named = listed[2]["key"].as_str().unwrap();
    assert!(done(folder, &["show", named]).contains("algorithm  p256"));
    assert!(refused(folder, &["create", &token.uri("signer")]).contains("of this name already"));
    token.write_pin("0000000000");
    assert!(refused(folder, &["show", &token.uri("signer")]).contains("refuses the PIN"));
}
