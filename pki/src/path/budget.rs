//! What one validation may cost, whatever strangers put into the certificates.

use super::PathError;

/// Signature checks, however the certificates cross-certify each other.
pub(super) const SIGNATURES: u32 = 64;

/// Comparisons of a name with a constraint, in all the paths that are tried.
pub(super) const COMPARISONS: usize = 250_000;

/// What is left.
pub(super) struct Budget {
    signatures: u32,
    comparisons: usize,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self { signatures: SIGNATURES, comparisons: COMPARISONS }
    }

    pub(super) fn check_signature(&mut self) -> Result<(), PathError> {
        self.signatures = self.signatures.checked_sub(1).ok_or(PathError::TooComplex)?;
        Ok(())
    }

    pub(super) fn compare(&mut self, names: usize) -> Result<(), PathError> {
        self.comparisons = self.comparisons.checked_sub(names).ok_or(PathError::TooComplex)?;
        Ok(())
    }
}
