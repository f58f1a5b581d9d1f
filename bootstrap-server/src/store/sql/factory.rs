//! Production orders and their units: written, loaded for the plan, and read.

use pki::identity::SerialNumber;
use sqlx::{AnyConnection, AnyPool, any::AnyRow};

use super::{
    decode::{corrupt, digest, optional_octets, optional_text, text},
    statement::select_each,
    table::Value,
    target::Dialect,
};
use crate::{
    domain::factory::{OrderName, ProductionOrder, ProductionUnit},
    store::{
        Page, StoreError,
        plan::{FactoryNeeds, Production},
    },
};

/// The row of an order.
pub(super) fn order_row(order: &ProductionOrder) -> Vec<Value> {
    vec![order.name().as_str().into(), order.document().into(), order.closed().into()]
}

/// The row of a unit.
pub(super) fn unit_row(unit: &ProductionUnit) -> Vec<Value> {
    vec![
        unit.order.as_str().into(),
        unit.serial_number.as_str().into(),
        Value::Octets(unit.endorsement_key.map(|digest| digest.0.to_vec())),
        Value::Octets(unit.certificate.clone()),
        unit.station.as_deref().into(),
        unit.rework.as_deref().into(),
    ]
}

const ORDERS: &str =
    "SELECT production_order.* FROM wanted JOIN production_order ON production_order.name = wanted.name";
const UNITS: &str = "SELECT production_unit.* FROM wanted JOIN production_unit
     ON production_unit.production_order = wanted.production_order
    AND production_unit.serial_number = wanted.serial_number";

/// Loads what `needs` names.
pub(super) async fn needs(
    connection: &mut AnyConnection,
    dialect: Dialect,
    needs: &FactoryNeeds,
) -> Result<Production, StoreError> {
    let mut production = Production::default();
    let orders = needs.orders.iter().map(|name| vec![name.as_str().into()]).collect();
    for row in select_each(connection, dialect, &["name"], ORDERS, orders).await? {
        let order = read_order(&row)?;
        production.orders.insert(order.name().clone(), order);
    }
    let units = needs.units.iter();
    let units = units.map(|(order, serial)| vec![order.as_str().into(), serial.as_str().into()]).collect();
    for row in select_each(connection, dialect, &["production_order", "serial_number"], UNITS, units).await? {
        let unit = read_unit(&row)?;
        production.units.insert((unit.order.clone(), unit.serial_number.clone()), unit);
    }
    Ok(production)
}

fn read_order(row: &AnyRow) -> Result<ProductionOrder, StoreError> {
    ProductionOrder::read(&text(row, "document")?, optional_text(row, "closed")?)
        .ok_or_else(|| corrupt("a production order"))
}

fn read_unit(row: &AnyRow) -> Result<ProductionUnit, StoreError> {
    Ok(ProductionUnit {
        order: OrderName::new(text(row, "production_order")?).map_err(|_| corrupt("a production order's name"))?,
        serial_number: SerialNumber::new(text(row, "serial_number")?).map_err(|_| corrupt("a serial number"))?,
        endorsement_key: optional_octets(row, "endorsement_key")?.map(digest).transpose()?,
        certificate: optional_octets(row, "certificate")?,
        station: optional_text(row, "station")?,
        rework: optional_text(row, "rework")?,
    })
}

/// The order of this name.
pub(in crate::store) async fn order(pool: &AnyPool, name: &OrderName) -> Result<Option<ProductionOrder>, StoreError> {
    let row =
        sqlx::query("SELECT * FROM production_order WHERE name = $1").bind(name.as_str()).fetch_optional(pool).await?;
    row.as_ref().map(read_order).transpose()
}

/// A page of orders, by name.
pub(in crate::store) async fn orders(
    pool: &AnyPool,
    page: &Page<OrderName>,
) -> Result<Vec<ProductionOrder>, StoreError> {
    let rows = sqlx::query("SELECT * FROM production_order WHERE name > $1 ORDER BY name LIMIT $2")
        .bind(page.after.as_ref().map_or("", OrderName::as_str))
        .bind(i64::from(page.limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(read_order).collect()
}

/// A unit of an order.
pub(in crate::store) async fn unit(
    pool: &AnyPool,
    order: &OrderName,
    serial_number: &SerialNumber,
) -> Result<Option<ProductionUnit>, StoreError> {
    let row = sqlx::query("SELECT * FROM production_unit WHERE production_order = $1 AND serial_number = $2")
        .bind(order.as_str())
        .bind(serial_number.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(read_unit).transpose()
}

/// A page of an order's units, by serial number.
pub(in crate::store) async fn units(
    pool: &AnyPool,
    order: &OrderName,
    page: &Page<SerialNumber>,
) -> Result<Vec<ProductionUnit>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM production_unit WHERE production_order = $1 AND serial_number > $2 ORDER BY serial_number LIMIT $3",
    )
    .bind(order.as_str())
    .bind(page.after.as_ref().map_or("", SerialNumber::as_str))
    .bind(i64::from(page.limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(read_unit).collect()
}

/// How many units have their certificate.
pub(in crate::store) async fn certified(pool: &AnyPool, order: &OrderName) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM production_unit WHERE production_order = $1 AND certificate IS NOT NULL",
    )
    .bind(order.as_str())
    .fetch_one(pool)
    .await?;
    Ok(u64::try_from(count).unwrap_or_default())
}
