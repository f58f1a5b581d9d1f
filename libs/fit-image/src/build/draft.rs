//! Laying an image out, so that only the signatures are missing.

use super::{BuildError, DataPlacement, FitBuilder, NewConfiguration, NewImage, TreeWriter};
use crate::{algorithm::FitAlgorithm, image::Fit, limits::Limits, region::Coverage};

/// An image whose signatures are still zeros.
#[derive(Clone, Debug)]
pub struct Draft {
    image: Vec<u8>,
    algorithm: FitAlgorithm,
    /// Where the signature of each configuration starts.
    places: Vec<usize>,
}

/// What the signature of one configuration has to be made over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToBeSigned {
    configuration: String,
    bytes: Vec<u8>,
}

impl ToBeSigned {
    /// The name of the configuration.
    #[must_use]
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// The message to sign; the signer hashes it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Draft {
    pub(super) fn lay_out(
        parts: &FitBuilder,
        algorithm: FitAlgorithm,
        key_name: &str,
    ) -> Result<(Self, Vec<ToBeSigned>), BuildError> {
        let data = ExternalData::arrange(parts)?;
        let mut tree = TreeWriter::default();
        tree.begin("");
        tree.number("timestamp", u64::from(parts.timestamp));
        tree.text("description", &parts.description);
        tree.number("#address-cells", 1);
        tree.begin("images");
        for (image, offset) in parts.images.iter().zip(&data.offsets) {
            image.write(&mut tree, |tree| place_data(tree, image, parts.placement, *offset));
        }
        tree.end();
        tree.begin("configurations");
        if let Some(first) = parts.configurations.first() {
            tree.text("default", first.name());
        }
        let mut nodes = Vec::new();
        for configuration in &parts.configurations {
            configuration.write(&mut tree, |tree| {
                nodes.push(SignaturePlaces::write(tree, parts, configuration, algorithm, key_name));
            });
        }
        tree.end();
        tree.end();

        let strings = tree.strings_length();
        let mut image = tree.finish()?;
        for node in &nodes {
            overwrite(&mut image, node.strings_length, &strings.to_be_bytes());
        }
        data.append_to(&mut image, parts.placement)?;
        let to_be_signed = signed_bytes(&image, strings)?;
        let places = nodes.into_iter().map(|node| node.value).collect();
        Ok((Self { image, algorithm, places }, to_be_signed))
    }

    /// Puts the signatures in, one for each configuration and in their order, as a [`Signer`](pki::key::Signer) makes
    /// them: of P-256 the DER form, which becomes the plain r ‖ s that boot loaders read.
    ///
    /// # Errors
    /// [`BuildError::SignatureCount`] or [`BuildError::SignatureForm`]. Whether the signatures verify is not checked here.
    pub fn finish<T: AsRef<[u8]>>(mut self, signatures: &[T]) -> Result<Vec<u8>, BuildError> {
        if signatures.len() != self.places.len() {
            return Err(BuildError::SignatureCount { configurations: self.places.len(), given: signatures.len() });
        }
        for (place, signature) in self.places.iter().zip(signatures) {
            let value = self.algorithm.value_from_signature(signature.as_ref());
            let value = value.ok_or(BuildError::SignatureForm { algorithm: self.algorithm })?;
            overwrite(&mut self.image, *place, &value);
        }
        Ok(self.image)
    }
}

/// What of a signature node is filled in later: offsets in the finished tree.
struct SignaturePlaces {
    value: usize,
    strings_length: usize,
}

impl SignaturePlaces {
    /// Writes the properties that mkimage writes, in its order.
    fn write(
        tree: &mut TreeWriter,
        parts: &FitBuilder,
        configuration: &NewConfiguration,
        algorithm: FitAlgorithm,
        key_name: &str,
    ) -> Self {
        tree.begin("signature-1");
        let strings = tree.property("hashed-strings", &[0; 8]);
        let own = ["/".to_owned(), format!("/configurations/{}", configuration.name())];
        let images = configuration.images(&parts.images).flat_map(NewImage::paths);
        tree.texts("hashed-nodes", &own.into_iter().chain(images).collect::<Vec<_>>());
        tree.number("timestamp", u64::from(parts.timestamp));
        tree.text("signer-version", env!("CARGO_PKG_VERSION"));
        tree.text("signer-name", env!("CARGO_PKG_NAME"));
        let value = tree.property("value", &vec![0; algorithm.signature_length()]);
        tree.text("algo", &algorithm.algo());
        if let Some(padding) = algorithm.padding() {
            tree.text("padding", padding);
        }
        tree.text("key-name-hint", key_name);
        let image_properties = configuration.image_properties();
        if !image_properties.is_empty() {
            tree.texts("sign-images", &image_properties);
        }
        tree.end();
        Self { value, strings_length: strings.saturating_add(4) }
    }
}

/// The data of all images, one after the other, each from a whole cell on.
struct ExternalData {
    bytes: Vec<u8>,
    offsets: Vec<u32>,
}

impl ExternalData {
    fn arrange(parts: &FitBuilder) -> Result<Self, BuildError> {
        let mut arranged = Self { bytes: Vec::new(), offsets: Vec::new() };
        for image in &parts.images {
            arranged.offsets.push(u32::try_from(arranged.bytes.len()).map_err(|_| BuildError::TooLarge)?);
            if parts.placement != DataPlacement::Inline {
                arranged.bytes.extend_from_slice(image.data());
                arranged.bytes.resize(arranged.bytes.len().next_multiple_of(4), 0);
            }
            // `data-size` is one cell.
            u32::try_from(image.data().len()).map_err(|_| BuildError::TooLarge)?;
        }
        Ok(arranged)
    }

    fn append_to(mut self, image: &mut Vec<u8>, placement: DataPlacement) -> Result<(), BuildError> {
        if let DataPlacement::At(position) = placement {
            let start = usize::try_from(position).map_err(|_| BuildError::TooLarge)?;
            if start < image.len() {
                return Err(BuildError::PositionInsideTree { position, tree: image.len() });
            }
            image.resize(start, 0);
        }
        image.append(&mut self.bytes);
        Ok(())
    }
}

fn place_data(tree: &mut TreeWriter, image: &NewImage, placement: DataPlacement, offset: u32) {
    let (property, place) = match placement {
        DataPlacement::Inline => {
            tree.property("data", image.data());
            return;
        }
        DataPlacement::Behind => ("data-offset", u64::from(offset)),
        DataPlacement::At(position) => ("data-position", u64::from(position).saturating_add(u64::from(offset))),
    };
    tree.number(property, place);
    tree.number("data-size", u64::try_from(image.data().len()).unwrap_or(u64::MAX));
}

/// What has to be signed, found by the verifier's own rules in the finished layout.
fn signed_bytes(image: &[u8], strings: u32) -> Result<Vec<ToBeSigned>, BuildError> {
    let fit = Fit::read(image, &Limits::default())?;
    let part = |configuration: &crate::image::Configuration| {
        let bytes = Coverage::of(&fit, configuration)?.signed_bytes(fit.tree(), strings)?;
        Ok(ToBeSigned { configuration: configuration.name().to_owned(), bytes })
    };
    fit.configurations().iter().map(part).collect()
}

fn overwrite(image: &mut [u8], place: usize, value: &[u8]) {
    if let Some(room) = image.get_mut(place..place.saturating_add(value.len())) {
        room.copy_from_slice(value);
    }
}
