//! What packages install: the services, and the sample configuration.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use device_client::config::{Config, ConfigError};

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging")
}

fn sample() -> String {
    fs::read_to_string(packaging().join("device/device.toml")).unwrap()
}

/// The sample with the lines that are commented out by one of these marks; each starts a key or a table.
fn with(marks: &[&str]) -> String {
    let line = |line: &str| {
        let shown = marks.iter().find_map(|mark| line.strip_prefix(mark));
        shown
            .filter(|it| it.starts_with(|first: char| first.is_ascii_lowercase() || first == '['))
            .unwrap_or(line)
            .to_owned()
    };
    sample().lines().map(line).collect::<Vec<_>>().join("\n")
}

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/etc/sztp")).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn written(config: &Config) -> String {
    format!("{config:#?}")
}

#[test]
fn dev_01_the_defaults_of_the_sample_are_those_of_the_program() {
    let sample = parse(&sample());
    assert!(sample.enabled);
    // Whatever the sample writes out changes nothing.
    assert_eq!(written(&parse(&with(&["#"]))), written(&sample));
    // And it asks for nothing but where the identity is, and where to look.
    let mut bare = Config::new(sample.identity.clone());
    bare.sources.clone_from(&sample.sources);
    assert_eq!(written(&bare), written(&sample));
}

#[test]
fn every_key_in_the_sample_exists() {
    // An example may stand for what is there already.
    let mut seen: Vec<String> = Vec::new();
    let mut lines = Vec::new();
    for line in with(&["#: ", "#"]).lines().rev() {
        let key = line.split_once(" = ").map(|(key, _)| key).filter(|key| !key.starts_with('#'));
        if line.starts_with('[') {
            seen.clear();
        }
        if let Some(key) = key {
            if seen.iter().any(|it| it == key) {
                continue;
            }
            seen.push(key.to_owned());
        }
        lines.push(line.to_owned());
    }
    lines.reverse();
    let config = parse(&lines.join("\n"));
    assert_eq!(config.well_known[0].server.host(), "bootstrap.example.com");
    assert!(config.configuration.is_some() && config.switch.is_some(), "{config:#?}");
}

/// The names that the program would have taken where `text` has `nonsense`.
fn expected(text: &str) -> Vec<String> {
    let Err(ConfigError::Invalid { source }) = Config::parse(text, Path::new("")) else { panic!("taken: {text}") };
    let message = source.to_string();
    let (_, names) = message.split_once("expected").unwrap_or_default();
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_sample_tells_of_every_key() {
    const IDENTITY: &str = "idevid-certificate = 'c'\nidevid-key = 'k'\n";
    let sample = sample();
    let section = |kind: &str| {
        let (_, after) = sample.split_once(&format!("kind = \"{kind}\"")).unwrap_or_else(|| panic!("no {kind}"));
        after.split("\n[[").next().unwrap().to_owned()
    };
    let tells = |text: &str, key: &str| {
        let is_it = |line: &str| {
            let line = line.trim_start_matches('#').trim_start_matches(": ");
            line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = ")) || line.trim_matches(['[', ']']) == key
        };
        text.lines().any(is_it)
    };
    let keys = expected(&format!("nonsense = 1\n{IDENTITY}"));
    assert!(keys.len() > 15, "{keys:?}");
    for key in keys {
        assert!(tells(&sample, &key), "packaging/device/device.toml does not tell of `{key}`");
    }
    for table in ["[limits]", "[[well-known]]", "[switch]"] {
        let keys = expected(&format!("{IDENTITY}{table}\nnonsense = 1"));
        assert!(!keys.is_empty());
        for key in keys {
            assert!(tells(&sample, &key), "packaging/device/device.toml does not tell of `{key}` in {table}");
        }
    }
    let kinds = expected(&format!("{IDENTITY}[[sources]]\nkind = 'nonsense'"));
    assert!(kinds.len() >= 6, "{kinds:?}");
    // The list of the factory has nothing to be asked by.
    for kind in kinds.into_iter().filter(|kind| kind != "well-known") {
        for key in expected(&format!("{IDENTITY}[[sources]]\nkind = '{kind}'\nnonsense = 1")) {
            let told = tells(&section(&kind), &key);
            assert!(told, "packaging/device/device.toml does not tell of `{key}` of the source {kind}");
        }
    }
}

/// Every script, by the marks of its first line.
fn scripts() -> Vec<PathBuf> {
    let mut folders = vec![packaging()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read_to_string(&path)
                .is_ok_and(|text| text.starts_with("#!/bin/sh\n") || text.starts_with("#!/sbin/openrc-run\n"))
            {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn scripts_are_scripts_to_every_shell() {
    let scripts = scripts();
    assert!(scripts.len() >= 3, "{scripts:?}");
    let check = |shell: &[&str]| {
        for script in &scripts {
            let (program, arguments) = shell.split_first().unwrap();
            let judged = Command::new(program).args(arguments).arg("-n").arg(script).output().unwrap();
            assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
        }
    };
    check(&["sh"]);
    let _busybox = peers::need!("busybox");
    check(&["busybox", "ash"]);
}

/// A folder with an agent that leaves its arguments in `calls` and ends as `codes` say, one after the other.
fn agent(codes: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("codes", codes.replace(' ', "\n"));
    write(
        "agent",
        "#!/bin/sh\ncd \"${0%/*}\"\necho \"$@\" >>calls\nread -r code <codes\nsed -i 1d codes\n\
         [ \"$code\" = stay ] && exec sleep 3600\nexit \"$code\"\n"
            .to_owned(),
    );
    write("reboot", "#!/bin/sh\necho rebooted >>\"${0%/*}/calls\"\n".to_owned());
    folder
}

fn supervise(folder: &Path) -> Command {
    let mut supervise = Command::new(packaging().join("device/sztp-device-supervise"));
    supervise.args(["--config", "a b"]).env("SZTP_DEVICE", folder.join("agent")).env("SZTP_PAUSE", "0");
    supervise.env("SZTP_REBOOT", folder.join("reboot")).stdin(Stdio::null());
    supervise
}

#[test]
fn the_supervisor_goes_on_until_the_device_is_bootstrapped_or_wants_a_reboot() {
    for (codes, end, calls) in [("1 137 0", 0, 3), ("1 75", 0, 2), ("2", 2, 1)] {
        let folder = agent(codes);
        let ended = supervise(folder.path()).status().unwrap();
        let said = fs::read_to_string(folder.path().join("calls")).unwrap();
        assert_eq!(ended.code(), Some(end), "{codes}");
        assert_eq!(said.lines().filter(|line| *line == "run --config a b").count(), calls, "{codes}: {said}");
        assert_eq!(said.ends_with("rebooted\n"), codes.ends_with("75"), "{codes}");
    }
}

/// Waits for a line in a file that another process writes.
fn wait_for(path: &Path, text: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !fs::read_to_string(path).is_ok_and(|said| said.contains(text)) {
        assert!(std::time::Instant::now() < deadline, "{text} did not come");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn stopping_the_service_ends_the_agent() {
    let folder = agent("stay");
    let _logger = peers::need!("logger");
    let (pid, calls) = (folder.path().join("pid"), folder.path().join("calls"));
    fs::write(
        folder.path().join("defaults"),
        format!(
            "SUPERVISE={}\nPIDFILE={}\nOPTIONS=\"--root here\"\nexport SZTP_DEVICE={} SZTP_PAUSE=0\n",
            packaging().join("device/sztp-device-supervise").display(),
            pid.display(),
            folder.path().join("agent").display()
        ),
    )
    .unwrap();
    let service = |word: &str| {
        let mut script = Command::new(packaging().join("device/sysv/sztp-device"));
        script.arg(word).env("SZTP_DEFAULTS", folder.path().join("defaults"));
        script.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    };
    assert_eq!(service("status"), Some(3));
    assert_eq!(service("start"), Some(0));
    wait_for(&calls, "run --root here");
    assert_eq!((service("status"), service("start")), (Some(0), Some(0)));
    let number = fs::read_to_string(&pid).unwrap();
    assert_eq!(service("stop"), Some(0));
    assert!(!pid.exists() && !Path::new("/proc").join(number.trim()).exists());
    assert_eq!((service("status"), service("stop")), (Some(3), Some(0)));
    assert_eq!(fs::read_to_string(calls).unwrap().lines().count(), 1, "started once");
    assert_eq!(service("nonsense"), Some(2));
}

/// What a package starts is what the program takes, and a folder it may write to.
#[test]
fn services_start_what_the_program_has() {
    let help = Command::new(env!("CARGO_BIN_EXE_sztp-device")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for name in ["systemd/sztp-device.service", "openrc/sztp-device", "sysv/sztp-device"] {
        let text = fs::read_to_string(packaging().join("device").join(name)).unwrap();
        assert!(text.contains("--config /etc/sztp/device.toml --root /var/lib/sztp"), "{name}");
    }
    for default in ["(default /etc/sztp/device.toml)", "(default /var/lib/sztp)"] {
        assert!(help.contains(default), "{default}");
    }
    let recipe = fs::read_to_string(packaging().join("yocto/recipes-core/sztp-device/sztp-device_git.bb")).unwrap();
    let package = fs::read_to_string(packaging().join("buildroot/sztp-device/sztp-device.mk")).unwrap();
    for text in [recipe, package] {
        // Each file that is installed from the sources is there.
        let words = text.split(|sign: char| sign.is_whitespace() || "(),\"".contains(sign));
        let named: Vec<_> = words.filter_map(|word| word.split_once("/packaging/").map(|(_, path)| path)).collect();
        assert!(named.len() >= 4, "{named:?}");
        for path in named {
            assert!(packaging().join(path).is_file(), "{path}");
        }
    }
}

/// The unit, in a folder of its own, naming the program that was built.
fn unit() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let unit = fs::read_to_string(packaging().join("device/systemd/sztp-device.service")).unwrap();
    let unit = unit.replace("/usr/bin/sztp-device run", &format!("{} run", env!("CARGO_BIN_EXE_sztp-device")));
    fs::write(folder.path().join("sztp-device.service"), unit).unwrap();
    folder
}

#[test]
fn systemd_has_nothing_to_say_against_the_unit() {
    let systemd = peers::need!("systemd-analyze");
    let folder = unit();
    let verified = Command::new(systemd.path())
        .args(["verify", "--man=no", "sztp-device.service"])
        .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // Other units of this machine may be worth a remark.
    let ours: Vec<_> = said.lines().filter(|line| line.contains("sztp")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
}

/// What systemd is told of each exit code, and what it then does, line by line as it would.
#[test]
fn the_unit_reboots_on_exit_code_75_alone_and_never_gives_up() {
    let unit = fs::read_to_string(packaging().join("device/systemd/sztp-device.service")).unwrap();
    for line in ["SuccessExitStatus=75", "Restart=on-failure", "RestartPreventExitStatus=2", "StartLimitIntervalSec=0"]
    {
        assert!(unit.lines().any(|it| it == line), "{line}");
    }
    assert!(!unit.lines().any(|line| !line.starts_with('#') && line.contains("network-online")));
    let (_, after) = unit.split_once("\nExecStopPost=-/bin/sh -c '").unwrap();
    let (script, _) = after.split_once("'\n").unwrap();
    let folder = agent("");
    fs::rename(folder.path().join("reboot"), folder.path().join("systemctl")).unwrap();
    for (code, reboots) in [("0", 0), ("1", 0), ("", 0), ("TERM", 0), ("75", 1)] {
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let ran =
            Command::new("/bin/sh").args(["-c", script]).env("PATH", path).env("EXIT_STATUS", code).status().unwrap();
        assert!(ran.success(), "{code}");
        let calls = fs::read_to_string(folder.path().join("calls")).unwrap_or_default();
        assert_eq!(calls.lines().count(), reboots, "{code}");
    }
}
