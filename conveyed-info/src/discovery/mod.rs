//! Where bootstrapping data is found without asking a server: DNS and removable storage (RFC 8572 §4.1, §4.2).
//!
//! Both are untrusted: whoever writes the zone or the stick may write anything. What is read here therefore ends as
//! [`Unverified`] data, or as a redirect without trust anchors. The module knows names, records and paths; to ask and to
//! read is the caller's.

#![warn(clippy::indexing_slicing)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod dns;
pub mod removable_storage;

use std::fmt;

use crate::{ArtifactError, BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher, Unverified};

/// Which of the three artifacts (RFC 8572 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArtifactKind {
    /// [`ConveyedInformation`].
    ConveyedInformation,
    /// [`OwnerCertificate`].
    OwnerCertificate,
    /// [`OwnershipVoucher`].
    OwnershipVoucher,
}

impl ArtifactKind {
    /// All three, in the order of the RFC.
    pub const ALL: [Self; 3] = [Self::ConveyedInformation, Self::OwnerCertificate, Self::OwnershipVoucher];
}

impl fmt::Display for ArtifactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConveyedInformation => "conveyed information",
            Self::OwnerCertificate => "owner certificate",
            Self::OwnershipVoucher => "ownership voucher",
        })
    }
}

/// The bytes found for each artifact; `None` where there was nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    conveyed_information: Option<Vec<u8>>,
    owner_certificate: Option<Vec<u8>>,
    ownership_voucher: Option<Vec<u8>>,
}

impl Found {
    fn slot(&mut self, kind: ArtifactKind) -> &mut Option<Vec<u8>> {
        match kind {
            ArtifactKind::ConveyedInformation => &mut self.conveyed_information,
            ArtifactKind::OwnerCertificate => &mut self.owner_certificate,
            ArtifactKind::OwnershipVoucher => &mut self.ownership_voucher,
        }
    }

    /// RFC 8572 §3.5: conveyed information alone, or all three (ART-23, ART-24; DNS-11).
    fn group(self) -> Result<Unverified<BootstrappingData>, NoGrouping> {
        let missing = |kind| Err(NoGrouping::Missing(kind));
        let (conveyed_information, companions) =
            match (self.conveyed_information, self.owner_certificate, self.ownership_voucher) {
                (None, None, None) => return Err(NoGrouping::Nothing),
                (None, _, _) => return missing(ArtifactKind::ConveyedInformation),
                (Some(_), None, Some(_)) => return missing(ArtifactKind::OwnerCertificate),
                (Some(_), Some(_), None) => return missing(ArtifactKind::OwnershipVoucher),
                (Some(conveyed), None, None) => (conveyed, None),
                (Some(conveyed), Some(owner), Some(voucher)) => (conveyed, Some((owner, voucher))),
            };
        let unusable = |kind| move |because| NoGrouping::Artifact(kind, because);
        let conveyed_information =
            ConveyedInformation::from_der(conveyed_information).map_err(unusable(ArtifactKind::ConveyedInformation))?;
        let Some((owner, voucher)) = companions else {
            return Ok(Unverified::new(BootstrappingData::Unsigned(conveyed_information)));
        };
        Ok(Unverified::new(BootstrappingData::Signed {
            conveyed_information,
            owner_certificate: OwnerCertificate::from_der(owner).map_err(unusable(ArtifactKind::OwnerCertificate))?,
            ownership_voucher: OwnershipVoucher::from_der(voucher).map_err(unusable(ArtifactKind::OwnershipVoucher))?,
        }))
    }
}

/// What was found is no legal grouping of artifacts. The two sources say it in their own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoGrouping {
    Nothing,
    Missing(ArtifactKind),
    Artifact(ArtifactKind, ArtifactError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(present: [bool; 3]) -> Result<Unverified<BootstrappingData>, NoGrouping> {
        let mut found = Found::default();
        for (kind, present) in ArtifactKind::ALL.into_iter().zip(present) {
            *found.slot(kind) = present.then(|| vec![0x30]);
        }
        found.group()
    }

    /// Every one of the eight combinations, of which two are legal.
    #[test]
    fn art_23_conveyed_information_comes_alone_or_with_both_companions() {
        use ArtifactKind::{ConveyedInformation, OwnerCertificate, OwnershipVoucher};
        for (present, expected) in [
            ([false, false, false], NoGrouping::Nothing),
            ([false, false, true], NoGrouping::Missing(ConveyedInformation)),
            ([false, true, false], NoGrouping::Missing(ConveyedInformation)),
            ([false, true, true], NoGrouping::Missing(ConveyedInformation)),
            ([true, false, true], NoGrouping::Missing(OwnerCertificate)),
            ([true, true, false], NoGrouping::Missing(OwnershipVoucher)),
        ] {
            assert_eq!(group(present), Err(expected), "{present:?}");
        }
        assert!(matches!(group([true, false, false]).unwrap().into_inner(), BootstrappingData::Unsigned(_)));
        assert!(matches!(group([true, true, true]).unwrap().into_inner(), BootstrappingData::Signed { .. }));
    }

    #[test]
    fn an_unusable_artifact_is_named() {
        for kind in ArtifactKind::ALL {
            for (bytes, because) in
                [(Vec::new(), ArtifactError::Empty), (vec![0; 512 * 1024 + 1], ArtifactError::TooLarge)]
            {
                let mut found = Found::default();
                for kind in ArtifactKind::ALL {
                    *found.slot(kind) = Some(vec![0x30]);
                }
                *found.slot(kind) = Some(bytes);
                assert_eq!(found.group(), Err(NoGrouping::Artifact(kind, because)));
            }
        }
    }
}
