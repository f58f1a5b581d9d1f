//! A signature node: how a configuration was signed, in the words of an unsigned part of the file.

use super::{bad, text, texts};
use crate::{error::FitError, fdt::Node};

/// A `signature*` node of a configuration.
///
/// Nothing in it is signed, `hashed-nodes` least of all: each member is a hint to be checked against what the verifier
/// finds out by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureNode {
    name: String,
    algo: Option<String>,
    padding: Option<String>,
    key_name_hint: Option<String>,
    value: Option<Vec<u8>>,
    hashed_nodes: Option<Vec<String>>,
    hashed_strings: Option<u32>,
    sign_images: Option<Vec<String>>,
}

impl SignatureNode {
    pub(super) fn read(node: Node<'_>) -> Result<Self, FitError> {
        let value = node.property("value").and_then(|property| property.value());
        Ok(Self {
            name: node.name().to_owned(),
            algo: text(node, "algo")?,
            padding: text(node, "padding")?,
            key_name_hint: text(node, "key-name-hint")?,
            value: value.filter(|value| !value.is_empty()).map(<[u8]>::to_vec),
            hashed_nodes: texts(node, "hashed-nodes")?,
            hashed_strings: hashed_strings(node)?,
            sign_images: texts(node, "sign-images")?,
        })
    }

    /// The name of the node.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hash and key algorithm, such as `sha256,rsa2048`.
    #[must_use]
    pub fn algo(&self) -> Option<&str> {
        self.algo.as_deref()
    }

    /// The padding of an RSA signature; absent means `pkcs-1.5`.
    #[must_use]
    pub fn padding(&self) -> Option<&str> {
        self.padding.as_deref()
    }

    /// The name that the signer gave its key.
    #[must_use]
    pub fn key_name_hint(&self) -> Option<&str> {
        self.key_name_hint.as_deref()
    }

    /// The signature itself. mkimage exits successfully without having made one when it finds no key.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    /// The nodes that the file claims are signed. Never believed.
    #[must_use]
    pub fn hashed_nodes(&self) -> Option<&[String]> {
        self.hashed_nodes.as_deref()
    }

    /// How many bytes of the strings block are signed.
    #[must_use]
    pub const fn hashed_strings(&self) -> Option<u32> {
        self.hashed_strings
    }

    /// The properties of the configuration whose images the signer was asked to sign.
    #[must_use]
    pub fn sign_images(&self) -> Option<&[String]> {
        self.sign_images.as_deref()
    }
}

/// Two cells, start and length, of which only the length means anything.
fn hashed_strings(node: Node<'_>) -> Result<Option<u32>, FitError> {
    let Some(property) = node.property("hashed-strings") else { return Ok(None) };
    let cells = property.value().filter(|value| value.len() == 8).and_then(|value| value.last_chunk());
    Ok(Some(cells.map(|length| u32::from_be_bytes(*length)).ok_or_else(|| bad(node, "hashed-strings"))?))
}
