//! Which bytes the signature of a configuration covers.
//!
//! The answer is *derived* from the configuration that is about to boot, never read from the file; the crate's
//! documentation says why. What a derived list selects is then written down exactly as U-Boot's `fdt_find_regions`
//! does: raw tokens in the order of the file, then the first bytes of the strings block.

use std::collections::BTreeSet;

use crate::{
    error::FitError,
    fdt::{Fdt, Node, NodeId, TokenKind},
    image::{Configuration, Fit},
};

/// The nodes whose content the signature of one configuration must cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    nodes: BTreeSet<NodeId>,
}

impl Coverage {
    /// The root, the configuration, every image it refers to, and of each image the `hash*`, `cipher` and `dm-verity`
    /// children.
    ///
    /// # Errors
    /// [`FitError::Unhashed`] when an image has no hash: its data would be bound to nothing.
    pub fn of(fit: &Fit, configuration: &Configuration) -> Result<Self, FitError> {
        let tree = fit.tree();
        let mut nodes = BTreeSet::from([tree.root().id(), configuration.node()]);
        for image in configuration.references().iter().filter_map(|reference| fit.images().get(reference.image())) {
            if image.hashes().is_empty() {
                return Err(FitError::Unhashed { image: image.name().to_owned() });
            }
            nodes.insert(image.node());
            nodes.extend(tree.node(image.node()).children().filter(|child| is_bound(*child)).map(Node::id));
        }
        Ok(Self { nodes })
    }

    /// The absolute paths of the nodes, as `hashed-nodes` lists them, in the order of the file.
    #[must_use]
    pub fn paths(&self, tree: &Fdt) -> Vec<String> {
        self.nodes.iter().map(|id| tree.node(*id).path()).collect()
    }

    /// The bytes that are signed: the tokens of the nodes, then the first `hashed_strings` bytes of the strings block.
    ///
    /// # Errors
    /// [`FitError::StringsOutOfRange`], [`FitError::UnsignedName`], or [`FitError::Ambiguous`] for a tree on which
    /// verifiers disagree.
    pub fn signed_bytes(&self, tree: &Fdt, hashed_strings: u32) -> Result<Vec<u8>, FitError> {
        let out_of_range = || FitError::StringsOutOfRange { covered: hashed_strings, available: tree.strings().len() };
        let strings = usize::try_from(hashed_strings).ok().and_then(|length| tree.strings().get(..length));
        let strings = strings.ok_or_else(out_of_range)?;
        self.refuse_unsigned_names(tree, strings.len())?;
        let mut bytes = Vec::new();
        for piece in self.walk(tree) {
            bytes.extend_from_slice(piece?);
        }
        bytes.extend_from_slice(strings);
        Ok(bytes)
    }

    /// A token refers to its name by an offset; the name itself must be among the signed bytes of the strings block.
    fn refuse_unsigned_names(&self, tree: &Fdt, signed: usize) -> Result<(), FitError> {
        let properties = self.nodes.iter().flat_map(|id| tree.node(*id).properties());
        match properties.filter(|property| !is_excluded(property.name())).find(|found| found.name_end() > signed) {
            Some(property) => Err(FitError::UnsignedName(property.name().to_owned())),
            None => Ok(()),
        }
    }

    /// The signed tokens. Of a listed node everything, of a direct child of a listed node name and end only, of
    /// everything else nothing.
    fn walk<'t>(&self, tree: &'t Fdt) -> impl Iterator<Item = Result<&'t [u8], FitError>> {
        let mut wants = Vec::new();
        let mut want = Want::Nothing;
        let mut previous_included = false;
        tree.tokens().iter().filter_map(move |token| {
            let included = match token.kind() {
                TokenKind::Begin(node) => {
                    wants.push(want);
                    want = if self.nodes.contains(&node) { Want::Everything } else { want.of_child() };
                    want != Want::Nothing
                }
                TokenKind::Property { node, index } => {
                    let property = tree.node(node).property_at(index);
                    want == Want::Everything && property.is_none_or(|property| !is_excluded(property.name()))
                }
                TokenKind::Nop => want == Want::Everything,
                TokenKind::End(_) => {
                    let included = want != Want::Nothing;
                    // U-Boot closes a span only after such a token and so hashes an end tag that nobody asked for.
                    // Other verifiers do not. No tree that mkimage makes contains it.
                    if !included && previous_included {
                        return Some(Err(FitError::Ambiguous));
                    }
                    want = wants.pop().unwrap_or(Want::Nothing);
                    included
                }
                TokenKind::StructureEnd => true,
            };
            previous_included = included;
            included.then(|| Ok(tree.token_bytes(token)))
        })
    }

    /// What a verifier that believes `hashed-nodes` would look at, for showing that it is wrong to do so.
    #[cfg(test)]
    pub(crate) fn as_claimed(tree: &Fdt, paths: &[String]) -> Self {
        Self { nodes: paths.iter().filter_map(|path| tree.find(path)).map(Node::id).collect() }
    }
}

/// How much of the current node is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Nothing,
    NameOnly,
    Everything,
}

impl Want {
    const fn of_child(self) -> Self {
        match self {
            Self::Everything => Self::NameOnly,
            Self::NameOnly | Self::Nothing => Self::Nothing,
        }
    }
}

/// Children of an image that say how to check or to decrypt its data.
fn is_bound(child: Node<'_>) -> bool {
    child.name().starts_with("hash") || matches!(child.name(), "cipher" | "dm-verity")
}

/// What changes when `mkimage -E` moves data out of the tree after signing. The data is bound by the hash nodes.
fn is_excluded(property: &str) -> bool {
    matches!(property, "data" | "data-size" | "data-position" | "data-offset")
}
