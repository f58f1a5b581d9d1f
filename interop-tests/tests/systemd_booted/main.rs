//! The unit that packages install, under a booted systemd: it starts, serves, reloads, comes back after a crash, and stops
//! cleanly, with every restriction that it names in force.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use interop_tests::{lab::program, need, skip};

/// How long it may take to boot and to check everything.
const PATIENCE: Duration = Duration::from_secs(180);

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systemd_booted").join(name)
}

fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd").join(name)
}

/// A control group of its own, since PID 1 wants to be at the root of what it sees. Gone when dropped.
struct ControlGroup(PathBuf);

impl ControlGroup {
    fn make() -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let mut found = mounts.lines().map(|line| line.split(' ')).filter_map(|mut fields| {
            let folder = fields.nth(1)?;
            (fields.next()? == "cgroup2").then(|| PathBuf::from(folder))
        });
        let parent = found.next().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let group = parent.join(format!("sztp-test-{}", std::process::id()));
        fs::create_dir(&group)?;
        Ok(Self(group))
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Whatever is left inside ends with PID 1; the kernel may take a moment over it.
        let deadline = Instant::now() + Duration::from_secs(10);
        while remove(&self.0).is_err() && Instant::now() < deadline {
            std::thread::yield_now();
        }
    }
}

/// Removes a control group and those below it. Their files cannot be removed, and need not be.
fn remove(group: &Path) -> io::Result<()> {
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

/// Waits for the end of `child`, and ends it when it takes too long.
fn ended(child: &mut Child) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

#[test]
fn the_unit_runs_under_a_booted_systemd_with_all_its_restrictions() {
    let unshare = need!("unshare");
    let (_mount, _ip) = (need!("mount"), need!("ip"));
    let systemd = Path::new("/usr/lib/systemd/systemd");
    if !systemd.exists() {
        skip!("systemd is not installed");
    }
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        skip!("booting systemd in namespaces of its own takes root");
    }
    let group = match ControlGroup::make() {
        Ok(group) => group,
        Err(error) => skip!(format!("no control group can be made: {error}")),
    };

    let folder = tempfile::tempdir().unwrap();
    let (root, result, site) = (folder.path().join("root"), folder.path().join("result"), folder.path().join("site"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&result).unwrap();
    // The network inside is its own, so that these ports are nobody else's.
    let made = Command::new(program("sztp"))
        .args(["init", "--dns-name", "localhost", "--device-listen", "127.0.0.1:8443"])
        .args(["--operator-listen", "127.0.0.1:8444"])
        .arg(&site)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    for file in ["check.sh", "check.service"] {
        fs::copy(here(file), result.join(file)).unwrap();
    }
    for file in ["sztp.service", "sztp-dhcp.conf"] {
        fs::copy(packaged(file), result.join(file)).unwrap();
    }
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut booted = Command::new("sh")
        // It is in its group before anything else is.
        .args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""])
        .arg(&group.0)
        .arg(unshare.path())
        .args(["--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child", "sh"])
        .arg(here("boot.sh"))
        .args([&root, &result, &program("sztp"), &site])
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let in_time = ended(&mut booted);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    if !result.join("booting").exists() {
        skip!(format!("no root for systemd can be made here: {}", log.lines().last().unwrap_or("without a word")));
    }

    let said = fs::read_to_string(result.join("out")).unwrap_or_default();
    let err = fs::read_to_string(result.join("err")).unwrap_or_default();
    // The unit that checks depends on nothing: where it says not a word, systemd itself does not come up.
    if said.is_empty() {
        skip!(format!(
            "systemd does not come up in namespaces here: {}",
            log.lines().last().unwrap_or("without a word")
        ));
    }
    assert!(in_time && said.ends_with("done\n"), "it did not come to its end:\n{said}\n{err}\n{log}");
    let seen: BTreeMap<_, _> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let expected = BTreeMap::from([
        ("init", "systemd"),
        ("started", "active"),
        ("served", "yes"),
        ("user", "990"),
        ("rights", "0000000000000000"),
        ("no-new-privileges", "1"),
        ("seccomp", "2"),
        ("reload", "0"),
        ("same-process-after-reload", "yes"),
        ("served-after-reload", "yes"),
        ("served-after-crash", "yes"),
        ("stopped", "inactive"),
        ("result", "success"),
        ("exit-status", "0"),
        ("log", "verified"),
        ("low-port-without-drop-in", "failed"),
        ("low-port-with-drop-in", "active"),
        ("served-on-low-port", "yes"),
        ("user-with-drop-in", "990"),
    ]);
    assert_eq!(seen, expected, "{said}\n{err}\n{log}");
}
