//! Whose signatures count.

use pki::key::PublicKey;

/// A public key under the name that its owner knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    name: String,
    key: PublicKey,
}

impl TrustedKey {
    /// A key and the name to show for it. The name need not be the `key-name-hint` of any image.
    #[must_use]
    pub fn new(name: impl Into<String>, key: PublicKey) -> Self {
        Self { name: name.into(), key }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// How many of the trusted keys must have signed: U-Boot's `required-mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Required {
    /// Every one of them. U-Boot's default, and ours.
    #[default]
    All,
    /// At least one of them.
    Any,
}

/// The keys that images are verified with. An empty set verifies nothing: having no key never means that none is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys {
    keys: Vec<TrustedKey>,
    required: Required,
}

impl TrustedKeys {
    /// These keys, of which `required` must have signed.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = TrustedKey>, required: Required) -> Self {
        Self { keys: keys.into_iter().collect(), required }
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// How many of them must have signed.
    #[must_use]
    pub const fn required(&self) -> Required {
        self.required
    }
}
