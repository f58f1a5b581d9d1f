//! The data of the images against their signed hashes, in one pass over each.

use std::collections::BTreeMap;

use pki::digest::{HashAlgorithm, Hasher, Sha256};
use verdict::{Digest, Input, Trace};

use super::{Failure, SIGNATURE, VerifiedImage};
use crate::{
    algorithm::hash_name,
    error::FitError,
    image::{Configuration, Fit, HashNode, Image, Role},
    source::{ByteRange, Source, stream},
};

/// Checks every image that the configuration refers to, each once.
pub(super) fn check<S: Source + ?Sized>(
    source: &S,
    fit: &Fit,
    configuration: &Configuration,
    trace: &mut Trace,
) -> Result<Vec<(Option<Role>, VerifiedImage)>, Failure> {
    let mut checked: BTreeMap<usize, VerifiedImage> = BTreeMap::new();
    let mut images = Vec::new();
    for reference in configuration.references() {
        let Some(image) = fit.images().get(reference.image()) else { continue };
        let verified = match checked.get(&reference.image()) {
            Some(verified) => verified.clone(),
            None => check_image(source, image, trace)?,
        };
        checked.insert(reference.image(), verified.clone());
        images.push((reference.role(), verified));
    }
    Ok(images)
}

fn check_image<S: Source + ?Sized>(source: &S, image: &Image, trace: &mut Trace) -> Result<VerifiedImage, Failure> {
    let failure = Failure::of(CHECK);
    let (accepted, weak): (Vec<_>, Vec<_>) =
        image.hashes().iter().partition(|node| node.accepted_algorithm().is_some());
    // A weak hash proves nothing, right or wrong; it is not even computed.
    if accepted.is_empty() {
        return Err(failure(FitError::Unhashed { image: image.name().to_owned() }));
    }
    let missing = || FitError::BadProperty { node: image.name().to_owned(), property: "data" };
    let data = image.data().ok_or_else(missing).map_err(&failure)?;
    let digests = Digests::compute(source, data, &accepted).map_err(&failure)?;
    let input = Input { name: "fit-image-data", sha256: digests.sha256 };
    for node in &accepted {
        let Some(algorithm) = node.accepted_algorithm() else { continue };
        if digests.of(algorithm) != node.value() {
            let error = FitError::HashMismatch { image: image.name().to_owned(), algorithm: hash_name(algorithm) };
            return Err(Failure { inputs: vec![input], ..failure(error) });
        }
    }
    let names = |nodes: &[&HashNode]| nodes.iter().map(|node| node.algo()).collect::<Vec<_>>().join(" ");
    let ignored = if weak.is_empty() { String::new() } else { format!("; ignored: {}", names(&weak)) };
    trace.passed_with(CHECK, SIGNATURE, &[input], format!("`{}`: {}{ignored}", image.name(), names(&accepted)));
    Ok(VerifiedImage::new(image.clone(), data, digests.sha256))
}

/// SHA-256 for the trace, and the longer hashes if a node asks for them.
struct Digests {
    sha256: Digest,
    sha384: Option<Vec<u8>>,
    sha512: Option<Vec<u8>>,
}

impl Digests {
    fn compute<S: Source + ?Sized>(source: &S, data: ByteRange, nodes: &[&HashNode]) -> Result<Self, FitError> {
        let asked = |algorithm: HashAlgorithm| {
            nodes.iter().any(|node| node.accepted_algorithm() == Some(algorithm)).then(|| algorithm.hasher())
        };
        let mut sha256 = Sha256::new();
        let mut longer = [asked(HashAlgorithm::Sha384), asked(HashAlgorithm::Sha512)];
        stream(source, data, |piece| {
            sha256.update(piece);
            longer.iter_mut().flatten().for_each(|hasher| hasher.update(piece));
            Ok(())
        })?;
        let [sha384, sha512] = longer.map(|hasher| hasher.map(Hasher::finish));
        Ok(Self { sha256: sha256.finish(), sha384, sha512 })
    }

    fn of(&self, algorithm: HashAlgorithm) -> &[u8] {
        match algorithm {
            HashAlgorithm::Sha256 => &self.sha256.0,
            HashAlgorithm::Sha384 => self.sha384.as_deref().unwrap_or_default(),
            HashAlgorithm::Sha512 => self.sha512.as_deref().unwrap_or_default(),
        }
    }
}

const CHECK: &str = "fit-image-hash";
