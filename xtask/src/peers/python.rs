//! Peers written in Python: in a virtual environment below the target folder, so that nothing of the system changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{quiet, run};

/// What is installed, and the program that tests ask for to have it. Pinned: a new release is a decision, not an accident.
const REQUIREMENTS: &[(&str, &str)] = &[
    ("schemathesis==4.32.5", "schemathesis"),
    ("sslyze==6.3.1", "sslyze"),
    // Files only, which the interpreter finds: certificates and lists of NIST's PKITS.
    ("cryptography-vectors==50.0.2", "python3"),
];

/// The programs that this environment brings.
#[cfg(test)]
pub(super) fn programs() -> impl Iterator<Item = &'static str> {
    REQUIREMENTS.iter().map(|(_, program)| *program)
}

/// Makes the environment below `folder`, unless it is there; gives the folder of its programs. What cannot be installed
/// is no fault: the tests that need it say so by name.
pub(super) fn prepare(folder: &Path) -> PathBuf {
    let home = folder.join("python");
    let bin = home.join("bin");
    let wanted: Vec<_> = REQUIREMENTS.iter().map(|(requirement, _)| *requirement).collect();
    // Which requirements it was made for: a changed pin makes it afresh.
    let stamp = home.join("requirements");
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted.join("\n")) {
        return bin;
    }
    println!("making a Python environment for {}", wanted.join(", "));
    let made = quiet(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))
        && run(Command::new(bin.join("pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(&wanted));
    if !made || fs::write(stamp, wanted.join("\n")).is_err() {
        println!("no Python environment (is python3-venv installed?); tests that need it will be skipped");
    }
    bin
}
