//! What a factory line asks of its store beside what an authority asks.

use pki::identity::SerialNumber;

use super::{Ledger, Page, SqlStore, StoreFuture, sql};
use crate::domain::factory::{OrderName, ProductionOrder, ProductionUnit};

/// A store with production orders. Nothing is written here: [`Store::commit`](super::Store::commit) is the way in, with
/// [`Event::Factory`](crate::audit::Event::Factory).
pub trait Factory: Ledger {
    /// The order of this name.
    fn order<'a>(&'a self, name: &'a OrderName) -> StoreFuture<'a, Option<ProductionOrder>>;

    /// A page of all orders, by name.
    fn orders(&self, page: Page<OrderName>) -> StoreFuture<'_, Vec<ProductionOrder>>;

    /// A unit of an order.
    fn unit<'a>(
        &'a self,
        order: &'a OrderName,
        serial_number: &'a SerialNumber,
    ) -> StoreFuture<'a, Option<ProductionUnit>>;

    /// A page of an order's units, by serial number.
    fn units<'a>(&'a self, order: &'a OrderName, page: Page<SerialNumber>) -> StoreFuture<'a, Vec<ProductionUnit>>;

    /// How many units of an order have their certificate.
    fn certified<'a>(&'a self, order: &'a OrderName) -> StoreFuture<'a, u64>;
}

impl Factory for SqlStore {
    fn order<'a>(&'a self, name: &'a OrderName) -> StoreFuture<'a, Option<ProductionOrder>> {
        Box::pin(sql::factory::order(self.readers(), name))
    }

    fn orders(&self, page: Page<OrderName>) -> StoreFuture<'_, Vec<ProductionOrder>> {
        Box::pin(async move { sql::factory::orders(self.readers(), &page).await })
    }

    fn unit<'a>(
        &'a self,
        order: &'a OrderName,
        serial_number: &'a SerialNumber,
    ) -> StoreFuture<'a, Option<ProductionUnit>> {
        Box::pin(sql::factory::unit(self.readers(), order, serial_number))
    }

    fn units<'a>(&'a self, order: &'a OrderName, page: Page<SerialNumber>) -> StoreFuture<'a, Vec<ProductionUnit>> {
        Box::pin(async move { sql::factory::units(self.readers(), order, &page).await })
    }

    fn certified<'a>(&'a self, order: &'a OrderName) -> StoreFuture<'a, u64> {
        Box::pin(sql::factory::certified(self.readers(), order))
    }
}
