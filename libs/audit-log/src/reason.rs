//! How this crate's errors look to an operator: the reason code of each.

use verdict::{ReasonCode, Refusal};

use crate::{CheckpointMalformed, LeafError, ProofInvalid};

/// An error that an operator may see, and the one [`ReasonCode`] that stands for it.
pub trait Reason: std::error::Error {
    /// The reason code under which the error is shown.
    fn reason(&self) -> ReasonCode;

    /// The error as a refusal of its own, with the error's text as detail.
    fn refusal(&self) -> Refusal {
        Refusal::new(self.reason(), self.to_string())
    }
}

impl Reason for LeafError {
    fn reason(&self) -> ReasonCode {
        ReasonCode::LogLeafMismatch
    }
}

impl Reason for ProofInvalid {
    fn reason(&self) -> ReasonCode {
        match self {
            // The log ends before what it once vouched for.
            Self::LeafBeyondTree { .. } | Self::OldLargerThanNew { .. } => ReasonCode::LogTruncated,
            Self::PathLength { .. } | Self::OldRootMismatch { .. } | Self::RootMismatch { .. } => {
                ReasonCode::LogRootMismatch
            }
        }
    }
}

impl Reason for CheckpointMalformed {
    fn reason(&self) -> ReasonCode {
        ReasonCode::CheckpointMalformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogIndex, RootHash, TreeSize};

    #[test]
    fn every_refusal_carries_the_text_of_its_error() {
        let error = LeafError::Length { found: 7 };
        let refusal = error.refusal();
        assert_eq!(refusal.reason, ReasonCode::LogLeafMismatch);
        assert_eq!(refusal.detail, error.to_string());
        assert_eq!(CheckpointMalformed::NotText.reason(), ReasonCode::CheckpointMalformed);
    }

    #[test]
    fn a_shorter_log_and_a_different_log_are_told_apart() {
        let (old, new) = (TreeSize(2), TreeSize(1));
        assert_eq!(ProofInvalid::OldLargerThanNew { old, new }.reason(), ReasonCode::LogTruncated);
        let beyond = ProofInvalid::LeafBeyondTree { index: LogIndex(2), size: old };
        assert_eq!(beyond.reason(), ReasonCode::LogTruncated);
        let (computed, expected) = (RootHash([0; 32]), RootHash([1; 32]));
        assert_eq!(ProofInvalid::RootMismatch { computed, expected }.reason(), ReasonCode::LogRootMismatch);
        assert_eq!(ProofInvalid::OldRootMismatch { computed, expected }.reason(), ReasonCode::LogRootMismatch);
    }
}
