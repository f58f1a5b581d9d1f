//! `sztp-device run --capture`, and `sztp-device replay` on what it wrote, by the real program.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::bench::Bench;

#[path = "../schema/mod.rs"]
mod schema;

/// Runs the program: its exit code, and what it said on standard output.
fn agent(arguments: &[&str], paths: &[(&str, &Path)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sztp-device"));
    command.args(arguments);
    paths.iter().for_each(|(option, path)| {
        command.args(Some(option).filter(|it| !it.is_empty())).arg(path);
    });
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn captured(bench: &Bench, capture: &Path) -> (Option<i32>, String) {
    let (root, config) = (bench.root(""), bench.folder.path().join("device.toml"));
    let paths = [("--root", root.as_path()), ("--config", &config), ("--capture", capture)];
    agent(&["run", "--once", "--trace", "-"], &paths)
}

#[test]
fn what_a_device_was_told_is_replayed_without_it_to_the_same_trace() {
    let bench = Bench::new("continue");
    let capture = bench.folder.path().join("field.capture");
    // Whoever could read the file before cannot read the new one.
    fs::write(&capture, "old").unwrap();
    fs::set_permissions(&capture, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, trace) = captured(&bench, &capture);
    assert_eq!(code, Some(0));
    let schema = schema::of_traces();
    trace.lines().for_each(|line| schema::check(&schema, &serde_json::from_str(line).unwrap()));
    assert_eq!(fs::metadata(&capture).unwrap().permissions().mode() & 0o777, 0o600);
    // Two attempts: the image, and after the reboot the rest.
    let begun = fs::read_to_string(&capture).unwrap().matches("\"line\":\"attempt\"").count();
    assert_eq!(begun, 2);

    let requests = bench.requests();
    let (code, replayed) = agent(&["replay", "--json"], &[("", &capture)]);
    assert_eq!((code, replayed), (Some(0), trace));
    let (code, told) = agent(&["replay"], &[("", &capture)]);
    assert!(code == Some(0) && told.contains("ok bootstrapped 127.0.0.1:"), "{told}");
    assert!(told.ends_with("decisions as in the capture; attempts: 2\n"), "{told}");
    assert_eq!(bench.requests(), requests);

    // With another clock the server's certificate would not have counted.
    let (code, told) = agent(&["replay", "--at", "1950-01-01T00:00:00Z"], &[("", &capture)]);
    assert!(code == Some(1) && told.contains("is another one"), "{told}");
}

#[test]
fn a_capture_that_cannot_be_written_keeps_no_device_from_bootstrapping() {
    let bench = Bench::new("continue");
    let (code, trace) = captured(&bench, &bench.folder.path().join("no such folder/capture"));
    assert_eq!(code, Some(0));
    assert!(trace.contains("\"step\":\"capture\""), "{trace}");
    // Nor is a link followed that somebody laid where the capture goes.
    let bench = Bench::new("continue");
    let (link, target) = (bench.folder.path().join("capture"), bench.folder.path().join("target"));
    fs::write(&target, "kept").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    assert_eq!(captured(&bench, &link).0, Some(0));
    assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
}

#[test]
fn what_is_no_capture_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for content in ["", "{}\n", "{\"line\":\"cut\",\"why\":\"x\"}\n", "\u{0}\n"] {
        fs::write(&file, content).unwrap();
        assert_eq!(agent(&["replay"], &[("", &file)]), (Some(1), String::new()), "{content:?}");
    }
}
