//! The revocation lists of one manufacturer, as an operator stores them.

use pki::{
    digest::{Digest, sha256},
    revocation::{Crl, EvidenceError},
    time::Timestamp,
};

use super::{ManufacturerName, identification::StoredLists};

/// All revocation lists of one manufacturer that operators stored. Storing others puts them in the place of these.
#[derive(Clone, Debug)]
pub struct RevocationLists {
    manufacturer: ManufacturerName,
    lists: Vec<Crl>,
    pem: String,
}

impl RevocationLists {
    /// Most octets of all lists together, as PEM.
    pub const MAX_PEM: usize = 8 * 1024 * 1024;

    /// Reads the lists in `pem`; of an empty text there are none.
    ///
    /// # Errors
    /// [`ListsInvalid`] when one cannot be read, or there are too many.
    pub fn from_pem(manufacturer: ManufacturerName, pem: &str) -> Result<Self, ListsInvalid> {
        let lists = if pem.trim().is_empty() { Vec::new() } else { Crl::all_from_pem(pem.as_bytes())? };
        if lists.len() > StoredLists::MAX {
            return Err(ListsInvalid::TooMany);
        }
        // Written anew: what stood between the lists is nobody's.
        let pem: String = lists.iter().map(Crl::to_pem).collect();
        if pem.len() > Self::MAX_PEM {
            return Err(ListsInvalid::TooLarge);
        }
        Ok(Self { manufacturer, lists, pem })
    }

    /// Whose.
    #[must_use]
    pub const fn manufacturer(&self) -> &ManufacturerName {
        &self.manufacturer
    }

    /// The lists.
    #[must_use]
    pub fn lists(&self) -> &[Crl] {
        &self.lists
    }

    /// The lists, as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of the PEM.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(self.pem.as_bytes())
    }

    /// Whether these may take the place of `before`: what an issuer says newer is never replaced by what it said earlier,
    /// or whoever keeps an old list could undo a revocation.
    ///
    /// # Errors
    /// [`ListsInvalid::Older`].
    pub fn supersede<'a>(&self, before: impl Iterator<Item = &'a Crl>) -> Result<(), ListsInvalid> {
        for old in before {
            let newest = self.lists.iter().filter(|list| list.issuer() == old.issuer());
            let newest = newest.map(|list| list.period().this_update).max();
            if let Some(given) = newest.filter(|given| *given < old.period().this_update) {
                let (issuer, known) = (old.issuer().to_string(), old.period().this_update);
                return Err(ListsInvalid::Older { issuer, given, known });
            }
        }
        Ok(())
    }
}

/// Revocation lists that are not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListsInvalid {
    /// One cannot be read.
    #[error("takes revocation lists as PEM (`X509 CRL`): {0}")]
    Unreadable(#[from] EvidenceError),
    /// Too many.
    #[error("takes at most {} lists of one manufacturer", StoredLists::MAX)]
    TooMany,
    /// Too much.
    #[error("takes at most {} octets", RevocationLists::MAX_PEM)]
    TooLarge,
    /// There is a newer list of the same issuer.
    #[error("the newest list of {issuer} is of {given}, and one of {known} is stored: fetch the current one")]
    Older {
        /// Whose list.
        issuer: String,
        /// When what was given was made.
        given: Timestamp,
        /// When what is stored was made.
        known: Timestamp,
    },
}
