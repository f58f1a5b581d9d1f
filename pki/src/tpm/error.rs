//! Why a TPM was of no use.

use std::io;

use super::{Fault, Malformed, ResponseCode};
use crate::{
    algorithm::AlgorithmError,
    certificate::CertificateError,
    key::{KeyError, TpmAddress, TpmHandle},
};

/// A TPM did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TpmError {
    /// There is none, or it cannot be opened.
    #[error("no TPM at {address}")]
    Unreachable {
        /// Where it was looked for.
        address: TpmAddress,
        /// Why it cannot be talked to.
        source: io::Error,
    },
    /// The connection ended while it had something to do, or its time ran out.
    #[error("the TPM did not answer {command}")]
    Silent {
        /// The command.
        command: &'static str,
        /// What happened.
        source: io::Error,
    },
    /// It refused.
    #[error("the TPM refused {command}: {code}")]
    Refused {
        /// The command.
        command: &'static str,
        /// Its answer.
        code: ResponseCode,
    },
    /// Its answer cannot be read, or was not made by the TPM that knows the password.
    #[error("the TPM's answer to {command} cannot be understood")]
    Answer {
        /// The command.
        command: &'static str,
    },
    /// What was to be sent does not fit into a command.
    #[error("too much for one command of a TPM")]
    TooLong,
    /// A key of a kind that nobody here works with.
    #[error("the TPM's key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// The signature that it made does not verify.
    #[error("the signature that the TPM made is of no use: {0}")]
    Signature(#[from] AlgorithmError),
    /// There is another key at the handle than the one that was asked for.
    #[error("at {handle} there is another key")]
    OtherKey {
        /// The handle.
        handle: TpmHandle,
    },
    /// What is in NV memory is longer than an index of this TPM can hold.
    #[error("{length} octets do not fit into an NV index, which holds {limit} in this TPM")]
    TooLongForNv {
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// What is in NV memory is no certificate.
    #[error("what is at {index:#010x} is no certificate: {source}")]
    NotACertificate {
        /// The index.
        index: u32,
        /// Why.
        source: CertificateError,
    },
    /// There is no randomness for a session.
    #[error("there is no randomness")]
    Entropy,
}

impl TpmError {
    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "Enable the TPM in the firmware's setup, load its driver, and let this user open /dev/tpmrm0."
            }
            Self::Silent { .. } => "Try again; when it stays silent, restart the machine.",
            Self::Refused { code, .. } => code.fault().remedy(),
            Self::Answer { .. } => "Update the TPM's firmware, and look whether something stands between it and us.",
            Self::TooLong => "Give shorter labels and passwords.",
            Self::Key(_) => "Make a key of kind p256, p384 or rsa2048.",
            Self::Signature(_) => "Make a key without a fixed scheme with `sztp-device identity create`.",
            Self::OtherKey { .. } => "Choose another handle, or evict the key that is there (tpm2_evictcontrol).",
            Self::TooLongForNv { .. } => {
                "Install the device's certificate without its intermediates, and give those to the bootstrap server."
            }
            Self::NotACertificate { .. } => "Install the certificate again with `sztp-device identity install`.",
            Self::Entropy => "Wait until the system has gathered randomness.",
        }
    }

    /// What the TPM's refusal means, when it was one.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        match self {
            Self::Refused { code, .. } => Some(code.fault()),
            _ => None,
        }
    }
}

impl From<Malformed> for TpmError {
    fn from(_: Malformed) -> Self {
        Self::TooLong
    }
}
