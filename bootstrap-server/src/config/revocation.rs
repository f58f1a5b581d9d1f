//! The files with revocation lists of device certificates.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use pki::revocation::{Crl, Demand, Evidence};

use super::{ConfigError, DeviceRevocation, Revocation, RevocationDemand, read};

/// Which files there are, and how much must be known of a certificate.
#[derive(Clone, Debug)]
pub struct RevocationFiles {
    paths: Vec<PathBuf>,
    demand: Demand,
}

/// What tells one state of the files from another, without reading them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(Vec<Option<(SystemTime, u64, u64)>>);

impl RevocationFiles {
    pub(super) fn of(document: &DeviceRevocation, at: &dyn Fn(&Path) -> PathBuf) -> Result<Self, ConfigError> {
        let demand = match document.demand {
            RevocationDemand::WhenAvailable => Demand::WhenAvailable,
            RevocationDemand::Required => Demand::Required,
        };
        let paths: Vec<_> = document.lists.iter().map(|path| at(path)).collect();
        // What is over would be passed over in silence, and with it whom it revokes.
        if paths.len() > Revocation::MAX_LISTS {
            return Err(ConfigError::RevocationLists { count: paths.len() });
        }
        Ok(Self { paths, demand })
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The files.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// [`ConfigError::File`] and [`ConfigError::RevocationList`] name the file.
    pub fn read(&self) -> Result<Revocation, ConfigError> {
        let mut evidence = Evidence::new();
        for path in &self.paths {
            let list = Crl::from_file(&read(path)?);
            let path = path.clone();
            evidence.add_crl(list.map_err(|source| ConfigError::RevocationList { path, source })?);
        }
        Ok(Revocation { evidence, demand: self.demand })
    }

    /// How they are now. A file that is written in place changes its length or its date, one that is put in the place of
    /// another its number.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let each = self.paths.iter().map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        });
        Stamp(each.collect())
    }
}
