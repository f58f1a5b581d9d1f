//! Policies that change, and what else `sztp.toml` says that others are told.

use std::{fs, net::TcpListener};

use serde_json::json;

use crate::site::Site;

fn append(site: &Site, text: &str) {
    let config = fs::read_to_string(site.path("sztp.toml")).unwrap();
    site.write("sztp.toml", &format!("{config}\n{text}"));
}

#[test]
fn srv_21_what_lets_devices_do_more_waits_for_an_admin_who_sees_what_it_is() {
    let mut site = Site::start();
    site.prepare();
    let accept = ["policy", "accept"];
    let nothing = site.sztp(&accept).good();
    assert!(nothing.out.is_empty() && nothing.err.starts_with("nothing waits"), "{nothing:?}");
    site.stop();
    append(&site, "[policy]\nunregistered = 'admit'\nprofile = 'bmc'\n[deadlines]\nattempt = '3650d'\nheld = '2d'\n");
    site.start_again();

    let shown = site.sztp(&["policy", "show"]).good().out;
    assert!(shown.contains("unregistered           hold\n"), "{shown}");
    assert!(shown.contains("attempt 4h, ") && shown.contains("held 1d, "), "{shown}");
    assert!(shown.contains("\n  deadlines.attempt: 4h becomes 3650d\n"), "{shown}");
    assert!(site.sztp(&["status"]).good().out.contains("ALARM policy-pending"));
    site.sztp(&["user", "add", "otto", "--role", "operator"]).good();
    site.sztp(&["token", "create", "--user", "otto", "--out", "otto.token"]).good();
    let refused = site.sztp(&["policy", "accept", "--token-file", "otto.token"]);
    assert!(refused.code == Some(1) && refused.err.contains("role-insufficient"), "{refused:?}");
    let rehearsed = site.sztp(&["policy", "accept", "--dry-run"]).good().out;
    assert!(rehearsed.starts_with("would be done: accept deadlines.attempt: "), "{rehearsed}");
    assert!(site.sztp(&["policy", "show", "--output", "json"]).good().json()["proposed"].is_object());

    let accepted = site.sztp(&accept).good().out;
    assert!(accepted.starts_with("accepted deadlines.attempt: 4h becomes 3650d; "), "{accepted}");
    let in_force = site.sztp(&["policy", "show", "--output", "json"]).good().json();
    assert_eq!(
        (&in_force["in-force"]["unregistered"], &in_force["proposed"]),
        (&json!({"admit": "bmc"}), &json!(null))
    );
    let last = site.sztp(&["audit", "list"]).good().out.lines().last().unwrap().to_owned();
    assert!(
        last.contains("policies-applied  deadlines.attempt=14400→315360000") && last.ends_with("by admin"),
        "{last}"
    );
}

#[test]
fn srv_18_a_webhook_that_fails_is_seen_and_its_address_is_not() {
    let mut site = Site::start();
    site.stop();
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    append(&site, &format!("[[webhook]]\nname = 'inventory'\nurl = 'http://{gone}/hook?token=hunter2'\n"));
    site.start_again();
    site.prepare();
    let status = loop {
        let status = site.sztp(&["status"]).good().out;
        if status.contains("cannot be reached") {
            break status;
        }
    };
    assert!(status.contains("\nWEBHOOK    BEHIND  FAILING SINCE"), "{status}");
    assert!(status.contains("\ninventory  ") && status.contains("ALARM webhook-failing"), "{status}");
    let all = site.sztp(&["status", "--output", "json"]).good().out;
    assert!(!all.contains("hunter2") && !status.contains("hunter2"));
    site.stop();
    append(&site, "webhook = 'http://u:hunter2@h/' x\n");
    for arguments in [&["serve", "--check-config"][..], &["doctor"], &["status"], &["audit", "verify"]] {
        let ended = site.sztp(arguments);
        assert_eq!(ended.code, Some(if arguments == ["status"] { 2 } else { 1 }), "{ended:?}");
        assert!(!ended.err.contains("hunter2") && !ended.out.contains("hunter2"), "{ended:?}");
        assert!(ended.err.contains("sztp.toml: line ") || ended.out.contains("sztp.toml: line "), "{ended:?}");
    }
    fs::remove_file(site.path("sztp.toml")).unwrap();
    for arguments in [&["serve"][..], &["audit", "verify"], &["status"], &["audit", "compact"]] {
        let ended = site.sztp(arguments);
        assert!(ended.err.contains("go to the folder that `sztp init` made"), "{ended:?}");
    }
}
