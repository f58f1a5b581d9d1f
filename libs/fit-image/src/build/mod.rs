//! Making signed images.
//!
//! ```
//! use fit_image::{build::{FitBuilder, NewConfiguration, NewImage}, image::Role};
//! use pki::key::FileKey;
//!
//! let key = FileKey::generate_p256()?;
//! let signed: Vec<u8> = FitBuilder::new("demo", 1_700_000_000)
//!     .image(NewImage::new("kernel-1", "kernel", b"kernel code".to_vec()).arch("arm64").os("linux"))
//!     .configuration(NewConfiguration::new("conf-1").refer(Role::Kernel, "kernel-1"))
//!     .sign(&key, "owner")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod content;
mod draft;
mod writer;

use pki::{algorithm::SignatureAlgorithm, key::Signer};

pub(crate) use self::writer::TreeWriter;
pub use self::{
    content::{NewConfiguration, NewImage},
    draft::{Draft, ToBeSigned},
};
use crate::{algorithm::FitAlgorithm, error::FitError, fdt::tag};

/// Where the data of the images is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataPlacement {
    /// Inside the tree, as the property `data`.
    #[default]
    Inline,
    /// Behind the tree, found by `data-offset`; what `mkimage -E` does.
    Behind,
    /// From this byte of the file on, found by `data-position`; what `mkimage -E -p` does.
    At(u32),
}

/// Collects what an image is to contain.
#[derive(Clone, Debug)]
pub struct FitBuilder {
    description: String,
    timestamp: u32,
    images: Vec<NewImage>,
    configurations: Vec<NewConfiguration>,
    placement: DataPlacement,
}

impl FitBuilder {
    /// An empty image. `timestamp` is in seconds since 1970; it is signed, and devices compare it with their floor.
    #[must_use]
    pub fn new(description: impl Into<String>, timestamp: u32) -> Self {
        Self {
            description: description.into(),
            timestamp,
            images: Vec::new(),
            configurations: Vec::new(),
            placement: DataPlacement::default(),
        }
    }

    /// Adds an image.
    #[must_use]
    pub fn image(mut self, image: NewImage) -> Self {
        self.images.push(image);
        self
    }

    /// Adds a configuration. The first one is the default.
    #[must_use]
    pub fn configuration(mut self, configuration: NewConfiguration) -> Self {
        self.configurations.push(configuration);
        self
    }

    /// Puts the data of all images there.
    #[must_use]
    pub fn data(mut self, placement: DataPlacement) -> Self {
        self.placement = placement;
        self
    }

    /// Lays the image out for signatures of this algorithm. `key_name` becomes the `key-name-hint`.
    ///
    /// Returns the image without signatures and, in the order of the configurations, what has to be signed.
    ///
    /// # Errors
    /// [`BuildError`] when the parts do not make an image.
    pub fn prepare(self, algorithm: FitAlgorithm, key_name: &str) -> Result<(Draft, Vec<ToBeSigned>), BuildError> {
        if self.configurations.is_empty() {
            return Err(BuildError::NoConfiguration);
        }
        let names =
            self.images.iter().map(NewImage::name).chain(self.configurations.iter().map(NewConfiguration::name));
        // A unit address would be refused by every careful loader.
        match names.into_iter().find(|name| !tag::is_node_name(name.as_bytes()) || name.contains('@')) {
            Some(name) => Err(BuildError::InvalidName { name: name.to_owned() }),
            None => Draft::lay_out(&self, algorithm, key_name),
        }
    }

    /// Prepares, has every configuration signed by `signer`, and finishes.
    ///
    /// # Errors
    /// As [`FitBuilder::prepare`] and [`Draft::finish`], or what the signer reports.
    pub fn sign(self, signer: &dyn Signer, key_name: &str) -> Result<Vec<u8>, BuildError> {
        let algorithm = FitAlgorithm::for_key(signer.public_key()).ok_or(BuildError::KeyUnsuitable)?;
        // What the image says about its signatures is what the key makes.
        if !matches!(signer.algorithm(), SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::RsaPkcs1Sha256) {
            return Err(BuildError::KeyUnsuitable);
        }
        let (draft, to_be_signed) = self.prepare(algorithm, key_name)?;
        let signatures: Vec<_> = to_be_signed.iter().map(|part| signer.sign(part.bytes())).collect::<Result<_, _>>()?;
        draft.finish(&signatures)
    }
}

/// Why an image could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Without a configuration there is nothing to sign and nothing to boot.
    #[error("the image has no configuration")]
    NoConfiguration,
    /// A name that is empty or has characters that node names may not have; `@` is one of them.
    #[error("`{name}` cannot be the name of an image or configuration")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// More than a tree can address.
    #[error("the image exceeds 4 GiB")]
    TooLarge,
    /// The position given for external data lies inside the tree.
    #[error("external data cannot start at byte {position} of a tree of {tree} bytes")]
    PositionInsideTree {
        /// The position.
        position: u32,
        /// The size of the tree in bytes.
        tree: usize,
    },
    /// The parts contradict each other: duplicate names, references to images that do not exist.
    #[error("the parts do not make an image")]
    Inconsistent(#[from] FitError),
    /// No boot loader verifies signatures of such a key.
    #[error("a key of this kind cannot sign images: use RSA of 2048, 3072 or 4096 bits, or P-256")]
    KeyUnsuitable,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] pki::key::SignError),
    /// Not as many signatures as configurations.
    #[error("{given} signatures for {configurations} configurations")]
    SignatureCount {
        /// How many configurations there are.
        configurations: usize,
        /// How many signatures were given.
        given: usize,
    },
    /// The bytes are no signature of the algorithm that the image was prepared for.
    #[error("the signature does not have the form of {}", .algorithm.algo())]
    SignatureForm {
        /// The algorithm.
        algorithm: FitAlgorithm,
    },
}

#[cfg(test)]
mod tests {
    use pki::key::{FileKey, PublicKey, SignError};

    use super::*;
    use crate::image::Role;

    /// A P-256 key in an HSM that was set up for another digest.
    struct WithSha384(FileKey);

    impl Signer for WithSha384 {
        fn algorithm(&self) -> SignatureAlgorithm {
            SignatureAlgorithm::EcdsaSha384
        }

        fn public_key(&self) -> &PublicKey {
            self.0.public_key()
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            self.0.sign(message)
        }
    }

    #[test]
    fn a_signer_whose_algorithm_the_image_would_not_name_is_refused() {
        let image = || {
            FitBuilder::new("test", 0)
                .image(NewImage::new("kernel-1", "kernel", b"code".to_vec()))
                .configuration(NewConfiguration::new("conf-1").refer(Role::Kernel, "kernel-1"))
        };
        let key = WithSha384(FileKey::generate_p256().unwrap());
        assert!(matches!(image().sign(&key, "dev"), Err(BuildError::KeyUnsuitable)));
        image().sign(&key.0, "dev").unwrap();
    }
}
