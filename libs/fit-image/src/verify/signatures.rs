//! The signatures of the selected configuration. Those of single images count for nothing: each of them is genuine, and
//! any signed kernel would fit any signed device tree.

use std::collections::BTreeSet;

use pki::digest::sha256;
use verdict::{Input, Trace};

use super::{Failure, Required, SIGNATURE, TrustedKeys};
use crate::{
    algorithm::FitAlgorithm,
    error::FitError,
    image::{Configuration, Fit, SignatureNode},
    region::Coverage,
};

/// Verifies the configuration's signatures with the trusted keys and returns the names of the keys that signed.
pub(super) fn check(
    fit: &Fit,
    configuration: &Configuration,
    coverage: &Coverage,
    keys: &TrustedKeys,
    trace: &mut Trace,
) -> Result<Vec<String>, Failure> {
    let name = || configuration.name().to_owned();
    let signed: Vec<_> = configuration.signatures().iter().filter(|node| node.value().is_some()).collect();
    if signed.is_empty() {
        let image_signatures = fit.images().iter().any(|image| image.is_signed());
        return Err(Failure::of(CHECK)(FitError::Unsigned { configuration: name(), image_signatures }));
    }
    let derived = coverage.paths(fit.tree());
    let mut signers = BTreeSet::new();
    let mut failure = None;
    for node in signed.into_iter().take(MAX_SIGNATURES) {
        compare_claim(node, &derived, trace);
        match Attempt::prepare(fit, coverage, node) {
            Ok(attempt) => {
                let found = attempt.verifying_keys(node, keys, trace);
                if found.is_empty() {
                    let error = FitError::NotVerified { configuration: name(), uncovered: uncovered(node, &derived) };
                    failure = Some(Failure { check: CHECK, inputs: vec![attempt.signed_input()], error });
                }
                signers.extend(found);
            }
            Err(error) => {
                trace.skipped(CHECK, SIGNATURE, format!("`{}`: {error}", node.name()));
                failure = Some(Failure::of(CHECK)(error));
            }
        }
    }
    if let (true, Some(failure)) = (signers.is_empty(), failure) {
        return Err(failure);
    }
    let unused = keys.keys().iter().enumerate().find(|(place, _)| !signers.contains(place));
    if let (Required::All, Some((_, key))) = (keys.required(), unused) {
        let error = FitError::RequiredKeyMissing { configuration: name(), key: key.name().to_owned() };
        return Err(Failure::of("fit-required-keys")(error));
    }
    Ok(signers.into_iter().filter_map(|place| keys.keys().get(place)).map(|key| key.name().to_owned()).collect())
}

/// One signature with everything needed to try a key on it.
struct Attempt<'a> {
    algorithm: FitAlgorithm,
    value: &'a [u8],
    signed: Vec<u8>,
}

impl<'a> Attempt<'a> {
    fn prepare(fit: &Fit, coverage: &Coverage, node: &'a SignatureNode) -> Result<Self, FitError> {
        let missing = |property| FitError::BadProperty { node: node.name().to_owned(), property };
        let algorithm = FitAlgorithm::from_names(node.algo().ok_or_else(|| missing("algo"))?, node.padding())?;
        let value = node.value().ok_or_else(|| missing("value"))?;
        let strings = node.hashed_strings().ok_or_else(|| missing("hashed-strings"))?;
        Ok(Self { algorithm, value, signed: coverage.signed_bytes(fit.tree(), strings)? })
    }

    fn signed_input(&self) -> Input {
        Input { name: "fit-signed-bytes", sha256: sha256(&self.signed) }
    }

    /// Tries every key, because the hint of which one made the signature is not signed.
    fn verifying_keys(&self, node: &SignatureNode, keys: &TrustedKeys, trace: &mut Trace) -> Vec<usize> {
        let mut found = Vec::new();
        for (place, key) in keys.keys().iter().enumerate() {
            let key_input = Input { name: "fit-public-key", sha256: key.key().spki_sha256() };
            let what = format!("`{}` ({}) with key `{}`", node.name(), self.algorithm.algo(), key.name());
            match self.algorithm.verify(key.key(), &self.signed, self.value) {
                Ok(()) => {
                    trace.passed_with(CHECK, SIGNATURE, &[self.signed_input(), key_input], what);
                    found.push(place);
                }
                Err(error) => trace.skipped(CHECK, SIGNATURE, format!("{what}: {error}")),
            }
        }
        found
    }
}

/// Says when the file's own list of signed nodes is not the one that counts: CVE-2026-46728, or a signer that was not
/// told of every image.
fn compare_claim(node: &SignatureNode, derived: &[String], trace: &mut Trace) {
    let claimed: Option<BTreeSet<_>> = node.hashed_nodes().map(|paths| paths.iter().collect());
    match claimed {
        Some(claimed) if claimed == derived.iter().collect() => {
            trace.passed_with("fit-hashed-nodes", SIGNATURE, &[], "the file's own list agrees");
        }
        Some(claimed) => {
            let claimed = claimed.into_iter().flat_map(|path| path.escape_debug().chain([' '])).take(MAX_SHOWN);
            let note = format!("ignored: the file claims {}in `{}`", claimed.collect::<String>(), node.name());
            trace.skipped("fit-hashed-nodes", SIGNATURE, note);
        }
        None => trace.skipped("fit-hashed-nodes", SIGNATURE, "the file makes no claim"),
    }
}

fn uncovered(node: &SignatureNode, derived: &[String]) -> Vec<String> {
    let claimed: BTreeSet<_> = node.hashed_nodes().unwrap_or_default().iter().collect();
    if claimed.is_empty() {
        return Vec::new();
    }
    derived.iter().filter(|path| !claimed.contains(path)).cloned().collect()
}

const CHECK: &str = "fit-signature";

/// More signatures than anybody puts on one configuration; each costs a few milliseconds.
const MAX_SIGNATURES: usize = 16;

/// How many characters of a false claim are repeated in the trace.
const MAX_SHOWN: usize = 4096;
