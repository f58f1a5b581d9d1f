//! `sztp ca`: what it makes, and when it makes nothing.

use std::{fs, os::unix::fs::PermissionsExt};

use pki::certificate::Certificate;

use crate::site::{ended, sztp};

fn certificates(path: &std::path::Path) -> Vec<Certificate> {
    Certificate::chain_from_file(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn an_authority_is_whole_at_once_and_only_its_owner_reads_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["ca", "init", "maker", "--name", "Example Maker", "--dns-name", "pki.example.net"];
    let made = ended(&mut sztp(folder.path(), &arguments)).good();
    assert!(made.out.contains("next:  sztp enroll issue --ca maker"), "{made:?}");
    let maker = folder.path().join("maker");
    assert_eq!(ended(&mut sztp(&maker, &["serve", "--check-config"])).good().out, "sztp.toml: good\n");
    let mut keys = Vec::new();
    for home in [maker.clone(), maker.join("ca")] {
        for entry in fs::read_dir(home).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".key") || name == "operator.token" {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
                keys.push(name);
            }
        }
    }
    assert_eq!(keys.len(), 11, "{keys:?}");
    let config = fs::read_to_string(maker.join("sztp.toml")).unwrap();
    for word in ["TODO", "CHANGE", "example.com", "<", "{"] {
        assert!(!config.contains(word), "a placeholder: {word}");
    }
    // What devices know reaches neither to vouchers nor to servers and people.
    let anchors = ["device-anchor.pem", "voucher-anchor.pem", "service-anchor.pem", "operator-ca.pem"];
    let anchors: Vec<_> = anchors.iter().flat_map(|name| certificates(&maker.join(name))).collect();
    assert_eq!(anchors.len(), 4);
    for (index, one) in anchors.iter().enumerate() {
        assert!(anchors.iter().skip(index + 1).all(|other| other.public_key() != one.public_key()));
    }
    // IEEE 802.1AR §8.7: what is above an IDevID without an end has none.
    let devices = certificates(&maker.join("devices.pem"));
    assert!(devices.iter().all(|it| it.not_after().to_string().starts_with("9999-12-31")), "{devices:?}");
    assert_eq!(devices.last(), anchors.first());
    assert_eq!(certificates(&maker.join("masa.pem")).last(), anchors.get(1));
}

#[test]
fn every_kind_of_key_a_passphrase_and_addresses_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = folder.path().join("passphrase");
    fs::write(&passphrase, "a long way to go\n").unwrap();
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
    for algorithm in ["p384", "rsa2048"] {
        let arguments = [
            "ca",
            "init",
            algorithm,
            "--name",
            "Example Maker",
            "--algorithm",
            algorithm,
            "--passphrase-file",
            "passphrase",
            "--masa-url",
            "https://masa.example.net",
            "--publication-url",
            "http://pki.example.net",
            "--crl-shards",
            "16",
        ];
        ended(&mut sztp(folder.path(), &arguments)).good();
        let made = folder.path().join(algorithm);
        ended(&mut sztp(&made, &["serve", "--check-config"])).good();
        for key in ["devices.key", "masa.key", "ca/device-root.key"] {
            let text = fs::read_to_string(made.join(key)).unwrap();
            assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
        }
        let shown = ended(&mut sztp(folder.path(), &["ca", "init", "other", "--name", "x", "--algorithm", "ed25519"]));
        assert_eq!(shown.code, Some(2), "{shown:?}");
    }
}

#[test]
fn an_authority_overwrites_nothing_and_leaves_nothing_of_what_fails() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("full")).unwrap();
    fs::write(folder.path().join("full/precious"), "x").unwrap();
    let long = "x".repeat(100);
    for arguments in [
        &["ca", "init", "full", "--name", "Maker"][..],
        &["ca", "init", "full", "--name", "Maker", "--dry-run"],
        &["ca", "init", "bad", "--name", &long],
        &["ca", "init", "bad", "--name", "Ma\u{202e}ker"],
        &["ca", "init", "bad", "--name", "Maker", "--publication-url", "https://pki.example.net"],
        &["ca", "init", "bad", "--name", "Maker", "--masa-url", "ftp://masa.example.net"],
    ] {
        let refused = ended(&mut sztp(folder.path(), arguments));
        assert_eq!(refused.code, Some(1), "{arguments:?}: {refused:?}");
    }
    assert_eq!(fs::read_dir(folder.path().join("full")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let told = ended(&mut sztp(folder.path(), &["ca", "init", "new", "--name", "Maker", "--dry-run"])).good();
    assert!(told.out.contains("  devices.key  (for your eyes only)\n"), "{told:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
