//! The checks that are one test each: format, lints, layers.

use crate::{Ending, fault::Fault, layers, report::Outcome, stream, workspace::Workspace};

/// A check of the whole workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// `cargo fmt --all --check`.
    Fmt,
    /// Which crate imports which.
    Layers,
    /// `cargo clippy`, warnings are errors.
    Clippy,
}

impl Gate {
    /// All of them, the quick ones first.
    pub(crate) const ALL: [Self; 3] = [Self::Fmt, Self::Layers, Self::Clippy];

    /// The name that `--only` takes and the report shows.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Layers => "layers",
            Self::Clippy => "clippy",
        }
    }

    /// The gate of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gate| gate.name() == name)
    }

    /// Runs the check; what it finds goes to the terminal.
    pub(crate) fn run(self, workspace: &Workspace) -> Result<Outcome, Fault> {
        match self {
            Self::Fmt => component(workspace, "rustfmt", "fmt", &["--all", "--check"]),
            Self::Clippy => {
                let arguments = ["--workspace", "--all-targets", "--", "-D", "warnings"];
                component(workspace, "clippy", "clippy", &arguments)
            }
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
    let status = stream::run(workspace.cargo().arg(command).args(arguments), |_| ()).map_err(unusable)?;
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
