//! What can be wrong with an image, and which reason code an operator sees for it.

use std::io;

use verdict::ReasonCode;

/// Why bytes are not a flattened device tree (Devicetree Specification v0.4, chapter 5) that we read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FdtError {
    /// The medium failed.
    #[error("the image cannot be read")]
    Source(#[from] io::Error),
    /// The magic number 0xd00dfeed is missing.
    #[error("the file does not start with the magic number of a device tree")]
    NotADeviceTree,
    /// Another version than 17.
    #[error("device tree version {version} (compatible with {compatible}) is not 17")]
    Version {
        /// The version of the file.
        version: u32,
        /// The oldest version it says it is compatible with.
        compatible: u32,
    },
    /// A block lies outside the file, is not aligned, or shares bytes with another one.
    #[error("the {block} block at {offset}, {length} bytes, is misaligned, outside the tree or overlaps another")]
    BlockMisplaced {
        /// Which block.
        block: &'static str,
        /// Where it starts, in bytes from the start of the file.
        offset: u64,
        /// Its size in bytes.
        length: u64,
    },
    /// More of something than [`Limits`](crate::Limits) allows.
    #[error("more {what} than the limit of {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A token, name or value runs past the end of the structure block.
    #[error("the structure block ends inside the token at byte {at}")]
    Truncated {
        /// Where the token starts, in bytes from the start of the file.
        at: u64,
    },
    /// A tag that the format does not know, or in a place where it may not stand.
    #[error("unexpected tag {tag:#x} at byte {at}")]
    UnexpectedTag {
        /// The tag.
        tag: u32,
        /// Where it stands, in bytes from the start of the file.
        at: u64,
    },
    /// Bytes after FDT_END inside the structure block.
    #[error("the structure block goes on after its end tag at byte {at}")]
    TrailingBytes {
        /// Where they start, in bytes from the start of the file.
        at: u64,
    },
    /// The root node has a name, or there is a second root.
    #[error("the tree does not have exactly one root node with an empty name")]
    BadRoot,
    /// Nodes nest deeper than U-Boot follows.
    #[error("nodes nest {0} deep or deeper")]
    TooDeep(usize),
    /// A node or property name that is empty, not terminated, or has characters outside the specification's set.
    #[error("the name at byte {at} is empty, not terminated or has illegal characters")]
    BadName {
        /// Where the token starts, in bytes from the start of the file.
        at: u64,
    },
    /// Two children or two properties of one node have the same name.
    #[error("`{name}` occurs twice in the same node")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A property after a child node, which most readers overlook.
    #[error("a property stands after a child node at byte {at}")]
    PropertyAfterChild {
        /// Where it stands, in bytes from the start of the file.
        at: u64,
    },
}

/// Why an image is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Not a device tree.
    #[error(transparent)]
    Fdt(#[from] FdtError),
    /// `/images` or `/configurations` is missing.
    #[error("the node {0} is missing")]
    NodeMissing(&'static str),
    /// `@` in a node name under `/images` or `/configurations` (CVE-2021-27138).
    #[error("`{0}` has a unit address, which loaders match loosely")]
    UnitAddress(String),
    /// A property that is missing, or is not of the form its meaning demands.
    #[error("property `{property}` of node `{node}` is missing or malformed")]
    BadProperty {
        /// The name of the node.
        node: String,
        /// The name of the property.
        property: &'static str,
    },
    /// Image data that lies outside the file, or is given in two places at once.
    #[error("the data of image `{image}` lies outside the file or is given twice")]
    DataOutOfRange {
        /// The image.
        image: String,
    },
    /// A configuration names an image that does not exist.
    #[error("`{property}` of configuration `{configuration}` names an image that does not exist")]
    DanglingReference {
        /// The configuration.
        configuration: String,
        /// The property.
        property: String,
    },
    /// The named configuration does not exist, or no default is named.
    #[error("no configuration {}", .0.as_deref().map_or_else(|| "was named and the image has no default".to_owned(), |name| format!("{name:?}")))]
    NoConfiguration(Option<String>),
    /// The configuration has no signature with a value.
    #[error("configuration `{configuration}` has no signature{}", if *.image_signatures { "; signatures of single images do not count" } else { "" })]
    Unsigned {
        /// The configuration.
        configuration: String,
        /// Whether some image has a signature of its own, which binds nothing to anything.
        image_signatures: bool,
    },
    /// An algorithm that is unknown or too weak.
    #[error("{0:?} is not an accepted algorithm")]
    Algorithm(String),
    /// The first cells of the strings block that are signed exceed the block.
    #[error("hashed-strings covers {covered} bytes of a strings block of {available}")]
    StringsOutOfRange {
        /// How many bytes the signature says it covers.
        covered: u32,
        /// How many there are.
        available: usize,
    },
    /// A signed property takes its name from bytes that are not signed.
    #[error("the name of the signed property `{0}` is not itself signed")]
    UnsignedName(String),
    /// A signed node closes into an unsigned parent: verifiers disagree about such trees.
    #[error("a signed node stands inside an unsigned one")]
    Ambiguous,
    /// No trusted key verifies a signature of the configuration.
    #[error("no trusted key verifies a signature of configuration `{configuration}`{}", not_covered(.uncovered))]
    NotVerified {
        /// The configuration.
        configuration: String,
        /// The nodes that must be signed and that the signer, by its own list, did not sign.
        uncovered: Vec<String>,
    },
    /// Every trusted key is required, and this one signed nothing.
    #[error("required key `{key}` verifies no signature of configuration `{configuration}`")]
    RequiredKeyMissing {
        /// The configuration.
        configuration: String,
        /// The name the key is configured under.
        key: String,
    },
    /// A referenced image has no hash, or none that is strong enough.
    #[error("image `{image}` has no hash of an accepted algorithm")]
    Unhashed {
        /// The image.
        image: String,
    },
    /// The data of an image is not what was signed.
    #[error("the data of image `{image}` does not match its {algorithm}")]
    HashMismatch {
        /// The image.
        image: String,
        /// The algorithm of the hash node.
        algorithm: &'static str,
    },
}

impl FitError {
    /// The reason code that an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Fdt(FdtError::Source(_)) => ReasonCode::StorageFailed,
            Self::NoConfiguration(_) => ReasonCode::FitConfigurationMissing,
            Self::Unsigned { .. } => ReasonCode::FitUnsigned,
            Self::Algorithm(_) | Self::NotVerified { .. } | Self::RequiredKeyMissing { .. } => {
                ReasonCode::FitSignatureInvalid
            }
            Self::Unhashed { .. } | Self::HashMismatch { .. } => ReasonCode::FitHashMismatch,
            Self::Fdt(_)
            | Self::NodeMissing(_)
            | Self::UnitAddress(_)
            | Self::BadProperty { .. }
            | Self::DataOutOfRange { .. }
            | Self::DanglingReference { .. }
            | Self::StringsOutOfRange { .. }
            | Self::UnsignedName(_)
            | Self::Ambiguous => ReasonCode::FitMalformed,
        }
    }
}

/// What a signer has to correct when its list of images is too short.
fn not_covered(paths: &[String]) -> String {
    if paths.is_empty() { String::new() } else { format!("; its signer did not cover {}", paths.join(", ")) }
}

impl From<io::Error> for FitError {
    fn from(error: io::Error) -> Self {
        Self::Fdt(FdtError::Source(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_medium_is_not_blamed_on_the_image() {
        assert_eq!(FitError::from(io::Error::other("flash")).reason(), ReasonCode::StorageFailed);
        assert_eq!(FitError::from(FdtError::BadRoot).reason(), ReasonCode::FitMalformed);
    }

    #[test]
    fn the_text_says_what_to_look_at() {
        assert!(FitError::NoConfiguration(None).to_string().ends_with("has no default"));
        assert!(FitError::NoConfiguration(Some("conf-9".to_owned())).to_string().ends_with("\"conf-9\""));
        let unsigned = FitError::Unsigned { configuration: "conf-1".to_owned(), image_signatures: true };
        assert!(unsigned.to_string().ends_with("do not count"));
    }
}
