//! A device and a bootstrap server on loopback: real TLS, real files, real processes.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod bench;
mod disk;
mod kill;
mod looping;
mod probing;
mod replaying;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use bench::{Bench, OUTPUT};
use device_client::{Device, OpenError, OutcomeState, config::Config};

fn open(bench: &Bench) -> Device {
    let path = bench.folder.path().join("device.toml");
    Device::open(Config::load(&path).unwrap(), &bench.folder.path().join("root")).unwrap()
}

#[test]
fn a_device_installs_an_image_reboots_is_configured_and_stays_done() {
    let bench = Bench::new("continue");
    let mut device = open(&bench);
    let mut steps = Vec::new();
    let outcome = device.run_once(&mut |record| steps.push(record.step));
    assert_eq!(outcome.state, OutcomeState::Bootstrapped, "{outcome:?}");
    assert!(steps.contains(&"image-installed") && steps.contains(&"bootstrapped"), "{steps:?}");
    assert!(outcome.steps.iter().any(|(name, _)| name == "download-image"));
    assert_eq!(bench.configuration()["hostname"], "leaf-1");
    assert_eq!(bench.configuration()["kept"], true);
    assert_eq!(fs::read_to_string(bench.folder.path().join(OUTPUT)).unwrap(), "pre\npost\n");
    assert_eq!(
        bench.reports(),
        ["bootstrap-initiated", "boot-image-installed-rebooting", "bootstrap-initiated", "bootstrap-complete"]
    );
    assert!(!bench.root("configuration.previous").exists() && !bench.root("work").exists());

    // A second run does nothing and says so, in this process and in another one.
    let asked = bench.requests();
    assert_eq!(device.run_once(&mut |_| {}).state, OutcomeState::AlreadyDone);
    drop(device);
    assert_eq!(open(&bench).run_once(&mut |_| {}).state, OutcomeState::AlreadyDone);
    assert_eq!(bench.requests(), asked);

    // In factory state it starts again.
    device_client::state::reset(&bench.folder.path().join("root")).unwrap();
    assert_eq!(open(&bench).run_once(&mut |_| {}).state, OutcomeState::Bootstrapped);
}

#[test]
fn a_server_whose_key_is_not_that_of_its_certificate_is_not_asked() {
    let bench = Bench::impostor();
    let outcome = open(&bench).run_once(&mut |_| {});
    assert_ne!(outcome.state, OutcomeState::Bootstrapped);
    assert_eq!(bench.requests(), 0);
}

#[test]
fn cli_01_a_device_that_is_switched_off_sends_nothing() {
    let bench = Bench::new("exit");
    let path = bench.folder.path().join("device.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("enabled = false\n{text}")).unwrap();
    assert_eq!(open(&bench).run_once(&mut |_| {}).state, OutcomeState::SwitchedOff);
    assert_eq!(bench.requests(), 0);
}

#[test]
fn cli_82_call_home_begins_when_the_device_is_bootstrapped_and_at_each_later_start() {
    let bench = Bench::new("continue");
    let path = bench.folder.path().join("device.toml");
    let text = fs::read_to_string(&path).unwrap();
    let called = bench.folder.path().join("called");
    let program = format!("when-bootstrapped = ['/bin/sh', '-c', 'echo home >> {}']\n", called.display());
    fs::write(&path, program + &text).unwrap();
    let calls = || fs::read_to_string(&called).unwrap_or_default().lines().count();
    assert_eq!((open(&bench).run_once(&mut |_| {}).state, calls()), (OutcomeState::Bootstrapped, 1));
    assert_eq!((open(&bench).run_once(&mut |_| {}).state, calls()), (OutcomeState::AlreadyDone, 2));
}

/// DEV-02, CLI-04: the variable is in what the owner's configuration writes.
#[test]
fn dev_02_a_merge_turns_the_switch_off_and_the_device_stays_off() {
    let bench = Bench::new("continue");
    let path = bench.folder.path().join("device.toml");
    let text = fs::read_to_string(&path).unwrap();
    let switch = "[switch]\nfile = 'running.json'\npointer = '/bootstrap'\n";
    fs::write(&path, format!("{text}{switch}")).unwrap();
    fs::write(bench.folder.path().join("running.json"), "{\"bootstrap\":false}").unwrap();
    assert_eq!(open(&bench).run_once(&mut |_| {}).state, OutcomeState::SwitchedOff);
    assert_eq!(bench.requests(), 0);
    // Left on, it is warned of.
    fs::write(bench.folder.path().join("running.json"), "{\"bootstrap\":true,\"kept\":true}").unwrap();
    assert_eq!(open(&bench).run_once(&mut |_| {}).state, OutcomeState::Bootstrapped);
    assert!(bench.reports().contains(&"bootstrap-warning".to_owned()), "{:?}", bench.reports());
}

#[test]
fn a_folder_belongs_to_one_device_at_a_time() {
    let bench = Bench::new("exit");
    let path = bench.folder.path().join("device.toml");
    let root = bench.folder.path().join("root");
    let held = open(&bench);
    let second = Device::open(Config::load(&path).unwrap(), &root);
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    assert!(device_client::state::reset(&root).is_err());
    drop(held);
    open(&bench);
}

#[test]
fn what_an_earlier_run_left_behind_is_removed_at_the_next_start() {
    let bench = Bench::new("exit");
    drop(open(&bench));
    for name in ["configuration.previous", "done"] {
        fs::write(bench.root(name), "{}").unwrap();
    }
    fs::create_dir_all(bench.root("work/pre-script")).unwrap();
    assert_eq!(open(&bench).run_once(&mut |_| {}).state, OutcomeState::AlreadyDone);
    assert!(!bench.root("configuration.previous").exists() && !bench.root("work").exists());
}

#[test]
fn an_image_that_was_installed_and_not_booted_does_not_count_as_running() {
    let bench = Bench::new("exit");
    let folder = bench.folder.path();
    // Nobody boots: the same image is asked for twice, and then given up.
    assert_eq!([run(folder, None), run(folder, None)], [Some(75), Some(75)]);
    assert_eq!(run(folder, None), Some(1));
    assert_eq!(bench.reports().last().map(String::as_str), Some("boot-image-error"));
    assert!(!bench.root("done").exists());
    // Once it is booted, it runs.
    boot(&bench);
    assert_eq!(run(folder, None), Some(0));
}

/// What a boot changes: the image was installed in another one.
fn boot(bench: &Bench) {
    let path = bench.root("images/active.json");
    let mut active: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    active["boot-id"] = "an earlier boot".into();
    fs::write(&path, active.to_string()).unwrap();
}

/// Starts the agent and kills it when it has written `lines` lines of its trace; `None` lets it run to its end.
fn run(folder: &Path, lines: Option<usize>) -> Option<i32> {
    let mut agent = Command::new(env!("CARGO_BIN_EXE_sztp-device"))
        .args(["run", "--once", "--trace", "-", "--root"])
        .arg(folder.join("root"))
        .arg("--config")
        .arg(folder.join("device.toml"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut trace = BufReader::new(agent.stdout.take().unwrap()).lines();
    let read = trace.by_ref().take(lines.unwrap_or(usize::MAX)).map(Result::unwrap).count();
    if lines == Some(read) {
        agent.kill().unwrap();
    }
    agent.wait().unwrap().code()
}

#[test]
fn a_device_that_is_cut_off_after_any_line_of_its_trace_still_arrives() {
    let mut cuts = 0;
    for lines in 1.. {
        let bench = Bench::new("exit");
        let folder = bench.folder.path();
        let cut = run(folder, Some(lines));
        cuts += usize::from(cut.is_none());
        let mut codes = vec![cut];
        while codes.last() != Some(&Some(0)) {
            assert!(codes.len() < 5, "after {lines} lines: {codes:?}");
            if codes.last() == Some(&Some(75)) {
                boot(&bench);
            }
            codes.push(run(folder, None));
        }
        assert_eq!(bench.configuration()["hostname"], "leaf-1", "{lines}");
        assert_eq!(bench.configuration()["kept"], true, "{lines}");
        assert!(bench.root("done").exists() && !bench.root("configuration.previous").exists(), "{lines}");
        // Scripts run once, or a second time when the cut fell between their end and the journal.
        let output = fs::read_to_string(folder.join(OUTPUT)).unwrap();
        let count = |word| output.lines().filter(|line| *line == word).count();
        assert!((1..=2).contains(&count("pre")) && (1..=2).contains(&count("post")), "{lines}: {output}");
        // The first run ended by itself, wanting its reboot: there is no line left to be cut off at.
        if cut == Some(75) {
            break;
        }
    }
    assert!(cuts > 8, "{cuts}");
}

#[test]
fn a_device_that_is_cut_off_after_its_reboot_still_arrives() {
    for lines in 1.. {
        let bench = Bench::new("exit");
        let folder = bench.folder.path();
        assert_eq!(run(folder, None), Some(75));
        boot(&bench);
        let cut = run(folder, Some(lines));
        if cut.is_none() {
            assert_eq!(run(folder, None), Some(0), "{lines}");
        }
        assert_eq!(bench.configuration()["hostname"], "leaf-1", "{lines}");
        assert!(bench.root("done").exists(), "{lines}");
        if cut == Some(0) {
            assert!(lines > 8, "{lines}");
            break;
        }
    }
}
