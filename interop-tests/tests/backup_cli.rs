//! `sztp backup`, `sztp restore` and `sztp doctor` as an operator meets them, around the folder of a demo.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use interop_tests::lab::{Lab, program};
use serde_json::Value;

fn sztp(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program("sztp")).args(arguments).current_dir(folder).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn expect(code: i32, output: Output) -> String {
    let said = text(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// The name of the database in the folder.
fn database(folder: &Path) -> String {
    let config = fs::read_to_string(folder.join("sztp.toml")).unwrap();
    let line = config.lines().find(|line| line.starts_with("database")).unwrap();
    line.split(['"', '\'']).nth(1).unwrap().to_owned()
}

#[test]
fn a_backup_is_taken_verified_and_restored_and_devices_go_on() {
    let lab = Lab::build(1);
    let folder = lab.server_config().parent().unwrap().to_owned();
    let said = expect(0, sztp(&folder, &["backup", "--out", "b"]));
    assert!(said.contains("leaves of the audit log") && said.contains("Not in it: sztp.toml"), "{said}");
    assert_eq!(fs::metadata(folder.join("b")).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(!left.iter().any(|it| it.to_string_lossy().ends_with(".new")), "{left:?}");
    // Verified with nothing but the file and the published key.
    let key = expect(0, sztp(&folder, &["audit", "key"]));
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = folder.join("b").display().to_string();
    let verified = sztp(elsewhere.path(), &["restore", "--verify", &backup, "--key", key.trim(), "--output", "json"]);
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&verified["result"], &verified["key"]), (&"verified".into(), &key.trim().into()));
    // A database that holds something is not written over; a dry run says so too.
    expect(1, sztp(&folder, &["restore", "b", "--dry-run"]));
    let said = expect(1, sztp(&folder, &["restore", "b"]));
    assert!(said.contains("not empty"), "{said}");
    // The disk is lost.
    let newest = expect(0, sztp(&folder, &["audit", "checkpoint"]));
    fs::write(folder.join("newest"), newest).unwrap();
    let name = database(&folder);
    let lose = || {
        for ending in ["", "-wal", "-shm"] {
            let _none = fs::remove_file(folder.join(format!("{name}{ending}")));
        }
    };
    lose();
    let said = expect(1, sztp(&folder, &["doctor"]));
    assert!(said.contains("is not there") && said.contains("sztp restore"), "{said}");
    expect(0, sztp(&folder, &["restore", "b", "--dry-run", "--last-checkpoint", "newest"]));
    assert!(!folder.join(&name).exists(), "a dry run writes nothing");
    let said = expect(0, sztp(&folder, &["restore", "b", "--last-checkpoint", "newest"]));
    assert!(said.contains(key.trim()) && said.contains("publish this checkpoint"), "{said}");
    expect(0, sztp(&folder, &["audit", "verify", "--checkpoint", "newest"]));
    // Programs are told the same as people.
    lose();
    let restored = sztp(&folder, &["restore", "b", "--last-checkpoint", "newest", "--output", "json"]);
    let restored: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!(
        (&restored["result"], &restored["token"]["user"]),
        (&"restored".into(), &"admin".into()),
        "{restored:#}"
    );
    assert!(restored["tokens-revoked"].as_u64() >= Some(1), "{restored:#}");
    let published = restored["new-checkpoint"].as_str().unwrap();
    assert_ne!(published, restored["checkpoint"].as_str().unwrap());
    fs::write(folder.join("published"), published).unwrap();
    expect(0, sztp(&folder, &["audit", "verify", "--checkpoint", "newest", "--checkpoint", "published"]));
    // The server starts on it, and gives a backup itself: to whoever may have one, and it stands in the log who that was.
    let server = lab.serve();
    let said = expect(0, sztp(&folder, &["backup", "--out", "c"]));
    assert!(!said.contains("No server answers"), "{said}");
    let listed = expect(0, sztp(&folder, &["audit", "list", "--output", "json"]));
    assert!(listed.contains("backup-taken") && listed.contains("log-restored"), "{listed}");
    server.kill();
    expect(0, sztp(&folder, &["restore", "--verify", "c", "--key", key.trim()]));
    // And again beside the database, now that it is gone.
    let said = expect(0, sztp(&folder, &["backup", "--out", "c"]));
    assert!(said.contains("No server answers"), "{said}");
    expect(0, sztp(&folder, &["restore", "--verify", "c"]));
    expect(5, sztp(&folder, &["backup", "--out", "d", "--server", "https://127.0.0.1:1"]));
    assert!(!folder.join("d").exists());
}

#[test]
fn a_backup_that_was_tampered_with_is_refused_with_its_line() {
    let lab = Lab::build(1);
    let folder = lab.server_config().parent().unwrap().to_owned();
    expect(0, sztp(&folder, &["backup", "--out", "b"]));
    let backup = fs::read_to_string(folder.join("b")).unwrap();
    let line = backup.lines().position(|line| line.starts_with("[\"device\"")).unwrap();
    let altered: String = (backup.lines().enumerate())
        .map(|(at, text)| if at == line { text.replacen("null", "\"admin\"", 1) + "\n" } else { format!("{text}\n") })
        .collect();
    assert_ne!(altered, backup);
    fs::write(folder.join("b"), altered).unwrap();
    let said = expect(3, sztp(&folder, &["restore", "--verify", "b"]));
    assert!(said.contains(&format!("b: line {}: ", line + 1)), "{said}");
    fs::write(folder.join("b"), backup.lines().take(line).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let said = expect(3, sztp(&folder, &["restore", "b"]));
    assert!(said.contains(&format!("line {}: the file ends here", line + 1)), "{said}");
    expect(1, sztp(&folder, &["restore", "--verify", "nowhere"]));
}

#[test]
fn the_doctor_speaks_json_and_exits_by_what_it_found() {
    let lab = Lab::build(1);
    let folder = lab.server_config().parent().unwrap().to_owned();
    let output = sztp(&folder, &["doctor", "--output", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Named without a folder, the configuration is in this one, and so is the database.
    for check in ["database", "disk-space", "disk-sync", "log"] {
        let health = found["findings"].as_array().unwrap().iter().find(|it| it["check"] == check).unwrap();
        assert_ne!(health["health"], "failed", "{health}");
    }
    let failed = found["findings"].as_array().unwrap().iter().filter(|it| it["health"] == "failed").count();
    assert_eq!(
        (output.status.code(), &found["healthy"]),
        (Some(i32::from(failed > 0)), &(failed == 0).into()),
        "{found}"
    );
    let said = expect(1, sztp(&folder, &["doctor", "--config", "nowhere.toml"]));
    assert!(said.contains("nowhere.toml") && said.contains("do:"), "{said}");
}
