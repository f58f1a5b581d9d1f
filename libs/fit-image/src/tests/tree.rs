//! A device tree that an attacker can edit and write out again.

use pki::key::Signer;

use crate::{
    Limits, Source,
    algorithm::FitAlgorithm,
    build::TreeWriter,
    fdt::{Fdt, Node},
    image::Fit,
    region::Coverage,
};

/// A node with its properties and children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TestNode {
    pub(super) name: String,
    pub(super) properties: Vec<(String, Vec<u8>)>,
    pub(super) children: Vec<Self>,
}

/// A tree with the strings block it was read with, so that signed offsets into that block stay right.
#[derive(Clone, Debug)]
pub(super) struct TestTree {
    pub(super) root: TestNode,
    strings: Vec<u8>,
    behind: Vec<u8>,
}

impl TestNode {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        let value = value.as_ref().to_vec();
        match self.properties.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.properties.push((name.to_owned(), value)),
        }
        self
    }

    pub(super) fn value(&self, name: &str) -> &[u8] {
        &self.properties.iter().find(|(known, _)| known == name).unwrap().1
    }

    pub(super) fn unset(&mut self, name: &str) -> &mut Self {
        self.properties.retain(|(known, _)| known != name);
        self
    }

    pub(super) fn remove(&mut self, child: &str) -> Self {
        let place = self.children.iter().position(|known| known.name == child).unwrap();
        self.children.remove(place)
    }

    pub(super) fn write(&self, tree: &mut TreeWriter) {
        tree.begin(&self.name);
        for (name, value) in &self.properties {
            tree.property(name, value);
        }
        self.children.iter().for_each(|child| child.write(tree));
        tree.end();
    }

    pub(super) fn read(node: Node<'_>, source: &[u8]) -> Self {
        let value = |range: std::ops::Range<u64>| {
            source[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec()
        };
        Self {
            name: node.name().to_owned(),
            properties: node
                .properties()
                .map(|property| (property.name().to_owned(), value(property.location().range())))
                .collect(),
            children: node.children().map(|child| Self::read(child, source)).collect(),
        }
    }
}

impl TestTree {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let tree = Fdt::read(bytes, &Limits::default()).unwrap();
        let behind = bytes[usize::try_from(tree.total_size()).unwrap()..].to_vec();
        Self { root: TestNode::read(tree.root(), bytes), strings: tree.strings().to_vec(), behind }
    }

    /// The node at a path such as `images/kernel-1`.
    pub(super) fn at(&mut self, path: &str) -> &mut TestNode {
        path.split('/').fold(&mut self.root, |node, part| {
            node.children.iter_mut().find(|child| child.name == part).unwrap_or_else(|| panic!("no {part}"))
        })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut tree = TreeWriter::with_strings(&self.strings);
        self.root.write(&mut tree);
        let mut bytes = tree.finish().unwrap();
        bytes.extend_from_slice(&self.behind);
        bytes
    }

    /// Signs `conf-1` as it is now: what a signer does who signs whatever it is given.
    pub(super) fn sign(&mut self, key: &dyn Signer) -> Vec<u8> {
        let bytes = self.write();
        let fit = Fit::read(&bytes, &Limits::default()).unwrap();
        let strings = u32::try_from(Source::len(fit.tree().strings())).unwrap();
        let configuration = fit.configurations().iter().find(|found| found.name() == "conf-1").unwrap();
        let message = Coverage::of(&fit, configuration).unwrap().signed_bytes(fit.tree(), strings).unwrap();
        let algorithm = FitAlgorithm::for_key(key.public_key()).unwrap();
        let value = algorithm.value_from_signature(&key.sign(&message).unwrap()).unwrap();
        let node = self.at("configurations/conf-1/signature-1");
        node.set("value", value).set("hashed-strings", [[0; 4], strings.to_be_bytes()].concat());
        self.write()
    }
}
