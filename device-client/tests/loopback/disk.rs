//! A real disk that is full, or takes nothing at all.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::bench::{Bench, OUTPUT};

/// Mounts of our own, in the network of the test, where its server is.
const MOUNTS: [&str; 5] = ["--map-root-user", "--mount", "--propagation=private", "--fork", "--kill-child"];

/// Runs a shell script in which `agent` runs the agent once and `root` is its folder.
fn with_mounts(bench: &Bench, script: &str) -> Output {
    let folder = bench.folder.path();
    let agent = env!("CARGO_BIN_EXE_sztp-device");
    let define = format!(
        "set -u\nagent() {{ {agent} run --once --trace trace --root root --config device.toml; echo \"code $?\"; }}\n"
    );
    let mut shell = Command::new("unshare");
    shell.args(MOUNTS).args(["--", "timeout", "60", "sh", "-c", &format!("{define}{script}")]);
    shell.current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

fn can_mount() -> bool {
    let mut tried = Command::new("unshare");
    tried.args(MOUNTS).args(["--", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).stdin(Stdio::null());
    tried.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn codes(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.strip_prefix("code ")).map(str::to_owned).collect()
}

fn told(bench: &Bench, output: &Output) -> String {
    let trace = fs::read_to_string(bench.folder.path().join("trace")).unwrap_or_default();
    format!("{}{trace}", String::from_utf8_lossy(&output.stderr))
}

/// A device that is configured, and has nothing in its folder but what it needs.
fn assert_arrived(bench: &Bench, listing: &str, case: &str) {
    assert_eq!(bench.configuration()["hostname"], "leaf-1", "{case}");
    let output = fs::read_to_string(bench.folder.path().join(OUTPUT)).unwrap();
    let count = |word| output.lines().filter(|line| *line == word).count();
    // The disk may have been full when the end of a script was to be remembered.
    assert!((1..=2).contains(&count("pre")) && (1..=2).contains(&count("post")), "{case}: {output}");
    let mut names: Vec<_> = listing.lines().filter(|line| line.starts_with("root/")).collect();
    names.retain(|name| !name.ends_with(".fit"));
    names.sort_unstable();
    let expected = [
        "root/done",
        "root/images",
        "root/images/active.json",
        "root/last-attempt.json",
        "root/lock",
        "root/state.journal",
    ];
    assert_eq!(names, expected, "{case}");
}

#[test]
fn a_full_disk_is_refused_with_its_reason_and_the_device_arrives_once_there_is_room() {
    peers::need!("unshare");
    if !can_mount() {
        peers::skip!("file systems cannot be mounted here");
    }
    let mut refusals = 0;
    // A page is the least that a file takes; a name takes an inode. The folder itself has one of each.
    let sizes = (1..=9).map(|pages| format!("size={}k", 4 * pages));
    let inodes = (2..=10).map(|inodes| format!("nr_inodes={inodes}"));
    for option in sizes.chain(inodes) {
        let bench = Bench::new("continue");
        let script = format!(
            "mkdir root && mount -t tmpfs -o {option},mode=700 tmpfs root || exit 9\nagent\n\
             mount -o remount,size=1m,nr_inodes=100 root || exit 9\nagent\nagent\nfind root -mindepth 1\n"
        );
        let output = with_mounts(&bench, &script);
        let (codes, told) = (codes(&output), told(&bench, &output));
        assert_eq!(codes.len(), 3, "{option}: {told}");
        if codes[0] != "0" {
            refusals += 1;
            assert!(told.contains("No space left on device") || told.contains("no storage space"), "{option}: {told}");
        }
        assert_eq!(codes[2], "0", "{option}: {codes:?} {told}");
        assert_arrived(&bench, &String::from_utf8_lossy(&output.stdout), &option);
    }
    assert!(refusals > 8, "{refusals}");
}

#[test]
fn a_disk_that_takes_nothing_is_refused_with_its_reason_and_asks_nobody() {
    peers::need!("unshare");
    if !can_mount() {
        peers::skip!("file systems cannot be mounted here");
    }
    let bench = Bench::new("continue");
    let script = "mkdir root && mount --bind root root && mount -o remount,bind,ro root || exit 9\nagent\n";
    let output = with_mounts(&bench, script);
    assert_eq!(codes(&output), ["1"]);
    let told = told(&bench, &output);
    assert!(told.contains("Read-only file system") && told.contains("root"), "{told}");
    assert_eq!(bench.requests(), 0);
    // The mount ended with its namespace.
    let output = with_mounts(&bench, "agent\nfind root -mindepth 1\n");
    assert_eq!(codes(&output), ["0"]);
    assert_arrived(&bench, &String::from_utf8_lossy(&output.stdout), "after it was mounted for writing");
}

#[test]
fn a_configuration_that_lies_on_a_disk_that_takes_nothing_stays_what_it_is() {
    peers::need!("unshare");
    if !can_mount() {
        peers::skip!("file systems cannot be mounted here");
    }
    let bench = Bench::new("continue");
    let folder = bench.folder.path();
    fs::create_dir(folder.join("etc")).unwrap();
    fs::rename(folder.join("running.json"), folder.join("etc/running.json")).unwrap();
    let path = folder.join("device.toml");
    let text = fs::read_to_string(&path).unwrap().replace("'running.json'", "'etc/running.json'");
    fs::write(&path, text).unwrap();
    let script = "mount --bind etc etc && mount -o remount,bind,ro etc || exit 9\nagent\n";
    let output = with_mounts(&bench, script);
    assert_eq!(codes(&output), ["1"]);
    assert!(told(&bench, &output).contains("etc/running.json"));
    assert_eq!(bench.reports().last().map(String::as_str), Some("config-error"));
    assert_eq!(fs::read_to_string(folder.join("etc/running.json")).unwrap(), "{\"kept\":true}");
    assert!(!bench.root("done").exists());
    assert!(is_empty_of_secrets(folder));
    assert_eq!(codes(&with_mounts(&bench, "agent\n")), ["0"]);
    assert!(fs::read_to_string(folder.join("etc/running.json")).unwrap().contains("leaf-1"));
}

fn is_empty_of_secrets(folder: &Path) -> bool {
    let kept = ["root/configuration.previous", "root/configuration.absent", "etc/running.json.new"];
    let scripts = fs::read_dir(folder.join("root/work")).map_or(0, Iterator::count);
    scripts == 0 && kept.iter().all(|name| !folder.join(name).exists())
}
