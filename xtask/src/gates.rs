//! The checks that are one test each: format, layers, lints, docs, hostile inputs.

use std::process::Command;

use crate::{Ending, fault::Fault, fuzz, layers, report::Outcome, stream, workspace::Workspace};

/// A check of the whole workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// `cargo fmt --all --check`.
    Fmt,
    /// Which crate imports which.
    Layers,
    /// `cargo clippy`, warnings are errors.
    Clippy,
    /// `cargo doc`, warnings are errors: a link that leads nowhere is one.
    Docs,
    /// Every fuzz target for a short time.
    Fuzz,
}

impl Gate {
    /// All of them, the quick ones first.
    pub(crate) const ALL: [Self; 5] = [Self::Fmt, Self::Layers, Self::Clippy, Self::Docs, Self::Fuzz];

    /// The name that `--only` takes and the report shows.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Layers => "layers",
            Self::Clippy => "clippy",
            Self::Docs => "docs",
            Self::Fuzz => "fuzz",
        }
    }

    /// The gate of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gate| gate.name() == name)
    }

    /// Runs the check; what it finds goes to the terminal.
    pub(crate) fn run(self, workspace: &Workspace) -> Result<Outcome, Fault> {
        match self {
            Self::Fmt => {
                let ours = component(workspace, "rustfmt", "fmt", &["--all", "--check"])?;
                // The fuzz targets are a workspace of their own.
                let targets = component(workspace, "rustfmt", "fmt", &["--manifest-path", fuzz::MANIFEST, "--check"])?;
                Ok(if ours == Outcome::Passed { targets } else { ours })
            }
            Self::Clippy => {
                let arguments = ["--workspace", "--all-targets", "--", "-D", "warnings"];
                component(workspace, "clippy", "clippy", &arguments)
            }
            Self::Docs => {
                let mut doc = workspace.cargo();
                doc.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
                judge(&mut doc)
            }
            Self::Fuzz => fuzz::check(workspace, &fuzz::Options::SMOKE),
            Self::Layers => Ok(match layers::run(workspace)? {
                Ending::Good => Outcome::Passed,
                Ending::Bad => Outcome::Failed,
            }),
        }
    }
}

/// Runs a cargo command that is a toolchain component of its own, unless the component is missing.
fn component(workspace: &Workspace, name: &str, command: &str, arguments: &[&str]) -> Result<Outcome, Fault> {
    let unusable = |source| Fault::Program { program: "cargo", source };
    let probe = workspace.cargo().args([command, "--version"]).output().map_err(unusable)?;
    if !probe.status.success() {
        return Ok(Outcome::Missing { reason: format!("the toolchain has no {name}: rustup component add {name}") });
    }
    judge(workspace.cargo().arg(command).args(arguments))
}

fn judge(command: &mut Command) -> Result<Outcome, Fault> {
    let status = stream::run(command, |_| ()).map_err(|source| Fault::Program { program: "cargo", source })?;
    Ok(if status.success() { Outcome::Passed } else { Outcome::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_found_by_their_names_only() {
        for gate in Gate::ALL {
            assert_eq!(Gate::named(gate.name()), Some(gate));
        }
        assert_eq!(Gate::named("netboot"), None);
    }
}
