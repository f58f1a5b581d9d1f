//! Deciding whether an image may boot.

mod hashes;
mod keys;
mod signatures;
mod verified;

use pki::digest::sha256;
use verdict::{Input, Refusal, Trace};

pub use self::{
    keys::{Required, TrustedKey, TrustedKeys},
    verified::{VerifiedFit, VerifiedImage},
};
use crate::{
    error::FitError,
    image::{Configuration, Fit},
    limits::Limits,
    region::Coverage,
    source::Source,
};

/// Which configuration to verify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection<'a> {
    /// The one that the file calls its default. No signature covers that choice: whoever changes the file in transit
    /// chooses among all configurations that were ever signed in it.
    #[default]
    Default,
    /// The one of exactly this name.
    Named(&'a str),
}

/// Verifies one configuration of the FIT in `source` and every image it refers to.
///
/// Costs memory for the structure of the tree, bounded by `limits`, and none for image data, which is read once and in
/// pieces.
///
/// # Errors
/// A [`Refusal`] with the reason, and with the trace of every check made before it.
pub fn verify<S: Source + ?Sized>(
    source: &S,
    keys: &TrustedKeys,
    selection: Selection<'_>,
    limits: &Limits,
) -> Result<VerifiedFit, Refusal> {
    let mut trace = Trace::new();
    match check_all(source, keys, selection, limits, &mut trace) {
        Ok(verified) => Ok(verified.with_trace(trace)),
        Err(Failure { check, inputs, error }) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            Err(trace.refused(check, error.reason(), &inputs, format!("{error}{cause}")))
        }
    }
}

fn check_all<S: Source + ?Sized>(
    source: &S,
    keys: &TrustedKeys,
    selection: Selection<'_>,
    limits: &Limits,
    trace: &mut Trace,
) -> Result<VerifiedFit, Failure> {
    let fit = Fit::read(source, limits).map_err(Failure::of("fit-structure"))?;
    let structure = Input { name: "fit-structure", sha256: sha256(fit.tree().structure()) };
    trace.passed("fit-structure", FORMAT, &[structure]);

    let configuration = select(&fit, selection, trace).map_err(Failure::of("fit-configuration"))?;
    let coverage = Coverage::of(&fit, configuration).map_err(Failure::of("fit-coverage"))?;
    trace.passed_with("fit-coverage", SIGNATURE, &[], coverage.paths(fit.tree()).join(" "));

    let signers = signatures::check(&fit, configuration, &coverage, keys, trace)?;
    // Only now is anything of the file believed, and only what the signature covers.
    let images = hashes::check(source, &fit, configuration, trace)?;
    Ok(VerifiedFit::new(&fit, configuration, images, signers))
}

fn select<'f>(fit: &'f Fit, selection: Selection<'_>, trace: &mut Trace) -> Result<&'f Configuration, FitError> {
    let (name, note) = match selection {
        Selection::Default => (fit.default(), ", the unsigned default of the file"),
        Selection::Named(name) => (Some(name), ""),
    };
    let found = name.and_then(|name| fit.configurations().iter().find(|found| found.name() == name));
    let found = found.ok_or_else(|| FitError::NoConfiguration(name.map(str::to_owned)))?;
    trace.passed_with("fit-configuration", FORMAT, &[], format!("`{}`{note}", found.name()));
    Ok(found)
}

/// A broken rule, on its way to the trace.
struct Failure {
    check: &'static str,
    inputs: Vec<Input>,
    error: FitError,
}

impl Failure {
    /// For `map_err`: names the check that the error ends.
    fn of(check: &'static str) -> impl Fn(FitError) -> Self {
        move |error| Self { check, inputs: Vec::new(), error }
    }
}

const FORMAT: &str = "FIT source file format";
const SIGNATURE: &str = "FIT signature verification";
