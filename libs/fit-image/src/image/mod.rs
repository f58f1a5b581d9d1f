//! What a FIT says about itself. Nothing here is verified: this is for showing a file, and for deciding what to verify.

mod configuration;
mod node;
mod signature;

pub use configuration::{Configuration, Reference, Role};
pub use node::{HashNode, Image};
pub use signature::SignatureNode;

use crate::{
    error::FitError,
    fdt::{Fdt, Node},
    limits::Limits,
    source::Source,
};

/// A FIT that was read and found well-formed, and is **not verified**.
#[derive(Clone, Debug)]
pub struct Fit {
    tree: Fdt,
    description: Option<String>,
    timestamp: Option<u32>,
    images: Vec<Image>,
    configurations: Vec<Configuration>,
    default: Option<String>,
}

impl Fit {
    /// Reads the FIT at the start of `source`.
    ///
    /// # Errors
    /// [`FitError`] when it is malformed, exceeds a limit, or cannot be read.
    pub fn read<S: Source + ?Sized>(source: &S, limits: &Limits) -> Result<Self, FitError> {
        let tree = Fdt::read(source, limits)?;
        let root = tree.root();
        let images_node = root.child("images").ok_or(FitError::NodeMissing("/images"))?;
        let configurations_node = root.child("configurations").ok_or(FitError::NodeMissing("/configurations"))?;
        refuse_unit_addresses(images_node)?;
        refuse_unit_addresses(configurations_node)?;

        let data_base = u64::from(tree.total_size()).next_multiple_of(4);
        let images: Vec<_> =
            images_node.children().map(|node| Image::read(node, source.len(), data_base)).collect::<Result<_, _>>()?;
        let by_name = images.iter().enumerate().map(|(place, image)| (image.name().as_bytes(), place)).collect();
        let configurations =
            configurations_node.children().map(|node| Configuration::read(node, &by_name)).collect::<Result<_, _>>()?;
        let description = text(root, "description")?;
        let timestamp = match root.property("timestamp") {
            Some(property) => Some(property.cell().ok_or_else(|| bad(root, "timestamp"))?),
            None => None,
        };
        let default = text(configurations_node, "default")?;
        Ok(Self { description, timestamp, images, configurations, default, tree })
    }

    /// The description of the whole file.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// When the file was made, in seconds since 1970.
    #[must_use]
    pub const fn timestamp(&self) -> Option<u32> {
        self.timestamp
    }

    /// The images, in the order of the file.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The configurations, in the order of the file.
    #[must_use]
    pub fn configurations(&self) -> &[Configuration] {
        &self.configurations
    }

    /// The name of the default configuration. No signature covers it: whoever changes a file in transit chooses among
    /// all its signed configurations.
    #[must_use]
    pub fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// The device tree that the file is.
    #[must_use]
    pub const fn tree(&self) -> &Fdt {
        &self.tree
    }
}

/// CVE-2021-27138: loaders have taken `kernel` for `kernel@1`. No unit address means nothing to match loosely.
fn refuse_unit_addresses(node: Node<'_>) -> Result<(), FitError> {
    // Breadth first without recursion; the reader bounds the number of nodes.
    let mut level = vec![node];
    while !level.is_empty() {
        level = level.into_iter().flat_map(Node::children).collect();
        if let Some(node) = level.iter().find(|node| node.name().contains('@')) {
            return Err(FitError::UnitAddress(node.path()));
        }
    }
    Ok(())
}

/// The text of an optional property.
fn text(node: Node<'_>, property: &'static str) -> Result<Option<String>, FitError> {
    match node.property(property) {
        Some(found) => {
            let text = found.text().filter(|text| text.len() <= MAX_TEXT);
            Ok(Some(text.ok_or_else(|| bad(node, property))?.to_owned()))
        }
        None => Ok(None),
    }
}

/// The texts of an optional property.
fn texts(node: Node<'_>, property: &'static str) -> Result<Option<Vec<String>>, FitError> {
    match node.property(property) {
        Some(found) => {
            let texts = found.texts().ok_or_else(|| bad(node, property))?;
            Ok(Some(texts.into_iter().map(str::to_owned).collect()))
        }
        None => Ok(None),
    }
}

/// The address or size in an optional property of one or two cells.
fn number(node: Node<'_>, property: &'static str) -> Result<Option<u64>, FitError> {
    match node.property(property) {
        Some(found) => Ok(Some(found.number().ok_or_else(|| bad(node, property))?)),
        None => Ok(None),
    }
}

fn bad(node: Node<'_>, property: &'static str) -> FitError {
    FitError::BadProperty { node: node.path(), property }
}

/// In bytes. Texts end up in traces and on screens.
const MAX_TEXT: usize = 1024;
