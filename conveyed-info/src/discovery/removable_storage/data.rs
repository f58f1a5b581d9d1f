//! From the files of one folder to bootstrapping data.

use verdict::ReasonCode;

use super::layout::file_name;
use crate::{
    ArtifactError, BootstrappingData, Unverified,
    artifacts::MAX_ARTIFACT,
    discovery::{ArtifactKind, Found, NoGrouping},
};

/// Most octets that are read of one file. A longer one is refused; read one octet more to see it (USB-08).
pub const MAXIMUM_FILE: usize = MAX_ARTIFACT;

/// Makes bootstrapping data of the files found in one device's folder. Conveyed information alone is unsigned, all three
/// are signed, and nothing else is legal (RFC 8572 §3.5). Of two files for one artifact the first counts, so give them in
/// the order of [`DeviceFolder::read_paths`](super::DeviceFolder::read_paths).
///
/// # Errors
/// [`StorageError`], which names the file that is missing or wrong.
pub fn bootstrapping_data(
    files: impl IntoIterator<Item = (ArtifactKind, Vec<u8>)>,
) -> Result<Unverified<BootstrappingData>, StorageError> {
    let mut found = Found::default();
    for (kind, bytes) in files {
        found.slot(kind).get_or_insert(bytes);
    }
    Ok(found.group()?)
}

/// Files that make no bootstrapping data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// None of the three files is there.
    #[error("the folder holds none of the three artifacts")]
    Nothing,
    /// The files are no legal grouping: this one is missing beside what is there.
    #[error("{} is missing beside the others", file_name(*.missing))]
    Incomplete {
        /// What is missing.
        missing: ArtifactKind,
    },
    /// A file cannot be an artifact.
    #[error("{}: {because}", file_name(*.artifact))]
    Artifact {
        /// Which artifact.
        artifact: ArtifactKind,
        /// What is wrong with it.
        #[source]
        because: ArtifactError,
    },
}

impl StorageError {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Nothing => ReasonCode::NoSource,
            Self::Incomplete { .. } => ReasonCode::GroupingIllegal,
            Self::Artifact { because: ArtifactError::TooLarge, .. } => ReasonCode::ArtifactTooLarge,
            Self::Artifact { .. } => ReasonCode::RemovableStorageInvalid,
        }
    }
}

impl From<NoGrouping> for StorageError {
    fn from(no: NoGrouping) -> Self {
        match no {
            NoGrouping::Nothing => Self::Nothing,
            NoGrouping::Missing(missing) => Self::Incomplete { missing },
            NoGrouping::Artifact(artifact, because) => Self::Artifact { artifact, because },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ArtifactKind::{ConveyedInformation, OwnerCertificate, OwnershipVoucher};

    #[test]
    fn usb_03_files_are_the_artifacts_as_they_are() {
        let files = [(OwnershipVoucher, vec![3]), (OwnershipVoucher, vec![4]), (ConveyedInformation, vec![1])];
        let data = bootstrapping_data(files.into_iter().chain([(OwnerCertificate, vec![2])])).unwrap().into_inner();
        let BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } = data else {
            panic!("unsigned")
        };
        assert_eq!((conveyed_information.der(), owner_certificate.der()), (&[1][..], &[2][..]));
        assert_eq!(ownership_voucher.der(), [3], "the first counts");
        let alone = bootstrapping_data([(ConveyedInformation, vec![1])]).unwrap().into_inner();
        assert!(matches!(alone, BootstrappingData::Unsigned(_)));
    }

    #[test]
    fn usb_03_what_makes_no_grouping_names_the_file() {
        for (files, text, reason) in [
            (vec![], "none", ReasonCode::NoSource),
            (vec![(OwnerCertificate, vec![1])], "conveyed-information.cms", ReasonCode::GroupingIllegal),
            (
                vec![(ConveyedInformation, vec![1]), (OwnershipVoucher, vec![1])],
                "owner-certificate.cms",
                ReasonCode::GroupingIllegal,
            ),
            (
                vec![(ConveyedInformation, vec![1]), (OwnerCertificate, vec![1])],
                "ownership-voucher.vcj",
                ReasonCode::GroupingIllegal,
            ),
            (vec![(ConveyedInformation, vec![])], "conveyed-information.cms", ReasonCode::RemovableStorageInvalid),
        ] {
            let refused = bootstrapping_data(files).unwrap_err();
            assert!(refused.to_string().contains(text), "{refused}");
            assert_eq!(refused.reason(), reason);
        }
    }

    /// USB-08: the cap is the file's, to the octet.
    #[test]
    fn usb_08_files_are_capped() {
        assert!(bootstrapping_data([(ConveyedInformation, vec![0; MAXIMUM_FILE])]).is_ok());
        let refused = bootstrapping_data([(ConveyedInformation, vec![0; MAXIMUM_FILE + 1])]).unwrap_err();
        assert_eq!(refused.reason(), ReasonCode::ArtifactTooLarge);
    }
}
