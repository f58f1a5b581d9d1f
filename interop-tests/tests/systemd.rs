//! The unit that packages install: judged by systemd's own tools, and by whether the server is what the unit says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use interop_tests::{
    lab::{Lab, program},
    need,
};

/// The highest exposure that `systemd-analyze security` may find, in tenths: what is left is the network itself.
const EXPOSURE: &str = "--threshold=20";

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd")
}

fn unit() -> String {
    fs::read_to_string(packaging().join("sztp.service")).unwrap()
}

/// The values of a setting in the unit.
fn setting(name: &str) -> Vec<String> {
    let unit = unit();
    let values = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

/// The unit in a folder of its own, naming the program that was built, alone and with the drop-in.
fn installed(drop_in: Option<&str>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit().replace("/usr/bin/sztp serve", &format!("{} serve", program("sztp").display()));
    fs::write(folder.path().join("sztp.service"), unit).unwrap();
    if let Some(name) = drop_in {
        let beside = folder.path().join("sztp.service.d");
        fs::create_dir(&beside).unwrap();
        fs::copy(packaging().join(name), beside.join(name)).unwrap();
    }
    folder
}

#[test]
fn systemd_has_nothing_to_say_against_the_unit() {
    let systemd = need!("systemd-analyze");
    for drop_in in [None, Some("sztp-dhcp.conf")] {
        let folder = installed(drop_in);
        let verified = Command::new(systemd.path())
            .args(["verify", "--man=no", "sztp.service"])
            .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        // Other units of this machine may be worth a remark.
        let ours: Vec<_> = said.lines().filter(|line| line.contains("sztp")).collect();
        assert!(verified.status.success() && ours.is_empty(), "{said}");
        let judged = Command::new(systemd.path())
            .args(["security", "--offline=true", "--no-pager", EXPOSURE])
            .arg(folder.path().join("sztp.service"))
            .output()
            .unwrap();
        assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
    }
}

#[test]
fn the_unit_starts_what_the_program_has() {
    let [start] = &setting("ExecStart")[..] else { panic!("one command") };
    let mut words = start.split_whitespace();
    assert_eq!((words.next(), words.next()), (Some("/usr/bin/sztp"), Some("serve")));
    let help = Command::new(program("sztp")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let words: Vec<_> = words.collect();
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")), "{option}: {help}");
    }
    // One folder for all: what the unit keeps is where the server works and where its configuration is.
    let folder = format!("/var/lib/{}", setting("StateDirectory")[0]);
    assert_eq!(setting("WorkingDirectory"), [folder.as_str()]);
    assert!(words.contains(&format!("{folder}/sztp.toml").as_str()), "{start}");
    // Rights are given by the drop-in alone.
    assert_eq!(setting("CapabilityBoundingSet"), [""]);
    assert_eq!(setting("AmbientCapabilities"), [""]);
}

/// What the server says to its supervisor, in order.
#[test]
fn the_server_tells_its_supervisor_that_it_is_ready_alive_and_stopping() {
    let lab = Lab::build(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    supervisor.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut server = Command::new(program("sztp"))
        .args(["serve", "--config"])
        .arg(lab.server_config())
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let hear = || {
        let mut octets = [0; 64];
        let length = supervisor.recv(&mut octets).unwrap();
        String::from_utf8(octets[..length].to_vec()).unwrap()
    };
    assert_eq!(hear(), "READY=1");
    assert_eq!(hear(), "WATCHDOG=1");
    assert_eq!(hear(), "WATCHDOG=1");
    let killed = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(killed.success());
    let last = std::iter::repeat_with(hear).find(|said| said != "WATCHDOG=1").unwrap();
    assert_eq!(last, "STOPPING=1");
    assert!(server.wait().unwrap().success(), "SIGTERM is the way to stop it");
}
