//! What a boot image is, once it is verified.

use std::io;

use pki::digest::Sha256;
use verdict::{Digest, Trace};

use crate::{
    image::{Configuration, Fit, Image, Role},
    source::{ByteRange, Source, stream},
};

/// One configuration of a FIT whose signature and images were verified. The other configurations of the file, and images
/// that this one does not refer to, cannot be reached from here.
#[derive(Clone, Debug)]
pub struct VerifiedFit {
    description: Option<String>,
    timestamp: Option<u32>,
    configuration: Configuration,
    images: Vec<(Option<Role>, VerifiedImage)>,
    signers: Vec<String>,
    trace: Trace,
}

impl VerifiedFit {
    pub(super) fn new(
        fit: &Fit,
        configuration: &Configuration,
        images: Vec<(Option<Role>, VerifiedImage)>,
        signers: Vec<String>,
    ) -> Self {
        Self {
            description: fit.description().map(str::to_owned),
            timestamp: fit.timestamp(),
            configuration: configuration.clone(),
            images,
            signers,
            trace: Trace::new(),
        }
    }

    pub(super) fn with_trace(self, trace: Trace) -> Self {
        Self { trace, ..self }
    }

    /// The description of the whole file.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// When the file was made, in seconds since 1970, in the words of whoever signed it.
    #[must_use]
    pub const fn timestamp(&self) -> Option<u32> {
        self.timestamp
    }

    /// The name of the configuration.
    #[must_use]
    pub fn configuration(&self) -> &str {
        self.configuration.name()
    }

    /// What a person should know about the configuration.
    #[must_use]
    pub fn configuration_description(&self) -> Option<&str> {
        self.configuration.description()
    }

    /// The boards that the configuration is for, most specific first.
    #[must_use]
    pub fn compatible(&self) -> &[String] {
        self.configuration.compatible()
    }

    /// The images of one role, in the order in which the configuration names them.
    pub fn images(&self, role: Role) -> impl Iterator<Item = &VerifiedImage> {
        self.images.iter().filter(move |(found, _)| *found == Some(role)).map(|(_, image)| image)
    }

    /// The kernel, if the configuration has one.
    #[must_use]
    pub fn kernel(&self) -> Option<&VerifiedImage> {
        self.images(Role::Kernel).next()
    }

    /// The initial file system, if the configuration has one.
    #[must_use]
    pub fn ramdisk(&self) -> Option<&VerifiedImage> {
        self.images(Role::Ramdisk).next()
    }

    /// The names of the trusted keys whose signatures were verified.
    #[must_use]
    pub fn signers(&self) -> &[String] {
        &self.signers
    }

    /// Every check that was made.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }
}

/// An image whose data matched its signed hashes.
#[derive(Clone, Debug)]
pub struct VerifiedImage {
    image: Image,
    data: ByteRange,
    sha256: Digest,
}

impl VerifiedImage {
    pub(super) const fn new(image: Image, data: ByteRange, sha256: Digest) -> Self {
        Self { image, data, sha256 }
    }

    /// The name of its node.
    #[must_use]
    pub fn name(&self) -> &str {
        self.image.name()
    }

    /// The property `type`: `kernel`, `flat_dt`, `ramdisk`, …
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.image.kind()
    }

    /// The architecture: `arm64`, `arm`, `x86_64`, …
    #[must_use]
    pub fn arch(&self) -> Option<&str> {
        self.image.arch()
    }

    /// The operating system: `linux`, …
    #[must_use]
    pub fn os(&self) -> Option<&str> {
        self.image.os()
    }

    /// How the data is compressed: `none`, `gzip`, …; absent means `none`.
    #[must_use]
    pub fn compression(&self) -> &str {
        self.image.compression().unwrap_or("none")
    }

    /// The address to load the image to.
    #[must_use]
    pub const fn load(&self) -> Option<u64> {
        self.image.load()
    }

    /// The address to enter it at.
    #[must_use]
    pub const fn entry(&self) -> Option<u64> {
        self.image.entry()
    }

    /// Whether the data is encrypted and useless without the boot loader's key.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.image.is_encrypted()
    }

    /// Where the data lies in the source that was verified. Only as good as the promise that the source did not change
    /// since; [`VerifiedImage::copy`] needs no such promise.
    #[must_use]
    pub const fn data(&self) -> ByteRange {
        self.data
    }

    /// SHA-256 over the data as it was verified.
    #[must_use]
    pub const fn sha256(&self) -> Digest {
        self.sha256
    }

    /// Hands the data to `sink` in pieces, and hashes it again on the way: success means that exactly the verified bytes
    /// were handed out, even if somebody changed the source in between. After an error, what was handed out is void.
    ///
    /// # Errors
    /// Whatever source or sink report, or [`io::ErrorKind::InvalidData`] when the data changed since it was verified.
    pub fn copy<S: Source + ?Sized>(
        &self,
        source: &S,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut hash = Sha256::new();
        stream(source, self.data, |piece| {
            hash.update(piece);
            sink(piece)
        })?;
        if hash.finish() == self.sha256 { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}
