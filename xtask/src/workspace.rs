//! Where the workspace is, which crates it has, and how to call cargo in it.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::MetadataCommand;

use crate::fault::Fault;

/// The workspace this task runs in.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    crates: BTreeSet<String>,
}

impl Workspace {
    /// Asks `cargo metadata`, which knows about `CARGO_TARGET_DIR` and configuration files.
    pub(crate) fn locate() -> Result<Self, Fault> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        Ok(Self {
            crates: metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect(),
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
        })
    }

    /// The folder of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The target folder, absolute.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The names of the member crates.
    pub(crate) fn crates(&self) -> &BTreeSet<String> {
        &self.crates
    }

    /// The cargo that runs us, in the root folder, writing to the same target folder.
    ///
    /// `cargo run` describes *this* crate in `CARGO_PKG_…` and the like. Some build scripts ask to be run again when
    /// those change, so passing them on would rebuild C code each time somebody alternates this with a plain build.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(describes_this_crate) {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Whether cargo sets the variable to describe the crate it runs.
fn describes_this_crate(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|prefix| variable.starts_with(prefix))
        || matches!(variable, "CARGO_PRIMARY_PACKAGE" | "OUT_DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_itself_and_hides_itself_from_nested_cargo() {
        let workspace = Workspace::locate().unwrap();
        assert!(workspace.crates().contains("xtask"));
        assert!(workspace.root().join("xtask/Cargo.toml").is_file());
        assert!(workspace.target().is_absolute());
        let cargo = workspace.cargo();
        let removed: Vec<_> = cargo.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(removed.iter().any(|name| *name == "CARGO_PKG_NAME"));
        assert!(!describes_this_crate("CARGO_HOME"));
    }
}
