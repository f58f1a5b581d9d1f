//! The three artifacts as they travel, and the groupings in which they may come (RFC 8572 §3).

use pki::{
    certificate::Certificate,
    digest::{Digest, sha256},
    key::Entropy,
};

use crate::{
    cms::{SealOptions, seal},
    make::MakeError,
};

/// Longest artifact that is read, in octets: with base64 and JSON around three of them an answer stays below 1 MiB.
pub(crate) const MAX_ARTIFACT: usize = 512 * 1024;

macro_rules! artifact {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Takes the bytes of an artifact; only their number is looked at.
            ///
            /// # Errors
            /// [`ArtifactError::TooLarge`], [`ArtifactError::Empty`].
            pub fn from_der(der: impl Into<Vec<u8>>) -> Result<Self, ArtifactError> {
                let der = der.into();
                match der.len() {
                    0 => Err(ArtifactError::Empty),
                    length if length > MAX_ARTIFACT => Err(ArtifactError::TooLarge),
                    _ => Ok(Self(der)),
                }
            }

            /// The CMS structure, DER.
            #[must_use]
            pub fn der(&self) -> &[u8] {
                &self.0
            }

            /// The same artifact, encrypted to every certificate in `recipients` (RFC 8572 §3.4; ENC-01). It must be in its
            /// clear form.
            ///
            /// # Errors
            /// [`MakeError::Seal`]: a certificate that may not receive keys, an artifact that is encrypted already, or no
            /// randomness; [`MakeError::Artifact`] when the envelope makes it too large.
            pub fn encrypted_to(
                &self,
                recipients: &[Certificate],
                options: SealOptions,
                entropy: &mut dyn Entropy,
            ) -> Result<Self, MakeError> {
                Ok(Self::from_der(seal(&self.0, recipients, options, entropy)?)?)
            }

            /// SHA-256 over the bytes, which names this artifact in traces and in the audit log.
            #[must_use]
            pub fn sha256(&self) -> Digest {
                sha256(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({} octets, {})"), self.0.len(), self.sha256())
            }
        }
    };
}

artifact! {
    /// The conveyed information artifact of RFC 8572 §3.1.
    ConveyedInformation
}
artifact! {
    /// The owner certificate artifact of RFC 8572 §3.2: degenerate CMS SignedData.
    OwnerCertificate
}
artifact! {
    /// The ownership voucher artifact of RFC 8572 §3.3: a voucher of RFC 8366 in CMS SignedData.
    OwnershipVoucher
}
artifact! {
    /// A voucher request of RFC 8995 §3 in CMS SignedData: what a registrar sends to a MASA, and a device to a registrar.
    SignedVoucherRequest
}

/// The legal groupings of artifacts (RFC 8572 §3.5). Owner certificate and voucher come together or not at all, which
/// the YANG module demands too (§7.3), so no other combination can be expressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootstrappingData {
    /// Conveyed information alone.
    Unsigned(ConveyedInformation),
    /// Conveyed information with what is needed to verify its signature.
    Signed {
        /// Signed by the owner.
        conveyed_information: ConveyedInformation,
        /// The owner's certificate and its chain.
        owner_certificate: OwnerCertificate,
        /// Names the owner; signed by the manufacturer.
        ownership_voucher: OwnershipVoucher,
    },
}

impl BootstrappingData {
    /// The conveyed information of either grouping.
    #[must_use]
    pub const fn conveyed_information(&self) -> &ConveyedInformation {
        match self {
            Self::Unsigned(conveyed_information) | Self::Signed { conveyed_information, .. } => conveyed_information,
        }
    }
}

/// Bytes that cannot be an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// Longer than this side accepts.
    #[error("an artifact may have at most {MAX_ARTIFACT} octets")]
    TooLarge,
    /// No bytes at all.
    #[error("an artifact cannot be empty")]
    Empty,
}
