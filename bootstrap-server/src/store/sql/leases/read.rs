//! Reading leases.

use netboot::lease::{Numbered, Version};
use sqlx::AnyPool;

use super::{
    super::{encode::integer, statement::bound},
    row,
};
use crate::store::StoreError;

/// What was written above a version, in order.
pub(super) async fn after(readers: &AnyPool, seen: Version, limit: u32) -> Result<Vec<Numbered>, StoreError> {
    let text = format!("SELECT {} FROM dhcp_lease WHERE version > $1 ORDER BY version LIMIT $2", row::COLUMNS);
    let values = [integer(seen.0)?.into(), i64::from(limit).into()];
    let rows = bound(text, values).fetch_all(readers).await?;
    rows.iter().map(row::lease).collect()
}
