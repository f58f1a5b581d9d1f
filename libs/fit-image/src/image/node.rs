//! One image of a FIT: a kernel, a device tree, an initial file system.

use pki::digest::HashAlgorithm;

use super::{bad, number, text};
use crate::{
    algorithm::hash_from_name,
    error::FitError,
    fdt::{Node, NodeId},
    source::ByteRange,
};

/// A node under `/images`.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    node: NodeId,
    description: Option<String>,
    kind: Option<String>,
    arch: Option<String>,
    os: Option<String>,
    compression: Option<String>,
    load: Option<u64>,
    entry: Option<u64>,
    data: Option<ByteRange>,
    hashes: Vec<HashNode>,
    is_encrypted: bool,
    is_signed: bool,
}

impl Image {
    /// `total` is the size of the source, `data_base` where `data-offset` counts from.
    pub(super) fn read(node: Node<'_>, total: u64, data_base: u64) -> Result<Self, FitError> {
        let hashes = node.children().filter(|child| child.name().starts_with("hash"));
        Ok(Self {
            name: node.name().to_owned(),
            node: node.id(),
            description: text(node, "description")?,
            kind: text(node, "type")?,
            arch: text(node, "arch")?,
            os: text(node, "os")?,
            compression: text(node, "compression")?,
            load: number(node, "load")?,
            entry: number(node, "entry")?,
            data: data(node, total, data_base)?,
            hashes: hashes.map(HashNode::read).collect::<Result<_, _>>()?,
            is_encrypted: node.child("cipher").is_some(),
            is_signed: node.children().any(|child| child.name().starts_with("signature")),
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

    /// The property `type`: `kernel`, `flat_dt`, `ramdisk`, `firmware`, …
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The architecture: `arm64`, `arm`, `x86_64`, …
    #[must_use]
    pub fn arch(&self) -> Option<&str> {
        self.arch.as_deref()
    }

    /// The operating system: `linux`, …
    #[must_use]
    pub fn os(&self) -> Option<&str> {
        self.os.as_deref()
    }

    /// How the data is compressed: `none`, `gzip`, …
    #[must_use]
    pub fn compression(&self) -> Option<&str> {
        self.compression.as_deref()
    }

    /// The address to load the image to.
    #[must_use]
    pub const fn load(&self) -> Option<u64> {
        self.load
    }

    /// The address to enter it at.
    #[must_use]
    pub const fn entry(&self) -> Option<u64> {
        self.entry
    }

    /// Where its data lies in the source, inside the tree or after it.
    #[must_use]
    pub const fn data(&self) -> Option<ByteRange> {
        self.data
    }

    /// Its hash nodes.
    #[must_use]
    pub fn hashes(&self) -> &[HashNode] {
        &self.hashes
    }

    /// Whether its data is encrypted (it has a `cipher` node). The hashes are over the encrypted data.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether it has a signature of its own. Such a signature binds the image to nothing and counts for nothing.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.is_signed
    }
}

/// The data is inside the tree (`data`), at an absolute position (`data-position`) or at an offset from the end of the
/// tree, rounded up to whole cells (`data-offset`). Loaders differ in which they prefer, so only one may be given.
fn data(node: Node<'_>, total: u64, data_base: u64) -> Result<Option<ByteRange>, FitError> {
    let out_of_range = || FitError::DataOutOfRange { image: node.name().to_owned() };
    let inline = node.property("data").map(|property| property.location());
    let position = number(node, "data-position")?;
    let offset = number(node, "data-offset")?;
    let size = number(node, "data-size")?;
    let start = match (inline, position, offset) {
        (None, None, None) => return Ok(None),
        (Some(inline), None, None) => {
            // Newer tools leave `data-size` beside inline data; then it must say the truth.
            let agrees = size.is_none_or(|size| size == inline.length());
            return if agrees { Ok(Some(inline)) } else { Err(out_of_range()) };
        }
        (None, Some(position), None) => position,
        (None, None, Some(offset)) => data_base.checked_add(offset).ok_or_else(out_of_range)?,
        _ => return Err(out_of_range()),
    };
    let size = size.ok_or_else(|| bad(node, "data-size"))?;
    ByteRange::within(total, start, size).map(Some).ok_or_else(out_of_range)
}

/// A `hash*` node of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashNode {
    name: String,
    algo: String,
    value: Vec<u8>,
}

impl HashNode {
    fn read(node: Node<'_>) -> Result<Self, FitError> {
        let value = node.property("value").and_then(|property| property.value());
        Ok(Self {
            name: node.name().to_owned(),
            algo: text(node, "algo")?.ok_or_else(|| bad(node, "algo"))?,
            value: value.ok_or_else(|| bad(node, "value"))?.to_vec(),
        })
    }

    /// The name of the node.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The algorithm by its name in the file.
    #[must_use]
    pub fn algo(&self) -> &str {
        &self.algo
    }

    /// The algorithm, when it is one that counts: SHA-256, SHA-384 or SHA-512.
    #[must_use]
    pub fn accepted_algorithm(&self) -> Option<HashAlgorithm> {
        hash_from_name(&self.algo)
    }

    /// The digest that the data must have.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}
