//! Users and tokens.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;

use crate::site::Site;

#[test]
fn a_user_works_with_a_token_of_its_own_until_that_is_revoked() {
    let site = Site::start();
    site.sztp(&["user", "add", "anna", "--role", "operator"]).good();
    let users = site.sztp(&["user", "list", "--output", "json"]).good().json();
    assert_eq!(users, json!([{"name": "admin", "role": "admin"}, {"name": "anna", "role": "operator"}]));

    let create = ["token", "create", "--user", "anna", "--days", "30", "--out", "anna.token", "--output", "json"];
    let token = site.sztp(&create).good().json();
    assert_eq!((&token["user"], token.get("secret")), (&json!("anna"), None), "the secret is in the file alone");
    assert_eq!(fs::metadata(site.path("anna.token")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(site.sztp(&create).code, Some(1), "a file that is there is never written over");

    let anna = ["--token-file", "anna.token"];
    site.sztp(&[&["profile", "list"][..], &anna].concat()).good();
    let refused = site.sztp(&[&["user", "list"][..], &anna].concat());
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("role-insufficient"), "{refused:?}");

    site.sztp(&["token", "revoke", token["id"].as_str().unwrap()]).good();
    let refused = site.sztp(&[&["status"][..], &anna].concat());
    assert!(refused.err.contains("token-invalid"), "{refused:?}");
    site.sztp(&["user", "remove", "anna"]).good();
    assert_eq!(site.sztp(&["user", "list", "--output", "csv"]).good().out, "name,role\nadmin,admin\n");
}

#[test]
fn no_token_is_made_whose_secret_cannot_be_kept() {
    let site = Site::start();
    let ids = || site.sztp(&["token", "list", "--output", "csv"]).good().out;
    let before = ids();
    for out in ["no-such-folder/anna.token", "sztp.toml"] {
        let refused = site.sztp(&["token", "create", "--out", out]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains(out), "{refused:?}");
    }
    assert_eq!(ids(), before, "one that nobody has would open the server for ever");
    // The other way round: what the server refuses leaves no file.
    site.sztp(&["token", "create", "--user", "nobody", "--out", "new.token"]);
    site.sztp(&["token", "create", "--out", "new.token", "--dry-run"]).good();
    assert!(!site.path("new.token").exists());
}

#[test]
fn programs_get_documents_and_people_are_told_what_was_done() {
    let site = Site::start();
    let added = site.sztp(&["user", "add", "anna", "--role", "viewer"]).good();
    assert_eq!(added.out, "anna has the role viewer; `sztp token create --user anna` makes a token\n");
    let token = site.sztp(&["token", "create", "--user", "anna", "--output", "json"]).good().json();
    let id = token["id"].as_str().unwrap();
    let rehearsed = site.sztp(&["token", "revoke", id, "--dry-run"]).good();
    assert_eq!(rehearsed.out, format!("would be done: revoke the token {id}\n"));
    assert_eq!(site.sztp(&["token", "revoke", id]).good().out, format!("revoked the token {id}\n"));
    assert_eq!(site.sztp(&["user", "remove", "anna", "--output", "json"]).good().json(), json!(null));
    let made = site.sztp(&["audit", "list"]).good().out;
    assert!(made.lines().any(|line| line.contains("token-created") && !line.contains("expires=1")), "{made}");
}

#[test]
fn a_secret_is_shown_once_and_is_in_no_file_of_the_server() {
    let site = Site::start();
    let shown = site.sztp(&["token", "create"]).good();
    let secret = shown.out.trim();
    assert!(secret.starts_with("sztp_") && !shown.err.contains(secret), "{shown:?}");
    let first = fs::read_to_string(site.path("operator.token")).unwrap();
    for secret in [secret, first.trim()] {
        for file in ["sztp.sqlite3", "sztp.sqlite3-wal"] {
            let Ok(octets) = fs::read(site.path(file)) else { continue };
            assert!(!octets.windows(secret.len()).any(|it| it == secret.as_bytes()), "{file}");
        }
    }
    assert!(!site.sztp(&["token", "list", "--output", "json"]).good().out.contains("secret"));
}

#[test]
fn a_lost_token_is_replaced_on_the_servers_own_machine_and_that_is_on_record() {
    let mut site = Site::start();
    fs::remove_file(site.path("operator.token")).unwrap();
    let create = ["token", "create", "--offline", "--out", "operator.token"];
    let running = site.sztp(&create);
    assert_eq!(running.code, Some(1), "{running:?}");
    assert!(running.err.contains("Stop the server first"), "{running:?}");
    site.stop();
    let rehearsed = site.sztp(&[&create[..], &["--dry-run"]].concat()).good();
    assert_eq!(rehearsed.out, "would be done: make a token\n");
    let stranger = site.sztp(&[&create[..], &["--user", "nobody"]].concat());
    assert_eq!(stranger.code, Some(4));
    assert!(stranger.err.contains("these are admins: admin"), "{stranger:?}");
    let made = site.sztp(&[&create[..], &["--revoke-others"]].concat()).good();
    assert!(made.out.starts_with("wrote the token offline-"), "{made:?}");
    assert_eq!(fs::metadata(site.path("operator.token")).unwrap().permissions().mode() & 0o777, 0o600);
    site.start_again();
    let tokens = site.sztp(&["token", "list", "--output", "json"]).good().json();
    let ids: Vec<_> = tokens.as_array().unwrap().iter().map(|token| token["id"].as_str().unwrap()).collect();
    assert!(ids.len() == 1 && ids[0].starts_with("offline-"), "the lost one opens nothing any more: {ids:?}");
    let records = site.sztp(&["audit", "list", "--output", "json"]).good().json();
    let made = records.as_array().unwrap().iter().find(|record| record["body"]["token"] == ids[0]).unwrap();
    assert_eq!((&made["body"]["event"], &made["body"]["by"]), (&json!("token-created"), &json!("console")), "{made:#}");
}
