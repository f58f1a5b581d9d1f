//! Looking for what will keep a device from bootstrapping, before it has to.

mod probe;

pub use probe::probe;

use std::{fs, io, path::Path};

use pki::time::Timestamp;
use serde::Serialize;

use crate::{
    config::{ClockTrust, Config},
    env::linux,
    identity::{self, Identity, IdentityFileError},
    sources::Source,
    storage::{Disk, LinuxDisk},
};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Doubtful,
    /// The device will not bootstrap.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, kebab-case.
    pub check: &'static str,
    /// How it is.
    pub health: Health,
    /// What was seen.
    pub detail: String,
    /// What to do about it; empty when nothing is.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub fix: &'static str,
}

/// Looks at everything that can be looked at without sending anything. [`probe`] goes further.
#[must_use]
pub fn examine(config: &Config, root: &Path) -> Vec<Finding> {
    let mut findings = vec![switch(config), identity(config), key_mode(config)];
    findings.push(voucher_anchors(config));
    findings.extend(config.well_known.iter().map(|it| {
        files("well-known-anchors", &it.anchors, "Give the anchors of this server, or it is never trusted.", &it.server)
    }));
    findings.push(sources(config));
    findings.push(clock(config));
    findings.push(anchors_in_time(config));
    findings.push(images(config));
    findings.push(writable(root));
    findings
}

pub(crate) fn good(check: &'static str, detail: impl Into<String>) -> Finding {
    Finding { check, health: Health::Good, detail: detail.into(), fix: "" }
}

pub(crate) fn bad(check: &'static str, detail: impl Into<String>, fix: &'static str) -> Finding {
    Finding { check, health: Health::Bad, detail: detail.into(), fix }
}

pub(crate) fn doubtful(check: &'static str, detail: impl Into<String>, fix: &'static str) -> Finding {
    Finding { check, health: Health::Doubtful, detail: detail.into(), fix }
}

/// An error with all its causes.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn switch(config: &Config) -> Finding {
    if config.enabled {
        good("switch", "bootstrapping is on")
    } else {
        doubtful("switch", "bootstrapping is switched off", "Set `enabled = true` if the device is to bootstrap.")
    }
}

fn identity(config: &Config) -> Finding {
    match Identity::load(&config.identity) {
        Ok(identity) => good("identity", format!("serial number {}", identity.serial_number)),
        Err(error) => {
            let fix = match &error {
                IdentityFileError::KeyMismatch { .. } => "Put the key and the certificate of one device side by side.",
                IdentityFileError::SerialNumber { .. } => {
                    "Issue the IDevID with the serial number in its subject (2.5.4.5)."
                }
                IdentityFileError::Absent { .. } => "Install the certificate with `sztp-device identity install`.",
                _ => "Check the paths `idevid-certificate` and `idevid-key`, and who may read them.",
            };
            bad("identity", whole(&error), fix)
        }
    }
}

fn key_mode(config: &Config) -> Finding {
    let Some(path) = config.identity.key.file() else {
        return good("key-mode", format!("{} lets nobody read the key", config.identity.key));
    };
    match identity::is_exposed(path) {
        Ok(false) => good("key-mode", "only its owner may read the key"),
        Ok(true) => doubtful("key-mode", "others may read the key", "chmod 600 the file of `idevid-key`."),
        Err(error) => bad("key-mode", error.to_string(), "Check the path `idevid-key`."),
    }
}

fn voucher_anchors(config: &Config) -> Finding {
    let fix = "Put the MASA's certificate under `voucher-anchors`: without it every voucher is refused.";
    files("voucher-anchors", &config.voucher_anchors, fix, &"signed data")
}

fn files(
    check: &'static str,
    paths: &[std::path::PathBuf],
    fix: &'static str,
    what_for: &dyn std::fmt::Display,
) -> Finding {
    let mut subjects = Vec::new();
    for path in paths {
        match identity::certificates(path) {
            Ok(list) => subjects.extend(list.iter().map(|it| it.subject().to_string())),
            Err(error) => return bad(check, whole(&error), fix),
        }
    }
    if subjects.is_empty() {
        doubtful(check, format!("none for {what_for}"), fix)
    } else {
        good(check, format!("for {what_for}: {}", subjects.join("; ")))
    }
}

fn sources(config: &Config) -> Finding {
    let names: Vec<_> = Source::all_of(&config.sources).iter().map(Source::label).collect();
    if names.is_empty() {
        bad("sources", "none", "Add a `[[sources]]` table, such as `kind = \"well-known\"`.")
    } else {
        good("sources", names.join(", then "))
    }
}

fn clock(config: &Config) -> Finding {
    let now = Timestamp::from_system(std::time::SystemTime::now());
    match config.clock {
        ClockTrust::Untrusted => good("clock", "not trusted: dates are not judged, vouchers carry a nonce"),
        ClockTrust::Trusted if now < linux::earliest() => {
            bad("clock", now.to_string(), "Set the clock, or `clock = \"untrusted\"` on a device that has none.")
        }
        ClockTrust::Trusted => good("clock", now.to_string()),
    }
}

/// An anchor that is over may still be believed (RFC 5280 §6.1.1 gives an anchor no dates), but what is issued under it ends too.
fn anchors_in_time(config: &Config) -> Finding {
    let Some(now) = linux::clock(config.clock, linux::earliest()).now() else {
        return good("anchor-dates", "not judged: the clock is not trusted");
    };
    let files = config.voucher_anchors.iter().chain(config.well_known.iter().flat_map(|it| &it.anchors));
    let anchors = files.filter_map(|path| identity::certificates(path).ok()).flatten();
    let over: Vec<_> = anchors
        .filter(|it| now < it.not_before() || it.not_after() < now)
        .map(|it| format!("{} is valid {} to {}", it.subject_text(), it.not_before(), it.not_after()))
        .collect();
    if over.is_empty() {
        good("anchor-dates", "every anchor is valid now")
    } else {
        let fix = "Look whether the clock is right; if it is, ask the manufacturer for an update of the anchors.";
        doubtful("anchor-dates", over.join("; "), fix)
    }
}

fn images(config: &Config) -> Finding {
    let unreadable = config.image_keys.iter().find_map(|path| identity::public_key(path).err());
    match (unreadable, config.image_keys.len()) {
        (Some(error), _) => bad("image-keys", whole(&error), "Give PEM files of public keys under `image-keys`."),
        (None, 0) => doubtful(
            "image-keys",
            "none: images are verified by the hash in the onboarding information alone",
            "Put the keys that the boot loader requires under `image-keys`.",
        ),
        (None, count) => good("image-keys", format!("{count}")),
    }
}

fn writable(root: &Path) -> Finding {
    let try_out = || -> io::Result<()> {
        LinuxDisk.create_private_folder(root)?;
        let path = root.join(".doctor");
        LinuxDisk.replace(&path, b"doctor")?;
        fs::remove_file(path)
    };
    match try_out() {
        Ok(()) => good("storage", root.display().to_string()),
        Err(error) => bad(
            "storage",
            format!("{}: {error}", root.display()),
            "Mount the folder of `--root` read-write, and give it to the user the agent runs as.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_device_is_told_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(identity::IdentityPlaces::new(
            folder.path().join("c.pem").into(),
            folder.path().join("k.pem").into(),
        ));
        let findings = examine(&config, &folder.path().join("root"));
        let health = |check| findings.iter().find(|it| it.check == check).unwrap().health;
        assert_eq!(health("identity"), Health::Bad);
        assert_eq!(health("sources"), Health::Bad);
        assert_eq!(health("voucher-anchors"), Health::Doubtful);
        assert_eq!(health("storage"), Health::Good);
        for finding in &findings {
            assert_eq!(finding.fix.is_empty(), finding.health == Health::Good, "{finding:?}");
        }
    }
}
