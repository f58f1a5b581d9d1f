//! The parts of an image to be built.

use pki::digest::sha256;

use super::TreeWriter;
use crate::image::Role;

/// An image to be put into a FIT. Its SHA-256 becomes its hash node.
#[derive(Clone, Debug)]
pub struct NewImage {
    name: String,
    kind: String,
    data: Vec<u8>,
    /// Property and value, in the order in which they were given.
    texts: Vec<(&'static str, String)>,
    numbers: Vec<(&'static str, u64)>,
}

impl NewImage {
    /// An image with its node name, its `type` (`kernel`, `flat_dt`, `ramdisk`, …) and its data.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: impl Into<String>, data: Vec<u8>) -> Self {
        Self { name: name.into(), kind: kind.into(), data, texts: Vec::new(), numbers: Vec::new() }
    }

    /// What a person should know about it.
    #[must_use]
    pub fn description(self, value: impl Into<String>) -> Self {
        self.text("description", value.into())
    }

    /// The architecture: `arm64`, `arm`, `x86_64`, …
    #[must_use]
    pub fn arch(self, value: impl Into<String>) -> Self {
        self.text("arch", value.into())
    }

    /// The operating system: `linux`, …
    #[must_use]
    pub fn os(self, value: impl Into<String>) -> Self {
        self.text("os", value.into())
    }

    /// How the data is compressed: `gzip`, `lzma`, …; `none` when this is not called.
    #[must_use]
    pub fn compression(self, value: impl Into<String>) -> Self {
        self.text("compression", value.into())
    }

    /// The address to load it to.
    #[must_use]
    pub fn load(self, address: u64) -> Self {
        self.number("load", address)
    }

    /// The address to enter it at.
    #[must_use]
    pub fn entry(self, address: u64) -> Self {
        self.number("entry", address)
    }

    /// The name of its node.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its data.
    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    /// Writes the node; `place` writes the properties that hold the data or lead to it.
    pub(super) fn write(&self, tree: &mut TreeWriter, place: impl FnOnce(&mut TreeWriter)) {
        tree.begin(&self.name);
        place(tree);
        tree.text("type", &self.kind);
        if !self.texts.iter().any(|(property, _)| *property == "compression") {
            tree.text("compression", "none");
        }
        self.texts.iter().for_each(|(property, value)| tree.text(property, value));
        self.numbers.iter().for_each(|(property, value)| tree.number(property, *value));
        tree.begin(HASH_NODE);
        tree.property("value", &sha256(&self.data).0);
        tree.text("algo", "sha256");
        tree.end();
        tree.end();
    }

    /// The paths of the nodes that bind this image.
    pub(super) fn paths(&self) -> [String; 2] {
        let path = format!("/images/{}", self.name);
        let hash = format!("{path}/{HASH_NODE}");
        [path, hash]
    }

    fn text(mut self, property: &'static str, value: String) -> Self {
        self.texts.retain(|(known, _)| *known != property);
        self.texts.push((property, value));
        self
    }

    fn number(mut self, property: &'static str, value: u64) -> Self {
        self.numbers.retain(|(known, _)| *known != property);
        self.numbers.push((property, value));
        self
    }
}

/// A configuration to be put into a FIT: images that boot together.
#[derive(Clone, Debug)]
pub struct NewConfiguration {
    name: String,
    description: Option<String>,
    compatible: Vec<String>,
    references: Vec<(Role, Vec<String>)>,
}

impl NewConfiguration {
    /// A configuration with its node name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), description: None, compatible: Vec::new(), references: Vec::new() }
    }

    /// What a person should know about it.
    #[must_use]
    pub fn description(mut self, value: impl Into<String>) -> Self {
        self.description = Some(value.into());
        self
    }

    /// A board that it is for; the first call names the most specific one.
    #[must_use]
    pub fn compatible(mut self, board: impl Into<String>) -> Self {
        self.compatible.push(board.into());
        self
    }

    /// Refers to the image of this name. Several images of one role keep the order of the calls.
    #[must_use]
    pub fn refer(mut self, role: Role, image: impl Into<String>) -> Self {
        match self.references.iter_mut().find(|(known, _)| *known == role) {
            Some((_, images)) => images.push(image.into()),
            None => self.references.push((role, vec![image.into()])),
        }
        self
    }

    /// The name of its node.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The properties of the configuration that refer to images.
    pub(super) fn image_properties(&self) -> Vec<&'static str> {
        self.references.iter().map(|(role, _)| role.property()).collect()
    }

    /// The images it refers to, each once.
    pub(super) fn images<'i>(&self, images: &'i [NewImage]) -> impl Iterator<Item = &'i NewImage> {
        images.iter().filter(|image| self.references.iter().any(|(_, names)| names.contains(&image.name)))
    }

    /// Writes the node; `sign` writes its signature node.
    pub(super) fn write(&self, tree: &mut TreeWriter, sign: impl FnOnce(&mut TreeWriter)) {
        tree.begin(&self.name);
        if let Some(description) = &self.description {
            tree.text("description", description);
        }
        if !self.compatible.is_empty() {
            tree.texts("compatible", &self.compatible);
        }
        self.references.iter().for_each(|(role, images)| tree.texts(role.property(), images));
        sign(tree);
        tree.end();
    }
}

/// One hash is enough: SHA-256, which every verifier knows.
const HASH_NODE: &str = "hash-1";
