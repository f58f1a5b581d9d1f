//! `sztp demo` as a script would use it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::process::Command;

use interop_tests::lab::{Lab, program};
use serde_json::Value;

fn demo(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(program("sztp")).args(["demo", "--once", "--json"]).args(arguments).output().unwrap();
    let json = serde_json::from_slice(&output.stdout);
    (output.status.code(), json.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

#[test]
fn eight_good_devices_are_bootstrapped_and_every_rogue_is_refused_for_its_own_reason() {
    let (code, report) = demo(&[]);
    assert_eq!(code, Some(0), "{report:#}");
    let devices = report["devices"].as_array().unwrap();
    let (rogues, good): (Vec<_>, Vec<_>) = devices.iter().partition(|device| device["rogue"] == true);
    assert_eq!((good.len(), rogues.len()), (8, 2));
    for device in good {
        assert_eq!(device["state"], "bootstrapped", "{device:#}");
        assert_eq!(device["reason"], Value::Null);
        // The rogue server stands first in option 143, and is passed over by everybody.
        let passed_over = device["passed_over"].as_array().unwrap();
        assert!(passed_over.iter().any(|it| it["reason"] == "unsigned-onboarding-untrusted"), "{device:#}");
        assert!(!device["milliseconds"].as_object().unwrap().is_empty());
    }
    let reason = |name: &str| {
        let rogue = rogues.iter().find(|device| device["name"] == name).unwrap();
        assert_eq!(rogue["state"], "refused");
        rogue["reason"].clone()
    };
    assert_eq!(reason("rogue-a"), "owner-not-pinned");
    assert_eq!(reason("rogue-b"), "idevid-untrusted");
    assert_eq!(report["audit"]["verified"], true);
}

#[test]
fn a_record_that_was_tampered_with_is_found() {
    let (code, report) = demo(&["--devices", "1", "--tamper"]);
    assert_eq!(code, Some(0));
    assert_eq!(report["tampered"]["refusal"]["reason"], "log-leaf-mismatch");
}

#[test]
fn a_kept_device_starts_again_as_its_configuration_says() {
    let lab = Lab::build(1);
    let _server = lab.serve();
    // The first line of the file is the command, from the folder that the file is in.
    let folder = lab.folder().join("devices/bmc-01");
    let document = std::fs::read_to_string(folder.join("device.toml")).unwrap();
    let (_, command) = document.lines().next().unwrap().split_once("sztp-device ").unwrap();
    std::fs::remove_dir_all(folder.join("root")).unwrap();
    let run = Command::new(program("sztp-device")).args(command.split(' ')).current_dir(&folder).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
}
