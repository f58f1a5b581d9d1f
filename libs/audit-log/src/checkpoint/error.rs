//! Why something is not a checkpoint, or could not become one.

use thiserror::Error;

/// The bytes are not a checkpoint: they break C2SP signed-note or C2SP tlog-checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointMalformed {
    /// More bytes than are looked at.
    #[error("a checkpoint of {found} bytes is too long")]
    TooLong {
        /// How many bytes there were.
        found: usize,
    },
    /// Not UTF-8, or with control characters.
    #[error("a checkpoint is UTF-8 text without control characters")]
    NotText,
    /// No blank line with signature lines after it, or the last line lacks its newline.
    #[error("no signature lines follow the text after a blank line")]
    NoSignatures,
    /// More signature lines than are looked at.
    #[error("too many signatures")]
    TooManySignatures,
    /// A line after the blank line is not a signature line.
    #[error("signature line {number} is malformed")]
    SignatureLine {
        /// Which one, counted from 1.
        number: usize,
    },
    /// Fewer than three lines, or an empty one.
    #[error("the text is not three or more lines, none of them empty")]
    Lines,
    /// The second line is not a canonical decimal number below 2^64.
    #[error("the tree size is not a decimal number without leading zeros")]
    TreeSize,
    /// The third line is not the base64 of 32 bytes.
    #[error("the root hash is not the base64 of 32 bytes")]
    RootHash,
}

/// A signature that was brought for a checkpoint does not verify under the key it was prepared for: it was made with
/// another key, or over other bytes. Nothing must be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature does not verify under the key that the checkpoint was prepared for")]
pub struct SignatureRejected;
