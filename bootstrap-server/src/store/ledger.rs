//! What an authority asks of its store beside what everybody asks.

use pki::{digest::Digest, time::Timestamp};

use super::{Page, SqlStore, Store, StoreFuture, sql};
use crate::domain::{
    AuthorityName,
    ledger::{CertificateId, LedgerEntry, LedgerFilter, RevokedEntry},
};

/// A store with a ledger. Nothing is written here: [`Store::commit`] is the way in, with [`Event::Ledger`].
///
/// [`Event::Ledger`]: crate::audit::Event::Ledger
pub trait Ledger: Store {
    /// The certificate with this identity.
    fn issued<'a>(&'a self, id: &'a CertificateId) -> StoreFuture<'a, Option<LedgerEntry>>;

    /// The certificate that answers the request with this SHA-256: the latest, if it was issued again.
    fn answering<'a>(&'a self, authority: &'a AuthorityName, request: Digest) -> StoreFuture<'a, Option<LedgerEntry>>;

    /// A page of the certificates that `filter` lets through, by authority and serial number.
    fn certificates<'a>(
        &'a self,
        filter: &'a LedgerFilter,
        page: Page<CertificateId>,
    ) -> StoreFuture<'a, Vec<LedgerEntry>>;

    /// A page of what this authority's revocation lists name, by serial number: certificates that were revoked and did not
    /// expire before `since`.
    fn revocations<'a>(
        &'a self,
        authority: &'a AuthorityName,
        since: Timestamp,
        page: Page<Vec<u8>>,
    ) -> StoreFuture<'a, Vec<RevokedEntry>>;
}

impl Ledger for SqlStore {
    fn issued<'a>(&'a self, id: &'a CertificateId) -> StoreFuture<'a, Option<LedgerEntry>> {
        Box::pin(sql::ledger::issued(self.readers(), id))
    }

    fn answering<'a>(&'a self, authority: &'a AuthorityName, request: Digest) -> StoreFuture<'a, Option<LedgerEntry>> {
        Box::pin(sql::ledger::answering(self.readers(), authority, request))
    }

    fn certificates<'a>(
        &'a self,
        filter: &'a LedgerFilter,
        page: Page<CertificateId>,
    ) -> StoreFuture<'a, Vec<LedgerEntry>> {
        Box::pin(async move { sql::ledger::page(self.readers(), filter, &page).await })
    }

    fn revocations<'a>(
        &'a self,
        authority: &'a AuthorityName,
        since: Timestamp,
        page: Page<Vec<u8>>,
    ) -> StoreFuture<'a, Vec<RevokedEntry>> {
        Box::pin(async move { sql::ledger::revocations(self.readers(), authority, since, &page).await })
    }
}
