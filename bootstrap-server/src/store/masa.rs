//! What a MASA asks of its store beside what everybody asks.

use authority::masa::{ClaimId, Owner, ProductLine, Record};
use pki::identity::SerialNumber;

use super::{LogNumber, Page, SqlStore, Store, StoreFuture, sql};
use crate::domain::masa::{Claim, MadeDevice, MadeEntry, VoucherEntry};

/// A store with the records of a MASA. Nothing is written here: [`Store::commit`] is the way in, with [`Event::Masa`].
///
/// [`Event::Masa`]: crate::audit::Event::Masa
pub trait MasaRecords: Store {
    /// Every owner, by name.
    fn owners(&self) -> StoreFuture<'_, Vec<Owner>>;

    /// Tells whether owners were recorded since: how many there are, and where the latest record is.
    fn owners_version(&self) -> StoreFuture<'_, OwnersVersion>;

    /// Every product line, by name.
    fn lines(&self) -> StoreFuture<'_, Vec<ProductLine>>;

    /// Every device of these serial numbers.
    fn made<'a>(&'a self, serial_numbers: &'a [SerialNumber]) -> StoreFuture<'a, Vec<MadeEntry>>;

    /// A page of the devices that were made, by serial number and line; of one owner, if that is given.
    fn made_page<'a>(
        &'a self,
        owner: Option<&'a authority::masa::OwnerName>,
        page: Page<MadeDevice>,
    ) -> StoreFuture<'a, Vec<MadeEntry>>;

    /// What happened to the ownership of a device, oldest first.
    fn deeds<'a>(&'a self, device: &'a MadeDevice) -> StoreFuture<'a, Vec<Record>>;

    /// The vouchers that were issued for devices of these serial numbers, each device's oldest first.
    fn issued_vouchers<'a>(&'a self, serial_numbers: &'a [SerialNumber]) -> StoreFuture<'a, Vec<VoucherEntry>>;

    /// The claim of this name.
    fn voucher_claim<'a>(&'a self, id: &'a ClaimId) -> StoreFuture<'a, Option<Claim>>;

    /// The claims of vouchers for devices of these serial numbers.
    fn claims_of<'a>(&'a self, serial_numbers: &'a [SerialNumber]) -> StoreFuture<'a, Vec<Claim>>;

    /// The claims that wait for a second person, oldest first, so many at most.
    fn claims_waiting(&self, limit: u32) -> StoreFuture<'_, Vec<Claim>>;
}

/// Which state the records of owners are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnersVersion {
    /// How many there are.
    pub count: u64,
    /// Where it is on record that the latest was recorded.
    pub latest: Option<(LogNumber, u64)>,
}

impl MasaRecords for SqlStore {
    fn owners(&self) -> StoreFuture<'_, Vec<Owner>> {
        Box::pin(sql::masa::all_owners(self.readers()))
    }

    fn owners_version(&self) -> StoreFuture<'_, OwnersVersion> {
        Box::pin(sql::masa::owners_version(self.readers()))
    }

    fn lines(&self) -> StoreFuture<'_, Vec<ProductLine>> {
        Box::pin(sql::masa::all_lines(self.readers()))
    }

    fn made<'a>(&'a self, serial_numbers: &'a [SerialNumber]) -> StoreFuture<'a, Vec<MadeEntry>> {
        Box::pin(sql::masa::made(self, serial_numbers))
    }

    fn made_page<'a>(
        &'a self,
        owner: Option<&'a authority::masa::OwnerName>,
        page: Page<MadeDevice>,
    ) -> StoreFuture<'a, Vec<MadeEntry>> {
        Box::pin(async move { sql::masa::made_page(self.readers(), owner, &page).await })
    }

    fn deeds<'a>(&'a self, device: &'a MadeDevice) -> StoreFuture<'a, Vec<Record>> {
        Box::pin(sql::masa::deeds(self.readers(), device))
    }

    fn issued_vouchers<'a>(&'a self, serial_numbers: &'a [SerialNumber]) -> StoreFuture<'a, Vec<VoucherEntry>> {
        Box::pin(sql::masa::issued_vouchers(self, serial_numbers))
    }

    fn voucher_claim<'a>(&'a self, id: &'a ClaimId) -> StoreFuture<'a, Option<Claim>> {
        Box::pin(sql::masa::claim(self.readers(), id))
    }

    fn claims_of<'a>(&'a self, serial_numbers: &'a [SerialNumber]) -> StoreFuture<'a, Vec<Claim>> {
        Box::pin(sql::masa::claims_of(self, serial_numbers))
    }

    fn claims_waiting(&self, limit: u32) -> StoreFuture<'_, Vec<Claim>> {
        Box::pin(sql::masa::waiting(self.readers(), limit))
    }
}
