//! One configuration: which images boot together.

use std::collections::BTreeMap;

use super::{SignatureNode, text, texts};
use crate::{
    error::{FdtError, FitError},
    fdt::{Node, NodeId, Property},
};

/// What an image is to a configuration that refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// The operating system's kernel.
    Kernel,
    /// A device tree, or an overlay to the first one.
    Fdt,
    /// An initial file system.
    Ramdisk,
    /// Firmware that starts before an operating system.
    Firmware,
    /// Something else to load, in order.
    Loadable,
    /// A configuration of programmable logic.
    Fpga,
    /// A script for the boot loader.
    Script,
    /// A program that needs no operating system.
    Standalone,
    /// The setup part of an x86 kernel.
    Setup,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Kernel,
        Self::Fdt,
        Self::Ramdisk,
        Self::Firmware,
        Self::Loadable,
        Self::Fpga,
        Self::Script,
        Self::Standalone,
        Self::Setup,
    ];

    /// The property of a configuration that names the images of this role.
    #[must_use]
    pub const fn property(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Fdt => "fdt",
            Self::Ramdisk => "ramdisk",
            Self::Firmware => "firmware",
            Self::Loadable => "loadables",
            Self::Fpga => "fpga",
            Self::Script => "script",
            Self::Standalone => "standalone",
            Self::Setup => "setup",
        }
    }

    fn from_property(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.property() == name)
    }
}

/// A node under `/configurations`.
#[derive(Clone, Debug)]
pub struct Configuration {
    name: String,
    node: NodeId,
    description: Option<String>,
    compatible: Vec<String>,
    references: Vec<Reference>,
    signatures: Vec<SignatureNode>,
}

impl Configuration {
    /// `images` leads from a name to a place in [`Fit::images`](super::Fit::images).
    pub(super) fn read(node: Node<'_>, images: &BTreeMap<&[u8], usize>) -> Result<Self, FitError> {
        let mut references = Vec::new();
        for property in node.properties() {
            references.extend(references_of(node, property, images)?);
        }
        if references.len() > MAX_REFERENCES {
            return Err(FdtError::TooMany { what: "images in one configuration", limit: MAX_REFERENCES }.into());
        }
        let signatures = node.children().filter(|child| child.name().starts_with("signature"));
        Ok(Self {
            name: node.name().to_owned(),
            node: node.id(),
            description: text(node, "description")?,
            compatible: texts(node, "compatible")?.unwrap_or_default(),
            references,
            signatures: signatures.map(SignatureNode::read).collect::<Result<_, _>>()?,
        })
    }

    /// The name of the node.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node in the tree.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// What a person should know about it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The boards it is for, most specific first.
    #[must_use]
    pub fn compatible(&self) -> &[String] {
        &self.compatible
    }

    /// The images it refers to, in the order of the file; an image may occur more than once.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Its signatures.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureNode] {
        &self.signatures
    }
}

/// A configuration's reference to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    role: Option<Role>,
    image: usize,
}

impl Reference {
    /// What the image is to the configuration; none when the property is not one of [`Role::property`].
    #[must_use]
    pub const fn role(self) -> Option<Role> {
        self.role
    }

    /// The place of the image in [`Fit::images`](super::Fit::images).
    #[must_use]
    pub const fn image(self) -> usize {
        self.image
    }
}

/// Every text in every property but three names an image if there is one of that name: a boot loader may use properties
/// that are unknown here, and what it uses must be signed.
fn references_of(
    node: Node<'_>,
    property: Property<'_>,
    images: &BTreeMap<&[u8], usize>,
) -> Result<Vec<Reference>, FitError> {
    if matches!(property.name(), "description" | "compatible" | "default") {
        return Ok(Vec::new());
    }
    let role = Role::from_property(property.name());
    let reference = |name: &[u8]| images.get(name).map(|image| Reference { role, image: *image });
    if role.is_none() {
        let parts = property.value().unwrap_or_default().split(|byte| *byte == 0);
        return Ok(parts.filter_map(reference).collect());
    }
    let dangling =
        || FitError::DanglingReference { configuration: node.name().to_owned(), property: property.name().to_owned() };
    let names = property.texts().ok_or_else(dangling)?;
    names.into_iter().map(|name| reference(name.as_bytes()).ok_or_else(dangling)).collect()
}

/// More images than any board boots together.
const MAX_REFERENCES: usize = 256;
