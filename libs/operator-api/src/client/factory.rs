//! Calls about production orders.

use hyper::Method;

use super::{
    Client, ClientError, Intent,
    call::{Call, fill},
};
use crate::{
    Because, NewProductionOrder, ProductionOrder, ProductionOrderPage, ProductionQuery, ProductionUnit,
    ProductionUnitPage, paths,
};

impl Client {
    /// A page of production orders.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn production_orders(&self, wanted: &ProductionQuery) -> Result<ProductionOrderPage, ClientError> {
        self.send(paged(paths::PRODUCTION_ORDERS.to_owned(), wanted)).await?.json().await
    }

    /// A production order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn production_order(&self, name: &str) -> Result<ProductionOrder, ClientError> {
        self.send(Call::get(fill(paths::PRODUCTION_ORDER, &[("order", name)]))).await?.json().await
    }

    /// A page of the units of a production order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn production_units(
        &self,
        order: &str,
        wanted: &ProductionQuery,
    ) -> Result<ProductionUnitPage, ClientError> {
        self.send(paged(fill(paths::PRODUCTION_UNITS, &[("order", order)]), wanted)).await?.json().await
    }

    /// Makes a production order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_production_order(
        &self,
        order: &NewProductionOrder,
        intent: Intent,
    ) -> Result<Option<ProductionOrder>, ClientError> {
        let call = Call::change(Method::POST, paths::PRODUCTION_ORDERS.to_owned(), intent)?.json(order);
        self.send(call).await?.changed(intent).await
    }

    /// Ends a production order: nothing is issued under it any more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn close_production_order(
        &self,
        name: &str,
        because: &Because,
        intent: Intent,
    ) -> Result<Option<ProductionOrder>, ClientError> {
        let path = fill(paths::CLOSE_PRODUCTION_ORDER, &[("order", name)]);
        self.send(Call::change(Method::POST, path, intent)?.json(because)).await?.changed(intent).await
    }

    /// Allows one more certificate for a unit.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn allow_rework(
        &self,
        (order, serial_number): (&str, &str),
        because: &Because,
        intent: Intent,
    ) -> Result<Option<ProductionUnit>, ClientError> {
        let path = fill(paths::REWORK, &[("order", order), ("serial-number", serial_number)]);
        self.send(Call::change(Method::POST, path, intent)?.json(because)).await?.changed(intent).await
    }
}

fn paged(path: String, wanted: &ProductionQuery) -> Call {
    let limit = wanted.limit.map(|limit| limit.to_string());
    Call::get(path).query("after", wanted.after.clone()).query("limit", limit)
}
