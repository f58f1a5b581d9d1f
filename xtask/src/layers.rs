//! Who may import whom, and what may end up on a device: rules that hold because a machine checks them.
//!
//! The judgement is a pure function of a [`Graph`]; [`run`] reads the real one from cargo.

use std::{collections::BTreeSet, fmt};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

use crate::{Ending, fault::Fault, workspace::Workspace};

/// A crate of ours and the crates of ours that it may import, dev- and build-dependencies included.
struct Room {
    name: &'static str,
    may_import: MayImport,
}

enum MayImport {
    /// These and no others.
    Only(&'static [&'static str]),
    /// Every room that stands above this one in [`ROOMS`], except these.
    AllAboveBut(&'static [&'static str]),
}

use MayImport::{AllAboveBut, Only};

/// Every crate of ours, those included that are yet to come. Package names equal folder names.
const ROOMS: &[Room] = &[
    Room { name: "verdict", may_import: Only(&[]) },
    Room { name: "linux-sys", may_import: Only(&[]) },
    Room { name: "peers", may_import: Only(&[]) },
    Room { name: "dhcp", may_import: Only(&["verdict"]) },
    Room { name: "audit-log", may_import: Only(&["verdict"]) },
    Room { name: "operator-api", may_import: Only(&["verdict"]) },
    Room { name: "pki", may_import: Only(&["verdict"]) },
    Room { name: "fit-image", may_import: Only(&["verdict", "pki"]) },
    Room { name: "conveyed-info", may_import: Only(&["verdict", "pki"]) },
    Room { name: "netboot", may_import: Only(&["verdict", "dhcp", "linux-sys", "peers"]) },
    Room { name: "authority", may_import: Only(&["verdict", "pki", "conveyed-info", "audit-log"]) },
    Room {
        name: "device-client",
        may_import: Only(&["verdict", "pki", "conveyed-info", "fit-image", "dhcp", "linux-sys", "peers"]),
    },
    Room { name: "bootstrap-server", may_import: AllAboveBut(&["device-client"]) },
    Room { name: "receipt-verify", may_import: Only(&["verdict", "pki", "audit-log"]) },
    Room { name: "operator-cli", may_import: AllAboveBut(&[]) },
    Room { name: "interop-tests", may_import: AllAboveBut(&[]) },
    Room { name: "xtask", may_import: Only(&[]) },
];

/// The crate whose tree goes on flash.
const DEVICE: &str = "device-client";

/// What the device's tree must not hold; a star stands for any ending.
const NOT_ON_A_DEVICE: &[&str] = &[
    "tokio",
    "axum",
    "sqlx*",
    "rcgen",
    "aws-lc-rs",
    "aws-lc-sys",
    "hyper",
    "cryptoki*",
    "libloading",
    "bootstrap-server",
];

/// A feature that nobody may switch on: the builder of `cms` wraps content keys for elliptic-curve recipients under a
/// key of zeros.
const CMS: &str = "cms";
const CMS_BUILDER: &str = "builder";

/// What the rules are about.
#[derive(Debug, Default)]
struct Graph {
    /// Our crates.
    members: BTreeSet<String>,
    /// The arrows between our crates.
    arrows: Vec<Arrow>,
    /// The names of all packages that are compiled into the device, or compiled to build it.
    device_tree: BTreeSet<String>,
    /// The packages that import `cms`, if its builder is on.
    cms_builder: Option<BTreeSet<String>>,
}

/// One crate of ours imports another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: String,
    to: String,
    kind: &'static str,
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
enum Violation {
    UnknownCrate { name: String },
    ForbiddenArrow(Arrow),
    TooHeavyForADevice { package: String },
    EmptyDeviceTree,
    CmsBuilder { importers: BTreeSet<String> },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCrate { name } => {
                write!(f, "`{name}` is not in the table: decide what it may import, and write that into layers.rs")
            }
            Self::ForbiddenArrow(Arrow { from, to, kind }) => {
                write!(f, "`{from}` must not import `{to}` ({kind} dependency)")
            }
            Self::TooHeavyForADevice { package } => {
                write!(f, "`{package}` is in the tree of {DEVICE}: `cargo tree -p {DEVICE} -i {package}` shows the way")
            }
            Self::EmptyDeviceTree => write!(f, "`cargo tree` did not show {DEVICE}: the check saw nothing"),
            Self::CmsBuilder { importers } => {
                let importers = Vec::from_iter(importers.iter().map(String::as_str)).join(", ");
                write!(f, "feature `{CMS_BUILDER}` of {CMS} is on and unsafe to use; it is imported by {importers}")
            }
        }
    }
}

/// Every broken rule.
fn judge(graph: &Graph) -> Vec<Violation> {
    let mut broken = Vec::new();
    let ours = graph.members.iter().chain(graph.arrows.iter().map(|arrow| &arrow.to)).collect::<BTreeSet<_>>();
    for name in ours {
        if !ROOMS.iter().any(|room| room.name == name) {
            broken.push(Violation::UnknownCrate { name: name.clone() });
        }
    }
    for arrow in &graph.arrows {
        if !allowed(&arrow.from, &arrow.to) {
            broken.push(Violation::ForbiddenArrow(arrow.clone()));
        }
    }
    if !graph.device_tree.contains(DEVICE) {
        broken.push(Violation::EmptyDeviceTree);
    }
    for package in &graph.device_tree {
        if NOT_ON_A_DEVICE.iter().any(|pattern| matches(pattern, package)) {
            broken.push(Violation::TooHeavyForADevice { package: package.clone() });
        }
    }
    if let Some(importers) = &graph.cms_builder {
        broken.push(Violation::CmsBuilder { importers: importers.clone() });
    }
    broken
}

/// Whether the table has the arrow. A crate that is not in the table may import nothing of ours.
fn allowed(from: &str, to: &str) -> bool {
    let Some((at, room)) = ROOMS.iter().enumerate().find(|(_, room)| room.name == from) else { return false };
    match room.may_import {
        Only(names) => names.contains(&to),
        AllAboveBut(except) => ROOMS.iter().take(at).any(|above| above.name == to) && !except.contains(&to),
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or_else(|| name == pattern, |start| name.starts_with(start))
}

/// Reads the workspace from cargo, prints every broken rule or one line of what was found in order.
pub(crate) fn run(workspace: &Workspace) -> Result<Ending, Fault> {
    let manifest = workspace.root().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).features(CargoOpt::AllFeatures).exec()?;
    let graph = Graph { device_tree: device_tree(workspace)?, ..read(&metadata) };
    let broken = judge(&graph);
    for violation in &broken {
        println!("layers: {violation}");
    }
    if broken.is_empty() {
        let (crates, arrows, packages) = (graph.members.len(), graph.arrows.len(), graph.device_tree.len());
        println!(
            "layers: {crates} crates, {arrows} arrows, {packages} packages in the tree of {DEVICE}: all as designed"
        );
        Ok(Ending::Good)
    } else {
        Ok(Ending::Bad)
    }
}

/// The graph without the device's tree: `cargo metadata` unites the features of all members, so the tree is not there.
fn read(metadata: &Metadata) -> Graph {
    let members = metadata.workspace_packages();
    let arrows = members.iter().flat_map(|package| {
        // Only a dependency with a path is ours; the registry may hold other crates of the same names.
        package.dependencies.iter().filter(|dependency| dependency.path.is_some()).map(|dependency| Arrow {
            from: package.name.to_string(),
            to: dependency.name.clone(),
            kind: kind_name(dependency.kind),
        })
    });
    let is_cms_with_builder = |node: &cargo_metadata::Node| {
        metadata[&node.id].name.as_str() == CMS && node.features.iter().any(|feature| feature.as_str() == CMS_BUILDER)
    };
    let nodes = metadata.resolve.as_ref().map_or(&[][..], |resolve| &resolve.nodes);
    let cms_builder = nodes.iter().any(is_cms_with_builder).then(|| {
        let imports_cms = |package: &&cargo_metadata::Package| package.dependencies.iter().any(|d| d.name == CMS);
        metadata.packages.iter().filter(imports_cms).map(|package| package.name.to_string()).collect()
    });
    Graph {
        members: members.iter().map(|package| package.name.to_string()).collect(),
        arrows: arrows.collect(),
        device_tree: BTreeSet::new(),
        cms_builder,
    }
}

const fn kind_name(kind: DependencyKind) -> &'static str {
    match kind {
        DependencyKind::Development => "dev",
        DependencyKind::Build => "build",
        _ => "normal",
    }
}

/// What `cargo tree` shows for the device alone, with the features that it alone asks for.
fn device_tree(workspace: &Workspace) -> Result<BTreeSet<String>, Fault> {
    let mut tree = workspace.cargo();
    tree.args(["tree", "--edges", "normal,build", "--package", DEVICE, "--prefix", "none"]);
    let output = tree.output().map_err(|source| Fault::Program { program: "cargo tree", source })?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(Fault::Failed { program: "cargo tree" });
    }
    Ok(package_names(&String::from_utf8_lossy(&output.stdout)))
}

/// The first word of each line of `cargo tree --prefix none`.
fn package_names(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(&str, &str, &'static str)]) -> Graph {
        let arrows: Vec<_> =
            arrows.iter().map(|&(from, to, kind)| Arrow { from: from.to_owned(), to: to.to_owned(), kind }).collect();
        Graph {
            members: arrows.iter().map(|arrow| arrow.from.clone()).collect(),
            arrows,
            device_tree: BTreeSet::from([DEVICE.to_owned()]),
            cms_builder: None,
        }
    }

    fn forbidden(from: &str, to: &str, kind: &'static str) -> Vec<Violation> {
        vec![Violation::ForbiddenArrow(Arrow { from: from.to_owned(), to: to.to_owned(), kind })]
    }

    #[test]
    fn arrows_of_the_table_pass() {
        let graph = graph(&[
            ("pki", "verdict", "normal"),
            ("bootstrap-server", "netboot", "dev"),
            ("operator-cli", "device-client", "normal"),
            ("interop-tests", "operator-cli", "dev"),
        ]);
        assert_eq!(judge(&graph), []);
    }

    #[test]
    fn a_forbidden_arrow_of_any_kind_fails() {
        for kind in ["normal", "dev", "build"] {
            assert_eq!(judge(&graph(&[("pki", "conveyed-info", kind)])), forbidden("pki", "conveyed-info", kind));
        }
        assert_eq!(
            judge(&graph(&[("bootstrap-server", "device-client", "dev")])),
            forbidden("bootstrap-server", "device-client", "dev")
        );
        assert_eq!(judge(&graph(&[("verdict", "verdict", "dev")])), forbidden("verdict", "verdict", "dev"));
        assert_eq!(
            judge(&graph(&[("operator-cli", "interop-tests", "dev")])),
            forbidden("operator-cli", "interop-tests", "dev")
        );
    }

    #[test]
    fn a_crate_that_is_not_in_the_table_fails() {
        let mut graph = graph(&[("pki", "verdict", "normal")]);
        graph.members.insert("helpers".to_owned());
        assert_eq!(judge(&graph), [Violation::UnknownCrate { name: "helpers".to_owned() }]);
    }

    #[test]
    fn server_crates_in_the_device_tree_fail() {
        let mut graph = graph(&[]);
        let tree =
            "device-client v0.1.0 (/w/device-client)\nsqlx-core v0.9.0\nhyper v1.0.0 (*)\nhyperlight v1\n\nring v0.17";
        graph.device_tree = package_names(tree);
        let heavy = |package: &str| Violation::TooHeavyForADevice { package: package.to_owned() };
        assert_eq!(judge(&graph), [heavy("hyper"), heavy("sqlx-core")]);
        graph.device_tree.clear();
        assert_eq!(judge(&graph), [Violation::EmptyDeviceTree]);
    }

    #[test]
    fn the_builder_of_cms_fails() {
        let mut graph = graph(&[]);
        graph.cms_builder = Some(BTreeSet::from(["conveyed-info".to_owned()]));
        let broken = judge(&graph);
        assert!(matches!(broken[..], [Violation::CmsBuilder { .. }]));
        assert!(broken[0].to_string().contains("conveyed-info"));
    }
}
