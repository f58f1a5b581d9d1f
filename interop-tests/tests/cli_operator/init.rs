//! `sztp init`: what it makes, and when it makes nothing.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::site::{ended, sztp};

#[test]
fn a_site_is_whole_at_once_and_only_its_owner_reads_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["init", "site", "--organization", "Example Operator", "--dns-name", "sztp.example.net"];
    let made = ended(&mut sztp(folder.path(), &arguments)).good();
    assert!(made.out.contains("next:  cd site && sztp serve\n"), "{made:?}");
    assert_eq!(made.out.lines().count(), 4, "what was made, and three lines on what is next");
    let site = folder.path().join("site");
    assert_eq!(ended(&mut sztp(&site, &["serve", "--check-config"])).good().out, "sztp.toml: good\n");
    assert_eq!(fs::metadata(&site).unwrap().permissions().mode() & 0o777, 0o700);
    let mut keys = 0;
    for home in [site.clone(), site.join("ca")] {
        for entry in fs::read_dir(home).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".key") || name == "operator.token" {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
                keys += 1;
            }
        }
    }
    assert_eq!(keys, 9);
    let config = fs::read_to_string(site.join("sztp.toml")).unwrap();
    assert!(config.contains("names = [\"sztp.example.net\"]") && config.contains("origin = \"sztp.example.net/sztp-"));
    for word in ["TODO", "CHANGE", "example.com", "<", "{"] {
        assert!(!config.contains(word), "a placeholder: {word}");
    }
    let inspected = ended(&mut sztp(&site, &["artifact", "inspect", "owner.pem"])).good();
    assert!(inspected.out.contains("Example Operator"), "{inspected:?}");
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_of_what_fails() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("full")).unwrap();
    fs::write(folder.path().join("full/precious"), "x").unwrap();
    for arguments in [&["init", "full"][..], &["init", "full", "--dry-run"], &["init", "bad", "--dns-name", "a b"]] {
        let refused = ended(&mut sztp(folder.path(), arguments));
        assert_eq!(refused.code, Some(1), "{arguments:?}: {refused:?}");
    }
    assert_eq!(fs::read_dir(folder.path().join("full")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_rehearsal_names_every_file_and_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let told = ended(&mut sztp(folder.path(), &["init", "site", "--dry-run", "--output", "json"])).good().json();
    assert_eq!(told["made"], false);
    let names: Vec<_> = told["files"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    assert!(names.contains(&"sztp.toml".into()) && names.contains(&"operator.token".into()), "{names:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
#[test]
fn a_password_of_the_database_is_for_its_owner_alone_and_on_no_screen() {
    let folder = tempfile::tempdir().unwrap();
    let init = ["init", "site", "--dry-run", "--database", "postgres://sztp:hunter2@127.0.0.1/sztp"];
    let told = ended(&mut sztp(folder.path(), &init)).good();
    assert!(told.out.contains("the database postgres://127.0.0.1/sztp") && !told.out.contains("hunter2"), "{told:?}");
    assert!(told.out.contains("  sztp.toml  (for your eyes only)\n"), "{told:?}");
    let usual = ended(&mut sztp(folder.path(), &["init", "site", "--dry-run"])).good();
    assert!(usual.out.contains("  sztp.toml\n"), "{usual:?}");
    let unknown = ended(&mut sztp(folder.path(), &["init", "site", "--database", "mysql://u:hunter2@h/d"]));
    assert!(unknown.err.contains("none of the kind mysql://") && !unknown.err.contains("hunter2"), "{unknown:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
