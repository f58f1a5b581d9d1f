//! `sztp-device run` while it cannot reach anybody: how it ends.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStderr, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::Bench;

struct Agent {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

/// Starts an agent whose only server is a port that nobody listens at, and lets it fail once.
fn waiting(bench: &Bench) -> Agent {
    let path = bench.folder.path().join("device.toml");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut config: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
    config["well-known"][0]["port"] = i64::from(nobody).into();
    fs::write(&path, config.to_string()).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_sztp-device"))
        .args(["run", "--root"])
        .arg(bench.root(""))
        .arg("--config")
        .arg(&path)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut agent = Agent { process, lines };
    agent.says("again in ");
    agent
}

impl Agent {
    /// Reads what it says until a line begins like this.
    fn says(&mut self, beginning: &str) {
        assert!(self.lines.by_ref().map(Result::unwrap).any(|line| line.starts_with(beginning)), "{beginning}");
    }
}

#[test]
fn cli_04_switching_bootstrapping_off_ends_the_loop_at_once() {
    let bench = Bench::new("exit");
    let mut agent = waiting(&bench);
    let path = bench.folder.path().join("device.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("enabled = false\n{text}")).unwrap();
    agent.says("switched-off");
    assert_eq!(agent.process.wait().unwrap().code(), Some(0));
    // What went wrong before stays known.
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(bench.root("last-attempt.json")).unwrap()).unwrap();
    assert_eq!((kept["state"].as_str(), kept["reason"].as_str()), (Some("unreachable"), Some("server-unreachable")));
}

#[test]
fn cli_03_a_device_arrives_when_what_was_wrong_is_mended() {
    let bench = Bench::new("continue");
    let right = fs::read_to_string(bench.folder.path().join("device.toml")).unwrap();
    let mut agent = waiting(&bench);
    // Half a file is no reason to stop.
    fs::write(bench.folder.path().join("device.toml"), "idevid-cer").unwrap();
    agent.says("the configuration is not valid");
    fs::write(bench.folder.path().join("device.toml"), right).unwrap();
    agent.says("bootstrapped");
    assert_eq!(agent.process.wait().unwrap().code(), Some(0));
    assert!(bench.root("done").exists());
}

#[test]
fn cli_04_a_device_that_is_told_to_end_ends_and_leaves_nothing_half_done() {
    let bench = Bench::new("exit");
    let mut agent = waiting(&bench);
    kill_process(Pid::from_child(&agent.process), Signal::TERM).unwrap();
    assert_eq!(agent.process.wait().unwrap().code(), None);
    // The folder is free, and the next start goes on as if nothing had been.
    let removed = device_client::state::reset(&bench.root("")).unwrap();
    assert!(removed.contains(&bench.root("last-attempt.json")), "{removed:?}");
    assert!(!bench.root("done").exists() && !bench.root("work").exists());
}
